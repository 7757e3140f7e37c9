/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How lines of a client and what is typed are put together on one port. */

#include "transports/console-out.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FRAME "\x06\x09QUJD\n"
#define NEXT  "\x04\x14REVG\n"

/* Anything faster than that was not waited for. */
#define PAUSE_MS 100

typedef struct {
	SmpConsoleOut *out;
	int board;
	int port;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer shell)
{
	int fds[2];

	g_assert_cmpint(pipe2(fds, O_NONBLOCK), ==, 0);
	fixture->board = fds[0];
	fixture->port = fds[1];
	fixture->out = smp_console_out_new();
	smp_console_out_reset(fixture->out, 1000000, shell != NULL);
}

static void tear_down(Fixture *fixture, gconstpointer shell)
{
	smp_console_out_free(fixture->out);
	close(fixture->board);
	close(fixture->port);
}

static void add(Fixture *fixture, const char *lines)
{
	smp_console_out_add_lines(fixture->out, (const guint8 *)lines, strlen(lines));
}

static void type(Fixture *fixture, const char *keys)
{
	smp_console_out_type(fixture->out, keys, strlen(keys));
}

static void echo(Fixture *fixture, const char *text)
{
	smp_console_out_heard(fixture->out, text, strlen(text));
}

/* What is on the line now. */
static void assert_sent(Fixture *fixture, const char *expected)
{
	char buffer[256] = "";

	g_assert_true(smp_console_out_write(fixture->out, fixture->port));
	(void)!read(fixture->board, buffer, sizeof(buffer) - 1);
	g_assert_cmpstr(buffer, ==, expected);
}

/* And what is there after the pause, which is not before. */
static void assert_sent_later(Fixture *fixture, const char *expected)
{
	gint64 began = g_get_monotonic_time();
	int wait;

	assert_sent(fixture, "");
	wait = smp_console_out_get_wait(fixture->out);
	g_assert_cmpint(wait, >, 0);
	g_assert_cmpint(wait, <=, PAUSE_MS + 1);
	while ((wait = smp_console_out_get_wait(fixture->out)) > 0 &&
	       !smp_console_out_is_ready(fixture->out))
		g_usleep((gulong)wait * 1000);
	g_assert_cmpint(g_get_monotonic_time() - began, >=, PAUSE_MS / 2 * 1000);
	assert_sent(fixture, expected);
}

/* A line that was left unfinished is ended; nothing is known of the port at first. */
static void test_lines(Fixture *fixture, gconstpointer shell)
{
	add(fixture, FRAME NEXT);
	if (!shell) {
		assert_sent(fixture, "\n");
		assert_sent_later(fixture, FRAME NEXT);
	} else {
		assert_sent(fixture, FRAME NEXT);
	}
	add(fixture, FRAME);
	assert_sent(fixture, FRAME);
	g_assert_cmpint(smp_console_out_get_wait(fixture->out), ==, -1);
}

/* Not inside a line, and behind those that are there. */
static void test_keys_between_lines(Fixture *fixture, gconstpointer shell)
{
	add(fixture, "\n\x06\x09QU");
	type(fixture, "x");
	assert_sent(fixture, "\nx");
	add(fixture, "JD");
	assert_sent(fixture, "");
	type(fixture, "y");
	assert_sent(fixture, "y");
	echo(fixture, "y");
	add(fixture, "\n" NEXT);
	type(fixture, "z");
	g_assert_cmpuint(smp_console_out_get_typed(fixture->out), ==, 1);
	assert_sent_later(fixture, FRAME NEXT "z");
	g_assert_cmpuint(smp_console_out_get_typed(fixture->out), ==, 0);
}

/* A board that takes lines gets their end; a shell that echoes must not. */
static void test_typed(Fixture *fixture, gconstpointer shell)
{
	type(fixture, "ab");
	assert_sent(fixture, "ab");
	echo(fixture, "other text");
	add(fixture, FRAME);
	if (!shell) {
		assert_sent(fixture, "");
		g_usleep((PAUSE_MS + 5) * 1000);
		assert_sent(fixture, "\n");
	}
	assert_sent_later(fixture, FRAME);

	type(fixture, "ab");
	assert_sent(fixture, "ab");
	echo(fixture, "ab");
	add(fixture, FRAME);
	assert_sent_later(fixture, FRAME);
}

static void test_enter(Fixture *fixture, gconstpointer shell)
{
	type(fixture, "ab\r");
	assert_sent(fixture, "ab\r");
	echo(fixture, "ab\r\n");
	add(fixture, FRAME);
	if (!shell) {
		assert_sent(fixture, "");
		g_usleep((PAUSE_MS + 5) * 1000);
		assert_sent(fixture, "\n");
	}
	assert_sent_later(fixture, FRAME);
}

/* What a client sends besides frames, while half a command is typed. */
static void test_pokes(Fixture *fixture, gconstpointer shell)
{
	add(fixture, "\n\x09\n\x14\n");
	assert_sent(fixture, "\n\x09\n\x14\n");
	type(fixture, "ab");
	assert_sent(fixture, "ab");
	echo(fixture, "b");
	add(fixture, "\n\x09\n\x14\n" FRAME);
	assert_sent_later(fixture, FRAME);
	type(fixture, "\r");
	assert_sent(fixture, "\r");
	add(fixture, "\n");
	assert_sent_later(fixture, "\n");
}

/* A key that would make a shell wait for a frame. */
static void test_marker_keys(Fixture *fixture, gconstpointer shell)
{
	type(fixture, "a\x04\x06\x09"
		      "b");
	assert_sent(fixture, "a\x09"
			     "b");
}

static void test_client_gone(Fixture *fixture, gconstpointer shell)
{
	add(fixture, "\n" FRAME NEXT "\x06\x09QU");
	smp_console_out_end_client(fixture->out);
	assert_sent(fixture, "\n" FRAME NEXT);
	add(fixture, "\x06\x09QU");
	smp_console_out_end_client(fixture->out);
	type(fixture, "x");
	assert_sent(fixture, "x");
}

/* A line without end is passed on at last, and holds nothing back. */
static void test_endless(Fixture *fixture, gconstpointer shell)
{
	g_autofree char *endless = g_strnfill(64 * 1024, 'x');
	char buffer[4096];
	gsize got = 0;

	add(fixture, endless);
	g_assert_false(smp_console_out_wants_lines(fixture->out));
	while (got < strlen(endless)) {
		(void)!smp_console_out_write(fixture->out, fixture->port);
		ssize_t n = read(fixture->board, buffer, sizeof(buffer));
		g_assert_cmpint(n, >, 0);
		got += (gsize)n;
	}
	g_assert_true(smp_console_out_wants_lines(fixture->out));
}

static void add_test(const char *name, void (*test)(Fixture *, gconstpointer))
{
	g_autofree char *lines = g_strconcat("/console-out/lines/", name, NULL);
	g_autofree char *shell = g_strconcat("/console-out/shell/", name, NULL);

	g_test_add(lines, Fixture, NULL, set_up, test, tear_down);
	g_test_add(shell, Fixture, "shell", set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add_test("lines", test_lines);
	add_test("keys-between-lines", test_keys_between_lines);
	add_test("typed", test_typed);
	add_test("enter", test_enter);
	add_test("pokes", test_pokes);
	add_test("marker-keys", test_marker_keys);
	add_test("client-gone", test_client_gone);
	add_test("endless", test_endless);
	return g_test_run();
}

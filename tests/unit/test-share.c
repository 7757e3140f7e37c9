/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A port that a console has: what a link makes of what that says. */

#include "link-helpers.h"
#include "pty-peer.h"
#include "transports/share.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A console whose words are those of the test. */
typedef struct {
	PtyPeer *peer;
	int port;
	int server;
	char *path;
	const char *hello;
	GThread *thread;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat info;

	fixture->peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	fixture->port = open(pty_peer_path(fixture->peer), O_RDWR | O_NOCTTY);
	g_assert_cmpint(flock(fixture->port, LOCK_EX | LOCK_NB), ==, 0);
	g_assert_cmpint(fstat(fixture->port, &info), ==, 0);
	fixture->path = smp_share_path(g_getenv("XDG_RUNTIME_DIR"), info.st_rdev);
	g_strlcpy(address.sun_path, fixture->path, sizeof(address.sun_path));
	fixture->server = socket(AF_UNIX, SOCK_STREAM, 0);
	g_assert_cmpint(bind(fixture->server, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(fixture->server, 1), ==, 0);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	g_unlink(fixture->path);
	g_free(fixture->path);
	close(fixture->server);
	close(fixture->port);
	pty_peer_free(fixture->peer);
}

static gpointer answer(gpointer data)
{
	Fixture *fixture = data;
	int client = accept(fixture->server, NULL, NULL);

	g_assert_cmpint(write(client, fixture->hello, strlen(fixture->hello)), ==,
			strlen(fixture->hello));
	return GINT_TO_POINTER(client);
}

/* Returns: the console's end of the connection */
static int open_with(Fixture *fixture, SmpLink *link, const char *hello, GError **error)
{
	fixture->hello = hello;
	fixture->thread = g_thread_new("console", answer, fixture);
	g_assert_cmpint(smp_link_open(link, error), ==, error == NULL);
	return GPOINTER_TO_INT(g_thread_join(fixture->thread));
}

static void test_refusals(Fixture *fixture, gconstpointer data)
{
	static const struct {
		const char *hello;
		const char *message;
	} cases[] = {
		{"smp-console 1 busy 7 smpctl\n", "and in use by smpctl (pid 7)"},
		{"smp-console 1 busy 7\n", "and in use by another program (pid 7)"},
		{"smp-console 1 denied\n", "does not let this program use it"},
		{"smp-console 2 ready 115200\n", "does not let this program use it"},
		{"smp-console 1 ready\n", "does not let this program use it"},
		{"\n", "does not let this program use it"},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "x",
		 "does not let this program use it"},
		{"smp-console 1 ready 9600\n", "at 9600 baud, not 115200"},
		{"smp-console 1 rea", "does not answer; it may be stopped"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link =
			new_link("serial", pty_peer_path(fixture->peer), "?baud=115200");

		close(open_with(fixture, link, cases[i].hello, &error));
		g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY);
		if (!strstr(error->message, cases[i].message))
			g_error("\"%s\" is not in \"%s\"", cases[i].message, error->message);
	}
}

/* What follows the hello is the line's; nothing is sent that was not asked for. */
static void test_packets(Fixture *fixture, gconstpointer data)
{
	g_autoptr(SmpLink) link = new_link("serial", pty_peer_path(fixture->peer), "");
	g_autoptr(GByteArray) request = make_packet(20, 1);
	g_autoptr(GByteArray) answer_packet = make_packet(30, 1);
	g_autoptr(GByteArray) expected = g_byte_array_new();
	g_autoptr(GByteArray) hello = g_byte_array_new();
	g_autoptr(GByteArray) got = g_byte_array_new();
	guint8 buffer[512];

	g_byte_array_append(hello, (const guint8 *)"smp-console 1 ready 57600\n", 26);
	smp_frame(SMP_FRAMING_CONSOLE, answer_packet->data, answer_packet->len, hello);
	g_byte_array_append(hello, (const guint8 *)"", 1);
	int console = open_with(fixture, link, (const char *)hello->data, NULL);

	g_autofree char *description = smp_link_describe(link);
	g_assert_cmpstr(description, ==, "serial 57600, shared by a console");
	g_assert_true(smp_link_receive(link, got, smp_link_now(link) + 1000 * MSEC, NULL));
	g_assert_cmpmem(got->data, got->len, answer_packet->data, answer_packet->len);

	send_packet(link, request);
	smp_frame(SMP_FRAMING_CONSOLE, request->data, request->len, expected);
	g_assert_cmpint(read(console, buffer, sizeof(buffer)), ==, expected->len);
	g_assert_cmpmem(buffer, expected->len, expected->data, expected->len);

	close(console);
	g_autoptr(GError) error = NULL;
	g_assert_false(smp_link_receive(link, got, smp_link_now(link) + 1000 * MSEC, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
}

/* The console is this process, which runs: the port is left to it, though it is free. */
static void test_left_to_console(Fixture *fixture, gconstpointer data)
{
	g_autoptr(SmpLink) link = new_link("serial", pty_peer_path(fixture->peer), "");
	g_autoptr(GError) error = NULL;
	int self = pidfd_open(getpid(), 0);

	if (self < 0) {
		g_test_skip("no pidfd here (Linux before 5.3, valgrind 3.19)");
		close(fixture->server);
		return;
	}
	close(self);
	close(open_with(fixture, link, "smp-console 1 ready 115200\n", NULL));
	close(fixture->server);
	g_assert_cmpint(flock(fixture->port, LOCK_UN), ==, 0);
	g_assert_false(smp_link_reopen(link, smp_link_now(link) + 150 * MSEC, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	g_assert_nonnull(strstr(error->message, "does not have it again"));
}

/* Nobody listens any more. */
static void test_left_behind(Fixture *fixture, gconstpointer data)
{
	g_autoptr(SmpLink) link = new_link("serial", pty_peer_path(fixture->peer), "");
	g_autoptr(GError) error = NULL;

	close(fixture->server);
	g_assert_false(smp_link_open(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY);
	g_assert_nonnull(strstr(error->message, "is held by"));
}

int main(int argc, char **argv)
{
	g_autofree char *folder = g_dir_make_tmp("test-share-XXXXXX", NULL);

	g_assert_true(g_setenv("XDG_RUNTIME_DIR", folder, TRUE));
	g_test_init(&argc, &argv, NULL);
	g_test_add("/share/refusals", Fixture, NULL, set_up, test_refusals, tear_down);
	g_test_add("/share/packets", Fixture, NULL, set_up, test_packets, tear_down);
	g_test_add("/share/left-to-console", Fixture, NULL, set_up, test_left_to_console,
		   tear_down);
	g_test_add("/share/left-behind", Fixture, NULL, set_up, test_left_behind, tear_down);
	int status = g_test_run();
	g_rmdir(folder);
	return status;
}

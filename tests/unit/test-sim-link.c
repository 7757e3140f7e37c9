/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The link to a simulated board. This program is its own smpsim: started as that by the link, it
 * answers every packet with itself. */

#include "pty-peer.h"

#include <signal.h>
#include <smp/link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MSEC ((gint64)1000)

static const guint8 request[] = {0x0a, 0, 0, 0, 0, 0, 0x42, 0};

/* --board=NAME decides; it says its pid as console text. */
static int fake_smpsim(int argc, char **argv)
{
	g_autoptr(PtyPeer) peer = NULL;
	char byte = 0;

	for (int i = 1; i < argc; i++) {
		if (g_str_equal(argv[i], "--board=broken"))
			return 1;
	}
	if (!g_strv_contains((const char *const *)argv, "--exit-with-stdin") ||
	    !g_strv_contains((const char *const *)argv, "--seed=7") ||
	    !g_strv_contains((const char *const *)argv, "--verbose"))
		return 1;
	peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	printf("simulated board\nPTY=%s\n", pty_peer_path(peer));
	fflush(stdout);
	pty_peer_skip(peer, 1);
	g_autofree char *text = g_strdup_printf("pid %d\n", (int)getpid());
	pty_peer_write(peer, text, strlen(text));
	return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

static void on_text(const char *text, gsize length, gpointer user_data)
{
	g_string_append_len(user_data, text, (gssize)length);
}

static void exchange(SmpLink *link)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) answer = g_byte_array_new();
	gint64 deadline = smp_link_now(link) + 5000 * MSEC;

	if (!smp_link_send(link, request, sizeof(request), deadline, &error) ||
	    !smp_link_receive(link, answer, deadline, &error))
		g_error("%s", error->message);
	g_assert_cmpuint(answer->len, ==, sizeof(request));
	g_assert_cmpuint(answer->data[0], ==, 0x0b);
}

static void test_life(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	SmpLink *link = smp_link_new("sim:swap?seed=7&verbose", &error);
	int pid = 0;

	g_assert_no_error(error);
	smp_link_set_text_func(link, on_text, text);
	g_assert_true(smp_link_open(link, &error));
	while (!strchr(text->str, '\n'))
		exchange(link);
	g_assert_cmpint(sscanf(text->str, "pid %d", &pid), ==, 1);
	g_assert_cmpuint(smp_link_max_packet(link, 384), ==, 380);
	g_assert_true(smp_link_recover(link, NULL));
	exchange(link);

	/* The same board again. */
	g_assert_true(smp_link_reopen(link, smp_link_now(link) + 5000 * MSEC, &error));
	exchange(link);
	g_assert_cmpint(kill(pid, 0), ==, 0);
	smp_link_free(link);
	g_assert_cmpint(kill(pid, 0), ==, -1);
}

static void test_cancel(void)
{
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	g_autoptr(GByteArray) answer = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpLink) link = smp_link_new("sim:swap?seed=7&verbose", &error);

	g_assert_true(smp_link_open(link, &error));
	smp_link_set_cancellable(link, cancellable);
	exchange(link);
	g_cancellable_cancel(cancellable);
	g_assert_false(smp_link_receive(link, answer, smp_link_now(link) + 5000 * MSEC, &error));
	g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void test_broken(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpLink) link = smp_link_new("sim:broken", &error);

	g_assert_false(smp_link_open(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND);
	g_assert_nonnull(strstr(error->message, "ended before its board was ready"));
}

static void test_missing(void)
{
	g_autofree char *smpsim = g_strdup(g_getenv("SMPSIM"));
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpLink) link = smp_link_new("sim:swap", &error);

	g_setenv("SMPSIM", "/nonexistent/smpsim", TRUE);
	g_assert_false(smp_link_open(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND);
	g_assert_nonnull(strstr(error->message, "/nonexistent/smpsim"));
	g_setenv("SMPSIM", smpsim, TRUE);
}

int main(int argc, char **argv)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);

	if (g_strv_contains((const char *const *)argv, "--pty"))
		return fake_smpsim(argc, argv);
	g_setenv("SMPSIM", self, TRUE);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sim-link/life", test_life);
	g_test_add_func("/sim-link/cancel", test_cancel);
	g_test_add_func("/sim-link/broken", test_broken);
	g_test_add_func("/sim-link/missing", test_missing);
	return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The serial link against a board behind a pty. */

#include "link-helpers.h"
#include "pty-peer.h"

#include <string.h>

typedef struct {
	PtyPeer *peer;
	SmpLink *link;
	GString *text;
} Fixture;

static void on_text(const char *text, gsize length, gpointer user_data)
{
	g_string_append_len(user_data, text, (gssize)length);
}

static void set_up(Fixture *fixture, const char *scheme, SmpFraming framing)
{
	fixture->peer = pty_peer_new(framing);
	fixture->link = new_link(scheme, pty_peer_path(fixture->peer), "");
	fixture->text = g_string_new(NULL);
	smp_link_set_text_func(fixture->link, on_text, fixture->text);
	open_link(fixture->link);
}

static void tear_down(Fixture *fixture)
{
	smp_link_free(fixture->link);
	pty_peer_free(fixture->peer);
	g_string_free(fixture->text, TRUE);
}

static void recover(SmpLink *link)
{
	g_autoptr(GError) error = NULL;
	gboolean recovered = smp_link_recover(link, &error);

	g_assert_no_error(error);
	g_assert_true(recovered);
}

static void assert_taken(PtyPeer *peer, const char *bytes, gsize size)
{
	g_autoptr(GByteArray) seen = pty_peer_take(peer, size);

	g_assert_cmpmem(seen->data, seen->len, bytes, size);
}

/* The framing's byte at open, then exchanges of packets of all sizes. */
static void check_framing(const char *scheme, SmpFraming framing, const char *greeting, gsize size)
{
	static const guint16 sizes[] = {0, 1, 80, 81, 82, 300, 2000};
	Fixture f;

	set_up(&f, scheme, framing);
	assert_taken(f.peer, greeting, size);
	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
		exchange(f.link, sizes[i], (guint8)i);
	tear_down(&f);
}

static void test_console(void)
{
	check_framing("serial", SMP_FRAMING_CONSOLE, "\n", 1);
}

static void test_shell(void)
{
	check_framing("shell", SMP_FRAMING_CONSOLE, "\n", 1);
}

static void test_raw(void)
{
	check_framing("raw", SMP_FRAMING_RAW, "", 0);
}

static void test_cobs(void)
{
	check_framing("cobs", SMP_FRAMING_COBS, "\0", 1);
}

static void test_text(void)
{
	static const char banner[] = "*** Booting Zephyr OS ***\r\n";
	static const char log[] = "uart:~$ ";
	g_autoptr(GByteArray) packet = make_packet(4, 1);
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	pty_peer_write(f.peer, banner, strlen(banner));
	pty_peer_write(f.peer, log, strlen(log));
	send_packet(f.link, packet);
	receive_answer(f.link, packet);
	g_assert_nonnull(strstr(f.text->str, banner));
	g_assert_nonnull(strstr(f.text->str, log));
	g_assert_null(memchr(f.text->str, 0x06, f.text->len));
	tear_down(&f);
}

static void test_several(void)
{
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	for (guint8 i = 0; i < 3; i++) {
		g_autoptr(GByteArray) packet = make_packet(200, i);
		send_packet(f.link, packet);
	}
	for (guint8 i = 0; i < 3; i++) {
		g_autoptr(GByteArray) packet = make_packet(200, i);
		receive_answer(f.link, packet);
	}
	tear_down(&f);
}

static void assert_receive_fails(SmpLink *link, gint64 time, GQuark domain, int code)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) answer = g_byte_array_new();

	g_assert_false(smp_link_receive(link, answer, smp_link_now(link) + time, &error));
	g_assert_error(error, domain, code);
}

static void test_timeout(void)
{
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	gint64 start = smp_link_now(f.link);
	assert_receive_fails(f.link, 30 * MSEC, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	g_assert_cmpint(smp_link_now(f.link) - start, >=, 30 * MSEC);
	assert_receive_fails(f.link, -1, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	tear_down(&f);
}

static gpointer chatter(gpointer data)
{
	Fixture *f = data;

	for (guint i = 0; i < 600; i++) {
		pty_peer_write(f->peer, "<inf> app: still here\r\n", 23);
		g_usleep(1000);
	}
	return NULL;
}

/* A board that logs all the time must not keep a receive from ending. */
static void test_timeout_under_text(void)
{
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	GThread *thread = g_thread_new("log", chatter, &f);
	gint64 start = smp_link_now(f.link);
	assert_receive_fails(f.link, 50 * MSEC, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	g_assert_cmpint(smp_link_now(f.link) - start, <, 400 * MSEC);
	g_thread_join(thread);
	tear_down(&f);
}

static gpointer cancel_soon(gpointer data)
{
	g_usleep(30000);
	g_cancellable_cancel(data);
	return NULL;
}

static void test_cancel(void)
{
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	smp_link_set_cancellable(f.link, cancellable);
	GThread *thread = g_thread_new("cancel", cancel_soon, cancellable);
	gint64 start = smp_link_now(f.link);
	assert_receive_fails(f.link, 5000 * MSEC, G_IO_ERROR, G_IO_ERROR_CANCELLED);
	g_assert_cmpint(smp_link_now(f.link) - start, <, 2000 * MSEC);
	g_assert_false(smp_link_sleep(f.link, smp_link_now(f.link) + 5000 * MSEC, NULL));
	g_assert_false(smp_link_reopen(f.link, smp_link_now(f.link) - 1, NULL) &&
		       smp_link_recover(f.link, NULL) &&
		       smp_link_sleep(f.link, smp_link_now(f.link), NULL));
	g_thread_join(thread);
	smp_link_set_cancellable(f.link, NULL);
	open_link(f.link);
	exchange(f.link, 5, 1);
	tear_down(&f);
}

static void test_hangup(void)
{
	g_autoptr(GByteArray) packet = make_packet(5, 1);
	g_autoptr(GByteArray) answer = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) send_error = NULL;
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	pty_peer_hang_up(f.peer);
	g_assert_false(
		smp_link_receive(f.link, answer, smp_link_now(f.link) + 5000 * MSEC, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	g_assert_nonnull(strstr(error->message, "went away (cable pulled or board reset)"));
	g_assert_false(smp_link_send(f.link, packet->data, packet->len,
				     smp_link_now(f.link) + 5000 * MSEC, &send_error));
	g_assert_error(send_error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	smp_link_close(f.link);
	assert_receive_fails(f.link, 0, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	tear_down(&f);
}

static void test_stuck(void)
{
	g_autoptr(GByteArray) packet = make_packet(60000, 1);
	g_autoptr(GError) error = NULL;
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	pty_peer_stall(f.peer, TRUE);
	g_assert_false(smp_link_send(f.link, packet->data, packet->len,
				     smp_link_now(f.link) + 50 * MSEC, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	g_assert_nonnull(strstr(error->message, "does not take any data"));
	pty_peer_stall(f.peer, FALSE);
	recover(f.link);
	exchange(f.link, 60, 2);
	tear_down(&f);
}

static void test_too_large(void)
{
	g_autoptr(GByteArray) packet = make_packet(65535, 1);
	g_autoptr(GError) error = NULL;
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	g_assert_false(smp_link_send(f.link, packet->data, packet->len,
				     smp_link_now(f.link) + 50 * MSEC, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TOO_LARGE);
	tear_down(&f);
}

static void check_recover(const char *scheme, SmpFraming framing, const char *bytes, gsize size)
{
	Fixture f;

	set_up(&f, scheme, framing);
	assert_taken(f.peer, framing == SMP_FRAMING_COBS ? "\0" : "\n", 1);
	recover(f.link);
	assert_taken(f.peer, bytes, size);
	exchange(f.link, 5, 1);
	tear_down(&f);
}

static void test_recover(void)
{
	check_recover("serial", SMP_FRAMING_CONSOLE, "\n", 1);
	check_recover("cobs", SMP_FRAMING_COBS, "\0", 1);
	check_recover("shell", SMP_FRAMING_CONSOLE, "\t\n\x14\n", 4);
}

/* What comes before the first byte of a packet, @first. */
static void check_resync(const char *scheme, SmpFraming framing, const char *bytes, gsize size,
			 char first)
{
	g_autoptr(GByteArray) packet = make_packet(5, 1);
	g_autofree char *expected = g_malloc(size + 1);
	Fixture f;

	memcpy(expected, bytes, size);
	expected[size] = first;
	set_up(&f, scheme, framing);
	if (framing != SMP_FRAMING_RAW)
		assert_taken(f.peer, framing == SMP_FRAMING_COBS ? "\0" : "\n", 1);
	g_assert_true(smp_link_resync(f.link, NULL));
	send_packet(f.link, packet);
	g_autoptr(GByteArray) seen = pty_peer_take(f.peer, size + 1);
	g_assert_cmpuint(seen->len, >, size);
	g_assert_cmpmem(seen->data, size + 1, expected, size + 1);
	tear_down(&f);
}

static void test_resync(void)
{
	g_autoptr(GByteArray) packet = make_packet(5, 1);

	check_resync("serial", SMP_FRAMING_CONSOLE, "\n", 1, 0x06);
	check_resync("shell", SMP_FRAMING_CONSOLE, "", 0, 0x06);
	check_resync("raw", SMP_FRAMING_RAW, "", 0, (char)packet->data[0]);
}

/* Silence for 3 s after the last byte; half a packet is dropped, a late answer is not. */
static void test_recover_raw(void)
{
	g_autoptr(GByteArray) late = make_packet(5, 1);
	g_autoptr(GByteArray) half = make_packet(50, 2);
	Fixture f;

	set_up(&f, "raw", SMP_FRAMING_RAW);
	gint64 start = smp_link_now(f.link);
	send_packet(f.link, late);
	pty_peer_skip(f.peer, late->len);
	g_usleep(50000);
	pty_peer_write(f.peer, half->data, 20);
	recover(f.link);
	g_assert_cmpint(smp_link_now(f.link) - start, >=, 3000 * MSEC);
	g_assert_cmpint(smp_link_now(f.link) - start, <, 6000 * MSEC);
	receive_answer(f.link, late);
	exchange(f.link, 5, 3);
	tear_down(&f);
}

/* How long the bytes of a packet took to arrive. Four pauses may look like three: the first line
 * can be seen late. */
static gint64 sending_time(Fixture *f, guint16 size, gsize wire)
{
	g_autoptr(GByteArray) packet = make_packet(size, 1);

	send_packet(f->link, packet);
	g_autoptr(GByteArray) seen = pty_peer_take(f->peer, wire);
	g_assert_cmpuint(seen->len, ==, wire);
	return pty_peer_span(f->peer);
}

/* The best of some, for other programs may take the processor. */
static gint64 fastest(Fixture *f, guint16 size, gsize wire)
{
	gint64 best = G_MAXINT64;

	for (guint i = 0; i < 5; i++)
		best = MIN(best, sending_time(f, size, wire));
	return best;
}

static void lose(Fixture *f, guint16 size, gsize wire)
{
	sending_time(f, size, wire);
	recover(f->link);
	assert_taken(f->peer, "\n", 1);
}

enum {
	ONE = 40,
	ONE_WIRE = 75,
	FIVE = 372,
	FIVE_WIRE = 527,
};

/* Five lines are paced once two such packets were lost in a row, one line never is. */
static void test_pace(void)
{
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	assert_taken(f.peer, "\n", 1);
	pty_peer_mute(f.peer, TRUE);
	for (guint i = 0; i < 4; i++)
		lose(&f, ONE, ONE_WIRE);
	g_assert_cmpint(fastest(&f, FIVE, FIVE_WIRE), <, 30 * MSEC);

	pty_peer_mute(f.peer, FALSE);
	exchange(f.link, FIVE, 2);
	pty_peer_skip(f.peer, FIVE_WIRE);
	pty_peer_mute(f.peer, TRUE);
	lose(&f, FIVE, FIVE_WIRE);
	g_assert_cmpint(fastest(&f, FIVE, FIVE_WIRE), <, 30 * MSEC);
	recover(f.link);
	assert_taken(f.peer, "\n", 1);
	g_assert_cmpint(sending_time(&f, FIVE, FIVE_WIRE), >=, 3 * 10 * MSEC);
	g_assert_cmpint(fastest(&f, ONE, ONE_WIRE), <, 5 * MSEC);
	recover(f.link);
	assert_taken(f.peer, "\n", 1);
	g_assert_cmpint(sending_time(&f, FIVE, FIVE_WIRE), >=, 3 * 20 * MSEC);

	/* Where that helps, it stays. */
	pty_peer_mute(f.peer, FALSE);
	exchange(f.link, FIVE, 3);
	pty_peer_skip(f.peer, FIVE_WIRE);
	g_assert_cmpint(sending_time(&f, FIVE, FIVE_WIRE), >=, 3 * 20 * MSEC);
	tear_down(&f);
}

/* A server that erases for long answers late what was not paced: it does not need it. */
static void test_late_answer(void)
{
	g_autoptr(GByteArray) packet = make_packet(FIVE, 7);
	g_autoptr(GByteArray) frame = g_byte_array_new();
	g_autoptr(GByteArray) answer = make_packet(FIVE, 7);
	Fixture f;

	set_up(&f, "serial", SMP_FRAMING_CONSOLE);
	assert_taken(f.peer, "\n", 1);
	pty_peer_mute(f.peer, TRUE);
	send_packet(f.link, packet);
	pty_peer_skip(f.peer, FIVE_WIRE);
	for (guint i = 0; i < 3; i++)
		lose(&f, FIVE, FIVE_WIRE);
	g_assert_cmpint(sending_time(&f, FIVE, FIVE_WIRE), >=, 3 * 20 * MSEC);
	answer->data[0] |= 1;
	smp_frame(SMP_FRAMING_CONSOLE, answer->data, answer->len, frame);
	pty_peer_write(f.peer, frame->data, frame->len);
	receive_answer(f.link, packet);
	g_assert_cmpint(fastest(&f, FIVE, FIVE_WIRE), <, 30 * MSEC);
	tear_down(&f);
}

static void test_forced_pace(void)
{
	g_autoptr(PtyPeer) peer = pty_peer_new(SMP_FRAMING_CONSOLE);
	g_autoptr(SmpLink) link = new_link("serial", pty_peer_path(peer), "?pace=10");

	open_link(link);
	gint64 start = smp_link_now(link);
	exchange(link, 372, 1);
	g_assert_cmpint(smp_link_now(link) - start, >=, 4 * 10 * MSEC);
}

static void test_limits(void)
{
	static const struct {
		const char *target;
		gsize buf_size, max_packet;
	} cases[] = {
		{"/dev/ttyS1", 384, 380},	  {"/dev/ttyS1", 0, 256},
		{"/dev/ttyS1", 3, 256},		  {"/dev/ttyS1", 1000000, 65533},
		{"shell:/dev/ttyS1", 384, 380},	  {"raw:/dev/ttyS1", 384, 384},
		{"raw:/dev/ttyS1", 0, 256},	  {"cobs:/dev/ttyS1", 512, 512},
		{"/dev/ttyS1?mtu=100", 384, 100}, {"/dev/ttyS1?mtu=1000", 384, 380},
		{"/dev/ttyS1?mtu=1000", 0, 1000}, {"/dev/ttyS1?mtu=100", 0, 100},
	};
	static const guint counts[][2] = {{0, 1}, {1, 1}, {2, 1}, {3, 2}, {4, 3}, {16, 15}};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(SmpLink) link = smp_link_new(cases[i].target, NULL);
		g_assert_cmpuint(smp_link_max_packet(link, cases[i].buf_size), ==,
				 cases[i].max_packet);
		for (guint j = 0; j < G_N_ELEMENTS(counts); j++)
			g_assert_cmpuint(smp_link_max_outstanding(link, counts[j][0]), ==,
					 counts[j][1]);
		g_assert_false(smp_link_drops_excess(link));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/serial/console", test_console);
	g_test_add_func("/serial/shell", test_shell);
	g_test_add_func("/serial/raw", test_raw);
	g_test_add_func("/serial/cobs", test_cobs);
	g_test_add_func("/serial/text", test_text);
	g_test_add_func("/serial/several", test_several);
	g_test_add_func("/serial/timeout", test_timeout);
	g_test_add_func("/serial/timeout-under-text", test_timeout_under_text);
	g_test_add_func("/serial/cancel", test_cancel);
	g_test_add_func("/serial/hangup", test_hangup);
	g_test_add_func("/serial/stuck", test_stuck);
	g_test_add_func("/serial/too-large", test_too_large);
	g_test_add_func("/serial/recover", test_recover);
	g_test_add_func("/serial/resync", test_resync);
	g_test_add_func("/serial/recover-raw", test_recover_raw);
	g_test_add_func("/serial/pace", test_pace);
	g_test_add_func("/serial/late-answer", test_late_answer);
	g_test_add_func("/serial/forced-pace", test_forced_pace);
	g_test_add_func("/serial/limits", test_limits);
	return g_test_run();
}

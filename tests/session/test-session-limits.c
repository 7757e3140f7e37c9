/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One conversation with a server: what its buffers take, its errors, and how it is ended. */

#include "session-board.h"

#include "protocol/cbor.h"

#include <smp/error.h>
#include <smp/image.h>
#include <smp/os.h>
#include <string.h>

/* A request that is never answered. */
static void lose_answer(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
}

/* Requests that came within the last 5 s and have no answer. */
static guint unanswered_at(Board *board, gint64 answered_before)
{
	guint n = 0;
	gint64 last = g_array_index(board->times, gint64, board->times->len - 1);

	for (guint i = 0; i < board->times->len; i++) {
		gint64 at = g_array_index(board->times, gint64, i);
		n += at >= answered_before && at > last - 5000 * MS;
	}
	return n;
}

static void stall(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	guint limit = MAX(board->buf_count - 1, 2);

	if (header->command == 6)
		board_answer(board, header, packet, when + 5 * MS);
	else
		g_assert_cmpuint(unanswered_at(board, board->lose_until), <=, limit);
}

/* A board that hangs (it erases) holds every request in a buffer: none too many is sent, whoever
 * asks and however often (Zephyr 4.4 on a serial line crashes at buf_count + 1). */
static void test_stalled_server(Board *board, gconstpointer data)
{
	board->behave = stall;
	for (board->buf_count = 1; board->buf_count <= 6; board->buf_count++) {
		smp_session_reset(board->session);
		board_get_params(board);
		board->lose_until = board_now(board);
		for (guint i = 0; i < 30; i++) {
			smp_session_set_timeout(board->session, 300 + 700 * (i % 8));
			board_call_badly(board, i % 3 ? SMP_REPEAT_SAFE : SMP_REPEAT_NEVER,
					 SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
		}
		smp_test_link_advance(board->link, 20000 * MS);
	}
}

/* Copies of a request for which the server may be at work for long: as many as find a buffer
 * although the first is not answered yet, and where there is none to spare one, late. */
static void test_seldom(Board *board, gconstpointer data)
{
	static const struct {
		guint buf_count;
		gint64 times[5]; /* s */
	} cases[] = {
		{0, {0, 4, -1}}, {1, {0, 60, -1}},    {2, {0, 60, -1}},
		{3, {0, 4, -1}}, {4, {0, 4, 36, -1}}, {8, {0, 4, 36, 68, 100}},
	};

	board->behave = stall;
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		board->buf_count = cases[i].buf_count;
		smp_session_reset(board->session);
		board_get_params(board);
		guint before = board->requests;
		gint64 start = board_now(board);
		smp_session_set_timeout(board->session, 120000);
		board->lose_until = G_MAXINT64;
		board_call_badly(board, SMP_REPEAT_SELDOM, SMP_PROTOCOL_ERROR,
				 SMP_PROTOCOL_ERROR_TIMEOUT);
		g_assert_cmpint(board_now(board) - start, ==, 120000 * MS);
		board->lose_until = 0;
		for (guint n = 0; n < 5 && cases[i].times[n] >= 0; n++) {
			g_assert_cmpuint(before + n, <, board->requests);
			gint64 at = g_array_index(board->times, gint64, before + n) - start;
			g_assert_cmpint(at, ==, cases[i].times[n] * 1000 * MS);
		}
		guint wanted = 0;
		while (wanted < 5 && cases[i].times[wanted] >= 0)
			wanted++;
		g_assert_cmpuint(board->requests - before, ==, wanted);
	}
}

static void test_room(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	guint8 numbers[3];

	board_get_params(board);
	board->behave = lose_answer;
	for (guint i = 0; i < 3; i++) {
		g_autoptr(GByteArray) request = board_request();
		g_assert_cmpuint(smp_session_room(board->session), ==, 3 - i);
		g_assert_true(smp_session_send(board->session, request, &numbers[i], &error));
	}
	g_assert_cmpuint(smp_session_room(board->session), ==, 0);
	g_assert_false(smp_session_may_repeat(board->session));
	/* Given up, it still lies in a buffer of the server. */
	smp_session_forget(board->session, numbers[0]);
	g_assert_cmpuint(smp_session_room(board->session), ==, 0);
	smp_test_link_advance(board->link, 5001 * MS);
	g_assert_cmpuint(smp_session_room(board->session), ==, 3);
}

static void test_window(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	guint8 sent[3], got;

	board_get_params(board);
	for (guint i = 0; i < 3; i++) {
		g_autoptr(GByteArray) request = board_request();
		g_assert_true(smp_session_send(board->session, request, &sent[i], &error));
	}
	/* An answer to the second proves that the first will not be answered. */
	smp_session_forget(board->session, sent[0]);
	for (guint i = 1; i < 3; i++) {
		g_autoptr(SmpResponse) response = smp_session_receive(
			board->session, board_now(board) + 1000 * MS, &got, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(got, ==, sent[i]);
		g_assert_cmpuint(response->header.sequence, ==, sent[i]);
		g_assert_cmpuint(smp_session_room(board->session), ==, i + 1);
	}
	g_assert_cmpuint(board->dropped, ==, 1);
	gint64 deadline = board_now(board) + 1000 * MS;
	g_assert_null(smp_session_receive(board->session, deadline, &got, &error));
	g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpint(board_now(board), ==, deadline);
}

static void answer_enoent(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	wire_answer_rc(board->link, packet, SMP_RC_ENOENT, when);
}

static void test_window_error(Board *board, gconstpointer data)
{
	g_autoptr(GByteArray) request = board_request();
	g_autoptr(GError) error = NULL;
	guint8 sent, got = 0;

	board->behave = answer_enoent;
	g_assert_true(smp_session_send(board->session, request, &sent, &error));
	g_assert_null(smp_session_receive(board->session, board_now(board) + MS, &got, &error));
	g_assert_true(smp_error_is_device(error, SMP_GROUP_NONE, SMP_RC_ENOENT));
	g_assert_cmpuint(got, ==, sent);
}

static void test_params(Board *board, gconstpointer data)
{
	SmpParams params;
	g_autoptr(GError) error = NULL;
	gsize max;

	g_assert_true(smp_session_get_params(board->session, &params, &error));
	g_assert_cmpuint(params.buf_size, ==, 384);
	g_assert_cmpuint(params.buf_count, ==, 4);
	g_assert_true(smp_session_get_params(board->session, &params, &error));
	g_assert_true(smp_session_get_max_packet(board->session, &max, &error));
	g_assert_cmpuint(max, ==, 380);
	g_assert_cmpuint(board->requests, ==, 1);
	smp_session_set_mtu(board->session, 200);
	g_assert_true(smp_session_get_max_packet(board->session, &max, &error));
	g_assert_cmpuint(max, ==, 200);
	smp_session_set_mtu(board->session, 2000);
	g_assert_true(smp_session_get_max_packet(board->session, &max, &error));
	g_assert_cmpuint(max, ==, 380);
	/* It may be another program after a reset. */
	board->buf_count = 0;
	smp_session_reset(board->session);
	g_assert_true(smp_session_get_params(board->session, &params, &error));
	g_assert_cmpuint(params.buf_size, ==, 0);
	g_assert_cmpuint(params.buf_count, ==, 0);
	g_assert_true(smp_session_get_params(board->session, &params, &error));
	g_assert_cmpuint(board->requests, ==, 2);
	g_assert_no_error(error);
}

static void answer_huge(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	wire_answer_hex(
		board->link, packet,
		"a2 68 6275665f73697a65 1bffffffffffffffff 69 6275665f636f756e74 1a00010001", when);
}

static void answer_wrong_types(Board *board, const SmpHeader *header, const guint8 *packet,
			       gint64 when)
{
	wire_answer_hex(board->link, packet,
			"a2 68 6275665f73697a65 39017f 69 6275665f636f756e74 6134", when);
}

static void test_odd_params(Board *board, gconstpointer data)
{
	SmpParams params;
	g_autoptr(GError) error = NULL;

	board->behave = answer_huge;
	g_assert_true(smp_session_get_params(board->session, &params, &error));
	g_assert_cmpuint(params.buf_size, ==, 65535);
	g_assert_cmpuint(params.buf_count, ==, 255);
	smp_session_reset(board->session);
	board->behave = answer_wrong_types;
	g_assert_true(smp_session_get_params(board->session, &params, &error));
	g_assert_cmpuint(params.buf_size, ==, 0);
	g_assert_cmpuint(params.buf_count, ==, 0);
	g_assert_no_error(error);
}

static void test_too_large(Board *board, gconstpointer data)
{
	g_autoptr(GByteArray) request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_OS, 0);
	g_autoptr(GError) error = NULL;
	g_autofree guint8 *bytes = g_malloc0(400);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "d");
	smp_cbor_put_bytes(request, bytes, 380 - SMP_HEADER_SIZE - 6);
	g_assert_cmpuint(request->len, ==, 380);
	g_autoptr(SmpResponse) response G_GNUC_UNUSED =
		smp_session_call(board->session, request, 0, SMP_REPEAT_SAFE, &error);
	g_assert_no_error(error);
	g_byte_array_append(request, bytes, 1);
	guint before = board->requests;
	g_assert_null(smp_session_call(board->session, request, 0, SMP_REPEAT_SAFE, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TOO_LARGE);
	g_assert_cmpuint(board->requests, ==, before);
}

static const struct {
	const char *payload;
	int group; /* -2: no error */
	int rc;
	const char *text;
} error_shapes[] = {
	{"bf 627263 08 ff", SMP_GROUP_NONE, 8, "ENOTSUP"},
	{"a1 627263 03", SMP_GROUP_NONE, 3, "EINVAL"},
	{"bf 627263 01 6372736e 6e 6d61676963206d69736d61746368 ff", SMP_GROUP_NONE, 1,
	 "magic mismatch"},
	{"bf 63657272 bf 6567726f7570 01 627263 181b ff ff", 1, 27, "CURRENT_VERSION_IS_NEWER"},
	/* Zephyr 3.4 */
	{"bf 63726574 bf 6567726f7570 01 627263 09 ff ff", 1, 9, "NO_FREE_SLOT"},
	/* An application's own group and code, keys the other way round, wide integers */
	{"a1 63657272 a2 627263 1a00000100 6567726f7570 190041", 65, 256, "256"},
	{"a2 627263 00 63657272 a2 6567726f7570 01 627263 05", 1, 5, "5"},
	{"a1 627263 00", -2, 0, NULL},
	{"a0", -2, 0, NULL},
	{"bfff", -2, 0, NULL},
	{"", -2, 0, NULL},
	/* The shell's exit status */
	{"a1 63726574 27", -2, 0, NULL},
	{"a1 616e 01 f6", -2, 0, NULL},
};

static void answer_shape(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	wire_answer_hex(board->link, packet, error_shapes[board->variant].payload, when);
}

static void test_errors(Board *board, gconstpointer data)
{
	board->behave = answer_shape;
	for (guint i = 0; i < G_N_ELEMENTS(error_shapes); i++) {
		g_autoptr(GError) error = NULL;
		SmpDeviceError device;
		board->variant = (int)i;
		g_autoptr(SmpResponse) response = board_call(board, 0, SMP_REPEAT_SAFE, &error);
		if (error_shapes[i].group == -2) {
			g_assert_no_error(error);
			g_assert_nonnull(response);
			continue;
		}
		g_assert_null(response);
		g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE);
		g_assert_true(smp_error_get_device(error, &device));
		g_assert_cmpint(device.group, ==, error_shapes[i].group);
		g_assert_cmpint(device.rc, ==, error_shapes[i].rc);
		g_assert_nonnull(strstr(error->message, error_shapes[i].text));
	}
	/* An error is an answer: nothing was repeated. */
	g_assert_cmpuint(board->requests, ==, G_N_ELEMENTS(error_shapes));
}

static void answer_damaged(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	static const char *const payloads[] = {"bf616e", "a1", "a1616e", "ff", "5f", "1c"};
	wire_answer_hex(board->link, packet, payloads[board->variant], when);
}

static void test_damaged(Board *board, gconstpointer data)
{
	board->behave = answer_damaged;
	for (board->variant = 0; board->variant < 6; board->variant++)
		board_call_badly(board, SMP_REPEAT_SAFE, SMP_PROTOCOL_ERROR,
				 SMP_PROTOCOL_ERROR_MALFORMED);
	/* The conversation goes on. */
	board->behave = NULL;
	board_call_well(board, board->requests + 1);
}

/* In the first wait, between repeats, long after the last one. */
static void test_cancel(Board *board, gconstpointer data)
{
	static const gint64 after[] = {1, 600, 1900, 4999};

	board->lose_until = G_MAXINT64;
	for (guint i = 0; i < G_N_ELEMENTS(after); i++) {
		gint64 start = board_now(board);
		board->event = start + after[i] * MS;
		board_call_badly(board, i == 0 ? SMP_REPEAT_NEVER : SMP_REPEAT_SAFE, G_IO_ERROR,
				 G_IO_ERROR_CANCELLED);
		g_assert_cmpint(board_now(board) - start, ==, after[i] * MS);
		guint requests = board->requests;
		board_call_badly(board, SMP_REPEAT_SAFE, G_IO_ERROR, G_IO_ERROR_CANCELLED);
		g_assert_cmpuint(board->requests, ==, requests);
		g_cancellable_reset(board->cancellable);
	}
}

/* While it waits for a full server to get rid of what it holds. */
static void test_cancel_full(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	board_get_params(board);
	board->behave = lose_answer;
	for (guint i = 0; i < 3; i++) {
		g_autoptr(GByteArray) request = board_request();
		guint8 number;
		g_assert_true(smp_session_send(board->session, request, &number, &error));
	}
	gint64 start = board_now(board);
	board->event = start + 700 * MS;
	board_call_badly(board, SMP_REPEAT_SAFE, G_IO_ERROR, G_IO_ERROR_CANCELLED);
	g_assert_cmpint(board_now(board) - start, ==, 700 * MS);
	g_assert_cmpuint(board->requests, ==, 4);
}

static void test_closed(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	board_call_well(board, 1);
	board->lose_until = G_MAXINT64;
	board->cut = TRUE;
	gint64 start = board_now(board);
	board->event = start + 300 * MS;
	board_call_badly(board, SMP_REPEAT_SAFE, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	g_assert_cmpint(board_now(board) - start, ==, 300 * MS);
	board_call_badly(board, SMP_REPEAT_SAFE, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	g_assert_cmpint(board_now(board) - start, ==, 300 * MS);
	board->lose_until = 0;
	g_assert_true(smp_session_reconnect(board->session, board_now(board) + 1000 * MS, &error));
	g_assert_cmpint(smp_session_get_version(board->session), ==, 0);
	board_call_well(board, board->requests + 1);
}

/* A reset is asked for once. Silence is none; that the link breaks is one. */
static void test_reset(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	gint64 start = board_now(board);

	board->lose_until = G_MAXINT64;
	g_assert_false(smp_os_reset(board->session, FALSE, SMP_BOOT_MODE_KEEP, &error));
	g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpstr(error->message, ==, "cannot reset: no answer within 3 s");
	g_assert_cmpint(board_now(board) - start, ==, 3000 * MS);
	g_assert_cmpuint(board->requests, ==, 1);
	g_clear_error(&error);
	board->cut = TRUE;
	board->event = board_now(board) + 300 * MS;
	g_assert_true(smp_os_reset(board->session, FALSE, SMP_BOOT_MODE_KEEP, &error));
	g_assert_cmpuint(board->requests, ==, 2);
}

/* What somebody insists on goes before the time that a request has of its own. */
static void test_insist(Board *board, gconstpointer data)
{
	board->lose_until = G_MAXINT64;
	for (guint insist = 0; insist < 2; insist++) {
		g_autoptr(GError) error = NULL;
		gint64 start = board_now(board);
		smp_session_set_timeout(board->session, 2000);
		smp_session_insist_on_timeout(board->session, insist);
		g_assert_null(smp_image_list(board->session, &error));
		g_assert_cmpint(board_now(board) - start, ==, (insist ? 2 : 15) * 1000 * MS);
	}
}

/* The answer to what was asked before the link was opened anew is no answer to anything. */
static void test_reconnect_forgets(Board *board, gconstpointer data)
{
	g_autoptr(GByteArray) request = board_request();
	g_autoptr(GError) error = NULL;
	guint8 number, got;

	g_assert_true(smp_session_send(board->session, request, &number, &error));
	smp_session_reset(board->session);
	g_assert_null(
		smp_session_receive(board->session, board_now(board) + 100 * MS, &got, &error));
	g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpuint(board->dropped, ==, 1);
}

#define ADD(name, function)                                                                        \
	g_test_add("/session-limits/" name, Board, NULL, board_set_up, function, board_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("stalled-server", test_stalled_server);
	ADD("seldom", test_seldom);
	ADD("reset", test_reset);
	ADD("insist", test_insist);
	ADD("room", test_room);
	ADD("window", test_window);
	ADD("window-error", test_window_error);
	ADD("params", test_params);
	ADD("odd-params", test_odd_params);
	ADD("too-large", test_too_large);
	ADD("errors", test_errors);
	ADD("damaged", test_damaged);
	ADD("cancel", test_cancel);
	ADD("cancel-full", test_cancel_full);
	ADD("closed", test_closed);
	ADD("reconnect-forgets", test_reconnect_forgets);
	return g_test_run();
}

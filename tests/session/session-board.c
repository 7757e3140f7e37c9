/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session-board.h"

#include "protocol/cbor.h"

#include <smp/error.h>

void board_answer(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();

	if (header->group == SMP_GROUP_OS && header->command == 6 && header->op == SMP_OP_READ) {
		if (board->buf_count)
			wire_answer_params(board->link, packet, board->buf_size, board->buf_count,
					   when);
		else
			wire_answer_rc(board->link, packet, SMP_RC_ENOTSUP, when);
		return;
	}
	smp_cbor_put_map_begin(payload);
	smp_cbor_put_text(payload, "n");
	smp_cbor_put_uint(payload, board->requests);
	smp_cbor_put_end(payload);
	wire_answer(board->link, packet, payload, when);
}

static void receive(gpointer peer, SmpLink *link, const guint8 *packet, gsize size, gint64 now)
{
	Board *board = peer;
	SmpHeader header;

	smp_header_read(packet, &header);
	g_assert_cmpuint(size, ==, SMP_HEADER_SIZE + header.length);
	g_assert_cmpuint(header.flags, ==, 0);
	board->requests++;
	g_array_append_val(board->headers, header);
	g_array_append_val(board->times, now);
	if (now >= board->lose_from && now < board->lose_until)
		return;
	if (board->behave)
		board->behave(board, &header, packet, now);
	else
		board_answer(board, &header, packet, now + board->round_trip);
}

static gint64 next_event(gpointer peer)
{
	Board *board = peer;
	return board->event ? board->event : -1;
}

static void run(gpointer peer, SmpLink *link, gint64 now)
{
	Board *board = peer;

	board->event = 0;
	if (board->cut)
		smp_test_link_cut(link);
	else
		g_cancellable_cancel(board->cancellable);
}

static void on_trace(SmpTraceKind kind, const guint8 *packet, gsize size, const char *note,
		     gpointer user_data)
{
	Board *board = user_data;

	g_assert_cmpuint(size, >=, SMP_HEADER_SIZE);
	if (kind == SMP_TRACE_DROPPED)
		board->dropped++;
	g_string_append_c(board->trace, kind == SMP_TRACE_SENT	     ? '>'
					: kind == SMP_TRACE_RECEIVED ? '<'
								     : 'x');
	if (note)
		g_string_append_printf(board->trace, "(%s)", note);
}

static const SmpTestPeer peer = {receive, next_event, run, NULL};

void board_set_up(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	board->round_trip = 5 * MS;
	board->buf_size = 384;
	board->buf_count = 4;
	board->headers = g_array_new(FALSE, FALSE, sizeof(SmpHeader));
	board->times = g_array_new(FALSE, FALSE, sizeof(gint64));
	board->trace = g_string_new(NULL);
	board->kept = g_byte_array_new();
	board->cancellable = g_cancellable_new();
	board->link = smp_test_link_new(&peer, board);
	smp_link_set_cancellable(board->link, board->cancellable);
	g_assert_true(smp_link_open(board->link, &error));
	board->session = smp_session_new(board->link);
	smp_session_set_trace(board->session, on_trace, board);
}

void board_tear_down(Board *board, gconstpointer data)
{
	smp_session_free(board->session);
	smp_link_free(board->link);
	g_object_unref(board->cancellable);
	g_array_unref(board->headers);
	g_array_unref(board->times);
	g_byte_array_unref(board->kept);
	g_string_free(board->trace, TRUE);
}

const SmpHeader *board_header(Board *board, guint index)
{
	g_assert_cmpuint(index, <, board->headers->len);
	return &g_array_index(board->headers, SmpHeader, index);
}

gint64 board_now(Board *board)
{
	return smp_link_now(board->link);
}

GByteArray *board_request(void)
{
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_IMAGE, 0);

	smp_cbor_put_map(request, 0);
	return request;
}

SmpResponse *board_call(Board *board, guint timeout_ms, SmpRepeat repeat, GError **error)
{
	g_autoptr(GByteArray) request = board_request();
	return smp_session_call(board->session, request, timeout_ms, repeat, error);
}

void board_call_well(Board *board, guint wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpResponse) response = board_call(board, 0, SMP_REPEAT_SAFE, &error);
	guint64 n;

	g_assert_no_error(error);
	g_assert_nonnull(response);
	SmpCbor body = smp_response_body(response);
	g_assert_true(smp_cbor_get_uint(&body, "n", &n));
	g_assert_cmpuint(n, ==, wanted);
}

void board_call_badly(Board *board, SmpRepeat repeat, GQuark domain, int code)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpResponse) response = board_call(board, 0, repeat, &error);

	g_assert_null(response);
	g_assert_error(error, domain, code);
}

void board_get_params(Board *board)
{
	g_autoptr(GError) error = NULL;
	SmpParams params;

	g_assert_true(smp_session_get_params(board->session, &params, &error));
	g_assert_no_error(error);
}

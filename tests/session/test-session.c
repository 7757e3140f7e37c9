/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One conversation with a server that misbehaves in each way that servers and lines have. */

#include "wire.h"

#include "protocol/cbor.h"
#include "session/session.h"
#include "tests/unit/bytes.h"

#include <smp/error.h>
#include <string.h>

#define MS G_TIME_SPAN_MILLISECOND

typedef struct Board Board;
struct Board {
	SmpLink *link;
	SmpSession *session;
	GCancellable *cancellable;
	/* What it does with a request; NULL for answering as it should. */
	void (*behave)(Board *board, const SmpHeader *header, const guint8 *packet, gint64 now);
	gint64 round_trip;
	guint buf_size;
	guint buf_count; /* 0: it does not know the parameters command */
	guint requests;
	GArray *headers; /* SmpHeader of each request */
	GArray *times;	 /* gint64, when each came */
	gint64 lose_from, lose_until;
	gint64 event; /* when to cancel, or to cut the link */
	gboolean cut;
	GString *trace;
	guint dropped;
	GByteArray *kept; /* a request that is answered later */
	int variant;
};

/* {"r": nth request}, or the parameters */
static void answer(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
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
		answer(board, &header, packet, now + board->round_trip);
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

static void set_up(Board *board, gconstpointer data)
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

static void tear_down(Board *board, gconstpointer data)
{
	smp_session_free(board->session);
	smp_link_free(board->link);
	g_object_unref(board->cancellable);
	g_array_unref(board->headers);
	g_array_unref(board->times);
	g_byte_array_unref(board->kept);
	g_string_free(board->trace, TRUE);
}

static const SmpHeader *header_at(Board *board, guint index)
{
	g_assert_cmpuint(index, <, board->headers->len);
	return &g_array_index(board->headers, SmpHeader, index);
}

static gint64 now(Board *board)
{
	return smp_link_now(board->link);
}

static GByteArray *new_request(void)
{
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_IMAGE, 0);

	smp_cbor_put_map(request, 0);
	return request;
}

static SmpResponse *call(Board *board, guint timeout_ms, SmpRepeat repeat, GError **error)
{
	g_autoptr(GByteArray) request = new_request();
	return smp_session_call(board->session, request, timeout_ms, repeat, error);
}

/* A call that is answered, and by the answer to the request of that number. */
static void call_well(Board *board, guint wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpResponse) response = call(board, 0, SMP_REPEAT_SAFE, &error);
	guint64 n;

	g_assert_no_error(error);
	g_assert_nonnull(response);
	SmpCbor body = smp_response_body(response);
	g_assert_true(smp_cbor_get_uint(&body, "n", &n));
	g_assert_cmpuint(n, ==, wanted);
}

static void call_badly(Board *board, SmpRepeat repeat, GQuark domain, int code)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpResponse) response = call(board, 0, repeat, &error);

	g_assert_null(response);
	g_assert_error(error, domain, code);
}

static void get_params(Board *board)
{
	g_autoptr(GError) error = NULL;
	SmpParams params;

	g_assert_true(smp_session_get_params(board->session, &params, &error));
	g_assert_no_error(error);
}

/* {"n": 0} with one field of the header changed, then the right answer. */
static void answer_nonsense_first(Board *board, const SmpHeader *header, const guint8 *packet,
				  gint64 when)
{
	guint8 copy[SMP_HEADER_SIZE];
	SmpHeader wrong = *header;

	switch (board->variant) {
	case 0:
		wrong.sequence++;
		break;
	case 1:
		wrong.sequence--;
		break;
	case 2:
		wrong.group ^= 1;
		break;
	case 3:
		wrong.group += 256; /* only the low byte agrees */
		break;
	case 4:
		wrong.command++;
		break;
	case 5:
		wrong.op = SMP_OP_WRITE;
		break;
	case 6:
		wrong.op = 7; /* + 1 is 0: a request */
		break;
	default:
		wrong.op = SMP_OP_READ_RESPONSE; /* + 1 is a request to write */
		break;
	}
	smp_header_write(&wrong, copy);
	wire_answer_hex(board->link, copy, "bf616e00ff", when + 1 * MS);
	answer(board, header, packet, when + 2 * MS);
}

static void test_match(Board *board, gconstpointer data)
{
	board->behave = answer_nonsense_first;
	for (board->variant = 0; board->variant < 8; board->variant++)
		call_well(board, board->requests + 1);
	g_assert_cmpuint(board->dropped, ==, 8);
	g_assert_cmpuint(board->requests, ==, 8);
}

static void answer_twice(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	answer(board, header, packet, when + 1 * MS);
	answer(board, header, packet, when + 1 * MS);
}

static void test_duplicates(Board *board, gconstpointer data)
{
	board->behave = answer_twice;
	/* More than twice around the sequence numbers. */
	for (guint i = 1; i <= 600; i++)
		call_well(board, i);
	g_assert_cmpuint(board->requests, ==, 600);
	g_assert_cmpuint(board->dropped, ==, 599);
}

/* The first request's answer comes when its number would be in use again. */
static void answer_first_late(Board *board, const SmpHeader *header, const guint8 *packet,
			      gint64 when)
{
	if (board->requests == 1)
		g_byte_array_append(board->kept, packet, SMP_HEADER_SIZE + header->length);
	else
		answer(board, header, packet, when + 5 * MS);
	if (board->requests == 257)
		wire_answer_hex(board->link, board->kept->data, "bf616e00ff", when + 1 * MS);
}

static void test_late_after_wrap(Board *board, gconstpointer data)
{
	board->behave = answer_first_late;
	for (guint i = 2; i <= 300; i++)
		call_well(board, i);
	g_assert_cmpuint(board->dropped, ==, 1);
}

/* A late answer is dropped, and says that the time for answers is longer. */
static void answer_slowly(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	answer(board, header, packet, when + 1500 * MS);
}

static void test_slow_server(Board *board, gconstpointer data)
{
	board->behave = answer_slowly;
	/* The first call repeats; the answer to the copy that it began with is taken. */
	call_well(board, 1);
	g_assert_cmpuint(board->requests, ==, 2);
	g_assert_cmpint(now(board) - g_array_index(board->times, gint64, 0), ==, 1500 * MS);
	for (guint i = 0; i < 20; i++)
		call_well(board, board->requests + 1);
	/* It has learned. */
	g_assert_cmpuint(board->requests, ==, 22);
	g_assert_cmpuint(board->dropped, ==, 1);
}

static void drop_two(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	if (board->requests > 2)
		answer(board, header, packet, when + 5 * MS);
}

static void test_new_number(Board *board, gconstpointer data)
{
	board->behave = drop_two;
	smp_session_set_version(board->session, SMP_VERSION_2);
	call_well(board, 3);
	g_assert_cmpuint(header_at(board, 0)->sequence, !=, header_at(board, 1)->sequence);
	g_assert_cmpuint(header_at(board, 1)->sequence, !=, header_at(board, 2)->sequence);
	g_assert_cmpuint(header_at(board, 0)->sequence, !=, header_at(board, 2)->sequence);
	g_assert_cmpstr(board->trace->str, ==, ">>(repeated)>(repeated)<");
}

static void drop_version_2(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	if (header->version == SMP_VERSION_1)
		answer(board, header, packet, when + 5 * MS);
}

/* MCUboot's recovery up to 1.10 */
static void test_version_2_dropped(Board *board, gconstpointer data)
{
	board->behave = drop_version_2;
	gint64 start = now(board);
	g_assert_cmpint(smp_session_get_version(board->session), ==, 0);
	call_well(board, 2);
	g_assert_cmpint(now(board) - start, <, 800 * MS);
	g_assert_cmpint(header_at(board, 0)->version, ==, SMP_VERSION_2);
	g_assert_cmpint(smp_session_get_version(board->session), ==, 1);
	for (guint i = 3; i < 10; i++) {
		call_well(board, i);
		g_assert_cmpint(header_at(board, i - 1)->version, ==, SMP_VERSION_1);
	}
}

static void answer_as_version(Board *board, const SmpHeader *header, const guint8 *packet,
			      gint64 when)
{
	guint8 copy[SMP_HEADER_SIZE];
	SmpHeader other = *header;

	other.version = (guint8)board->variant;
	smp_header_write(&other, copy);
	answer(board, header, copy, when + 5 * MS);
}

/* Mynewt, Zephyr before 3.4; and versions that do not exist */
static void test_version_of_answer(Board *board, gconstpointer data)
{
	board->behave = answer_as_version;
	for (board->variant = 0; board->variant < 4; board->variant++) {
		guint n = board->requests;
		int expected = MIN(board->variant, SMP_VERSION_2);
		smp_session_reset(board->session);
		call_well(board, n + 1);
		g_assert_cmpint(header_at(board, n)->version, ==, SMP_VERSION_2);
		g_assert_cmpint(smp_session_get_version(board->session), ==, expected + 1);
		call_well(board, n + 2);
		g_assert_cmpint(header_at(board, n + 1)->version, ==, expected);
	}
}

static void test_version_fixed(Board *board, gconstpointer data)
{
	smp_session_set_version(board->session, SMP_VERSION_1);
	call_well(board, 1);
	call_well(board, 2);
	g_assert_cmpint(header_at(board, 0)->version, ==, SMP_VERSION_1);
	g_assert_cmpint(header_at(board, 1)->version, ==, SMP_VERSION_1);
	smp_session_set_version(board->session, SMP_VERSION_2);
	smp_session_reset(board->session);
	board->behave = drop_version_2;
	call_badly(board, SMP_REPEAT_SAFE, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	for (guint i = 2; i < board->requests; i++)
		g_assert_cmpint(header_at(board, i)->version, ==, SMP_VERSION_2);
}

/* Zephyr without CONFIG_MCUMGR_SMP_SUPPORT_ORIGINAL_PROTOCOL; its first request got lost. */
static void refuse_version_1(Board *board, const SmpHeader *header, const guint8 *packet,
			     gint64 when)
{
	if (board->requests == 1)
		return;
	if (header->version == SMP_VERSION_1)
		wire_answer_rc(board->link, packet, SMP_RC_UNSUPPORTED_TOO_OLD, when + 5 * MS);
	else
		answer(board, header, packet, when + 5 * MS);
}

static void test_version_1_refused(Board *board, gconstpointer data)
{
	board->behave = refuse_version_1;
	call_well(board, 3);
	g_assert_cmpint(header_at(board, 1)->version, ==, SMP_VERSION_1);
	g_assert_cmpint(smp_session_get_version(board->session), ==, 2);
	call_well(board, 4);
	g_assert_cmpint(header_at(board, 3)->version, ==, SMP_VERSION_2);
}

static void test_repeats(Board *board, gconstpointer data)
{
	board->lose_until = G_MAXINT64;
	gint64 start = now(board);
	call_badly(board, SMP_REPEAT_NEVER, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpuint(board->requests, ==, 1);
	g_assert_cmpint(now(board) - start, ==, 5000 * MS);
	start = now(board);
	smp_session_set_timeout(board->session, 20000);
	call_badly(board, SMP_REPEAT_SAFE, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpuint(board->requests, >, 5);
	g_assert_cmpuint(board->requests, <, 12);
	g_assert_cmpint(now(board) - start, ==, 20000 * MS);
}

static void test_timeout_text(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	board->lose_until = G_MAXINT64;
	g_assert_null(call(board, 2500, SMP_REPEAT_SAFE, &error));
	g_assert_cmpstr(error->message, ==, "no answer within 2.5 s");
}

/* What one loss costs on a link of 5 ms: of a request, of its answer. */
static void lose_answer(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
}

static void test_loss_is_cheap(Board *board, gconstpointer data)
{
	for (guint i = 1; i <= 3; i++)
		call_well(board, i);
	gint64 start = now(board);
	board->lose_from = start;
	board->lose_until = start + 1;
	call_well(board, 5);
	g_assert_cmpint(now(board) - start, <=, 600 * MS);
	start = now(board);
	board->lose_from = start;
	board->lose_until = start + 550 * MS;
	call_well(board, 8);
	g_assert_cmpint(now(board) - start, <=, 2100 * MS);
	/* It does not forget how fast the link is. */
	call_well(board, 9);
	g_assert_cmpint(smp_session_get_rto(board->session), <=, 1000 * MS);
}

/* 2 KiB take a quarter of a second at 115200 baud; what small requests took tells nothing of that.
 */
static void test_large_is_slow(Board *board, gconstpointer data)
{
	g_autoptr(GByteArray) request = new_request();
	g_autoptr(GError) error = NULL;
	guint8 sent, got;

	for (guint i = 1; i <= 4; i++)
		call_well(board, i);
	board->round_trip = 260 * MS;
	g_byte_array_set_size(request, 2044);
	memset(request->data + SMP_HEADER_SIZE, 0, 2044 - SMP_HEADER_SIZE);
	for (guint i = 0; i < 20; i++) {
		g_assert_cmpint(smp_session_get_rto_for(board->session, 2044), >, 260 * MS);
		g_assert_true(smp_session_send(board->session, request, &sent, &error));
		g_autoptr(SmpResponse) response G_GNUC_UNUSED =
			smp_session_receive(board->session, now(board) + 1000 * MS, &got, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(got, ==, sent);
	}
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
		answer(board, header, packet, when + 5 * MS);
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
		get_params(board);
		board->lose_until = now(board);
		for (guint i = 0; i < 30; i++) {
			smp_session_set_timeout(board->session, 300 + 700 * (i % 8));
			call_badly(board, i % 3 ? SMP_REPEAT_SAFE : SMP_REPEAT_NEVER,
				   SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
		}
		smp_test_link_advance(board->link, 20000 * MS);
	}
}

static void test_room(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	guint8 numbers[3];

	get_params(board);
	board->behave = lose_answer;
	for (guint i = 0; i < 3; i++) {
		g_autoptr(GByteArray) request = new_request();
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

	get_params(board);
	for (guint i = 0; i < 3; i++) {
		g_autoptr(GByteArray) request = new_request();
		g_assert_true(smp_session_send(board->session, request, &sent[i], &error));
	}
	/* An answer to the second proves that the first will not be answered. */
	smp_session_forget(board->session, sent[0]);
	for (guint i = 1; i < 3; i++) {
		g_autoptr(SmpResponse) response =
			smp_session_receive(board->session, now(board) + 1000 * MS, &got, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(got, ==, sent[i]);
		g_assert_cmpuint(response->header.sequence, ==, sent[i]);
		g_assert_cmpuint(smp_session_room(board->session), ==, i + 1);
	}
	g_assert_cmpuint(board->dropped, ==, 1);
	gint64 deadline = now(board) + 1000 * MS;
	g_assert_null(smp_session_receive(board->session, deadline, &got, &error));
	g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpint(now(board), ==, deadline);
}

static void answer_enoent(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	wire_answer_rc(board->link, packet, SMP_RC_ENOENT, when);
}

static void test_window_error(Board *board, gconstpointer data)
{
	g_autoptr(GByteArray) request = new_request();
	g_autoptr(GError) error = NULL;
	guint8 sent, got = 0;

	board->behave = answer_enoent;
	g_assert_true(smp_session_send(board->session, request, &sent, &error));
	g_assert_null(smp_session_receive(board->session, now(board) + MS, &got, &error));
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
		g_autoptr(SmpResponse) response = call(board, 0, SMP_REPEAT_SAFE, &error);
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
		call_badly(board, SMP_REPEAT_SAFE, SMP_PROTOCOL_ERROR,
			   SMP_PROTOCOL_ERROR_MALFORMED);
	/* The conversation goes on. */
	board->behave = NULL;
	call_well(board, board->requests + 1);
}

/* In the first wait, between repeats, long after the last one. */
static void test_cancel(Board *board, gconstpointer data)
{
	static const gint64 after[] = {1, 600, 1900, 4999};

	board->lose_until = G_MAXINT64;
	for (guint i = 0; i < G_N_ELEMENTS(after); i++) {
		gint64 start = now(board);
		board->event = start + after[i] * MS;
		call_badly(board, i == 0 ? SMP_REPEAT_NEVER : SMP_REPEAT_SAFE, G_IO_ERROR,
			   G_IO_ERROR_CANCELLED);
		g_assert_cmpint(now(board) - start, ==, after[i] * MS);
		guint requests = board->requests;
		call_badly(board, SMP_REPEAT_SAFE, G_IO_ERROR, G_IO_ERROR_CANCELLED);
		g_assert_cmpuint(board->requests, ==, requests);
		g_cancellable_reset(board->cancellable);
	}
}

/* While it waits for a full server to get rid of what it holds. */
static void test_cancel_full(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	get_params(board);
	board->behave = lose_answer;
	for (guint i = 0; i < 3; i++) {
		g_autoptr(GByteArray) request = new_request();
		guint8 number;
		g_assert_true(smp_session_send(board->session, request, &number, &error));
	}
	gint64 start = now(board);
	board->event = start + 700 * MS;
	call_badly(board, SMP_REPEAT_SAFE, G_IO_ERROR, G_IO_ERROR_CANCELLED);
	g_assert_cmpint(now(board) - start, ==, 700 * MS);
	g_assert_cmpuint(board->requests, ==, 4);
}

static void test_closed(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	call_well(board, 1);
	board->lose_until = G_MAXINT64;
	board->cut = TRUE;
	gint64 start = now(board);
	board->event = start + 300 * MS;
	call_badly(board, SMP_REPEAT_SAFE, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	g_assert_cmpint(now(board) - start, ==, 300 * MS);
	call_badly(board, SMP_REPEAT_SAFE, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	g_assert_cmpint(now(board) - start, ==, 300 * MS);
	board->lose_until = 0;
	g_assert_true(smp_session_reconnect(board->session, now(board) + 1000 * MS, &error));
	g_assert_cmpint(smp_session_get_version(board->session), ==, 0);
	call_well(board, board->requests + 1);
}

/* The answer to what was asked before the link was opened anew is no answer to anything. */
static void test_reconnect_forgets(Board *board, gconstpointer data)
{
	g_autoptr(GByteArray) request = new_request();
	g_autoptr(GError) error = NULL;
	guint8 number, got;

	g_assert_true(smp_session_send(board->session, request, &number, &error));
	smp_session_reset(board->session);
	g_assert_null(smp_session_receive(board->session, now(board) + 100 * MS, &got, &error));
	g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpuint(board->dropped, ==, 1);
}

static void test_trace(Board *board, gconstpointer data)
{
	board->behave = answer_twice;
	call_well(board, 1);
	call_well(board, 2);
	g_assert_cmpstr(board->trace->str, ==, "><>x(nothing was asked with this number)<");
	g_string_truncate(board->trace, 0);
	board->behave = NULL;
	board->lose_from = now(board);
	board->lose_until = now(board) + 1;
	call_well(board, 4);
	g_assert_cmpstr(board->trace->str, ==,
			">x(nothing was asked with this number)>(repeated)<");
}

#define ADD(name, function) g_test_add("/session/" name, Board, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("match", test_match);
	ADD("duplicates", test_duplicates);
	ADD("late-after-wrap", test_late_after_wrap);
	ADD("slow-server", test_slow_server);
	ADD("new-number", test_new_number);
	ADD("version-2-dropped", test_version_2_dropped);
	ADD("version-of-answer", test_version_of_answer);
	ADD("version-fixed", test_version_fixed);
	ADD("version-1-refused", test_version_1_refused);
	ADD("repeats", test_repeats);
	ADD("timeout-text", test_timeout_text);
	ADD("loss-is-cheap", test_loss_is_cheap);
	ADD("large-is-slow", test_large_is_slow);
	ADD("stalled-server", test_stalled_server);
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
	ADD("trace", test_trace);
	return g_test_run();
}

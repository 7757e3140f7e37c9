/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One conversation with a server: which answer belongs to which request, versions, repeats. */

#include "session-board.h"

#include "protocol/cbor.h"

#include <smp/error.h>
#include <string.h>

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
	board_answer(board, header, packet, when + 2 * MS);
}

static void test_match(Board *board, gconstpointer data)
{
	board->behave = answer_nonsense_first;
	for (board->variant = 0; board->variant < 8; board->variant++)
		board_call_well(board, board->requests + 1);
	g_assert_cmpuint(board->dropped, ==, 8);
	g_assert_cmpuint(board->requests, ==, 8);
}

static void answer_twice(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	board_answer(board, header, packet, when + 1 * MS);
	board_answer(board, header, packet, when + 1 * MS);
}

static void test_duplicates(Board *board, gconstpointer data)
{
	board->behave = answer_twice;
	/* More than twice around the sequence numbers. */
	for (guint i = 1; i <= 600; i++)
		board_call_well(board, i);
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
		board_answer(board, header, packet, when + 5 * MS);
	if (board->requests == 257)
		wire_answer_hex(board->link, board->kept->data, "bf616e00ff", when + 1 * MS);
}

static void test_late_after_wrap(Board *board, gconstpointer data)
{
	board->behave = answer_first_late;
	for (guint i = 2; i <= 300; i++)
		board_call_well(board, i);
	g_assert_cmpuint(board->dropped, ==, 1);
}

/* A late answer is dropped, and says that the time for answers is longer. */
static void answer_slowly(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	board_answer(board, header, packet, when + 1500 * MS);
}

static void test_slow_server(Board *board, gconstpointer data)
{
	board->behave = answer_slowly;
	/* The first call repeats; the answer to the copy that it began with is taken. */
	board_call_well(board, 1);
	g_assert_cmpuint(board->requests, ==, 2);
	g_assert_cmpint(board_now(board) - g_array_index(board->times, gint64, 0), ==, 1500 * MS);
	for (guint i = 0; i < 20; i++)
		board_call_well(board, board->requests + 1);
	/* It has learned. */
	g_assert_cmpuint(board->requests, ==, 22);
	g_assert_cmpuint(board->dropped, ==, 1);
}

static void drop_two(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	if (board->requests > 2)
		board_answer(board, header, packet, when + 5 * MS);
}

static void test_new_number(Board *board, gconstpointer data)
{
	board->behave = drop_two;
	smp_session_set_version(board->session, SMP_VERSION_2);
	board_call_well(board, 3);
	g_assert_cmpuint(board_header(board, 0)->sequence, !=, board_header(board, 1)->sequence);
	g_assert_cmpuint(board_header(board, 1)->sequence, !=, board_header(board, 2)->sequence);
	g_assert_cmpuint(board_header(board, 0)->sequence, !=, board_header(board, 2)->sequence);
	g_assert_cmpstr(board->trace->str, ==, ">>(repeated)>(repeated)<");
}

static void drop_version_2(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	if (header->version == SMP_VERSION_1)
		board_answer(board, header, packet, when + 5 * MS);
}

/* MCUboot's recovery up to 1.10 */
static void test_version_2_dropped(Board *board, gconstpointer data)
{
	board->behave = drop_version_2;
	gint64 start = board_now(board);
	g_assert_cmpint(smp_session_get_version(board->session), ==, 0);
	board_call_well(board, 2);
	g_assert_cmpint(board_now(board) - start, <, 800 * MS);
	g_assert_cmpint(board_header(board, 0)->version, ==, SMP_VERSION_2);
	g_assert_cmpint(smp_session_get_version(board->session), ==, 1);
	for (guint i = 3; i < 10; i++) {
		board_call_well(board, i);
		g_assert_cmpint(board_header(board, i - 1)->version, ==, SMP_VERSION_1);
	}
}

static void lose_first(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when)
{
	if (board->requests > 1)
		board_answer(board, header, packet, when + 5 * MS);
}

/* One lost packet does not make an old server of a new one. */
static void test_version_2_lost(Board *board, gconstpointer data)
{
	board->behave = lose_first;
	board_get_params(board);
	for (guint i = 3; i < 10; i++) {
		board_call_well(board, i);
		g_assert_cmpint(board_header(board, i - 1)->version, ==, SMP_VERSION_2);
	}
	g_assert_cmpint(smp_session_get_version(board->session), ==, 2);
}

static void answer_as_version(Board *board, const SmpHeader *header, const guint8 *packet,
			      gint64 when)
{
	guint8 copy[SMP_HEADER_SIZE];
	SmpHeader other = *header;

	other.version = (guint8)board->variant;
	smp_header_write(&other, copy);
	board_answer(board, header, copy, when + 5 * MS);
}

/* Mynewt, Zephyr before 3.4; and versions that do not exist */
static void test_version_of_answer(Board *board, gconstpointer data)
{
	board->behave = answer_as_version;
	for (board->variant = 0; board->variant < 4; board->variant++) {
		guint n = board->requests;
		int expected = MIN(board->variant, SMP_VERSION_2);
		smp_session_reset(board->session);
		board_call_well(board, n + 1);
		g_assert_cmpint(board_header(board, n)->version, ==, SMP_VERSION_2);
		g_assert_cmpint(smp_session_get_version(board->session), ==, expected + 1);
		board_call_well(board, n + 2);
		g_assert_cmpint(board_header(board, n + 1)->version, ==, expected);
	}
}

static void test_version_fixed(Board *board, gconstpointer data)
{
	smp_session_set_version(board->session, SMP_VERSION_1);
	board_call_well(board, 1);
	board_call_well(board, 2);
	g_assert_cmpint(board_header(board, 0)->version, ==, SMP_VERSION_1);
	g_assert_cmpint(board_header(board, 1)->version, ==, SMP_VERSION_1);
	smp_session_set_version(board->session, SMP_VERSION_2);
	smp_session_reset(board->session);
	board->behave = drop_version_2;
	board_call_badly(board, SMP_REPEAT_SAFE, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	for (guint i = 2; i < board->requests; i++)
		g_assert_cmpint(board_header(board, i)->version, ==, SMP_VERSION_2);
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
		board_answer(board, header, packet, when + 5 * MS);
}

static void test_version_1_refused(Board *board, gconstpointer data)
{
	board->behave = refuse_version_1;
	board_call_well(board, 3);
	g_assert_cmpint(board_header(board, 1)->version, ==, SMP_VERSION_1);
	g_assert_cmpint(smp_session_get_version(board->session), ==, 2);
	board_call_well(board, 4);
	g_assert_cmpint(board_header(board, 3)->version, ==, SMP_VERSION_2);
}

static void test_repeats(Board *board, gconstpointer data)
{
	board->lose_until = G_MAXINT64;
	gint64 start = board_now(board);
	board_call_badly(board, SMP_REPEAT_NEVER, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpuint(board->requests, ==, 1);
	g_assert_cmpint(board_now(board) - start, ==, 5000 * MS);
	start = board_now(board);
	smp_session_set_timeout(board->session, 20000);
	board_call_badly(board, SMP_REPEAT_SAFE, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
	g_assert_cmpuint(board->requests, >, 5);
	g_assert_cmpuint(board->requests, <, 12);
	g_assert_cmpint(board_now(board) - start, ==, 20000 * MS);
}

static void test_timeout_text(Board *board, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	board->lose_until = G_MAXINT64;
	g_assert_null(board_call(board, 2500, SMP_REPEAT_SAFE, &error));
	g_assert_cmpstr(error->message, ==, "no answer within 2.5 s");
}

/* What one loss costs on a link of 5 ms: of a request, of its answer. */
static void test_loss_is_cheap(Board *board, gconstpointer data)
{
	for (guint i = 1; i <= 3; i++)
		board_call_well(board, i);
	gint64 start = board_now(board);
	board->lose_from = start;
	board->lose_until = start + 1;
	board_call_well(board, 5);
	g_assert_cmpint(board_now(board) - start, <=, 600 * MS);
	start = board_now(board);
	board->lose_from = start;
	board->lose_until = start + 550 * MS;
	board_call_well(board, 8);
	g_assert_cmpint(board_now(board) - start, <=, 2100 * MS);
	/* It does not forget how fast the link is. */
	board_call_well(board, 9);
	g_assert_cmpint(smp_session_get_rto_for(board->session, SMP_HEADER_SIZE), <=, 1000 * MS);
}

/* 2 KiB take a quarter of a second at 115200 baud; what small requests took tells nothing of that.
 */
static void test_large_is_slow(Board *board, gconstpointer data)
{
	g_autoptr(GByteArray) request = board_request();
	g_autoptr(GError) error = NULL;
	guint8 sent, got;

	for (guint i = 1; i <= 4; i++)
		board_call_well(board, i);
	board->round_trip = 260 * MS;
	g_byte_array_set_size(request, 2044);
	memset(request->data + SMP_HEADER_SIZE, 0, 2044 - SMP_HEADER_SIZE);
	for (guint i = 0; i < 20; i++) {
		g_assert_cmpint(smp_session_get_rto_for(board->session, 2044), >, 260 * MS);
		g_assert_true(smp_session_send(board->session, request, &sent, &error));
		g_autoptr(SmpResponse) response G_GNUC_UNUSED = smp_session_receive(
			board->session, board_now(board) + 1000 * MS, &got, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(got, ==, sent);
	}
}

static void test_trace(Board *board, gconstpointer data)
{
	board->behave = answer_twice;
	board_call_well(board, 1);
	board_call_well(board, 2);
	g_assert_cmpstr(board->trace->str, ==, "><>x(nothing was asked with this number)<");
	g_string_truncate(board->trace, 0);
	board->behave = NULL;
	board->lose_from = board_now(board);
	board->lose_until = board_now(board) + 1;
	board_call_well(board, 4);
	g_assert_cmpstr(board->trace->str, ==,
			">x(nothing was asked with this number)>(repeated)<");
}

#define ADD(name, function)                                                                        \
	g_test_add("/session/" name, Board, NULL, board_set_up, function, board_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("match", test_match);
	ADD("duplicates", test_duplicates);
	ADD("late-after-wrap", test_late_after_wrap);
	ADD("slow-server", test_slow_server);
	ADD("new-number", test_new_number);
	ADD("version-2-dropped", test_version_2_dropped);
	ADD("version-2-lost", test_version_2_lost);
	ADD("version-of-answer", test_version_of_answer);
	ADD("version-fixed", test_version_fixed);
	ADD("version-1-refused", test_version_1_refused);
	ADD("repeats", test_repeats);
	ADD("timeout-text", test_timeout_text);
	ADD("loss-is-cheap", test_loss_is_cheap);
	ADD("large-is-slow", test_large_is_slow);
	ADD("trace", test_trace);
	return g_test_run();
}

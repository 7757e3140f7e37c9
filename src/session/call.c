/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One request and its answer, repeated where that is allowed, in the version that the server
 * understands. */

#include "session/session-private.h"

#include <string.h>

/* A single request is repeated no earlier: an image list checks hashes, on recovery signatures. */
#define CALL_RTO_MIN (500 * G_TIME_SPAN_MILLISECOND)

/* How often a full server is looked at again. */
#define ROOM_TICK (50 * G_TIME_SPAN_MILLISECOND)

/* A request of this size fits the smallest buffers seen (96 bytes with length and CRC in them). */
#define SMALL_PACKET 92

/* Copies of one request that are remembered; their waiting times double. */
#define MAX_COPIES 12

/* Where the server may be at work for long. One with a single buffer to spare has it free again
 * only when that is over: Zephyr 4.4 crashes on a serial line where it has none. */
#define SELDOM	     (4 * G_TIME_SPAN_SECOND)
#define SELDOM_LATER (32 * G_TIME_SPAN_SECOND)
#define SELDOM_TIGHT (60 * G_TIME_SPAN_SECOND)

/* One request of smp_session_call() with all its copies. */
typedef struct {
	GByteArray *packet;
	gint64 deadline;
	guint8 sequences[MAX_COPIES];
	guint copies;
	guint most; /* copies */
	gboolean seldom;
	gint64 wait; /* until the next one */
} Call;

static gboolean is_copy(const Call *call, guint8 sequence)
{
	return memchr(call->sequences, sequence, call->copies) != NULL;
}

/* Waits for the answer to any copy. Returns FALSE with no error set on silence until @until. */
static gboolean await_copy(SmpSession *session, const Call *call, gint64 until,
			   SmpResponse **response, GError **error)
{
	for (;;) {
		g_autoptr(GError) local = NULL;
		guint8 sequence = 0;
		*response =
			smp_session_receive(session, MIN(until, call->deadline), &sequence, &local);
		if (*response && is_copy(call, sequence))
			return TRUE;
		g_clear_pointer(response, smp_response_free);
		if (g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT))
			return FALSE;
		if (local) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
	}
}

/* The first request of a conversation goes out as version 2, 1, 1, 2… until one is answered:
 * MCUboot's recovery before 2.0 drops version 2 without a word. Each gets a second chance before
 * the server may be full. */
static gboolean send_call(SmpSession *session, Call *call, GError **error)
{
	/* With one buffer it is recovery, for which version 1 is right, or there is no room to try.
	 */
	gboolean try_again =
		session->doubtful && call->most > 1 && smp_session_capacity(session) > 1;
	gboolean unknown = session->answered_version < 0 || try_again;

	if (unknown && !session->version_fixed)
		session->version = call->copies % 3 ? SMP_VERSION_1 : SMP_VERSION_2;
	if (!smp_session_send_copy(session, call->packet, call->copies ? "repeated" : NULL,
				   &call->sequences[call->copies], error))
		return FALSE;
	call->copies++;
	return TRUE;
}

/* What calls before it left in the server's buffers is waited for. */
static gboolean await_room(SmpSession *session, GError **error)
{
	while (!smp_session_may_repeat(session)) {
		g_autoptr(GError) local = NULL;
		guint8 sequence;
		smp_response_free(smp_session_receive(
			session, smp_link_now(session->link) + ROOM_TICK, &sequence, &local));
		if (local && local->domain != SMP_PROTOCOL_ERROR) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
	}
	return TRUE;
}

/* Sends a copy if the server has room for one. @until: when to think again */
static gboolean send_or_wait(SmpSession *session, Call *call, gint64 *until, GError **error)
{
	if (!smp_session_may_repeat(session)) {
		*until = smp_link_now(session->link) + ROOM_TICK;
		return TRUE;
	}
	if (call->copies > 0 && !smp_link_recover(session->link, error))
		return FALSE;
	if (!send_call(session, call, error))
		return FALSE;
	*until = smp_link_now(session->link) + call->wait;
	call->wait = call->seldom ? SELDOM_LATER : MIN(call->wait * 2, SMP_RTO_MAX);
	return TRUE;
}

static SmpResponse *run_call(SmpSession *session, Call *call, GError **error)
{
	SmpResponse *response = NULL;

	do {
		gint64 until = call->deadline;
		GError *local = NULL;
		if (call->copies < call->most && !send_or_wait(session, call, &until, error))
			return NULL;
		/* The last copy has all the time that is left. */
		if (call->copies == call->most)
			until = call->deadline;
		if (await_copy(session, call, until, &response, &local))
			return response;
		if (local) {
			g_propagate_error(error, local);
			return NULL;
		}
	} while (smp_link_now(session->link) < call->deadline);
	g_set_error_literal(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT, "no answer");
	return NULL;
}

/* Version 1 was tried because version 2 got lost, and this server has no version 1 (Zephyr without
 * CONFIG_MCUMGR_SMP_SUPPORT_ORIGINAL_PROTOCOL). */
static gboolean turn_to_version_2(SmpSession *session, const GError *error)
{
	if (session->version_fixed || session->version != SMP_VERSION_1 ||
	    !smp_error_is_device(error, SMP_GROUP_NONE, SMP_RC_UNSUPPORTED_TOO_OLD))
		return FALSE;
	session->version = session->answered_version = SMP_VERSION_2;
	return TRUE;
}

/* One byte more than the server's buffer is silence, a crash or seconds of deafness. */
static gboolean check_size(SmpSession *session, const GByteArray *request, GError **error)
{
	gsize max;

	if (request->len <= SMALL_PACKET)
		return TRUE;
	if (!smp_session_get_max_packet(session, &max, error))
		return FALSE;
	if (request->len <= max)
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TOO_LARGE,
		    "the request of %u bytes is larger than the %" G_GSIZE_FORMAT
		    " bytes that board and link take",
		    request->len, max);
	return FALSE;
}

static void be_seldom(SmpSession *session, Call *call)
{
	gboolean drops = smp_link_drops_excess(session->link);
	guint room = smp_session_capacity(session);
	gboolean tight = !drops && room == 1 && session->params.buf_count > 0;

	call->seldom = TRUE;
	call->wait = tight ? SELDOM_TIGHT : SELDOM;
	if (!drops)
		call->most = CLAMP(room, 2, MAX_COPIES);
}

SmpResponse *smp_session_call(SmpSession *session, GByteArray *request, guint timeout_ms,
			      SmpRepeat repeat, GError **error)
{
	if (!check_size(session, request, error))
		return NULL;
	if (!await_room(session, error))
		return NULL;
	guint timeout = timeout_ms ? timeout_ms : session->timeout_ms;
	Call call = {
		.packet = request,
		.deadline = smp_link_now(session->link) + timeout * G_TIME_SPAN_MILLISECOND,
		.most = repeat == SMP_REPEAT_NEVER ? 1 : MAX_COPIES,
		.wait = MAX(smp_session_get_rto_for(session, request->len), CALL_RTO_MIN),
	};
	if (repeat == SMP_REPEAT_SELDOM)
		be_seldom(session, &call);
	g_autoptr(GError) local = NULL;
	gboolean first = session->answered_version < 0;
	SmpResponse *response = run_call(session, &call, &local);

	/* Where version 1 was answered and version 2 was not, the next request asks once more. */
	if (call.most > 1)
		session->doubtful =
			first && call.copies > 1 && session->answered_version == SMP_VERSION_1;
	if (turn_to_version_2(session, local)) {
		g_clear_error(&local);
		call.copies = 0;
		response = run_call(session, &call, &local);
	}
	for (guint i = 0; i < call.copies; i++)
		smp_session_forget(session, call.sequences[i]);
	if (response)
		return response;
	if (g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT)) {
		g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT,
			    "no answer within %.3g s", timeout / 1000.0);
		return NULL;
	}
	g_propagate_error(error, g_steal_pointer(&local));
	return NULL;
}

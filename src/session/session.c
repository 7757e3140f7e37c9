/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/session.h"

#include "protocol/cbor.h"
#include "protocol/error.h"
#include "session/round-trip.h"

#include <string.h>

#define DEFAULT_TIMEOUT_MS 5000

/* The OS group's command that tells of the server's buffers (Zephyr smp_group_0.rst). */
#define OS_PARAMS 6

/* A single request is repeated no earlier: an image list checks hashes, on recovery signatures. */
#define CALL_RTO_MIN (500 * G_TIME_SPAN_MILLISECOND)

/* After so much silence a request is taken to lie in no buffer of the server any more. */
#define BURIED_AFTER (5 * G_TIME_SPAN_SECOND)

/* How long the number of a request that was given up is not used again: its answer may be late. */
#define RETIRED_FOR (30 * G_TIME_SPAN_SECOND)

/* How often a full server is looked at again. */
#define ROOM_TICK (50 * G_TIME_SPAN_MILLISECOND)

/* A request of this size fits the smallest buffers seen (96 bytes with length and CRC in them). */
#define SMALL_PACKET 92

#define SEND_TIMEOUT (5 * G_TIME_SPAN_SECOND)

/* Copies of one request that are remembered; their waiting times double. */
#define MAX_COPIES 12

typedef enum {
	FREE = 0,
	WAITING,   /* its answer is wanted */
	FORGOTTEN, /* its answer, should it come, is dropped */
} RequestState;

typedef struct {
	RequestState state;
	guint8 op;
	guint16 group;
	guint8 command;
	gsize size;
	guint64 order; /* the how-manieth request it was */
	gint64 sent_at;
} Request;

struct SmpSession {
	SmpLink *link;
	Request requests[256];
	guint8 last_sequence;
	guint64 sent;	  /* requests so far */
	guint64 answered; /* the order of the latest one that was answered */
	gint64 last_sent_at;
	gboolean version_fixed;
	int version;	      /* for the next request */
	int answered_version; /* -1 until an answer came */
	gboolean doubtful;    /* version 2 went unanswered once; it may just have been lost */
	guint timeout_ms;
	gsize mtu;
	gboolean params_known;
	SmpParams params;
	SmpRoundTrip round_trip;
	GByteArray *received;
	SmpTraceFunc trace;
	gpointer trace_data;
};

void smp_response_free(SmpResponse *response)
{
	if (!response)
		return;
	g_byte_array_unref(response->packet);
	g_free(response);
}

SmpCbor smp_response_body(const SmpResponse *response)
{
	return (SmpCbor){response->packet->data + SMP_HEADER_SIZE,
			 response->packet->len - SMP_HEADER_SIZE};
}

SmpSession *smp_session_new(SmpLink *link)
{
	SmpSession *session = g_new0(SmpSession, 1);

	session->link = link;
	session->timeout_ms = DEFAULT_TIMEOUT_MS;
	session->version = SMP_VERSION_2;
	session->answered_version = -1;
	session->received = g_byte_array_new();
	/* Late answers to a program that used the port before must not match. */
	session->last_sequence = (guint8)g_random_int();
	return session;
}

void smp_session_free(SmpSession *session)
{
	if (!session)
		return;
	g_byte_array_unref(session->received);
	g_free(session);
}

SmpLink *smp_session_get_link(SmpSession *session)
{
	return session->link;
}

void smp_session_set_version(SmpSession *session, int version)
{
	session->version = version;
	session->version_fixed = TRUE;
}

int smp_session_get_version(SmpSession *session)
{
	return session->answered_version + 1;
}

void smp_session_set_timeout(SmpSession *session, guint timeout_ms)
{
	session->timeout_ms = timeout_ms;
}

guint smp_session_get_timeout(SmpSession *session)
{
	return session->timeout_ms;
}

void smp_session_set_mtu(SmpSession *session, gsize mtu)
{
	session->mtu = mtu;
}

void smp_session_set_trace(SmpSession *session, SmpTraceFunc func, gpointer user_data)
{
	session->trace = func;
	session->trace_data = user_data;
}

static void trace(SmpSession *session, SmpTraceKind kind, const GByteArray *packet,
		  const char *note)
{
	if (session->trace)
		session->trace(kind, packet->data, packet->len, note, session->trace_data);
}

/* Requests that may still lie in the server's buffers. Servers answer in order (realservers: never
 * otherwise seen), so an answer proves all before it gone. */
static guint outstanding(SmpSession *session)
{
	if (smp_link_now(session->link) - session->last_sent_at > BURIED_AFTER)
		session->answered = session->sent;
	return (guint)(session->sent - session->answered);
}

static guint capacity(SmpSession *session)
{
	guint count = session->params_known ? session->params.buf_count : 0;
	return smp_link_max_outstanding(session->link, count);
}

guint smp_session_room(SmpSession *session)
{
	guint taken = outstanding(session);
	guint total = capacity(session);

	return taken < total ? total - taken : 0;
}

/* Whether a request may be sent although one before it went unanswered. Zephyr has four buffers by
 * default, and a board that is just starting loses more than one request. */
gboolean smp_session_may_repeat(SmpSession *session)
{
	guint least = session->params_known ? 2 : 3;

	return smp_link_drops_excess(session->link) ||
	       outstanding(session) < MAX(capacity(session), least);
}

gint64 smp_session_get_rto_for(SmpSession *session, gsize size)
{
	return smp_round_trip_rto_for(&session->round_trip, size);
}

static gboolean is_free(SmpSession *session, const Request *request)
{
	return request->state == FREE ||
	       (request->state == FORGOTTEN &&
		smp_link_now(session->link) - request->sent_at > RETIRED_FOR);
}

/* The next number whose answer cannot be mistaken for that of an earlier request. */
static guint8 take_sequence(SmpSession *session)
{
	guint8 sequence = session->last_sequence + 1;

	for (guint i = 0; i < G_N_ELEMENTS(session->requests); i++) {
		if (is_free(session, &session->requests[sequence]))
			break;
		sequence++;
	}
	session->last_sequence = sequence;
	return sequence;
}

static gboolean send_copy(SmpSession *session, GByteArray *packet, const char *note,
			  guint8 *sequence, GError **error)
{
	SmpHeader header;

	smp_header_read(packet->data, &header);
	header.version = session->version;
	header.length = (guint16)(packet->len - SMP_HEADER_SIZE);
	header.sequence = take_sequence(session);
	smp_header_write(&header, packet->data);

	trace(session, SMP_TRACE_SENT, packet, note);
	gint64 now = smp_link_now(session->link);
	if (!smp_link_send(session->link, packet->data, packet->len, now + SEND_TIMEOUT, error))
		return FALSE;
	session->requests[header.sequence] = (Request){
		.state = WAITING,
		.op = header.op,
		.group = header.group,
		.command = header.command,
		.size = packet->len,
		.order = ++session->sent,
		.sent_at = now,
	};
	session->last_sent_at = now;
	*sequence = header.sequence;
	return TRUE;
}

gboolean smp_session_send(SmpSession *session, GByteArray *request, guint8 *sequence,
			  GError **error)
{
	return send_copy(session, request, NULL, sequence, error);
}

void smp_session_forget(SmpSession *session, guint8 sequence)
{
	if (session->requests[sequence].state == WAITING)
		session->requests[sequence].state = FORGOTTEN;
}

/* Why a packet is no answer to a request that waits; NULL if it is. */
static const char *mismatch(SmpSession *session, const SmpHeader *header)
{
	const Request *request = &session->requests[header->sequence];

	if (request->state == FREE)
		return "nothing was asked with this number";
	if (header->op != request->op + 1 || header->group != request->group ||
	    header->command != request->command)
		return "the answer to something else";
	return NULL;
}

/* Marks the request answered and all before it as gone. */
static void settle(SmpSession *session, const SmpHeader *header)
{
	Request *request = &session->requests[header->sequence];

	smp_round_trip_learn(&session->round_trip, smp_link_now(session->link) - request->sent_at,
			     request->size);
	request->state = FREE;
	session->answered = MAX(session->answered, request->order);
	if (session->answered_version < 0 || session->doubtful) {
		session->answered_version = MIN(header->version, SMP_VERSION_2);
		if (!session->version_fixed)
			session->version = session->answered_version;
	}
}

/* Receives until an answer that is waited for is in session->received. */
static gboolean receive_match(SmpSession *session, gint64 deadline, SmpHeader *header,
			      GError **error)
{
	while (smp_link_receive(session->link, session->received, deadline, error)) {
		smp_header_read(session->received->data, header);
		const char *why = mismatch(session, header);
		RequestState state = session->requests[header->sequence].state;
		if (!why)
			settle(session, header);
		if (!why && state == WAITING) {
			trace(session, SMP_TRACE_RECEIVED, session->received, NULL);
			return TRUE;
		}
		trace(session, SMP_TRACE_DROPPED, session->received, why ? why : "late");
	}
	return FALSE;
}

/* Turns session->received into a response or an error. */
static SmpResponse *take_response(SmpSession *session, const SmpHeader *header, GError **error)
{
	GByteArray *packet = session->received;
	SmpCbor body;
	SmpDeviceError device;

	/* An empty payload is what some servers mean by an empty map. */
	if (packet->len > SMP_HEADER_SIZE) {
		if (!smp_cbor_check(packet->data + SMP_HEADER_SIZE, packet->len - SMP_HEADER_SIZE,
				    &body)) {
			g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED,
				    "the board's answer is damaged (%u bytes that are no CBOR)",
				    packet->len - SMP_HEADER_SIZE);
			return NULL;
		}
		if (smp_device_error_read(&body, &device)) {
			g_autofree char *rsn = smp_cbor_get_text(&body, "rsn");
			smp_device_error_set(error, &device, rsn);
			return NULL;
		}
	}
	SmpResponse *response = g_new0(SmpResponse, 1);
	response->header = *header;
	response->packet = g_steal_pointer(&session->received);
	session->received = g_byte_array_sized_new(packet->len);
	return response;
}

static void set_timeout_error(GError **error)
{
	g_set_error_literal(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT, "no answer");
}

SmpResponse *smp_session_receive(SmpSession *session, gint64 deadline, guint8 *sequence,
				 GError **error)
{
	g_autoptr(GError) local = NULL;
	SmpHeader header;

	if (!receive_match(session, deadline, &header, &local)) {
		if (g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT))
			set_timeout_error(error);
		else
			g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	*sequence = header.sequence;
	return take_response(session, &header, error);
}

/* One request of smp_session_call() with all its copies. */
typedef struct {
	GByteArray *packet;
	gint64 deadline;
	guint8 sequences[MAX_COPIES];
	guint copies;
	guint most; /* copies */
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
	gboolean try_again = session->doubtful && call->most > 1 && capacity(session) > 1;
	gboolean unknown = session->answered_version < 0 || try_again;

	if (unknown && !session->version_fixed)
		session->version = call->copies % 3 ? SMP_VERSION_1 : SMP_VERSION_2;
	if (!send_copy(session, call->packet, call->copies ? "repeated" : NULL,
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
static gboolean send_or_wait(SmpSession *session, Call *call, gint64 *wait, gint64 *until,
			     GError **error)
{
	if (!smp_session_may_repeat(session)) {
		*until = smp_link_now(session->link) + ROOM_TICK;
		return TRUE;
	}
	if (call->copies > 0 && !smp_link_recover(session->link, error))
		return FALSE;
	if (!send_call(session, call, error))
		return FALSE;
	*until = smp_link_now(session->link) + *wait;
	*wait = MIN(*wait * 2, SMP_RTO_MAX);
	return TRUE;
}

static SmpResponse *run_call(SmpSession *session, Call *call, GError **error)
{
	gint64 wait = MAX(smp_session_get_rto_for(session, call->packet->len), CALL_RTO_MIN);
	SmpResponse *response = NULL;

	do {
		gint64 until = call->deadline;
		GError *local = NULL;
		if (call->copies < call->most && !send_or_wait(session, call, &wait, &until, error))
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
	set_timeout_error(error);
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
		.most = repeat == SMP_REPEAT_SAFE ? MAX_COPIES : 1,
	};
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

/* MCUboot's recovery before 1.9 says nothing to commands that it does not know. */
static gboolean tells_no_params(gboolean alive, const GError *error)
{
	return g_error_matches(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE) ||
	       (alive && g_error_matches(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT));
}

gboolean smp_session_get_params(SmpSession *session, SmpParams *params, GError **error)
{
	gboolean alive = session->answered_version >= 0;

	if (!session->params_known) {
		g_autoptr(GError) local = NULL;
		g_autoptr(GByteArray) request =
			smp_packet_new(SMP_OP_READ, SMP_GROUP_OS, OS_PARAMS);
		smp_cbor_put_map(request, 0);
		g_autoptr(SmpResponse) response =
			smp_session_call(session, request, 0, SMP_REPEAT_SAFE, &local);
		if (local && !tells_no_params(alive, local)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		guint64 size = 0, count = 0;
		if (response) {
			SmpCbor body = smp_response_body(response);
			smp_cbor_get_uint(&body, "buf_size", &size);
			smp_cbor_get_uint(&body, "buf_count", &count);
		}
		session->params.buf_size = (guint)MIN(size, G_MAXUINT16);
		session->params.buf_count = (guint)MIN(count, G_MAXUINT8);
		session->params_known = TRUE;
	}
	*params = session->params;
	return TRUE;
}

gboolean smp_session_get_max_packet(SmpSession *session, gsize *max_packet, GError **error)
{
	SmpParams params;

	if (!smp_session_get_params(session, &params, error))
		return FALSE;
	gsize max = smp_link_max_packet(session->link, params.buf_size);
	*max_packet = session->mtu ? MIN(max, session->mtu) : max;
	return TRUE;
}

void smp_session_reset(SmpSession *session)
{
	for (guint i = 0; i < G_N_ELEMENTS(session->requests); i++)
		session->requests[i].state = FREE;
	session->answered = session->sent;
	session->params_known = FALSE;
	session->params = (SmpParams){0};
	session->doubtful = FALSE;
	session->round_trip = (SmpRoundTrip){0};
	if (!session->version_fixed)
		session->version = SMP_VERSION_2;
	session->answered_version = -1;
}

gboolean smp_session_reconnect(SmpSession *session, gint64 deadline, GError **error)
{
	smp_session_reset(session);
	return smp_link_reopen(session->link, deadline, error);
}

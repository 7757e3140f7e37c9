/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/session-private.h"

#include "protocol/cbor.h"
#include "protocol/error.h"
#include "session/probe.h"

#define DEFAULT_TIMEOUT_MS 5000

/* The OS group's command that tells of the server's buffers (Zephyr smp_group_0.rst). */
#define OS_PARAMS 6

/* After so much silence a request is taken to lie in no buffer of the server any more. */
#define BURIED_AFTER (5 * G_TIME_SPAN_SECOND)

/* How long the number of a request that was given up is not used again: its answer may be late. */
#define RETIRED_FOR (30 * G_TIME_SPAN_SECOND)

#define SEND_TIMEOUT (5 * G_TIME_SPAN_SECOND)

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

void smp_session_insist_on_timeout(SmpSession *session, gboolean insist)
{
	session->timeout_counts = insist;
}

gboolean smp_session_insists_on_timeout(SmpSession *session)
{
	return session->timeout_counts;
}

gint64 smp_session_heard_at(SmpSession *session)
{
	return session->heard_at;
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

/* Requests that may still lie in the server's buffers. Servers answer in order (none was ever seen
 * to do otherwise), so an answer proves all before it gone. */
static guint outstanding(SmpSession *session)
{
	if (smp_link_now(session->link) - session->last_sent_at > BURIED_AFTER)
		session->answered = session->sent;
	return (guint)(session->sent - session->answered);
}

guint smp_session_capacity(SmpSession *session)
{
	guint count = session->params_known ? session->params.buf_count : 0;
	return smp_link_max_outstanding(session->link, count);
}

guint smp_session_room(SmpSession *session)
{
	guint taken = outstanding(session);
	guint total = smp_session_capacity(session);

	return taken < total ? total - taken : 0;
}

/* Whether a request may be sent although one before it went unanswered. Zephyr has four buffers by
 * default, and a board that is just starting loses more than one request. */
gboolean smp_session_may_repeat(SmpSession *session)
{
	guint least = session->params_known ? 2 : 3;

	return smp_link_drops_excess(session->link) ||
	       outstanding(session) < MAX(smp_session_capacity(session), least);
}

gint64 smp_session_get_rto_for(SmpSession *session, gsize size)
{
	return smp_round_trip_rto_for(&session->round_trip, size);
}

static gboolean is_free(SmpSession *session, const SmpRequest *request)
{
	return request->state == REQUEST_FREE ||
	       (request->state == REQUEST_FORGOTTEN &&
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

gboolean smp_session_send_copy(SmpSession *session, GByteArray *packet, const char *note,
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
	session->requests[header.sequence] = (SmpRequest){
		.state = REQUEST_WAITING,
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
	return smp_session_send_copy(session, request, NULL, sequence, error);
}

void smp_session_forget(SmpSession *session, guint8 sequence)
{
	if (session->requests[sequence].state == REQUEST_WAITING)
		session->requests[sequence].state = REQUEST_FORGOTTEN;
}

/* Why a packet is no answer to a request that waits; NULL if it is. */
static const char *mismatch(SmpSession *session, const SmpHeader *header)
{
	const SmpRequest *request = &session->requests[header->sequence];

	if (request->state == REQUEST_FREE)
		return "nothing was asked with this number";
	if (header->op != request->op + 1 || header->group != request->group ||
	    header->command != request->command)
		return "the answer to something else";
	return NULL;
}

/* Marks the request answered and all before it as gone. */
static void settle(SmpSession *session, const SmpHeader *header)
{
	SmpRequest *request = &session->requests[header->sequence];

	smp_round_trip_learn(&session->round_trip, smp_link_now(session->link) - request->sent_at,
			     request->size);
	request->state = REQUEST_FREE;
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
		session->heard_at = smp_link_now(session->link);
		smp_header_read(session->received->data, header);
		const char *why = mismatch(session, header);
		SmpRequestState state = session->requests[header->sequence].state;
		if (!why)
			settle(session, header);
		if (!why && state == REQUEST_WAITING) {
			trace(session, SMP_TRACE_RECEIVED, session->received, NULL);
			return TRUE;
		}
		trace(session, SMP_TRACE_DROPPED, session->received, why ? why : "late");
	}
	return FALSE;
}

/* Before Zephyr 3.2 the exit status of a command of the shell is told as `rc`, beside what it
 * printed (shell_mgmt.c). */
static gboolean is_shell_output(const SmpHeader *header, const SmpCbor *body)
{
	SmpCbor output;

	return header->group == SMP_GROUP_SHELL && smp_cbor_get(body, "o", &output);
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
		if (!is_shell_output(header, &body) && smp_device_error_read(&body, &device)) {
			g_autofree char *rsn = smp_cbor_get_text(&body, "rsn");
			guint64 length;
			smp_device_error_set(error, &device, rsn);
			if (smp_cbor_get_uint(&body, "len", &length))
				smp_device_error_set_length(error, length);
			return NULL;
		}
	}
	SmpResponse *response = g_new0(SmpResponse, 1);
	response->header = *header;
	response->packet = g_steal_pointer(&session->received);
	session->received = g_byte_array_sized_new(packet->len);
	return response;
}

SmpResponse *smp_session_receive(SmpSession *session, gint64 deadline, guint8 *sequence,
				 GError **error)
{
	g_autoptr(GError) local = NULL;
	SmpHeader header;

	if (!receive_match(session, deadline, &header, &local)) {
		if (g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT))
			g_set_error_literal(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT,
					    "no answer");
		else
			g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	*sequence = header.sequence;
	return take_response(session, &header, error);
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

/* Finds out once whether packets of several fragments arrive. */
static gboolean probe_once(SmpSession *session, GError **error)
{
	gsize buf_size = session->params.buf_size;
	gsize size = 0;

	if (session->probed)
		return TRUE;
	if (session->mtu)
		buf_size = MIN(buf_size, session->mtu);
	size = smp_link_probe_size(session->link, buf_size);
	if (size > 0 && !smp_session_probe(session, size, error))
		return FALSE;
	session->probed = TRUE;
	return TRUE;
}

gboolean smp_session_get_max_packet(SmpSession *session, gsize *max_packet, GError **error)
{
	SmpParams params;

	if (!smp_session_get_params(session, &params, error) || !probe_once(session, error))
		return FALSE;
	gsize max = smp_link_max_packet(session->link, params.buf_size);
	*max_packet = session->mtu ? MIN(max, session->mtu) : max;
	return TRUE;
}

void smp_session_reset(SmpSession *session)
{
	for (guint i = 0; i < G_N_ELEMENTS(session->requests); i++)
		session->requests[i].state = REQUEST_FREE;
	session->answered = session->sent;
	session->params_known = FALSE;
	session->params = (SmpParams){0};
	session->doubtful = FALSE;
	session->probed = FALSE;
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

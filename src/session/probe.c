/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/probe.h"

#define OS_ECHO 0

/* A server without reassembly answers the first fragment at once, or never. */
#define PROBE_TIME (2 * G_TIME_SPAN_SECOND)

/* The head of a CBOR text of 24 bytes and more is two bytes, from 256 three. */
#define TEXT_HEAD 3

static GByteArray *make_probe(gsize size, GString *text)
{
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_OS, OS_ECHO);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "d");
	while (request->len + TEXT_HEAD + text->len < size)
		g_string_append_c(text, (char)('a' + text->len % 26));
	smp_cbor_put_text(request, text->str);
	return request;
}

/* Returns: FALSE where the link failed; an answer that is none leaves @response NULL */
static gboolean ask(SmpSession *session, GByteArray *request, SmpResponse **response,
		    GError **error)
{
	SmpLink *link = smp_session_get_link(session);
	gint64 deadline = smp_link_now(link) + PROBE_TIME;
	g_autoptr(GError) local = NULL;
	guint8 sequence = 0, answered = 0;

	if (!smp_session_send(session, request, &sequence, error))
		return FALSE;
	do {
		g_clear_error(&local);
		g_clear_pointer(response, smp_response_free);
		*response = smp_session_receive(session, deadline, &answered, &local);
		/* Late answers to what came before are not meant. */
	} while (answered != sequence && smp_link_now(link) < deadline &&
		 (*response || local->domain == SMP_PROTOCOL_ERROR));
	smp_session_forget(session, sequence);
	if (!local || local->domain == SMP_PROTOCOL_ERROR)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

/* Only the same text proves it: Mynewt answers a long echo with an empty one. A server without echo
 * is not believed to reassemble. */
gboolean smp_session_probe(SmpSession *session, gsize size, GError **error)
{
	SmpLink *link = smp_session_get_link(session);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GByteArray) request = make_probe(size, text);
	g_autoptr(SmpResponse) response = NULL;
	g_autofree char *answer = NULL;

	if (!ask(session, request, &response, error))
		return FALSE;
	if (response) {
		SmpCbor body = smp_response_body(response);
		answer = smp_cbor_get_text(&body, "r");
	}
	gboolean reassembles = g_strcmp0(answer, text->str) == 0;
	smp_link_set_reassembly(link, reassembles);
	/* What is left of it must not swallow the next request. */
	return reassembles || smp_link_recover(link, error);
}

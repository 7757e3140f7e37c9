/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/link.h>
#include <smp/packet.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/**
 * SmpSession: one conversation with one server over one link, used by one thread.
 *
 * It numbers requests, matches answers, repeats what may be repeated after a time learned from the
 * answers before, falls back from SMP version 2 to 1, and keeps the number of unanswered requests
 * below what the server's buffers hold.
 */
typedef struct SmpSession SmpSession;

/**
 * SmpResponse: an answer that is no error.
 * @packet: header and payload
 */
typedef struct {
	SmpHeader header;
	GByteArray *packet;
} SmpResponse;

void smp_response_free(SmpResponse *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpResponse, smp_response_free)

/**
 * SmpRepeat: whether a request may be sent again when no answer comes.
 * @SMP_REPEAT_NEVER: not idempotent: reset, shell, application groups
 * @SMP_REPEAT_SAFE: state reads, uploads by offset, echo
 * @SMP_REPEAT_SELDOM: the server may just be at work for long, and every copy takes one of its
 *   buffers: erase
 */
typedef enum {
	SMP_REPEAT_NEVER,
	SMP_REPEAT_SAFE,
	SMP_REPEAT_SELDOM,
} SmpRepeat;

/**
 * SmpParams: the server's buffers (OS group, command 6).
 * @buf_size: bytes of one buffer; 0 where the server does not say
 * @buf_count: number of buffers; 0 where the server does not say
 */
typedef struct {
	guint buf_size;
	guint buf_count;
} SmpParams;

typedef enum {
	SMP_TRACE_SENT,
	SMP_TRACE_RECEIVED,
	SMP_TRACE_DROPPED,
} SmpTraceKind;

/* Sees every packet: @note says why one was dropped, or that it is a repeat. */
typedef void (*SmpTraceFunc)(SmpTraceKind kind, const guint8 *packet, gsize size, const char *note,
			     gpointer user_data);

/**
 * smp_session_new:
 * @link: (transfer none): an open link that outlives the session
 */
SmpSession *smp_session_new(SmpLink *link);
void smp_session_free(SmpSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpSession, smp_session_free)

/* Returns: (transfer none) */
SmpLink *smp_session_get_link(SmpSession *session);

/**
 * smp_session_set_version:
 * @version: %SMP_VERSION_1 or %SMP_VERSION_2
 *
 * Fixes the version instead of finding it out.
 */
void smp_session_set_version(SmpSession *session, int version);

/* SMP version 1 or 2 as people count it; 0 as long as no answer came. */
int smp_session_get_version(SmpSession *session);

/* Milliseconds that an ordinary request waits for its answer in all; 5000 by default. */
void smp_session_set_timeout(SmpSession *session, guint timeout_ms);
guint smp_session_get_timeout(SmpSession *session);

/* Whether that counts also for the requests that have a time of their own otherwise and neither
 * write nor erase: the image list, the hash of a file, a reset. FALSE by default. */
void smp_session_insist_on_timeout(SmpSession *session, gboolean insist);

/* An upper limit for SMP packets in bytes that overrides what the server says; 0 for none. */
void smp_session_set_mtu(SmpSession *session, gsize mtu);

/* @func: (nullable): called before a packet is sent and after one was received */
void smp_session_set_trace(SmpSession *session, SmpTraceFunc func, gpointer user_data);

/**
 * smp_session_get_params:
 *
 * Asks once and remembers. A server without the command gives zeros; that is no error.
 */
gboolean smp_session_get_params(SmpSession *session, SmpParams *params,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The largest packet for this server in bytes; asks for the parameters if that was not done. */
gboolean smp_session_get_max_packet(SmpSession *session, gsize *max_packet,
				    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_session_call:
 * @request: from smp_packet_new() with its CBOR; version, sequence and length are filled in
 * @timeout_ms: for the answer in all, repeats included; 0 for the session's
 * @repeat: whether the request may be sent more than once
 *
 * Returns: (transfer full): the answer; %NULL with %SMP_PROTOCOL_ERROR_DEVICE where it is an error,
 * %SMP_PROTOCOL_ERROR_TIMEOUT, _MALFORMED, or an error of the link
 */
SmpResponse *smp_session_call(SmpSession *session, GByteArray *request, guint timeout_ms,
			      SmpRepeat repeat, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_session_send:
 * @sequence: (out): what the answer will be known by
 *
 * Sends without waiting, for a window of several requests.
 */
gboolean smp_session_send(SmpSession *session, GByteArray *request, guint8 *sequence,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_session_receive:
 * @deadline: on the link's clock
 *
 * Waits for the answer to any request sent with smp_session_send(). Answers that match none are
 * dropped. An answer that is an error is given as %SMP_PROTOCOL_ERROR_DEVICE with @sequence set.
 *
 * Returns: (transfer full): an answer, or %NULL with %SMP_PROTOCOL_ERROR_TIMEOUT, _DEVICE,
 * _MALFORMED, or an error of the link
 */
SmpResponse *smp_session_receive(SmpSession *session, gint64 deadline, guint8 *sequence,
				 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Forgets a request sent with smp_session_send(): its answer, should it come, is dropped. */
void smp_session_forget(SmpSession *session, guint8 sequence);

/**
 * smp_session_room:
 *
 * Returns: how many more requests the server's buffers can take now, counting all that may still
 * lie in them, those given up included
 */
guint smp_session_room(SmpSession *session);

/**
 * smp_session_reconnect:
 * @deadline: on the link's clock
 *
 * Opens the link to the same board again and forgets what was outstanding and what was known of
 * the server (it may be another program now: bootloader, new application).
 */
gboolean smp_session_reconnect(SmpSession *session, gint64 deadline,
			       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

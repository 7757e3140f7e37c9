/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "protocol/cbor.h"

#include <smp/session.h>

G_BEGIN_DECLS

/* The map of an answer; an empty view where the answer had no payload. */
SmpCbor smp_response_body(const SmpResponse *response);

/* Whether one more request may be sent although one before it went unanswered. */
gboolean smp_session_may_repeat(SmpSession *session);

/* How long to wait for the answer to a request of @size bytes before it is taken for lost:
 * microseconds, learned from the round trips so far. */
gint64 smp_session_get_rto_for(SmpSession *session, gsize size);

/* See smp_session_insist_on_timeout(). */
gboolean smp_session_insists_on_timeout(SmpSession *session);

/* When the board was heard last, on the link's clock; 0 for never. */
gint64 smp_session_heard_at(SmpSession *session);

/* Forgets what was outstanding and what was known of the server: it may be another program now. */
void smp_session_reset(SmpSession *session);

G_END_DECLS

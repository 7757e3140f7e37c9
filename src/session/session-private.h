/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The session, for the files that it is made of. */

#include "session/round-trip.h"
#include "session/session.h"

G_BEGIN_DECLS

typedef enum {
	REQUEST_FREE = 0,
	REQUEST_WAITING,   /* its answer is wanted */
	REQUEST_FORGOTTEN, /* its answer, should it come, is dropped */
} SmpRequestState;

typedef struct {
	SmpRequestState state;
	guint8 op;
	guint16 group;
	guint8 command;
	gsize size;
	guint64 order; /* its place among all requests, from 1 */
	gint64 sent_at;
} SmpRequest;

struct SmpSession {
	SmpLink *link;
	SmpRequest requests[256];
	guint8 last_sequence;
	guint64 sent;	  /* requests so far */
	guint64 answered; /* the order of the latest one that was answered */
	gint64 last_sent_at;
	gboolean version_fixed;
	int version;	      /* for the next request */
	int answered_version; /* -1 until an answer came */
	gboolean doubtful;    /* version 2 went unanswered once; it may just have been lost */
	guint timeout_ms;
	gboolean timeout_counts; /* for requests that have one of their own, too */
	gint64 heard_at;
	gsize mtu;
	gboolean params_known;
	SmpParams params;
	gboolean probed; /* whether the server takes packets of several fragments */
	SmpRoundTrip round_trip;
	GByteArray *received;
	SmpTraceFunc trace;
	gpointer trace_data;
};

/* How many requests link and server take at once. */
guint smp_session_capacity(SmpSession *session);

/**
 * smp_session_send_copy:
 * @note: (nullable): for the trace: that it is a repeat
 * @sequence: (out): its number; each copy has one of its own
 */
gboolean smp_session_send_copy(SmpSession *session, GByteArray *packet, const char *note,
			       guint8 *sequence, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

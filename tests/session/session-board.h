/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server that answers, and misbehaves as each test has it. */

#include "wire.h"

#include "session/session.h"

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

/* {"n": how many requests came}, or the parameters */
void board_answer(Board *board, const SmpHeader *header, const guint8 *packet, gint64 when);
void board_set_up(Board *board, gconstpointer data);
void board_tear_down(Board *board, gconstpointer data);
const SmpHeader *board_header(Board *board, guint index);
gint64 board_now(Board *board);
/* A request that may be asked: the image list */
GByteArray *board_request(void);
SmpResponse *board_call(Board *board, guint timeout_ms, SmpRepeat repeat, GError **error);
/* A call that is answered, and by the answer to the request of that number. */
void board_call_well(Board *board, guint wanted);
void board_call_badly(Board *board, SmpRepeat repeat, GQuark domain, int code);
void board_get_params(Board *board);

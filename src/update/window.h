/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SmpWindow: how many requests may be in flight.
 *
 * It begins at 1, which tells how long one request takes alone, and grows by 1 with each answer up
 * to @limit. Whether more than one pays is measured, not assumed: at each loss the stretch since
 * the loss before it is compared with the time that one request at a time would have taken. If that
 * would have been faster, the limit goes down, and comes back only after a long run without loss,
 * twice as long each time. So a board that drops what it hears while it erases costs a few requests
 * in the whole transfer, and one that loses a line now and then keeps its speed.
 */
typedef struct {
	guint size;
	guint limit;
	guint max;
	guint good;   /* answers since the last loss */
	guint trial;  /* how many good answers it takes to raise the limit again */
	double alone; /* µs that a request takes when it is alone in flight; 0 until known */
	gint64 stretch_began;
	guint stretch_answers;
} SmpWindow;

/* @learned: the limit to begin with; 0 for @max */
void smp_window_init(SmpWindow *window, guint max, guint learned, gint64 now);
/* A request did what it should. @alone: it was the only one in flight and took @took µs. */
void smp_window_answered(SmpWindow *window, gint64 took, gboolean alone);
void smp_window_lost(SmpWindow *window, gint64 now);

G_END_DECLS

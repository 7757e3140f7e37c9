/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SmpWindow: how many requests may be in flight.
 *
 * It starts at 1 and grows by 1 with each good answer up to @limit. A loss with more than one in
 * flight is taken for the board's fault (a small receive pool, deaf while it erases): the limit
 * goes down and comes back only after a long run without loss, twice as long each time, so that a
 * board that cannot take it costs a few requests in the whole transfer and no more.
 */
typedef struct {
	guint size;
	guint limit;
	guint max;
	guint good;  /* answers since the last loss */
	guint trial; /* how many good answers it takes to raise the limit again */
} SmpWindow;

void smp_window_init(SmpWindow *window, guint max);
void smp_window_answered(SmpWindow *window);
/* @in_flight: how many requests were unanswered when one was lost */
void smp_window_lost(SmpWindow *window, guint in_flight);

G_END_DECLS

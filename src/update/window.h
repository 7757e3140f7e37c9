/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SmpLoss: why a request went unanswered.
 * @SMP_LOSS_ACCIDENT: for all that is known by chance
 * @SMP_LOSS_SYSTEMATIC: it will happen again
 * @SMP_LOSS_LESSON: it would happen again, and what was learned from it will prevent that
 */
typedef enum {
	SMP_LOSS_ACCIDENT,
	SMP_LOSS_SYSTEMATIC,
	SMP_LOSS_LESSON,
} SmpLoss;

/**
 * SmpWindow: how many requests may be in flight.
 *
 * It begins at 1, which tells how long one request takes alone, and grows by 1 with each answer up
 * to @limit. Whether more than one pays is measured, not assumed: a stretch from one loss to
 * another is compared with the time that one request at a time would have taken, less the time in
 * which the board could not have gone on either. If that would have been faster, the limit goes
 * down, and the time that was lost so is @debt. The limit comes back when the debt is a small share
 * of the time that has gone by. So a board that drops what it hears while it erases costs a small
 * share of the whole transfer at most, and one that loses a line now and then keeps its speed.
 */
typedef struct {
	guint size;
	guint limit;
	guint max;
	gboolean spare;	 /* one more may be allowed than @max */
	gboolean proven; /* what lowered @limit would happen in the next upload, too */
	gboolean kept;	 /* one of the server's buffers is not used, for a repeat */
	double alone;	 /* µs that a request takes when it is alone in flight; 0 until known */
	gint64 began;
	double debt; /* µs */
	gint64 stretch_began;
	gint64 stretch_stalled;
	guint stretch_answers;
	guint stretch_losses;
	gint64 size_began; /* when the first request was answered that was sent at this @size */
	gint64 size_stalled;
	guint size_answers;
} SmpWindow;

/* @learned: the limit to begin with; 0 for @max */
void smp_window_init(SmpWindow *window, guint max, guint learned, gint64 now);

/* A request did what it should, and took @took µs. @first: nothing was in flight when it was sent;
 * @alone: nor until it was answered */
void smp_window_answered(SmpWindow *window, gint64 took, gboolean first, gboolean alone,
			 gint64 now);

/* µs by which @took, since the request was sent and the answer before it came, is longer than the
 * line and the server need; 0 where it is not. The board did something else, such as erase. That
 * time is nobody's fault. */
gint64 smp_window_stalled(SmpWindow *window, gint64 took);

/* µs after which an answer that could have come at once is late. */
gint64 smp_window_get_patience(const SmpWindow *window);

/* The limit to begin the next upload with; 0 where nothing keeps the board from taking all, and
 * where losses were accidents: a cable that was loose once must not slow all that comes after. The
 * upload that began with a limit and lost nothing ends with none, so that the next tries again. */
guint smp_window_get_learned(const SmpWindow *window);

void smp_window_lost(SmpWindow *window, SmpLoss loss, gint64 now);

/* So much went without loss that the last of the server's buffers may be used: where the others do
 * not keep the line busy already. If all that is in flight is lost, the repeat has to wait for
 * seconds where no buffer is left for it. */
void smp_window_proved(SmpWindow *window, gint64 now);

G_END_DECLS

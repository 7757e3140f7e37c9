/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/window.h"

/* Time lost by a larger window, as a share of all: it is tried again when it is less. */
#define DEBT_SHARE (1.0 / 48)

/* One loss is bad luck unless it cost as much. */
#define DEAR (300 * G_TIME_SPAN_MILLISECOND)

/* What is assumed to have been lost on a board of which only the limit is known. */
#define LEARNED_DEBT (200 * G_TIME_SPAN_MILLISECOND)

/* What a clock and a line may be out by. */
#define JITTER	  (2 * G_TIME_SPAN_MILLISECOND)
#define ADAPTER	  (20 * G_TIME_SPAN_MILLISECOND) /* with FTDI's timer of 16 ms */
#define TOLERANCE (1.0 / 16)

static void begin_stretch(SmpWindow *window, gint64 now)
{
	window->stretch_began = now;
	window->stretch_stalled = 0;
	window->stretch_answers = 0;
	window->stretch_losses = 0;
}

static void set_size(SmpWindow *window, guint size)
{
	if (size != window->size)
		window->size_answers = 0;
	window->size = size;
}

void smp_window_init(SmpWindow *window, guint max, guint learned, gint64 now)
{
	/* A loss before anything is known of the board has to leave room for the repeat. */
	gboolean spare = max > 2;

	*window = (SmpWindow){
		.size = 1,
		.limit = learned ? MIN(learned, max) : max,
		.max = max - spare,
		.spare = spare,
		.kept = spare,
		.began = now,
		.debt = learned ? LEARNED_DEBT : 0,
	};
	begin_stretch(window, now);
}

static gboolean may_try(const SmpWindow *window, gint64 now)
{
	return window->limit < window->max &&
	       window->debt <= DEBT_SHARE * (double)(now - window->began);
}

/* What a request takes that no erase holds up. What went before the first is not compared. The
 * first may have been held up itself: Zephyr erases page 0 with the second request where the first
 * does not fill its buffer of 512 bytes. The next that begins on an idle line shows that. */
static void learn(SmpWindow *window, gint64 took, gboolean first, gboolean alone, gint64 now)
{
	if (alone && window->alone == 0) {
		window->alone = (double)took;
		begin_stretch(window, now);
	} else if (first && (double)(took + ADAPTER) < window->alone) {
		window->alone = (double)took;
	} else if (alone && (double)took < 2 * window->alone) {
		window->alone += ((double)took - window->alone) / 8;
	}
}

void smp_window_answered(SmpWindow *window, gint64 took, gboolean first, gboolean alone, gint64 now)
{
	window->stretch_answers++;
	/* What is answered at first was sent before. */
	if (++window->size_answers == window->size) {
		window->size_began = now;
		window->size_stalled = 0;
	}
	learn(window, took, first, alone, now);
	if (may_try(window, now)) {
		window->limit++;
		begin_stretch(window, now);
	}
	if (window->size < MIN(window->limit, window->max) && window->alone > 0)
		set_size(window, window->size + 1);
}

gint64 smp_window_get_patience(const SmpWindow *window)
{
	return (gint64)(window->alone * (1 + TOLERANCE)) + JITTER;
}

gint64 smp_window_stalled(SmpWindow *window, gint64 took)
{
	if (window->alone == 0 || took < smp_window_get_patience(window))
		return 0;
	gint64 stalled = took - (gint64)window->alone;
	window->stretch_stalled += stalled;
	window->size_stalled += stalled;
	return stalled;
}

/* µs that one request at a time would have been faster; negative where it would not. */
static double stretch_cost(const SmpWindow *window, gint64 now)
{
	return (double)(now - window->stretch_began - window->stretch_stalled) -
	       window->alone * window->stretch_answers;
}

/* What a lesson cost is spent: it says nothing of the time after it. */
static void judge(SmpWindow *window, SmpLoss loss, gint64 now)
{
	double cost = loss == SMP_LOSS_LESSON ? 0 : stretch_cost(window, now);
	double dear = loss == SMP_LOSS_SYSTEMATIC ? DEAR / 2.0 : DEAR;

	if (cost > 0 && cost < dear && ++window->stretch_losses < 2)
		return;
	if (cost > 0 && window->size > 1) {
		window->debt += cost;
		window->limit = MIN(window->limit, window->size) - 1;
		window->proven |= loss == SMP_LOSS_SYSTEMATIC;
	}
	begin_stretch(window, now);
}

void smp_window_lost(SmpWindow *window, SmpLoss loss, gint64 now)
{
	/* Where losses happen, one of the server's buffers is kept back for the repeat: with all of
	 * them possibly taken, it would have to wait until they surely are not. */
	if (window->max > 2 && !window->kept && window->size == window->max) {
		window->max--;
		window->kept = TRUE;
	}
	window->spare = FALSE;
	judge(window, loss, now);
	window->limit = MIN(window->limit, window->max);
	set_size(window, MIN(window->size, window->limit));
}

/* Whether each request is answered about as soon as it would be alone. Where it is not, the line or
 * the server is never idle, and one more in flight would only wait. */
static gboolean has_room(const SmpWindow *window, gint64 now)
{
	double spent = (double)(now - window->size_began - window->size_stalled);

	return window->size_answers >= 2 * window->size &&
	       spent * window->size <=
		       window->alone * (1 + 2 * TOLERANCE) * (window->size_answers - window->size);
}

void smp_window_proved(SmpWindow *window, gint64 now)
{
	if (!window->spare || window->size < window->max || !has_room(window, now))
		return;
	window->max++;
	window->spare = window->kept = FALSE;
}

guint smp_window_get_learned(const SmpWindow *window)
{
	return window->proven && window->limit < window->max ? window->limit : 0;
}

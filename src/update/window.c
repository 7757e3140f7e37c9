/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/window.h"

/* A first trial of a larger window after so many answers costs well below one percent. */
#define FIRST_TRIAL 256

void smp_window_init(SmpWindow *window, guint max, guint learned, gint64 now)
{
	*window = (SmpWindow){
		.size = 1,
		.limit = learned ? MIN(learned, max) : max,
		.max = max,
		.trial = FIRST_TRIAL,
		.stretch_began = now,
	};
}

void smp_window_answered(SmpWindow *window, gint64 took, gboolean alone)
{
	if (alone)
		window->alone = window->alone > 0 ? window->alone + (took - window->alone) / 8
						  : (double)took;
	window->stretch_answers++;
	if (++window->good >= window->trial && window->limit < window->max) {
		window->limit++;
		window->good = 0;
		window->trial = MIN(window->trial * 2, G_MAXUINT / 4);
	}
	if (window->size < window->limit && window->alone > 0)
		window->size++;
}

static gboolean stretch_paid(const SmpWindow *window, gint64 now)
{
	return window->alone * window->stretch_answers >= (double)(now - window->stretch_began);
}

void smp_window_lost(SmpWindow *window, gint64 now)
{
	/* Where losses happen, one of the server's buffers is kept back for the repeat: with all of
	 * them possibly taken, it would have to wait until they surely are not. */
	if (window->size == window->max && window->max > 2)
		window->max--;
	if (window->size > 1 && !stretch_paid(window, now))
		window->limit = MAX(MIN(window->limit, window->size) - 1, 1);
	window->limit = MIN(window->limit, window->max);
	window->size = MIN(window->size, window->limit);
	window->good = 0;
	window->stretch_began = now;
	window->stretch_answers = 0;
}

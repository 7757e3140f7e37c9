/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/window.h"

/* A first trial of a larger window after so many answers costs well below one percent. */
#define FIRST_TRIAL 256

void smp_window_init(SmpWindow *window, guint max)
{
	*window = (SmpWindow){.size = 1, .limit = max, .max = max, .trial = FIRST_TRIAL};
}

void smp_window_answered(SmpWindow *window)
{
	if (++window->good >= window->trial && window->limit < window->max) {
		window->limit++;
		window->good = 0;
		window->trial = MIN(window->trial * 2, G_MAXUINT / 4);
	}
	if (window->size < window->limit)
		window->size++;
}

void smp_window_lost(SmpWindow *window, guint in_flight)
{
	window->good = 0;
	if (in_flight > 1)
		window->limit = MAX(MIN(window->limit, in_flight) - 1, 1);
	window->size = MIN(window->size, window->limit);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/pages.h"

#define FIRST_PAGE 4096

/* Zephyr erases when its buffer of CONFIG_IMG_BLOCK_BUF_SIZE bytes (512, rarely 1024) is full and
 * goes to a new page, not when that page's first byte comes (stream_flash.c). */
#define BUFFERED 1024

/* No flash has larger pages. */
#define LARGEST ((gint64)1 << 40)

#define MAX_IDLE 32

/* What is late by more was not late for an erase. */
#define LONGEST_ERASE (2 * G_TIME_SPAN_SECOND)

void smp_pages_init(SmpPages *pages)
{
	*pages = (SmpPages){.begin = FIRST_PAGE, .end = FIRST_PAGE + BUFFERED};
}

/* The place, of those that repeat, which lies last before @end; as it is the first time, moved. */
static SmpPages last_before(const SmpPages *pages, guint64 end)
{
	gint64 period = pages->period ? pages->period : LARGEST;
	gint64 last = end - 1;
	gint64 begin = last - ((last - pages->begin) & (period - 1));

	return (SmpPages){.begin = begin, .end = begin + pages->end - pages->begin};
}

gboolean smp_pages_erases(const SmpPages *pages, gint64 begin, gint64 end)
{
	return begin < end && begin < last_before(pages, end).end;
}

gboolean smp_pages_learn(SmpPages *pages, gint64 begin, gint64 end, gint64 late)
{
	gint64 period = pages->period ? pages->period : LARGEST;
	gboolean first = !pages->taught;

	/* The largest page, no larger than the one known, of which one can have begun there. */
	while (end / period * period + BUFFERED <= begin)
		period /= 2;
	/* All pages begin at 0. */
	if (end < period)
		return FALSE;
	pages->period = period;
	pages->begin = begin;
	pages->end = end;
	pages->longest = CLAMP(late, pages->longest, LONGEST_ERASE);
	pages->taught = TRUE;
	pages->idle = 0;
	return first;
}

/* The answer to what made the board erase was late. */
static void confirm(SmpPages *pages, gint64 begin, gint64 end, gint64 late)
{
	SmpPages place = last_before(pages, end);

	pages->idle = 0;
	pages->longest = CLAMP(late, pages->longest, LONGEST_ERASE);
	/* Where a request is so long that it holds more than one place, any may be it. */
	if (end - begin + place.end - place.begin > pages->period)
		return;
	pages->begin = MAX(begin, place.begin);
	pages->end = MIN(end, place.end);
}

gboolean smp_pages_answered(SmpPages *pages, gint64 begin, gint64 end, gint64 late)
{
	/* Late by less, it was late for something else. */
	gboolean erased = late > 0 && late >= pages->longest / 2;

	if (!pages->period || !smp_pages_erases(pages, begin, end))
		return erased;
	if (erased) {
		confirm(pages, begin, end, late);
	} else if (pages->longest > 0 && ++pages->idle > MAX_IDLE) {
		pages->period = 0;
		pages->longest = 0;
	}
	return erased;
}

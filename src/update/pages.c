/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/pages.h"

#define FIRST_PAGE 4096

/* Zephyr erases when its buffer of CONFIG_IMG_BLOCK_BUF_SIZE bytes (512, rarely 1024) is full and
 * goes to a new page, not when that page's first byte comes (stream_flash.c). */
#define BUFFERED 1024

/* No flash has larger pages. */
#define LARGEST ((gint64)1 << 40)

/* A board may have blank pages; one that never erased where it should have was misjudged. */
#define MAX_IDLE 16

/* What is late by more was not late for an erase. */
#define LONGEST_ERASE (2 * G_TIME_SPAN_SECOND)

void smp_pages_init(SmpPages *pages)
{
	*pages = (SmpPages){.begin = FIRST_PAGE, .end = FIRST_PAGE + BUFFERED};
}

/* Of the places that repeat, the last that begins before @end. */
static void find_place(const SmpPages *pages, gint64 end, gint64 *place_begin, gint64 *place_end)
{
	gint64 period = pages->period ? pages->period : LARGEST;

	*place_begin = end - 1 - ((end - 1 - pages->begin) & (period - 1));
	*place_end = *place_begin + pages->end - pages->begin;
}

gboolean smp_pages_erases(const SmpPages *pages, gint64 begin, gint64 end)
{
	gint64 place_begin, place_end;

	find_place(pages, end, &place_begin, &place_end);
	return begin < end && begin < place_end;
}

/* The board erased where it was expected to. */
static void confirm(SmpPages *pages, gint64 begin, gint64 end, gint64 late)
{
	gint64 place_begin, place_end;

	pages->idle = 0;
	pages->longest = CLAMP(late, pages->longest, LONGEST_ERASE);
	find_place(pages, end, &place_begin, &place_end);
	/* Where a request is so long that it holds more than one place, any may be it. */
	if (end - begin + place_end - place_begin > pages->period)
		return;
	pages->begin = MAX(begin, place_begin);
	pages->end = MIN(end, place_end);
}

void smp_pages_suspect(SmpPages *pages, gint64 begin, gint64 end)
{
	pages->suspect_begin = begin;
	pages->suspect_end = end;
	pages->suspect_late = 0;
}

gboolean smp_pages_answered(SmpPages *pages, gint64 begin, gint64 end, gint64 took, gint64 late)
{
	/* Where an erase takes much longer, it was late for something else. */
	gboolean erased = late > 0 && took >= pages->longest / 2;
	gboolean expected = pages->period && smp_pages_erases(pages, begin, end);

	if (erased) {
		smp_pages_suspect(pages, begin, end);
		pages->suspect_late = late;
	}
	if (expected && erased) {
		confirm(pages, begin, end, late);
	} else if (expected && pages->longest > 0 && ++pages->idle > MAX_IDLE) {
		pages->period = 0;
		pages->longest = 0;
	}
	return erased;
}

gboolean smp_pages_learn(SmpPages *pages)
{
	gint64 begin = pages->suspect_begin, end = pages->suspect_end;
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
	pages->longest = CLAMP(pages->suspect_late, pages->longest, LONGEST_ERASE);
	pages->idle = 0;
	pages->taught = TRUE;
	return first;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SmpPages: at which offsets a board erases, as far as its losses told.
 * @period: from one erase to the next, a power of two, as pages are; 0 while none was learned
 * @begin, @end: it erases once it was given more than @begin and at most @end bytes, and every
 *   @period from there
 *
 * A board that is deaf while it erases loses what is sent behind the request that makes it erase.
 * As erases come at the same place of each page, one such loss foretells all others. Before the
 * first, a page of 4 KiB is assumed, the most frequent one, and only its end foretold.
 */
typedef struct {
	gint64 period;
	gint64 begin;
	gint64 end;
	gint64 longest; /* µs that an erase took; 0 where none was seen to make an answer late */
	guint idle;	/* requests in a row that should have made it erase, and did not */
	gboolean taught;
} SmpPages;

void smp_pages_init(SmpPages *pages);

/* Whether a request with the bytes from @begin to @end may make the board erase. */
gboolean smp_pages_erases(const SmpPages *pages, gint64 begin, gint64 end);

/* What was sent behind that request was lost in an erase. @late: µs by which its answer came late.
 * Returns: whether it is the first lesson, after which there should be no such loss */
gboolean smp_pages_learn(SmpPages *pages, gint64 begin, gint64 end, gint64 late);

/* A request was answered. Makes what was learned more exact, and forgets it where the board does
 * not erase after all. Returns: whether the answer was so late that the board may have erased */
gboolean smp_pages_answered(SmpPages *pages, gint64 begin, gint64 end, gint64 late);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SmpPages: at which offsets a board erases, as far as its losses told.
 * @period: from one erase to the next, a power of two, as pages are; 0 while none was learned
 * @begin, @end: it erases once it was given more than @begin and at most @end bytes, and every
 *   @period from there
 * @longest: µs that an erase took; 0 where none was seen to make an answer late
 *
 * A board that is deaf while it erases loses what is sent behind the request that makes it erase.
 * As erases come at the same place of each page, one such loss foretells all others. Before the
 * first, a page of 4 KiB is assumed, the most frequent one, and only its end foretold.
 */
typedef struct {
	gint64 period;
	gint64 begin;
	gint64 end;
	gint64 longest;
	guint idle; /* requests in a row that should have made it erase, and did not */
	gboolean taught;
	/* What may have made it erase last, and µs by which the answer came late. */
	gint64 suspect_begin;
	gint64 suspect_end;
	gint64 suspect_late;
} SmpPages;

void smp_pages_init(SmpPages *pages);

/* Whether a request with the bytes from @begin to @end may make the board erase. */
gboolean smp_pages_erases(const SmpPages *pages, gint64 begin, gint64 end);

/* A request was answered. @took: µs since it was sent and the answer before it came; @late: of
 * which so many were too many. Makes what was learned more exact, and forgets it where the board
 * does not erase after all. Returns: whether the board may have erased; then the request is suspect
 */
gboolean smp_pages_answered(SmpPages *pages, gint64 begin, gint64 end, gint64 took, gint64 late);

/* That request may have made the board erase, though the answer was not late. */
void smp_pages_suspect(SmpPages *pages, gint64 begin, gint64 end);

/* What was sent behind the suspect was lost. Returns: whether it is the first lesson, after which
 * there should be no such loss */
gboolean smp_pages_learn(SmpPages *pages);

G_END_DECLS

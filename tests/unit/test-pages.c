/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a board erases, from what was lost in its erases. */

#include "update/pages.h"

#define ALONE	20000
#define ERASE	85000
#define SILENCE (60 * G_TIME_SPAN_SECOND)

/* A board that erases a page of @size when it has @block bytes to write into it, and chunks. */
typedef struct {
	gint64 size;
	gint64 block;
	gint64 chunk;
} Board;

static gboolean erases(const Board *board, gint64 begin, gint64 end)
{
	gint64 last = (end - board->block) / board->size * board->size + board->block;

	return end >= board->block && last > begin;
}

/* Chunks that were foretold to make the board erase, and those that did without being foretold:
 * what is sent behind them is lost, and something is learned. */
static void upload(SmpPages *pages, const Board *board, gint64 size, guint *foretold, guint *lost)
{
	*foretold = *lost = 0;
	/* The erase of page 0 tells nothing of the size. */
	for (gint64 at = 1024 / board->chunk * board->chunk + board->chunk; at < size;
	     at += board->chunk) {
		gint64 end = at + board->chunk;
		gboolean erased = erases(board, at, end);
		gboolean known = pages->period && smp_pages_erases(pages, at, end);
		*foretold += known;
		g_assert_true(smp_pages_answered(pages, at, end, ALONE + (erased ? ERASE : 0),
						 erased ? ERASE : 0) == erased);
		if (!erased || known)
			continue;
		g_assert_true(smp_pages_learn(pages) == (*lost == 0));
		++*lost;
	}
}

/* One loss is enough, and hardly more is foretold than happens. */
static void test_learns(void)
{
	static const gint64 sizes[] = {4096, 16 << 10, 128 << 10};
	static const gint64 blocks[] = {1, 512, 1024};
	static const gint64 chunks[] = {90, 354, 950, 2000};

	for (guint i = 0; i < 3 * 3 * 4; i++) {
		Board board = {sizes[i % 3], blocks[i / 3 % 3], chunks[i / 9]};
		guint foretold, lost;
		SmpPages pages;
		smp_pages_init(&pages);
		upload(&pages, &board, 1 << 20, &foretold, &lost);
		guint count = (guint)((1 << 20) / board.size - 1);
		g_test_message("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT
			       ", chunks of %" G_GINT64_FORMAT ": %u lost, %u of %u foretold",
			       board.size, board.block, board.chunk, lost, foretold, count);
		g_assert_cmpuint(lost, ==, 1);
		g_assert_cmpint(pages.period, ==, board.size);
		g_assert_cmpuint(foretold, >=, count - 1);
		g_assert_cmpuint(foretold, <=, 2 * count);
	}
}

/* Before anything was lost, the end of the first page is looked at. */
static void test_first_page(void)
{
	SmpPages pages;

	smp_pages_init(&pages);
	g_assert_cmpint(pages.period, ==, 0);
	g_assert_false(smp_pages_erases(&pages, 0, 2000));
	g_assert_false(smp_pages_erases(&pages, 2000, 4096));
	g_assert_true(smp_pages_erases(&pages, 4096, 4097));
	g_assert_true(smp_pages_erases(&pages, 4000, 6000));
	g_assert_true(smp_pages_erases(&pages, 5119, 6000));
	g_assert_false(smp_pages_erases(&pages, 5120, 6000));
	g_assert_false(smp_pages_erases(&pages, 8000, 10000));
	g_assert_false(smp_pages_erases(&pages, 4500, 4500));
}

/* Where the first loss was not at the end of the first page, pages look larger; later losses put
 * that right. */
static void test_shrinks(void)
{
	SmpPages pages;

	smp_pages_init(&pages);
	g_assert_true(smp_pages_answered(&pages, 16300, 16600, ALONE + ERASE, ERASE));
	g_assert_true(smp_pages_learn(&pages));
	g_assert_cmpint(pages.period, ==, 16384);
	g_assert_true(smp_pages_answered(&pages, 24500, 24800, ALONE + ERASE, ERASE));
	g_assert_false(smp_pages_learn(&pages));
	g_assert_cmpint(pages.period, ==, 8192);
	g_assert_true(smp_pages_answered(&pages, 28600, 28900, ALONE + ERASE, ERASE));
	g_assert_false(smp_pages_learn(&pages));
	g_assert_cmpint(pages.period, ==, 4096);
	g_assert_true(smp_pages_erases(&pages, 32700, 33000));
	/* It does not grow again. */
	g_assert_true(smp_pages_answered(&pages, 65500, 65800, ALONE + ERASE, ERASE));
	g_assert_false(smp_pages_learn(&pages));
	g_assert_cmpint(pages.period, ==, 4096);
}

/* The beginning is the beginning of every page. */
static void test_beginning(void)
{
	SmpPages pages;

	smp_pages_init(&pages);
	g_assert_false(smp_pages_learn(&pages));
	g_assert_true(smp_pages_answered(&pages, 354, 708, ALONE + ERASE, ERASE));
	g_assert_false(smp_pages_learn(&pages));
	g_assert_cmpint(pages.period, ==, 0);
}

/* A board that does not erase there is not waited for for long; one that erases too fast to tell
 * is. */
static void test_forgets(void)
{
	for (guint seen = 0; seen < 2; seen++) {
		guint foretold = 0;
		SmpPages pages;
		smp_pages_init(&pages);
		if (seen)
			g_assert_true(smp_pages_answered(&pages, 4000, 4354, ALONE + ERASE, ERASE));
		else
			smp_pages_suspect(&pages, 4000, 4354);
		g_assert_true(smp_pages_learn(&pages));
		for (gint64 at = 4354; at < 1 << 20; at += 354) {
			foretold += pages.period && smp_pages_erases(&pages, at, at + 354);
			g_assert_false(smp_pages_answered(&pages, at, at + 354, ALONE, 0));
		}
		if (seen)
			g_assert_cmpuint(foretold, <=, 20);
		else
			g_assert_cmpuint(foretold, >=, 255);
	}
}

/* What is late by little is no erase, and moves nothing. */
static void test_noise(void)
{
	SmpPages pages;

	smp_pages_init(&pages);
	g_assert_true(smp_pages_answered(&pages, 4000, 4354, ALONE + ERASE, ERASE));
	g_assert_true(smp_pages_learn(&pages));
	SmpPages before = pages;
	for (gint64 at = 4354; at < 8000; at += 354)
		g_assert_false(smp_pages_answered(&pages, at, at + 354, ERASE / 3, ERASE / 4));
	g_assert_cmpint(pages.begin, ==, before.begin);
	g_assert_cmpint(pages.end, ==, before.end);
	g_assert_cmpint(pages.suspect_begin, ==, before.suspect_begin);
	/* One answer that was very late does not make each wait as long. */
	g_assert_true(smp_pages_answered(&pages, 8000, 8354, SILENCE + ALONE, SILENCE));
	g_assert_cmpint(pages.longest, <=, 3 * G_TIME_SPAN_SECOND);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pages/learns", test_learns);
	g_test_add_func("/pages/first-page", test_first_page);
	g_test_add_func("/pages/shrinks", test_shrinks);
	g_test_add_func("/pages/beginning", test_beginning);
	g_test_add_func("/pages/forgets", test_forgets);
	g_test_add_func("/pages/noise", test_noise);
	return g_test_run();
}

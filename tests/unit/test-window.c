/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many requests may be in flight, by what each costs. */

#include "update/window.h"

#define MS  1000
#define SEC (1000 * MS)

typedef struct {
	SmpWindow window;
	gint64 now;
} Case;

static void begin(Case *c, guint max, guint learned)
{
	c->now = 5000 * MS;
	smp_window_init(&c->window, max, learned, c->now);
}

/* @count answers, @took after one another, of which one is alone at first. */
static void answer(Case *c, guint count, gint64 took)
{
	for (guint i = 0; i < count; i++) {
		c->now += took;
		smp_window_answered(&c->window, took * c->window.size, c->window.size == 1,
				    c->window.size == 1, c->now);
		g_assert_cmpuint(c->window.size, >=, 1);
		g_assert_cmpuint(c->window.size, <=, c->window.max);
		g_assert_cmpuint(c->window.size, <=, MAX(c->window.limit, 1));
	}
}

static void lose(Case *c, gint64 took)
{
	c->now += took;
	smp_window_lost(&c->window, SMP_LOSS_ACCIDENT, c->now);
	g_assert_cmpuint(c->window.size, >=, 1);
	g_assert_cmpuint(c->window.size, <=, c->window.limit);
}

/* The last buffer is used when the board has shown that it listens. */
static void test_grows(void)
{
	Case c;

	for (guint max = 1; max <= 16; max++) {
		guint first = max > 2 ? max - 1 : max;
		begin(&c, max, 0);
		g_assert_cmpuint(c.window.size, ==, 1);
		for (guint i = 1; i < 60; i++) {
			answer(&c, 1, 10 * MS / c.window.size);
			g_assert_cmpuint(c.window.size, ==, MIN(i + 1, first));
		}
		for (guint i = 0; i < 3; i++)
			smp_window_proved(&c.window, c.now);
		answer(&c, 1, 10 * MS / c.window.size);
		g_assert_cmpuint(c.window.size, ==, max);
	}
}

/* Not where the line is busy without it. */
static void test_full(void)
{
	Case c;

	begin(&c, 3, 0);
	answer(&c, 1, 10 * MS);
	answer(&c, 20, 8 * MS);
	smp_window_proved(&c.window, c.now);
	answer(&c, 20, 8 * MS);
	g_assert_cmpuint(c.window.size, ==, 2);
	/* Now it is not. */
	smp_window_init(&c.window, 3, 0, c.now);
	answer(&c, 1, 20 * MS);
	answer(&c, 20, 10 * MS);
	smp_window_proved(&c.window, c.now);
	answer(&c, 1, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 3);
}

/* How long one takes alone has to be known first. */
static void test_alone_first(void)
{
	Case c;

	begin(&c, 4, 0);
	smp_window_answered(&c.window, 10 * MS, FALSE, FALSE, c.now);
	g_assert_cmpuint(c.window.size, ==, 1);
	smp_window_answered(&c.window, 10 * MS, TRUE, TRUE, c.now);
	g_assert_cmpuint(c.window.size, ==, 2);
}

/* The first may have been held up by an erase. */
static void test_first_held_up(void)
{
	Case c;

	begin(&c, 4, 0);
	smp_window_answered(&c.window, 130 * MS, TRUE, TRUE, c.now);
	smp_window_answered(&c.window, 45 * MS, FALSE, FALSE, c.now);
	g_assert_cmpint(smp_window_stalled(&c.window, 135 * MS), ==, 0);
	smp_window_answered(&c.window, 45 * MS, TRUE, FALSE, c.now);
	g_assert_cmpint(smp_window_stalled(&c.window, 135 * MS), ==, 90 * MS);
}

/* What is known of the board for the next upload. */
static void test_remembered(void)
{
	Case c;

	begin(&c, 4, 0);
	answer(&c, 10, 10 * MS);
	lose(&c, SEC);
	lose(&c, SEC);
	g_assert_cmpuint(c.window.limit, <, 4);
	g_assert_cmpuint(smp_window_get_learned(&c.window), ==, 0);
	begin(&c, 4, 0);
	answer(&c, 10, 10 * MS);
	c.now += 3 * SEC;
	smp_window_lost(&c.window, SMP_LOSS_SYSTEMATIC, c.now);
	g_assert_cmpuint(c.window.limit, <, 4);
	g_assert_cmpuint(smp_window_get_learned(&c.window), ==, c.window.limit);

	/* The next one takes it over, the one after that tries anew. */
	begin(&c, 4, 1);
	answer(&c, 100, 10 * MS);
	g_assert_cmpuint(c.window.limit, ==, 1);
	g_assert_cmpuint(smp_window_get_learned(&c.window), ==, 0);
}

static void test_learned(void)
{
	Case c;

	begin(&c, 8, 3);
	answer(&c, 50, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 3);
	begin(&c, 2, 3);
	answer(&c, 50, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 2);
	/* A long time without loss takes it further. */
	begin(&c, 8, 3);
	answer(&c, 900, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 3);
	answer(&c, 100, 10 * MS);
	g_assert_cmpuint(c.window.size, >, 3);
}

/* Losses that cost more than the window gains: one at a time. */
static void test_does_not_pay(void)
{
	Case c;
	gint64 tried = 0;

	begin(&c, 4, 0);
	answer(&c, 5, 10 * MS);
	for (guint i = 0; i < 6; i++) {
		answer(&c, 5, 10 * MS);
		lose(&c, 200 * MS);
	}
	g_assert_cmpuint(c.window.size, ==, 1);
	/* It is tried again, but costs no more than a small share of the time. */
	gint64 began = c.now;
	for (guint i = 0; i < 100000; i++) {
		answer(&c, 1, 10 * MS);
		if (c.window.size == 1)
			continue;
		lose(&c, 200 * MS);
		tried++;
	}
	g_assert_cmpint(tried, >, 10);
	g_assert_cmpint(tried * 200 * MS, <, (c.now - began) / 38);
}

/* What the board was busy with is no loss of the window's. */
static void test_stalled(void)
{
	Case c;

	begin(&c, 3, 0);
	g_assert_cmpint(smp_window_stalled(&c.window, 500 * MS), ==, 0);
	smp_window_answered(&c.window, 100 * MS, TRUE, TRUE, c.now);
	g_assert_cmpint(smp_window_stalled(&c.window, 105 * MS), ==, 0);
	for (guint i = 0; i < 20; i++) {
		answer(&c, 10, 90 * MS);
		g_assert_cmpint(smp_window_stalled(&c.window, 600 * MS), >=, 490 * MS);
		c.now += 500 * MS;
		lose(&c, 50 * MS);
		g_assert_cmpuint(c.window.size, ==, 2);
	}
}

/* One loss, however soon, does not take the window away. */
static void test_unlucky(void)
{
	Case c;

	begin(&c, 4, 0);
	answer(&c, 5, 10 * MS);
	lose(&c, 250 * MS);
	g_assert_cmpuint(c.window.size, ==, 3);
	answer(&c, 5, 10 * MS);
	lose(&c, 250 * MS);
	g_assert_cmpuint(c.window.size, ==, 2);
}

/* What a loss costs that teaches how to avoid the next is not held against the window. */
static void test_lesson(void)
{
	Case c;

	begin(&c, 4, 0);
	answer(&c, 5, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 3);
	c.now += SEC;
	smp_window_lost(&c.window, SMP_LOSS_LESSON, c.now);
	g_assert_cmpuint(c.window.size, ==, 3);
	answer(&c, 5, 10 * MS);
	c.now += SEC;
	smp_window_lost(&c.window, SMP_LOSS_SYSTEMATIC, c.now);
	g_assert_cmpuint(c.window.size, ==, 2);
}

/* Losses that are dear, but cheaper than to wait for each answer: the window stays. */
static void test_pays(void)
{
	Case c;

	begin(&c, 3, 0);
	smp_window_answered(&c.window, 100 * MS, TRUE, TRUE, c.now);
	for (guint i = 0; i < 20; i++) {
		/* Two in flight halve what each takes. */
		answer(&c, 40, 50 * MS);
		lose(&c, 300 * MS);
		g_assert_cmpuint(c.window.size, ==, 2);
	}
}

/* Where losses happen a buffer is kept for the repeat, once. */
static void test_keeps_a_buffer(void)
{
	Case c;

	for (guint proved = 0; proved < 2; proved++) {
		begin(&c, 3, 0);
		answer(&c, 1, 10 * MS);
		answer(&c, 10, 5 * MS);
		if (proved)
			smp_window_proved(&c.window, c.now);
		answer(&c, 10, 5 * MS);
		g_assert_cmpuint(c.window.size, ==, 2 + proved);
		for (guint i = 0; i < 10; i++) {
			lose(&c, 1);
			smp_window_proved(&c.window, c.now);
			g_assert_cmpuint(c.window.max, ==, 2);
			answer(&c, 2000, 1 * MS);
		}
	}
	/* Only one, also of many. */
	begin(&c, 8, 0);
	answer(&c, 1, 10 * MS);
	for (guint i = 0; i < 10; i++) {
		answer(&c, 2000, 1 * MS);
		lose(&c, 1);
		g_assert_cmpuint(c.window.max, ==, 7);
	}
	begin(&c, 1, 0);
	for (guint i = 0; i < 10; i++)
		lose(&c, 200 * MS);
	g_assert_cmpuint(c.window.size, ==, 1);
	g_assert_cmpuint(c.window.max, ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/window/grows", test_grows);
	g_test_add_func("/window/full", test_full);
	g_test_add_func("/window/alone-first", test_alone_first);
	g_test_add_func("/window/first-held-up", test_first_held_up);
	g_test_add_func("/window/remembered", test_remembered);
	g_test_add_func("/window/learned", test_learned);
	g_test_add_func("/window/does-not-pay", test_does_not_pay);
	g_test_add_func("/window/stalled", test_stalled);
	g_test_add_func("/window/unlucky", test_unlucky);
	g_test_add_func("/window/lesson", test_lesson);
	g_test_add_func("/window/pays", test_pays);
	g_test_add_func("/window/keeps-a-buffer", test_keeps_a_buffer);
	return g_test_run();
}

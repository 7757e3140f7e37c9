/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many requests may be in flight, by what each costs. */

#include "update/window.h"

#define MS 1000

typedef struct {
	SmpWindow window;
	gint64 now;
} Case;

static void begin(Case *c, guint max, guint learned)
{
	c->now = 5000 * MS;
	smp_window_init(&c->window, max, learned, c->now);
}

/* @count answers, each after @took, of which one is alone at first. */
static void answer(Case *c, guint count, gint64 took)
{
	for (guint i = 0; i < count; i++) {
		c->now += took;
		smp_window_answered(&c->window, took, c->window.size == 1, c->now);
		g_assert_cmpuint(c->window.size, >=, 1);
		g_assert_cmpuint(c->window.size, <=, c->window.max);
		g_assert_cmpuint(c->window.size, <=, MAX(c->window.limit, 1));
	}
}

static void lose(Case *c, gint64 took)
{
	c->now += took;
	smp_window_lost(&c->window, c->now);
	g_assert_cmpuint(c->window.size, >=, 1);
	g_assert_cmpuint(c->window.size, <=, c->window.limit);
}

static void test_grows(void)
{
	Case c;

	for (guint max = 1; max <= 16; max++) {
		begin(&c, max, 0);
		g_assert_cmpuint(c.window.size, ==, 1);
		for (guint i = 1; i < 20; i++) {
			answer(&c, 1, 10 * MS);
			g_assert_cmpuint(c.window.size, ==, MIN(i + 1, max));
		}
	}
}

/* How long one takes alone has to be known first. */
static void test_alone_first(void)
{
	Case c;

	begin(&c, 4, 0);
	smp_window_answered(&c.window, 10 * MS, FALSE, c.now);
	g_assert_cmpuint(c.window.size, ==, 1);
	smp_window_answered(&c.window, 10 * MS, TRUE, c.now);
	g_assert_cmpuint(c.window.size, ==, 2);
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
	/* A long run without loss takes it further. */
	begin(&c, 8, 3);
	answer(&c, 300, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 4);
}

/* Losses that cost more than the window gains: one at a time. */
static void test_does_not_pay(void)
{
	Case c;

	begin(&c, 4, 0);
	answer(&c, 5, 10 * MS);
	for (guint i = 0; i < 6; i++) {
		answer(&c, 5, 10 * MS);
		lose(&c, 200 * MS);
	}
	g_assert_cmpuint(c.window.size, ==, 1);
	/* It is tried again, but seldom: the second time after twice as many answers. */
	answer(&c, 255, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 1);
	answer(&c, 1, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 2);
	lose(&c, 200 * MS);
	g_assert_cmpuint(c.window.size, ==, 1);
	answer(&c, 300, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 1);
	answer(&c, 212, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 2);
}

/* Losses that are dear, but cheaper than to wait for each answer: the window stays. */
static void test_pays(void)
{
	Case c;

	begin(&c, 3, 0);
	smp_window_answered(&c.window, 100 * MS, TRUE, c.now);
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

	begin(&c, 3, 0);
	answer(&c, 10, 10 * MS);
	g_assert_cmpuint(c.window.size, ==, 3);
	lose(&c, 1);
	g_assert_cmpuint(c.window.max, ==, 2);
	for (guint i = 0; i < 10; i++) {
		answer(&c, 2000, 1 * MS);
		lose(&c, 1);
		g_assert_cmpuint(c.window.max, ==, 2);
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
	g_test_add_func("/window/alone-first", test_alone_first);
	g_test_add_func("/window/learned", test_learned);
	g_test_add_func("/window/does-not-pay", test_does_not_pay);
	g_test_add_func("/window/pays", test_pays);
	g_test_add_func("/window/keeps-a-buffer", test_keeps_a_buffer);
	return g_test_run();
}

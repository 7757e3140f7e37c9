/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packets through a server that drops lines, and one that was away: how many go with pauses. */

#include "transports/line-pace.h"

#define MS G_TIME_SPAN_MILLISECOND

typedef struct {
	SmpLinePace pace;
	guint8 sequence;
	guint lost;
	guint paced;
} Line;

/* @pool: packets without pauses are lost */
static void exchange(Line *line, gboolean lines, gboolean pool)
{
	gint64 pause = smp_line_pace_send(&line->pace, ++line->sequence, lines);

	line->paced += pause > 0;
	if (lines && pool && pause == 0) {
		line->lost++;
		smp_line_pace_lost(&line->pace);
	} else {
		smp_line_pace_answered(&line->pace, line->sequence);
	}
}

static void lose(Line *line, guint n, gboolean lines)
{
	for (guint i = 0; i < n; i++) {
		(void)smp_line_pace_send(&line->pace, ++line->sequence, lines);
		smp_line_pace_lost(&line->pace);
	}
}

static void test_away(void)
{
	Line line = {0};

	smp_line_pace_init(&line.pace, 0);
	lose(&line, 5, TRUE);
	g_assert_cmpint(line.pace.now, ==, 20 * MS);
	for (guint i = 0; i < 100; i++)
		exchange(&line, TRUE, FALSE);
	g_assert_cmpuint(line.paced, ==, 4);
	g_assert_cmpint(line.pace.now, ==, 0);
}

/* Each trial costs a packet: there are fewer and fewer. */
static void test_pool(void)
{
	Line line = {0};

	smp_line_pace_init(&line.pace, 0);
	for (guint i = 0; i < 5000; i++)
		exchange(&line, TRUE, TRUE);
	g_assert_cmpuint(line.lost, <, 2 + 13);
	g_assert_cmpint(line.pace.now, ==, 10 * MS);
}

/* What fits a line tells nothing of the pool. */
static void test_short(void)
{
	Line line = {0};

	smp_line_pace_init(&line.pace, 0);
	lose(&line, 5, FALSE);
	g_assert_cmpint(line.pace.now, ==, 0);
	lose(&line, 2, TRUE);
	for (guint i = 0; i < 100; i++)
		exchange(&line, FALSE, TRUE);
	g_assert_cmpint(line.pace.now, ==, 10 * MS);
	g_assert_cmpuint(line.lost, ==, 0);
}

/* The user's own pause is the least. */
static void test_given(void)
{
	Line line = {0};

	smp_line_pace_init(&line.pace, 15 * MS);
	lose(&line, 2, TRUE);
	g_assert_cmpint(line.pace.now, ==, 20 * MS);
	for (guint i = 0; i < 10; i++)
		exchange(&line, TRUE, FALSE);
	g_assert_cmpint(line.pace.now, ==, 15 * MS);
}

int main(int argc, char *argv[])
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/line-pace/away", test_away);
	g_test_add_func("/line-pace/pool", test_pool);
	g_test_add_func("/line-pace/short", test_short);
	g_test_add_func("/line-pace/given", test_given);
	return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a request is taken for lost, by how long others took. */

#include "session/round-trip.h"

#define MS   1000
#define SIZE 380

static void learn(SmpRoundTrip *trip, guint count, gint64 took)
{
	for (guint i = 0; i < count; i++)
		smp_round_trip_learn(trip, took, SIZE);
}

static gint64 rto(const SmpRoundTrip *trip)
{
	return smp_round_trip_rto_for(trip, SIZE) / MS;
}

/* Nothing known, little known, and then as soon as a quick board allows. */
static void test_quick(void)
{
	SmpRoundTrip trip = {0};

	g_assert_cmpint(rto(&trip), ==, 700);
	learn(&trip, 3, 5 * MS);
	g_assert_cmpint(rto(&trip), ==, 200);
	g_assert_cmpint(smp_round_trip_rto_for(&trip, 3 * SIZE) / MS, ==, 700);
	learn(&trip, 20, 5 * MS);
	g_assert_cmpint(rto(&trip), ==, 100);
}

/* One erase is remembered for a while: the next may come with any request. */
static void test_erase(void)
{
	SmpRoundTrip trip = {0};

	learn(&trip, 20, 5 * MS);
	learn(&trip, 1, 90 * MS);
	learn(&trip, 20, 5 * MS);
	g_assert_cmpint(rto(&trip), >, 90);
	learn(&trip, 300, 5 * MS);
	g_assert_cmpint(rto(&trip), ==, 100);
}

/* A slow line is given what it takes, and more. */
static void test_slow(void)
{
	SmpRoundTrip trip = {0};

	learn(&trip, 50, 240 * MS);
	g_assert_cmpint(rto(&trip), >=, 240);
	g_assert_cmpint(rto(&trip), <, 500);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/round-trip/quick", test_quick);
	g_test_add_func("/round-trip/erase", test_erase);
	g_test_add_func("/round-trip/slow", test_slow);
	return g_test_run();
}

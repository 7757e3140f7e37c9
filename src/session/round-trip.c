/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/round-trip.h"

/* What is assumed before the first round trip was seen, and the least that is waited. */
#define RTO_INITIAL (700 * G_TIME_SPAN_MILLISECOND)
#define RTO_MIN	    (200 * G_TIME_SPAN_MILLISECOND)

/* Where a number of answers came much sooner than that, the board does not erase in between. */
#define RTO_MIN_STEADY (100 * G_TIME_SPAN_MILLISECOND)
#define STEADY	       8
#define FORGET	       (1.0 / 64)

/* RFC 6298. Every copy of a request has its own number, so every answer is a good sample; but one
 * that waited for an erase tells little about the next. */
void smp_round_trip_learn(SmpRoundTrip *trip, gint64 took, gsize size)
{
	double sample = (double)took;
	double most = 4 * trip->smoothed + 100 * G_TIME_SPAN_MILLISECOND;

	trip->answers++;
	trip->longest = MAX(sample, trip->longest * (1 - FORGET));
	/* What is cut does not show either how long a request of this size takes. */
	if (trip->smoothed == 0 || sample <= most)
		trip->largest = MAX(trip->largest, size);
	if (trip->smoothed == 0) {
		trip->smoothed = sample;
		trip->variation = sample / 2;
		return;
	}
	sample = MIN(sample, most);
	trip->variation += (ABS(trip->smoothed - sample) - trip->variation) / 4;
	trip->smoothed += (sample - trip->smoothed) / 8;
}

static gint64 least(const SmpRoundTrip *trip)
{
	if (trip->answers < STEADY)
		return RTO_MIN;
	return CLAMP((gint64)(2 * trip->longest), RTO_MIN_STEADY, RTO_MIN);
}

/* Until a request of about this size was seen to come back, its time on the line is unknown. */
gint64 smp_round_trip_rto_for(const SmpRoundTrip *trip, gsize size)
{
	if (trip->smoothed == 0)
		return RTO_INITIAL;
	gint64 rto =
		CLAMP((gint64)(trip->smoothed + 4 * trip->variation), least(trip), SMP_RTO_MAX);
	return size > 2 * trip->largest ? MAX(rto, RTO_INITIAL) : rto;
}

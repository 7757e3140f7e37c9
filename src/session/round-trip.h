/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SMP_RTO_MAX (10 * G_TIME_SPAN_SECOND)

/**
 * SmpRoundTrip: how long answers take, learned from those that came; zeros at the beginning.
 * @smoothed, @variation: µs; 0 until known
 * @longest: µs; the longest of late: it counts less with each answer after it
 * @answers: how many came
 * @largest: bytes of the largest request of which a round trip was seen
 */
typedef struct {
	double smoothed;
	double variation;
	double longest;
	guint answers;
	gsize largest;
} SmpRoundTrip;

/* The answer to a request of @size bytes took @took µs. */
void smp_round_trip_learn(SmpRoundTrip *trip, gint64 took, gsize size);

/* µs after which a request of @size bytes is taken for lost. */
gint64 smp_round_trip_rto_for(const SmpRoundTrip *trip, gsize size);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/traffic.h"

/* Where a request takes so long, its loss is dear. The line then needs most of that time, so that
 * little is lost where the first request behind an erase is a small one. */
#define DEAR_LOSS (120 * G_TIME_SPAN_MILLISECOND)

/* Smaller chunks would be followed by too many small ones until it is clear where the page ends. */
#define LARGE_CHUNK 512

SmpRisk smp_traffic_get_risk(const SmpTraffic *traffic, gsize chunk)
{
	const SmpFlights *flights = &traffic->flights;
	guint i = 0;

	while (i < flights->n &&
	       (flights->list[i].doubted ||
		!smp_pages_erases(&traffic->pages, flights->list[i].offset, flights->list[i].end)))
		i++;
	if (i == flights->n)
		return SMP_RISK_NONE;
	if (traffic->pages.period)
		return SMP_RISK_LOSS;
	if (flights->hearing != SMP_HEARING_UNKNOWN || traffic->window.alone < DEAR_LOSS ||
	    chunk < LARGE_CHUNK)
		return SMP_RISK_NONE;
	return i + 1 == flights->n ? SMP_RISK_TRIAL : SMP_RISK_LOSS;
}

/* When the one sent last should have been answered, too, after @flight was at @now. What it needs
 * on the line was not over when that was. */
static gint64 last_due(const SmpTraffic *traffic, const SmpFlight *flight, gint64 since, gint64 now)
{
	const SmpFlight *last = &traffic->flights.list[traffic->flights.n - 1];
	gint64 patience = smp_window_get_patience(&traffic->window);
	gint64 next = patience * (gint64)last->size / (gint64)flight->size;

	return MAX(since + patience + next, now + next / 2);
}

/* An answer that came late, perhaps after an erase, casts doubt on what was in flight meanwhile. */
static void note_answer(SmpTraffic *traffic, const SmpFlight *flight, gint64 since, gint64 now)
{
	SmpFlights *flights = &traffic->flights;
	gint64 late = smp_window_stalled(&traffic->window, now - since);
	gboolean erased =
		smp_pages_answered(&traffic->pages, flight->offset, flight->end, now - since, late);

	if (flights->n == 0)
		return;
	gint64 until = last_due(traffic, flight, since, now);
	if (erased)
		traffic->resync = smp_flights_risk(flights, until);
	else if (smp_flights_await_trial(flights, until))
		smp_pages_suspect(&traffic->pages, flight->offset, flight->end);
}

static void note_loss(SmpTraffic *traffic, gboolean deaf, gint64 now)
{
	SmpLoss loss = deaf ? SMP_LOSS_SYSTEMATIC : SMP_LOSS_ACCIDENT;

	if (deaf && smp_pages_learn(&traffic->pages))
		loss = SMP_LOSS_LESSON;
	smp_window_lost(&traffic->window, loss, now);
}

gboolean smp_traffic_take(SmpTraffic *traffic, SmpSession *session, guint8 sequence, gint64 heard,
			  gint64 now, SmpFlight *flight)
{
	SmpPassed passed;

	if (!smp_flights_take(&traffic->flights, session, sequence, flight, &passed))
		return FALSE;
	if (passed != SMP_PASSED_NONE)
		note_loss(traffic, passed == SMP_PASSED_DEAF, now);
	else if (heard)
		note_answer(traffic, flight, MAX(heard, flight->sent_at), now);
	return TRUE;
}

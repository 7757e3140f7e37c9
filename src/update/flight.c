/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/flight.h"

#include <string.h>

/* Removes the first @n. */
static void drop(SmpFlights *flights, SmpSession *session, guint n)
{
	for (guint i = 0; i < n; i++)
		smp_session_forget(session, flights->list[i].sequence);
	flights->n -= n;
	memmove(flights->list, flights->list + n, flights->n * sizeof *flights->list);
}

void smp_flights_add(SmpFlights *flights, SmpSession *session, SmpFlight flight)
{
	if (flights->n == SMP_FLIGHTS_MAX)
		drop(flights, session, 1);
	flight.first = flight.alone = flights->n == 0;
	if (flights->n > 0)
		flights->list[0].alone = FALSE;
	flights->list[flights->n++] = flight;
}

guint smp_flights_expected(const SmpFlights *flights)
{
	guint n = 0;

	for (guint i = 0; i < flights->n; i++)
		n += !flights->list[i].doubted;
	return n;
}

const SmpFlight *smp_flights_oldest(const SmpFlights *flights)
{
	for (guint i = 0; i < flights->n; i++) {
		if (!flights->list[i].doubted)
			return &flights->list[i];
	}
	return NULL;
}

gboolean smp_flights_expects(const SmpFlights *flights, guint64 offset)
{
	for (guint i = 0; i < flights->n; i++) {
		if (!flights->list[i].doubted && flights->list[i].offset == offset)
			return TRUE;
	}
	return FALSE;
}

void smp_flights_doubt(SmpFlights *flights)
{
	flights->lost += smp_flights_expected(flights);
	flights->hold_until = 0;
	for (guint i = 0; i < flights->n; i++)
		flights->list[i].doubted = TRUE;
}

gboolean smp_flights_risk(SmpFlights *flights, gint64 until)
{
	for (guint i = 0; i < flights->n; i++) {
		flights->list[i].at_risk = TRUE;
		flights->list[i].trial = FALSE;
	}
	if (flights->hearing == SMP_HEARING_DEAF)
		smp_flights_doubt(flights);
	else if (flights->hearing == SMP_HEARING_UNKNOWN && smp_flights_oldest(flights))
		flights->hold_until = until;
	return flights->hearing == SMP_HEARING_DEAF;
}

gboolean smp_flights_await_trial(SmpFlights *flights, gint64 until)
{
	SmpFlight *last = flights->n > 0 ? &flights->list[flights->n - 1] : NULL;

	if (!last || !last->trial)
		return FALSE;
	last->at_risk = TRUE;
	flights->hold_until = until;
	return TRUE;
}

void smp_flights_forget(SmpFlights *flights, SmpSession *session)
{
	drop(flights, session, flights->n);
	flights->hold_until = 0;
}

/* The first @n are lost. */
static SmpPassed pass(SmpFlights *flights, guint n)
{
	SmpPassed passed = n > 0 ? SMP_PASSED_SOME : SMP_PASSED_NONE;

	for (guint i = 0; i < n; i++) {
		flights->lost += !flights->list[i].doubted;
		if (flights->list[i].at_risk)
			passed = SMP_PASSED_DEAF;
	}
	return passed;
}

gboolean smp_flights_take(SmpFlights *flights, SmpSession *session, guint8 sequence,
			  SmpFlight *flight, SmpPassed *passed)
{
	guint i = 0;

	while (i < flights->n && flights->list[i].sequence != sequence)
		i++;
	if (i == flights->n)
		return FALSE;
	*flight = flights->list[i];
	*passed = pass(flights, i);
	if (*passed == SMP_PASSED_DEAF)
		flights->hearing = SMP_HEARING_DEAF;
	else if (flight->at_risk && !flight->trial)
		flights->hearing = SMP_HEARING_LISTENS;
	/* It was counted as lost, and was not. */
	flights->lost -= flight->doubted;
	flights->hold_until = 0;
	drop(flights, session, i + 1);
	return TRUE;
}

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
	flight.alone = flights->n == 0;
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

guint smp_flights_doubt(SmpFlights *flights)
{
	guint n = smp_flights_expected(flights);

	for (guint i = 0; i < flights->n; i++)
		flights->list[i].doubted = TRUE;
	return n;
}

void smp_flights_set_at_risk(SmpFlights *flights)
{
	for (guint i = 0; i < flights->n; i++)
		flights->list[i].at_risk = TRUE;
}

gboolean smp_flights_any_at_risk(const SmpFlights *flights)
{
	for (guint i = 0; i < flights->n; i++) {
		if (flights->list[i].at_risk)
			return TRUE;
	}
	return FALSE;
}

void smp_flights_forget(SmpFlights *flights, SmpSession *session)
{
	drop(flights, session, flights->n);
}

gboolean smp_flights_take(SmpFlights *flights, SmpSession *session, guint8 sequence,
			  SmpFlight *flight, SmpFlights *passed)
{
	for (guint i = 0; i < flights->n; i++) {
		if (flights->list[i].sequence != sequence)
			continue;
		*flight = flights->list[i];
		passed->n = i;
		memcpy(passed->list, flights->list, i * sizeof *flights->list);
		drop(flights, session, i + 1);
		return TRUE;
	}
	return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

G_BEGIN_DECLS

/* Requests in flight at once, those that were given up among them. */
#define SMP_FLIGHTS_MAX 32

/**
 * SmpFlight: one request of a transfer that has no answer yet.
 * @offset, @end: what it carries
 * @size: of the packet
 * @alone: nothing else was in flight while it was
 * @at_risk: it was in flight when an answer came late, as after an erase
 * @doubted: taken for lost. Its answer, should it come all the same, is as good as any.
 */
typedef struct {
	guint8 sequence;
	guint64 offset;
	guint64 end;
	gint64 sent_at;
	gsize size;
	gboolean alone;
	gboolean at_risk;
	gboolean doubted;
} SmpFlight;

/* In the order of sending. */
typedef struct {
	SmpFlight list[SMP_FLIGHTS_MAX];
	guint n;
} SmpFlights;

/* Where there is no place, the oldest is forgotten. */
void smp_flights_add(SmpFlights *flights, SmpSession *session, SmpFlight flight);

/* Those whose answers are waited for. */
guint smp_flights_expected(const SmpFlights *flights);

/* The first of them; NULL if there is none. */
const SmpFlight *smp_flights_oldest(const SmpFlights *flights);

/* Whether one of them carries what is at @offset. */
gboolean smp_flights_expects(const SmpFlights *flights, guint64 offset);

/* Takes all for lost. Returns: how many were not already */
guint smp_flights_doubt(SmpFlights *flights);

void smp_flights_set_at_risk(SmpFlights *flights);
gboolean smp_flights_any_at_risk(const SmpFlights *flights);

void smp_flights_forget(SmpFlights *flights, SmpSession *session);

/**
 * smp_flights_take:
 * @passed: (out): those sent before it, which are lost: servers answer in order
 *
 * Removes the request with @sequence and all before it. Returns: FALSE if there is none
 */
gboolean smp_flights_take(SmpFlights *flights, SmpSession *session, guint8 sequence,
			  SmpFlight *flight, SmpFlights *passed);

G_END_DECLS

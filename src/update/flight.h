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
 * @first: nothing was in flight when it was sent
 * @alone: nor until it was answered
 * @trial: a small one, to see whether the board listens while it erases, if that is what it does
 * @at_risk: it was in flight when an answer came late, as after an erase
 * @doubted: taken for lost. Its answer, should it come all the same, is as good as any.
 */
typedef struct {
	guint8 sequence;
	guint64 offset;
	guint64 end;
	gint64 sent_at;
	gsize size;
	gboolean first;
	gboolean alone;
	gboolean trial;
	gboolean at_risk;
	gboolean doubted;
} SmpFlight;

/* What became of those that were in flight when an answer came late. */
typedef enum {
	SMP_HEARING_UNKNOWN,
	SMP_HEARING_LISTENS,
	SMP_HEARING_DEAF,
} SmpHearing;

/**
 * SmpFlights: all of them, in the order of sending.
 * @lost: requests that went unanswered
 * @hold_until: nothing more is to be sent until then or the next answer; 0 for no such time
 */
typedef struct {
	SmpFlight list[SMP_FLIGHTS_MAX];
	guint n;
	guint lost;
	SmpHearing hearing;
	gint64 hold_until;
} SmpFlights;

/* What became of requests sent before the one that was answered: servers answer in order. */
typedef enum {
	SMP_PASSED_NONE,
	SMP_PASSED_SOME, /* lost */
	SMP_PASSED_DEAF, /* lost, and they were at risk */
} SmpPassed;

/* Where there is no place, the oldest is forgotten. */
void smp_flights_add(SmpFlights *flights, SmpSession *session, SmpFlight flight);

/* Those whose answers are waited for. */
guint smp_flights_expected(const SmpFlights *flights);

/* The first of them; NULL if there is none. */
const SmpFlight *smp_flights_oldest(const SmpFlights *flights);

/* Whether one of them carries what is at @offset. */
gboolean smp_flights_expects(const SmpFlights *flights, guint64 offset);

/* Takes all for lost. */
void smp_flights_doubt(SmpFlights *flights);

/* An answer came late, perhaps after an erase. What was in flight meanwhile may have fallen on deaf
 * ears: if it did the last time it is taken for lost; the first time it is waited for until @until,
 * before more is sent in vain. Returns: whether it is taken for lost */
gboolean smp_flights_risk(SmpFlights *flights, gint64 until);

/* An answer came in time, and behind its request there is a trial. The erase may have been too
 * short to tell, or there was none. So the trial is waited for until @until, and proves something
 * only if it is lost. Returns: FALSE where the last is no trial */
gboolean smp_flights_await_trial(SmpFlights *flights, gint64 until);

void smp_flights_forget(SmpFlights *flights, SmpSession *session);

/* Removes the request with @sequence, which was answered, and all sent before it. Returns: FALSE if
 * there is none */
gboolean smp_flights_take(SmpFlights *flights, SmpSession *session, guint8 sequence,
			  SmpFlight *flight, SmpPassed *passed);

G_END_DECLS

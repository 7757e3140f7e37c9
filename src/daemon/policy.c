/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/policy.h"
#include "daemon/names.h"

#include <smp/plan.h>

#define MAX_ROLLBACKS 2
#define MAX_BACKOFF   (24 * 3600)

void smpd_record_clear(SmpdRecord *record)
{
	g_free(record->firmware);
	g_free(record->refused);
	g_free(record->settled);
	g_free(record->job);
	*record = (SmpdRecord){0};
}

static gboolean is_end(const char *result, SmpEnd end)
{
	return g_str_equal(result, smp_end_name(end));
}

/* Cancelled by a person: not tried behind their back. */
static gboolean is_refusal(const char *result)
{
	return is_end(result, SMP_END_REFUSED) || g_str_equal(result, SMPD_RESULT_CANCELLED);
}

static gboolean is_good(const char *result)
{
	return is_end(result, SMP_END_UPDATED) || is_end(result, SMP_END_UP_TO_DATE) ||
	       is_end(result, SMP_END_ON_TRIAL) || is_end(result, SMP_END_UPLOADED);
}

void smpd_record_add(SmpdRecord *record, const char *firmware, const char *job, const char *result,
		     const char *message, const char *running, gint64 now)
{
	/* The daemon was killed between counting and the end of the job. */
	if (g_strcmp0(record->job, job) == 0)
		return;
	if (g_strcmp0(record->firmware, firmware) != 0) {
		smpd_record_clear(record);
		record->firmware = g_strdup(firmware);
	}
	g_free(record->job);
	record->job = g_strdup(job);
	record->last = now;
	if (is_good(result)) {
		g_autofree char *settled = g_strdup(running);
		record->failures = record->rollbacks = 0;
		g_free(record->settled);
		record->settled = g_steal_pointer(&settled);
	} else if (is_refusal(result)) {
		g_free(record->refused);
		record->refused = g_strdup(message);
	} else {
		record->failures++;
		record->rollbacks += is_end(result, SMP_END_ROLLED_BACK);
	}
}

static void decide(SmpdDecision *decision, SmpdDecisionKind kind, gint64 again, char *text)
{
	*decision = (SmpdDecision){.kind = kind, .again = again, .text = text};
}

static char *time_text(const SmpdSituation *situation, gint64 time)
{
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(time);
	g_autoptr(GDateTime) local =
		utc ? g_date_time_to_timezone(utc, g_date_time_get_timezone(situation->now)) : NULL;

	return local ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : g_strdup("?");
}

static gint64 backoff(const SmpdRules *rules, guint failures)
{
	gint64 seconds = rules->backoff;

	for (guint i = 1; i < failures && seconds < MAX_BACKOFF; i++)
		seconds *= 2;
	return MIN(seconds, MAX_BACKOFF);
}

/* Returns: (nullable): why it is not tried again */
static char *held(const SmpdRules *rules, const SmpdRecord *record)
{
	if (record->refused)
		return g_strdup_printf("held: %s", record->refused);
	if (record->rollbacks >= MAX_ROLLBACKS)
		return g_strdup_printf("held: it went back to its old image %u times",
				       record->rollbacks);
	if (record->failures > rules->retries)
		return g_strdup_printf("held: it failed %u times", record->failures);
	return NULL;
}

static gboolean decide_trouble(const SmpdSituation *situation, SmpdDecision *decision)
{
	const SmpdRecord *record = situation->record;
	gint64 now = g_date_time_to_unix(situation->now);

	if (g_strcmp0(record->firmware, situation->wanted) != 0)
		return FALSE;
	char *why = held(situation->rules, record);
	if (why) {
		decide(decision, SMPD_DECISION_HELD, 0, why);
		return TRUE;
	}
	gint64 again = record->last + backoff(situation->rules, record->failures);
	/* A clock that was set back does not make it wait for longer. */
	if (record->failures == 0 || now >= again || now < record->last)
		return FALSE;
	g_autofree char *time = time_text(situation, again);
	decide(decision, SMPD_DECISION_LATER, again, g_strdup_printf("tries again at %s", time));
	return TRUE;
}

/* The image goes by another hash once it is installed (compressed images do): what was found good
 * by the planner is. */
static gboolean is_settled(const SmpdSituation *situation)
{
	const SmpdRecord *record = situation->record;

	return situation->runs || (record->settled && situation->running &&
				   g_strcmp0(record->firmware, situation->wanted) == 0 &&
				   g_str_equal(record->settled, situation->running));
}

static void decide_time(const SmpdSituation *situation, SmpdDecision *decision)
{
	const GArray *windows = situation->rules->windows;

	if (situation->inhibited) {
		decide(decision, SMPD_DECISION_INHIBITED, 0, g_strdup("inhibited"));
	} else if (decide_trouble(situation, decision)) {
		return;
	} else if (!smpd_windows_open(windows, situation->now)) {
		gint64 next = smpd_windows_next(windows, situation->now);
		g_autofree char *time = time_text(situation, next);
		decide(decision, SMPD_DECISION_WINDOW, next,
		       g_strdup_printf("waits for its window at %s", time));
	} else {
		decide(decision, SMPD_DECISION_START, 0, g_strdup("updating"));
	}
}

void smpd_decide(const SmpdSituation *situation, SmpdDecision *decision)
{
	if (situation->busy)
		decide(decision, SMPD_DECISION_UPDATING, 0, g_strdup("updating"));
	else if (situation->problem)
		decide(decision, SMPD_DECISION_PROBLEM, 0,
		       g_strdup_printf("problem: %s", situation->problem));
	else if (!situation->wanted)
		decide(decision, SMPD_DECISION_NONE, 0, g_strdup("none"));
	else if (!situation->present)
		decide(decision, SMPD_DECISION_AWAY, 0, g_strdup("away"));
	else if (is_settled(situation))
		decide(decision, SMPD_DECISION_SATISFIED, 0, g_strdup("satisfied"));
	else
		decide_time(situation, decision);
}

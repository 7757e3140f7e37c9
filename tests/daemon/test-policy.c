/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Decisions and maintenance windows, as tables. */

#include "daemon/policy.h"

#include <smp/plan.h>

/* 2026-11-21 is a Saturday. */
static GDateTime *at(const char *text)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	GDateTime *time = g_date_time_new_from_iso8601(text, utc);

	g_assert_nonnull(time);
	return time;
}

static void test_windows(void)
{
	static const struct {
		const char *windows;
		const char *time;
		gboolean open;
		const char *next;
	} cases[] = {
		{"02:00-05:00", "2026-11-21T01:59:59", FALSE, "2026-11-21T02:00:00"},
		{"02:00-05:00", "2026-11-21T02:00:00", TRUE, "2026-11-22T02:00:00"},
		{"02:00-05:00", "2026-11-21T04:59:59", TRUE, "2026-11-22T02:00:00"},
		{"02:00-05:00", "2026-11-21T05:00:00", FALSE, "2026-11-22T02:00:00"},
		{"Sat,Sun 02:00-05:00", "2026-11-21T03:00:00", TRUE, "2026-11-22T02:00:00"},
		{"Sat,Sun 02:00-05:00", "2026-11-23T03:00:00", FALSE, "2026-11-28T02:00:00"},
		{"mon-fri 02:00-05:00", "2026-11-21T03:00:00", FALSE, "2026-11-23T02:00:00"},
		{"Sat-Mon 02:00-05:00", "2026-11-23T03:00:00", TRUE, "2026-11-28T02:00:00"},
		{"22:00-04:00", "2026-11-21T03:59:00", TRUE, "2026-11-21T22:00:00"},
		{"22:00-04:00", "2026-11-21T04:00:00", FALSE, "2026-11-21T22:00:00"},
		{"Fri 22:00-04:00", "2026-11-21T03:00:00", TRUE, "2026-11-27T22:00:00"},
		{"Sat 22:00-04:00", "2026-11-21T03:00:00", FALSE, "2026-11-21T22:00:00"},
		{"Sat 00:00-24:00", "2026-11-21T23:59:59", TRUE, "2026-11-28T00:00:00"},
		{"Sat 00:00-00:00", "2026-11-21T12:00:00", TRUE, "2026-11-28T00:00:00"},
		{"01:00-02:00; Sat 12:00-13:00", "2026-11-21T12:30:00", TRUE,
		 "2026-11-22T01:00:00"},
		{"Sat 12:00-13:00;01:00-02:00", "2026-11-21T11:00:00", FALSE,
		 "2026-11-21T12:00:00"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GArray) windows = smpd_windows_parse(cases[i].windows, &error);
		g_autoptr(GDateTime) time = at(cases[i].time);
		g_autoptr(GDateTime) next = at(cases[i].next);
		g_assert_no_error(error);
		g_test_message("%s at %s", cases[i].windows, cases[i].time);
		g_assert_true(smpd_windows_open(windows, time) == cases[i].open);
		g_assert_cmpint(smpd_windows_next(windows, time), ==, g_date_time_to_unix(next));
	}
	g_autoptr(GDateTime) time = at("2026-11-21T00:00:00");
	g_assert_true(smpd_windows_open(NULL, time));
}

static void test_bad_windows(void)
{
	static const char *const cases[] = {
		"",
		";",
		"02:00",
		"02:00-",
		"-02:00",
		"2-3",
		"25:00-26:00",
		"02:60-03:00",
		"24:00-01:00",
		"Foo 02:00-03:00",
		"Sat, 02:00-03:00",
		"Sat- 02:00-03:00",
		"02:00-03:00 Sat",
		"02:00-24:01",
		"02:00-03:00;",
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GArray) windows = smpd_windows_parse(cases[i], &error);
		g_test_message("%s", cases[i]);
		g_assert_null(windows);
		g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
	}
}

/* Everything is as it has to be for an update to begin. */
typedef struct {
	SmpdRules rules;
	SmpdRecord record;
	SmpdSituation situation;
	GDateTime *time;
} Fixture;

static void setup(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->rules = (SmpdRules){.retries = 3, .backoff = 60};
	f->time = at("2026-11-21T12:00:00");
	f->situation = (SmpdSituation){
		.rules = &f->rules,
		.record = &f->record,
		.wanted = "new",
		.present = TRUE,
		.running = "0:old",
		.now = f->time,
	};
}

static void teardown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	smpd_record_clear(&f->record);
	g_clear_pointer(&f->rules.windows, g_array_unref);
	g_date_time_unref(f->time);
}

static void check(Fixture *f, SmpdDecisionKind kind, gint64 again, const char *text)
{
	SmpdDecision decision;

	smpd_decide(&f->situation, &decision);
	g_assert_cmpstr(decision.text, ==, text);
	g_assert_cmpint(decision.kind, ==, kind);
	g_assert_cmpint(decision.again, ==, again);
	g_free(decision.text);
}

static void test_order(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	check(f, SMPD_DECISION_START, 0, "updating");
	f->rules.windows = smpd_windows_parse("13:00-14:00", NULL);
	check(f, SMPD_DECISION_WINDOW, g_date_time_to_unix(f->time) + 3600,
	      "waits for its window at 2026-11-21 13:00:00");
	f->situation.inhibited = TRUE;
	check(f, SMPD_DECISION_INHIBITED, 0, "inhibited");
	f->situation.runs = TRUE;
	check(f, SMPD_DECISION_SATISFIED, 0, "satisfied");
	f->situation.present = FALSE;
	check(f, SMPD_DECISION_AWAY, 0, "away");
	f->situation.wanted = NULL;
	check(f, SMPD_DECISION_NONE, 0, "none");
	f->situation.problem = "no file";
	check(f, SMPD_DECISION_PROBLEM, 0, "problem: no file");
	f->situation.busy = TRUE;
	check(f, SMPD_DECISION_UPDATING, 0, "updating");
}

static void fail(Fixture *f, const char *job, SmpEnd end, gint64 ago)
{
	smpd_record_add(&f->record, "new", job, smp_end_name(end), "why", NULL,
			g_date_time_to_unix(f->time) - ago);
}

static void test_backoff(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	gint64 now = g_date_time_to_unix(f->time);

	fail(f, "1", SMP_END_FAILED_INTACT, 10);
	check(f, SMPD_DECISION_LATER, now + 50, "tries again at 2026-11-21 12:00:50");
	/* The same job is counted once, whenever the daemon was killed. */
	fail(f, "1", SMP_END_FAILED_INTACT, 10);
	g_assert_cmpuint(f->record.failures, ==, 1);
	fail(f, "2", SMP_END_NEEDS_ATTENTION, 10);
	check(f, SMPD_DECISION_LATER, now + 110, "tries again at 2026-11-21 12:01:50");
	fail(f, "3", SMP_END_FAILED_INTACT, 240);
	check(f, SMPD_DECISION_START, 0, "updating");
	fail(f, "4", SMP_END_FAILED_INTACT, 10000);
	check(f, SMPD_DECISION_HELD, 0, "held: it failed 4 times");
	/* Other firmware begins anew. */
	f->situation.wanted = "newer";
	check(f, SMPD_DECISION_START, 0, "updating");
}

static void test_longest_backoff(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->rules.retries = 1000;
	f->record = (SmpdRecord){.firmware = g_strdup("new"), .failures = 500};
	f->record.last = g_date_time_to_unix(f->time);
	check(f, SMPD_DECISION_LATER, f->record.last + 86400, "tries again at 2026-11-22 12:00:00");
	/* The clock was set back. */
	f->record.last += 1000000;
	check(f, SMPD_DECISION_START, 0, "updating");
}

static void test_rollbacks(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	fail(f, "1", SMP_END_ROLLED_BACK, 1000);
	check(f, SMPD_DECISION_START, 0, "updating");
	fail(f, "2", SMP_END_ROLLED_BACK, 1000);
	check(f, SMPD_DECISION_HELD, 0, "held: it went back to its old image 2 times");
	smpd_record_add(&f->record, "new", "3", "updated", "", NULL, 0);
	f->situation.running = "0:older";
	check(f, SMPD_DECISION_START, 0, "updating");
}

static void test_refused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	fail(f, "1", SMP_END_REFUSED, 10000);
	check(f, SMPD_DECISION_HELD, 0, "held: why");
	smpd_record_clear(&f->record);
	smpd_record_add(&f->record, "new", "2", "cancelled", "cancelled by somebody", NULL, 0);
	check(f, SMPD_DECISION_HELD, 0, "held: cancelled by somebody");
}

/* A compressed image goes by another hash when it runs. */
static void test_settled(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	smpd_record_add(&f->record, "new", "1", "up-to-date", "", "0:other", 0);
	f->situation.running = "0:other";
	check(f, SMPD_DECISION_SATISFIED, 0, "satisfied");
	f->situation.running = "0:old";
	check(f, SMPD_DECISION_START, 0, "updating");
	f->situation.running = "0:other";
	f->situation.wanted = "newer";
	check(f, SMPD_DECISION_START, 0, "updating");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/window/open", test_windows);
	g_test_add_func("/window/bad", test_bad_windows);
#define CASE(path, func) g_test_add(path, Fixture, NULL, setup, func, teardown)
	CASE("/policy/order", test_order);
	CASE("/policy/backoff", test_backoff);
	CASE("/policy/longest-backoff", test_longest_backoff);
	CASE("/policy/rollbacks", test_rollbacks);
	CASE("/policy/refused", test_refused);
	CASE("/policy/settled", test_settled);
	return g_test_run();
}

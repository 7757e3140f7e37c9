/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sweep: every update is done once to count its requests, flash operations and journal writes,
 * then once more for each kind of fault at each of them. Whatever happens, the client says the
 * truth, the board starts, and the update comes to its end when it is run again. */

#include "world.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RUNS 4
#define SHOWN	 40
#define PAIRS	 150 /* of each scenario */
#define KILLS	 50
#define UPDATES	 4 /* of each scenario */

static char *folder;
static guint every = 1, seed = 1;

typedef struct {
	guint64 requests, sent, operations, writes;
} Counts;

/* How many cases there were, and in how many the first run came to its end all the same. */
typedef struct {
	guint cases, failures, at_once;
} Tally;

static void remove_folder(void)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		(void)g_remove(path);
	}
	(void)g_rmdir(folder);
}

/* Files are synced all the time: in memory that costs nothing. */
static void make_folder(void)
{
	const char *parent =
		g_file_test("/dev/shm", G_FILE_TEST_IS_DIR) ? "/dev/shm" : g_get_tmp_dir();

	folder = g_build_filename(parent, "smp-sweep-XXXXXX", NULL);
	if (!g_mkdtemp(folder))
		g_error("cannot make a folder in %s", parent);
	atexit(remove_folder);
}

/* A board that starts anew undoes a trial, and one without power for a while may, too. */
static gboolean may_undo(FaultKind kind)
{
	return kind == FAULT_RESET || kind == FAULT_POWER_CUT || kind == FAULT_POWER_CUT_AT_WRITE;
}

/* One packet lost, or a short silence: that the client copes with by itself. */
static gboolean is_harmless(FaultKind kind)
{
	return kind == FAULT_LOSE_REQUEST || kind == FAULT_LOSE_REPLY || kind == FAULT_CUT_SHORT;
}

static gboolean is_undone(const Outcome *outcome)
{
	return outcome->result && (outcome->result->end == SMP_END_ROLLED_BACK ||
				   outcome->result->end == SMP_END_FAILED_INTACT);
}

/* What is wrong about run number @run; @done where nothing is and no more runs are needed. */
static char *check_run(World *world, const Outcome *outcome, guint run, gboolean *done)
{
	FaultKind kind = world->faults[0].kind;
	gboolean two = world->faults[1].kind != FAULT_NONE;
	char *problem = world_check(world, outcome);

	*done = FALSE;
	if (problem)
		return problem;
	if (world_at_goal(world, outcome)) {
		*done = TRUE;
		return NULL;
	}
	if (run == 0 && !two && is_harmless(kind))
		return g_strdup("gave up for so little");
	if (run == 1 && !two && !(may_undo(kind) && is_undone(outcome)))
		return g_strdup("not done by the second run");
	if (run == MAX_RUNS - 1)
		return g_strdup("never done");
	return NULL;
}

/* A cut link is back when somebody tries again, and so is the board, unless the client was killed
 * and starts again at once. */
static void wait_for_next(World *world, const Outcome *outcome)
{
	Truth truth;

	if (!outcome->killed)
		world_look(world, &truth);
	while (!sim_board_link_is_up(world->peer.board, world->peer.now))
		sim_peer_sleep(&world->peer, G_TIME_SPAN_SECOND);
}

/* Returns: (nullable): what went wrong, run by run */
static char *play_world(World *world, guint *runs)
{
	g_autoptr(GString) story = g_string_new(NULL);

	for (guint run = 0; run < MAX_RUNS; run++) {
		g_auto(Outcome) outcome = {0};
		gboolean done;
		/* Sequence numbers begin at random. */
		g_random_set_seed(run + 1);
		world_run(world, &outcome);
		g_autofree char *text = outcome_text(&outcome);
		g_string_append_printf(story, "\n#   run %u, %.1f s: %s", run + 1,
				       (double)outcome.duration / G_TIME_SPAN_SECOND, text);
		g_autofree char *problem = check_run(world, &outcome, run, &done);
		*runs = run + 1;
		if (problem)
			return g_strdup_printf("%s%s", problem, story->str);
		if (done)
			break;
		wait_for_next(world, &outcome);
	}
	if (g_getenv("SMP_SWEEP_TRACE"))
		g_printerr("#%s\n", story->str);
	return NULL;
}

static void play(const Scenario *scenario, const Fault *faults, guint n_faults, Tally *tally)
{
	g_auto(World) world = {0};
	guint runs;

	world_init(&world, scenario, folder, faults, n_faults);
	g_autofree char *problem = play_world(&world, &runs);
	tally->cases++;
	tally->at_once += !problem && runs == 1;
	tally->failures += problem != NULL;
	if (!problem || tally->failures > SHOWN)
		return;
	g_autoptr(GString) name = g_string_new(scenario->name);
	for (guint i = 0; i < n_faults; i++)
		g_string_append_printf(name, ":%s:%" G_GUINT64_FORMAT, fault_name(faults[i].kind),
				       faults[i].at);
	g_test_message("%s: %s", name->str, problem);
}

static void count_all(const Scenario *scenario, Counts *counts)
{
	g_auto(World) world = {0};
	guint runs;

	world_init(&world, scenario, folder, NULL, 0);
	g_autofree char *problem = play_world(&world, &runs);
	if (problem || runs > 1)
		g_error("%s: %s", scenario->name, problem ? problem : "takes two runs");
	*counts = (Counts){sim_board_requests(world.peer.board), world.peer.requests,
			   sim_board_flash_operations(world.peer.board), world.writes};
}

static guint64 places(const Counts *counts, FaultKind kind)
{
	switch (kind) {
	case FAULT_KILL_BEFORE:
	case FAULT_KILL_AFTER:
		return counts->sent;
	case FAULT_POWER_CUT_AT_WRITE:
		return counts->operations;
	case FAULT_KILL_BEFORE_WRITE:
	case FAULT_KILL_AFTER_WRITE:
	case FAULT_FAIL_WRITE:
		return counts->writes;
	default:
		return counts->requests;
	}
}

static void report(const char *name, const Tally *tally, const char *parts)
{
	g_test_message("%s: %u cases, %u done by the first run, %u failed%s", name, tally->cases,
		       tally->at_once, tally->failures, parts);
	if (tally->failures > 0)
		g_test_fail();
}

static void sweep(gconstpointer data)
{
	const Scenario *scenario = data;
	g_autoptr(GString) parts = g_string_new(";");
	Tally all = {0};
	Counts counts;

	count_all(scenario, &counts);
	for (FaultKind kind = 0; kind < N_FAULTS; kind++) {
		guint at_once = all.at_once, cases = all.cases;
		for (guint64 at = 1 + kind % every; at <= places(&counts, kind); at += every) {
			Fault fault = {kind, at};
			play(scenario, &fault, 1, &all);
		}
		g_string_append_printf(parts, " %s %u/%u", fault_name(kind), all.at_once - at_once,
				       all.cases - cases);
	}
	report(scenario->name, &all, parts->str);
}

static Fault random_fault(GRand *rand, const Counts *counts)
{
	FaultKind kind = (FaultKind)g_rand_int_range(rand, 0, N_FAULTS);
	gint32 most = (gint32)places(counts, kind);

	/* The first one makes the update longer. */
	return (Fault){kind, (guint64)g_rand_int_range(rand, 1, most + most / 2 + 2)};
}

/* Two things go wrong in one update. */
static void sweep_pairs(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	Tally all = {0};

	for (guint i = 0; i < n_scenarios; i++) {
		Counts counts;
		count_all(&scenarios[i], &counts);
		for (guint j = 0; j < PAIRS; j += every) {
			Fault faults[] = {random_fault(rand, &counts), random_fault(rand, &counts)};
			play(&scenarios[i], faults, G_N_ELEMENTS(faults), &all);
		}
	}
	report("pairs", &all, "");
}

static void kill_next(World *world, GRand *rand)
{
	FaultKind kind = FAULT_KILL_BEFORE + (FaultKind)g_rand_int_range(rand, 0, 4);
	gint32 most = kind < FAULT_KILL_BEFORE_WRITE ? 40 : 6;

	world_kill(world, kind, (guint64)g_rand_int_range(rand, 1, most));
}

/* Killed in each run but the last one. */
static void kill_often(const Scenario *scenario, GRand *rand, Tally *tally)
{
	g_auto(World) world = {0};
	gboolean done = FALSE;

	tally->cases++;
	world_init(&world, scenario, folder, NULL, 0);
	for (guint i = 0; i <= KILLS && !done; i++) {
		g_auto(Outcome) outcome = {0};
		if (i < KILLS)
			kill_next(&world, rand);
		g_random_set_seed(i + 1);
		world_run(&world, &outcome);
		g_autofree char *problem = world_check(&world, &outcome);
		done = world_at_goal(&world, &outcome);
		if (!problem && (done || outcome.killed))
			continue;
		g_autofree char *text = outcome_text(&outcome);
		g_test_message("%s, run %u: %s: %s", scenario->name, i + 1,
			       problem ? problem : "not done", text);
		tally->failures++;
		return;
	}
}

static void sweep_kills(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	Tally all = {0};

	for (guint i = 0; i < n_scenarios; i++) {
		for (guint j = 0; j < UPDATES; j += every)
			kill_often(&scenarios[i], rand, &all);
	}
	report("kills", &all, "");
}

/* An earlier job left an image on trial. It is not kept because it runs, but because it is well. */
static void test_trial_of_another_job(void)
{
	const Scenario *unwell = scenario_find("unwell");
	g_auto(World) world = {0};
	g_auto(Outcome) first = {0}, second = {0};

	world_init(&world, scenario_find("test-only"), folder, NULL, 0);
	world_run(&world, &first);
	g_assert_cmpint(first.result->end, ==, SMP_END_ON_TRIAL);
	world.scenario = unwell;
	world_run(&world, &second);
	g_autofree char *problem = world_check(&world, &second);
	g_assert_null(problem);
	g_assert_cmpint(second.result->end, ==, SMP_END_ROLLED_BACK);
}

static void small_buffer(SimConfig *config)
{
	config->images = 2;
	config->buf_size = 384;
}

/* A server whose buffer does not hold the list of three images has an image group all the same. */
static void test_list_too_long(void)
{
	Scenario scenario = *scenario_find("two");
	g_auto(World) world = {0};
	g_auto(Outcome) outcome = {0};

	scenario.adjust = small_buffer;
	world_init(&world, &scenario, folder, NULL, 0);
	world_run(&world, &outcome);
	g_assert_no_error(outcome.error);
	g_assert_cmpint(outcome.result->end, ==, SMP_END_FAILED_INTACT);
	g_assert_nonnull(strstr(outcome.result->message, "cannot read the image list"));
}

/* "scenario:fault:number", to look at one case; SMP_SWEEP_TRACE=1 shows each packet. */
static gboolean run_one(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", -1);
	guint n = g_strv_length(parts) / 2;
	Fault faults[2];
	const Scenario *scenario = scenario_find(parts[0]);

	g_assert_true(scenario && n <= G_N_ELEMENTS(faults));
	for (guint i = 0; i < n; i++) {
		faults[i] = (Fault){FAULT_NONE, g_ascii_strtoull(parts[2 * i + 2], NULL, 10)};
		for (FaultKind kind = 0; kind < N_FAULTS; kind++) {
			if (g_str_equal(fault_name(kind), parts[2 * i + 1]))
				faults[i].kind = kind;
		}
	}
	Tally tally = {0};
	play(scenario, faults, n, &tally);
	return tally.failures == 0;
}

/* Cases that went wrong once and that no other part of the sweep meets for sure. */
static void test_cases(void)
{
	static const char *const cases[] = {
		/* The network core's image was handed over by a restart between the marks. */
		"nrf5340:reset:67:power-cut:42",
		"swap-crashing:fail-write:7:reset:43",
		"upload-only:kill-after:15:cut:18",
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_true(run_one(cases[i]));
}

int main(int argc, char **argv)
{
	const char *k = g_getenv("SMP_SWEEP_EVERY"), *one = g_getenv("SMP_SWEEP_CASE");
	const char *s = g_getenv("SMP_SWEEP_SEED");

	g_test_init(&argc, &argv, NULL);
	make_folder();
	if (k)
		every = (guint)MAX(g_ascii_strtoull(k, NULL, 10), 1);
	if (s)
		seed = (guint)g_ascii_strtoull(s, NULL, 10);
	if (one)
		return run_one(one) ? 0 : 1;
	for (guint i = 0; i < n_scenarios; i++) {
		g_autofree char *path = g_strdup_printf("/sweep/%s", scenarios[i].name);
		g_test_add_data_func(path, &scenarios[i], sweep);
	}
	g_test_add_func("/regression/trial-of-another-job", test_trial_of_another_job);
	g_test_add_func("/regression/list-too-long", test_list_too_long);
	g_test_add_func("/regression/cases", test_cases);
	g_test_add_func("/pairs", sweep_pairs);
	g_test_add_func("/kills", sweep_kills);
	return g_test_run();
}

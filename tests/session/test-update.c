/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole updates of a board that has MCUboot in it: how each ends, what is said of it, and that it
 * is so. */

#include "update-job.h"

#include <smp/error.h>
#include <string.h>

static void test_success(void)
{
	Job job;

	job_init(&job, 1);
	run_job(&job);
	assert_updated(&job, "upload test reset confirm");
	g_assert_cmpint(job.took, <=, 5 * SEC);
	g_assert_cmpuint(
		job.result->sent, ==,
		g_bytes_get_size(((SmpBundleItem *)job.bundle->items->pdata[0])->firmware->bytes));
	/* Two whole looks at the board of five each, before and after the reset. */
	g_assert_cmpuint(job.board.os_requests, <, 15);
	guint requests = job.board.requests;
	run_job(&job);
	assert_end(&job, SMP_END_UP_TO_DATE, "", "runs 1.3.0 already");
	g_assert_cmpuint(job.board.requests - requests, <, 15);
	job_clear(&job);
}

static void test_policies(void)
{
	static const struct {
		SmpUpdateMode mode;
		SmpEnd end;
		const char *steps, *text;
	} cases[] = {
		{SMP_UPDATE_CONFIRM, SMP_END_UPDATED, "upload make-pending reset", "runs 1.3.0"},
		{SMP_UPDATE_TEST_ONLY, SMP_END_ON_TRIAL, "upload test reset", "on trial"},
		{SMP_UPDATE_UPLOAD_ONLY, SMP_END_UPLOADED, "upload", "has 1.3.0 in its slot"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		Job job;
		job_init(&job, 1);
		job.policy.mode = cases[i].mode;
		run_job(&job);
		assert_end(&job, cases[i].end, cases[i].steps, cases[i].text);
		g_assert_true(runs_new(&job, 0) == (cases[i].end != SMP_END_UPLOADED));
		/* What was begun is finished by another policy. */
		job.policy.mode = SMP_UPDATE_TEST_AND_CONFIRM;
		run_job(&job);
		if (cases[i].end == SMP_END_ON_TRIAL)
			assert_updated(&job, "confirm");
		else if (cases[i].end == SMP_END_UPLOADED)
			assert_updated(&job, "test reset confirm");
		else
			assert_end(&job, SMP_END_UP_TO_DATE, "", "already");
		job_clear(&job);
	}
}

static void test_confirm_denied(void)
{
	Job job;

	job_init(&job, 1);
	job.board.model.confirm_denied = TRUE;
	job.policy.mode = SMP_UPDATE_CONFIRM;
	run_job(&job);
	assert_updated(&job, "upload make-pending test reset confirm");
	job_clear(&job);
}

static void test_pending_found(void)
{
	Job job;

	job_init(&job, 1);
	boot_model_upload(&job.board.model, 0, &job.board.content[0]);
	g_assert_cmpint(boot_model_mark(&job.board.model, &job.board.content[0].hash, FALSE), ==,
			0);
	run_job(&job);
	assert_updated(&job, "reset confirm");
	g_assert_cmpuint(job.board.uploads, ==, 0);
	job_clear(&job);
}

/* The new image is silent: the watchdog resets it and the old one comes back. */
static void test_rolled_back(void)
{
	static const gint64 watchdogs[] = {1 * SEC, 8 * SEC, 40 * SEC};

	for (guint i = 0; i < G_N_ELEMENTS(watchdogs); i++) {
		for (guint cut = 0; cut < 2; cut++) {
			Job job;
			job_init(&job, 1);
			job.board.content[0].answers = FALSE;
			job.board.watchdog = watchdogs[i];
			job.board.cuts_link = cut;
			run_job(&job);
			assert_end(&job, SMP_END_ROLLED_BACK, "upload test reset",
				   "image 0 runs 1.2.0 again; 1.3.0 was started and undone");
			g_assert_nonnull(strstr(job.result->detail, "did not answer SMP"));
			assert_old(&job);
			job_clear(&job);
		}
	}
}

static void test_not_accepted(void)
{
	Job job;

	job_init(&job, 1);
	job.board.content[0].accepted = FALSE;
	run_job(&job);
	assert_end(&job, SMP_END_ROLLED_BACK, "upload test reset",
		   "image 0 runs 1.2.0 as before; the bootloader did not accept 1.3.0");
	assert_old(&job);
	job_clear(&job);
}

static void test_dependency(void)
{
	Job job;

	job_init(&job, 1);
	job.board.model.unmet = TRUE;
	run_job(&job);
	assert_end(&job, SMP_END_FAILED_INTACT, NULL, "1.3.0 is still pending");
	g_assert_nonnull(strstr(job.result->detail, "depends on"));
	g_assert_false(runs_new(&job, 0));
	g_assert_cmpint(job.took, <=, 20 * SEC);
	job_clear(&job);
}

static void test_never_back(void)
{
	for (guint cut = 0; cut < 2; cut++) {
		Job job;
		job_init(&job, 1);
		job.board.gone = TRUE;
		job.board.cuts_link = cut;
		job.boot_timeout_ms = 30000;
		run_job(&job);
		assert_end(&job, SMP_END_NEEDS_ATTENTION, "upload test reset",
			   "the board did not come back within 30 s; give it more time, then see "
			   "whether it answers `smpctl status` and what it writes on its console");
		g_assert_nonnull(strstr(job.result->detail, "do not cut its power"));
		/* It is looked for once more, in case it is only slow. */
		g_assert_cmpint(job.took, <=, 100 * SEC);
		job_clear(&job);
	}
}

/* A board that goes away in the upload is waited for once, however its absence shows. */
static void test_gone_in_upload(void)
{
	for (guint cut = 0; cut < 2; cut++) {
		Job job;
		job_init(&job, 1);
		job.board.lose_upload_at = 2000;
		job.board.lost_for = 3600 * SEC;
		job.board.cuts_link = cut;
		run_job(&job);
		assert_end(&job, SMP_END_FAILED_INTACT, "upload", cut ? "" : "no answer");
		g_assert_cmpint(job.took, >=, 59 * SEC);
		/* What was begun within the time is finished. */
		g_assert_cmpint(job.took, <=, (cut ? 63 : 85) * SEC);
		job_clear(&job);

		job_init(&job, 1);
		job.board.lose_upload_at = 2000;
		job.board.lost_for = 50 * SEC;
		job.board.cuts_link = cut;
		run_job(&job);
		assert_updated(&job, NULL);
		job_clear(&job);
	}
}

/* One that is silent for as long at its first request erases. */
static void test_slow_erase(void)
{
	Job job;

	job_init(&job, 1);
	job.board.lose_upload_at = 1;
	job.board.lost_for = 100 * SEC;
	run_job(&job);
	assert_updated(&job, NULL);
	job_clear(&job);
}

/* Boards take their time: before the reset, for the swap, with and without the link. */
static void test_slow_reset(void)
{
	static const gint64 delays[] = {50 * MS, 250 * MS, 1500 * MS, 3 * SEC, 5 * SEC};
	static const gint64 boots[] = {10 * MS, 400 * MS, 3 * SEC, 45 * SEC};

	for (guint d = 0; d < G_N_ELEMENTS(delays); d++) {
		for (guint b = 0; b < 2 * G_N_ELEMENTS(boots); b++) {
			Job job;
			job_init(&job, 1);
			job.board.reset_delay = delays[d];
			job.board.boot_takes = boots[b / 2];
			job.board.cuts_link = b & 1;
			run_job(&job);
			assert_updated(&job, "upload test reset confirm");
			job_clear(&job);
		}
	}
}

/* The request to reset is lost, its answer is, the board refuses it. */
static void test_lost_reset(void)
{
	Job job;

	job_init(&job, 1);
	job.board.lose_reset_answer = TRUE;
	run_job(&job);
	assert_updated(&job, "upload test reset confirm");
	job_clear(&job);

	job_init(&job, 1);
	job.board.lose_resets = 1;
	run_job(&job);
	assert_updated(&job, "upload test reset confirm");
	g_assert_cmpuint(job.board.model.resets, ==, 1);
	job_clear(&job);

	job_init(&job, 1);
	job.board.refuse_resets = 1;
	run_job(&job);
	assert_end(&job, SMP_END_FAILED_INTACT, "upload test reset", "cannot reset");
	g_assert_nonnull(strstr(job.result->detail, "runs 1.2.0 as before"));
	job_clear(&job);
}

static void test_confirm_dropped(void)
{
	Job job;

	job_init(&job, 1);
	job.board.drop_confirm = TRUE;
	run_job(&job);
	assert_end(&job, SMP_END_ON_TRIAL, "upload test reset confirm confirm", "on trial");
	g_assert_nonnull(strstr(job.result->detail, "next reset may undo"));
	job_clear(&job);
}

/* RAM load without test and confirm: the highest version is started. */
static void test_no_marks(void)
{
	for (guint told = 0; told < 2; told++) {
		Job job;
		job_init(&job, 1);
		job.board.model.mode = SMP_BOOTLOADER_MODE_RAM_LOAD;
		job.board.model.tells_mode = told;
		job.board.model.marks = FALSE;
		run_job(&job);
		assert_end(&job, SMP_END_REFUSED, "", told ? "RAM load" : "no test and confirm");
		g_assert_nonnull(strstr(job.result->detail, "--allow-no-revert"));
		g_assert_cmpuint(job.board.uploads, ==, 0);
		job.policy.allow = SMP_INTERLOCK_NO_REVERT;
		run_job(&job);
		assert_updated(&job, "upload reset");
		job_clear(&job);
	}
}

static void test_overwrite(void)
{
	Job job;

	job_init(&job, 1);
	job.board.model.mode = SMP_BOOTLOADER_MODE_OVERWRITE_ONLY;
	run_job(&job);
	assert_end(&job, SMP_END_REFUSED, "", "cannot undo an update (overwrite only)");
	job.policy.allow = SMP_INTERLOCK_NO_REVERT;
	run_job(&job);
	assert_updated(&job, "upload test reset");
	job_clear(&job);
}

static void test_xip_revert(void)
{
	Job job;

	job_init(&job, 1);
	job.board.model.mode = SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT;
	run_job(&job);
	assert_updated(&job, "upload test reset confirm");
	g_assert_cmpuint(job.board.model.active[0], ==, 1);
	job_clear(&job);
}

static void test_recovery(void)
{
	for (guint old = 0; old < 3; old++) {
		Job job;
		job_init(&job, 1);
		job.board.model.in_recovery = TRUE;
		job.board.old_recovery = old;
		run_job(&job);
		assert_end(&job, SMP_END_REFUSED, "", "MCUboot's recovery");
		g_assert_cmpuint(job.board.uploads, ==, 0);
		job.policy.allow = SMP_INTERLOCK_NO_REVERT;
		run_job(&job);
		assert_updated(&job, "upload reset");
		job_clear(&job);

		job_init(&job, 1);
		job.board.model.in_recovery = TRUE;
		job.board.old_recovery = old;
		job.board.content[0].accepted = FALSE;
		job.policy.allow = SMP_INTERLOCK_NO_REVERT;
		BootModel *model = &job.board.model;
		gboolean other = old == 1;
		model->slots[0][1] = model->slots[0][0];
		model->slots[0][1].present = other;
		run_job(&job);
		assert_end(&job, SMP_END_NEEDS_ATTENTION, "upload", "does not accept");
		g_assert_nonnull(strstr(job.result->detail,
					other ? "Slot 1 holds 1.2.0: `smpctl reset` starts that if "
					      : "It lists no other image that it could start. "));
		job_clear(&job);
	}
}

/* After a reset the board is in a recovery that knows version 1 only. */
static void test_stays_in_old_recovery(void)
{
	Job job;

	job_init(&job, 1);
	job.board.old_recovery = TRUE;
	job.board.model.in_recovery = TRUE;
	job.policy.allow = SMP_INTERLOCK_NO_REVERT;
	/* It lists the image and does not start it. */
	job.board.model.slots[0][0] = job.board.content[0];
	job.board.model.slots[0][0].present = TRUE;
	job.board.model.images = 2;
	run_job(&job);
	assert_end(&job, SMP_END_NEEDS_ATTENTION, "reset", "stays in MCUboot's recovery");
	g_assert_cmpint(job.took, <=, 30 * SEC);
	job_clear(&job);
}

static void test_two_images(void)
{
	Job job;

	job_init(&job, 2);
	run_job(&job);
	/* All of them are there before one is marked, and image 0 is the last. */
	assert_updated(&job, "upload upload test test reset confirm confirm");
	g_assert_cmpuint(job.board.model.resets, ==, 1);
	job_clear(&job);
}

static void test_two_images_one_bad(void)
{
	Job job;

	job_init(&job, 2);
	job.board.content[1].accepted = FALSE;
	run_job(&job);
	/* They belong together: the one that was started goes back. */
	assert_end(&job, SMP_END_ROLLED_BACK, NULL, "runs 1.2.0");
	g_assert_true(g_str_has_suffix(job.steps->str, "reset undo"));
	assert_old(&job);
	g_assert_false(runs_new(&job, 1));
	job_clear(&job);
}

/* What is said after an interruption is so. */
static void check_state(const Job *job, const BootModel *before)
{
	const BootModel *m = &job->board.model;
	BootModel later = *m;
	gboolean starts_new;

	boot_model_boot(&later);
	starts_new =
		smp_hash_equal(&boot_model_running(&later, 0)->hash, &job->board.content[0].hash);
	g_assert_true(g_str_has_suffix(job->state, "."));
	if (strstr(job->state, "no other image that it could start"))
		g_assert_false(m->slots[0][0].present || m->slots[0][1].present);
	if (strstr(job->state, "took all of"))
		g_assert_true(m->in_recovery && runs_new(job, 0));
	if (m->in_recovery)
		return;
	if (strstr(job->state, "Nothing was changed"))
		g_assert_cmpmem(before, sizeof *before, m, sizeof *m);
	if (strstr(job->state, "runs 1.2.0"))
		g_assert_false(runs_new(job, 0));
	if (strstr(job->state, "next reset starts 1.3.0"))
		g_assert_true(starts_new && !runs_new(job, 0));
	if (strstr(job->state, "runs 1.3.0 on trial"))
		g_assert_true(runs_new(job, 0) && m->trial[0]);
	if (strstr(job->state, "as before"))
		g_assert_false(runs_new(job, 0));
}

/* Cancelled at each event in turn; then the same job once more brings it to its end. */
static void cancel_at_each(gboolean recovery, gboolean cuts_link)
{
	guint n = 2;

	for (guint i = 1; i < n; i++) {
		Job job;
		job_init(&job, 1);
		job.board.model.in_recovery = recovery;
		job.board.cuts_link = cuts_link;
		job.policy.allow = recovery ? SMP_INTERLOCK_NO_REVERT : 0;
		BootModel before = job.board.model;
		job.cancel_at = i;
		run_job(&job);
		if (job.result) {
			/* Nothing was left to be cancelled. */
			assert_updated(&job, NULL);
			g_assert_cmpuint(i, >=, job.events);
			job_clear(&job);
			break;
		}
		n = i + 2;
		g_assert_error(job.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
		g_test_message("%u: %s: %s", i, job.steps->str, job.state);
		check_state(&job, &before);
		job.cancel_at = 0;
		run_job(&job);
		g_assert_no_error(job.error);
		if (job.result->end != SMP_END_UP_TO_DATE)
			assert_updated(&job, NULL);
		g_assert_true(runs_new(&job, 0) && !job.board.model.trial[0]);
		job_clear(&job);
	}
	g_assert_cmpuint(n, >, 10);
}

static void test_cancel(void)
{
	for (guint i = 0; i < 4; i++)
		cancel_at_each(i & 1, i >> 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/update/success", test_success);
	g_test_add_func("/update/policies", test_policies);
	g_test_add_func("/update/confirm-denied", test_confirm_denied);
	g_test_add_func("/update/pending-found", test_pending_found);
	g_test_add_func("/update/rolled-back", test_rolled_back);
	g_test_add_func("/update/not-accepted", test_not_accepted);
	g_test_add_func("/update/dependency", test_dependency);
	g_test_add_func("/update/never-back", test_never_back);
	g_test_add_func("/update/gone-in-upload", test_gone_in_upload);
	g_test_add_func("/update/slow-erase", test_slow_erase);
	g_test_add_func("/update/slow-reset", test_slow_reset);
	g_test_add_func("/update/lost-reset", test_lost_reset);
	g_test_add_func("/update/confirm-dropped", test_confirm_dropped);
	g_test_add_func("/update/no-marks", test_no_marks);
	g_test_add_func("/update/overwrite", test_overwrite);
	g_test_add_func("/update/xip-revert", test_xip_revert);
	g_test_add_func("/update/recovery", test_recovery);
	g_test_add_func("/update/stays-in-old-recovery", test_stays_in_old_recovery);
	g_test_add_func("/update/two-images", test_two_images);
	g_test_add_func("/update/two-images-one-bad", test_two_images_one_bad);
	g_test_add_func("/update/cancel", test_cancel);
	return g_test_run();
}

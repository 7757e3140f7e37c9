/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update-job.h"

#include "firmware/package.h"
#include "tests/lib/make-image.h"

#include <string.h>

static SmpBundle *make_bundle(guint images)
{
	SmpBundle *bundle = smp_bundle_new();

	for (guint i = 0; i < images; i++) {
		g_autofree char *name = g_strdup_printf("app%u.signed.bin", i);
		g_autoptr(GBytes) bytes = make_image(&(MakeImage){
			.version = {1, 3, 0, 0}, .payload_size = 5000, .seed = (guint8)i});
		SmpFirmware *firmware = smp_firmware_parse(name, bytes, NULL);
		g_assert_nonnull(firmware);
		g_ptr_array_add(bundle->items, smp_bundle_item_new(firmware, i));
	}
	return bundle;
}

void job_init(Job *job, guint images)
{
	*job = (Job){
		.bundle = make_bundle(images),
		.cancellable = g_cancellable_new(),
		.steps = g_string_new(NULL),
		.policy = {.stop_before = SMP_ACTION_END},
	};
	update_board_init(&job->board, job->bundle);
}

void job_clear(Job *job)
{
	update_board_clear(&job->board);
	smp_bundle_free(job->bundle);
	g_object_unref(job->cancellable);
	g_string_free(job->steps, TRUE);
	g_clear_pointer(&job->result, smp_update_result_free);
	g_clear_error(&job->error);
	g_free(job->state);
}

static void on_event(const SmpUpdateEvent *event, gpointer user_data)
{
	Job *job = user_data;

	job->events++;
	g_assert_true(event->fraction >= job->fraction && event->fraction <= 1);
	job->fraction = event->fraction;
	g_assert_nonnull(event->board);
	g_assert_true((event->kind == SMP_UPDATE_EVENT_BOARD) == (event->step == NULL));
	g_assert_cmpint(event->elapsed, >=, 0);
	if (event->upload)
		g_assert_cmpstr(event->upload->waiting, ==, event->waiting);
	if (event->kind == SMP_UPDATE_EVENT_STEP)
		g_string_append_printf(job->steps, "%s%s", job->steps->len ? " " : "",
				       smp_action_name(event->step->action));
	if (job->events == job->cancel_at)
		g_cancellable_cancel(job->cancellable);
}

void run_job(Job *job)
{
	SmpLink *link = smp_test_link_new(&update_board_peer, &job->board);
	SmpSession *session = smp_session_new(link);
	SmpUpdate *update = smp_update_new(session, job->bundle, &job->policy);

	g_clear_pointer(&job->result, smp_update_result_free);
	g_clear_pointer(&job->state, g_free);
	g_clear_error(&job->error);
	g_string_truncate(job->steps, 0);
	job->events = 0;
	job->fraction = 0;
	g_cancellable_reset(job->cancellable);
	smp_link_set_cancellable(link, job->cancellable);
	smp_update_set_event_func(update, on_event, job);
	smp_update_set_boot_timeout(update, job->boot_timeout_ms);
	g_assert_true(smp_link_open(link, NULL));
	gint64 start = smp_link_now(link);
	job->result = smp_update_run(update, &job->error);
	job->took = smp_link_now(link) - start;
	job->state = smp_update_state(update);
	g_assert_true((job->result == NULL) == (job->error != NULL));
	/* Time begins anew with the next link. */
	if (job->board.boot_at >= 0)
		job->board.boot_at = MAX(job->board.boot_at - job->took, 1);
	if (job->board.away_until != G_MAXINT64)
		job->board.away_until = MAX(job->board.away_until - job->took, 0);
	smp_update_free(update);
	smp_session_free(session);
	smp_link_free(link);
}

void assert_end(const Job *job, SmpEnd end, const char *steps, const char *text)
{
	g_assert_no_error(job->error);
	g_test_message("%s, %.1f s: %s: %s (%s)", job->steps->str, (double)job->took / SEC,
		       smp_end_name(job->result->end), job->result->message, job->result->detail);
	g_assert_cmpstr(smp_end_name(job->result->end), ==, smp_end_name(end));
	if (steps)
		g_assert_cmpstr(job->steps->str, ==, steps);
	g_assert_nonnull(strstr(job->result->message, text));
}

gboolean runs_new(const Job *job, guint image)
{
	return smp_hash_equal(&boot_model_running(&job->board.model, image)->hash,
			      &job->board.content[image].hash);
}

void assert_updated(const Job *job, const char *steps)
{
	assert_end(job, SMP_END_UPDATED, steps, "runs 1.3.0");
	for (guint i = 0; i < job->bundle->items->len; i++) {
		g_assert_true(runs_new(job, i));
		g_assert_false(job->board.model.trial[i]);
	}
	g_assert_false(job->board.model.in_recovery);
}

void assert_old(const Job *job)
{
	BootModel later = job->board.model;

	g_assert_false(runs_new(job, 0));
	boot_model_boot(&later);
	g_assert_cmpuint(boot_model_running(&later, 0)->hash.data[0], ==, 1);
}

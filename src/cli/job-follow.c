/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Follows a job of smpd to its end and tells of it as of an update. The bus tells of progress five
 * times a second at most: a step that takes less time may not be seen. */

#include "daemon.h"

#include <string.h>

/* How long smpd may be away while it is restarted, and how long a job may take to show up. */
#define AWAY_TIME   (60 * G_TIME_SPAN_SECOND)
#define APPEAR_TIME (10 * G_TIME_SPAN_SECOND)
#define WAIT_MS	    1000

/* @state, @step, @reason: what was told of last
 * @began: the step
 * @missed: since when the job has not been seen; 0 where it is */
typedef struct {
	Smpctl *cli;
	GDBusObjectManager *objects;
	const char *path;
	const SmpctlFollow *options;
	SmpctlProgress progress;
	char *state;
	char *step;
	char *reason;
	gint64 began;
	gint64 missed;
} Follow;

static void set_words(char **where, const char *text)
{
	g_free(*where);
	*where = g_strdup(text);
}

void smpctl_tell_job(Smpctl *cli, const char *path)
{
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, "job", smpctl_path_id(path));
		smpctl_json_print(json);
	} else {
		g_print("job %s\n", smpctl_path_id(path));
		smpctl_say(cli, "`smpctl job watch %s` follows it", smpctl_path_id(path));
	}
}

/* ---- steps ---- */

static const char *label_of(const char *step)
{
	SmpAction action;

	return smp_action_parse(step, &action) ? smpctl_step_label(action) : step;
}

static gboolean is_upload(const char *step)
{
	return g_strcmp0(step, smp_action_name(SMP_ACTION_UPLOAD)) == 0;
}

static SmpUploadProgress upload_of(const Follow *follow, SmpctlBusJob *job)
{
	const char *text = smpctl_words(smpctl_bus_job_get_step_text(job));
	SmpUploadProgress upload = {
		.offset = smpctl_bus_job_get_bytes_done(job),
		.size = smpctl_bus_job_get_bytes_total(job),
		.rate = (double)smpctl_bus_job_get_rate(job),
	};

	/* In place of the step's reason stands what is waited for, and stays. */
	if (upload.rate <= 0 && g_strcmp0(text, follow->reason) != 0)
		upload.waiting = text;
	upload.offset = MIN(upload.offset, upload.size);
	return upload;
}

static JsonBuilder *begin_event(const Follow *follow, const char *event)
{
	JsonBuilder *json = smpctl_json_begin();

	smpctl_json_text(json, "event", event);
	smpctl_json_text(json, "step", follow->step);
	return json;
}

static void add_progress(const Follow *follow, SmpctlBusJob *job, gboolean done, JsonBuilder *json)
{
	SmpUploadProgress upload = upload_of(follow, job);

	smpctl_json_seconds(json, "elapsed", g_get_monotonic_time() - follow->began);
	smpctl_json_double(json, "fraction", smpctl_bus_job_get_fraction(job));
	/* The text is of the next step then. */
	if (done)
		upload.waiting = NULL;
	if (is_upload(follow->step))
		smpctl_progress_json(json, &upload);
}

static char *done_text(const Follow *follow, SmpctlBusJob *job)
{
	g_autofree char *time = smpctl_time_text(g_get_monotonic_time() - follow->began);
	g_autofree char *size = smpctl_size_text(smpctl_bus_job_get_bytes_total(job));
	SmpAction action = SMP_ACTION_END;

	if (is_upload(follow->step))
		return g_strdup_printf("%s in %s", size, time);
	if (smp_action_parse(follow->step, &action) && !smpctl_step_has_image(action))
		return g_strdup_printf("the board is back after %s", time);
	return g_strdup_printf("done after %s", time);
}

static void end_step(Follow *follow, SmpctlBusJob *job)
{
	if (!follow->step)
		return;
	smpctl_progress_end(&follow->progress);
	if (follow->cli->options->json) {
		g_autoptr(JsonBuilder) json = begin_event(follow, "step");
		smpctl_json_text(json, "state", "done");
		add_progress(follow, job, TRUE, json);
		smpctl_json_print(json);
	} else {
		g_autofree char *text = done_text(follow, job);
		smpctl_say(follow->cli, "%-8s %s", label_of(follow->step), text);
	}
	g_clear_pointer(&follow->step, g_free);
}

static void begin_step(Follow *follow, SmpctlBusJob *job)
{
	set_words(&follow->step, smpctl_bus_job_get_step(job));
	set_words(&follow->reason, smpctl_words(smpctl_bus_job_get_step_text(job)));
	follow->began = g_get_monotonic_time();
	if (follow->cli->options->json) {
		g_autoptr(JsonBuilder) json = begin_event(follow, "step");
		smpctl_json_text(json, "state", "begin");
		smpctl_json_text(json, "reason", smpctl_known(follow->reason));
		smpctl_json_double(json, "fraction", smpctl_bus_job_get_fraction(job));
		smpctl_json_print(json);
	}
	smpctl_say_more(follow->cli, "%-8s %s", label_of(follow->step), follow->reason);
}

static void tell_progress_json(Follow *follow, SmpctlBusJob *job)
{
	if (!smpctl_progress_due(&follow->progress, NULL, G_USEC_PER_SEC / 4))
		return;
	g_autoptr(JsonBuilder) json = begin_event(follow, "progress");
	add_progress(follow, job, FALSE, json);
	if (!is_upload(follow->step))
		smpctl_json_text(json, "waiting", smpctl_known(smpctl_bus_job_get_step_text(job)));
	smpctl_json_print(json);
}

static void tell_progress(Follow *follow, SmpctlBusJob *job)
{
	if (follow->cli->options->json) {
		tell_progress_json(follow, job);
	} else if (is_upload(follow->step)) {
		const SmpUploadProgress upload = upload_of(follow, job);
		smpctl_progress_upload(&follow->progress, &upload);
	} else {
		smpctl_progress_wait(&follow->progress, label_of(follow->step),
				     smpctl_words(smpctl_bus_job_get_step_text(job)),
				     g_get_monotonic_time() - follow->began);
	}
}

/* ---- the job ---- */

static void wait_for(Follow *follow, const char *what)
{
	if (!follow->cli->options->json)
		smpctl_progress_wait(&follow->progress, "job", what,
				     g_get_monotonic_time() - follow->began);
}

static void tell_state(Follow *follow, SmpctlBusJob *job)
{
	const char *state = smpctl_words(smpctl_bus_job_get_state(job));

	if (g_strcmp0(state, follow->state) == 0)
		return;
	set_words(&follow->state, state);
	if (!g_str_equal(state, "running") && !smpctl_job_ended(job)) {
		smpctl_progress_end(&follow->progress);
		follow->began = g_get_monotonic_time();
	}
	if (follow->cli->options->json && !g_str_equal(state, "done")) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, "event", "job");
		smpctl_json_text(json, "job", smpctl_job_id(job));
		smpctl_json_text(json, "device", smpctl_bus_job_get_device_name(job));
		smpctl_json_text(json, "state", state);
		smpctl_json_text(json, "message", smpctl_known(smpctl_bus_job_get_message(job)));
		smpctl_json_print(json);
	}
}

static void show(Follow *follow, SmpctlBusJob *job)
{
	const char *step = smpctl_words(smpctl_bus_job_get_step(job));

	tell_state(follow, job);
	if (smpctl_job_ended(job))
		return;
	if (!g_str_equal(follow->state, "running")) {
		g_autofree char *text = smpctl_job_state(job);
		/* What was interrupted is begun anew. */
		g_clear_pointer(&follow->step, g_free);
		wait_for(follow, text);
	} else if (*step) {
		if (g_strcmp0(step, follow->step) != 0) {
			end_step(follow, job);
			begin_step(follow, job);
		}
		tell_progress(follow, job);
	}
}

/* ---- how it ends ---- */

/* Those of smpd, which the library has not: "cancelled", "error". */
static gboolean fail(Follow *follow, SmpctlBusJob *job, GError **error)
{
	const char *name = smpctl_known(smpctl_bus_job_get_error(job));
	g_autofree char *message =
		g_strdup_printf("job %s did not end well: %s", smpctl_job_id(job),
				smpctl_words(smpctl_bus_job_get_message(job)));

	follow->cli->state = g_strdup(smpctl_known(smpctl_bus_job_get_detail(job)));
	if (name)
		g_propagate_error(error, smpctl_daemon_error_new(name, message));
	else
		g_set_error_literal(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED, message);
	return FALSE;
}

static gboolean finish(Follow *follow, SmpctlBusJob *job, GError **error)
{
	gint64 began = follow->options->began;
	SmpctlEnd end = {
		.message = smpctl_words(smpctl_bus_job_get_message(job)),
		.detail = smpctl_known(smpctl_bus_job_get_detail(job)),
		.was = follow->options->was,
		.sent = -1,
		.duration = began ? g_get_monotonic_time() - began : smpctl_job_duration(job),
	};
	Smpctl *cli = follow->cli;

	if (!smp_end_parse(smpctl_words(smpctl_bus_job_get_result(job)), &end.end))
		return fail(follow, job, error);
	end.rollback = g_strcmp0(smpctl_bus_job_get_kind(job), SMPD_KIND_ROLLBACK) == 0;
	if (end.rollback && end.end == SMP_END_ROLLED_BACK)
		end.end = SMP_END_UPDATED;
	cli->status = smpctl_end_status(end.end, follow->options->trial_wanted);
	if (cli->status == SMPCTL_EXIT_OK)
		end_step(follow, job);
	smpctl_progress_end(&follow->progress);
	smpctl_tell_end(cli, &end);
	return TRUE;
}

/* smpd is restarted, or has not told of the job yet. */
static gboolean miss(Follow *follow, GError **error)
{
	gboolean there = smpctl_daemon_is_there(follow->objects);
	gint64 now = g_get_monotonic_time();

	if (!follow->missed) {
		follow->missed = follow->began = now;
		if (!there)
			smpctl_progress_end(&follow->progress);
	}
	if (!there)
		wait_for(follow, "smpd has stopped; waiting for it to come back");
	if (now - follow->missed < (there ? APPEAR_TIME : AWAY_TIME))
		return TRUE;
	follow->cli->state = g_strdup_printf("The job goes on when smpd does; `smpctl job watch "
					     "%s` follows it then.",
					     smpctl_path_id(follow->path));
	if (there)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "smpd does not know job %s any more", smpctl_path_id(follow->path));
	else
		g_propagate_error(error, smpctl_daemon_error_new(
						 "org.freedesktop.DBus.Error.ServiceUnknown", ""));
	return FALSE;
}

static gboolean run(Follow *follow, GError **error)
{
	for (;;) {
		g_autoptr(SmpctlBusJob) job = smpctl_daemon_get_job(follow->objects, follow->path);

		if (!job && !miss(follow, error))
			return FALSE;
		if (job) {
			follow->missed = 0;
			show(follow, job);
		}
		if (job && smpctl_job_ended(job))
			return finish(follow, job, error);
		if (!smpctl_daemon_wait(follow->cli, follow->objects, WAIT_MS, error))
			return FALSE;
	}
}

gboolean smpctl_follow_job(Smpctl *cli, GDBusObjectManager *objects, const char *path,
			   const SmpctlFollow *options, GError **error)
{
	Follow follow = {.cli = cli, .objects = objects, .path = path, .options = options};
	g_autoptr(GError) failed = NULL;

	smpctl_progress_init(&follow.progress, cli);
	follow.began = g_get_monotonic_time();
	gboolean ended = run(&follow, &failed);
	smpctl_progress_clear(&follow.progress);
	g_free(follow.state);
	g_free(follow.step);
	g_free(follow.reason);
	if (g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		cli->state = g_strdup_printf("Job %s goes on in smpd: `smpctl job watch %s` "
					     "follows it, `smpctl job cancel %s` stops it.",
					     smpctl_path_id(path), smpctl_path_id(path),
					     smpctl_path_id(path));
	if (failed)
		g_propagate_error(error, g_steal_pointer(&failed));
	return ended;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/job.h"
#include "daemon/device.h"
#include "daemon/inhibitor.h"
#include "daemon/names.h"
#include "daemon/queue.h"
#include "daemon/supervise.h"

/* How often progress is told. */
#define SHOW_INTERVAL (200 * G_TIME_SPAN_MILLISECOND)

static const char *const state_names[] = {
	[SMPD_JOB_WAITING] = "waiting",
	[SMPD_JOB_RUNNING] = "running",
	[SMPD_JOB_INTERRUPTED] = "interrupted",
	[SMPD_JOB_DONE] = "done",
};

const char *smpd_job_path(const SmpdJob *job)
{
	return job->path;
}

const char *smpd_job_device(const SmpdJob *job)
{
	return job->order->device;
}

gboolean smpd_job_is_running(const SmpdJob *job)
{
	return job->state == SMPD_JOB_RUNNING;
}

SmpdJob *smpd_job_find(SmpdDaemon *daemon, const char *id)
{
	for (guint i = 0; i < daemon->jobs->len; i++) {
		SmpdJob *job = g_ptr_array_index(daemon->jobs, i);
		if (g_str_equal(job->order->id, id))
			return job;
	}
	return NULL;
}

static guint64 time_of(gint64 seconds)
{
	return (guint64)MAX(seconds, 0);
}

static void show_order(SmpdJob *job)
{
	const SmpdOrder *order = job->order;
	g_autofree char *device = smpd_device_path(order->device);

	smpd_bus_job_set_device(job->bus, device);
	smpd_bus_job_set_device_name(job->bus, order->device);
	smpd_bus_job_set_kind(job->bus, order->kind);
	smpd_bus_job_set_started_by(job->bus, smpd_text(order->started_by));
	smpd_bus_job_set_files(job->bus, (const char *const *)order->files);
	smpd_bus_job_set_version(job->bus, smpd_text(order->version));
}

void smpd_job_show(SmpdJob *job)
{
	const SmpdOrder *order = job->order;
	/* An end that could not be kept yet is none. */
	gboolean done = job->state == SMPD_JOB_DONE;

	smpd_bus_job_set_state(job->bus, state_names[job->state]);
	smpd_bus_job_set_cancellable(job->bus, !done);
	smpd_bus_job_set_version(job->bus, smpd_text(order->version));
	smpd_bus_job_set_result(job->bus, done ? smpd_text(order->result) : "");
	smpd_bus_job_set_message(job->bus, smpd_text(order->message));
	smpd_bus_job_set_detail(job->bus, done ? smpd_text(order->detail) : "");
	smpd_bus_job_set_error(job->bus, done ? smpd_text(order->error) : "");
	smpd_bus_job_set_started(job->bus, time_of(order->started));
	smpd_bus_job_set_ended(job->bus, done ? time_of(order->ended) : 0);
	if (done) {
		smpd_bus_job_set_time_left(job->bus, 0);
		smpd_bus_job_set_fraction(job->bus, 1);
		smpd_bus_job_set_step_text(job->bus, "");
	}
}

SmpdJob *smpd_job_new(SmpdDaemon *daemon, SmpdOrder *order)
{
	SmpdJob *job = g_new0(SmpdJob, 1);
	g_autoptr(SmpdBusObjectSkeleton) object = NULL;

	g_ref_count_init(&job->references);
	g_mutex_init(&job->lock);
	job->daemon = daemon;
	job->order = order;
	job->bus = smpd_bus_job_skeleton_new();
	job->path = g_strconcat(SMPD_JOB_PATH, order->id, NULL);
	job->state = order->result    ? SMPD_JOB_DONE
		     : order->started ? SMPD_JOB_INTERRUPTED
				      : SMPD_JOB_WAITING;
	job->cancellable = g_cancellable_new();
	job->progress.time_left = -1;
	smpd_bus_job_set_time_left(job->bus, -1);
	smpd_bus_job_set_step(job->bus, "");
	smpd_bus_job_set_step_text(job->bus, "");
	smpd_bus_job_set_bytes_done(job->bus, order->result ? order->bytes : 0);
	smpd_bus_job_set_bytes_total(job->bus, order->bytes);
	show_order(job);
	smpd_job_show(job);
	smpd_job_connect(job);
	object = smpd_bus_object_skeleton_new(job->path);
	smpd_bus_object_skeleton_set_job(object, job->bus);
	g_dbus_object_manager_server_export(daemon->objects, G_DBUS_OBJECT_SKELETON(object));
	g_ptr_array_add(daemon->jobs, job);
	return job;
}

SmpdJob *smpd_job_ref(SmpdJob *job)
{
	g_ref_count_inc(&job->references);
	return job;
}

void smpd_job_unref(SmpdJob *job)
{
	if (!g_ref_count_dec(&job->references))
		return;
	g_clear_handle_id(&job->show_timer, g_source_remove);
	g_object_unref(job->bus);
	g_object_unref(job->cancellable);
	smpd_order_free(job->order);
	g_free(job->path);
	g_free(job->progress.step);
	g_free(job->progress.text);
	g_free(job->cancelled_by);
	g_mutex_clear(&job->lock);
	g_free(job);
}

void smpd_job_remove(SmpdJob *job)
{
	g_signal_handlers_disconnect_by_data(job->bus, job);
	g_dbus_object_manager_server_unexport(job->daemon->objects, job->path);
	g_clear_handle_id(&job->show_timer, g_source_remove);
	g_ptr_array_remove(job->daemon->jobs, job);
}

/* ---- progress ---- */

static void show_progress(SmpdJob *job)
{
	SmpdProgress *progress = &job->progress;

	g_mutex_lock(&job->lock);
	job->posted = FALSE;
	smpd_bus_job_set_step(job->bus, smpd_text(progress->step));
	smpd_bus_job_set_step_text(job->bus, smpd_text(progress->text));
	smpd_bus_job_set_bytes_done(job->bus, progress->bytes_done);
	smpd_bus_job_set_bytes_total(job->bus, progress->bytes_total);
	smpd_bus_job_set_rate(job->bus, progress->rate);
	smpd_bus_job_set_fraction(job->bus, progress->fraction);
	smpd_bus_job_set_time_left(job->bus, progress->time_left);
	smpd_bus_job_set_started(job->bus, time_of(progress->started));
	smpd_inhibitor_hold(job->daemon->inhibitor, job, progress->guarded);
	g_mutex_unlock(&job->lock);
	job->shown = g_get_monotonic_time();
}

static gboolean on_show_timer(gpointer data)
{
	SmpdJob *job = data;

	job->show_timer = 0;
	if (job->state == SMPD_JOB_RUNNING)
		show_progress(job);
	return G_SOURCE_REMOVE;
}

static void on_posted(gpointer data)
{
	SmpdJob *job = data;
	gint64 wait = job->shown + SHOW_INTERVAL - g_get_monotonic_time();

	if (job->state == SMPD_JOB_RUNNING && !job->show_timer) {
		if (wait <= 0)
			show_progress(job);
		else
			job->show_timer =
				g_timeout_add((guint)(wait / 1000 + 1), on_show_timer, job);
	}
	smpd_job_unref(job);
}

/* The lock is held. */
void smpd_job_post(SmpdJob *job)
{
	if (job->posted)
		return;
	job->posted = TRUE;
	smpd_post(on_posted, smpd_job_ref(job));
}

/* ---- running ---- */

static void run_thread(gpointer data)
{
	smpd_run(data);
}

static void set_state(SmpdJob *job, SmpdJobState state)
{
	job->state = state;
	smpd_job_show(job);
}

static void finish(SmpdJob *job)
{
	set_state(job, SMPD_JOB_DONE);
	smpd_bus_job_set_bytes_done(job->bus, job->order->bytes);
	smpd_bus_job_set_bytes_total(job->bus, job->order->bytes);
	/* Who hears that it is done finds it so. */
	g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(job->bus));
	smpd_bus_job_emit_completed(job->bus, job->order->result, smpd_text(job->order->message));
}

/* What the device learns of it. */
static void tell_device(SmpdRun *run)
{
	SmpdDevice *device = run->device;

	if (run->identity)
		smpd_bus_device_set_identity(device->bus, run->identity);
	if (run->counted) {
		smpd_record_clear(&device->record);
		device->record = run->record;
		device->counted = TRUE;
	}
	if (!run->interrupted)
		smpd_device_set_job(device, NULL);
	smpd_device_look(device);
}

static void run_free(SmpdRun *run)
{
	g_clear_pointer(&run->config, smpd_target_unref);
	g_clear_pointer(&run->device, smpd_device_unref);
	smpd_job_unref(run->job);
	g_free(run->identity);
	g_free(run);
}

static void run_done(gpointer data)
{
	SmpdRun *run = data;
	SmpdJob *job = run->job;
	SmpdDaemon *daemon = job->daemon;

	g_clear_handle_id(&job->show_timer, g_source_remove);
	show_progress(job);
	smpd_inhibitor_hold(daemon->inhibitor, job, FALSE);
	if (run->interrupted) {
		job->interruptions++;
		smpd_queue_later(job);
		set_state(job, SMPD_JOB_INTERRUPTED);
	} else {
		finish(job);
	}
	if (run->device)
		tell_device(run);
	gboolean stale = run->device && run->device->stale && !run->device->gone;
	run_free(run);
	if (stale && !daemon->stopping) {
		smpd_daemon_reload(daemon);
		return;
	}
	smpd_queue_trim(daemon);
	smpd_queue_run(daemon);
	smpd_daemon_tell_status(daemon);
}

void smpd_job_start(SmpdJob *job, SmpdDevice *device)
{
	SmpdRun *run = g_new0(SmpdRun, 1);

	run->job = smpd_job_ref(job);
	run->device = device ? smpd_device_ref(device) : NULL;
	run->config = device ? smpd_target_ref(device->config) : NULL;
	g_cancellable_reset(job->cancellable);
	job->guarded = FALSE;
	set_state(job, SMPD_JOB_RUNNING);
	smpd_task_run(job->daemon, SMPD_TASK_JOB, run_thread, run_done, run);
}

void smpd_job_stop(SmpdJob *job, const char *by)
{
	g_mutex_lock(&job->lock);
	if (by && !job->cancelled_by)
		job->cancelled_by = g_strdup(by);
	job->stop_wanted = TRUE;
	if (!job->guarded)
		g_cancellable_cancel(job->cancellable);
	g_mutex_unlock(&job->lock);
	smpd_queue_run(job->daemon);
}

char *smpd_job_canceller(SmpdJob *job)
{
	g_mutex_lock(&job->lock);
	char *by = g_strdup(job->cancelled_by);
	g_mutex_unlock(&job->lock);
	return by;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/queue.h"
#include "daemon/device.h"
#include "daemon/job.h"

#define RETRY_SECONDS 30

static gboolean is_cancelled(SmpdJob *job)
{
	g_autofree char *by = smpd_job_canceller(job);
	return by != NULL;
}

/* Whether its bus and its group have room. */
static gboolean has_room(SmpdDaemon *daemon, const SmpdDevice *device)
{
	const SmpdConfiguration *configuration = daemon->configuration;
	const char *group = device->config->group;
	guint all = 0, on_bus = 0, in_group = 0;

	for (guint i = 0; i < daemon->jobs->len; i++) {
		SmpdJob *job = g_ptr_array_index(daemon->jobs, i);
		SmpdDevice *other = smpd_job_is_running(job)
					    ? smpd_device_find(daemon, job->order->device)
					    : NULL;
		all += smpd_job_is_running(job);
		on_bus += other && g_str_equal(other->bus_name, device->bus_name);
		in_group += other && group && g_strcmp0(other->config->group, group) == 0;
	}
	return all < configuration->max_parallel && on_bus < configuration->per_bus &&
	       (device->config->group_parallel == 0 || in_group < device->config->group_parallel);
}

/* Returns: whether the job was started */
static gboolean try_start(SmpdDaemon *daemon, SmpdJob *job)
{
	SmpdDevice *device = smpd_device_find(daemon, job->order->device);
	gboolean mine = device && device->job == job;

	if (job->state != SMPD_JOB_WAITING && job->state != SMPD_JOB_INTERRUPTED)
		return FALSE;
	if (is_cancelled(job)) {
		smpd_job_start(job, mine ? device : NULL);
		return TRUE;
	}
	if (!mine || !smpd_device_is_idle(device) || job->retry_at > g_get_monotonic_time() ||
	    !has_room(daemon, device))
		return FALSE;
	smpd_job_start(job, device);
	return TRUE;
}

void smpd_queue_run(SmpdDaemon *daemon)
{
	gboolean started = FALSE;

	for (guint i = 0; i < daemon->jobs->len && !daemon->stopping; i++)
		started |= try_start(daemon, g_ptr_array_index(daemon->jobs, i));
	if (started)
		smpd_daemon_tell_status(daemon);
}

static gboolean on_resume_timer(gpointer data)
{
	SmpdDaemon *daemon = data;
	gboolean more = FALSE;

	smpd_queue_run(daemon);
	for (guint i = 0; i < daemon->jobs->len; i++)
		more |= ((SmpdJob *)g_ptr_array_index(daemon->jobs, i))->state ==
			SMPD_JOB_INTERRUPTED;
	daemon->resume_timer = more ? daemon->resume_timer : 0;
	return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void smpd_queue_later(SmpdJob *job)
{
	SmpdDaemon *daemon = job->daemon;

	job->retry_at = g_get_monotonic_time() + RETRY_SECONDS * G_TIME_SPAN_SECOND;
	if (!daemon->resume_timer && !daemon->stopping)
		daemon->resume_timer =
			g_timeout_add_seconds(RETRY_SECONDS + 1, on_resume_timer, daemon);
}

void smpd_queue_soon(SmpdJob *job)
{
	job->retry_at = 0;
	smpd_queue_run(job->daemon);
}

typedef struct {
	SmpdStore *store;
	char *id;
} Removal;

static void remove_files(gpointer data)
{
	const Removal *removal = data;
	smpd_store_remove(removal->store, removal->id);
}

static void removed(gpointer data)
{
	Removal *removal = data;

	g_free(removal->id);
	g_free(removal);
}

static void forget(SmpdDaemon *daemon, SmpdJob *job)
{
	Removal *removal = g_new(Removal, 1);

	*removal = (Removal){.store = daemon->store, .id = g_strdup(job->order->id)};
	smpd_job_remove(job);
	smpd_task_run(daemon, SMPD_TASK_DISK, remove_files, removed, removal);
}

void smpd_queue_trim(SmpdDaemon *daemon)
{
	guint ended = 0;

	for (guint i = daemon->jobs->len; i > 0; i--) {
		SmpdJob *job = g_ptr_array_index(daemon->jobs, i - 1);
		if (job->state == SMPD_JOB_DONE && ++ended > daemon->configuration->keep_jobs)
			forget(daemon, job);
	}
}

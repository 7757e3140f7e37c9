/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/daemon.h"
#include "daemon/device.h"
#include "daemon/hotplug.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/names.h"
#include "daemon/notify.h"
#include "daemon/queue.h"
#include "daemon/supervise.h"
#include "daemon/wanted.h"

const char *smpd_text(const char *text)
{
	return text ? text : "";
}

void smpd_daemon_settle(SmpdDaemon *daemon)
{
	if (daemon->stopping && daemon->working == 0)
		g_main_loop_quit(daemon->loop);
}

void smpd_daemon_tell_status(SmpdDaemon *daemon)
{
	guint running = 0, waiting = 0;

	for (guint i = 0; i < daemon->jobs->len; i++) {
		const SmpdJob *job = g_ptr_array_index(daemon->jobs, i);
		running += job->state == SMPD_JOB_RUNNING;
		waiting += job->state == SMPD_JOB_WAITING || job->state == SMPD_JOB_INTERRUPTED;
	}
	smpd_notify("STATUS=%u devices, %u jobs running, %u waiting",
		    g_hash_table_size(daemon->devices), running, waiting);
}

static const SmpdTarget *find_target(const SmpdDaemon *daemon, const char *name)
{
	const GPtrArray *targets = daemon->configuration->targets;

	for (guint i = 0; i < targets->len; i++) {
		const SmpdTarget *target = g_ptr_array_index(targets, i);
		if (target->target && g_str_equal(target->name, name))
			return target;
	}
	return NULL;
}

/* A board with a job keeps what it was begun with until that has ended; then the configuration is
 * read once more. */
static gboolean may_change(SmpdDevice *device)
{
	device->stale = device->reserved || (device->job && smpd_job_is_running(device->job));
	return !device->stale;
}

/* Boards that a port brought come back by the scan after this, with their new rules. */
static void drop_devices(SmpdDaemon *daemon)
{
	g_autoptr(GList) devices = g_hash_table_get_values(daemon->devices);

	for (GList *at = devices; at; at = at->next) {
		SmpdDevice *device = at->data;
		gboolean kept = device->added || find_target(daemon, smpd_device_name(device));
		if (!kept && may_change(device))
			smpd_device_remove(device);
	}
}

/* A job finds its device again, whatever became of the configuration between. */
static void reunite(SmpdDaemon *daemon)
{
	for (guint i = 0; i < daemon->jobs->len; i++) {
		SmpdJob *job = g_ptr_array_index(daemon->jobs, i);
		SmpdDevice *device = smpd_device_find(daemon, job->order->device);
		if (job->state != SMPD_JOB_DONE && device && !device->job)
			smpd_device_set_job(device, job);
	}
}

static void add_device(SmpdDaemon *daemon, SmpdTarget *target)
{
	SmpdDevice *device = smpd_device_find(daemon, target->name);

	if (!device) {
		device = smpd_device_new(daemon, target);
		reunite(daemon);
		smpd_device_look(device);
		return;
	}
	device->added = FALSE;
	if (g_strcmp0(device->config->fingerprint, target->fingerprint) != 0 && may_change(device))
		smpd_device_configure(device, target);
}

static void tell_errors(SmpdDaemon *daemon)
{
	GPtrArray *errors = daemon->configuration->errors;
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (guint i = 0; i < errors->len; i++) {
		const char *error = g_ptr_array_index(errors, i);
		g_strv_builder_add(builder, error);
		smpd_log_event(LOG_WARNING, SMPD_MESSAGE_CONFIGURATION, NULL, NULL, "%s", error);
	}
	g_auto(GStrv) list = g_strv_builder_end(builder);
	smpd_bus_manager_set_configuration_errors(daemon->manager, (const char *const *)list);
}

void smpd_daemon_reload(SmpdDaemon *daemon)
{
	g_clear_pointer(&daemon->configuration, smpd_configuration_free);
	daemon->configuration = smpd_configuration_load(daemon->config_folder);
	tell_errors(daemon);
	drop_devices(daemon);
	for (guint i = 0; i < daemon->configuration->targets->len; i++) {
		SmpdTarget *target = g_ptr_array_index(daemon->configuration->targets, i);
		if (target->target)
			add_device(daemon, target);
	}
	if (daemon->hotplug)
		smpd_hotplug_scan(daemon->hotplug);
	reunite(daemon);
	smpd_wanted_refresh(daemon->wanted);
	smpd_supervise_all(daemon);
	smpd_queue_trim(daemon);
	smpd_queue_run(daemon);
	smpd_daemon_tell_status(daemon);
}

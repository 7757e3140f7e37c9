/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/device.h"
#include "daemon/error.h"
#include "daemon/job.h"
#include "daemon/names.h"
#include "daemon/queue.h"
#include "daemon/supervise.h"

#include <string.h>

/* How often a board is looked at again that does not answer when its port comes, and after how many
 * seconds first; doubled each time. */
#define MAX_RETRIES 6
#define RETRY_AFTER 5

const char *smpd_device_name(const SmpdDevice *device)
{
	return device->config->name;
}

const char *smpd_device_target(const SmpdDevice *device)
{
	return device->config->target;
}

SmpdDevice *smpd_device_find(SmpdDaemon *daemon, const char *name)
{
	return g_hash_table_lookup(daemon->devices, name);
}

/* Paths have letters, digits and underscores: everything else becomes _XX. */
char *smpd_device_path(const char *name)
{
	GString *path = g_string_new(SMPD_DEVICE_PATH);

	for (const char *c = name; *c; c++) {
		if (g_ascii_isalnum(*c))
			g_string_append_c(path, *c);
		else
			g_string_append_printf(path, "_%02x", (guint)(guchar)*c);
	}
	return g_string_free(path, FALSE);
}

/* "udp", "ble", "serial": the way to it. */
static const char *transport_of(const char *target)
{
	if (g_str_has_prefix(target, "udp:"))
		return "udp";
	return g_str_has_prefix(target, "ble:") ? "ble" : "serial";
}

/* A look may take longer than the interval, and an update begins between two. */
static gboolean poll_board(gpointer data)
{
	SmpdDevice *device = data;

	if (!device->job && smpd_device_is_idle(device))
		smpd_device_look(device);
	return G_SOURCE_CONTINUE;
}

static void start_polling(SmpdDevice *device)
{
	g_clear_handle_id(&device->poll_timer, g_source_remove);
	if (device->config->poll > 0)
		device->poll_timer =
			g_timeout_add_seconds(device->config->poll, poll_board, device);
}

static void export(SmpdDevice *device)
{
	g_autoptr(SmpdBusObjectSkeleton) object = smpd_bus_object_skeleton_new(device->path);

	smpd_bus_object_skeleton_set_device(object, device->bus);
	g_dbus_object_manager_server_export(device->daemon->objects,
					    G_DBUS_OBJECT_SKELETON(object));
}

static void show_config(SmpdDevice *device)
{
	smpd_bus_device_set_name(device->bus, device->config->name);
	smpd_bus_device_set_target(device->bus, device->config->target);
	smpd_bus_device_set_transport(device->bus, transport_of(device->config->target));
}

SmpdDevice *smpd_device_new(SmpdDaemon *daemon, SmpdTarget *config)
{
	SmpdDevice *device = g_new0(SmpdDevice, 1);

	g_ref_count_init(&device->references);
	device->daemon = daemon;
	device->config = smpd_target_ref(config);
	device->bus = smpd_bus_device_skeleton_new();
	device->path = smpd_device_path(config->name);
	device->bus_name = g_strdup(transport_of(config->target));
	device->cancellable = g_cancellable_new();
	g_queue_init(&device->acts);
	smpd_store_load_record(daemon->store, config->name, &device->record);
	show_config(device);
	smpd_device_show(device);
	smpd_bus_device_set_job(device->bus, "/");
	smpd_bus_device_set_policy(device->bus, "none");
	smpd_device_connect(device);
	export(device);
	g_hash_table_insert(daemon->devices, g_strdup(config->name), device);
	start_polling(device);
	return device;
}

SmpdDevice *smpd_device_ref(SmpdDevice *device)
{
	g_ref_count_inc(&device->references);
	return device;
}

void smpd_device_unref(SmpdDevice *device)
{
	if (!g_ref_count_dec(&device->references))
		return;
	smpd_target_unref(device->config);
	g_clear_pointer(&device->board, smp_board_free);
	smpd_record_clear(&device->record);
	g_object_unref(device->bus);
	g_object_unref(device->cancellable);
	g_free(device->path);
	g_free(device->bus_name);
	g_free(device);
}

void smpd_device_remove(SmpdDevice *device)
{
	device->gone = TRUE;
	g_clear_handle_id(&device->poll_timer, g_source_remove);
	g_clear_handle_id(&device->retry_timer, g_source_remove);
	smpd_device_set_job(device, NULL);
	g_signal_handlers_disconnect_by_data(device->bus, device);
	g_dbus_object_manager_server_unexport(device->daemon->objects, device->path);
	g_cancellable_cancel(device->cancellable);
	g_hash_table_remove(device->daemon->devices, device->config->name);
	smpd_device_unref(device);
}

void smpd_device_configure(SmpdDevice *device, SmpdTarget *config)
{
	gboolean moved = g_strcmp0(device->config->target, config->target) != 0;

	smpd_target_unref(device->config);
	device->config = smpd_target_ref(config);
	show_config(device);
	start_polling(device);
	if (moved)
		smpd_device_look(device);
}

void smpd_device_set_job(SmpdDevice *device, SmpdJob *job)
{
	g_clear_pointer(&device->job, smpd_job_unref);
	device->job = job ? smpd_job_ref(job) : NULL;
	smpd_bus_device_set_job(device->bus, job ? smpd_job_path(job) : "/");
}

void smpd_device_set_present(SmpdDevice *device, gboolean present)
{
	if (device->present == present)
		return;
	device->present = present;
	smpd_bus_device_set_present(device->bus, present);
	device->retries = 0;
	if (present)
		smpd_device_look(device);
	smpd_supervise(device);
}

/* ---- acts ---- */

static void act_free(SmpdAct *act)
{
	smpd_device_unref(act->device);
	g_free(act->target);
	g_free(act->identity);
	g_clear_pointer(&act->board, smp_board_free);
	g_clear_error(&act->error);
	g_free(act);
}

static SmpLink *open_link(SmpdAct *act)
{
	g_autoptr(SmpLink) link = smp_link_new(act->target, &act->error);

	if (!link)
		return NULL;
	smp_link_set_cancellable(link, act->device->cancellable);
	if (!smp_link_open(link, &act->error))
		return NULL;
	act->identity = smp_link_identity(link);
	return g_steal_pointer(&link);
}

/* In a thread. The port is open for as long as this takes, so that others may have it between. */
static void do_act(gpointer data)
{
	SmpdAct *act = data;
	g_autoptr(SmpLink) link = open_link(act);

	if (!link)
		return;
	g_autoptr(SmpSession) session = smp_session_new(link);
	if (act->run(act, session, &act->error))
		return;
	if (!act->error)
		act->error = g_error_new_literal(SMPD_ERROR, SMPD_ERROR_FAILED, "it failed");
}

/* That the board refuses something, or that its firmware is of no use, does not mean that it is
 * away. */
static gboolean proves_absence(const GError *error)
{
	return smp_error_is_link_lost(error) ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND) ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_IO);
}

static void learn(SmpdDevice *device, SmpdAct *act)
{
	if (act->error && act->error->domain == SMPD_ERROR)
		return;
	if (act->identity)
		smpd_bus_device_set_identity(device->bus, act->identity);
	device->present = !act->error || (device->present && !proves_absence(act->error));
	smpd_bus_device_set_problem(device->bus, act->error ? act->error->message : "");
	if (!act->error)
		smpd_bus_device_set_seen(device->bus,
					 (guint64)(g_get_real_time() / G_USEC_PER_SEC));
	if (act->board) {
		g_clear_pointer(&device->board, smp_board_free);
		device->board = g_steal_pointer(&act->board);
	}
	smpd_device_show(device);
}

static void act_done(gpointer data)
{
	SmpdAct *act = data;
	SmpdDevice *device = smpd_device_ref(act->device);

	g_queue_remove(&device->acts, act);
	device->acting = FALSE;
	if (!g_error_matches(act->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		learn(device, act);
	act->done(act, act->error);
	act_free(act);
	if (!device->gone) {
		smpd_supervise(device);
		smpd_device_next(device);
	}
	smpd_device_unref(device);
}

void smpd_device_act(SmpdDevice *device,
		     gboolean (*run)(SmpdAct *act, SmpSession *session, GError **error),
		     void (*done)(SmpdAct *act, const GError *error), gpointer data)
{
	SmpdAct *act = g_new0(SmpdAct, 1);

	*act = (SmpdAct){
		.device = smpd_device_ref(device),
		.run = run,
		.done = done,
		.data = data,
		.target = g_strdup(device->config->target),
	};
	g_queue_push_tail(&device->acts, act);
	smpd_device_next(device);
}

gboolean smpd_device_is_idle(const SmpdDevice *device)
{
	return !device->acting && g_queue_is_empty((GQueue *)&device->acts);
}

static gboolean look(SmpdAct *act, SmpSession *session, GError **error)
{
	act->board = smp_board_observe(session, error);
	return act->board != NULL;
}

static gboolean look_again(gpointer data)
{
	SmpdDevice *device = data;

	device->retry_timer = 0;
	smpd_device_look(device);
	return G_SOURCE_REMOVE;
}

/* The port is there before the board is: it still starts, or ModemManager tries its commands. Where
 * there is no port, udev tells when there is. */
static gboolean may_come(const SmpdDevice *device, const GError *error)
{
	return !device->gone && device->config->poll == 0 && device->retries < MAX_RETRIES &&
	       g_str_equal(transport_of(device->config->target), "serial") &&
	       !g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND);
}

static void looked(SmpdAct *act, const GError *error)
{
	SmpdDevice *device = act->device;

	g_clear_handle_id(&device->retry_timer, g_source_remove);
	if (!error)
		device->retries = 0;
	else if (may_come(device, error))
		device->retry_timer =
			g_timeout_add_seconds(RETRY_AFTER << device->retries++, look_again, device);
}

void smpd_device_look(SmpdDevice *device)
{
	device->look_wanted = TRUE;
	smpd_device_next(device);
}

/* Short things go first: who waits for them waits for seconds only. A look that nobody waits for
 * can be after the job. */
void smpd_device_next(SmpdDevice *device)
{
	gboolean busy = device->acting || (device->job && smpd_job_is_running(device->job));

	if (busy || device->gone || device->daemon->stopping)
		return;
	if (device->look_wanted && !device->job && g_queue_is_empty(&device->acts)) {
		device->look_wanted = FALSE;
		smpd_device_act(device, look, looked, NULL);
		return;
	}
	SmpdAct *act = g_queue_peek_head(&device->acts);
	if (act) {
		device->acting = TRUE;
		smpd_task_run(device->daemon, act->run == look ? SMPD_TASK_LOOK : SMPD_TASK_CALL,
			      do_act, act_done, act);
	} else {
		smpd_queue_run(device->daemon);
	}
}

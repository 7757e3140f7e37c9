/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/daemon.h"
#include "daemon/device.h"
#include "daemon/hotplug.h"
#include "daemon/inhibitor.h"
#include "daemon/job.h"
#include "daemon/log-control.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/names.h"
#include "daemon/notify.h"
#include "daemon/wanted.h"

#include "config.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

static gboolean use_session_bus;
static gboolean use_system_bus;
static gboolean show_version;
static char *state_folder;
static char *config_folder;

static const GOptionEntry options[] = {
	{"system", 0, 0, G_OPTION_ARG_NONE, &use_system_bus, "on the system bus (the default)",
	 NULL},
	{"session", 0, 0, G_OPTION_ARG_NONE, &use_session_bus, "on the session bus", NULL},
	{"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &state_folder,
	 "where jobs are kept ($STATE_DIRECTORY, " STATE_DIR ")", "DIR"},
	{"config-dir", 0, 0, G_OPTION_ARG_FILENAME, &config_folder,
	 "where smpd.conf and targets.d are (" CONFIG_DIR ")", "DIR"},
	{"version", 'V', 0, G_OPTION_ARG_NONE, &show_version, "print the version", NULL},
	{NULL},
};

static int exit_status;

static gboolean parse_options(int argc, char **argv)
{
	g_autoptr(GOptionContext) context =
		g_option_context_new("- keeps the boards of a gateway up to date");
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, options, NULL);
	if (g_option_context_parse(context, &argc, &argv, &error) && argc == 1 &&
	    !(use_session_bus && use_system_bus))
		return TRUE;
	fprintf(stderr, "smpd: %s\n",
		error	   ? error->message
		: argc > 1 ? "takes no arguments"
			   : "--system and --session exclude each other");
	return FALSE;
}

static void set_folders(void)
{
	const char *state = g_getenv("STATE_DIRECTORY");

	if (!state_folder)
		state_folder = g_strdup(state ? state : STATE_DIR);
	if (!config_folder)
		config_folder = g_strdup(CONFIG_DIR);
}

/* ---- stopping ---- */

/* Jobs end at their next safe point and go on at the next start. */
static void stop(SmpdDaemon *daemon)
{
	GHashTableIter iter;
	gpointer device;

	if (daemon->stopping)
		return;
	daemon->stopping = TRUE;
	smpd_notify("STOPPING=1\nSTATUS=waiting until no board is in the middle of a step");
	for (guint i = 0; i < daemon->jobs->len; i++) {
		SmpdJob *job = g_ptr_array_index(daemon->jobs, i);
		if (smpd_job_is_running(job))
			smpd_job_stop(job, NULL);
	}
	g_hash_table_iter_init(&iter, daemon->devices);
	while (g_hash_table_iter_next(&iter, NULL, &device))
		g_cancellable_cancel(((SmpdDevice *)device)->cancellable);
	smpd_daemon_settle(daemon);
}

static gboolean on_terminate(gpointer user_data)
{
	stop(user_data);
	return G_SOURCE_CONTINUE;
}

static gboolean on_hangup(gpointer user_data)
{
	SmpdDaemon *daemon = user_data;

	if (daemon->stopping || !daemon->objects)
		return G_SOURCE_CONTINUE;
	smpd_notify("RELOADING=1");
	smpd_daemon_reload(daemon);
	smpd_notify("READY=1");
	return G_SOURCE_CONTINUE;
}

/* ---- the bus ---- */

static void fail(SmpdDaemon *daemon, const char *what)
{
	g_warning("%s", what);
	exit_status = EXIT_FAILURE;
	stop(daemon);
}

static void on_bus_closed(GDBusConnection *bus G_GNUC_UNUSED, gboolean by_peer G_GNUC_UNUSED,
			  GError *error, gpointer user_data)
{
	g_autofree char *text = g_strdup_printf("the bus has gone%s%s", error ? ": " : "",
						error ? error->message : "");
	fail(user_data, text);
}

static void load_jobs(SmpdDaemon *daemon)
{
	g_autoptr(GPtrArray) damaged = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) orders = smpd_store_load(daemon->store, damaged);

	for (guint i = 0; i < damaged->len; i++)
		g_warning("%s", (const char *)g_ptr_array_index(damaged, i));
	g_ptr_array_set_free_func(orders, NULL);
	for (guint i = 0; i < orders->len; i++)
		smpd_job_new(daemon, g_ptr_array_index(orders, i));
}

static void export_root(SmpdDaemon *daemon)
{
	g_autoptr(GError) error = NULL;

	daemon->objects = g_dbus_object_manager_server_new(SMPD_ROOT);
	daemon->manager = smpd_bus_manager_skeleton_new();
	smpd_bus_manager_set_version(daemon->manager, VERSION);
	smpd_manager_connect(daemon);
	smpd_log_control_export(daemon);
	if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(daemon->manager),
					      daemon->bus, SMPD_ROOT, &error))
		g_warning("cannot export %s: %s", SMPD_ROOT, error->message);
}

/* Everything is there before the name is: who finds the name finds all jobs and devices. */
static void on_bus(GDBusConnection *bus, const char *name G_GNUC_UNUSED, gpointer user_data)
{
	SmpdDaemon *daemon = user_data;

	daemon->bus = g_object_ref(bus);
	g_dbus_connection_set_exit_on_close(bus, FALSE);
	g_signal_connect(bus, "closed", G_CALLBACK(on_bus_closed), daemon);
	daemon->inhibitor = smpd_inhibitor_new(bus);
	export_root(daemon);
	load_jobs(daemon);
	daemon->hotplug = smpd_hotplug_new(daemon);
	smpd_daemon_reload(daemon);
	g_dbus_object_manager_server_set_connection(daemon->objects, bus);
}

static void on_name(GDBusConnection *bus G_GNUC_UNUSED, const char *name G_GNUC_UNUSED,
		    gpointer user_data G_GNUC_UNUSED)
{
	smpd_notify("READY=1");
	smpd_notify_watchdog();
}

static void on_name_lost(GDBusConnection *bus, const char *name, gpointer user_data)
{
	SmpdDaemon *daemon = user_data;
	g_autofree char *text = bus ? g_strdup_printf("another program has the name %s", name)
				    : g_strdup("cannot reach the bus");

	if (!daemon->stopping)
		fail(daemon, text);
}

/* ---- from start to end ---- */

static void daemon_clear(SmpdDaemon *daemon)
{
	smpd_tasks_clear(daemon);
	while (daemon->jobs->len > 0)
		smpd_job_remove(g_ptr_array_index(daemon->jobs, 0));
	g_autoptr(GList) devices = g_hash_table_get_values(daemon->devices);
	for (GList *device = devices; device; device = device->next) {
		smpd_device_set_job(device->data, NULL);
		smpd_device_remove(device->data);
	}
	g_clear_pointer(&daemon->hotplug, smpd_hotplug_free);
	g_clear_pointer(&daemon->inhibitor, smpd_inhibitor_free);
	smpd_wanted_cache_free(daemon->wanted);
	g_hash_table_unref(daemon->devices);
	g_ptr_array_unref(daemon->jobs);
	g_array_unref(daemon->begun);
	g_clear_pointer(&daemon->configuration, smpd_configuration_free);
	g_clear_object(&daemon->manager);
	g_clear_object(&daemon->objects);
	if (daemon->bus) {
		g_signal_handlers_disconnect_by_data(daemon->bus, daemon);
		g_dbus_connection_flush_sync(daemon->bus, NULL, NULL);
	}
	g_clear_object(&daemon->bus);
	smpd_store_free(daemon->store);
	g_main_loop_unref(daemon->loop);
}

static gboolean run(SmpdDaemon *daemon, GError **error)
{
	daemon->store = smpd_store_open(state_folder, error);
	if (!daemon->store)
		return FALSE;
	daemon->config_folder = config_folder;
	daemon->loop = g_main_loop_new(NULL, FALSE);
	daemon->devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	daemon->jobs = g_ptr_array_new_with_free_func((GDestroyNotify)smpd_job_unref);
	daemon->begun = g_array_new(FALSE, FALSE, sizeof(gint64));
	daemon->wanted = smpd_wanted_cache_new(daemon);
	smpd_tasks_init(daemon);
	g_unix_signal_add(SIGTERM, on_terminate, daemon);
	g_unix_signal_add(SIGINT, on_terminate, daemon);
	g_unix_signal_add(SIGHUP, on_hangup, daemon);
	guint name = g_bus_own_name(use_session_bus ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM,
				    SMPD_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_NONE, on_bus, on_name,
				    on_name_lost, daemon, NULL);
	g_main_loop_run(daemon->loop);
	g_bus_unown_name(name);
	daemon_clear(daemon);
	return TRUE;
}

int main(int argc, char **argv)
{
	SmpdDaemon daemon = {0};
	g_autoptr(GError) error = NULL;

	setlocale(LC_ALL, "");
	smpd_log_init();
	if (!parse_options(argc, argv))
		return 2;
	if (show_version) {
		puts("smpd " VERSION);
		return EXIT_SUCCESS;
	}
	set_folders();
	if (!run(&daemon, &error)) {
		g_warning("%s", error->message);
		return EXIT_FAILURE;
	}
	g_free(state_folder);
	g_free(config_folder);
	return exit_status;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way to smpd: its objects, calls of its methods, and waiting for what it tells. */

#include "daemon.h"

#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE SMPD_BUS_NAME ".Device"
#define JOB    SMPD_BUS_NAME ".Job"

/* Where nobody can interrupt it. Longer than any talk with a board. */
#define CALL_MS (10 * 60 * 1000)

static void on_opened(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer data)
{
	*(GAsyncResult **)data = g_object_ref(result);
}

static gboolean on_late(gpointer cancellable)
{
	g_cancellable_cancel(cancellable);
	return G_SOURCE_REMOVE;
}

static GDBusObjectManager *take(GDBusObjectManager *objects, GError **error)
{
	GDBusObjectManagerClient *client = G_DBUS_OBJECT_MANAGER_CLIENT(objects);

	/* Otherwise the end of the bus would end the program. */
	g_dbus_connection_set_exit_on_close(g_dbus_object_manager_client_get_connection(client),
					    FALSE);
	if (smpctl_daemon_is_there(objects))
		return objects;
	g_propagate_error(error,
			  smpctl_daemon_error_new("org.freedesktop.DBus.Error.ServiceUnknown", ""));
	g_object_unref(objects);
	return NULL;
}

GDBusObjectManager *smpctl_daemon_connect(Smpctl *cli, gboolean start, guint ms, GError **error)
{
	g_autoptr(GCancellable) limit = ms ? g_cancellable_new() : g_object_ref(cli->cancellable);
	guint timer = ms ? g_timeout_add(ms, on_late, limit) : 0;
	g_autoptr(GAsyncResult) result = NULL;
	g_autoptr(GError) failed = NULL;

	smpctl_bus_object_manager_client_new_for_bus(
		G_BUS_TYPE_SYSTEM,
		start ? G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE
		      : G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START,
		SMPD_BUS_NAME, SMPD_ROOT, limit, on_opened, &result);
	while (!result)
		g_main_context_iteration(NULL, TRUE);
	if (timer && !g_cancellable_is_cancelled(limit))
		g_source_remove(timer);
	GDBusObjectManager *objects =
		smpctl_bus_object_manager_client_new_for_bus_finish(result, &failed);
	if (objects)
		return take(objects, error);
	g_propagate_error(error, smpctl_daemon_error_translate(failed));
	return NULL;
}

GDBusObjectManager *smpctl_daemon_open(Smpctl *cli, GError **error)
{
	return smpctl_daemon_connect(cli, TRUE, 0, error);
}

gboolean smpctl_daemon_is_there(GDBusObjectManager *objects)
{
	g_autofree char *owner =
		g_dbus_object_manager_client_get_name_owner(G_DBUS_OBJECT_MANAGER_CLIENT(objects));
	return owner != NULL;
}

/* ---- waiting ---- */

/* Connected with "swapped", so that it is for signals of every kind. */
static void on_change(gboolean *changed)
{
	*changed = TRUE;
}

static gboolean on_source(gpointer changed)
{
	*(gboolean *)changed = TRUE;
	return G_SOURCE_CONTINUE;
}

static gboolean on_cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer changed)
{
	return on_source(changed);
}

static void start_source(GSource *source, GSourceFunc function, gboolean *changed)
{
	g_source_set_callback(source, function, changed, NULL);
	g_source_attach(source, NULL);
}

static void end_source(GSource *source)
{
	if (!source)
		return;
	g_source_destroy(source);
	g_source_unref(source);
}

gboolean smpctl_daemon_wait(Smpctl *cli, GDBusObjectManager *objects, guint ms, GError **error)
{
	static const char *const signals[] = {"object-added", "object-removed",
					      "interface-proxy-properties-changed",
					      "notify::name-owner"};
	GDBusConnection *bus =
		g_dbus_object_manager_client_get_connection(G_DBUS_OBJECT_MANAGER_CLIENT(objects));
	GSource *timer = ms ? g_timeout_source_new(ms) : NULL;
	GSource *cancel = g_cancellable_source_new(cli->cancellable);
	GSource *resize = g_unix_signal_source_new(SIGWINCH);
	gboolean changed = FALSE;

	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		g_signal_connect_swapped(objects, signals[i], G_CALLBACK(on_change), &changed);
	gulong closed = g_signal_connect_swapped(bus, "closed", G_CALLBACK(on_change), &changed);
	if (timer)
		start_source(timer, on_source, &changed);
	start_source(cancel, G_SOURCE_FUNC(on_cancelled), &changed);
	start_source(resize, on_source, &changed);
	while (!changed && !g_dbus_connection_is_closed(bus))
		g_main_context_iteration(NULL, TRUE);
	end_source(timer);
	end_source(cancel);
	end_source(resize);
	g_signal_handlers_disconnect_by_data(objects, &changed);
	g_signal_handler_disconnect(bus, closed);
	if (g_cancellable_set_error_if_cancelled(cli->cancellable, error))
		return FALSE;
	if (!g_dbus_connection_is_closed(bus))
		return TRUE;
	g_propagate_error(error,
			  smpctl_daemon_error_new(SMPCTL_DAEMON_NO_BUS, "the system bus has gone"));
	return FALSE;
}

/* ---- calls ---- */

/* Whether there is somebody to give a password. */
static gboolean is_attended(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static GVariant *no_options(void)
{
	return g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0);
}

/* (before…, options) */
static GVariant *join(GVariant *before, GVariant *options)
{
	g_autoptr(GVariant) tuple = g_variant_ref_sink(before);
	GVariantBuilder builder;

	g_variant_builder_init(&builder, G_VARIANT_TYPE_TUPLE);
	for (gsize i = 0; i < g_variant_n_children(tuple); i++) {
		g_autoptr(GVariant) child = g_variant_get_child_value(tuple, i);
		g_variant_builder_add_value(&builder, child);
	}
	g_variant_builder_add_value(&builder, options ? options : no_options());
	return g_variant_builder_end(&builder);
}

GVariant *smpctl_daemon_call(Smpctl *cli, gpointer proxy, const char *method, GVariant *arguments,
			     GVariant *options, GUnixFDList *files, GError **error)
{
	gboolean attended = is_attended();
	g_autoptr(GError) failed = NULL;
	GVariant *answer = g_dbus_proxy_call_with_unix_fd_list_sync(
		G_DBUS_PROXY(proxy), method, join(arguments, options),
		attended ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
			 : G_DBUS_CALL_FLAGS_NONE,
		attended ? G_MAXINT : CALL_MS, files, NULL, cli->cancellable, &failed);

	if (!answer)
		g_propagate_error(error, smpctl_daemon_error_translate(failed));
	return answer;
}

gboolean smpctl_daemon_tell(Smpctl *cli, gpointer proxy, const char *method, GError **error)
{
	g_autoptr(GVariant) answer =
		smpctl_daemon_call(cli, proxy, method, g_variant_new("()"), NULL, NULL, error);
	return answer != NULL;
}

/* ---- devices and jobs ---- */

static GPtrArray *list(GDBusObjectManager *objects, const char *interface, GCompareFunc compare)
{
	GPtrArray *found = g_ptr_array_new_with_free_func(g_object_unref);
	GList *all = g_dbus_object_manager_get_objects(objects);

	for (GList *object = all; object; object = object->next) {
		GDBusInterface *proxy = g_dbus_object_get_interface(object->data, interface);
		if (proxy)
			g_ptr_array_add(found, proxy);
	}
	g_list_free_full(all, g_object_unref);
	g_ptr_array_sort(found, compare);
	return found;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(smpctl_bus_device_get_name(*(SmpctlBusDevice *const *)a),
			 smpctl_bus_device_get_name(*(SmpctlBusDevice *const *)b));
}

static int by_number(gconstpointer a, gconstpointer b)
{
	guint64 first = g_ascii_strtoull(smpctl_job_id(*(SmpctlBusJob *const *)a), NULL, 10);
	guint64 second = g_ascii_strtoull(smpctl_job_id(*(SmpctlBusJob *const *)b), NULL, 10);

	return (first > second) - (first < second);
}

GPtrArray *smpctl_daemon_devices(GDBusObjectManager *objects)
{
	return list(objects, DEVICE, by_name);
}

GPtrArray *smpctl_daemon_jobs(GDBusObjectManager *objects)
{
	return list(objects, JOB, by_number);
}

SmpctlBusJob *smpctl_daemon_get_job(GDBusObjectManager *objects, const char *path)
{
	GDBusInterface *found = g_dbus_object_manager_get_interface(objects, path, JOB);
	return found ? SMPCTL_BUS_JOB(found) : NULL;
}

SmpctlBusJob *smpctl_daemon_find_job(GDBusObjectManager *objects, const char *text, GError **error)
{
	g_autofree char *path = g_str_has_prefix(text, SMPD_JOB_PATH)
					? g_strdup(text)
					: g_strconcat(SMPD_JOB_PATH, text, NULL);
	SmpctlBusJob *job =
		g_variant_is_object_path(path) ? smpctl_daemon_get_job(objects, path) : NULL;
	if (!job)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "smpd has no job %s; `smpctl job list` shows those that it knows",
			    text);
	return job;
}

SmpctlBusDevice *smpctl_daemon_find_device(GDBusObjectManager *objects, const char *name,
					   GError **error)
{
	g_autoptr(GPtrArray) devices = smpctl_daemon_devices(objects);

	for (guint i = 0; i < devices->len; i++) {
		SmpctlBusDevice *device = g_ptr_array_index(devices, i);
		if (g_strcmp0(smpctl_bus_device_get_name(device), name) == 0)
			return g_object_ref(device);
	}
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
		    "smpd serves no device “%s”; `smpctl device list` shows those that it does",
		    name);
	return NULL;
}

/* By what stays the same about a board: it has many names. */
static gboolean is_board(SmpctlBusDevice *device, const char *target, const char *identity)
{
	const char *served = smpctl_bus_device_get_target(device);
	g_autoptr(SmpLink) link = served ? smp_link_new(served, NULL) : NULL;
	g_autofree char *its_identity = link ? smp_link_identity(link) : NULL;

	return g_strcmp0(served, target) == 0 || g_strcmp0(its_identity, identity) == 0 ||
	       g_strcmp0(smpctl_bus_device_get_identity(device), identity) == 0;
}

SmpctlBusDevice *smpctl_daemon_find_link(GDBusObjectManager *objects, SmpLink *link)
{
	g_autoptr(GPtrArray) devices = smpctl_daemon_devices(objects);
	g_autofree char *identity = smp_link_identity(link);

	for (guint i = 0; i < devices->len; i++) {
		SmpctlBusDevice *device = g_ptr_array_index(devices, i);
		if (is_board(device, smp_link_get_target(link), identity))
			return g_object_ref(device);
	}
	return NULL;
}

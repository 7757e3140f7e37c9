/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.smpd1.Manager: the methods. */

#include "daemon/manager.h"
#include "daemon/call.h"
#include "daemon/device.h"
#include "daemon/hotplug.h"
#include "daemon/names.h"
#include "daemon/supervise.h"
#include "daemon/wanted.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#define MAX_LEASES  64
#define MAX_ADDED   1000
#define MAX_WHY	    200
#define MAX_ADDRESS 1000

/* ---- targets ---- */

/* Of all files only terminals, which are below /dev: a caller must not have others opened. */
static gboolean check_target(const char *text, GError **error)
{
	const char *path = strchr(text, '/');
	gboolean network = g_str_has_prefix(text, "udp:") || g_str_has_prefix(text, "ble:") ||
			   g_str_has_prefix(text, "usb:");
	g_autofree char *canonical = path ? g_canonicalize_filename(path, "/") : NULL;
	g_autoptr(GError) local = NULL;

	if (strlen(text) > MAX_ADDRESS || !smpd_target_check(text, &local)) {
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS, "%s",
			    local ? local->message : "the target is too long");
		return FALSE;
	}
	if (network || (canonical && g_str_has_prefix(canonical, "/dev/")))
		return TRUE;
	g_set_error(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS, "%s is not below /dev", text);
	return FALSE;
}

static guint count_added(SmpdDaemon *daemon)
{
	GHashTableIter iter;
	gpointer device;
	guint count = 0;

	g_hash_table_iter_init(&iter, daemon->devices);
	while (g_hash_table_iter_next(&iter, NULL, &device))
		count += ((SmpdDevice *)device)->added;
	return count;
}

static void add_target(SmpdCall *call)
{
	SmpdDaemon *daemon = call->daemon;

	if (smpd_device_find(daemon, call->text)) {
		smpd_call_refuse(call, SMPD_ERROR_EXISTS, "there is a device of this name");
		return;
	}
	if (count_added(daemon) >= MAX_ADDED) {
		smpd_call_refuse(call, SMPD_ERROR_REFUSED, "too many targets were added");
		return;
	}
	g_autoptr(SmpdTarget) target = smpd_target_new(call->text, call->target);
	SmpdDevice *device = smpd_device_new(daemon, target);
	device->added = TRUE;
	smpd_device_look(device);
	smpd_call_done(call, g_variant_new("(o)", device->path));
}

static gboolean on_add_target(SmpdBusManager *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			      const char *name, const char *target, GVariant *options,
			      gpointer user_data)
{
	SmpdCall *call = smpd_call_new(user_data, invocation, add_target);
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) bad_name = NULL;

	if (!smpd_name_check(name, &bad_name))
		g_set_error_literal(&error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS, bad_name->message);
	if (error || !check_target(target, &error)) {
		smpd_call_fail(call, error);
		return G_DBUS_METHOD_INVOCATION_HANDLED;
	}
	call->text = g_strdup(name);
	call->target = g_strdup(target);
	return smpd_call_begin(call, options, NULL, SMPD_ACTION_CONTROL);
}

static SmpdDevice *find_by_path(SmpdDaemon *daemon, const char *path)
{
	GHashTableIter iter;
	gpointer device;

	g_hash_table_iter_init(&iter, daemon->devices);
	while (g_hash_table_iter_next(&iter, NULL, &device)) {
		if (g_str_equal(((SmpdDevice *)device)->path, path))
			return device;
	}
	return NULL;
}

static void remove_target(SmpdCall *call)
{
	SmpdDevice *device = find_by_path(call->daemon, call->text);

	if (!device) {
		smpd_call_refuse(call, SMPD_ERROR_NOT_FOUND, "there is no such device");
	} else if (!device->added) {
		smpd_call_refuse(call, SMPD_ERROR_REFUSED,
				 "it stands in the configuration: take it out there");
	} else if (device->job || device->reserved) {
		smpd_call_refuse(call, SMPD_ERROR_BUSY, "it has a job");
	} else {
		smpd_device_remove(device);
		smpd_call_done(call, NULL);
	}
}

static gboolean on_remove_target(SmpdBusManager *bus G_GNUC_UNUSED,
				 GDBusMethodInvocation *invocation, const char *device,
				 GVariant *options, gpointer user_data)
{
	SmpdCall *call = smpd_call_new(user_data, invocation, remove_target);

	call->text = g_strdup(device);
	return smpd_call_begin(call, options, NULL, SMPD_ACTION_CONTROL);
}

/* ---- looking and loading ---- */

static void rescan(SmpdCall *call)
{
	g_autoptr(GList) devices = g_hash_table_get_values(call->daemon->devices);

	if (call->daemon->hotplug)
		smpd_hotplug_scan(call->daemon->hotplug);
	smpd_wanted_refresh(call->daemon->wanted);
	for (GList *device = devices; device; device = device->next)
		smpd_device_look(device->data);
	smpd_call_done(call, NULL);
}

static gboolean on_rescan(SmpdBusManager *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			  GVariant *options, gpointer user_data)
{
	return smpd_call_begin(smpd_call_new(user_data, invocation, rescan), options, NULL,
			       SMPD_ACTION_INSPECT);
}

static void reload(SmpdCall *call)
{
	smpd_daemon_reload(call->daemon);
	smpd_call_done(call, NULL);
}

static gboolean on_reload(SmpdBusManager *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			  GVariant *options, gpointer user_data)
{
	return smpd_call_begin(smpd_call_new(user_data, invocation, reload), options, NULL,
			       SMPD_ACTION_CONTROL);
}

/* ---- leases ---- */

static void count_lease(SmpdDaemon *daemon, int change)
{
	daemon->leases += (guint)change;
	smpd_bus_manager_set_inhibited(daemon->manager, daemon->leases > 0);
	smpd_supervise_all(daemon);
}

/* The caller's end was closed, by the caller or by its end. */
static gboolean on_lease_end(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	SmpdDaemon *daemon = data;

	close(fd);
	count_lease(daemon, -1);
	return G_SOURCE_REMOVE;
}

static void inhibit(SmpdCall *call)
{
	g_autoptr(GError) error = NULL;
	int ends[2];

	if (call->daemon->leases >= MAX_LEASES) {
		smpd_call_refuse(call, SMPD_ERROR_REFUSED,
				 "too many callers inhibit policy already");
		return;
	}
	if (!g_unix_open_pipe(ends, FD_CLOEXEC, &error)) {
		smpd_call_fail(call, error);
		return;
	}
	g_autoptr(GUnixFDList) fds = g_unix_fd_list_new_from_array(&ends[1], 1);
	/* What somebody writes into it must not wake us for ever: only its end counts. */
	g_unix_fd_add(ends[0], G_IO_HUP | G_IO_ERR, on_lease_end, call->daemon);
	g_message("%s inhibits policy: %s", g_dbus_method_invocation_get_sender(call->invocation),
		  call->text);
	count_lease(call->daemon, 1);
	g_dbus_method_invocation_return_value_with_unix_fd_list(call->invocation,
								g_variant_new("(h)", 0), fds);
	smpd_call_free(call);
}

static gboolean on_inhibit(SmpdBusManager *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			   GUnixFDList *fds G_GNUC_UNUSED, const char *why, GVariant *options,
			   gpointer user_data)
{
	SmpdCall *call = smpd_call_new(user_data, invocation, inhibit);
	g_autofree char *start = g_strndup(why, MAX_WHY);

	call->text = g_utf8_make_valid(start, -1);
	g_strdelimit(call->text, "\r\n", ' ');
	return smpd_call_begin(call, options, NULL, SMPD_ACTION_CONTROL);
}

void smpd_manager_connect(SmpdDaemon *daemon)
{
	const struct {
		const char *signal;
		GCallback handler;
	} methods[] = {
		{"handle-add-target", G_CALLBACK(on_add_target)},
		{"handle-remove-target", G_CALLBACK(on_remove_target)},
		{"handle-rescan", G_CALLBACK(on_rescan)},
		{"handle-reload", G_CALLBACK(on_reload)},
		{"handle-inhibit", G_CALLBACK(on_inhibit)},
	};

	for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
		g_signal_connect(daemon->manager, methods[i].signal, methods[i].handler, daemon);
}

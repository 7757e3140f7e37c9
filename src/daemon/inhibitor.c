/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/inhibitor.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

struct SmpdInhibitor {
	GDBusConnection *bus;
	GHashTable *jobs; /* that hold it */
	GCancellable *asking;
	int fd;
};

static void let_go(SmpdInhibitor *inhibitor)
{
	if (inhibitor->fd >= 0)
		close(inhibitor->fd);
	inhibitor->fd = -1;
}

SmpdInhibitor *smpd_inhibitor_new(GDBusConnection *bus)
{
	SmpdInhibitor *inhibitor = g_new0(SmpdInhibitor, 1);

	inhibitor->bus = g_object_ref(bus);
	inhibitor->jobs = g_hash_table_new(g_direct_hash, g_direct_equal);
	inhibitor->fd = -1;
	return inhibitor;
}

static void stop_asking(SmpdInhibitor *inhibitor)
{
	if (inhibitor->asking)
		g_cancellable_cancel(inhibitor->asking);
	g_clear_object(&inhibitor->asking);
}

void smpd_inhibitor_free(SmpdInhibitor *inhibitor)
{
	stop_asking(inhibitor);
	let_go(inhibitor);
	g_hash_table_unref(inhibitor->jobs);
	g_object_unref(inhibitor->bus);
	g_free(inhibitor);
}

/* A system without logind has no shutdown that could be delayed. After a cancel the inhibitor may
 * be gone. */
static void on_inhibited(GObject *bus, GAsyncResult *result, gpointer user_data)
{
	SmpdInhibitor *inhibitor = user_data;
	g_autoptr(GUnixFDList) fds = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer = g_dbus_connection_call_with_unix_fd_list_finish(
		G_DBUS_CONNECTION(bus), &fds, result, &error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;
	g_clear_object(&inhibitor->asking);
	if (answer && fds)
		inhibitor->fd = g_unix_fd_list_get(fds, 0, &error);
	if (error)
		g_debug("shutdown is not delayed: %s", error->message);
}

static void ask(SmpdInhibitor *inhibitor)
{
	inhibitor->asking = g_cancellable_new();
	g_dbus_connection_call_with_unix_fd_list(
		inhibitor->bus, "org.freedesktop.login1", "/org/freedesktop/login1",
		"org.freedesktop.login1.Manager", "Inhibit",
		g_variant_new("(ssss)", "shutdown:sleep", "smpd", "A board installs its firmware",
			      "delay"),
		G_VARIANT_TYPE("(h)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, inhibitor->asking,
		on_inhibited, inhibitor);
}

void smpd_inhibitor_hold(SmpdInhibitor *inhibitor, SmpdJob *job, gboolean hold)
{
	if (hold)
		g_hash_table_add(inhibitor->jobs, job);
	else
		g_hash_table_remove(inhibitor->jobs, job);
	gboolean wanted = g_hash_table_size(inhibitor->jobs) > 0;
	if (wanted && inhibitor->fd < 0 && !inhibitor->asking)
		ask(inhibitor);
	if (!wanted) {
		stop_asking(inhibitor);
		let_go(inhibitor);
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What tests do to the double. */

#include "double-private.h"

/* What tests do to it: run in its thread, waited for. */

typedef struct {
	void (*func)(BluezDouble *bluez, gpointer data);
	BluezDouble *bluez;
	gpointer data;
	GMutex mutex;
	GCond cond;
	gboolean done;
} Task;

static gboolean on_task(gpointer user_data)
{
	Task *task = user_data;

	task->func(task->bluez, task->data);
	g_mutex_lock(&task->mutex);
	task->done = TRUE;
	g_cond_signal(&task->cond);
	g_mutex_unlock(&task->mutex);
	return G_SOURCE_REMOVE;
}

void double_run(BluezDouble *bluez, void (*func)(BluezDouble *, gpointer), gpointer data)
{
	Task task = {.func = func, .bluez = bluez, .data = data};
	g_autoptr(GSource) source = g_idle_source_new();

	g_mutex_init(&task.mutex);
	g_cond_init(&task.cond);
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, on_task, &task, NULL);
	g_source_attach(source, bluez->context);
	g_mutex_lock(&task.mutex);
	while (!task.done)
		g_cond_wait(&task.cond, &task.mutex);
	g_mutex_unlock(&task.mutex);
	g_mutex_clear(&task.mutex);
	g_cond_clear(&task.cond);
}

static void task_rule(BluezDouble *bluez, gpointer data)
{
	g_array_append_vals(bluez->rules, data, 1);
}

void bluez_double_add_rule(BluezDouble *bluez, const DoubleRule *rule)
{
	double_run(bluez, task_rule, (gpointer)rule);
}

static void task_counts(BluezDouble *bluez, gpointer data)
{
	*(DoubleCounts *)data = bluez->counts;
}

void bluez_double_get_counts(BluezDouble *bluez, DoubleCounts *counts)
{
	/* What clients closed is seen first. */
	g_usleep(20000);
	double_run(bluez, task_counts, counts);
}

typedef struct {
	const char *path, *interface, *property;
	GVariant *value;
} Property;

static void task_set(BluezDouble *bluez, gpointer data)
{
	const Property *set = data;

	double_set(bluez, set->path, set->interface, set->property, set->value);
}

void bluez_double_set(BluezDouble *bluez, const char *path, const char *interface,
		      const char *property, GVariant *value)
{
	double_run(bluez, task_set, &(Property){path, interface, property, value});
}

static void task_drop(BluezDouble *bluez, gpointer data)
{
	peer_lose_link(&bluez->peers[GPOINTER_TO_UINT(data)]);
}

void bluez_double_drop(BluezDouble *bluez, guint board)
{
	double_run(bluez, task_drop, GUINT_TO_POINTER(board));
}

static void task_off(BluezDouble *bluez, gpointer data)
{
	Peer *peer = &bluez->peers[GPOINTER_TO_UINT(data)];

	peer->is.off = TRUE;
	peer->was_up = FALSE;
	peer_lose_link(peer);
	if (peer->path)
		double_set(bluez, peer->path, DEVICE, "RSSI", NULL);
}

static void task_on(BluezDouble *bluez, gpointer data)
{
	Peer *peer = &bluez->peers[GPOINTER_TO_UINT(data)];

	peer->is.off = FALSE;
	peer->was_up = TRUE;
	peer_advertise(peer);
}

void bluez_double_power(BluezDouble *bluez, guint board, gboolean on)
{
	double_run(bluez, on ? task_on : task_off, GUINT_TO_POINTER(board));
}

typedef struct {
	guint board;
	const char *name;
} Rename;

static void task_rename(BluezDouble *bluez, gpointer data)
{
	const Rename *rename = data;
	Peer *peer = &bluez->peers[rename->board];

	peer->is.name = rename->name;
	if (peer->path)
		double_set(bluez, peer->path, DEVICE, "Name", g_variant_new_string(rename->name));
}

void bluez_double_rename(BluezDouble *bluez, guint board, const char *name)
{
	double_run(bluez, task_rename, &(Rename){board, name});
}

typedef struct {
	guint board;
	const char *adapter;
} Carry;

static void task_carry(BluezDouble *bluez, gpointer data)
{
	const Carry *carry = data;
	Peer *peer = &bluez->peers[carry->board];

	peer_forget(peer);
	peer->is.adapter = carry->adapter;
	peer_advertise(peer);
}

void bluez_double_carry(BluezDouble *bluez, guint board, const char *adapter)
{
	double_run(bluez, task_carry, &(Carry){board, adapter});
}

static void task_move(BluezDouble *bluez, gpointer data)
{
	Peer *peer = &bluez->peers[GPOINTER_TO_UINT(data)];

	peer_close_fds(peer);
	peer_hide_services(peer);
	peer->service += 4;
	peer_show_services(peer);
}

void bluez_double_move_services(BluezDouble *bluez, guint board)
{
	double_run(bluez, task_move, GUINT_TO_POINTER(board));
}

static void task_close_notify(BluezDouble *bluez, gpointer data)
{
	peer_close_notify(&bluez->peers[GPOINTER_TO_UINT(data)]);
}

static void task_close_write(BluezDouble *bluez, gpointer data)
{
	peer_close_write(&bluez->peers[GPOINTER_TO_UINT(data)]);
}

void bluez_double_close_fd(BluezDouble *bluez, guint board, gboolean notify)
{
	double_run(bluez, notify ? task_close_notify : task_close_write, GUINT_TO_POINTER(board));
}

/* What the adapter did is over. */
static void stop_adapter(BluezDouble *bluez, const char *path)
{
	if (g_strcmp0(bluez->scanning_on, path) == 0)
		double_set_scanning(bluez, NULL, NULL);
	for (guint i = 0; i < bluez->n_peers; i++) {
		Peer *peer = &bluez->peers[i];

		if (peer->path && g_str_has_prefix(peer->path, path))
			peer_lose_link(peer);
	}
}

typedef struct {
	const char *name;
	gboolean powered;
} Adapter;

static void task_switch(BluezDouble *bluez, gpointer data)
{
	const Adapter *adapter = data;
	g_autofree char *path = g_strdup_printf("/org/bluez/%s", adapter->name);

	double_set(bluez, path, ADAPTER, "Powered", g_variant_new_boolean(adapter->powered));
	if (!adapter->powered)
		stop_adapter(bluez, path);
}

void bluez_double_switch(BluezDouble *bluez, const char *name, gboolean on)
{
	double_run(bluez, task_switch, &(Adapter){name, on});
}

static void task_end_scan(BluezDouble *bluez, gpointer data)
{
	double_set_scanning(bluez, NULL, NULL);
}

void bluez_double_end_scan(BluezDouble *bluez)
{
	double_run(bluez, task_end_scan, NULL);
}

static void task_remove_adapter(BluezDouble *bluez, gpointer data)
{
	stop_adapter(bluez, DOUBLE_ADAPTER);
	for (guint i = 0; i < bluez->n_peers; i++) {
		g_autofree char *adapter = peer_adapter(&bluez->peers[i]);

		if (g_str_equal(adapter, DOUBLE_ADAPTER))
			peer_forget(&bluez->peers[i]);
	}
	double_remove(bluez, DOUBLE_ADAPTER);
}

void bluez_double_remove_adapter(BluezDouble *bluez)
{
	double_run(bluez, task_remove_adapter, NULL);
}

void double_add_adapter(BluezDouble *bluez, const char *name, gboolean powered)
{
	g_autofree char *path = g_strdup_printf("/org/bluez/%s", name);
	g_autofree char *address = g_strdup_printf("00:AA:01:00:00:0%c", name[3]);

	double_add(
		bluez, path, ADAPTER,
		g_variant_new_parsed("{'Powered': <%b>, 'Address': <%s>, 'Discovering': <false>}",
				     powered, address));
}

static void task_add_adapter(BluezDouble *bluez, gpointer data)
{
	const Adapter *adapter = data;

	double_add_adapter(bluez, adapter->name, adapter->powered);
}

void bluez_double_add_adapter(BluezDouble *bluez, const char *name, gboolean powered)
{
	double_run(bluez, task_add_adapter, &(Adapter){name, powered});
}

void double_own_name(BluezDouble *bluez)
{
	g_autoptr(GVariant) owned = g_dbus_connection_call_sync(
		bluez->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
		"RequestName", g_variant_new("(su)", "org.bluez", 0), NULL, 0, -1, NULL, NULL);

	g_assert_nonnull(owned);
}

static gboolean on_restarted(gpointer user_data)
{
	BluezDouble *bluez = user_data;

	double_own_name(bluez);
	double_add_adapter(bluez, "hci0", TRUE);
	for (guint i = 0; i < bluez->n_peers; i++) {
		if (bluez->peers[i].is.paired)
			peer_make_known(&bluez->peers[i], FALSE);
	}
	return G_SOURCE_REMOVE;
}

static void task_restart(BluezDouble *bluez, gpointer data)
{
	g_autoptr(GVariant) released = NULL;

	for (guint i = 0; i < bluez->n_peers; i++) {
		Peer *peer = &bluez->peers[i];

		peer_close_fds(peer);
		peer->connected = FALSE;
		g_clear_pointer(&peer->path, g_free);
	}
	g_clear_pointer(&bluez->scanner, g_free);
	g_clear_pointer(&bluez->scanning_on, g_free);
	bluez->counts.scanning = FALSE;
	double_clear_agent(bluez);
	g_hash_table_remove_all(bluez->objects);
	released = g_dbus_connection_call_sync(
		bluez->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
		"ReleaseName", g_variant_new("(s)", "org.bluez"), NULL, 0, -1, NULL, NULL);
	double_after(bluez, GPOINTER_TO_UINT(data), on_restarted, bluez, NULL);
}

void bluez_double_restart(BluezDouble *bluez, guint ms)
{
	double_run(bluez, task_restart, GUINT_TO_POINTER(ms));
}

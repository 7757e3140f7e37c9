/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/bluez.h"

#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <smp/error.h>
#include <unistd.h>

#define NAME	       "org.bluez"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES     "org.freedesktop.DBus.Properties"

#define LOAD_TIME   (10 * G_USEC_PER_SEC)
#define UPDATE_TIME (2 * G_USEC_PER_SEC)

struct SmpBluez {
	GMainContext *context;
	GDBusConnection *bus;
	GCancellable *cancellable;
	GArray *subscriptions; /* guint */
	/* path → interface → property → GVariant */
	GHashTable *objects;
	gboolean is_stale; /* bluetoothd is another one than the objects are of */
	guint stops;
};

static GHashTable *properties_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
				     (GDestroyNotify)g_variant_unref);
}

static GHashTable *table_of_tables(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
				     (GDestroyNotify)g_hash_table_unref);
}

/* Returns: (transfer none) (nullable) */
static GHashTable *find_properties(SmpBluez *bluez, const char *path, const char *interface)
{
	GHashTable *object = g_hash_table_lookup(bluez->objects, path);

	return object ? g_hash_table_lookup(object, interface) : NULL;
}

/* @changed: a{sv} */
static void set_properties(GHashTable *properties, GVariant *changed)
{
	GVariantIter iter;
	const char *name = NULL;
	GVariant *value = NULL;

	g_variant_iter_init(&iter, changed);
	while (g_variant_iter_next(&iter, "{&sv}", &name, &value))
		g_hash_table_replace(properties, g_strdup(name), value);
}

/* @interfaces: a{sa{sv}} */
static void add_object(SmpBluez *bluez, const char *path, GVariant *interfaces)
{
	GHashTable *object = g_hash_table_lookup(bluez->objects, path);
	GVariantIter iter;
	const char *name = NULL;
	GVariant *changed = NULL;

	if (!object) {
		object = table_of_tables();
		g_hash_table_insert(bluez->objects, g_strdup(path), object);
	}
	g_variant_iter_init(&iter, interfaces);
	while (g_variant_iter_loop(&iter, "{&s@a{sv}}", &name, &changed)) {
		GHashTable *properties = properties_new();

		set_properties(properties, changed);
		g_hash_table_replace(object, g_strdup(name), properties);
	}
}

static void remove_interfaces(SmpBluez *bluez, const char *path, const char **interfaces)
{
	GHashTable *object = g_hash_table_lookup(bluez->objects, path);

	for (guint i = 0; object && interfaces[i]; i++) {
		bluez->stops += g_str_equal(interfaces[i], BLUEZ_ADAPTER);
		g_hash_table_remove(object, interfaces[i]);
	}
	if (object && g_hash_table_size(object) == 0)
		g_hash_table_remove(bluez->objects, path);
}

static void on_manager_signal(GDBusConnection *bus, const char *sender, const char *manager,
			      const char *interface, const char *signal, GVariant *args,
			      gpointer user_data)
{
	SmpBluez *bluez = user_data;
	const char *path = NULL;

	if (g_str_equal(signal, "InterfacesAdded") &&
	    g_variant_is_of_type(args, G_VARIANT_TYPE("(oa{sa{sv}})"))) {
		g_autoptr(GVariant) interfaces = NULL;

		g_variant_get(args, "(&o@a{sa{sv}})", &path, &interfaces);
		add_object(bluez, path, interfaces);
	} else if (g_str_equal(signal, "InterfacesRemoved") &&
		   g_variant_is_of_type(args, G_VARIANT_TYPE("(oas)"))) {
		g_autofree const char **interfaces = NULL;

		g_variant_get(args, "(&o^a&s)", &path, &interfaces);
		remove_interfaces(bluez, path, interfaces);
	}
}

static void on_properties(GDBusConnection *bus, const char *sender, const char *path,
			  const char *interface, const char *signal, GVariant *args,
			  gpointer user_data)
{
	SmpBluez *bluez = user_data;
	g_autoptr(GVariant) changed = NULL;
	g_autofree const char **invalidated = NULL;
	const char *name = NULL;
	gboolean powered = TRUE;

	if (!g_variant_is_of_type(args, G_VARIANT_TYPE("(sa{sv}as)")))
		return;
	g_variant_get(args, "(&s@a{sv}^a&s)", &name, &changed, &invalidated);
	GHashTable *properties = find_properties(bluez, path, name);
	if (!properties)
		return;
	set_properties(properties, changed);
	if (g_str_equal(name, BLUEZ_ADAPTER) &&
	    g_variant_lookup(changed, "Powered", "b", &powered) && !powered)
		bluez->stops++;
	for (guint i = 0; invalidated[i]; i++)
		g_hash_table_remove(properties, invalidated[i]);
}

/* bluetoothd ended, or a new one is there: its objects are unknown. */
static void on_owner(GDBusConnection *bus, const char *sender, const char *path,
		     const char *interface, const char *signal, GVariant *args, gpointer user_data)
{
	SmpBluez *bluez = user_data;

	g_hash_table_remove_all(bluez->objects);
	bluez->is_stale = TRUE;
	bluez->stops++;
}

static void subscribe(SmpBluez *bluez, const char *sender, const char *interface,
		      const char *signal, const char *path, const char *arg0,
		      GDBusSignalCallback callback)
{
	guint id = g_dbus_connection_signal_subscribe(bluez->bus, sender, interface, signal, path,
						      arg0, G_DBUS_SIGNAL_FLAGS_NONE, callback,
						      bluez, NULL);

	g_array_append_val(bluez->subscriptions, id);
}

static void subscribe_all(SmpBluez *bluez)
{
	subscribe(bluez, NAME, OBJECT_MANAGER, NULL, "/", NULL, on_manager_signal);
	subscribe(bluez, NAME, PROPERTIES, "PropertiesChanged", NULL, NULL, on_properties);
	subscribe(bluez, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
		  "/org/freedesktop/DBus", NAME, on_owner);
}

static GDBusConnection *connect_bus(GCancellable *cancellable, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *address =
		g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, cancellable, &cause);
	GDBusConnection *bus = NULL;

	if (address)
		bus = g_dbus_connection_new_for_address_sync(
			address,
			G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
				G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
			NULL, cancellable, &cause);
	if (bus)
		return bus;
	if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		g_propagate_error(error, g_steal_pointer(&cause));
	else
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "cannot reach the system bus, over which Bluetooth is used: %s; is "
			    "dbus running?",
			    cause->message);
	return NULL;
}

/* A bluetoothd that does not run is not started here: systemd would wait 25 s for one that it does
 * not start without an adapter. */
static gboolean load(SmpBluez *bluez, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GVariant) reply =
		smp_bluez_call(bluez, "/", OBJECT_MANAGER, "GetManagedObjects", NULL,
			       g_get_monotonic_time() + LOAD_TIME, &cause);
	g_autoptr(GVariant) objects = NULL;
	GVariantIter iter;
	const char *path = NULL;
	GVariant *interfaces = NULL;

	if (!reply)
		return smp_bluez_error_set(error, cause, "cannot use Bluetooth");
	if (!g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{oa{sa{sv}}})"))) {
		g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_IO,
				    "cannot use Bluetooth: what answers as org.bluez is no BlueZ");
		return FALSE;
	}
	g_hash_table_remove_all(bluez->objects);
	objects = g_variant_get_child_value(reply, 0);
	g_variant_iter_init(&iter, objects);
	while (g_variant_iter_loop(&iter, "{&o@a{sa{sv}}}", &path, &interfaces))
		add_object(bluez, path, interfaces);
	bluez->is_stale = FALSE;
	return TRUE;
}

SmpBluez *smp_bluez_new(GCancellable *cancellable, GError **error)
{
	g_autoptr(SmpBluez) bluez = g_new0(SmpBluez, 1);

	bluez->context = g_main_context_new();
	bluez->subscriptions = g_array_new(FALSE, FALSE, sizeof(guint));
	bluez->objects = table_of_tables();
	g_set_object(&bluez->cancellable, cancellable);
	bluez->bus = connect_bus(cancellable, error);
	if (!bluez->bus)
		return NULL;
	g_main_context_push_thread_default(bluez->context);
	subscribe_all(bluez);
	g_main_context_pop_thread_default(bluez->context);
	return load(bluez, error) ? g_steal_pointer(&bluez) : NULL;
}

void smp_bluez_free(SmpBluez *bluez)
{
	if (!bluez)
		return;
	for (guint i = 0; bluez->bus && i < bluez->subscriptions->len; i++)
		g_dbus_connection_signal_unsubscribe(bluez->bus,
						     g_array_index(bluez->subscriptions, guint, i));
	if (bluez->bus && !g_dbus_connection_is_closed(bluez->bus) &&
	    !g_dbus_connection_close_sync(bluez->bus, NULL, NULL))
		g_debug("the system bus was gone already");
	smp_bluez_dispatch(bluez);
	g_clear_object(&bluez->bus);
	g_clear_object(&bluez->cancellable);
	g_array_unref(bluez->subscriptions);
	g_hash_table_unref(bluez->objects);
	g_main_context_unref(bluez->context);
	g_free(bluez);
}

void smp_bluez_set_cancellable(SmpBluez *bluez, GCancellable *cancellable)
{
	g_set_object(&bluez->cancellable, cancellable);
}

gboolean smp_bluez_refresh(SmpBluez *bluez, GError **error)
{
	smp_bluez_dispatch(bluez);
	return !bluez->is_stale || load(bluez, error);
}

guint smp_bluez_get_stops(SmpBluez *bluez)
{
	smp_bluez_dispatch(bluez);
	return bluez->stops;
}

gboolean smp_bluez_is_alive(SmpBluez *bluez)
{
	return !g_dbus_connection_is_closed(bluez->bus);
}

GDBusConnection *smp_bluez_get_bus(SmpBluez *bluez)
{
	return bluez->bus;
}

GMainContext *smp_bluez_get_context(SmpBluez *bluez)
{
	return bluez->context;
}

/* A call that is under way. */
typedef struct {
	gboolean done;
	GVariant *reply;
	GUnixFDList *fds;
	GError *error;
} Call;

static void on_reply(GObject *bus, GAsyncResult *result, gpointer user_data)
{
	Call *call = user_data;

	call->reply = g_dbus_connection_call_with_unix_fd_list_finish(
		G_DBUS_CONNECTION(bus), &call->fds, result, &call->error);
	call->done = TRUE;
}

static GVariant *call_with_fds(SmpBluez *bluez, const char *path, const char *interface,
			       const char *method, GVariant *args, gint64 deadline,
			       GUnixFDList **fds, GError **error)
{
	gint64 left = MAX(deadline - g_get_monotonic_time(), 0) / G_TIME_SPAN_MILLISECOND;
	Call call = {0};

	g_main_context_push_thread_default(bluez->context);
	g_dbus_connection_call_with_unix_fd_list(bluez->bus, NAME, path, interface, method, args,
						 NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START,
						 (int)CLAMP(left, 1, G_MAXINT), NULL,
						 bluez->cancellable, on_reply, &call);
	while (!call.done)
		g_main_context_iteration(bluez->context, TRUE);
	g_main_context_pop_thread_default(bluez->context);
	if (call.error)
		g_propagate_error(error, smp_bluez_error_blame(call.error, path));
	if (fds)
		*fds = call.fds;
	else
		g_clear_object(&call.fds);
	return call.reply;
}

GVariant *smp_bluez_call(SmpBluez *bluez, const char *path, const char *interface,
			 const char *method, GVariant *args, gint64 deadline, GError **error)
{
	return call_with_fds(bluez, path, interface, method, args, deadline, NULL, error);
}

void smp_bluez_update(SmpBluez *bluez, const char *path, const char *interface)
{
	g_autoptr(GVariant) reply = NULL;
	g_autoptr(GVariant) all = NULL;

	if (!smp_bluez_has(bluez, path, interface))
		return;
	reply = smp_bluez_call(bluez, path, PROPERTIES, "GetAll", g_variant_new("(s)", interface),
			       g_get_monotonic_time() + UPDATE_TIME, NULL);
	/* Meanwhile it may have gone. */
	GHashTable *properties = find_properties(bluez, path, interface);
	if (!reply || !properties || !g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{sv})")))
		return;
	all = g_variant_get_child_value(reply, 0);
	g_hash_table_remove_all(properties);
	set_properties(properties, all);
}

int smp_bluez_acquire(SmpBluez *bluez, const char *path, const char *method, guint16 *mtu,
		      gint64 deadline, GError **error)
{
	g_autoptr(GUnixFDList) fds = NULL;
	g_autoptr(GVariant) reply =
		call_with_fds(bluez, path, BLUEZ_CHARACTERISTIC, method,
			      g_variant_new_parsed("(@a{sv} {},)"), deadline, &fds, error);
	gint32 index = 0;

	if (!reply)
		return -1;
	if (!g_variant_is_of_type(reply, G_VARIANT_TYPE("(hq)")) || !fds) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_IO,
			    "%s of BlueZ gave no file descriptor", method);
		return -1;
	}
	g_variant_get(reply, "(hq)", &index, mtu);
	return g_unix_fd_list_get(fds, index, error);
}

void smp_bluez_send(SmpBluez *bluez, const char *path, const char *interface, const char *method,
		    GVariant *args)
{
	g_dbus_connection_call(bluez->bus, NAME, path, interface, method, args, NULL,
			       G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
	if (!g_dbus_connection_flush_sync(bluez->bus, NULL, NULL))
		g_debug("the system bus is gone");
}

static gboolean wake_up(gpointer user_data)
{
	return G_SOURCE_REMOVE;
}

static gboolean wake_up_cancelled(gint fd, GIOCondition condition, gpointer user_data)
{
	return G_SOURCE_REMOVE;
}

/* By its descriptor: GLib 2.74 may leak a GCancellableSource that another thread cancels while it
 * is destroyed. Returns: (nullable) */
static GSource *watch_cancellable(SmpBluez *bluez)
{
	GPollFD poll = {.fd = -1};
	GSource *source = NULL;

	if (!g_cancellable_make_pollfd(bluez->cancellable, &poll))
		return NULL;
	source = g_unix_fd_source_new(poll.fd, G_IO_IN);
	g_source_set_callback(source, G_SOURCE_FUNC(wake_up_cancelled), NULL, NULL);
	g_source_attach(source, bluez->context);
	return source;
}

static void unwatch_cancellable(SmpBluez *bluez, GSource *source)
{
	if (!source)
		return;
	g_source_destroy(source);
	g_source_unref(source);
	g_cancellable_release_fd(bluez->cancellable);
}

gboolean smp_bluez_wait(SmpBluez *bluez, gint64 until, GError **error)
{
	g_autoptr(GSource) timer = g_timeout_source_new(0);
	GSource *cancel = watch_cancellable(bluez);

	g_source_set_callback(timer, wake_up, NULL, NULL);
	g_source_set_ready_time(timer, until);
	g_source_attach(timer, bluez->context);
	g_main_context_iteration(bluez->context, TRUE);
	g_source_destroy(timer);
	unwatch_cancellable(bluez, cancel);
	return !g_cancellable_set_error_if_cancelled(bluez->cancellable, error);
}

void smp_bluez_dispatch(SmpBluez *bluez)
{
	while (g_main_context_iteration(bluez->context, FALSE))
		continue;
}

static int by_path(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *smp_bluez_list(SmpBluez *bluez, const char *interface, const char *parent)
{
	GPtrArray *paths = g_ptr_array_new();
	g_autofree char *prefix = g_strconcat(parent, "/", NULL);
	GHashTableIter iter;
	gpointer path = NULL, object = NULL;

	g_hash_table_iter_init(&iter, bluez->objects);
	while (g_hash_table_iter_next(&iter, &path, &object)) {
		if (g_str_has_prefix(path, prefix) && g_hash_table_contains(object, interface))
			g_ptr_array_add(paths, path);
	}
	g_ptr_array_sort(paths, by_path);
	return paths;
}

gboolean smp_bluez_has(SmpBluez *bluez, const char *path, const char *interface)
{
	return find_properties(bluez, path, interface) != NULL;
}

GVariant *smp_bluez_get(SmpBluez *bluez, const char *path, const char *interface,
			const char *property)
{
	GHashTable *properties = find_properties(bluez, path, interface);

	return properties ? g_hash_table_lookup(properties, property) : NULL;
}

gboolean smp_bluez_get_bool(SmpBluez *bluez, const char *path, const char *interface,
			    const char *property)
{
	GVariant *value = smp_bluez_get(bluez, path, interface, property);

	return value && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) &&
	       g_variant_get_boolean(value);
}

const char *smp_bluez_get_text(SmpBluez *bluez, const char *path, const char *interface,
			       const char *property)
{
	GVariant *value = smp_bluez_get(bluez, path, interface, property);

	return value && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
		       ? g_variant_get_string(value, NULL)
		       : NULL;
}

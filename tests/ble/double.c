/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "double-private.h"

#include <string.h>

void double_reply(Call *call, GVariant *body)
{
	g_autoptr(GDBusMessage) message = g_dbus_message_new_method_reply(call->message);

	if (body)
		g_dbus_message_set_body(message, body);
	g_dbus_connection_send_message(call->bluez->bus, message, 0, NULL, NULL);
}

void double_fail(Call *call, const char *name, const char *text)
{
	g_autoptr(GDBusMessage) message =
		g_dbus_message_new_method_error_literal(call->message, name, text);

	g_dbus_connection_send_message(call->bluez->bus, message, 0, NULL, NULL);
}

Call *call_new(BluezDouble *bluez, GDBusMessage *message)
{
	Call *call = g_new(Call, 1);

	*call = (Call){bluez, g_object_ref(message)};
	return call;
}

void call_free(gpointer data)
{
	g_object_unref(((Call *)data)->message);
	g_free(data);
}

void double_after(BluezDouble *bluez, guint ms, GSourceFunc func, gpointer data,
		  GDestroyNotify destroy)
{
	g_autoptr(GSource) source = g_timeout_source_new(ms);

	g_source_set_callback(source, func, data, destroy);
	g_source_attach(source, bluez->context);
}

Peer *double_find_peer(BluezDouble *bluez, const char *path)
{
	for (guint i = 0; i < bluez->n_peers; i++) {
		if (bluez->peers[i].path && g_str_has_prefix(path, bluez->peers[i].path))
			return &bluez->peers[i];
	}
	return NULL;
}

/* Adapter1, AgentManager1. */

gboolean double_is_on(BluezDouble *bluez, const char *adapter)
{
	g_autoptr(GVariant) properties =
		g_variant_ref_sink(double_properties(bluez, adapter, ADAPTER));
	gboolean on = FALSE;

	return g_variant_lookup(properties, "Powered", "b", &on) && on;
}

void double_set_scanning(BluezDouble *bluez, const char *client, const char *adapter)
{
	if (bluez->scanning_on)
		double_set(bluez, bluez->scanning_on, ADAPTER, "Discovering",
			   g_variant_new_boolean(FALSE));
	g_free(bluez->scanner);
	bluez->scanner = g_strdup(client);
	g_free(bluez->scanning_on);
	bluez->scanning_on = g_strdup(adapter);
	bluez->counts.scanning = client != NULL;
	if (client)
		double_set(bluez, adapter, ADAPTER, "Discovering", g_variant_new_boolean(TRUE));
	for (guint i = 0; i < bluez->n_peers; i++) {
		Peer *peer = &bluez->peers[i];

		if (client)
			peer_advertise(peer);
		else if (peer->path)
			double_set(bluez, peer->path, DEVICE, "RSSI", NULL);
	}
}

static void do_start(Call *call)
{
	BluezDouble *bluez = call->bluez;
	const char *path = g_dbus_message_get_path(call->message);
	const char *client = g_dbus_message_get_sender(call->message);

	if (!double_has(bluez, path)) {
		double_fail(call, "org.freedesktop.DBus.Error.UnknownObject", "no such object");
	} else if (!double_is_on(bluez, path)) {
		double_fail(call, "org.bluez.Error.NotReady", "Resource Not Ready");
	} else if (g_strcmp0(bluez->scanner, client) == 0 &&
		   g_str_equal(bluez->scanning_on, path)) {
		double_fail(call, "org.bluez.Error.InProgress", "Operation already in progress");
	} else {
		bluez->counts.discoveries++;
		double_reply(call, NULL);
		double_set_scanning(bluez, client, path);
	}
}

static void do_stop(Call *call)
{
	BluezDouble *bluez = call->bluez;

	if (g_strcmp0(bluez->scanning_on, g_dbus_message_get_path(call->message)) != 0) {
		double_fail(call, "org.bluez.Error.Failed", "No discovery started");
		return;
	}
	double_set_scanning(bluez, NULL, NULL);
	double_reply(call, NULL);
}

static void do_remove(Call *call)
{
	const char *path = NULL;
	Peer *peer = NULL;

	g_variant_get(g_dbus_message_get_body(call->message), "(&o)", &path);
	call->bluez->counts.removes++;
	peer = double_find_peer(call->bluez, path);
	if (!peer) {
		double_fail(call, "org.bluez.Error.DoesNotExist", "Does Not Exist");
		return;
	}
	call->bluez->counts.crashes += peer->hung && !peer->connected;
	peer->hung = FALSE;
	peer->is.paired = FALSE;
	peer->is.service_later = FALSE;
	double_reply(call, NULL);
	peer_forget(peer);
	peer_advertise(peer);
}

void double_clear_agent(BluezDouble *bluez)
{
	if (bluez->agent_owner)
		bluez->counts.agents--;
	g_clear_pointer(&bluez->agent_owner, g_free);
	g_clear_pointer(&bluez->agent_path, g_free);
}

static void do_register(Call *call)
{
	BluezDouble *bluez = call->bluez;
	const char *path = NULL, *capability = NULL;

	g_variant_get(g_dbus_message_get_body(call->message), "(&o&s)", &path, &capability);
	double_clear_agent(bluez);
	bluez->agent_owner = g_strdup(g_dbus_message_get_sender(call->message));
	bluez->agent_path = g_strdup(path);
	bluez->counts.agents++;
	g_strlcpy(bluez->counts.capability, capability, sizeof(bluez->counts.capability));
	double_reply(call, NULL);
}

static void do_global(Call *call, const char *method)
{
	BluezDouble *bluez = call->bluez;

	if (g_str_equal(method, "GetManagedObjects")) {
		double_reply(call, double_objects(bluez));
	} else if (g_str_equal(method, "StartDiscovery")) {
		do_start(call);
	} else if (g_str_equal(method, "StopDiscovery")) {
		do_stop(call);
	} else if (g_str_equal(method, "RemoveDevice")) {
		do_remove(call);
	} else if (g_str_equal(method, "RegisterAgent")) {
		do_register(call);
	} else if (g_str_equal(method, "UnregisterAgent")) {
		double_clear_agent(bluez);
		double_reply(call, NULL);
	} else if (g_str_equal(method, "SetDiscoveryFilter")) {
		double_reply(call, NULL);
	} else {
		double_fail(call, "org.freedesktop.DBus.Error.UnknownMethod", method);
	}
}

static void do_get_all(Call *call, const char *path)
{
	const char *interface = NULL;

	g_variant_get(g_dbus_message_get_body(call->message), "(&s)", &interface);
	double_reply(call,
		     g_variant_new("(@a{sv})", double_properties(call->bluez, path, interface)));
}

static void do_call(Call *call)
{
	const char *path = g_dbus_message_get_path(call->message);
	const char *method = g_dbus_message_get_member(call->message);
	Peer *peer = double_find_peer(call->bluez, path);

	if (!peer && strstr(path, "/dev_"))
		double_fail(call, "org.freedesktop.DBus.Error.UnknownObject", "no such object");
	else if (g_str_equal(method, "GetAll"))
		do_get_all(call, path);
	else if (!peer)
		do_global(call, method);
	else
		peer_call(call, peer, method);
}

static gboolean on_delayed(gpointer user_data)
{
	do_call(user_data);
	return G_SOURCE_REMOVE;
}

static DoubleRule *find_rule(BluezDouble *bluez, const char *method)
{
	for (guint i = 0; i < bluez->rules->len; i++) {
		DoubleRule *rule = &g_array_index(bluez->rules, DoubleRule, i);

		if (g_str_equal(rule->method, method) && rule->times != G_MAXUINT)
			return rule;
	}
	return NULL;
}

/* A call that is never answered. */
static void hang(Call *call, gboolean cuts)
{
	Peer *peer = double_find_peer(call->bluez, g_dbus_message_get_path(call->message));

	if (!peer)
		return;
	peer->hung = TRUE;
	if (cuts)
		peer_lose_link(peer);
}

static gboolean on_call(gpointer user_data)
{
	Call *call = user_data;
	DoubleRule *found = find_rule(call->bluez, g_dbus_message_get_member(call->message));
	DoubleRule rule = found ? *found : (DoubleRule){0};

	/* One that is used up never matches again. */
	if (found && rule.times > 0)
		found->times = rule.times == 1 ? G_MAXUINT : rule.times - 1;
	if (!found)
		do_call(call);
	else if (rule.error)
		double_fail(call, rule.error, rule.message ? rule.message : "");
	else if (rule.delay_ms)
		double_after(call->bluez, rule.delay_ms, on_delayed,
			     call_new(call->bluez, call->message), call_free);
	else
		hang(call, rule.cuts);
	return G_SOURCE_REMOVE;
}

/* In GDBus's thread. */
static GDBusMessage *on_message(GDBusConnection *bus, GDBusMessage *message, gboolean incoming,
				gpointer user_data)
{
	BluezDouble *bluez = user_data;
	const char *interface = g_dbus_message_get_interface(message);

	if (!incoming ||
	    g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL ||
	    !(g_str_has_prefix(interface, "org.bluez.") ||
	      g_str_has_suffix(interface, ".ObjectManager") ||
	      g_str_has_suffix(interface, ".Properties")))
		return message;
	g_main_context_invoke_full(bluez->context, G_PRIORITY_DEFAULT, on_call,
				   call_new(bluez, message), call_free);
	g_object_unref(message);
	return NULL;
}

/* A client left the bus. */
static void on_owner(GDBusConnection *bus, const char *sender, const char *path,
		     const char *interface, const char *signal, GVariant *args, gpointer user_data)
{
	BluezDouble *bluez = user_data;
	const char *name = NULL, *owner = NULL;

	g_variant_get(args, "(&s&s&s)", &name, NULL, &owner);
	if (*owner)
		return;
	for (guint i = 0; i < bluez->n_peers; i++)
		bluez->counts.left_notify += g_strcmp0(bluez->peers[i].notify_owner, name) == 0;
	if (g_strcmp0(bluez->scanner, name) == 0)
		double_set_scanning(bluez, NULL, NULL);
	if (g_strcmp0(bluez->agent_owner, name) == 0)
		double_clear_agent(bluez);
}

static void task_start(BluezDouble *bluez, gpointer data)
{
	g_dbus_connection_signal_subscribe(bluez->bus, "org.freedesktop.DBus",
					   "org.freedesktop.DBus", "NameOwnerChanged", NULL, NULL,
					   0, on_owner, bluez, NULL);
	double_add_adapter(bluez, "hci0", TRUE);
	for (guint i = 0; i < bluez->n_peers; i++) {
		if (bluez->peers[i].is.known)
			peer_make_known(&bluez->peers[i], FALSE);
	}
	double_own_name(bluez);
}

static gpointer thread_main(gpointer user_data)
{
	BluezDouble *bluez = user_data;

	g_main_context_push_thread_default(bluez->context);
	g_main_loop_run(bluez->loop);
	g_main_context_pop_thread_default(bluez->context);
	return NULL;
}

BluezDouble *bluez_double_new(const char *bus_address, const SimConfig *config,
			      const DoubleBoard *boards, guint n_boards)
{
	BluezDouble *bluez = g_new0(BluezDouble, 1);
	g_autoptr(GError) error = NULL;

	g_assert_cmpuint(n_boards, <=, DOUBLE_BOARDS);
	bluez->context = g_main_context_new();
	bluez->loop = g_main_loop_new(bluez->context, FALSE);
	bluez->rules = g_array_new(FALSE, FALSE, sizeof(DoubleRule));
	bluez->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					       (GDestroyNotify)g_hash_table_unref);
	bluez->bus = g_dbus_connection_new_for_address_sync(
		bus_address,
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
			G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
		NULL, NULL, &error);
	g_assert_no_error(error);
	g_dbus_connection_add_filter(bluez->bus, on_message, bluez, NULL);
	bluez->n_peers = n_boards;
	for (guint i = 0; i < n_boards; i++)
		peer_init(&bluez->peers[i], bluez, &boards[i], config);
	bluez->thread = g_thread_new("bluez", thread_main, bluez);
	double_run(bluez, task_start, NULL);
	return bluez;
}

void bluez_double_free(BluezDouble *bluez)
{
	if (!bluez)
		return;
	g_dbus_connection_close_sync(bluez->bus, NULL, NULL);
	g_main_loop_quit(bluez->loop);
	g_thread_join(bluez->thread);
	for (guint i = 0; i < bluez->n_peers; i++)
		peer_clear(&bluez->peers[i]);
	double_clear_agent(bluez);
	g_free(bluez->scanner);
	g_free(bluez->scanning_on);
	g_clear_object(&bluez->bus);
	g_array_unref(bluez->rules);
	g_hash_table_unref(bluez->objects);
	g_main_loop_unref(bluez->loop);
	g_main_context_unref(bluez->context);
	g_free(bluez);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "double-private.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

#define SMP_UUID	    "8d53dc1d-1db7-4cd3-868b-8a527460aa84"
#define CHARACTERISTIC_UUID "da2e7828-fbce-4e01-ae9e-261174997c48"
#define OTHER_UUID	    "00001801-0000-1000-8000-00805f9b34fb"

/* A call in hand. */
typedef struct {
	BluezDouble *bluez;
	GDBusMessage *message;
} Call;

static void reply(Call *call, GVariant *body)
{
	g_autoptr(GDBusMessage) message = g_dbus_message_new_method_reply(call->message);

	if (body)
		g_dbus_message_set_body(message, body);
	g_dbus_connection_send_message(call->bluez->bus, message, 0, NULL, NULL);
}

static void reply_fd(Call *call, int fd, guint16 mtu)
{
	g_autoptr(GDBusMessage) message = g_dbus_message_new_method_reply(call->message);
	g_autoptr(GUnixFDList) fds = g_unix_fd_list_new_from_array(&fd, 1);

	g_dbus_message_set_unix_fd_list(message, fds);
	g_dbus_message_set_body(message, g_variant_new("(hq)", 0, mtu));
	g_dbus_connection_send_message(call->bluez->bus, message, 0, NULL, NULL);
}

static void fail(Call *call, const char *name, const char *text)
{
	g_autoptr(GDBusMessage) message =
		g_dbus_message_new_method_error_literal(call->message, name, text);

	g_dbus_connection_send_message(call->bluez->bus, message, 0, NULL, NULL);
}

static Call *call_new(BluezDouble *bluez, GDBusMessage *message)
{
	Call *call = g_new(Call, 1);

	*call = (Call){bluez, g_object_ref(message)};
	return call;
}

static void call_free(gpointer data)
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

/* Boards. */

static void set_flag(Peer *peer, const char *property, gboolean value)
{
	if (peer->path)
		double_set(peer->bluez, peer->path, DEVICE, property, g_variant_new_boolean(value));
}

char *peer_characteristic(const Peer *peer)
{
	return g_strdup_printf("%s/service%04x/char0001", peer->path ? peer->path : "/none",
			       peer->service);
}

static GVariant *device_properties(const Peer *peer, gboolean heard)
{
	GVariantDict dict;

	g_variant_dict_init(&dict, NULL);
	g_variant_dict_insert(&dict, "Address", "s", peer->address);
	g_variant_dict_insert(&dict, "AddressType", "s", peer->is.random ? "random" : "public");
	if (peer->is.name) {
		g_variant_dict_insert(&dict, "Name", "s", peer->is.name);
		g_variant_dict_insert(&dict, "Alias", "s", peer->is.name);
	}
	g_variant_dict_insert(&dict, "Paired", "b", peer->is.paired);
	g_variant_dict_insert(&dict, "Connected", "b", FALSE);
	g_variant_dict_insert(&dict, "ServicesResolved", "b", FALSE);
	if (heard)
		g_variant_dict_insert(&dict, "RSSI", "n", -60);
	g_variant_dict_insert_value(
		&dict, "UUIDs", g_variant_new_parsed("[%s]", peer->is.smp ? SMP_UUID : OTHER_UUID));
	return g_variant_dict_end(&dict);
}

void peer_make_known(Peer *peer, gboolean heard)
{
	g_autofree char *name = g_strdelimit(g_strdup(peer->address), ":", '_');

	if (peer->path)
		return;
	peer->path = g_strdup_printf(DOUBLE_ADAPTER "/dev_%s", name);
	double_add(peer->bluez, peer->path, DEVICE, device_properties(peer, heard));
}

void peer_forget(Peer *peer)
{
	if (!peer->path)
		return;
	peer_lose_link(peer);
	peer_hide_services(peer);
	double_remove(peer->bluez, peer->path);
	g_clear_pointer(&peer->path, g_free);
}

static gboolean is_in_the_air(Peer *peer)
{
	return !peer->is.off && !peer->connected &&
	       sim_board_state(peer->sim, g_get_monotonic_time()) == SIM_STATE_APP;
}

void peer_advertise(Peer *peer)
{
	if (peer->is.new_address && peer->generation > 0) {
		peer_forget(peer);
		peer->address[16] = (char)('0' + peer->generation % 10);
	}
	if (!peer->bluez->scanner || !is_in_the_air(peer))
		return;
	if (peer->path)
		double_set(peer->bluez, peer->path, DEVICE, "RSSI", g_variant_new_int16(-60));
	else
		peer_make_known(peer, TRUE);
}

void peer_show_services(Peer *peer)
{
	g_autofree char *service = g_strdup_printf("%s/service%04x", peer->path, peer->service);
	g_autofree char *characteristic = peer_characteristic(peer);

	if (double_has(peer->bluez, service) || peer->is.no_service || peer->is.service_later)
		return;
	double_add(peer->bluez, service, SERVICE,
		   g_variant_new_parsed("{'UUID': <%s>, 'Primary': <true>}", SMP_UUID));
	if (peer->is.no_characteristic)
		return;
	double_add(peer->bluez, characteristic, CHARACTERISTIC,
		   g_variant_new_parsed("{'UUID': <%s>, 'NotifyAcquired': <false>}",
					CHARACTERISTIC_UUID));
}

void peer_hide_services(Peer *peer)
{
	g_autofree char *service = g_strdup_printf("%s/service%04x", peer->path, peer->service);
	g_autofree char *characteristic = peer_characteristic(peer);

	double_remove(peer->bluez, characteristic);
	double_remove(peer->bluez, service);
}

void peer_lose_link(Peer *peer)
{
	if (!peer->connected)
		return;
	peer->connected = FALSE;
	peer->authenticated = FALSE;
	peer->requests = 0;
	peer_close_fds(peer);
	set_flag(peer, "ServicesResolved", FALSE);
	set_flag(peer, "Connected", FALSE);
	peer_advertise(peer);
}

static Peer *find_peer(BluezDouble *bluez, const char *path)
{
	for (guint i = 0; i < bluez->n_peers; i++) {
		if (bluez->peers[i].path && g_str_has_prefix(path, bluez->peers[i].path))
			return &bluez->peers[i];
	}
	return NULL;
}

/* Device1. */

static gboolean on_resolved(gpointer user_data)
{
	Peer *peer = user_data;

	if (!peer->connected || !peer->path)
		return G_SOURCE_REMOVE;
	if (peer->is.demands && !peer->is.paired && !peer->pairing) {
		peer_lose_link(peer);
		return G_SOURCE_REMOVE;
	}
	if (!peer->is.odd_order)
		peer_show_services(peer);
	set_flag(peer, "ServicesResolved", TRUE);
	if (peer->is.odd_order)
		peer_show_services(peer);
	return G_SOURCE_REMOVE;
}

static void connect_peer(Peer *peer)
{
	peer->connected = TRUE;
	/* The bond encrypts the link. */
	peer->authenticated = peer->is.paired && peer->is.display && !peer->is.weak;
	if (peer->is.mute)
		double_set_silently(peer->bluez, peer->path, DEVICE, "Connected",
				    g_variant_new_boolean(TRUE));
	else
		set_flag(peer, "Connected", TRUE);
	double_after(peer->bluez, peer->is.resolve_ms, on_resolved, peer, NULL);
}

static void do_connect(Call *call, Peer *peer)
{
	call->bluez->counts.connects++;
	if (!peer->connected && !is_in_the_air(peer)) {
		fail(call, "org.bluez.Error.Failed", "le-connection-abort-by-local");
		return;
	}
	reply(call, NULL);
	if (!peer->connected)
		connect_peer(peer);
}

static void do_disconnect(Call *call, Peer *peer)
{
	call->bluez->counts.disconnects++;
	peer_lose_link(peer);
	reply(call, NULL);
}

static void end_pairing(Call *call, Peer *peer, gboolean good, gboolean weak)
{
	peer->pairing = FALSE;
	if (!good) {
		fail(call, "org.bluez.Error.AuthenticationFailed", "Authentication Failed");
		peer_lose_link(peer);
		return;
	}
	peer->is.paired = TRUE;
	peer->is.weak = weak;
	peer->authenticated = peer->is.display && !weak;
	set_flag(peer, "Paired", TRUE);
	reply(call, NULL);
}

static void on_passkey(GObject *source, GAsyncResult *result, gpointer user_data)
{
	Call *call = user_data;
	Peer *peer = find_peer(call->bluez, g_dbus_message_get_path(call->message));
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
	guint32 passkey = 0;

	if (answer)
		g_variant_get(answer, "(u)", &passkey);
	if (peer)
		end_pairing(call, peer, answer && passkey == peer->is.passkey, FALSE);
	call_free(call);
}

static void do_pair(Call *call, Peer *peer)
{
	BluezDouble *bluez = call->bluez;
	gboolean can_ask =
		bluez->agent_owner && !g_str_equal(bluez->counts.capability, "NoInputNoOutput");

	bluez->counts.pairs++;
	peer->pairing = TRUE;
	/* BlueZ connects for it. */
	if (!peer->connected && is_in_the_air(peer))
		connect_peer(peer);
	if (peer->is.paired) {
		peer->pairing = FALSE;
		fail(call, "org.bluez.Error.AlreadyExists", "Already Exists");
	} else if (!peer->connected) {
		peer->pairing = FALSE;
		fail(call, "org.bluez.Error.ConnectionAttemptFailed", "Page Timeout");
	} else if (peer->is.display && can_ask) {
		g_dbus_connection_call(bluez->bus, bluez->agent_owner, bluez->agent_path,
				       "org.bluez.Agent1", "RequestPasskey",
				       g_variant_new("(o)", peer->path), NULL, 0, 10000, NULL,
				       on_passkey, call_new(bluez, call->message));
	} else {
		/* Just works. */
		end_pairing(call, peer, TRUE, TRUE);
	}
}

/* GattCharacteristic1. */

static gboolean refuse(Call *call, Peer *peer, const char *text)
{
	fail(call, "org.bluez.Error.Failed", text);
	if (peer->is.cuts)
		peer_lose_link(peer);
	return FALSE;
}

static gboolean is_allowed(Call *call, Peer *peer)
{
	if (peer->is.security == DOUBLE_ENCRYPT && !peer->is.paired)
		return refuse(call, peer, "Operation failed with ATT error: 0x0f");
	if (peer->is.security == DOUBLE_AUTHENTICATE && !peer->authenticated)
		return refuse(call, peer, "Operation failed with ATT error: 0x05");
	return TRUE;
}

static void do_acquire(Call *call, Peer *peer, gboolean notify)
{
	g_autofree char *path = peer_characteristic(peer);

	if (!g_str_equal(path, g_dbus_message_get_path(call->message)) ||
	    !double_has(call->bluez, path))
		fail(call, "org.freedesktop.DBus.Error.UnknownObject", "no such object");
	else if (!peer->connected)
		fail(call, "org.bluez.Error.Failed", "Not connected");
	else if (!is_allowed(call, peer))
		return;
	else if (notify && peer->notify_fd >= 0)
		fail(call, "org.bluez.Error.NotPermitted", "Notify acquired");
	else if (!notify && peer->write_fd >= 0)
		fail(call, "org.bluez.Error.NotPermitted", "Write acquired");
	else
		reply_fd(
			call,
			notify ? peer_acquire_notify(peer, g_dbus_message_get_sender(call->message))
			       : peer_acquire_write(peer),
			peer_mtu(peer));
}

/* Adapter1, AgentManager1. */

static void set_scanning(BluezDouble *bluez, const char *client)
{
	g_free(bluez->scanner);
	bluez->scanner = g_strdup(client);
	bluez->counts.scanning = client != NULL;
	for (guint i = 0; i < bluez->n_peers; i++) {
		Peer *peer = &bluez->peers[i];

		if (client)
			peer_advertise(peer);
		else if (peer->path)
			double_set(bluez, peer->path, DEVICE, "RSSI", NULL);
	}
}

static void do_remove(Call *call)
{
	const char *path = NULL;
	Peer *peer = NULL;

	g_variant_get(g_dbus_message_get_body(call->message), "(&o)", &path);
	call->bluez->counts.removes++;
	peer = find_peer(call->bluez, path);
	if (!peer) {
		fail(call, "org.bluez.Error.DoesNotExist", "Does Not Exist");
		return;
	}
	call->bluez->counts.crashes += peer->hung && !peer->connected;
	peer->hung = FALSE;
	peer->is.paired = FALSE;
	peer->is.service_later = FALSE;
	reply(call, NULL);
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
	reply(call, NULL);
}

static void do_global(Call *call, const char *method)
{
	BluezDouble *bluez = call->bluez;

	if (g_str_equal(method, "GetManagedObjects")) {
		reply(call, double_objects(bluez));
	} else if (g_str_equal(method, "StartDiscovery")) {
		bluez->counts.discoveries++;
		reply(call, NULL);
		set_scanning(bluez, g_dbus_message_get_sender(call->message));
	} else if (g_str_equal(method, "StopDiscovery")) {
		set_scanning(bluez, NULL);
		reply(call, NULL);
	} else if (g_str_equal(method, "RemoveDevice")) {
		do_remove(call);
	} else if (g_str_equal(method, "RegisterAgent")) {
		do_register(call);
	} else if (g_str_equal(method, "UnregisterAgent")) {
		double_clear_agent(bluez);
		reply(call, NULL);
	} else if (g_str_equal(method, "SetDiscoveryFilter")) {
		reply(call, NULL);
	} else {
		fail(call, "org.freedesktop.DBus.Error.UnknownMethod", method);
	}
}

static void do_get_all(Call *call, const char *path)
{
	const char *interface = NULL;

	g_variant_get(g_dbus_message_get_body(call->message), "(&s)", &interface);
	reply(call, g_variant_new("(@a{sv})", double_properties(call->bluez, path, interface)));
}

static void do_call(Call *call)
{
	const char *path = g_dbus_message_get_path(call->message);
	const char *method = g_dbus_message_get_member(call->message);
	Peer *peer = find_peer(call->bluez, path);

	if (!peer && strstr(path, "/dev_"))
		fail(call, "org.freedesktop.DBus.Error.UnknownObject", "no such object");
	else if (g_str_equal(method, "GetAll"))
		do_get_all(call, path);
	else if (!peer)
		do_global(call, method);
	else if (g_str_equal(method, "Connect"))
		do_connect(call, peer);
	else if (g_str_equal(method, "Disconnect"))
		do_disconnect(call, peer);
	else if (g_str_equal(method, "Pair"))
		do_pair(call, peer);
	else if (g_str_has_prefix(method, "Acquire"))
		do_acquire(call, peer, g_str_equal(method, "AcquireNotify"));
	else if (g_str_equal(method, "StartNotify") && peer->connected && !is_allowed(call, peer))
		return;
	else
		reply(call, NULL);
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
	Peer *peer = find_peer(call->bluez, g_dbus_message_get_path(call->message));

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
		fail(call, rule.error, rule.message ? rule.message : "");
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
		set_scanning(bluez, NULL);
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
	g_clear_object(&bluez->bus);
	g_array_unref(bluez->rules);
	g_hash_table_unref(bluez->objects);
	g_main_loop_unref(bluez->loop);
	g_main_context_unref(bluez->context);
	g_free(bluez);
}

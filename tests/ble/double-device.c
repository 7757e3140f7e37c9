/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Boards as BlueZ shows them: Device1 and GattCharacteristic1. */

#include "double-private.h"

#include <gio/gunixfdlist.h>
#include <string.h>

#define SMP_UUID	    "8d53dc1d-1db7-4cd3-868b-8a527460aa84"
#define CHARACTERISTIC_UUID "da2e7828-fbce-4e01-ae9e-261174997c48"
#define OTHER_UUID	    "00001801-0000-1000-8000-00805f9b34fb"

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

char *peer_adapter(const Peer *peer)
{
	return g_strdup_printf("/org/bluez/%s", peer->is.adapter ? peer->is.adapter : "hci0");
}

void peer_make_known(Peer *peer, gboolean heard)
{
	g_autofree char *name = g_strdelimit(g_strdup(peer->address), ":", '_');
	g_autofree char *adapter = peer_adapter(peer);

	if (peer->path)
		return;
	peer->path = g_strdup_printf("%s/dev_%s", adapter, name);
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
	g_autofree char *adapter = peer_adapter(peer);

	if (peer->is.new_address && peer->generation > 0) {
		peer_forget(peer);
		peer->address[16] = (char)('0' + peer->generation % 10);
	}
	if (g_strcmp0(peer->bluez->scanning_on, adapter) != 0 || !is_in_the_air(peer))
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
	g_autofree char *adapter = peer_adapter(peer);

	call->bluez->counts.connects++;
	if (!double_is_on(call->bluez, adapter)) {
		double_fail(call, "org.bluez.Error.NotReady", "Resource Not Ready");
		return;
	}
	if (!peer->connected && !is_in_the_air(peer)) {
		double_fail(call, "org.bluez.Error.Failed", "le-connection-abort-by-local");
		return;
	}
	double_reply(call, NULL);
	if (!peer->connected)
		connect_peer(peer);
}

static void do_disconnect(Call *call, Peer *peer)
{
	call->bluez->counts.disconnects++;
	peer_lose_link(peer);
	double_reply(call, NULL);
}

static void end_pairing(Call *call, Peer *peer, gboolean good, gboolean weak)
{
	peer->pairing = FALSE;
	if (!good) {
		double_fail(call, "org.bluez.Error.AuthenticationFailed", "Authentication Failed");
		peer_lose_link(peer);
		return;
	}
	peer->is.paired = TRUE;
	peer->is.weak = weak;
	peer->authenticated = peer->is.display && !weak;
	set_flag(peer, "Paired", TRUE);
	double_reply(call, NULL);
}

static void on_passkey(GObject *source, GAsyncResult *result, gpointer user_data)
{
	Call *call = user_data;
	Peer *peer = double_find_peer(call->bluez, g_dbus_message_get_path(call->message));
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
		double_fail(call, "org.bluez.Error.AlreadyExists", "Already Exists");
	} else if (!peer->connected) {
		peer->pairing = FALSE;
		double_fail(call, "org.bluez.Error.ConnectionAttemptFailed", "Page Timeout");
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

static void reply_fd(Call *call, int fd, guint16 mtu)
{
	g_autoptr(GDBusMessage) message = g_dbus_message_new_method_reply(call->message);
	g_autoptr(GUnixFDList) fds = g_unix_fd_list_new_from_array(&fd, 1);

	g_dbus_message_set_unix_fd_list(message, fds);
	g_dbus_message_set_body(message, g_variant_new("(hq)", 0, mtu));
	g_dbus_connection_send_message(call->bluez->bus, message, 0, NULL, NULL);
}

static gboolean refuse(Call *call, Peer *peer, const char *text)
{
	double_fail(call, "org.bluez.Error.Failed", text);
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
		double_fail(call, "org.freedesktop.DBus.Error.UnknownObject", "no such object");
	else if (!peer->connected)
		double_fail(call, "org.bluez.Error.Failed", "Not connected");
	else if (!is_allowed(call, peer))
		return;
	else if (notify && peer->notify_fd >= 0)
		double_fail(call, "org.bluez.Error.NotPermitted", "Notify acquired");
	else if (!notify && peer->write_fd >= 0)
		double_fail(call, "org.bluez.Error.NotPermitted", "Write acquired");
	else
		reply_fd(
			call,
			notify ? peer_acquire_notify(peer, g_dbus_message_get_sender(call->message))
			       : peer_acquire_write(peer),
			peer_mtu(peer));
}

void peer_call(Call *call, Peer *peer, const char *method)
{
	if (g_str_equal(method, "Connect"))
		do_connect(call, peer);
	else if (g_str_equal(method, "Disconnect"))
		do_disconnect(call, peer);
	else if (g_str_equal(method, "Pair"))
		do_pair(call, peer);
	else if (g_str_has_prefix(method, "Acquire"))
		do_acquire(call, peer, g_str_equal(method, "AcquireNotify"));
	else if (!g_str_equal(method, "StartNotify") || !peer->connected || is_allowed(call, peer))
		double_reply(call, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What bluetoothd asks of an application that is a peripheral: objects for the service, its
 * characteristic, the advertisement, and an agent for pairing (BlueZ doc/gatt-api.txt,
 * advertising-api.txt, agent-api.txt). */

#include "sim/internal-ble.h"

#include <gio/gunixfdlist.h>
#include <stdio.h>

#define SERVICE_UUID	    "8d53dc1d-1db7-4cd3-868b-8a527460aa84"
#define CHARACTERISTIC_UUID "da2e7828-fbce-4e01-ae9e-261174997c48"

#define APPLICATION_PATH    "/smpsim"
#define SERVICE_PATH	    APPLICATION_PATH "/service"
#define CHARACTERISTIC_PATH SERVICE_PATH "/smp"
#define ADVERTISEMENT_PATH  APPLICATION_PATH "/advertisement"
#define AGENT_PATH	    APPLICATION_PATH "/agent"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define SERVICE	       BLUEZ ".GattService1"
#define CHARACTERISTIC BLUEZ ".GattCharacteristic1"
#define ADVERTISEMENT  BLUEZ ".LEAdvertisement1"
#define AGENT	       BLUEZ ".Agent1"

#define CALL_TIMEOUT 10000 /* ms */

static const char xml[] =
	"<node>"
	"<interface name='" OBJECT_MANAGER "'>"
	"<method name='GetManagedObjects'><arg type='a{oa{sa{sv}}}' direction='out'/></method>"
	"</interface>"
	"<interface name='" SERVICE "'>"
	"<property name='UUID' type='s' access='read'/>"
	"<property name='Primary' type='b' access='read'/>"
	"</interface>"
	"<interface name='" CHARACTERISTIC "'>"
	"<method name='WriteValue'>"
	"<arg type='ay' direction='in'/><arg type='a{sv}' direction='in'/>"
	"</method>"
	"<method name='AcquireNotify'>"
	"<arg type='a{sv}' direction='in'/>"
	"<arg type='h' direction='out'/><arg type='q' direction='out'/>"
	"</method>"
	"<property name='UUID' type='s' access='read'/>"
	"<property name='Service' type='o' access='read'/>"
	"<property name='Flags' type='as' access='read'/>"
	"<property name='NotifyAcquired' type='b' access='read'/>"
	"</interface>"
	"<interface name='" ADVERTISEMENT "'>"
	"<method name='Release'/>"
	"<property name='Type' type='s' access='read'/>"
	"<property name='ServiceUUIDs' type='as' access='read'/>"
	"<property name='LocalName' type='s' access='read'/>"
	"<property name='Discoverable' type='b' access='read'/>"
	"</interface>"
	"<interface name='" AGENT "'>"
	"<method name='DisplayPasskey'>"
	"<arg type='o' direction='in'/><arg type='u' direction='in'/><arg type='q' direction='in'/>"
	"</method>"
	"<method name='RequestConfirmation'>"
	"<arg type='o' direction='in'/><arg type='u' direction='in'/>"
	"</method>"
	"<method name='RequestAuthorization'><arg type='o' direction='in'/></method>"
	"<method name='Cancel'/>"
	"<method name='Release'/>"
	"</interface>"
	"</node>";

static const struct {
	const char *path, *interface;
} objects[] = {
	{APPLICATION_PATH, OBJECT_MANAGER},
	{SERVICE_PATH, SERVICE},
	{CHARACTERISTIC_PATH, CHARACTERISTIC},
	{ADVERTISEMENT_PATH, ADVERTISEMENT},
	{AGENT_PATH, AGENT},
};

/* What a central may do, and what bluetoothd demands of it first. */
static const char *const flags[][5] = {
	[SIM_BLE_OPEN] = {"write-without-response", "notify"},
	[SIM_BLE_ENCRYPT] = {"write-without-response", "notify", "encrypt-write", "encrypt-notify"},
	[SIM_BLE_AUTHENTICATE] = {"write-without-response", "notify", "encrypt-authenticated-write",
				  "encrypt-authenticated-notify"},
	[SIM_BLE_COMPARE] = {"write-without-response", "notify", "encrypt-authenticated-write",
			     "encrypt-authenticated-notify"},
};

static GVariant *properties(const SimBle *ble, const char *interface)
{
	if (g_str_equal(interface, SERVICE))
		return g_variant_new_parsed("{'UUID': <%s>, 'Primary': <true>}", SERVICE_UUID);
	if (g_str_equal(interface, CHARACTERISTIC))
		return g_variant_new_parsed("{'UUID': <%s>, 'Service': <%o>, 'Flags': <%^as>,"
					    " 'NotifyAcquired': <false>}",
					    CHARACTERISTIC_UUID, SERVICE_PATH,
					    flags[ble->options->security]);
	return g_variant_new_parsed("{'Type': <'peripheral'>, 'ServiceUUIDs': <[%s]>,"
				    " 'LocalName': <%s>, 'Discoverable': <true>}",
				    SERVICE_UUID,
				    ble->options->name ? ble->options->name : "smpsim");
}

static GVariant *get_property(GDBusConnection *bus, const char *sender, const char *path,
			      const char *interface, const char *name, GError **error,
			      gpointer user_data)
{
	g_autoptr(GVariant) all = g_variant_ref_sink(properties(user_data, interface));

	return g_variant_lookup_value(all, name, NULL);
}

static GVariant *get_managed_objects(SimBle *ble)
{
	return g_variant_new_parsed("({%o: {%s: %@a{sv}}, %o: {%s: %@a{sv}}},)", SERVICE_PATH,
				    SERVICE, properties(ble, SERVICE), CHARACTERISTIC_PATH,
				    CHARACTERISTIC, properties(ble, CHARACTERISTIC));
}

static void write_value(SimBle *ble, GVariant *arguments)
{
	g_autoptr(GVariant) value = NULL, options = NULL;
	const char *central = NULL;
	guint16 mtu = 0;
	gsize size;

	g_variant_get(arguments, "(@ay@a{sv})", &value, &options);
	const guint8 *data = g_variant_get_fixed_array(value, &size, 1);
	if (g_variant_lookup(options, "device", "&o", &central) &&
	    g_variant_lookup(options, "mtu", "q", &mtu))
		sim_ble_written(ble, central, mtu, data, size);
}

static void acquire_notify(SimBle *ble, GVariant *arguments, GDBusMethodInvocation *invocation)
{
	g_autoptr(GVariant) options = NULL;
	const char *central = NULL;
	guint16 mtu = 0;
	int fd = -1;

	g_variant_get(arguments, "(@a{sv})", &options);
	if (g_variant_lookup(options, "device", "&o", &central) &&
	    g_variant_lookup(options, "mtu", "q", &mtu))
		fd = sim_ble_subscribed(ble, central, mtu);
	if (fd < 0) {
		g_dbus_method_invocation_return_dbus_error(invocation, BLUEZ ".Error.Failed",
							   "no socket");
		return;
	}
	g_autoptr(GUnixFDList) fds = g_unix_fd_list_new_from_array(&fd, 1);
	g_dbus_method_invocation_return_value_with_unix_fd_list(invocation,
								g_variant_new("(hq)", 0, mtu), fds);
}

static void show(guint32 passkey)
{
	printf("PASSKEY=%06u\n", passkey);
	fflush(stdout);
}

/* Again after each digit that is typed. */
static void display_passkey(GVariant *arguments)
{
	guint32 passkey;
	guint16 entered;

	g_variant_get(arguments, "(ouq)", NULL, &passkey, &entered);
	if (entered == 0)
		show(passkey);
}

/* At this end it is right whenever it is asked. */
static void confirm_passkey(GVariant *arguments)
{
	guint32 passkey;

	g_variant_get(arguments, "(ou)", NULL, &passkey);
	show(passkey);
}

static void call_method(GDBusConnection *bus, const char *sender, const char *path,
			const char *interface, const char *method, GVariant *arguments,
			GDBusMethodInvocation *invocation, gpointer user_data)
{
	SimBle *ble = user_data;
	GVariant *reply = NULL;

	if (g_str_equal(method, "AcquireNotify")) {
		acquire_notify(ble, arguments, invocation);
		return;
	}
	if (g_str_equal(method, "GetManagedObjects"))
		reply = get_managed_objects(ble);
	else if (g_str_equal(method, "WriteValue"))
		write_value(ble, arguments);
	else if (g_str_equal(method, "DisplayPasskey"))
		display_passkey(arguments);
	else if (g_str_equal(method, "RequestConfirmation"))
		confirm_passkey(arguments);
	else if (g_str_equal(interface, ADVERTISEMENT))
		ble->advertises = FALSE;
	/* To authorise, to cancel and to release it is enough to answer. */
	g_dbus_method_invocation_return_value(invocation, reply);
}

static gboolean export_objects(SimBle *ble, GError **error)
{
	static const GDBusInterfaceVTable vtable = {call_method, get_property};
	g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(xml, error);

	for (guint i = 0; info && i < G_N_ELEMENTS(objects); i++) {
		GDBusInterfaceInfo *interface =
			g_dbus_node_info_lookup_interface(info, objects[i].interface);
		if (!g_dbus_connection_register_object(ble->bus, objects[i].path, interface,
						       &vtable, ble, NULL, error))
			return FALSE;
	}
	return info != NULL;
}

typedef struct {
	gboolean done;
	GVariant *reply;
	GError *error;
} Call;

static void finish_call(GObject *source, GAsyncResult *result, gpointer user_data)
{
	Call *call = user_data;

	call->reply =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &call->error);
	call->done = TRUE;
}

GVariant *sim_ble_call(SimBle *ble, const char *path, const char *interface, const char *method,
		       GVariant *arguments, GError **error)
{
	Call call = {0};

	g_dbus_connection_call(ble->bus, BLUEZ, path, interface, method, arguments, NULL,
			       G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT, NULL, finish_call, &call);
	while (!call.done)
		g_main_context_iteration(NULL, TRUE);
	if (call.error) {
		g_dbus_error_strip_remote_error(call.error);
		g_propagate_error(error, call.error);
	}
	return call.reply;
}

static gboolean call(SimBle *ble, const char *path, const char *interface, const char *method,
		     GVariant *arguments, GError **error)
{
	g_autoptr(GVariant) reply = sim_ble_call(ble, path, interface, method, arguments, error);

	return reply != NULL;
}

/* Passkeys are the kernel's: the board can show one and not choose it. */
static gboolean register_agent(SimBle *ble, GError **error)
{
	static const char *const capabilities[] = {[SIM_BLE_ENCRYPT] = "NoInputNoOutput",
						   [SIM_BLE_AUTHENTICATE] = "DisplayOnly",
						   [SIM_BLE_COMPARE] = "DisplayYesNo"};

	if (call(ble, "/org/bluez", BLUEZ ".AgentManager1", "RegisterAgent",
		 g_variant_new("(os)", AGENT_PATH, capabilities[ble->options->security]), error) &&
	    call(ble, "/org/bluez", BLUEZ ".AgentManager1", "RequestDefaultAgent",
		 g_variant_new("(o)", AGENT_PATH), error))
		return TRUE;
	g_prefix_error(error, "cannot become the agent that pairs: ");
	return FALSE;
}

gboolean sim_ble_register(SimBle *ble, GError **error)
{
	if (!export_objects(ble, error))
		return FALSE;
	if (!call(ble, ble->adapter, BLUEZ ".GattManager1", "RegisterApplication",
		  g_variant_new("(oa{sv})", APPLICATION_PATH, NULL), error)) {
		g_prefix_error(error, "bluetoothd does not take the SMP service: ");
		return FALSE;
	}
	return ble->options->security == SIM_BLE_OPEN || register_agent(ble, error);
}

void sim_ble_set_alias(SimBle *ble, const char *alias)
{
	g_dbus_connection_call(
		ble->bus, BLUEZ, ble->adapter, "org.freedesktop.DBus.Properties", "Set",
		g_variant_new("(ssv)", BLUEZ ".Adapter1", "Alias", g_variant_new_string(alias)),
		NULL, G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT, NULL, NULL, NULL);
}

static void advertising_changed(GObject *source, GAsyncResult *result, gpointer user_data)
{
	SimBle *ble = user_data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

	ble->changing = FALSE;
	if (reply && ble->advertises) {
		printf("BLE=%s\n", ble->address);
		fflush(stdout);
	}
	if (!reply && ble->advertises && !ble->failure) {
		g_dbus_error_strip_remote_error(error);
		g_prefix_error(&error, "cannot advertise: ");
		ble->failure = g_steal_pointer(&error);
	}
}

void sim_ble_change_advertising(SimBle *ble, gboolean on)
{
	ble->advertises = on;
	ble->changing = TRUE;
	g_dbus_connection_call(ble->bus, BLUEZ, ble->adapter, BLUEZ ".LEAdvertisingManager1",
			       on ? "RegisterAdvertisement" : "UnregisterAdvertisement",
			       on ? g_variant_new("(oa{sv})", ADVERTISEMENT_PATH, NULL)
				  : g_variant_new("(o)", ADVERTISEMENT_PATH),
			       NULL, G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT, NULL,
			       advertising_changed, ble);
}

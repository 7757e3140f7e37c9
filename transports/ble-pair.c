/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pairing: an agent of BlueZ (doc/agent-api.txt) for as long as it takes. */

#include "transports/ble-device.h"

#define AGENT_PATH "/smp/agent"

/* A person has to read and to type; boards give up after 30 s, BlueZ's agents after 60 s. */
#define PAIR_TIME (70 * G_USEC_PER_SEC)
#define CALL_TIME (5 * G_USEC_PER_SEC)

#define REJECTED "org.bluez.Error.Rejected"

static const char introspection[] =
	"<node><interface name='" BLUEZ_AGENT "'>"
	"<method name='Release'/><method name='Cancel'/>"
	"<method name='RequestPinCode'><arg type='o'/><arg type='s' direction='out'/></method>"
	"<method name='DisplayPinCode'><arg type='o'/><arg type='s'/></method>"
	"<method name='RequestPasskey'><arg type='o'/><arg type='u' direction='out'/></method>"
	"<method name='DisplayPasskey'><arg type='o'/><arg type='u'/><arg type='q'/></method>"
	"<method name='RequestConfirmation'><arg type='o'/><arg type='u'/></method>"
	"<method name='RequestAuthorization'><arg type='o'/></method>"
	"<method name='AuthorizeService'><arg type='o'/><arg type='s'/></method>"
	"</interface></node>";

static gboolean ask(SmpBleDevice *device, SmpPairingQuestion question, guint32 *passkey)
{
	g_autofree char *name = smp_ble_plain_name(device->name);

	return device->pairing_func && device->pairing_func(question, name ? name : device->label,
							    passkey, device->pairing_data);
}

/* Returns: (transfer floating): the reply's arguments; NULL to reject */
static GVariant *answer(SmpBleDevice *device, const char *method, GVariant *args)
{
	guint32 passkey = 0;
	guint16 typed = 0;

	if (g_str_equal(method, "RequestPasskey"))
		return ask(device, SMP_PAIRING_ENTER, &passkey) ? g_variant_new("(u)", passkey)
								: NULL;
	if (g_str_equal(method, "RequestConfirmation")) {
		g_variant_get(args, "(&ou)", NULL, &passkey);
		return ask(device, SMP_PAIRING_CONFIRM, &passkey) ? g_variant_new("()") : NULL;
	}
	if (g_str_equal(method, "DisplayPasskey")) {
		g_variant_get(args, "(&ouq)", NULL, &passkey, &typed);
		/* It is called again for each digit that was typed. */
		return typed > 0 || ask(device, SMP_PAIRING_SHOW, &passkey) ? g_variant_new("()")
									    : NULL;
	}
	/* No board on Bluetooth LE has PIN codes. The rest is part of the pairing we began. */
	return g_str_has_suffix(method, "PinCode") ? NULL : g_variant_new("()");
}

static void on_method(GDBusConnection *bus, const char *sender, const char *path,
		      const char *interface, const char *method, GVariant *args,
		      GDBusMethodInvocation *invocation, gpointer user_data)
{
	SmpBleDevice *device = user_data;
	const char *about = NULL;

	if (g_variant_n_children(args) > 0)
		g_variant_get_child(args, 0, "&o", &about);
	GVariant *reply =
		!about || g_str_equal(about, device->device) ? answer(device, method, args) : NULL;
	if (reply)
		g_dbus_method_invocation_return_value(invocation, reply);
	else
		g_dbus_method_invocation_return_dbus_error(invocation, REJECTED, "not wanted");
}

static const GDBusInterfaceVTable vtable = {.method_call = on_method};

static guint export_agent(SmpBleDevice *device, GError **error)
{
	g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(introspection, error);
	guint id = 0;

	if (!node)
		return 0;
	g_main_context_push_thread_default(smp_bluez_get_context(device->bluez));
	id = g_dbus_connection_register_object(smp_bluez_get_bus(device->bluez), AGENT_PATH,
					       node->interfaces[0], &vtable, device, NULL, error);
	g_main_context_pop_thread_default(smp_bluez_get_context(device->bluez));
	return id;
}

static gboolean call(SmpBleDevice *device, const char *path, const char *interface,
		     const char *method, GVariant *args, gint64 time, GError **error)
{
	g_autoptr(GVariant) reply = smp_bluez_call(device->bluez, path, interface, method, args,
						   g_get_monotonic_time() + time, error);

	return reply != NULL;
}

gboolean smp_ble_is_paired(SmpBleDevice *device)
{
	return smp_bluez_get_bool(device->bluez, device->device, BLUEZ_DEVICE, "Paired");
}

static gboolean pair_with_agent(SmpBleDevice *device, GError **error)
{
	static const char *const capabilities[] = {
		[SMP_PAIRING_NOTHING] = "NoInputNoOutput",
		[SMP_PAIRING_KEYBOARD] = "KeyboardOnly",
		[SMP_PAIRING_KEYBOARD_DISPLAY] = "KeyboardDisplay",
	};
	g_autoptr(GError) cause = NULL;

	if (!call(device, "/org/bluez", BLUEZ_AGENT_MANAGER, "RegisterAgent",
		  g_variant_new("(os)", AGENT_PATH, capabilities[device->ability]), CALL_TIME,
		  error))
		return FALSE;
	gboolean paired =
		call(device, device->device, BLUEZ_DEVICE, "Pair", NULL, PAIR_TIME, &cause) ||
		smp_bluez_error_is(cause, "org.bluez.Error.AlreadyExists");
	if (!paired)
		g_propagate_error(error, g_steal_pointer(&cause));
	g_autoptr(GError) ignored = NULL;
	if (!call(device, "/org/bluez", BLUEZ_AGENT_MANAGER, "UnregisterAgent",
		  g_variant_new("(o)", AGENT_PATH), CALL_TIME, &ignored))
		g_debug("UnregisterAgent: %s", ignored->message);
	return paired;
}

gboolean smp_ble_pair_device(SmpBleDevice *device, GError **error)
{
	g_autoptr(GError) cause = NULL;
	guint agent = 0;

	/* Pair() of a device that is paired is an error. */
	if (smp_ble_is_paired(device))
		return TRUE;
	g_message("pairing with %s", device->label);
	agent = export_agent(device, error);
	if (agent == 0)
		return FALSE;
	gboolean paired = pair_with_agent(device, &cause);
	g_dbus_connection_unregister_object(smp_bluez_get_bus(device->bluez), agent);
	if (paired)
		return TRUE;
	if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		smp_bluez_send(device->bluez, device->device, BLUEZ_DEVICE, "CancelPairing", NULL);
	return smp_bluez_error_set(error, cause, "cannot pair with %s", device->label);
}

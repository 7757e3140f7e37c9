/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/ble.h"

static gboolean refuse(const char *option, const char *takes, const char *value, GError **error)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s takes %s, not '%s'",
		    option, takes, value);
	return FALSE;
}

static gboolean take_adapter(const char *option, const char *value, gpointer data, GError **error)
{
	SimBleOptions *options = data;

	g_free(options->adapter);
	options->adapter = g_strdup(value ? value : "");
	return TRUE;
}

static gboolean take_security(const char *option, const char *value, gpointer data, GError **error)
{
	static const char *const names[] = {[SIM_BLE_OPEN] = "none",
					    [SIM_BLE_ENCRYPT] = "encrypt",
					    [SIM_BLE_AUTHENTICATE] = "authenticate",
					    [SIM_BLE_COMPARE] = "compare"};
	SimBleOptions *options = data;

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_str_equal(names[i], value)) {
			options->security = i;
			return TRUE;
		}
	}
	return refuse(option, "none, encrypt, authenticate or compare", value, error);
}

static gboolean take_mtu(const char *option, const char *value, gpointer data, GError **error)
{
	SimBleOptions *options = data;
	guint64 mtu;

	if (!g_ascii_string_to_unsigned(value, 10, 23, 517, &mtu, NULL))
		return refuse(option, "23 to 517", value, error);
	options->mtu = (guint)mtu;
	return TRUE;
}

static gboolean take_reassembly(const char *option, const char *value, gpointer data,
				GError **error)
{
	SimBleOptions *options = data;

	options->no_reassembly = g_str_equal(value, "off");
	return options->no_reassembly || g_str_equal(value, "on") ||
	       refuse(option, "on or off", value, error);
}

GOptionGroup *sim_ble_option_group(SimBleOptions *options)
{
	const GOptionEntry entries[] = {
		{"ble", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, take_adapter,
		 "Over Bluetooth LE, through BlueZ", "ADAPTER"},
		{"name", 0, 0, G_OPTION_ARG_STRING, &options->name,
		 "What it is called on the air (smpsim)", "NAME"},
		{"security", 0, 0, G_OPTION_ARG_CALLBACK, take_security,
		 "Pairing that the board wants: none, encrypt, authenticate or compare", "KIND"},
		{"mtu", 0, 0, G_OPTION_ARG_CALLBACK, take_mtu,
		 "Drops longer writes, sends no longer notifications", "BYTES"},
		{"reassembly", 0, 0, G_OPTION_ARG_CALLBACK, take_reassembly,
		 "Whether a packet may come in several writes (on)", "on|off"},
		{NULL},
	};
	GOptionGroup *group = g_option_group_new(
		"bluetooth", "Bluetooth LE:", "Options for Bluetooth LE", options, NULL);

	g_option_group_add_entries(group, entries);
	return group;
}

void sim_ble_options_clear(SimBleOptions *options)
{
	g_free(options->adapter);
	g_free(options->name);
}

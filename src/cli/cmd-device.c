/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* device …: the boards that smpd looks after. */

#include "daemon.h"

#include <stdio.h>

static gboolean inventory;

const GOptionEntry smpctl_device_list_options[] = {
	{"inventory", 0, 0, G_OPTION_ARG_NONE, &inventory,
	 "lines key=value, as mender-inventory takes them", NULL},
	{NULL},
};

GPtrArray *smpctl_device_table(GDBusObjectManager *objects)
{
	g_autoptr(GPtrArray) devices = smpctl_daemon_devices(objects);
	GPtrArray *table = smpctl_table_new();

	smpctl_table_add(table, "DEVICE", "TARGET", "PRESENT", "RUNS", "WANTED", "NOW", NULL);
	for (guint i = 0; i < devices->len; i++) {
		SmpctlBusDevice *device = g_ptr_array_index(devices, i);
		g_autofree char *runs = smpctl_device_runs(device);
		g_autofree char *state = smpctl_device_state(objects, device);

		smpctl_table_add(table, smpctl_words(smpctl_bus_device_get_name(device)),
				 smpctl_words(smpctl_bus_device_get_target(device)),
				 smpctl_bus_device_get_present(device) ? "yes" : "no", runs,
				 smpctl_words(smpctl_bus_device_get_wanted(device)), state, NULL);
	}
	return table;
}

/* ---- for mender-inventory: a line that ends early would be another key ---- */

static void print_key(const char *device, const char *key, const char *value)
{
	g_autofree char *shown = smpctl_clean(value);

	if (*shown)
		printf("smp_%s_%s=%s\n", device, key, shown);
}

static void print_running(const char *device, const SmpImageSlot *slot)
{
	g_autofree char *version =
		slot->image ? g_strdup_printf("image%u_version", slot->image) : g_strdup("version");
	g_autofree char *hash =
		slot->image ? g_strdup_printf("image%u_hash", slot->image) : g_strdup("hash");
	g_autofree char *value = smp_hash_to_string(&slot->hash);

	print_key(device, version, slot->version);
	print_key(device, hash, value);
}

static void print_inventory(SmpctlBusDevice *device)
{
	const char *name = smpctl_words(smpctl_bus_device_get_name(device));
	g_autoptr(SmpImageState) state = smpctl_device_images(device);

	print_key(name, "present", smpctl_bus_device_get_present(device) ? "yes" : "no");
	for (guint i = 0; i < state->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(state->slots, i);
		if (slot->active)
			print_running(name, slot);
	}
	print_key(name, "bootloader", smpctl_bus_device_get_bootloader(device));
	print_key(name, "mode", smpctl_bus_device_get_mode(device));
	print_key(name, "application", smpctl_bus_device_get_application(device));
}

/* ---- list and show ---- */

static void print_json(const GPtrArray *devices)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_array(json, "devices", devices, smpctl_device_json);
	smpctl_json_print(json);
}

gboolean smpctl_cmd_device_list(Smpctl *cli, char **args G_GNUC_UNUSED, GError **error)
{
	if (inventory && cli->options->json)
		return smpctl_usage_error(error, "only one of --inventory and --json");
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	if (!objects)
		return FALSE;
	g_autoptr(GPtrArray) devices = smpctl_daemon_devices(objects);
	g_autoptr(GPtrArray) table = smpctl_device_table(objects);

	if (cli->options->json)
		print_json(devices);
	for (guint i = 0; inventory && i < devices->len; i++)
		print_inventory(g_ptr_array_index(devices, i));
	if (cli->options->json || inventory)
		return TRUE;
	if (devices->len)
		smpctl_table_print(table);
	else
		smpctl_say(cli, "smpd serves no device; smpd.conf(5) and `smpctl device add` name "
				"some");
	return TRUE;
}

static void show(Smpctl *cli, GDBusObjectManager *objects, const GPtrArray *devices)
{
	if (cli->options->json) {
		print_json(devices);
		return;
	}
	for (guint i = 0; i < devices->len; i++) {
		if (i)
			putchar('\n');
		smpctl_device_print(objects, g_ptr_array_index(devices, i));
	}
}

static gboolean show_device(Smpctl *cli, GDBusObjectManager *objects, const char *name,
			    GError **error)
{
	SmpctlBusDevice *device = smpctl_daemon_find_device(objects, name, error);
	g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func(g_object_unref);

	if (!device)
		return FALSE;
	g_ptr_array_add(devices, device);
	show(cli, objects, devices);
	return TRUE;
}

gboolean smpctl_cmd_device_show(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);

	if (!objects)
		return FALSE;
	if (args[0])
		return show_device(cli, objects, args[0], error);
	g_autoptr(GPtrArray) devices = smpctl_daemon_devices(objects);
	show(cli, objects, devices);
	return TRUE;
}

/* ---- what changes something ---- */

/* It is where the list of all others is, and so not in that. */
static SmpctlBusManager *get_manager(Smpctl *cli, GDBusObjectManager *objects, GError **error)
{
	g_autoptr(GError) failed = NULL;
	SmpctlBusManager *manager = smpctl_bus_manager_proxy_new_sync(
		g_dbus_object_manager_client_get_connection(G_DBUS_OBJECT_MANAGER_CLIENT(objects)),
		G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES |
			G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS,
		SMPD_BUS_NAME, SMPD_ROOT, cli->cancellable, &failed);

	if (!manager)
		g_propagate_error(error, smpctl_daemon_error_translate(failed));
	return manager;
}

gboolean smpctl_cmd_device_add(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(SmpctlBusManager) manager = objects ? get_manager(cli, objects, error) : NULL;
	g_autoptr(GVariant) answer =
		manager ? smpctl_daemon_call(cli, manager, "AddTarget",
					     g_variant_new("(ss)", args[0], args[1]), NULL, NULL,
					     error)
			: NULL;

	if (!answer)
		return FALSE;
	smpctl_done_with(cli, "added", args[0]);
	smpctl_say(cli,
		   "%s is served until smpd ends; a file in targets.d keeps it, see "
		   "smpd.conf(5)",
		   args[0]);
	return TRUE;
}

gboolean smpctl_cmd_device_remove(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(SmpctlBusDevice) device =
		objects ? smpctl_daemon_find_device(objects, args[0], error) : NULL;
	g_autoptr(SmpctlBusManager) manager = device ? get_manager(cli, objects, error) : NULL;

	if (!manager)
		return FALSE;
	const char *path = g_dbus_proxy_get_object_path(G_DBUS_PROXY(device));
	g_autoptr(GVariant) answer = smpctl_daemon_call(
		cli, manager, "RemoveTarget", g_variant_new("(o)", path), NULL, NULL, error);
	if (answer)
		smpctl_done_with(cli, "removed", args[0]);
	return answer != NULL;
}

static gboolean tell_device(Smpctl *cli, const char *name, const char *method, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(SmpctlBusDevice) device =
		objects ? smpctl_daemon_find_device(objects, name, error) : NULL;

	return device && smpctl_daemon_tell(cli, device, method, error);
}

/* What was seen is asked for anew: it is told of after the answer. */
gboolean smpctl_cmd_device_refresh(Smpctl *cli, char **args, GError **error)
{
	return tell_device(cli, args[0], "Refresh", error) &&
	       smpctl_cmd_device_show(cli, args, error);
}

gboolean smpctl_cmd_device_retry(Smpctl *cli, char **args, GError **error)
{
	if (!tell_device(cli, args[0], "Retry", error))
		return FALSE;
	smpctl_done_with(cli, "retried", args[0]);
	return TRUE;
}

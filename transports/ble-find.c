/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which adapter, and which device is meant. */

#include "transports/ble-device.h"

#include <string.h>

/* After the first board that matches, so long for another one that does: most advertise at least
 * once a second. */
#define SETTLE (1000 * G_TIME_SPAN_MILLISECOND)

/* A scan that somebody else is just starting or stopping. */
#define BUSY_TIME  (3 * G_USEC_PER_SEC)
#define BUSY_PAUSE (100 * G_TIME_SPAN_MILLISECOND)

#define CALL_TIME (10 * G_USEC_PER_SEC)

/* The kernel ends a scan after 10 s, and BlueZ begins it anew 5 s later at most. */
#define QUIET_TIME (8 * G_USEC_PER_SEC)

void smp_ble_device_init(SmpBleDevice *device, const SmpBleTarget *target)
{
	*device = (SmpBleDevice){.target = target, .notify_fd = -1, .write_fd = -1};
}

void smp_ble_device_end(SmpBleDevice *device)
{
	g_clear_pointer(&device->interval, smp_ble_interval_free);
	g_clear_pointer(&device->bluez, smp_bluez_free);
	g_clear_pointer(&device->adapter, g_free);
	g_clear_pointer(&device->device, g_free);
	g_clear_pointer(&device->characteristic, g_free);
	device->scanning = FALSE;
	device->ours = FALSE;
}

void smp_ble_device_clear(SmpBleDevice *device)
{
	smp_ble_device_end(device);
	g_clear_pointer(&device->address, g_free);
	g_clear_pointer(&device->name, g_free);
	g_clear_pointer(&device->label, g_free);
	g_clear_pointer(&device->home, g_free);
}

static gboolean has_switch(const char *adapter, const char *file)
{
	g_autofree char *folder = g_build_filename("/sys/class/bluetooth", adapter, NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name = NULL;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, file, NULL);
		g_autofree char *text = NULL;

		if (g_str_has_prefix(name, "rfkill") &&
		    g_file_get_contents(path, &text, NULL, NULL) && text[0] == '1')
			return TRUE;
	}
	return FALSE;
}

/* Why an adapter is off. BlueZ before 5.68 has no PowerState; the kernel knows. */
static gboolean fail_off(SmpBluez *bluez, const char *path, GError **error)
{
	const char *name = strrchr(path, '/') + 1;
	gboolean blocked = g_strcmp0(smp_bluez_get_text(bluez, path, BLUEZ_ADAPTER, "PowerState"),
				     "off-blocked") == 0;

	if (has_switch(name, "hard"))
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "cannot use Bluetooth: %s is switched off by a switch or key of this "
			    "computer (rfkill: hard blocked)",
			    name);
	else if (blocked || has_switch(name, "soft"))
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "cannot use Bluetooth: %s is blocked by rfkill; `rfkill unblock "
			    "bluetooth`",
			    name);
	else
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "cannot use Bluetooth: %s is switched off; `bluetoothctl power on`",
			    name);
	return FALSE;
}

static gboolean fail_no_adapter(const GPtrArray *paths, const char *wanted, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (guint i = 0; i < paths->len; i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "",
				       strrchr(g_ptr_array_index(paths, i), '/') + 1);
	if (paths->len == 0)
		g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
				    "cannot use Bluetooth: this computer has no Bluetooth adapter");
	else
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "cannot use Bluetooth: there is no adapter %s; there is %s", wanted,
			    names->str);
	return FALSE;
}

static gboolean is_home(const SmpBleDevice *device, const char *path)
{
	const char *address = smp_bluez_get_text(device->bluez, path, BLUEZ_ADAPTER, "Address");

	return !device->home || g_strcmp0(address, device->home) == 0;
}

/* The one that is named, else that on which the link was, else the first that is on. */
static gboolean find_adapter(const SmpBleDevice *device, char **path, GError **error)
{
	const char *wanted = device->target->adapter;
	g_autoptr(GPtrArray) paths = smp_bluez_list(device->bluez, BLUEZ_ADAPTER, "/org/bluez");
	const char *on = NULL, *off = NULL;

	for (guint i = 0; i < paths->len; i++) {
		const char *at = g_ptr_array_index(paths, i);

		if (wanted && !g_str_equal(strrchr(at, '/') + 1, wanted))
			continue;
		if (!smp_bluez_get_bool(device->bluez, at, BLUEZ_ADAPTER, "Powered"))
			off = off ? off : at;
		else if (!on || (is_home(device, at) && !is_home(device, on)))
			on = at;
	}
	*path = g_strdup(on);
	if (on)
		return TRUE;
	return off ? fail_off(device->bluez, off, error) : fail_no_adapter(paths, wanted, error);
}

static gboolean choose_adapter(SmpBleDevice *device, GError **error)
{
	g_autofree char *path = NULL;

	if (!find_adapter(device, &path, error))
		return FALSE;
	if (g_strcmp0(path, device->adapter) == 0)
		return TRUE;
	smp_ble_scan_end(device);
	g_free(device->adapter);
	device->adapter = g_steal_pointer(&path);
	return TRUE;
}

gboolean smp_ble_device_begin(SmpBleDevice *device, GCancellable *cancellable, GError **error)
{
	if (device->bluez && !smp_bluez_is_alive(device->bluez)) {
		g_clear_pointer(&device->bluez, smp_bluez_free);
		device->scanning = FALSE;
	}
	if (!device->bluez)
		device->bluez = smp_bluez_new(cancellable, error);
	if (!device->bluez)
		return FALSE;
	smp_bluez_set_cancellable(device->bluez, cancellable);
	return smp_bluez_refresh(device->bluez, error) && choose_adapter(device, error);
}

static gboolean call_adapter(SmpBleDevice *device, const char *method, GVariant *args,
			     GError **error)
{
	g_autoptr(GVariant) reply =
		smp_bluez_call(device->bluez, device->adapter, BLUEZ_ADAPTER, method, args,
			       g_get_monotonic_time() + CALL_TIME, error);

	return reply != NULL;
}

static GVariant *make_filter(gboolean only_smp)
{
	GVariantDict filter;

	g_variant_dict_init(&filter, NULL);
	g_variant_dict_insert(&filter, "Transport", "s", "le");
	if (only_smp)
		g_variant_dict_insert_value(&filter, "UUIDs",
					    g_variant_new_parsed("[%s]", SMP_BLE_SERVICE));
	return g_variant_new("(@a{sv})", g_variant_dict_end(&filter));
}

static gboolean fail_scan(const GError *cause, GError **error)
{
	if (!smp_bluez_error_is(cause, "org.bluez.Error.NotAuthorized"))
		return smp_bluez_error_set(error, cause, "cannot scan for boards");
	g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION,
			    "cannot scan for boards: bluetoothd does not allow it to this user");
	return FALSE;
}

static gboolean begin_scan(SmpBleDevice *device, gboolean only_smp, GError **error)
{
	gint64 give_up = g_get_monotonic_time() + BUSY_TIME;

	device->stops = smp_bluez_get_stops(device->bluez);
	device->quiet_since = 0;
	for (;;) {
		g_autoptr(GError) cause = NULL;

		device->scanning =
			call_adapter(device, "SetDiscoveryFilter", make_filter(only_smp), &cause) &&
			call_adapter(device, "StartDiscovery", NULL, &cause);
		if (device->scanning)
			return TRUE;
		gint64 now = g_get_monotonic_time();
		if (!smp_bluez_error_is(cause, "org.bluez.Error.InProgress") || now > give_up)
			return fail_scan(cause, error);
		if (!smp_bluez_wait(device->bluez, now + BUSY_PAUSE, error))
			return FALSE;
	}
}

void smp_ble_scan_end(SmpBleDevice *device)
{
	g_autoptr(GError) ignored = NULL;

	if (device->scanning && !call_adapter(device, "StopDiscovery", NULL, &ignored))
		g_debug("StopDiscovery: %s", ignored->message);
	device->scanning = FALSE;
}

/* Whether what was begun is not going on. */
static gboolean is_over(SmpBleDevice *device)
{
	gint64 now = g_get_monotonic_time();

	if (smp_bluez_get_bool(device->bluez, device->adapter, BLUEZ_ADAPTER, "Discovering"))
		device->quiet_since = 0;
	else if (device->quiet_since == 0)
		device->quiet_since = now;
	return smp_bluez_get_stops(device->bluez) != device->stops ||
	       (device->quiet_since != 0 && now - device->quiet_since > QUIET_TIME);
}

gboolean smp_ble_scan_on(SmpBleDevice *device, gboolean only_smp, GError **error)
{
	if (!smp_bluez_refresh(device->bluez, error) || !choose_adapter(device, error))
		return FALSE;
	/* To begin what goes on is an error. */
	if (device->scanning && is_over(device))
		smp_ble_scan_end(device);
	return device->scanning || begin_scan(device, only_smp, error);
}

gboolean smp_ble_device_offers_smp(SmpBluez *bluez, const char *path)
{
	GVariant *uuids = smp_bluez_get(bluez, path, BLUEZ_DEVICE, "UUIDs");
	g_autofree const char **list = NULL;

	if (!uuids || !g_variant_is_of_type(uuids, G_VARIANT_TYPE_STRING_ARRAY))
		return FALSE;
	list = g_variant_get_strv(uuids, NULL);
	for (guint i = 0; list[i]; i++) {
		if (g_ascii_strcasecmp(list[i], SMP_BLE_SERVICE) == 0)
			return TRUE;
	}
	return FALSE;
}

gboolean smp_ble_device_is_near(SmpBluez *bluez, const char *path)
{
	return smp_bluez_get(bluez, path, BLUEZ_DEVICE, "RSSI") != NULL ||
	       smp_bluez_get_bool(bluez, path, BLUEZ_DEVICE, "Connected");
}

const char *smp_ble_device_name(SmpBluez *bluez, const char *path)
{
	return smp_bluez_get_text(bluez, path, BLUEZ_DEVICE, "Name");
}

static gboolean is_meant(const SmpBleDevice *device, const char *path)
{
	const SmpBleTarget *target = device->target;
	SmpBluez *bluez = device->bluez;

	if (target->kind == SMP_BLE_ANY && !smp_ble_device_offers_smp(bluez, path))
		return FALSE;
	return smp_ble_target_matches(target, smp_ble_device_name(bluez, path),
				      smp_bluez_get_text(bluez, path, BLUEZ_DEVICE, "Address"),
				      smp_bluez_get_text(bluez, path, BLUEZ_DEVICE, "AddressType"));
}

static void take(SmpBleDevice *device, const char *path)
{
	const char *address = smp_bluez_get_text(device->bluez, path, BLUEZ_DEVICE, "Address");
	const char *type = smp_bluez_get_text(device->bluez, path, BLUEZ_DEVICE, "AddressType");
	const char *name = smp_ble_device_name(device->bluez, path);
	g_autofree char *plain = smp_ble_plain_name(name);

	device->address_stays = g_strcmp0(type, "random") != 0 ||
				smp_bluez_get_bool(device->bluez, path, BLUEZ_DEVICE, "Paired");
	device->heard = FALSE;
	g_free(device->device);
	device->device = g_strdup(path);
	g_free(device->address);
	device->address = g_strdup(address ? address : "?");
	g_free(device->name);
	device->name = g_strdup(name);
	g_free(device->label);
	device->label = plain ? g_strdup_printf("%s (%s)", plain, device->address)
			      : g_strdup(device->address);
}

/* The same board after a reset. An address that is public, bonded or was asked for stays; other
 * boards make up a new one at each start, and are known by their name. */
static gboolean is_same(const SmpBleDevice *device, const char *path, gboolean *by_address)
{
	SmpBluez *bluez = device->bluez;
	const char *name = smp_ble_device_name(bluez, path);

	*by_address = g_strcmp0(smp_bluez_get_text(bluez, path, BLUEZ_DEVICE, "Address"),
				device->address) == 0;
	if (*by_address || device->address_stays || device->target->kind == SMP_BLE_ADDRESS)
		return *by_address;
	return device->name && g_strcmp0(name, device->name) == 0;
}

/* Those that are meant and near, in @found. Returns: whether it can be no other */
static gboolean collect(const SmpBleDevice *device, GPtrArray *found)
{
	g_autoptr(GPtrArray) paths = smp_bluez_list(device->bluez, BLUEZ_DEVICE, device->adapter);

	g_ptr_array_set_size(found, 0);
	for (guint i = 0; i < paths->len; i++) {
		char *path = g_ptr_array_index(paths, i);
		gboolean by_address = device->target->kind == SMP_BLE_ADDRESS;

		if (!smp_ble_device_is_near(device->bluez, path) ||
		    !(device->address ? is_same(device, path, &by_address)
				      : is_meant(device, path)))
			continue;
		if (by_address)
			g_ptr_array_set_size(found, 0);
		g_ptr_array_add(found, path);
		if (by_address)
			return TRUE;
	}
	return FALSE;
}

static gboolean fail_ambiguous(const SmpBleDevice *device, const GPtrArray *found, GError **error)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (guint i = 0; i < found->len; i++) {
		const char *path = g_ptr_array_index(found, i);
		g_autofree char *name =
			smp_ble_plain_name(smp_ble_device_name(device->bluez, path));

		g_string_append_printf(
			list, "%sble:%s%s%s%s", i ? ", " : "",
			smp_bluez_get_text(device->bluez, path, BLUEZ_DEVICE, "Address"),
			name ? " (" : "", name ? name : "", name ? ")" : "");
	}
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_AMBIGUOUS,
		    "several boards match: %s; name one by its address", list->str);
	return FALSE;
}

guint smp_ble_find_known(SmpBleDevice *device, GError **error)
{
	g_autoptr(GPtrArray) paths = smp_bluez_list(device->bluez, BLUEZ_DEVICE, device->adapter);

	for (guint i = paths->len; i > 0; i--) {
		if (!is_meant(device, g_ptr_array_index(paths, i - 1)))
			g_ptr_array_remove_index(paths, i - 1);
	}
	if (paths->len == 1)
		take(device, g_ptr_array_index(paths, 0));
	else if (paths->len > 1)
		fail_ambiguous(device, paths, error);
	return paths->len;
}

static gboolean fail_absent(const SmpBleDevice *device, GError **error)
{
	const SmpBleTarget *target = device->target;

	if (device->address)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT,
			    "%s did not come back in time", device->label);
	else if (target->kind == SMP_BLE_ANY)
		g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
				    "no board that says it offers SMP was heard; is it on, near, "
				    "and not connected to another computer?");
	else
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "no board %s%s was heard; is it on, near, and not connected to another "
			    "computer? `smpctl ble scan` lists those that are",
			    target->text, target->kind == SMP_BLE_PREFIX ? "*" : "");
	return FALSE;
}

gboolean smp_ble_find(SmpBleDevice *device, gint64 deadline, GError **error)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	gboolean only_smp = device->target->kind == SMP_BLE_ANY && !device->address;
	gint64 settled = 0;

	for (;;) {
		if (!smp_ble_scan_on(device, only_smp, error))
			return FALSE;
		gint64 now = g_get_monotonic_time();
		gboolean sure = collect(device, found);

		if (found->len == 0)
			settled = 0;
		else if (settled == 0)
			settled = now + SETTLE;
		if (sure || (found->len > 0 && now >= settled))
			break;
		if (now >= deadline && found->len == 0)
			return fail_absent(device, error);
		if (!smp_bluez_wait(device->bluez,
				    MIN(settled ? settled : deadline, now + SMP_BLE_SCAN_CHECK),
				    error))
			return FALSE;
	}
	if (found->len > 1)
		return fail_ambiguous(device, found, error);
	take(device, g_ptr_array_index(found, 0));
	device->heard = smp_bluez_get(device->bluez, device->device, BLUEZ_DEVICE, "RSSI") != NULL;
	return TRUE;
}

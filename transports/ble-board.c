/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Scanning, pairing, forgetting: what <smp/ble.h> offers besides links. */

#include "transports/ble.h"

#include "transports/link.h"

#include <stdlib.h>
#include <string.h>

/* To connect to a board that is to be forgotten, and need not be there. */
#define FORGET_TIME (3 * G_USEC_PER_SEC)

static gboolean get_device(SmpLink *link, SmpBleDevice **device, GError **error)
{
	*device = smp_ble_link_get_device(link);
	if (*device)
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
		    "%s is not a board on Bluetooth; it is written ble:ADDRESS or ble:NAME",
		    smp_link_get_target(link));
	return FALSE;
}

gboolean smp_ble_pair(SmpLink *link, gboolean *was_paired, GError **error)
{
	SmpBleDevice *device = NULL;

	*was_paired = FALSE;
	if (!get_device(link, &device, error))
		return FALSE;
	gint64 deadline = g_get_monotonic_time() + device->target->connect_time;
	gboolean paired = smp_ble_link_begin(link, error) &&
			  smp_ble_find(device, deadline, error) &&
			  smp_ble_pair_well(device, deadline, was_paired, error);
	if (device->bluez && device->device)
		smp_ble_link_leave(link);
	return paired;
}

/* bluetoothd 5.66 crashes of removing a device that hung once and is not connected, so it is
 * connected if it is there. */
static gboolean remove_known(SmpBleDevice *device, GError **error)
{
	g_autoptr(GError) absent = NULL;

	if (!smp_ble_is_connected(device) &&
	    !smp_ble_connect_only(device, g_get_monotonic_time() + FORGET_TIME, &absent))
		g_debug("%s", absent->message);
	return g_error_matches(absent, G_IO_ERROR, G_IO_ERROR_CANCELLED)
		       ? smp_bluez_error_set(error, absent, "cannot forget %s", device->label)
		       : smp_ble_remove(device, error);
}

static gboolean forget(SmpLink *link, SmpBleDevice *device, GError **error)
{
	guint known = smp_ble_find_known(device, error);

	if (known == 0)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "there is nothing to forget: BlueZ does not know %s",
			    smp_link_get_target(link));
	return known == 1 && remove_known(device, error);
}

gboolean smp_ble_forget(SmpLink *link, GError **error)
{
	SmpBleDevice *device = NULL;

	if (!get_device(link, &device, error))
		return FALSE;
	gboolean forgotten = smp_ble_device_begin(device, link->cancellable, error) &&
			     forget(link, device, error);
	smp_ble_device_end(device);
	return forgotten;
}

void smp_ble_board_free(SmpBleBoard *board)
{
	if (!board)
		return;
	g_free(board->target);
	g_free(board->address);
	g_free(board->name);
	g_free(board->adapter);
	g_free(board);
}

static SmpBleBoard *read_board(SmpBluez *bluez, const char *path, const char *adapter)
{
	SmpBleBoard *board = g_new0(SmpBleBoard, 1);
	GVariant *rssi = smp_bluez_get(bluez, path, BLUEZ_DEVICE, "RSSI");
	const char *address = smp_bluez_get_text(bluez, path, BLUEZ_DEVICE, "Address");

	board->address = g_strdup(address ? address : "");
	board->target = g_strdup_printf("ble:%s", board->address);
	board->random = g_strcmp0(smp_bluez_get_text(bluez, path, BLUEZ_DEVICE, "AddressType"),
				  "random") == 0;
	board->name = g_strdup(smp_ble_device_name(bluez, path));
	board->adapter = g_strdup(strrchr(adapter, '/') + 1);
	if (rssi && g_variant_is_of_type(rssi, G_VARIANT_TYPE_INT16))
		board->rssi = g_variant_get_int16(rssi);
	/* 127 is "not available" (Bluetooth Core, Vol 4 Part E 7.7.65.2). */
	if (board->rssi == 127)
		board->rssi = 0;
	board->smp = smp_ble_device_offers_smp(bluez, path);
	board->paired = smp_bluez_get_bool(bluez, path, BLUEZ_DEVICE, "Paired");
	board->connected = smp_bluez_get_bool(bluez, path, BLUEZ_DEVICE, "Connected");
	return board;
}

/* With SMP first; 0 dBm is a board that was not heard. */
static int compare(gconstpointer a, gconstpointer b)
{
	const SmpBleBoard *first = *(SmpBleBoard *const *)a, *second = *(SmpBleBoard *const *)b;

	if (first->smp != second->smp)
		return second->smp - first->smp;
	if (first->rssi != second->rssi)
		return second->rssi - first->rssi;
	return strcmp(first->address, second->address);
}

static gboolean scan(SmpBleDevice *device, gint64 until, GError **error)
{
	gint64 now;

	do {
		now = g_get_monotonic_time();
		if (!smp_ble_scan_on(device, FALSE, error) ||
		    !smp_bluez_wait(device->bluez, MIN(until, now + SMP_BLE_SCAN_CHECK), error))
			return FALSE;
	} while (now < until);
	return TRUE;
}

static GPtrArray *list_boards(const SmpBleDevice *device)
{
	GPtrArray *boards = g_ptr_array_new_with_free_func((GDestroyNotify)smp_ble_board_free);
	g_autoptr(GPtrArray) paths = smp_bluez_list(device->bluez, BLUEZ_DEVICE, device->adapter);

	for (guint i = 0; i < paths->len; i++) {
		const char *path = g_ptr_array_index(paths, i);

		if (smp_ble_device_is_near(device->bluez, path))
			g_ptr_array_add(boards, read_board(device->bluez, path, device->adapter));
	}
	g_ptr_array_sort(boards, compare);
	return boards;
}

GPtrArray *smp_ble_scan(const char *adapter, guint timeout_ms, GCancellable *cancellable,
			GError **error)
{
	const SmpBleTarget target = {.kind = SMP_BLE_ANY, .adapter = (char *)adapter};
	gint64 until = g_get_monotonic_time() + timeout_ms * G_TIME_SPAN_MILLISECOND;
	SmpBleDevice device;
	GPtrArray *boards = NULL;

	smp_ble_device_init(&device, &target);
	if (smp_ble_device_begin(&device, cancellable, error) && scan(&device, until, error))
		boards = list_boards(&device);
	smp_ble_device_clear(&device);
	return boards;
}

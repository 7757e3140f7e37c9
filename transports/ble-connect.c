/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a device that was found to a connection with resolved services. */

#include "transports/ble-device.h"

/* BlueZ's first try often fails (le-connection-abort-by-local). */
#define RETRY_PAUSE (300 * G_TIME_SPAN_MILLISECOND)

/* One try: a board that is there answers within a few advertisements. */
#define TRY_TIME  (10 * G_USEC_PER_SEC)
#define LEAST_TRY (300 * G_TIME_SPAN_MILLISECOND)

/* So many are no accident. */
#define REFUSALS 3

/* The services of a board whose program starts come a little later than the connection. */
#define SETTLE (1000 * G_TIME_SPAN_MILLISECOND)

/* BlueZ's own timer for it is 2 s. */
#define DISCONNECT_TIME (4 * G_USEC_PER_SEC)

static gboolean call_device(SmpBleDevice *device, const char *method, gint64 deadline,
			    GError **error)
{
	g_autoptr(GVariant) reply = smp_bluez_call(device->bluez, device->device, BLUEZ_DEVICE,
						   method, NULL, deadline, error);

	return reply != NULL;
}

gboolean smp_ble_is_connected(SmpBleDevice *device)
{
	smp_bluez_update(device->bluez, device->device, BLUEZ_DEVICE);
	return smp_bluez_get_bool(device->bluez, device->device, BLUEZ_DEVICE, "Connected");
}

static gboolean is_resolved(SmpBleDevice *device)
{
	return smp_bluez_get_bool(device->bluez, device->device, BLUEZ_DEVICE, "ServicesResolved");
}

static gboolean fail_timeout(const SmpBleDevice *device, const char *what, GError **error)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT, "cannot connect to %s: %s",
		    device->label, what);
	return FALSE;
}

/* Whether another try may work. */
static gboolean is_passing(const GError *cause)
{
	g_autoptr(GError) meaning = NULL;

	if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
	    smp_bluez_error_is_security(cause))
		return FALSE;
	if (smp_bluez_error_is(cause, "org.bluez.Error.InProgress") ||
	    smp_bluez_error_is_silence(cause))
		return TRUE;
	if (smp_bluez_error_set(&meaning, cause, "x"))
		return FALSE;
	/* Not those of the adapter: they do not pass. */
	return (smp_bluez_error_is(cause, "org.bluez.Error.Failed") ||
		smp_bluez_error_is(cause, "org.bluez.Error.ConnectionAttemptFailed")) &&
	       !g_error_matches(meaning, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY) &&
	       !strstr(meaning->message, "adapter");
}

/* What BlueZ says at once where a board ends the connection: that it lost it itself. A board that
 * does not answer is only given up after a while. */
static gboolean is_aborted(const GError *cause)
{
	return strstr(cause->message, "connection-abort-by-local") ||
	       strstr(cause->message, "caused connection abort");
}

static gboolean connect_once(SmpBleDevice *device, gint64 deadline, gboolean *again, GError **error)
{
	g_autoptr(GError) cause = NULL;
	gint64 until = MIN(deadline, g_get_monotonic_time() + TRY_TIME);

	*again = FALSE;
	if (call_device(device, "Connect", until, &cause) ||
	    smp_bluez_error_is(cause, "org.bluez.Error.AlreadyConnected"))
		return TRUE;
	*again = is_passing(cause);
	device->aborts += is_aborted(cause);
	return smp_bluez_error_set(error, cause, "cannot connect to %s", device->label);
}

/* Waits for the services. @again: the connection was lost meanwhile. */
static gboolean resolve(SmpBleDevice *device, gint64 deadline, gboolean *again, GError **error)
{
	*again = FALSE;
	while (!is_resolved(device)) {
		if (g_get_monotonic_time() >= deadline)
			return fail_timeout(device, "its services were not found in time", error);
		if (!smp_bluez_wait(device->bluez, deadline, error))
			return FALSE;
		*again = !smp_ble_is_connected(device);
		if (*again && g_get_monotonic_time() < deadline)
			return fail_timeout(device, "the connection was lost at once", error);
	}
	return TRUE;
}

/* Whatever BlueZ tells meanwhile. */
static gboolean pause_until(SmpBleDevice *device, gint64 until, GError **error)
{
	while (g_get_monotonic_time() < until) {
		if (!smp_bluez_wait(device->bluez, until, error))
			return FALSE;
	}
	return TRUE;
}

/* A board that asks for security at once ends what does not get it. */
static gboolean fail_thrown_out(SmpBleDevice *device, GError **error)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED,
		    "cannot connect to %s: the connection is lost at once each time; it may be out "
		    "of range, or want a pairing: %s`smpctl ble pair BOARD`",
		    device->label,
		    smp_ble_is_paired(device) ? "`smpctl ble forget BOARD`, then " : "");
	return FALSE;
}

/* BlueZ 5.66 does not even call it connected where the board wants the encryption of a bond that
 * this side does not have any more. */
static gboolean fail_aborted(SmpBleDevice *device, GError **error)
{
	g_set_error(
		error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
		"cannot connect to %s: it was heard, but does not take the connection; it may be "
		"almost out of range, let no computer in now, or want a pairing that is not there "
		"any more: %s`smpctl ble pair BOARD`",
		device->label, smp_ble_is_paired(device) ? "`smpctl ble forget BOARD`, then " : "");
	return FALSE;
}

static gboolean connect_and_resolve(SmpBleDevice *device, gint64 deadline, GError **error)
{
	gboolean lost = FALSE;

	device->aborts = 0;
	for (;;) {
		g_autoptr(GError) local = NULL;
		gboolean again = FALSE;
		gboolean connected = connect_once(device, deadline, &again, &local);

		if (connected && resolve(device, deadline, &again, &local))
			return TRUE;
		lost |= connected && again;
		gint64 now = g_get_monotonic_time();
		gboolean known = smp_bluez_has(device->bluez, device->device, BLUEZ_DEVICE);
		gboolean late = now + RETRY_PAUSE + LEAST_TRY >= deadline;
		if (again && known && late && lost)
			return fail_thrown_out(device, error);
		if (again && known && late && device->heard && device->aborts >= REFUSALS)
			return fail_aborted(device, error);
		if (!again || !known || late) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		g_debug("%s; once more", local->message);
		if (!pause_until(device, now + RETRY_PAUSE, error))
			return FALSE;
	}
}

gboolean smp_ble_connect_only(SmpBleDevice *device, gint64 deadline, GError **error)
{
	gboolean again = FALSE;

	return connect_once(device, deadline, &again, error);
}

static gboolean has_uuid(SmpBluez *bluez, const char *path, const char *interface, const char *uuid)
{
	const char *found = smp_bluez_get_text(bluez, path, interface, "UUID");

	return found && g_ascii_strcasecmp(found, uuid) == 0;
}

static gboolean find_characteristic(SmpBleDevice *device)
{
	SmpBluez *bluez = device->bluez;
	g_autoptr(GPtrArray) services = smp_bluez_list(bluez, BLUEZ_SERVICE, device->device);

	g_clear_pointer(&device->characteristic, g_free);
	for (guint i = 0; i < services->len; i++) {
		const char *service = g_ptr_array_index(services, i);
		g_autoptr(GPtrArray) all = smp_bluez_list(bluez, BLUEZ_CHARACTERISTIC, service);

		if (!has_uuid(bluez, service, BLUEZ_SERVICE, SMP_BLE_SERVICE))
			continue;
		for (guint j = 0; j < all->len && !device->characteristic; j++) {
			const char *path = g_ptr_array_index(all, j);

			if (has_uuid(bluez, path, BLUEZ_CHARACTERISTIC, SMP_BLE_CHARACTERISTIC))
				device->characteristic = g_strdup(path);
		}
	}
	return device->characteristic != NULL;
}

/* Services may come and go: a board that starts another program. */
static gboolean await_characteristic(SmpBleDevice *device, gint64 deadline, GError **error)
{
	gint64 until = MIN(deadline, g_get_monotonic_time() + SETTLE);

	while (!find_characteristic(device) && g_get_monotonic_time() < until) {
		if (!smp_bluez_wait(device->bluez, until, error))
			return FALSE;
	}
	return TRUE;
}

gboolean smp_ble_remove(SmpBleDevice *device, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GVariant) reply = smp_bluez_call(
		device->bluez, device->adapter, BLUEZ_ADAPTER, "RemoveDevice",
		g_variant_new("(o)", device->device), g_get_monotonic_time() + TRY_TIME, &cause);

	return reply || smp_bluez_error_is(cause, "org.bluez.Error.DoesNotExist") ||
	       smp_bluez_error_set(error, cause, "cannot forget %s", device->label);
}

void smp_ble_await_end(SmpBleDevice *device)
{
	gint64 deadline = g_get_monotonic_time() + DISCONNECT_TIME;

	while (smp_ble_is_connected(device) && g_get_monotonic_time() < deadline) {
		if (!smp_bluez_wait(device->bluez, deadline, NULL))
			return;
	}
}

/* Waits for the end of the connection, unless the user is in a hurry. */
void smp_ble_disconnect(SmpBleDevice *device)
{
	g_autoptr(GError) ignored = NULL;

	if (!call_device(device, "Disconnect", g_get_monotonic_time() + DISCONNECT_TIME, &ignored))
		g_debug("Disconnect: %s", ignored->message);
	else
		smp_ble_await_end(device);
}

/* BlueZ keeps what it once read of a board, and firmware that has SMP since then may not tell of
 * it. A bond is not given up for that. */
static gboolean refresh_services(SmpBleDevice *device, gint64 deadline, GError **error)
{
	if (smp_ble_is_paired(device)) {
		smp_ble_disconnect(device);
		return TRUE;
	}
	return smp_ble_remove(device, error) && smp_ble_find(device, deadline, error);
}

static gboolean try_interval(SmpBleDevice *device, GError **error)
{
	const char *address =
		smp_bluez_get_text(device->bluez, device->adapter, BLUEZ_ADAPTER, "Address");
	const char *type =
		smp_bluez_get_text(device->bluez, device->device, BLUEZ_DEVICE, "AddressType");

	if (!device->interval)
		device->interval = smp_ble_interval_new(strrchr(device->adapter, '/') + 1,
							address ? address : "", error);
	return device->interval && smp_ble_interval_ask(device->interval, device->address,
							g_strcmp0(type, "random") == 0, error);
}

/* Without it the connection is slower, and no worse. */
static void ask_interval(SmpBleDevice *device)
{
	g_autoptr(GError) cause = NULL;

	if (!device->target->fast || device->no_interval || try_interval(device, &cause))
		return;
	g_message("the connection interval is up to the board: %s", cause->message);
	g_clear_pointer(&device->interval, smp_ble_interval_free);
	device->no_interval = TRUE;
}

gboolean smp_ble_connect(SmpBleDevice *device, gint64 deadline, GError **error)
{
	gboolean connected = smp_ble_is_connected(device);

	if (connected && !device->ours && device->target->fast)
		g_message("%s is connected already; its connection interval stays as it is",
			  device->label);
	device->ours |= !connected;
	for (guint i = 0; i < 2; i++) {
		if (device->ours && !smp_ble_is_connected(device))
			ask_interval(device);
		/* Scanning gets in the way of connecting. */
		smp_ble_scan_end(device);
		if (!connect_and_resolve(device, deadline, error) ||
		    !await_characteristic(device, deadline, error))
			return FALSE;
		if (device->characteristic)
			return TRUE;
		if (i == 0 && !refresh_services(device, deadline, error))
			return FALSE;
	}
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED,
		    "%s offers no SMP: its firmware lacks it (CONFIG_MCUMGR_TRANSPORT_BT)",
		    device->label);
	return FALSE;
}

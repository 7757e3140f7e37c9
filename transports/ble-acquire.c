/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two file descriptors that carry a board's data, and what has to be done to get them. */

#include "transports/ble-device.h"

#include <unistd.h>

/* BlueZ 5.66 never answers AcquireNotify where the board refuses and BlueZ pairs by itself, then or
 * later. A board that does not refuse answers within two connection intervals. */
#define NOTIFY_TIME (4 * G_USEC_PER_SEC)
#define WRITE_TIME  (5 * G_USEC_PER_SEC)

/* bluetoothd notices a descriptor that was closed at once, where it is well. */
#define RELEASE_TIME (1 * G_USEC_PER_SEC)

/* Somebody's descriptor that was just closed. */
#define TAKEN_TIME  (1500 * G_TIME_SPAN_MILLISECOND)
#define TAKEN_PAUSE (50 * G_TIME_SPAN_MILLISECOND)

/* To connect to a board again only to forget it. */
#define FORGET_TIME (3 * G_USEC_PER_SEC)

/* Pairing, and finding the board anew: more than is left of an ordinary deadline. */
#define AFTER_PAIRING (20 * G_USEC_PER_SEC)

static gboolean is_taken(const GError *cause)
{
	return smp_bluez_error_is(cause, "org.bluez.Error.NotPermitted") ||
	       smp_bluez_error_is(cause, "org.bluez.Error.InProgress");
}

/* Returns: a descriptor, -1 with an error as it came from BlueZ */
static int acquire(SmpBleDevice *device, const char *method, gint64 time, guint16 *mtu,
		   GError **error)
{
	gint64 give_up = g_get_monotonic_time() + TAKEN_TIME;

	for (;;) {
		g_autoptr(GError) cause = NULL;
		int fd = smp_bluez_acquire(device->bluez, device->characteristic, method, mtu,
					   g_get_monotonic_time() + time, &cause);

		if (fd >= 0)
			return fd;
		gint64 now = g_get_monotonic_time();
		if (!is_taken(cause) || now > give_up) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return -1;
		}
		if (!smp_bluez_wait(device->bluez, now + TAKEN_PAUSE, error))
			return -1;
	}
}

static gboolean acquire_notify(SmpBleDevice *device, GError **error)
{
	device->notify_fd = acquire(device, "AcquireNotify", NOTIFY_TIME, &device->mtu, error);
	return device->notify_fd >= 0;
}

static gboolean acquire_write(SmpBleDevice *device, GError **error)
{
	g_autoptr(GError) cause = NULL;
	guint16 mtu = 0;

	device->write_fd = acquire(device, "AcquireWrite", WRITE_TIME, &mtu, &cause);
	if (device->write_fd < 0)
		return smp_bluez_error_set(error, cause, "cannot write to %s", device->label);
	/* Both tell the same; the smaller is safe. */
	device->mtu = MIN(device->mtu, mtu);
	return TRUE;
}

static gboolean fail_security(SmpBleDevice *device, const GError *cause, gboolean paired,
			      GError **error)
{
	if (!smp_bluez_error_is_silence(cause))
		return smp_bluez_error_set(error, cause, "cannot talk to %s", device->label);
	/* Once it was disconnected, bluetoothd 5.66 crashes of "forget": so it stays connected. */
	device->ours = FALSE;
	if (paired)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION,
			    "cannot talk to %s: it is paired and does not let us in; it wants a "
			    "pairing with passkey, or has forgotten this one: `smpctl ble forget "
			    "BOARD`, then `smpctl ble pair BOARD` in a terminal or with --passkey",
			    device->label);
	else
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION,
			    "cannot talk to %s: it does not let us in, probably because it wants a "
			    "pairing; `smpctl ble pair BOARD`",
			    device->label);
	return FALSE;
}

/* A call that BlueZ never answers keeps the characteristic taken until BlueZ forgets the device.
 * That must happen while it is connected: afterwards bluetoothd 5.66 crashes of it. A bond that was
 * there before is not given up for it. */
static gboolean clear_hang(SmpBleDevice *device, GError **error)
{
	return !smp_ble_is_connected(device) || smp_ble_remove(device, error);
}

/* Whether bluetoothd survives that it forgets the device: where it left a call unanswered, only
 * while it is connected. */
static gboolean can_forget(SmpBleDevice *device, const GError *cause)
{
	g_autoptr(GError) absent = NULL;

	if (!smp_bluez_error_is_silence(cause) || smp_ble_is_connected(device))
		return TRUE;
	if (smp_ble_connect_only(device, g_get_monotonic_time() + FORGET_TIME, &absent))
		return TRUE;
	g_debug("%s", absent->message);
	return FALSE;
}

/* A bond that was just made and does not help would only be in the way of a better one. Boards
 * often end the connection as they refuse. */
static gboolean fail_useless(SmpBleDevice *device, const GError *cause, GError **error)
{
	if (can_forget(device, cause) && !smp_ble_remove(device, error))
		return FALSE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION,
		    "cannot talk to %s: pairing with it was not enough, it wants one with a "
		    "passkey; `smpctl ble pair BOARD` in a terminal, or with --passkey N",
		    device->label);
	return FALSE;
}

static gboolean begin_anew(SmpBleDevice *device, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + AFTER_PAIRING;

	return smp_ble_find(device, deadline, error) && smp_ble_connect(device, deadline, error);
}

/* Whether connecting after a pairing shows that this was of no use: it is no board with SMP, or it
 * throws us out. One that is out of range now may be another time. */
static gboolean is_useless(const GError *cause)
{
	return g_error_matches(cause, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED) ||
	       g_error_matches(cause, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION) ||
	       g_error_matches(cause, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
}

static void give_up_new_bond(SmpBleDevice *device)
{
	g_autoptr(GError) ignored = NULL;

	if (!smp_ble_remove(device, &ignored))
		g_debug("%s", ignored->message);
}

static gboolean pair_and_connect(SmpBleDevice *device, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (!smp_ble_pair_device(device, error))
		return FALSE;
	if (smp_ble_connect(device, g_get_monotonic_time() + AFTER_PAIRING, &cause))
		return TRUE;
	if (is_useless(cause))
		give_up_new_bond(device);
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static gboolean wants_pairing(const GError *cause)
{
	return smp_bluez_error_is_security(cause) || smp_bluez_error_is_silence(cause);
}

/* Whether the board lets us in. Not by AcquireNotify: BlueZ 5.66 does not answer where the board
 * refuses, and when the link is lost meanwhile the characteristic stays taken, and bluetoothd
 * crashes as it forgets the device. StartNotify is answered, or can be taken back. */
static gboolean lets_in(SmpBleDevice *device, GError **error)
{
	g_autoptr(GError) cause = NULL, ignored = NULL;
	g_autoptr(GVariant) reply =
		smp_bluez_call(device->bluez, device->characteristic, BLUEZ_CHARACTERISTIC,
			       "StartNotify", NULL, g_get_monotonic_time() + NOTIFY_TIME, &cause);

	/* Somebody may just be closing it. */
	if (!reply && is_taken(cause))
		return TRUE;
	g_autoptr(GVariant) stopped =
		smp_bluez_call(device->bluez, device->characteristic, BLUEZ_CHARACTERISTIC,
			       "StopNotify", NULL, g_get_monotonic_time() + NOTIFY_TIME, &ignored);
	if (!stopped)
		g_debug("StopNotify: %s", ignored->message);
	if (!reply)
		g_propagate_error(error, g_steal_pointer(&cause));
	return reply != NULL;
}

static gboolean subscribe(SmpBleDevice *device, GError **error)
{
	return lets_in(device, error) && acquire_notify(device, error);
}

/* Pairs, and looks with @look whether that was enough. */
static gboolean pair_and_look(SmpBleDevice *device,
			      gboolean (*look)(SmpBleDevice *device, GError **error),
			      GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (!pair_and_connect(device, error))
		return FALSE;
	if (look(device, &cause))
		return TRUE;
	if (wants_pairing(cause))
		return fail_useless(device, cause, error);
	if (smp_bluez_error_is(cause, "org.bluez.Error.NotSupported"))
		give_up_new_bond(device);
	return fail_security(device, cause, TRUE, error);
}

static gboolean fail_silent(const SmpBleDevice *device, GError **error)
{
	g_set_error(
		error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED,
		"cannot talk to %s: it is connected and does not answer; it may be out of range",
		device->label);
	return FALSE;
}

/* Tries first: whether a board wants pairing shows only then. */
static gboolean open_notify(SmpBleDevice *device, GError **error)
{
	g_autoptr(GError) cause = NULL;
	SmpBleChoice choice = device->target->pair;
	gboolean paired = smp_ble_is_paired(device);

	if (choice == SMP_BLE_YES && !paired)
		return pair_and_look(device, subscribe, error);
	if (subscribe(device, &cause))
		return TRUE;
	gboolean hangs = smp_bluez_error_is_silence(cause);
	if (hangs && !paired && !clear_hang(device, error))
		return FALSE;
	if (hangs && device->let_in)
		return fail_silent(device, error);
	if (!wants_pairing(cause) || paired || choice == SMP_BLE_NO)
		return fail_security(device, cause, paired, error);
	return (!hangs || begin_anew(device, error)) && pair_and_look(device, subscribe, error);
}

/* The bond that is there is given up: it may be one without passkey, or the board has forgotten
 * it. */
static gboolean give_up_bond(SmpBleDevice *device, const GError *cause, GError **error)
{
	g_message("%s is paired already, but does not let this computer in with that; pairing anew",
		  device->label);
	if (!can_forget(device, cause))
		return fail_security(device, cause, TRUE, error);
	if (!smp_ble_remove(device, error))
		return FALSE;
	/* The bond's address need not be the one that it advertises. */
	g_clear_pointer(&device->address, g_free);
	if (!smp_ble_find(device, g_get_monotonic_time() + AFTER_PAIRING, error))
		return FALSE;
	smp_ble_scan_end(device);
	device->ours = TRUE;
	return TRUE;
}

/* BlueZ connects for Pair() by itself, and that way also to a board that asks for security at once:
 * without our agent such a connection would be lost again. */
gboolean smp_ble_pair_well(SmpBleDevice *device, gint64 deadline, gboolean *was_paired,
			   GError **error)
{
	g_autoptr(GError) cause = NULL;

	smp_ble_scan_end(device);
	device->ours |= !smp_ble_is_connected(device);
	*was_paired = smp_ble_is_paired(device);
	if (*was_paired) {
		if (!smp_ble_connect(device, deadline, error))
			return FALSE;
		if (lets_in(device, &cause))
			return TRUE;
		*was_paired = FALSE;
		if (!wants_pairing(cause))
			return fail_security(device, cause, TRUE, error);
		if (!give_up_bond(device, cause, error))
			return FALSE;
	}
	return pair_and_look(device, lets_in, error);
}

gboolean smp_ble_acquire(SmpBleDevice *device, GError **error)
{
	if (!open_notify(device, error))
		return FALSE;
	if (!acquire_write(device, error)) {
		smp_ble_release(device);
		return FALSE;
	}
	device->let_in = TRUE;
	g_free(device->home);
	device->home = g_strdup(
		smp_bluez_get_text(device->bluez, device->adapter, BLUEZ_ADAPTER, "Address"));
	return TRUE;
}

static gboolean is_released(SmpBleDevice *device)
{
	return !smp_bluez_get_bool(device->bluez, device->characteristic, BLUEZ_CHARACTERISTIC,
				   "NotifyAcquired");
}

/* bluetoothd 5.66 crashes when its client leaves the bus with this descriptor open, and for a
 * moment after: so until it says that it has seen the end. */
static void close_notify(SmpBleDevice *device)
{
	gint64 until = g_get_monotonic_time() + RELEASE_TIME;
	g_autoptr(GError) ignored = NULL;

	if (device->notify_fd < 0)
		return;
	close(device->notify_fd);
	device->notify_fd = -1;
	/* Also where the user is in a hurry. */
	smp_bluez_set_cancellable(device->bluez, NULL);
	smp_bluez_dispatch(device->bluez);
	while (!is_released(device) && g_get_monotonic_time() < until) {
		if (!smp_bluez_wait(device->bluez, until, &ignored))
			return;
	}
}

gboolean smp_ble_renew(SmpBleDevice *device, GCancellable *cancellable, GError **error)
{
	g_autoptr(GError) cause = NULL;

	close_notify(device);
	smp_bluez_set_cancellable(device->bluez, cancellable);
	/* A board that is silent may be out of range, see lets_in(). */
	return subscribe(device, &cause) ||
	       smp_bluez_error_set(error, cause, "cannot talk to %s", device->label);
}

void smp_ble_release(SmpBleDevice *device)
{
	close_notify(device);
	if (device->write_fd >= 0)
		close(device->write_fd);
	device->write_fd = -1;
}

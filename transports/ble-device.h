/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One board as BlueZ has it: found, connected, paired, with the descriptors that carry its data. */

#include "transports/ble-interval.h"
#include "transports/ble-target.h"
#include "transports/bluez.h"

#include <smp/ble.h>

G_BEGIN_DECLS

/* Zephyr smp_transport.rst. */
#define SMP_BLE_SERVICE	       "8d53dc1d-1db7-4cd3-868b-8a527460aa84"
#define SMP_BLE_CHARACTERISTIC "da2e7828-fbce-4e01-ae9e-261174997c48"

/**
 * SmpBleDevice:
 * @bluez: NULL until smp_ble_device_begin()
 * @adapter: its object path
 * @device: (nullable): its object path, once found
 * @address: (nullable): that of the board found last, kept while it is away
 * @address_stays: it is that of the board for ever
 * @name: (nullable): that of the board found last
 * @heard: it was in the air just now
 * @label: what a person calls it, fit for a terminal
 * @characteristic: (nullable): its object path, once connected
 * @aborts: connections that ended before they had begun
 * @ours: nobody else had connected it
 * @let_in: the board has let us in, so that it is not for want of a pairing that it is silent
 * @home: (nullable): the address of the adapter that the link was on
 * @scanning: discovery was begun
 * @stops: those of @bluez before that
 * @quiet_since: since when it is not going on; 0 where it is
 * @interval: (nullable): while a short connection interval is asked for
 * @no_interval: that could not be, and was told
 * @notify_fd, @write_fd: -1 for none
 */
typedef struct {
	SmpBluez *bluez;
	const SmpBleTarget *target;
	char *adapter;
	char *device;
	char *address;
	gboolean address_stays;
	char *name;
	gboolean heard;
	char *label;
	char *characteristic;
	guint aborts;
	gboolean ours;
	gboolean let_in;
	char *home;
	gboolean scanning;
	guint stops;
	gint64 quiet_since;
	SmpBleInterval *interval;
	gboolean no_interval;
	int notify_fd;
	int write_fd;
	guint16 mtu;
	SmpPairingAbility ability;
	SmpPairingFunc pairing_func;
	gpointer pairing_data;
} SmpBleDevice;

/* Sets up for @target, which outlives it. */
void smp_ble_device_init(SmpBleDevice *device, const SmpBleTarget *target);
void smp_ble_device_clear(SmpBleDevice *device);
/* Leaves BlueZ, and keeps in mind which board it was. */
void smp_ble_device_end(SmpBleDevice *device);

/* Reaches BlueZ, and picks the adapter. */
gboolean smp_ble_device_begin(SmpBleDevice *device, GCancellable *cancellable,
			      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ble-find.c */
/* Begins to scan, and lets it go on: an adapter that was off for a moment has forgotten it, and one
 * that is back may be the better one. To be called after each wait, and those are no longer than
 * SMP_BLE_SCAN_CHECK.
 * @only_smp: hear only of those that say so */
#define SMP_BLE_SCAN_CHECK (2 * G_USEC_PER_SEC)
gboolean smp_ble_scan_on(SmpBleDevice *device, gboolean only_smp,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_ble_scan_end(SmpBleDevice *device);
gboolean smp_ble_device_offers_smp(SmpBluez *bluez, const char *path);
/* Whether it was heard in a scan that is on, or is connected. */
gboolean smp_ble_device_is_near(SmpBluez *bluez, const char *path);
const char *smp_ble_device_name(SmpBluez *bluez, const char *path);
/* Takes what BlueZ knows of the target already, near or not, where that is one. Returns: how many
 * there are; several are an error */
guint smp_ble_find_known(SmpBleDevice *device, GError **error);
/* Scans for it. After a first time it is that same board: by its address, or by its name where that
 * changed. */
gboolean smp_ble_find(SmpBleDevice *device, gint64 deadline,
		      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ble-connect.c */
/* Asks BlueZ. */
gboolean smp_ble_is_connected(SmpBleDevice *device);
/* Connects and finds the characteristic. */
gboolean smp_ble_connect(SmpBleDevice *device, gint64 deadline,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* One try, without looking what it offers. */
gboolean smp_ble_connect_only(SmpBleDevice *device, gint64 deadline,
			      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Forgets what BlueZ knows of a board, its bond included. */
gboolean smp_ble_remove(SmpBleDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Waits, for a while, until a connection is over that somebody ends. */
void smp_ble_await_end(SmpBleDevice *device);
void smp_ble_disconnect(SmpBleDevice *device);

/* ble-pair.c */
gboolean smp_ble_is_paired(SmpBleDevice *device);
gboolean smp_ble_pair_device(SmpBleDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ble-acquire.c */
/* Connects, and pairs so that the board lets us in: also where it is paired and that is not enough.
 * @was_paired: (out): nothing had to be done */
gboolean smp_ble_pair_well(SmpBleDevice *device, gint64 deadline, gboolean *was_paired,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Gets both descriptors, and pairs before where the board wants it. */
gboolean smp_ble_acquire(SmpBleDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Closes the descriptor of the notifications and gets a new one: the board forgets half a packet.
 */
gboolean smp_ble_renew(SmpBleDevice *device, GCancellable *cancellable,
		       GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_ble_release(SmpBleDevice *device);

G_END_DECLS

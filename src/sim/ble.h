/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/board.h"

#include <poll.h>

G_BEGIN_DECLS

/* Origins of requests: from here on they are centrals, each connection has another one. */
#define SIM_BLE_ORIGIN 0x10000

/* Descriptors that a SimBle has to wait for, at most. */
#define SIM_BLE_FDS 8

/* What a central must do before it may write and subscribe. */
typedef enum {
	SIM_BLE_OPEN,
	SIM_BLE_ENCRYPT,      /* pair; without anybody's confirmation will do */
	SIM_BLE_AUTHENTICATE, /* pair with the passkey that the board shows */
	SIM_BLE_COMPARE,      /* pair, and confirm that both show the same number; the board does */
} SimBleSecurity;

typedef struct {
	char *adapter; /* "hci1", "" the first one; NULL: not on Bluetooth */
	char *name;
	SimBleSecurity security;
	guint mtu; /* 0: that of the link */
	gboolean no_reassembly;
} SimBleOptions;

/* --ble and what belongs to it. */
GOptionGroup *sim_ble_option_group(SimBleOptions *options);
void sim_ble_options_clear(SimBleOptions *options);

/**
 * SimBle: the board as a Bluetooth LE peripheral: the SMP service and its advertisement, served by
 * bluetoothd. It uses the default main context, whose descriptors sim_ble_prepare() hands out.
 *
 * Prints BLE=ADDRESS each time it begins to advertise, PASSKEY=NUMBER when it shows one to pair.
 */
typedef struct SimBle SimBle;

SimBle *sim_ble_new(const SimBleOptions *options, SimBoard *board,
		    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sim_ble_free(SimBle *ble);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimBle, sim_ble_free)

/**
 * sim_ble_prepare:
 * @fds: (array): room for %SIM_BLE_FDS, is filled
 * @timeout: (out): µs until something is to be done, -1 never
 *
 * Returns: how many of @fds to wait for
 */
guint sim_ble_prepare(SimBle *ble, struct pollfd *fds, gint64 *timeout);
/* After the wait: requests go to the board. Returns: FALSE when bluetoothd is of no use any more */
gboolean sim_ble_dispatch(SimBle *ble, const struct pollfd *fds, guint n, gint64 now,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A board that resets or loses its link leaves its central, and advertises as soon as it can. */
void sim_ble_follow_board(SimBle *ble, gint64 now);
/* When to call that although nothing happened, -1 never. */
gint64 sim_ble_next_event(const SimBle *ble, gint64 now);

void sim_ble_send(SimBle *ble, const SimOutput *output);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/ble.h"
#include "sim/fragments.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BLUEZ "org.bluez"

struct SimBle {
	const SimBleOptions *options;
	SimBoard *board;
	const char *name;
	gint64 now;
	GDBusConnection *bus;
	char *adapter; /* its object path */
	char *address;
	char *alias; /* that the adapter had before */
	GError *failure;
	guint n_fds; /* of the main context; the notifications' is the next one */
	gint priority;

	/* advertising, and the change of it that bluetoothd has in hand */
	gboolean advertises, changing;
	guint losses; /* of the link, that have been dealt with */

	/* the connection */
	char *central;	  /* its object path; NULL: none */
	gboolean leaving; /* it is being ended */
	gboolean calm;	  /* the central has sent nothing for a while */
	guint leave_timer;
	guint origin;
	guint mtu;
	int notify; /* socket for notifications, -1: nobody has subscribed */
	SimFragments fragments;
	GQueue outgoing; /* of GBytes, one notification each */
};

/* ble-app.c: objects on the bus */
/* Returns: FALSE where bluetoothd will not have the service */
gboolean sim_ble_register(SimBle *ble, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sim_ble_change_advertising(SimBle *ble, gboolean on);
/* Sets what a central that is connected reads as the device's name; bluetoothd has one for each
 * adapter. */
void sim_ble_set_alias(SimBle *ble, const char *alias);
/* Waits for the answer, and serves the objects meanwhile. Returns: (transfer full) (nullable) */
GVariant *sim_ble_call(SimBle *ble, const char *path, const char *interface, const char *method,
		       GVariant *arguments, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ble-kernel.c */
/* Ends the connection now; both are object paths. Returns: FALSE where this is not root */
gboolean sim_ble_cut(const char *adapter, const char *central);

/* ble.c: what centrals do */
void sim_ble_written(SimBle *ble, const char *central, guint mtu, const guint8 *data, gsize size);
/* Returns: the end of the socket that bluetoothd reads, -1 if there is none */
int sim_ble_subscribed(SimBle *ble, const char *central, guint mtu);

G_END_DECLS

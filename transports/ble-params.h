/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connection parameters as the kernel's management interface has them (BlueZ doc/mgmt-api.txt). */

#include <gio/gio.h>

G_BEGIN_DECLS

/* What the kernel takes of one message: HCI_MAX_FRAME_SIZE less the header and the count. */
#define SMP_BLE_PARAMS_MOST 68

/**
 * SmpBleParams: those of one board.
 * @min, @max: the connection interval, in units of 1.25 ms
 * @latency: events that the board may skip
 * @timeout: until a silent connection is lost, in units of 10 ms
 */
typedef struct {
	char address[18];
	gboolean random;
	guint16 min;
	guint16 max;
	guint16 latency;
	guint16 timeout;
} SmpBleParams;

/* The command Load Connection Parameters for adapter @index. Those beyond %SMP_BLE_PARAMS_MOST are
 * left out. */
GByteArray *smp_ble_params_encode(guint16 index, const SmpBleParams *list, guint n);

/* Returns: FALSE where @event is no New Connection Parameter of adapter @index */
gboolean smp_ble_params_decode(const guint8 *event, gsize size, guint16 index,
			       SmpBleParams *params) G_GNUC_WARN_UNUSED_RESULT;

/* Whether @event is the answer to that command; the kernel's status then, 0 for success. */
gboolean smp_ble_params_is_answer(const guint8 *event, gsize size, guint16 index,
				  guint8 *status) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_ble_params_remembered:
 * @folder: BlueZ's of one adapter: "/var/lib/bluetooth/00:AA:01:00:00:00"
 *
 * Returns: (transfer full) (element-type SmpBleParams): what BlueZ loads when it starts; empty
 * where it cannot be read
 */
GArray *smp_ble_params_remembered(const char *folder);

/* Returns: (transfer full): "7.5 to 15 ms" */
char *smp_ble_params_interval(const SmpBleParams *params);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* `interval=fast`: a short connection interval, which BlueZ offers nobody over D-Bus, asked for
 * from the kernel's management interface. It takes CAP_NET_ADMIN. */

#include "transports/ble-params.h"

G_BEGIN_DECLS

typedef struct SmpBleInterval SmpBleInterval;

/* @adapter: "hci0"; @address: its address */
SmpBleInterval *smp_ble_interval_new(const char *adapter, const char *address,
				     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The board's interval is again what it was before. */
void smp_ble_interval_free(SmpBleInterval *interval);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBleInterval, smp_ble_interval_free)

/* From the next connection to the board on. */
gboolean smp_ble_interval_ask(SmpBleInterval *interval, const char *address, gboolean random,
			      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes what the kernel told meanwhile. */
void smp_ble_interval_update(SmpBleInterval *interval);

/* Returns: (transfer full): what was asked for, or what the board wanted since */
char *smp_ble_interval_describe(SmpBleInterval *interval);

G_END_DECLS

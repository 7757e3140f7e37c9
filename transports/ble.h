/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What scanning, pairing and forgetting need of a link. */

#include "transports/ble-device.h"

G_BEGIN_DECLS

/* Returns: (nullable): %NULL where @link is not one of Bluetooth */
SmpBleDevice *smp_ble_link_get_device(SmpLink *link);

/* Reaches BlueZ, without opening the link. */
gboolean smp_ble_link_begin(SmpLink *link, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The end of that. */
void smp_ble_link_leave(SmpLink *link);

G_END_DECLS

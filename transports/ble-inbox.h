/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Notifications become SMP packets: however they were cut, and with several in one. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct SmpBleInbox SmpBleInbox;

SmpBleInbox *smp_ble_inbox_new(void);
void smp_ble_inbox_free(SmpBleInbox *inbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBleInbox, smp_ble_inbox_free)

/* One notification as it came. One that cannot begin an answer, where one has to, is dropped. */
void smp_ble_inbox_feed(SmpBleInbox *inbox, const guint8 *data, gsize size);

/* Takes the next whole packet. Returns: FALSE where there is none */
gboolean smp_ble_inbox_take(SmpBleInbox *inbox, GByteArray *packet);

/* Whether a packet has begun and not ended. */
gboolean smp_ble_inbox_is_partial(const SmpBleInbox *inbox);

/* Drops a packet that has begun. */
void smp_ble_inbox_reset(SmpBleInbox *inbox);

G_END_DECLS

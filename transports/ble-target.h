/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `ble:` targets say, and which device is meant by one. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
	SMP_BLE_ADDRESS,
	SMP_BLE_NAME,
	SMP_BLE_PREFIX,
	SMP_BLE_ANY, /* the only one that offers SMP */
} SmpBleKind;

typedef enum {
	SMP_BLE_AUTO,
	SMP_BLE_YES,
	SMP_BLE_NO,
} SmpBleChoice;

/**
 * SmpBleTarget:
 * @text: the address in capitals, the name or the prefix; NULL for any
 * @adapter: (nullable): "hci1"
 * @address_type: (nullable): "public" or "random"
 * @own_address_type: (nullable): what the Go tool calls so; BlueZ decides
 * @connect_time: µs for finding and connecting
 * @pair: whether to pair: where the board wants it, at once, never
 * @reassembly: whether the server puts fragments together: asked, yes, no
 * @keep: leave the board connected in the end
 * @fast: ask for a short connection interval
 */
typedef struct {
	SmpBleKind kind;
	char *text;
	char *adapter;
	char *address_type;
	char *own_address_type;
	gint64 connect_time;
	SmpBleChoice pair;
	SmpBleChoice reassembly;
	gboolean keep;
	gboolean fast;
	gsize mtu;
} SmpBleTarget;

/* What stands between `ble:` and the options, and these. Sets %SMP_LINK_ERROR_ADDRESS. */
SmpBleTarget *smp_ble_target_new(const char *address, GHashTable *options,
				 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_ble_target_free(SmpBleTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBleTarget, smp_ble_target_free)

/* Returns: (transfer full): what was parsed, in the shortest form */
char *smp_ble_target_format(const SmpBleTarget *target, GHashTable *options);

/* Whether a name and an address are those of the target; either may be NULL. */
gboolean smp_ble_target_matches(const SmpBleTarget *target, const char *name, const char *address,
				const char *address_type);

/* Names come from the air: without what moves a terminal's cursor or turns the text round.
 * Returns: (transfer full) (nullable): %NULL for %NULL */
char *smp_ble_plain_name(const char *name);

/* Whether the first bits of a random address say that it is not kept: a private one (Bluetooth
 * Core, Vol 6 Part B 1.3.2). */
gboolean smp_ble_address_is_private(const char *address);

G_END_DECLS

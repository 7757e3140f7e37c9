/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/link.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* What is particular to boards on Bluetooth LE: scanning, pairing. In a build without Bluetooth the
 * functions here fail with %SMP_LINK_ERROR_UNSUPPORTED. */

/**
 * SmpBleBoard: a device that was heard or is connected.
 * @target: what names it: "ble:C0:11:22:33:44:55"
 * @random: its address is a random one
 * @name: (nullable): as it came from the air
 * @adapter: "hci0"
 * @rssi: dBm; 0 where it was not heard (it is connected)
 * @smp: it says that it offers SMP
 */
typedef struct {
	char *target;
	char *address;
	gboolean random;
	char *name;
	char *adapter;
	int rssi;
	gboolean smp;
	gboolean paired;
	gboolean connected;
} SmpBleBoard;

/**
 * smp_ble_scan:
 * @adapter: (nullable): "hci1"; the first that is switched on where %NULL
 * @timeout_ms: how long
 *
 * Returns: (transfer full) (element-type SmpBleBoard): those with SMP first, then by signal
 */
GPtrArray *smp_ble_scan(const char *adapter, guint timeout_ms, GCancellable *cancellable,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_ble_pair:
 * @link: a link to a `ble:` target, closed
 * @was_paired: (out): nothing had to be done
 *
 * Finds the board, connects and pairs. The bond is kept by BlueZ.
 */
gboolean smp_ble_pair(SmpLink *link, gboolean *was_paired,
		      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_ble_forget:
 * @link: a link to a `ble:` target, closed
 *
 * Removes the board and its bond from BlueZ. It need not be there.
 */
gboolean smp_ble_forget(SmpLink *link, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpPairingAbility: what the person at this computer can do while pairing.
 * @SMP_PAIRING_NOTHING: boards that want no more than "just works" can be paired with
 * @SMP_PAIRING_KEYBOARD: give a passkey that the board shows
 * @SMP_PAIRING_KEYBOARD_DISPLAY: also read one, and compare
 */
typedef enum {
	SMP_PAIRING_NOTHING,
	SMP_PAIRING_KEYBOARD,
	SMP_PAIRING_KEYBOARD_DISPLAY,
} SmpPairingAbility;

/**
 * SmpPairingQuestion:
 * @SMP_PAIRING_ENTER: the passkey that the board shows is wanted
 * @SMP_PAIRING_SHOW: the passkey has to be typed on the board
 * @SMP_PAIRING_CONFIRM: does the board show the same passkey?
 */
typedef enum {
	SMP_PAIRING_ENTER,
	SMP_PAIRING_SHOW,
	SMP_PAIRING_CONFIRM,
} SmpPairingQuestion;

/**
 * SmpPairingFunc:
 * @board: its name, fit for a terminal
 * @passkey: (inout): 0 to 999999; to be set for %SMP_PAIRING_ENTER
 *
 * Called in the thread of the link, which waits for it. Boards give up after 30 s.
 *
 * Returns: FALSE to reject
 */
typedef gboolean (*SmpPairingFunc)(SmpPairingQuestion question, const char *board, guint32 *passkey,
				   gpointer user_data);

/**
 * smp_link_set_pairing_func:
 * @func: (nullable): unless @ability is %SMP_PAIRING_NOTHING
 *
 * Who answers when a board wants to be paired. Without it only boards that ask nothing can be.
 */
void smp_link_set_pairing_func(SmpLink *link, SmpPairingAbility ability, SmpPairingFunc func,
			       gpointer user_data);

void smp_ble_board_free(SmpBleBoard *board);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBleBoard, smp_ble_board_free)

G_END_DECLS
#pragma GCC visibility pop

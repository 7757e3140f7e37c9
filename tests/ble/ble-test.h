/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests on the double share. */

#include "double.h"

#include <smp/smp.h>

G_BEGIN_DECLS

/* One board that is there and well. */
extern const DoubleBoard ble_test_board;

/* The simulated board behind: erases, boots and resets quickly. */
SimConfig ble_test_config(void);

/* Starts the double with one board. */
BluezDouble *ble_test_start(const DoubleBoard *board);

/* A link that is open, and a session on it. */
SmpLink *ble_test_open(const char *target);
SmpSession *ble_test_session(SmpLink *link);

/* The link cannot be opened: @code, and @part in the message. */
void ble_test_fails(const char *target, int code, const char *part);

/* An echo of @size bytes comes back. */
void ble_test_echo(SmpSession *session, gsize size);

/* Whether an echo comes back, and the error where not. */
gboolean ble_test_try_echo(SmpSession *session, gsize size, GError **error);

/* g_test_run() on a private bus, or a skip where there is no dbus-daemon. */
int ble_test_run(void);

/* The private bus. */
const char *ble_test_bus(void);

G_END_DECLS

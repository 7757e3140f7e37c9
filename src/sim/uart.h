/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/board.h"

G_BEGIN_DECLS

typedef enum {
	SIM_LINE_CONSOLE,
	SIM_LINE_SHELL, /* a Zephyr shell on the same line */
	SIM_LINE_RAW,
	SIM_LINE_COBS,
} SimLine;

/**
 * SimUart: the serial line's end on the board, without a clock as the board is.
 *
 * It is as strict as the servers are, and stricter than a client may be: what Zephyr's
 * uart_mcumgr.c, smp_shell.c and MCUboot's boot_serial.c drop is dropped without a word.
 */
typedef struct SimUart SimUart;

SimUart *sim_uart_new(SimBoard *board, SimLine line);
void sim_uart_free(SimUart *uart);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimUart, sim_uart_free)

/* Bytes that arrive at @now. */
void sim_uart_feed(SimUart *uart, const guint8 *data, gsize size, gint64 now);

/* When sim_uart_take() should be called, -1 never; counts the board's events in. */
gint64 sim_uart_next_event(SimUart *uart);

/* Appends what the board sent up to @now as bytes on the line. Answers to requests of another
 * origin than 0 stay with the caller: @other gets them (of SimOutput). */
void sim_uart_take(SimUart *uart, gint64 now, GByteArray *out, GPtrArray *other);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/uart.h"

#include "protocol/framing.h"

G_BEGIN_DECLS

struct SimUart {
	SimBoard *board;
	SimLine line;
	gint64 now;

	/* console and shell: the line in hand, lines that wait, the frame so far */
	GByteArray *input;
	gboolean ignoring; /* up to the next newline */
	GQueue lines;	   /* of GByteArray */
	gint64 drained;	   /* when the work queue took out the last line */
	GByteArray *frame;

	/* shell */
	guint8 marker; /* first byte of one that has begun */
	gboolean in_frame;
	GString *command;
	GByteArray *echo;

	/* raw */
	gint64 raw_since;
	gboolean raw_lost;

	SmpDecoder *cobs;
	guint frames;
	GRand *rand;
};

/* uart-line.c */
void sim_console_feed(SimUart *uart, guint8 byte);
void sim_console_drain(SimUart *uart, gint64 now);
gint64 sim_console_next_drain(const SimUart *uart);

/* uart-shell.c */
void sim_shell_feed(SimUart *uart, const guint8 *data, gsize size);

/* uart-raw.c */
void sim_raw_feed(SimUart *uart, const guint8 *data, gsize size);

/* uart-log.c: @packet as bytes, with what the log prints around and inside them */
void sim_uart_frame(SimUart *uart, const SimOutput *output, GByteArray *out);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SmpLinePace: the pauses between the lines of a packet, for servers that drop lines.
 *
 * Their default is a pool of two lines (CONFIG_UART_MCUMGR_RX_BUF_COUNT), which native_sim empties
 * every 10 ms. What is lost twice in a row is paced, and what is lost then, slower: but it may also
 * have met a server that was away for a moment. So after some packets that got through, one goes
 * without pauses, and where that gets through, too, all do. Packets of one line say nothing: they
 * get through where others are lost.
 * @least: µs that the user wants
 * @now: µs between two lines; the rest is its own
 */
typedef struct {
	gint64 least;
	gint64 now;
	gboolean lines[256];   /* by sequence number: it has several */
	gboolean unpaced[256]; /* and went out with @least */
	gboolean sent_lines;   /* one went out since the last answer */
	guint lost;	       /* times without an answer in a row */
	guint good;	       /* answered since the last without pauses */
	guint trial_after;     /* so many, one goes without */
} SmpLinePace;

void smp_line_pace_init(SmpLinePace *pace, gint64 least);

/* The port was opened anew. */
void smp_line_pace_begin(SmpLinePace *pace);

/* A packet is to be sent. @lines: it has several. Returns: µs between them */
gint64 smp_line_pace_send(SmpLinePace *pace, guint8 sequence, gboolean lines);

void smp_line_pace_answered(SmpLinePace *pace, guint8 sequence);

/* What was sent last was not answered in time. */
void smp_line_pace_lost(SmpLinePace *pace);

G_END_DECLS

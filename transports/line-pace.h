/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SMP_LINE_PACE_FLYING 16

/* Lines for which servers have room (CONFIG_UART_MCUMGR_RX_BUF_COUNT is 2 by default). */
#define SMP_LINE_POOL 2

/**
 * SmpLinePace: the pauses between the lines of a packet, for servers that drop lines: those whose
 * pool of lines is full (Zephyr uart_mcumgr.c).
 *
 * A server that empties it late, as native_sim does every 10 ms, loses each packet. What is lost
 * twice in a row is paced, and what is lost then, slower: but it may also have met a server that
 * was away for a moment. So after some packets that got through, one goes without pauses, and where
 * that gets through, too, all do. Packets of one line say nothing: they get through where others
 * are lost.
 *
 * A server that empties it between two packets loses what comes while it writes to its flash. Where
 * packets were lost behind others, what does not fit its pool is held back until the packet before
 * was answered, or for a while; how long is learned.
 * @least: µs that the user wants
 * @now: µs between two lines; the rest is its own
 */
typedef struct {
	gint64 least;
	gint64 now;
	gboolean lines[256];		     /* by sequence number: it has several */
	gboolean unpaced[256];		     /* and went out with @least */
	gboolean sent_lines;		     /* one went out since the last answer */
	guint lost;			     /* times without an answer in a row */
	guint good;			     /* answered since the last without pauses */
	guint trial_after;		     /* so many, one goes without */
	guint8 flying[SMP_LINE_PACE_FLYING]; /* of several lines and not answered, oldest first */
	guint n_flying;
	gint64 hold;
	guint kept; /* answered since @hold changed */
} SmpLinePace;

void smp_line_pace_init(SmpLinePace *pace, gint64 least);

/* The port was opened anew. */
void smp_line_pace_begin(SmpLinePace *pace);

/* A packet is to be sent. @lines: it has several. Returns: µs between them */
gint64 smp_line_pace_send(SmpLinePace *pace, guint8 sequence, gboolean lines);

/* Returns: µs, from when the packet before has left, for which those lines of the one just sent are
 * held back that may not fit the pool; 0 where none are */
gint64 smp_line_pace_get_hold(const SmpLinePace *pace);

void smp_line_pace_answered(SmpLinePace *pace, guint8 sequence);

/* What was sent last was not answered in time. */
void smp_line_pace_lost(SmpLinePace *pace);

G_END_DECLS

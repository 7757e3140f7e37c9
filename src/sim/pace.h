/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SimLane: one direction of a serial line that takes its time.
 *
 * A byte is through 10 bit times after the one before it. With a latency the far end's adapter
 * hands bytes on as FTDI's do: when 62 of them are there, or that long after the first.
 */
typedef struct {
	gint64 byte_ns; /* 0: no time at all */
	gint64 latency; /* µs */
	gint64 free_ns; /* when the byte before the first one in @line was through */
	gint64 held_since;
	GByteArray *line;
	GByteArray *held;
} SimLane;

void sim_lane_init(SimLane *lane, guint baud, gint64 latency);
void sim_lane_clear(SimLane *lane);
/* Forgets what is under way. */
void sim_lane_reset(SimLane *lane);
void sim_lane_push(SimLane *lane, const guint8 *data, gsize size, gint64 now);
/* Appends the bytes that are through at @now. */
void sim_lane_take(SimLane *lane, gint64 now, GByteArray *out);
/* When sim_lane_take() should be called, -1 never. */
gint64 sim_lane_next(const SimLane *lane);

G_END_DECLS

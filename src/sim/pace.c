/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/pace.h"

/* Bytes in a USB packet of an FTDI chip, besides its two status bytes. */
#define CHUNK 62

/* Bytes are handed on in groups that take this long, so that a fast line needs no wake-up for each
 * of them; the last byte of a message comes in its own time. */
#define GROUP_NS (500 * 1000)

void sim_lane_init(SimLane *lane, guint baud, gint64 latency)
{
	*lane = (SimLane){
		.byte_ns = baud ? (gint64)10 * 1000000000 / baud : 0,
		.latency = latency,
		.line = g_byte_array_new(),
		.held = g_byte_array_new(),
	};
}

void sim_lane_clear(SimLane *lane)
{
	g_clear_pointer(&lane->line, g_byte_array_unref);
	g_clear_pointer(&lane->held, g_byte_array_unref);
}

void sim_lane_reset(SimLane *lane)
{
	g_byte_array_set_size(lane->line, 0);
	g_byte_array_set_size(lane->held, 0);
}

void sim_lane_push(SimLane *lane, const guint8 *data, gsize size, gint64 now)
{
	if (lane->line->len == 0)
		lane->free_ns = MAX(lane->free_ns, now * 1000);
	g_byte_array_append(lane->line, data, (guint)size);
}

/* Moves what is through from the line to the adapter. */
static void run_line(SimLane *lane, gint64 now)
{
	gsize n = lane->line->len;

	if (lane->byte_ns && n > 0)
		n = (gsize)CLAMP((now * 1000 - lane->free_ns) / lane->byte_ns, 0, (gint64)n);
	if (n == 0)
		return;
	if (lane->held->len == 0)
		lane->held_since = (lane->free_ns + lane->byte_ns) / 1000;
	g_byte_array_append(lane->held, lane->line->data, (guint)n);
	g_byte_array_remove_range(lane->line, 0, (guint)n);
	lane->free_ns += (gint64)n * lane->byte_ns;
}

void sim_lane_take(SimLane *lane, gint64 now, GByteArray *out)
{
	run_line(lane, now);
	guint n = lane->held->len;
	if (lane->latency && now - lane->held_since < lane->latency)
		n -= n % CHUNK;
	if (n == 0)
		return;
	g_byte_array_append(out, lane->held->data, n);
	g_byte_array_remove_range(lane->held, 0, n);
	lane->held_since = now;
}

gint64 sim_lane_next(const SimLane *lane)
{
	gint64 next = -1;

	if (lane->line->len > 0) {
		gint64 group = lane->byte_ns ? MAX(1, GROUP_NS / lane->byte_ns) : 1;
		gint64 bytes = MIN((gint64)lane->line->len, group);
		next = (lane->free_ns + bytes * lane->byte_ns + 999) / 1000;
	}
	if (lane->held->len > 0) {
		gint64 due = lane->held_since + lane->latency;
		next = next < 0 ? due : MIN(next, due);
	}
	return next;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/line-pace.h"

#include <string.h>

#define FIRST_PACE (10 * G_TIME_SPAN_MILLISECOND)
#define LAST_PACE  (20 * G_TIME_SPAN_MILLISECOND)

/* A server that needs the pauses pays for each trial with a lost packet. */
#define FIRST_TRIAL 4
#define LAST_TRIAL  1024

/* A write of half a kilobyte to flash takes about the first. */
#define FIRST_HOLD (4 * G_TIME_SPAN_MILLISECOND)
#define LAST_HOLD  (32 * G_TIME_SPAN_MILLISECOND)
#define RELAX	   64

void smp_line_pace_init(SmpLinePace *pace, gint64 least)
{
	*pace = (SmpLinePace){.least = least, .now = least, .trial_after = FIRST_TRIAL};
}

void smp_line_pace_begin(SmpLinePace *pace)
{
	pace->lost = 0;
	pace->sent_lines = FALSE;
	pace->n_flying = 0;
}

static void drop(SmpLinePace *pace, guint n)
{
	pace->n_flying -= n;
	memmove(pace->flying, pace->flying + n, pace->n_flying);
}

static void hold_longer(SmpLinePace *pace)
{
	pace->hold = CLAMP(2 * pace->hold, FIRST_HOLD, LAST_HOLD);
	pace->kept = 0;
}

/* Servers answer in order: those before it are lost. */
static void land(SmpLinePace *pace, guint8 sequence)
{
	const guint8 *at = memchr(pace->flying, sequence, pace->n_flying);

	if (!at)
		return;
	if (at != pace->flying)
		hold_longer(pace);
	drop(pace, (guint)(at - pace->flying) + 1);
	if (++pace->kept < RELAX)
		return;
	pace->hold -= pace->hold / 4;
	pace->kept = 0;
}

gint64 smp_line_pace_send(SmpLinePace *pace, guint8 sequence, gboolean lines)
{
	gboolean trial = lines && pace->now > pace->least && pace->good >= pace->trial_after;

	if (trial) {
		pace->good = 0;
		pace->trial_after = MIN(2 * pace->trial_after, LAST_TRIAL);
	}
	pace->lines[sequence] = lines;
	pace->unpaced[sequence] = trial || pace->now == pace->least;
	pace->sent_lines |= lines;
	if (lines && pace->n_flying == SMP_LINE_PACE_FLYING)
		drop(pace, 1);
	if (lines)
		pace->flying[pace->n_flying++] = sequence;
	return trial ? pace->least : pace->now;
}

gint64 smp_line_pace_get_hold(const SmpLinePace *pace)
{
	return pace->n_flying > 1 ? pace->hold : 0;
}

void smp_line_pace_answered(SmpLinePace *pace, guint8 sequence)
{
	land(pace, sequence);
	if (!pace->lines[sequence])
		return;
	/* Its server was busy or away, not short of buffers. */
	if (pace->unpaced[sequence])
		pace->now = pace->least;
	pace->lines[sequence] = FALSE;
	pace->good++;
	pace->lost = 0;
	pace->sent_lines = FALSE;
}

void smp_line_pace_lost(SmpLinePace *pace)
{
	pace->n_flying = 0;
	if (!pace->sent_lines || ++pace->lost < 2)
		return;
	pace->now = MAX(pace->now, MIN(MAX(pace->now * 2, FIRST_PACE), LAST_PACE));
	pace->good = 0;
}

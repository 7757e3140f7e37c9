/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/line-pace.h"

#define FIRST_PACE (10 * G_TIME_SPAN_MILLISECOND)
#define LAST_PACE  (20 * G_TIME_SPAN_MILLISECOND)

/* A server that needs the pauses pays for each trial with a lost packet. */
#define FIRST_TRIAL 4
#define LAST_TRIAL  1024

void smp_line_pace_init(SmpLinePace *pace, gint64 least)
{
	*pace = (SmpLinePace){.least = least, .now = least, .trial_after = FIRST_TRIAL};
}

void smp_line_pace_begin(SmpLinePace *pace)
{
	pace->lost = 0;
	pace->sent_lines = FALSE;
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
	return trial ? pace->least : pace->now;
}

void smp_line_pace_answered(SmpLinePace *pace, guint8 sequence)
{
	if (!pace->lines[sequence])
		return;
	/* Its server was busy or away, not short of buffers. */
	if (pace->unpaced[sequence])
		pace->now = pace->least;
	pace->lines[sequence] = FALSE;
	pace->good++;
	smp_line_pace_begin(pace);
}

void smp_line_pace_lost(SmpLinePace *pace)
{
	if (!pace->sent_lines || ++pace->lost < 2)
		return;
	pace->now = MAX(pace->now, MIN(MAX(pace->now * 2, FIRST_PACE), LAST_PACE));
	pace->good = 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/update.h>

#include "session/session.h"

/* After its answer to the reset the old application still answers for about 250 ms, and a
 * bootloader with a wait-for-DFU window (500 ms by default) stays in recovery when it hears any
 * request. So nothing is sent for so long. */
#define QUIET (1000 * G_TIME_SPAN_MILLISECOND)

/* Long enough to be asked as SMP version 1, too: MCUboot's recovery before 2.0 knows no other. */
#define PROBE_TIMEOUT_MS 1000
#define PROBE_INTERVAL	 (250 * G_TIME_SPAN_MILLISECOND)

/* A tty that has just come back belongs to udev, or to a program that tries every modem, for a
 * while. */
static gboolean is_taken(const GError *error)
{
	return g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY) ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION);
}

static gboolean is_away(const GError *error)
{
	return smp_error_is_link_lost(error) ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND);
}

/* Listens without a word until @until, so that a link that breaks is seen and console text is
 * taken. What comes is an answer to nothing. */
static gboolean listen_quietly(SmpSession *session, gint64 until, gboolean *closed, GError **error)
{
	g_autoptr(GError) local = NULL;
	guint8 sequence;

	smp_session_reset(session);
	while (!local)
		smp_response_free(smp_session_receive(session, until, &sequence, &local));
	*closed = g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	if (is_away(local))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

/* One small request that every server answers, recovery too. The link is opened anew only where it
 * broke: opening a tty raises DTR, which resets some boards. */
static gboolean probe(SmpSession *session, gint64 deadline, gboolean *closed, GError **error)
{
	SmpParams params;
	guint timeout = smp_session_get_timeout(session);

	smp_session_reset(session);
	if (*closed && !smp_session_reconnect(session, deadline, error))
		return FALSE;
	*closed = FALSE;
	smp_session_set_timeout(session, PROBE_TIMEOUT_MS);
	gboolean alive = smp_session_get_params(session, &params, error);
	smp_session_set_timeout(session, timeout);
	return alive;
}

gboolean smp_wait_for_board(SmpSession *session, guint boot_timeout_ms,
			    void (*progress)(gint64 elapsed, gpointer user_data),
			    gpointer user_data, GError **error)
{
	SmpLink *link = smp_session_get_link(session);
	gint64 start = smp_link_now(link);
	gint64 deadline = start + boot_timeout_ms * G_TIME_SPAN_MILLISECOND;
	gboolean closed;

	if (!listen_quietly(session, start + QUIET, &closed, error))
		return FALSE;
	for (;;) {
		g_autoptr(GError) local = NULL;
		gint64 now = smp_link_now(link);
		if (progress)
			progress(now - start, user_data);
		/* A short while for each try, so that the caller hears of it. */
		if (probe(session, MIN(now + G_TIME_SPAN_SECOND, deadline), &closed, &local))
			return TRUE;
		gboolean late = smp_link_now(link) >= deadline;
		if (!is_away(local) && (late || !is_taken(local))) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		closed |= g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
		if (late) {
			g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT,
				    "the board did not come back within %u s; give it more "
				    "time, then see whether it answers `smpctl status` and what "
				    "it writes on its console",
				    boot_timeout_ms / 1000);
			return FALSE;
		}
		if (!smp_link_sleep(link, smp_link_now(link) + PROBE_INTERVAL, error))
			return FALSE;
	}
}

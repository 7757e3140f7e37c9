/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/reconnect.h"

#include <smp/error.h>

#define RECONNECT_MS 60000
#define PAUSE	     (250 * G_TIME_SPAN_MILLISECOND)

/* A board that boots answers late and may take the link away once more. */
static gboolean may_pass(const GError *error)
{
	return g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED) ||
	       g_error_matches(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
}

gboolean smp_reconnect(SmpSession *session, const SmpUploadOptions *options,
		       const SmpReconnect *reconnect, gpointer context, GError **error)
{
	SmpLink *link = smp_session_get_link(session);
	guint ms = options && options->reconnect_ms ? options->reconnect_ms : RECONNECT_MS;
	gint64 deadline = smp_link_now(link) + ms * G_TIME_SPAN_MILLISECOND;
	g_autofree char *waiting = g_strdup_printf("connection lost; looking for %s (up to %u s)",
						   smp_link_get_target(link), ms / 1000);

	reconnect->tell(context, waiting);
	for (;;) {
		g_autoptr(GError) local = NULL;
		if (smp_session_reconnect(session, deadline, &local) &&
		    reconnect->resume(context, &local))
			return TRUE;
		if (smp_link_now(link) >= deadline || !may_pass(local)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		if (!smp_link_sleep(link, smp_link_now(link) + PAUSE, error))
			return FALSE;
	}
}

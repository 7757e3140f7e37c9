/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>
#include <smp/upload.h>

G_BEGIN_DECLS

/**
 * SmpReconnect: what a transfer has to do with a connection that was lost.
 * @tell: tells its listener what is waited for
 * @resume: learns what it must know to go on, from a board that may have started anew
 */
typedef struct {
	void (*tell)(gpointer context, const char *waiting);
	gboolean (*resume)(gpointer context, GError **error);
} SmpReconnect;

/* Waits for the board to come back and to answer, as long as @options (nullable) allow. */
gboolean smp_reconnect(SmpSession *session, const SmpUploadOptions *options,
		       const SmpReconnect *reconnect, gpointer context,
		       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/configuration.h"

#include <smp/session.h>

G_BEGIN_DECLS

/**
 * smpd_health_check:
 *
 * Runs the command of @rules, which finds the port free, and opens the link again. In a thread.
 *
 * Returns: FALSE with what is wrong with the new image, or %G_IO_ERROR_CANCELLED
 */
gboolean smpd_health_check(SmpSession *session, const SmpdRules *rules, const char *device,
			   const char *version, GCancellable *cancellable,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The shell group (9). Facts: Zephyr smp_group_9.rst, grp/shell_mgmt. */

/**
 * smp_shell_execute:
 * @arguments: joined with blanks by the board
 * @timeout_ms: the command blocks the server as long as it runs; 0 for the session's
 * @status: (out): what the command returned: 0 or a negative errno
 *
 * Returns: (transfer full): what it printed; cut by the board where its buffer is too small
 */
char *smp_shell_execute(SmpSession *session, const char *const *arguments, guint timeout_ms,
			gint64 *status, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

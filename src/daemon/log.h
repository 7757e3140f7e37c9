/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <syslog.h>

G_BEGIN_DECLS

/* From now on all messages go by level and target. */
void smpd_log_init(void);

/* syslog's names, "emerg" to "debug"; "info" at first, "debug" with $G_MESSAGES_DEBUG. Returns:
 * FALSE where @name is none of them */
gboolean smpd_log_set_level(const char *name) G_GNUC_WARN_UNUSED_RESULT;
const char *smpd_log_get_level(void);

/* "journal", "console" (standard error), "null", or "auto", which it is at first: the journal where
 * standard error leads there, otherwise the console. Returns: FALSE where @name is none of them */
gboolean smpd_log_set_target(const char *name) G_GNUC_WARN_UNUSED_RESULT;
/* Never "auto". */
const char *smpd_log_get_target(void);

/**
 * smpd_log_event:
 * @priority: syslog's: LOG_INFO…
 * @message_id: one of names.h
 * @device, @job: (nullable): what it is about
 *
 * An entry in the journal that programs can look for and `journalctl -x` explains.
 */
void smpd_log_event(int priority, const char *message_id, const char *device, const char *job,
		    const char *format, ...) G_GNUC_PRINTF(5, 6);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <syslog.h>

G_BEGIN_DECLS

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

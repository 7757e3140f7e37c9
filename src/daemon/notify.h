/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Tells systemd "READY=1", "STATUS=…"; nothing where it does not listen (sd_notify(3)). */
void smpd_notify(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Pats systemd's watchdog from the main context, twice in each of its intervals. */
void smpd_notify_watchdog(void);

G_END_DECLS

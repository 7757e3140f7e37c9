/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/daemon.h"

G_BEGIN_DECLS

/* Puts org.freedesktop.LogControl1 on the bus: `systemctl service-log-level smpd debug`. */
void smpd_log_control_export(SmpdDaemon *daemon);

G_END_DECLS

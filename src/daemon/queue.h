/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which jobs run: as many at once as may, the oldest first. */

#include "daemon/daemon.h"

G_BEGIN_DECLS

/* Starts what may start. */
void smpd_queue_run(SmpdDaemon *daemon);

/* A job was interrupted: it is tried again after a while, or when its board comes back. */
void smpd_queue_later(SmpdJob *job);
void smpd_queue_soon(SmpdJob *job);

/* Forgets the oldest of the jobs that have ended, where there are too many. */
void smpd_queue_trim(SmpdDaemon *daemon);

G_END_DECLS

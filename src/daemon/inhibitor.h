/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keeps logind from shutting down while a board swaps images: to be interrupted there costs more
 * than a few seconds. Only delayed: to block is not for a user without a session by default
 * (org.freedesktop.login1.inhibit-block-shutdown), and InhibitDelayMaxSec bounds it. */

#include "daemon/daemon.h"

G_BEGIN_DECLS

SmpdInhibitor *smpd_inhibitor_new(GDBusConnection *bus);
void smpd_inhibitor_free(SmpdInhibitor *inhibitor);

/* @job is, or is not, in such a step. */
void smpd_inhibitor_hold(SmpdInhibitor *inhibitor, SmpdJob *job, gboolean hold);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Serial ports that come and go. Only those that a target matches, or that udev marks with ID_SMP,
 * are ever opened. */

#include "daemon/daemon.h"

G_BEGIN_DECLS

SmpdHotplug *smpd_hotplug_new(SmpdDaemon *daemon);
void smpd_hotplug_free(SmpdHotplug *hotplug);

/* Looks at all ports: at the start, after a change of the configuration, and when asked to. */
void smpd_hotplug_scan(SmpdHotplug *hotplug);

G_END_DECLS

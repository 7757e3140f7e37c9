/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Compares what runs with what should, and begins updates. */

#include "daemon/device.h"

G_BEGIN_DECLS

/* Something about the device has changed. */
void smpd_supervise(SmpdDevice *device);
void smpd_supervise_all(SmpdDaemon *daemon);

/* Policy keeps its hands off what it wants: somebody decided otherwise. */
void smpd_supervise_hold(SmpdDevice *device, const char *why);
/* What it held against its firmware is forgotten. */
void smpd_supervise_retry(SmpdDevice *device);

G_END_DECLS

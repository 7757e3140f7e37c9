/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/daemon.h"

G_BEGIN_DECLS

/* org.smpd1.Manager on the root object. */
void smpd_manager_connect(SmpdDaemon *daemon);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/server.h"

G_BEGIN_DECLS

/* The values of a board that starts: defaults, and what was saved. */
void sim_settings_start(SimBoard *board);
/* What was saved is the value again. */
void sim_settings_load(SimBoard *board);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/server.h"

G_BEGIN_DECLS

/* What was written to the open file since it was opened is lost. */
void sim_files_forget(SimBoard *board);
/* Closes a file that nobody used for some seconds. */
void sim_files_idle(SimBoard *board, gint64 now);

G_END_DECLS

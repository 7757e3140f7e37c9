/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/internal.h"

G_BEGIN_DECLS

/* The counters of the application. They are in RAM, so a reset ends them; but a demonstration goes
 * on where smpsim ended, so they are stored whenever they are told, and at the end. */

/* The application starts: they are what is stored, else 0. */
void sim_statistics_start(SimBoard *board);
/* Stores them if the application runs. */
void sim_statistics_keep(SimBoard *board);
void sim_statistics_lose(SimBoard *board);

/* For how long the application runs. */
guint64 sim_statistics_seconds(const SimBoard *board);
guint64 sim_statistics_flash_calls(const SimBoard *board);

G_END_DECLS

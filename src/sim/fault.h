/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/board-config.h"

G_BEGIN_DECLS

/**
 * sim_fault_find:
 *
 * Returns: (nullable): the fault of that kind which strikes at number @at
 */
const SimFault *sim_fault_find(const SimConfig *config, SimFaultKind kind, guint64 at);

G_END_DECLS

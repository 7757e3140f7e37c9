/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kinds of updates that the sweep goes through. */

#include "sim/board-config.h"

#include <smp/plan.h>

G_BEGIN_DECLS

/* What has to come of an update when nothing goes wrong. */
typedef enum {
	GOAL_UPDATED,
	GOAL_ON_TRIAL,
	GOAL_UPLOADED,
	GOAL_ROLLED_BACK,
	GOAL_STUCK, /* the new image runs, is not well, and cannot be undone */
} Goal;

/**
 * Scenario:
 * @board: of sim_config_board()
 * @adjust: (nullable): what is different about it
 * @images: how many the update has, from 0 on
 * @vanishes: see #SimPeer
 * @unwell: the health check fails
 */
typedef struct {
	const char *name;
	const char *board;
	void (*adjust)(SimConfig *config);
	guint images;
	gboolean vanishes;
	gboolean unwell;
	SmpPolicy policy;
	Goal goal;
} Scenario;

extern const Scenario scenarios[];
extern const guint n_scenarios;

/* Returns: (nullable) */
const Scenario *scenario_find(const char *name);

#define OLD_VERSION "1.0.0"
#define NEW_VERSION "1.1.0"

/* The board of the scenario: small, so that there are few places to cut. */
void scenario_config(const Scenario *scenario, SimConfig *config);
/* Whether what was installed on trial comes undone by itself. */
gboolean scenario_reverts(const Scenario *scenario);

G_END_DECLS

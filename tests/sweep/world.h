/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One board, one update of it, and what goes wrong: run as often as it takes, and compared with
 * what the board knows of itself. */

#include "scenario.h"
#include "sim-peer.h"

#include <smp/update.h>

G_BEGIN_DECLS

typedef enum {
	FAULT_LOSE_REQUEST,
	FAULT_LOSE_REPLY,
	FAULT_CUT_SHORT, /* 0.1 s */
	FAULT_CUT,	 /* 20 s, longer than any answer is waited for */
	FAULT_CUT_LONG,	 /* longer than any deadline */
	FAULT_RESET,
	FAULT_POWER_CUT,
	FAULT_POWER_CUT_AT_WRITE, /* of the flash, MCUboot's included */
	FAULT_KILL_BEFORE,	  /* the request is sent */
	FAULT_KILL_AFTER,
	FAULT_KILL_BEFORE_WRITE, /* of the journal */
	FAULT_KILL_AFTER_WRITE,
	FAULT_FAIL_WRITE, /* as on a full disk */
	N_FAULTS,
	FAULT_NONE,
} FaultKind;

const char *fault_name(FaultKind kind);

typedef struct {
	FaultKind kind;
	guint64 at; /* 1 is the first */
} Fault;

/**
 * Truth: what the board knows of itself.
 * @old, @new: which image runs; of all images of the update
 * @mixed: some images run old and some new
 * @confirmed: what runs stays
 * @stored: the new image is in a slot, or on its way
 */
typedef struct {
	SimState state;
	gboolean old, new, mixed, confirmed, stored;
} Truth;

/**
 * Outcome: what one run of the client said.
 * @result: (nullable): %NULL where it was killed or saw no board
 * @flash_before, @flash_after: operations; @busy: still with those of the client before
 * @state: what it said of the board's state then
 */
typedef struct {
	SmpUpdateResult *result;
	GError *error;
	char *state;
	gboolean killed;
	gint64 duration;
	guint64 flash_before, flash_after;
	gboolean busy;
	Truth truth; /* when it said so */
} Outcome;

void outcome_clear(Outcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

/**
 * World:
 * @writes: of the journal so far
 * @lie: (nullable): the first confirmation that should never have been sent
 */
typedef struct {
	const Scenario *scenario;
	SimConfig config;
	SimPeer peer;
	char *folder; /* of files and journal */
	Fault faults[2];
	guint64 writes;
	char *lie;
	SmpHash old[SIM_MAX_IMAGES], new[SIM_MAX_IMAGES];
} World;

/* The folder has to be empty but for what an earlier world left. */
void world_init(World *world, const Scenario *scenario, const char *folder, const Fault *faults,
		guint n_faults);
void world_clear(World *world);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(World, world_clear)

/* The next run is killed at its @at-th request or write. */
void world_kill(World *world, FaultKind kind, guint64 at);
/* One run of one client from beginning to end, everything opened anew. */
void world_run(World *world, Outcome *outcome);
/* What the board is like once it has come to rest. */
void world_look(World *world, Truth *truth);

/* Returns: (transfer full) (nullable): what is wrong about what the client said */
char *world_check(World *world, const Outcome *outcome);
/* Whether the update has come to what the scenario wants. */
gboolean world_at_goal(World *world, const Outcome *outcome);
char *outcome_text(const Outcome *outcome);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The images that the tests of the planner let a board have, and what every step has to be. */

#include "tests/lib/boot-model.h"

#include <smp/plan.h>

/* The images that play: what ran before, what is to run, something else. */
enum {
	OLD,
	NEW,
	THIRD,
	N_PLAYERS,
};

extern SmpVersion versions[N_PLAYERS];

SmpHash hash_of(guint player, guint image);

BootSlot content_of(guint player, guint image);

/* Images of the wanted version with the wanted hashes. */
SmpBundle *make_bundle(guint images, const SmpVersion *version);

/* What every step has to be, whatever was seen. */
void check_step(const SmpPlanStep *step, const SmpBoard *board, const SmpBundle *bundle);

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "scenario.h"

#include <string.h>

static void swap_move(SimConfig *config)
{
	config->mode = SIM_MODE_SWAP_MOVE;
}

static void swap_scratch(SimConfig *config)
{
	config->mode = SIM_MODE_SWAP_SCRATCH;
}

/* Confirms only what runs: CONFIG_MCUMGR_GRP_IMG_ALLOW_CONFIRM_NON_ACTIVE_SLOT=n. */
static void active_only(SimConfig *config)
{
	config->confirm_active_only = TRUE;
}

static void old_bootloader_info(SimConfig *config)
{
	config->bootloader_info = FALSE;
}

/* Starts, never answers, and is reset by its watchdog. */
static void crashing(SimConfig *config)
{
	config->bad_image[config->n_bad_image++] = NEW_VERSION;
}

static void two_images(SimConfig *config)
{
	config->images = 2;
	config->buf_size = 1024; /* holds a list of four */
	config->confirm_any_image = TRUE;
}

static void two_images_overwrite(SimConfig *config)
{
	two_images(config);
	config->mode = SIM_MODE_OVERWRITE;
}

static void with_recovery(SimConfig *config)
{
	config->recovery = TRUE;
}

static void old_recovery(SimConfig *config)
{
	config->recovery_old = TRUE;
	config->recovery_erases_slot = FALSE;
}

static void with_old_recovery(SimConfig *config)
{
	config->recovery = TRUE;
	old_recovery(config);
}

static void plain_directxip(SimConfig *config)
{
	config->mode = SIM_MODE_DIRECT_XIP;
}

#define PLAIN                                                                                      \
	{                                                                                          \
		.mode = SMP_UPDATE_TEST_AND_CONFIRM, .stop_before = SMP_ACTION_END                 \
	}
#define MODE(m)                                                                                    \
	{                                                                                          \
		.mode = (m), .stop_before = SMP_ACTION_END                                         \
	}
#define ALLOW(m)                                                                                   \
	{                                                                                          \
		.mode = (m), .allow = SMP_INTERLOCK_NO_REVERT, .stop_before = SMP_ACTION_END       \
	}
#define HEALTH(a)                                                                                  \
	{                                                                                          \
		.mode = SMP_UPDATE_TEST_AND_CONFIRM, .allow = (a), .health_check = TRUE,           \
		.stop_before = SMP_ACTION_END                                                      \
	}
#define VIA_RECOVERY                                                                               \
	{                                                                                          \
		.mode = SMP_UPDATE_TEST_AND_CONFIRM, .via_recovery = TRUE,                         \
		.stop_before = SMP_ACTION_END                                                      \
	}

const Scenario scenarios[] = {
	{"swap", "swap", NULL, 1, FALSE, FALSE, PLAIN, GOAL_UPDATED},
	{"swap-usb", "swap", NULL, 1, TRUE, FALSE, PLAIN, GOAL_UPDATED},
	{"swap-scratch", "swap", swap_scratch, 1, FALSE, FALSE, PLAIN, GOAL_UPDATED},
	{"swap-move", "swap", swap_move, 1, TRUE, FALSE, PLAIN, GOAL_UPDATED},
	{"swap-unknown", "swap", old_bootloader_info, 1, FALSE, FALSE, PLAIN, GOAL_UPDATED},
	{"swap-old", "old", NULL, 1, FALSE, FALSE, PLAIN, GOAL_UPDATED},
	{"swap-crashing", "swap", crashing, 1, FALSE, FALSE, PLAIN, GOAL_ROLLED_BACK},
	{"well", "swap", NULL, 1, FALSE, FALSE, HEALTH(0), GOAL_UPDATED},
	{"unwell", "swap", NULL, 1, FALSE, TRUE, HEALTH(0), GOAL_ROLLED_BACK},
	{"unwell-usb", "swap", NULL, 1, TRUE, TRUE, HEALTH(0), GOAL_ROLLED_BACK},
	{"confirm", "swap", NULL, 1, FALSE, FALSE, MODE(SMP_UPDATE_CONFIRM), GOAL_UPDATED},
	{"confirm-denied", "swap", active_only, 1, FALSE, FALSE, MODE(SMP_UPDATE_CONFIRM),
	 GOAL_UPDATED},
	{"test-only", "swap", NULL, 1, FALSE, FALSE, MODE(SMP_UPDATE_TEST_ONLY), GOAL_ON_TRIAL},
	{"upload-only", "swap", NULL, 1, FALSE, FALSE, MODE(SMP_UPDATE_UPLOAD_ONLY), GOAL_UPLOADED},
	{"overwrite", "overwrite", NULL, 1, FALSE, FALSE, ALLOW(SMP_UPDATE_TEST_AND_CONFIRM),
	 GOAL_UPDATED},
	{"overwrite-confirm", "overwrite", NULL, 1, TRUE, FALSE, ALLOW(SMP_UPDATE_CONFIRM),
	 GOAL_UPDATED},
	{"overwrite-unwell", "overwrite", NULL, 1, FALSE, TRUE, HEALTH(SMP_INTERLOCK_NO_REVERT),
	 GOAL_STUCK},
	{"two", "swap", two_images, 2, FALSE, FALSE, PLAIN, GOAL_UPDATED},
	{"two-unwell", "swap", two_images, 2, FALSE, TRUE, HEALTH(0), GOAL_ROLLED_BACK},
	{"two-confirm", "swap", two_images, 2, TRUE, FALSE, MODE(SMP_UPDATE_CONFIRM), GOAL_UPDATED},
	{"two-overwrite", "swap", two_images_overwrite, 2, FALSE, FALSE,
	 ALLOW(SMP_UPDATE_TEST_AND_CONFIRM), GOAL_UPDATED},
	{"two-of-three", "threeimage", NULL, 2, FALSE, FALSE, PLAIN, GOAL_UPDATED},
	{"nrf5340", "nrf5340", NULL, 2, FALSE, FALSE, ALLOW(SMP_UPDATE_TEST_AND_CONFIRM),
	 GOAL_UPDATED},
	{"recovery", "recovery", NULL, 1, FALSE, FALSE, ALLOW(SMP_UPDATE_TEST_AND_CONFIRM),
	 GOAL_UPDATED},
	{"recovery-old", "recovery", old_recovery, 1, FALSE, FALSE,
	 ALLOW(SMP_UPDATE_TEST_AND_CONFIRM), GOAL_UPDATED},
	{"via-recovery", "swap", with_recovery, 1, FALSE, FALSE, VIA_RECOVERY, GOAL_UPDATED},
	{"via-recovery-usb", "swap", with_recovery, 1, TRUE, FALSE, VIA_RECOVERY, GOAL_UPDATED},
	{"via-recovery-old", "swap", with_old_recovery, 1, FALSE, FALSE, VIA_RECOVERY,
	 GOAL_UPDATED},
	{"ramload", "ramload", NULL, 1, FALSE, FALSE, ALLOW(SMP_UPDATE_TEST_AND_CONFIRM),
	 GOAL_UPDATED},
	{"directxip", "directxip", plain_directxip, 1, FALSE, FALSE,
	 ALLOW(SMP_UPDATE_TEST_AND_CONFIRM), GOAL_UPDATED},
	{"directxip-revert", "directxip", NULL, 1, FALSE, FALSE, PLAIN, GOAL_UPDATED},
	{"directxip-unwell", "directxip", NULL, 1, FALSE, TRUE, HEALTH(0), GOAL_ROLLED_BACK},
};

const guint n_scenarios = G_N_ELEMENTS(scenarios);

const Scenario *scenario_find(const char *name)
{
	for (guint i = 0; i < n_scenarios; i++) {
		if (g_str_equal(scenarios[i].name, name))
			return &scenarios[i];
	}
	return NULL;
}

void scenario_config(const Scenario *scenario, SimConfig *config)
{
	if (!sim_config_board(config, scenario->board))
		g_assert_not_reached();
	config->version = OLD_VERSION;
	config->erase_size = 256;
	config->slot_size = 16 * 256;
	config->image_size = 1000;
	if (scenario->adjust)
		scenario->adjust(config);
}

gboolean scenario_reverts(const Scenario *scenario)
{
	SimConfig config;

	scenario_config(scenario, &config);
	return sim_mode_swaps(config.mode) || config.mode == SIM_MODE_DIRECT_XIP_REVERT;
}

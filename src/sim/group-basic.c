/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/zephyr_basic. */

#include "sim/server.h"

enum {
	BASIC_FLASH_OPEN_FAILED = 2,
};

/* What is in RAM stays until the next reset. */
static int erase_storage(SimRequest *request)
{
	sim_storage_clear(request->board->storage, SIM_STORED_SETTING);
	return SIM_OK;
}

static int translate(int group_rc)
{
	return group_rc == BASIC_FLASH_OPEN_FAILED ? SIM_ENOENT : SIM_OK;
}

static const SimCommand commands[] = {
	{.write = erase_storage},
};

const SimGroup sim_group_basic = {
	.id = SMP_GROUP_ZEPHYR_BASIC,
	.name = "zephyr basic mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
};

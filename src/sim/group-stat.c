/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/stat_mgmt. */

#include "sim/server.h"

#include <string.h>

#define NAME	 "smp_svr_stats"
#define MAX_NAME 31

enum {
	STAT_INVALID_GROUP = 2,
	STAT_INVALID_NAME = 3,
	STAT_INVALID_SIZE = 4,
};

static int show(SimRequest *request)
{
	SimField name = {"name", SIM_FIELD_TEXT};
	gint64 up = sim_board_time(request->board) - request->board->app_start;

	if (!sim_request_decode(request, &name, 1) || !name.found || name.size > MAX_NAME)
		return SIM_EINVAL;
	if (name.size != strlen(NAME) || memcmp(name.data, NAME, name.size) != 0)
		return sim_group_error(request, STAT_INVALID_NAME);
	sim_put_text(request->out, "name", NAME);
	smp_cbor_put_text(request->out, "fields");
	smp_cbor_put_map_begin(request->out);
	sim_put_uint(request->out, "ticks", (guint64)(up / G_USEC_PER_SEC));
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int list(SimRequest *request)
{
	smp_cbor_put_text(request->out, "stat_list");
	smp_cbor_put_array_begin(request->out);
	smp_cbor_put_text(request->out, NAME);
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int translate(int group_rc)
{
	switch (group_rc) {
	case STAT_INVALID_GROUP:
	case STAT_INVALID_NAME:
		return SIM_ENOENT;
	case STAT_INVALID_SIZE:
		return SIM_EINVAL;
	default:
		return SIM_EUNKNOWN;
	}
}

static const SimCommand commands[] = {
	{.read = show},
	{.read = list},
};

const SimGroup sim_group_stat = {
	.id = SMP_GROUP_STAT,
	.name = "stat mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
};

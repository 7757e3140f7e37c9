/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/stat_mgmt. */

#include "sim/server.h"
#include "sim/statistics.h"

#include <string.h>

#define MAX_NAME 31
#define UNITS	 100 /* too much for any answer, as it was recorded */

enum {
	STAT_INVALID_GROUP = 2,
	STAT_INVALID_NAME = 3,
	STAT_INVALID_SIZE = 4,
};

static void put_flash(SimRequest *request)
{
	static const char *const names[] = {"bytes_read",	  "bytes_written",
					    "double_writes",	  "flash_read_calls",
					    "flash_read_time_us", "flash_write_time_us"};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		sim_put_uint(request->out, names[i], 0);
	sim_put_uint(request->out, "flash_write_calls", sim_statistics_flash_calls(request->board));
	for (guint i = 0; i < UNITS; i++) {
		g_autofree char *name = g_strdup_printf("erase_cycles_unit%u", i);
		sim_put_uint(request->out, name, 0);
	}
}

static void put_thresholds(SimRequest *request)
{
	sim_put_uint(request->out, "max_write_calls", 0);
	sim_put_uint(request->out, "max_erase_calls", 0);
	sim_put_uint(request->out, "max_len", 0);
}

static void put_application(SimRequest *request)
{
	sim_put_uint(request->out, "ticks", sim_statistics_seconds(request->board));
}

/* The last one is there always. */
static const struct {
	const char *name;
	void (*put)(SimRequest *request);
} stats[] = {
	{"flash_sim_stats", put_flash},
	{"flash_sim_thresholds", put_thresholds},
	{"smp_svr_stats", put_application},
};

static guint first_of(const SimConfig *config)
{
	return config->more_stats ? 0 : G_N_ELEMENTS(stats) - 1;
}

static int show(SimRequest *request)
{
	SimField name = {"name", SIM_FIELD_TEXT};

	if (!sim_request_decode(request, &name, 1) || name.size == 0 || name.size > MAX_NAME)
		return SIM_EINVAL;
	for (guint i = first_of(&request->board->config); i < G_N_ELEMENTS(stats); i++) {
		if (name.size != strlen(stats[i].name) ||
		    memcmp(name.data, stats[i].name, name.size) != 0)
			continue;
		sim_put_text(request->out, "name", stats[i].name);
		smp_cbor_put_text(request->out, "fields");
		smp_cbor_put_map_begin(request->out);
		stats[i].put(request);
		smp_cbor_put_end(request->out);
		sim_statistics_keep(request->board);
		return SIM_OK;
	}
	return sim_group_error(request, STAT_INVALID_NAME);
}

static int list(SimRequest *request)
{
	smp_cbor_put_text(request->out, "stat_list");
	smp_cbor_put_array_begin(request->out);
	for (guint i = first_of(&request->board->config); i < G_N_ELEMENTS(stats); i++)
		smp_cbor_put_text(request->out, stats[i].name);
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

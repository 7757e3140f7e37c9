/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/os_mgmt. */

#include "sim/server.h"

#include <stdio.h>
#include <string.h>

enum {
	OS_INVALID_FORMAT = 2,
	OS_QUERY_YIELDS_NO_ANSWER = 3,
	OS_RTC_NOT_SET = 4,
};

static int echo(SimRequest *request)
{
	SimField d = {"d", SIM_FIELD_TEXT};

	if (!sim_request_decode(request, &d, 1))
		return SIM_EINVAL;
	smp_cbor_put_text(request->out, "r");
	smp_cbor_put_text_sized(request->out, d.found ? (const char *)d.data : "", d.size);
	return SIM_OK;
}

static int task_statistics(SimRequest *request)
{
	static const struct {
		const char *name, *number;
		int prio;
		guint state, size, use;
	} tasks[] = {
		{"mcumgr smp", "3", 3, 128, 512, 211}, {"sysworkq", "-1", -1, 2, 256, 82},
		{"logging", "14", 14, 2, 192, 88},     {"idle", "15", 15, 0, 80, 16},
		{"main", "0", 0, 4, 256, 121},
	};
	gboolean named = request->board->config.named_threads;

	smp_cbor_put_text(request->out, "tasks");
	smp_cbor_put_map_begin(request->out);
	for (guint i = 0; i < G_N_ELEMENTS(tasks); i++) {
		smp_cbor_put_text(request->out, named ? tasks[i].name : tasks[i].number);
		smp_cbor_put_map_begin(request->out);
		sim_put_int(request->out, "prio", tasks[i].prio);
		sim_put_uint(request->out, "tid", i);
		sim_put_uint(request->out, "state", tasks[i].state);
		if (named) {
			sim_put_uint(request->out, "stksiz", tasks[i].size);
			sim_put_uint(request->out, "stkuse", tasks[i].use);
		}
		smp_cbor_put_end(request->out);
	}
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int pools(SimRequest *request)
{
	if (!request->board->config.pools)
		return SIM_ENOTSUP;
	smp_cbor_put_text(request->out, "0");
	smp_cbor_put_map_begin(request->out);
	sim_put_uint(request->out, "blksiz", 1);
	sim_put_uint(request->out, "nblks", 4096);
	sim_put_uint(request->out, "nfree", 3112);
	sim_put_uint(request->out, "min", 2920);
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int get_datetime(SimRequest *request)
{
	SimBoard *board = request->board;

	if (!board->config.rtc)
		return SIM_ENOTSUP;
	if (!board->clock_set)
		return sim_group_error(request, OS_RTC_NOT_SET);
	gint64 now = board->clock_offset + sim_board_time(board);
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
	g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
	sim_put_text(request->out, "datetime", text);
	return SIM_OK;
}

/* Zone and fraction are not looked at (os_mgmt.c, without ..._DATETIME_MS). */
static int set_datetime(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField field = {"datetime", SIM_FIELD_TEXT};
	int n[6];

	if (!board->config.rtc)
		return SIM_ENOTSUP;
	if (!sim_request_decode(request, &field, 1) || field.size < 19 || field.size > 25)
		return SIM_EINVAL;
	g_autofree char *text = g_strndup((const char *)field.data, 19);
	if (sscanf(text, "%4d%*c%2d%*c%2d%*c%2d%*c%2d%*c%2d", &n[0], &n[1], &n[2], &n[3], &n[4],
		   &n[5]) != 6)
		return SIM_EINVAL;
	g_autoptr(GDateTime) time = g_date_time_new_utc(n[0], n[1], n[2], n[3], n[4], n[5]);
	if (!time)
		return SIM_EINVAL;
	board->clock_set = TRUE;
	board->clock_offset = g_date_time_to_unix(time) * G_USEC_PER_SEC - sim_board_time(board);
	return SIM_OK;
}

/* A body that cannot be read is ignored (os_mgmt_reset). */
static int reset(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField fields[] = {{"force", SIM_FIELD_BOOL}, {"boot_mode", SIM_FIELD_UINT}};
	gboolean read = sim_request_decode(request, fields, G_N_ELEMENTS(fields));

	if (board->config.reset_needs_force && !(read && fields[0].boolean))
		return SIM_EBUSY;
	board->wants_recovery = read && fields[1].uint == 1;
	board->wants_reset = TRUE;
	return SIM_OK;
}

static int parameters(SimRequest *request)
{
	if (request->board->config.no_params)
		return SIM_ENOTSUP;
	sim_put_uint(request->out, "buf_size", request->board->config.buf_size);
	sim_put_uint(request->out, "buf_count", request->board->config.buf_count);
	return SIM_OK;
}

/* The fields come in this order, whatever that of the letters is. */
static int info(SimRequest *request)
{
	const SimConfig *config = &request->board->config;
	const struct {
		char letter;
		const char *text;
	} parts[] = {
		{'s', "Zephyr"},
		{'n', "unknown"},
		{'r', "684c9e8f32e4"},
		{'v', config->kernel_version},
		{'b', "Wed Jun  3 22:21:59 2026"},
		{'m', config->machine},
		{'p', config->processor},
		{'i', config->platform},
		{'o', "Zephyr"},
	};
	SimField format = {"format", SIM_FIELD_TEXT};
	g_autoptr(GString) output = g_string_new(NULL);

	if (!sim_request_decode(request, &format, 1))
		return SIM_EINVAL;
	g_autofree char *letters =
		format.size ? g_strndup((const char *)format.data, format.size) : g_strdup("s");
	if (strspn(letters, "snrvbmpioa") != strlen(letters))
		return sim_group_error(request, OS_INVALID_FORMAT);
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		if (strchr(letters, 'a') || strchr(letters, parts[i].letter))
			g_string_append_printf(output, "%s%s", output->len ? " " : "",
					       parts[i].text);
	}
	sim_put_text(request->out, "output", output->str);
	return SIM_OK;
}

static int bootloader_info(SimRequest *request)
{
	const SimConfig *config = &request->board->config;
	SimField query = {"query", SIM_FIELD_TEXT};

	if (!config->bootloader_info)
		return SIM_ENOTSUP;
	if (!sim_request_decode(request, &query, 1))
		return SIM_EINVAL;
	if (query.size == 0) {
		sim_put_text(request->out, "bootloader", "MCUboot");
		return SIM_OK;
	}
	if (config->b0 && !config->b0_untold && query.size == strlen("active_b0_slot") &&
	    memcmp(query.data, "active_b0_slot", query.size) == 0) {
		sim_put_uint(request->out, "active", request->board->b0_slot);
		return SIM_OK;
	}
	if (query.size != 4 || memcmp(query.data, "mode", 4) != 0)
		return sim_group_error(request, OS_QUERY_YIELDS_NO_ANSWER);
	sim_put_int(request->out, "mode", config->mode);
	if (config->no_downgrade)
		sim_put_bool(request->out, "no-downgrade", TRUE);
	return SIM_OK;
}

static int translate(int group_rc)
{
	switch (group_rc) {
	case OS_INVALID_FORMAT:
		return SIM_EINVAL;
	case OS_QUERY_YIELDS_NO_ANSWER:
	case OS_RTC_NOT_SET:
		return SIM_ENOENT;
	default:
		return SIM_EUNKNOWN;
	}
}

static const SimCommand commands[] = {
	{.read = echo, .write = echo},
	{0},
	{.read = task_statistics},
	{.read = pools},
	{.read = get_datetime, .write = set_datetime},
	{.write = reset},
	{.read = parameters},
	{.read = info},
	{.read = bootloader_info},
};

static guint handlers(const SimConfig *config)
{
	return config->bootloader_info ? 9 : 8;
}

const SimGroup sim_group_os = {
	.id = SMP_GROUP_OS,
	.name = "os mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
	.handlers = handlers,
};

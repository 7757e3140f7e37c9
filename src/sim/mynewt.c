/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Apache Mynewt's server, as recorded from its slinky application (mgmt/smp, the commands of cmd/,
 * sys/config, test/): version 1 only, `rc` 0 in some answers and not in others, keys of a wrong
 * type are ignored, what is no CBOR is not answered. */

#include "sim/mynewt.h"

#include "sim/group-image.h"
#include "sim/statistics.h"

#include <stdio.h>
#include <string.h>

/* Longer texts come back empty. */
#define ECHO_MAX 127

gboolean sim_mynewt_accepts(const guint8 *body, gsize size)
{
	SmpCbor map;

	return size == 0 || smp_cbor_check(body, size, &map);
}

gboolean sim_mynewt_get(const SimRequest *request, const char *key, SmpCbor *value)
{
	SmpCbor map;

	return smp_cbor_check(request->body, request->body_size, &map) &&
	       smp_cbor_get(&map, key, value);
}

char *sim_mynewt_text(const SimRequest *request, const char *key)
{
	SmpCbor value;

	return sim_mynewt_get(request, key, &value) ? smp_cbor_dup_text(&value) : NULL;
}

static int echo(SimRequest *request)
{
	g_autofree char *text = sim_mynewt_text(request, "d");

	sim_put_text(request->out, "r", text && strlen(text) <= ECHO_MAX ? text : "");
	return SIM_OK;
}

static int task_statistics(SimRequest *request)
{
	static const struct {
		const char *name;
		guint prio, state, use;
	} tasks[] = {{"idle", 255, 1, 998}, {"main", 127, 1, 1360}, {"gpio_taskstat", 10, 2, 1034}};
	gint64 up = sim_board_time(request->board) - request->board->app_start;

	smp_cbor_put_text(request->out, "tasks");
	smp_cbor_put_map_begin(request->out);
	for (guint i = 0; i < G_N_ELEMENTS(tasks); i++) {
		smp_cbor_put_text(request->out, tasks[i].name);
		smp_cbor_put_map_begin(request->out);
		sim_put_uint(request->out, "prio", tasks[i].prio);
		sim_put_uint(request->out, "tid", i);
		sim_put_uint(request->out, "state", tasks[i].state);
		sim_put_uint(request->out, "stkuse", tasks[i].use);
		sim_put_uint(request->out, "stksiz", 16384);
		sim_put_uint(request->out, "cswcnt", (guint64)(up / 10000));
		sim_put_uint(request->out, "runtime", i ? 0 : (guint64)(up / 10000));
		sim_put_uint(request->out, "last_checkin", 0);
		sim_put_uint(request->out, "next_checkin", 0);
		smp_cbor_put_end(request->out);
	}
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

gint64 sim_mynewt_clock(const SimBoard *board, gint64 time)
{
	return board->clock_set ? board->clock_offset + time : time - board->app_start;
}

static int get_datetime(SimRequest *request)
{
	gint64 now = sim_mynewt_clock(request->board, sim_board_time(request->board));
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
	g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
	g_autofree char *whole =
		g_strdup_printf("%s.%06d+00:00", text, (int)(now % G_USEC_PER_SEC));

	sim_put_text(request->out, "datetime", whole);
	return SIM_OK;
}

static int set_datetime(SimRequest *request)
{
	SimBoard *board = request->board;
	g_autofree char *text = sim_mynewt_text(request, "datetime");
	g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;

	if (!time)
		return SIM_ECORRUPT;
	board->clock_set = TRUE;
	board->clock_offset = g_date_time_to_unix(time) * G_USEC_PER_SEC +
			      g_date_time_get_microsecond(time) - sim_board_time(board);
	return SIM_OK;
}

static int reset(SimRequest *request)
{
	request->board->wants_reset = TRUE;
	return SIM_OK;
}

static int translate(int group_rc G_GNUC_UNUSED)
{
	return SIM_EINVAL;
}

static const SimCommand os_commands[] = {
	{.read = echo, .write = echo},
	{0},
	{.read = task_statistics},
	{0},
	{.read = get_datetime, .write = set_datetime},
	{.write = reset},
};

const SimGroup sim_mynewt_os = {SMP_GROUP_OS, "os", os_commands, G_N_ELEMENTS(os_commands),
				translate,    NULL};

/* ---- images ---- */

static int image_list(SimRequest *request)
{
	return sim_group_image.commands[0].read(request);
}

static int image_state(SimRequest *request)
{
	return sim_group_image.commands[0].write(request);
}

/* The same hash as that of the upload in hand: it goes on, before anything else is looked at. */
static gboolean goes_on(const SimRequest *request)
{
	const SimUpload *upload = &request->board->upload;
	SimField fields[] = {
		{"off", SIM_FIELD_UINT}, {"len", SIM_FIELD_UINT}, {"sha", SIM_FIELD_BYTES}};

	return upload->active && upload->sha_size > 0 &&
	       sim_request_decode(request, fields, G_N_ELEMENTS(fields)) && fields[0].found &&
	       fields[0].uint == 0 && fields[1].found && fields[2].size == upload->sha_size &&
	       memcmp(fields[2].data, upload->sha, upload->sha_size) == 0;
}

/* An error does not end the upload. */
static int image_upload(SimRequest *request)
{
	SimUpload before = request->board->upload;

	sim_put_int(request->out, "rc", 0);
	if (goes_on(request)) {
		sim_put_uint(request->out, "off", before.offset);
		return SIM_OK;
	}
	int rc = sim_image_upload(request);
	if (rc != SIM_OK)
		request->board->upload = before;
	request->reason = NULL;
	return rc;
}

/* Whatever slot is asked for. */
static int image_erase(SimRequest *request)
{
	static const guint8 nothing[] = {0xa0};

	request->body = nothing;
	request->body_size = sizeof nothing;
	int rc = sim_group_image.commands[5].write(request);
	if (rc == SIM_OK)
		sim_put_int(request->out, "rc", 0);
	return rc;
}

static const SimCommand image_commands[] = {
	{.read = image_list, .write = image_state},
	{.write = image_upload},
	{0},
	{.read = sim_mynewt_core_list},
	{.read = sim_mynewt_core_load, .write = sim_mynewt_core_erase},
	{.write = image_erase},
};

const SimGroup sim_mynewt_image = {
	SMP_GROUP_IMAGE, "image", image_commands, G_N_ELEMENTS(image_commands), translate, NULL};

/* ---- statistics ---- */

static int stat_show(SimRequest *request)
{
	g_autofree char *name = sim_mynewt_text(request, "name");
	gboolean toggles = g_strcmp0(name, "gpio_toggle") == 0;

	if (!toggles && g_strcmp0(name, "stat") != 0)
		return SIM_ENOENT;
	sim_put_int(request->out, "rc", 0);
	sim_put_text(request->out, "name", name);
	smp_cbor_put_text(request->out, "fields");
	smp_cbor_put_map_begin(request->out);
	sim_put_uint(request->out, toggles ? "toggles" : "num_registered",
		     toggles ? sim_statistics_seconds(request->board) : 2);
	if (!toggles)
		sim_put_uint(request->out, "s1", 0);
	smp_cbor_put_end(request->out);
	sim_statistics_keep(request->board);
	return SIM_OK;
}

void sim_mynewt_put_texts(GByteArray *out, const char *key, const char *const *texts)
{
	sim_put_int(out, "rc", 0);
	smp_cbor_put_text(out, key);
	smp_cbor_put_array_begin(out);
	for (; *texts; texts++)
		smp_cbor_put_text(out, *texts);
	smp_cbor_put_end(out);
}

static int stat_list(SimRequest *request)
{
	static const char *const names[] = {"stat", "gpio_toggle", NULL};

	sim_mynewt_put_texts(request->out, "stat_list", names);
	return SIM_OK;
}

static const SimCommand stat_commands[] = {{.read = stat_show}, {.read = stat_list}};

const SimGroup sim_mynewt_stat = {
	SMP_GROUP_STAT, "stat", stat_commands, G_N_ELEMENTS(stat_commands), translate, NULL};

/* ---- configuration ---- */

static gboolean is_config(const char *name)
{
	return g_strcmp0(name, "id/hwid") == 0 || g_strcmp0(name, "id/serial") == 0;
}

static int config_read(SimRequest *request)
{
	g_autofree char *name = sim_mynewt_text(request, "name");
	gsize size = 0;

	if (!is_config(name))
		return SIM_EINVAL;
	GBytes *value = g_hash_table_lookup(request->board->settings, name);
	const char *data = value ? g_bytes_get_data(value, &size) : NULL;
	g_autofree char *text = g_strndup(data ? data : "", size);
	sim_put_text(request->out, "val", g_str_equal(name, "id/hwid") ? "QkJCQg==" : text);
	return SIM_OK;
}

static int config_write(SimRequest *request)
{
	SimBoard *board = request->board;
	g_autofree char *name = sim_mynewt_text(request, "name");
	g_autofree char *text = sim_mynewt_text(request, "val");
	SmpCbor map, save;
	gboolean saves = sim_mynewt_get(request, "save", &save) &&
			 smp_cbor_check(request->body, request->body_size, &map) &&
			 smp_cbor_get_bool(&map, "save");

	if (!saves && !is_config(name))
		return SIM_EINVAL;
	if (is_config(name) && text)
		g_hash_table_insert(board->settings, g_strdup(name),
				    g_bytes_new(text, strlen(text)));
	GBytes *serial = g_hash_table_lookup(board->settings, "id/serial");
	if (saves && serial)
		sim_storage_set(board->storage, SIM_STORED_SETTING, "id/serial", serial);
	return SIM_OK;
}

static const SimCommand config_commands[] = {{.read = config_read, .write = config_write}};

const SimGroup sim_mynewt_config = {SMP_GROUP_SETTINGS, "config",
				    config_commands,	G_N_ELEMENTS(config_commands),
				    translate,		NULL};

/* ---- crash, run ---- */

/* It answers, and is gone. */
static int crash(SimRequest *request)
{
	static const char *const ways[] = {"div0", "jump0", "ref0", "assert", "wdog", NULL};
	g_autofree char *how = sim_mynewt_text(request, "t");

	if (!how || !g_strv_contains(ways, how))
		return SIM_EINVAL;
	sim_put_int(request->out, "rc", 0);
	sim_mynewt_core_make(request->board);
	request->board->wants_reset = TRUE;
	return SIM_OK;
}

static const SimCommand crash_commands[] = {{.write = crash}};

const SimGroup sim_mynewt_crash = {
	SMP_GROUP_CRASH, "crash", crash_commands, G_N_ELEMENTS(crash_commands), translate, NULL};

static const char *const tests[] = {"flash_selftest", "memory_selftest", NULL};

static int run_test(SimRequest *request)
{
	g_autofree char *name = sim_mynewt_text(request, "testname");

	if (!name || (!g_strv_contains(tests, name) && !g_str_equal(name, "all")))
		return SIM_ENOENT;
	sim_put_int(request->out, "rc", 0);
	return SIM_OK;
}

static int run_list(SimRequest *request)
{
	sim_mynewt_put_texts(request->out, "run_list", tests);
	return SIM_OK;
}

static const SimCommand run_commands[] = {{.write = run_test}, {.read = run_list}};

const SimGroup sim_mynewt_run = {SMP_GROUP_RUN, "run", run_commands, G_N_ELEMENTS(run_commands),
				 translate,	NULL};

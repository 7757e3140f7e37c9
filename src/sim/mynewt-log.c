/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Mynewt's logs (sys/log/modlog). */

#include "sim/mynewt.h"

#include <string.h>

/* It toggles a pin and says so: some times at the start, then now and then. */
#define PERIOD	(60 * G_USEC_PER_SEC)
#define AT_ONCE 3
#define INFO	1

/* What an answer has besides entries, and one entry. */
#define ANSWER_SIZE 512
#define ENTRY_SIZE  100

enum {
	MEMORY = 1,
	STORAGE = 2,
};

static guint64 log_end(const SimBoard *board)
{
	return AT_ONCE + (guint64)((sim_board_time(board) - board->app_start) / PERIOD);
}

/* TinyCBOR's way to send a text that comes in pieces: a byte string of indefinite length. */
static void put_message(GByteArray *out, const char *text)
{
	static const guint8 begin = 0x5f;

	smp_cbor_put_text(out, "msg");
	g_byte_array_append(out, &begin, 1);
	smp_cbor_put_bytes(out, text, strlen(text));
	smp_cbor_put_end(out);
}

static void put_entry(SimRequest *request, guint64 index)
{
	SimBoard *board = request->board;
	gint64 after =
		index < AT_ONCE ? (gint64)index * 1000 : (gint64)(index - AT_ONCE + 1) * PERIOD;

	smp_cbor_put_map_begin(request->out);
	sim_put_text(request->out, "type", "str");
	sim_put_int(request->out, "ts", sim_mynewt_clock(board, board->app_start + after));
	sim_put_uint(request->out, "level", INFO);
	sim_put_uint(request->out, "index", index);
	sim_put_uint(request->out, "module", 0);
	put_message(request->out,
		    index % 2 ? "GPIO toggle from 0 to 1" : "GPIO toggle from 1 to 0");
	smp_cbor_put_end(request->out);
}

static void put_log(SimRequest *request, const char *name, guint type, guint64 from, gint64 ts)
{
	guint64 first = MAX(from, request->board->log_start), end = log_end(request->board);

	smp_cbor_put_map_begin(request->out);
	sim_put_text(request->out, "name", name);
	sim_put_uint(request->out, "type", type);
	smp_cbor_put_text(request->out, "entries");
	smp_cbor_put_array_begin(request->out);
	if (ts == -1 && end > first)
		first = end - 1;
	for (guint64 i = first; type == MEMORY && i < end; i++) {
		if (request->out->len + ENTRY_SIZE > ANSWER_SIZE)
			break;
		put_entry(request, i);
	}
	smp_cbor_put_end(request->out);
	smp_cbor_put_end(request->out);
}

static const char *const logs[] = {"reboot_log", "log", NULL};

/* Without a name: all of them, and an error all the same. */
static int show(SimRequest *request)
{
	g_autofree char *name = sim_mynewt_text(request, "log_name");
	gboolean all = !name || !*name;
	SmpCbor value;
	gint64 ts = 0;
	guint64 index = 0;

	if (!all && !g_strv_contains(logs, name))
		return SIM_ENOENT;
	if (sim_mynewt_get(request, "ts", &value))
		smp_cbor_int(&value, &ts);
	if (sim_mynewt_get(request, "index", &value))
		smp_cbor_uint(&value, &index);
	sim_put_uint(request->out, "next_index", log_end(request->board));
	smp_cbor_put_text(request->out, "logs");
	smp_cbor_put_array_begin(request->out);
	for (guint i = 0; logs[i]; i++) {
		if (all || g_str_equal(name, logs[i]))
			put_log(request, logs[i], i ? MEMORY : STORAGE, index, ts);
	}
	smp_cbor_put_end(request->out);
	sim_put_int(request->out, "rc", all ? SIM_ENOENT : 0);
	return SIM_OK;
}

static int clear(SimRequest *request)
{
	request->board->log_start = log_end(request->board);
	return SIM_OK;
}

static void put_map(SimRequest *request, const char *key, const char *const *names)
{
	sim_put_int(request->out, "rc", 0);
	smp_cbor_put_text(request->out, key);
	smp_cbor_put_map_begin(request->out);
	for (guint i = 0; names[i]; i++)
		sim_put_uint(request->out, names[i], i);
	smp_cbor_put_end(request->out);
}

static int modules(SimRequest *request)
{
	static const char *const names[] = {"DEFAULT",	   "OS",   "NEWTMGR", "NIMBLE_CTLR",
					    "NIMBLE_HOST", "NFFS", "REBOOT",  "IOTIVITY",
					    "TEST",	   NULL};

	put_map(request, "module_map", names);
	return SIM_OK;
}

static int levels(SimRequest *request)
{
	static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR", "CRITICAL", NULL};

	put_map(request, "level_map", names);
	return SIM_OK;
}

static int list(SimRequest *request)
{
	sim_mynewt_put_texts(request->out, "log_list", logs);
	return SIM_OK;
}

static int translate(int group_rc G_GNUC_UNUSED)
{
	return SIM_EINVAL;
}

static const SimCommand commands[] = {
	{.read = show}, {.write = clear}, {0}, {.read = modules}, {.read = levels}, {.read = list},
};

const SimGroup sim_mynewt_log = {SMP_GROUP_LOG,		 "log",	    commands,
				 G_N_ELEMENTS(commands), translate, NULL};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* log, run and crash: groups of Mynewt, as the Go tool prints them
 * (newtmgr/cli/{logs,run,crash}.go).
 */

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static gboolean show_all;

const GOptionEntry smpctl_log_options[] = {
	{"all", 'a', 0, G_OPTION_ARG_NONE, &show_all, "until the end, not only what fits an answer",
	 NULL},
	{NULL},
};

/* ---- log show ---- */

typedef struct {
	const char *log;
	guint64 index;
	gint64 timestamp;
	GPtrArray *modules;
	GPtrArray *levels;
} LogQuery;

/* Those that the Go tool knows without asking (nmxact/nmp/log.go). */
static const char *const go_modules[] = {
	"DEFAULT", "OS", "NEWTMGR", "NIMBLE_CTLR", "NIMBLE_HOST", "NFFS", "REBOOT", NULL, "TEST"};
static const char *const go_levels[] = {"DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"};

static const char *find_name(const GPtrArray *names, guint64 number)
{
	for (guint i = 0; names && i < names->len; i++) {
		const SmpLogName *name = g_ptr_array_index(names, i);
		if (name->number == (gint64)number)
			return name->name;
	}
	return NULL;
}

/* Returns: (transfer full): "OS (1)" as the Go tool has it; for what it calls CUSTOM, the name that
 * the board has */
static char *go_name(const char *const *known, gsize n_known, const GPtrArray *names,
		     guint64 number)
{
	const char *name = number < n_known ? known[number] : NULL;

	if (!name)
		name = find_name(names, number);
	return g_strdup_printf("%s (%" G_GUINT64_FORMAT ")", name ? name : "CUSTOM", number);
}

/* Returns: (transfer full): the name of a number, or the number */
static char *name_of(const GPtrArray *names, guint64 number)
{
	const char *name = find_name(names, number);

	return name ? g_strdup(name) : g_strdup_printf("%" G_GUINT64_FORMAT, number);
}

/* What is text is shown as it is, CBOR as JSON, all else in hexadecimal. */
static char *message_text(const SmpLogEntry *entry)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(entry->message, &size);
	char *json = NULL;

	if (!entry->type || g_str_equal(entry->type, "str"))
		return g_utf8_make_valid((const char *)data, (gssize)size);
	if (g_str_equal(entry->type, "cbor"))
		json = smp_raw_to_json(data, size);
	return json ? json : smp_hex_format(data, size);
}

static char *image_text(const SmpLogEntry *entry)
{
	gsize size = 0;
	const guint8 *data = entry->image ? g_bytes_get_data(entry->image, &size) : NULL;

	return smp_hex_format(data, size);
}

static void print_entry(const LogQuery *query, const SmpLogEntry *entry)
{
	g_autofree char *module =
		go_name(go_modules, G_N_ELEMENTS(go_modules), query->modules, entry->module);
	g_autofree char *level =
		go_name(go_levels, G_N_ELEMENTS(go_levels), query->levels, entry->level);
	g_autofree char *image = image_text(entry);
	g_autofree char *message = message_text(entry);
	g_autofree char *shown_module = smpctl_clean(module);
	g_autofree char *shown_level = smpctl_clean(level);
	g_autofree char *type = smpctl_clean(entry->type ? entry->type : "str");
	g_autofree char *shown = smpctl_clean(message);
	g_autofree char *time = g_strdup_printf("%" G_GINT64_FORMAT "us", entry->timestamp);

	printf("%10" G_GUINT64_FORMAT " %22s | %16s %16s %6s %8s %s\n", entry->index, time,
	       shown_module, shown_level, type, image, shown);
}

static void json_entry(const LogQuery *query, const SmpLog *log, const SmpLogEntry *entry)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	g_autofree char *module = name_of(query->modules, entry->module);
	g_autofree char *level = name_of(query->levels, entry->level);
	g_autofree char *image = image_text(entry);
	g_autofree char *message = message_text(entry);

	smpctl_json_text(json, "log", log->name);
	smpctl_json_int(json, "index", (gint64)entry->index);
	smpctl_json_seconds(json, "time", entry->timestamp);
	smpctl_json_text(json, "module", module);
	smpctl_json_text(json, "level", level);
	smpctl_json_text(json, "type", entry->type ? entry->type : "str");
	if (*image)
		smpctl_json_text(json, "image", image);
	smpctl_json_text(json, "message", message);
	smpctl_json_print(json);
}

static void print_heading(const SmpLog *log)
{
	static const char *const types[] = {"STREAM", "MEMORY", "STORAGE"};
	gboolean known = log->type >= 0 && log->type < (int)G_N_ELEMENTS(types);
	g_autofree char *name = smpctl_clean(log->name);

	printf("Name: %s\nType: %s\n%10s %22s | %16s %16s %6s %8s %s\n", name,
	       known ? types[log->type] : "UNDEFINED", "[index]", "[timestamp]", "[module]",
	       "[level]", "[type]", "[img]", "[message]");
}

static void print_log(Smpctl *cli, const LogQuery *query, const SmpLog *log, gboolean heading)
{
	if (heading && !cli->options->json)
		print_heading(log);
	for (guint i = 0; i < log->entries->len; i++) {
		const SmpLogEntry *entry = g_ptr_array_index(log->entries, i);
		if (cli->options->json)
			json_entry(query, log, entry);
		else
			print_entry(query, entry);
	}
}

/* Prints what fits an answer. @query: goes on behind it. Returns: whether there
 * was something, and may be more behind it */
static gboolean print_logs(Smpctl *cli, LogQuery *query, const GPtrArray *logs, gboolean heading)
{
	guint64 next = query->index;

	for (guint i = 0; i < logs->len; i++) {
		const SmpLog *log = g_ptr_array_index(logs, i);
		print_log(cli, query, log, heading);
		for (guint j = 0; j < log->entries->len; j++) {
			const SmpLogEntry *entry = g_ptr_array_index(log->entries, j);
			next = MAX(next, MIN(entry->index, G_MAXUINT64 - 1) + 1);
		}
	}
	gboolean more = next > query->index && next < G_MAXUINT64;
	query->index = next;
	return more;
}

static gboolean show(Smpctl *cli, SmpSession *session, LogQuery query, GError **error)
{
	gboolean first = TRUE, more = TRUE;

	while (more) {
		guint64 next;
		g_autoptr(GPtrArray) logs = smp_log_show(session, query.log, query.timestamp,
							 query.index, &next, error);
		if (!logs)
			return FALSE;
		if (first && !show_all && !cli->options->json)
			printf("Status: 0\nNext index: %" G_GUINT64_FORMAT "\n", next);
		if (first && logs->len == 0 && !cli->options->json)
			puts("(no logs retrieved)");
		more = print_logs(cli, &query, logs, first) && show_all;
		first = FALSE;
	}
	return TRUE;
}

/* All logs, one after the other. */
static gboolean show_each(Smpctl *cli, SmpSession *session, const LogQuery *query, GError **error)
{
	g_auto(GStrv) logs = smp_log_list(session, error);

	if (!logs)
		return FALSE;
	if (!*logs && !cli->options->json)
		puts("(no logs retrieved)");
	for (char **log = logs; *log; log++) {
		LogQuery one = *query;
		one.log = *log;
		if (!show(cli, session, one, error))
			return FALSE;
	}
	return TRUE;
}

/* Also 0x10 and 010, as Go takes them. */
static gboolean parse_number(const char *text, gint64 min, gint64 max, gint64 *number)
{
	char *end;

	errno = 0;
	*number = g_ascii_strtoll(text, &end, 0);
	return errno == 0 && end != text && *end == '\0' && *number >= min && *number <= max;
}

/* log show [NAME [MIN-INDEX|last [MIN-TIMESTAMP]]] */
static gboolean parse_query(char **args, LogQuery *query, GError **error)
{
	gint64 number = 0;

	if (!args[0])
		return TRUE;
	query->log = args[0];
	if (!args[1])
		return TRUE;
	if (g_str_equal(args[1], "last"))
		query->timestamp = -1;
	else if (!parse_number(args[1], 0, G_MAXUINT32, &number))
		return smpctl_usage_error(error, "“%s” is no index of a log entry", args[1]);
	query->index = (guint64)number;
	if (args[2] && query->timestamp == 0 &&
	    !parse_number(args[2], G_MININT64, G_MAXINT64, &query->timestamp))
		return smpctl_usage_error(error, "“%s” is no time in microseconds", args[2]);
	return TRUE;
}

gboolean smpctl_cmd_log_show(Smpctl *cli, char **args, GError **error)
{
	LogQuery query = {0};

	if (!parse_query(args, &query, error))
		return FALSE;
	SmpSession *session = smpctl_session(cli, error);
	if (!session)
		return FALSE;
	/* Without the names the numbers are shown. */
	query.modules = smp_log_modules(session, NULL);
	query.levels = smp_log_levels(session, NULL);
	gboolean good = query.log ? show(cli, session, query, error)
				  : show_each(cli, session, &query, error);
	g_clear_pointer(&query.modules, g_ptr_array_unref);
	g_clear_pointer(&query.levels, g_ptr_array_unref);
	return good;
}

/* ---- what there is ---- */

gboolean smpctl_cmd_log_clear(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_log_clear(session, error))
		return FALSE;
	if (cli->options->json)
		smpctl_done(cli, "cleared");
	else if (!cli->options->quiet)
		puts("done");
	return TRUE;
}

static gboolean print_texts(Smpctl *cli, const char *key, const char *title, char **texts)
{
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_texts(json, key, texts);
		smpctl_json_print(json);
	} else {
		smpctl_print_names(title, texts);
	}
	return TRUE;
}

gboolean smpctl_cmd_log_list(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_auto(GStrv) logs = session ? smp_log_list(session, error) : NULL;

	return logs && print_texts(cli, "logs", "available logs", logs);
}

static void add_name(JsonBuilder *json, gconstpointer item)
{
	const SmpLogName *name = item;

	smpctl_json_text(json, "name", name->name);
	smpctl_json_int(json, "number", name->number);
}

static void json_names(const char *key, const GPtrArray *names)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_array(json, key, names, add_name);
	smpctl_json_print(json);
}

static int by_name(gconstpointer a, gconstpointer b)
{
	const SmpLogName *const *first = a, *const *second = b;
	return strcmp((*first)->name, (*second)->name);
}

static int by_number(gconstpointer a, gconstpointer b)
{
	const SmpLogName *const *first = a, *const *second = b;
	return ((*first)->number > (*second)->number) - ((*first)->number < (*second)->number);
}

gboolean smpctl_cmd_log_modules(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) names = session ? smp_log_modules(session, error) : NULL;

	if (!names)
		return FALSE;
	if (cli->options->json) {
		json_names("modules", names);
		return TRUE;
	}
	puts("available modules:");
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		const SmpLogName *name = g_ptr_array_index(names, i);
		g_autofree char *shown = smpctl_clean(name->name);
		printf("    %s (%" G_GINT64_FORMAT ")\n", shown, name->number);
	}
	return TRUE;
}

gboolean smpctl_cmd_log_levels(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) names = session ? smp_log_levels(session, error) : NULL;

	if (!names)
		return FALSE;
	if (cli->options->json) {
		json_names("levels", names);
		return TRUE;
	}
	puts("available levels:");
	g_ptr_array_sort(names, by_number);
	for (guint i = 0; i < names->len; i++) {
		const SmpLogName *name = g_ptr_array_index(names, i);
		g_autofree char *shown = smpctl_clean(name->name);
		printf("    %" G_GINT64_FORMAT ": %s\n", name->number, shown);
	}
	return TRUE;
}

gboolean smpctl_cmd_run_list(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_auto(GStrv) tests = session ? smp_run_list(session, error) : NULL;

	return tests && print_texts(cli, "tests", "available tests", tests);
}

gboolean smpctl_cmd_run_test(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session ||
	    !smp_run_test(session, args[0] ? args[0] : "all", args[0] ? args[1] : NULL, error))
		return FALSE;
	smpctl_done(cli, "started");
	return TRUE;
}

gboolean smpctl_cmd_crash(Smpctl *cli, char **args, GError **error)
{
	static const char *const ways[] = {"div0", "jump0", "ref0", "assert", "wdog", NULL};

	if (!g_strv_contains(ways, args[0]))
		return smpctl_usage_error(error,
					  "“%s” is no way to crash; there are assert, div0, "
					  "jump0, ref0 and wdog",
					  args[0]);
	SmpSession *session = smpctl_session(cli, error);
	if (!session || !smp_crash(session, args[0], error))
		return FALSE;
	smpctl_done(cli, "crashed");
	return TRUE;
}

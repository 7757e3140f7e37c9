/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <smp/error.h>
#include <smp/mynewt.h>
#include <string.h>

enum {
	CORE_LIST = 3,
	CORE_LOAD = 4,
	LOG_SHOW = 0,
	LOG_CLEAR = 1,
	LOG_MODULES = 3,
	LOG_LEVELS = 4,
	LOG_LIST = 5,
	CRASH_TRIGGER = 0,
	RUN_TEST = 0,
	RUN_LIST = 1,
};

/* A flash area is erased for each log. */
#define CLEAR_TIMEOUT_MS 60000

/* What crashes does not answer. */
#define CRASH_TIMEOUT_MS 3000

static char **ask_texts(SmpSession *session, guint16 group, guint8 command, const char *key,
			const char *doing, GError **error)
{
	SmpCbor body;
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, group, command, doing, &body, error);

	return response ? smp_group_get_texts(&body, key, doing, error) : NULL;
}

char **smp_log_list(SmpSession *session, GError **error)
{
	return ask_texts(session, SMP_GROUP_LOG, LOG_LIST, "log_list", "list the logs", error);
}

static void name_free(gpointer data)
{
	g_free(((SmpLogName *)data)->name);
	g_free(data);
}

static gint compare_numbers(gconstpointer a, gconstpointer b)
{
	const SmpLogName *const *first = a;
	const SmpLogName *const *second = b;

	return (*first)->number < (*second)->number ? -1 : (*first)->number > (*second)->number;
}

static GPtrArray *ask_names(SmpSession *session, guint8 command, const char *key, const char *doing,
			    GError **error)
{
	SmpCbor body, name, value;
	SmpCborIter iter;
	gint64 number;
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_LOG, command, doing, &body, error);

	if (!response || !smp_group_get_items(&body, key, TRUE, &iter, doing, error))
		return NULL;
	GPtrArray *names = g_ptr_array_new_with_free_func(name_free);
	while (smp_cbor_iter_next(&iter, &name, &value)) {
		char *text = smp_cbor_dup_text(&name);
		if (!text || !smp_cbor_int(&value, &number)) {
			g_free(text);
			continue;
		}
		SmpLogName *entry = g_new(SmpLogName, 1);
		*entry = (SmpLogName){.name = text, .number = number};
		g_ptr_array_add(names, entry);
	}
	g_ptr_array_sort(names, compare_numbers);
	return names;
}

GPtrArray *smp_log_modules(SmpSession *session, GError **error)
{
	return ask_names(session, LOG_MODULES, "module_map", "list the log modules", error);
}

GPtrArray *smp_log_levels(SmpSession *session, GError **error)
{
	return ask_names(session, LOG_LEVELS, "level_map", "list the log levels", error);
}

static void entry_free(gpointer data)
{
	SmpLogEntry *entry = data;

	g_free(entry->type);
	g_clear_pointer(&entry->image, g_bytes_unref);
	g_clear_pointer(&entry->message, g_bytes_unref);
	g_free(entry);
}

static void log_free(gpointer data)
{
	SmpLog *log = data;

	g_free(log->name);
	g_ptr_array_unref(log->entries);
	g_free(log);
}

/* Returns: (transfer full) (nullable): bytes or text */
static GBytes *get_blob(const SmpCbor *map, const char *key)
{
	SmpCbor item;

	return smp_cbor_get(map, key, &item) ? smp_cbor_dup_bytes(&item) : NULL;
}

/* By name, or by number in older firmware (log_common). */
static char *get_type(const SmpCbor *map)
{
	static const char *const names[] = {"str", "cbor", "bin"};
	guint64 number;

	if (smp_cbor_get_uint(map, "type", &number))
		return g_strdup(number < G_N_ELEMENTS(names) ? names[number] : "?");
	return smp_cbor_get_text(map, "type");
}

static gpointer read_entry(const SmpCbor *map)
{
	SmpLogEntry *entry = g_new0(SmpLogEntry, 1);

	smp_cbor_get_uint(map, "index", &entry->index);
	smp_cbor_get_int(map, "ts", &entry->timestamp);
	smp_cbor_get_uint(map, "module", &entry->module);
	smp_cbor_get_uint(map, "level", &entry->level);
	entry->type = get_type(map);
	entry->image = get_blob(map, "imghash");
	entry->message = get_blob(map, "msg");
	if (!entry->message)
		entry->message = g_bytes_new(NULL, 0);
	return entry;
}

static gpointer read_log(const SmpCbor *map)
{
	gint64 type;
	SmpLog *log = g_new(SmpLog, 1);

	*log = (SmpLog){
		.name = smp_cbor_get_text(map, "name"),
		.type = -1,
		.entries = smp_group_get_list(map, "entries", "", read_entry, entry_free, NULL),
	};
	if (!log->name)
		log->name = g_strdup("?");
	if (!log->entries)
		log->entries = g_ptr_array_new();
	if (smp_cbor_get_int(map, "type", &type) && type >= 0 && type <= G_MAXUINT8)
		log->type = (int)type;
	return log;
}

static GByteArray *show_request(const char *log, gint64 min_timestamp, guint64 index)
{
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_LOG, LOG_SHOW);

	smp_cbor_put_map(request, 3);
	smp_cbor_put_text(request, "ts");
	smp_cbor_put_int(request, min_timestamp);
	smp_cbor_put_text(request, "index");
	smp_cbor_put_uint(request, index);
	smp_cbor_put_text(request, "log_name");
	smp_cbor_put_text(request, log);
	return request;
}

GPtrArray *smp_log_show(SmpSession *session, const char *log, gint64 min_timestamp, guint64 index,
			guint64 *next_index, GError **error)
{
	SmpCbor body;
	const char *doing = "read the log";
	g_autoptr(SmpResponse) response =
		smp_group_call(session, show_request(log, min_timestamp, index), 0, SMP_REPEAT_SAFE,
			       doing, &body, error);

	if (!response)
		return NULL;
	*next_index = index;
	smp_cbor_get_uint(&body, "next_index", next_index);
	return smp_group_get_list(&body, "logs", doing, read_log, log_free, error);
}

gboolean smp_log_clear(SmpSession *session, GError **error)
{
	return smp_group_order(session,
			       smp_group_empty_request(SMP_OP_WRITE, SMP_GROUP_LOG, LOG_CLEAR),
			       smp_group_at_least(session, CLEAR_TIMEOUT_MS), SMP_REPEAT_SAFE,
			       "clear the logs", error);
}

gboolean smp_core_exists(SmpSession *session, gboolean *present, GError **error)
{
	g_autoptr(GError) local = NULL;

	*present = smp_group_order(session,
				   smp_group_empty_request(SMP_OP_READ, SMP_GROUP_IMAGE, CORE_LIST),
				   0, SMP_REPEAT_SAFE, "look for a core dump", &local);
	if (*present || smp_error_is_device(local, SMP_GROUP_NONE, SMP_RC_ENOENT))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

GBytes *smp_core_read(SmpSession *session, guint64 offset, GError **error)
{
	SmpCbor body, item;
	guint64 there = offset;
	const char *doing = "read the core dump";
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_IMAGE, CORE_LOAD);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "off");
	smp_cbor_put_uint(request, offset);
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, 0, SMP_REPEAT_SAFE, doing, &body, error);
	if (!response)
		return NULL;
	if (!smp_cbor_get(&body, "data", &item) || smp_cbor_type(&item) != SMP_CBOR_BYTES) {
		smp_group_missing(error, doing, "data");
		return NULL;
	}
	/* Behind the end it names the end. */
	if (smp_cbor_get_uint(&body, "off", &there) && there != offset)
		return g_bytes_new(NULL, 0);
	return smp_cbor_dup_bytes(&item);
}

gboolean smp_core_erase(SmpSession *session, GError **error)
{
	return smp_group_order(session,
			       smp_group_empty_request(SMP_OP_WRITE, SMP_GROUP_IMAGE, CORE_LOAD),
			       smp_group_at_least(session, CLEAR_TIMEOUT_MS), SMP_REPEAT_SAFE,
			       "erase the core dump", error);
}

gboolean smp_crash(SmpSession *session, const char *how, GError **error)
{
	g_autoptr(GError) local = NULL;
	GByteArray *request =
		smp_group_text_request(SMP_OP_WRITE, SMP_GROUP_CRASH, CRASH_TRIGGER, "t", how);

	if (smp_group_order(session, request, CRASH_TIMEOUT_MS, SMP_REPEAT_NEVER, "crash the board",
			    &local) ||
	    smp_error_is_link_lost(local))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

char **smp_run_list(SmpSession *session, GError **error)
{
	return ask_texts(session, SMP_GROUP_RUN, RUN_LIST, "run_list", "list the tests", error);
}

gboolean smp_run_test(SmpSession *session, const char *test, const char *token, GError **error)
{
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_RUN, RUN_TEST);

	smp_cbor_put_map(request, token ? 2 : 1);
	if (token) {
		smp_cbor_put_text(request, "token");
		smp_cbor_put_text(request, token);
	}
	smp_cbor_put_text(request, "testname");
	smp_cbor_put_text(request, test);
	return smp_group_order(session, request, 0, SMP_REPEAT_NEVER, "start the test", error);
}

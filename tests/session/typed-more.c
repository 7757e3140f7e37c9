/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "typed.h"

#include <smp/basic.h>
#include <smp/enumeration.h>
#include <smp/fs.h>
#include <smp/mynewt.h>
#include <smp/raw.h>
#include <smp/settings.h>
#include <smp/shell.h>
#include <smp/stat.h>

static char *ok(gboolean done)
{
	return done ? g_strdup("done") : NULL;
}

static char *texts(char **list)
{
	char *text = list ? g_strjoinv("|", list) : NULL;

	g_assert_true(!text || g_utf8_validate(text, -1, NULL));
	g_strfreev(list);
	return text;
}

static char *stat_fields(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) fields = smp_stat_read(session, "boot", error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; fields && i < fields->len; i++) {
		const SmpStatField *field = fields->pdata[i];
		g_assert_true(g_utf8_validate(field->name, -1, NULL));
		g_string_append_printf(text, "%s %" G_GUINT64_FORMAT "\n", field->name,
				       field->value);
	}
	return g_string_free(text, !fields);
}

static void append_hex(GString *text, GBytes *bytes)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(bytes, &size);

	for (gsize i = 0; i < size; i++)
		g_string_append_printf(text, "%02x", data[i]);
}

static char *setting(SmpSession *session, guint max_size, GError **error)
{
	gboolean cut;
	g_autoptr(GBytes) value = smp_settings_read(session, "a/b", max_size, &cut, error);

	if (!value)
		return NULL;
	GString *text = g_string_new(NULL);
	append_hex(text, value);
	if (cut)
		g_string_append(text, " cut");
	return g_string_free(text, FALSE);
}

static char *config(SmpSession *session, GError **error)
{
	g_autoptr(GBytes) value = smp_config_read(session, "a/b", error);
	GString *text = g_string_new(NULL);

	if (value)
		append_hex(text, value);
	return g_string_free(text, !value);
}

static char *write_setting(SmpSession *session, GError **error)
{
	g_autoptr(GBytes) value = g_bytes_new("\x01\x02", 2);

	return ok(smp_settings_write(session, "a/b", value, error));
}

static char *shell(SmpSession *session, GError **error)
{
	const char *const arguments[] = {"kernel", "uptime", NULL};
	gint64 status;
	g_autofree char *output = smp_shell_execute(session, arguments, 0, &status, error);

	if (!output)
		return NULL;
	g_assert_true(g_utf8_validate(output, -1, NULL));
	return g_strdup_printf("%" G_GINT64_FORMAT " %s", status, output);
}

static char *count(SmpSession *session, GError **error)
{
	guint number;

	return smp_enumeration_count(session, &number, error) ? g_strdup_printf("%u", number)
							      : NULL;
}

static char *group_list(SmpSession *session, GError **error)
{
	g_autoptr(GArray) groups = smp_enumeration_list(session, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; groups && i < groups->len; i++)
		g_string_append_printf(text, "%u ", g_array_index(groups, guint16, i));
	return g_string_free(text, !groups);
}

static char *group_single(SmpSession *session, GError **error)
{
	guint16 group;
	gboolean last;

	if (!smp_enumeration_single(session, 3, &group, &last, error))
		return NULL;
	return g_strdup_printf("%u%s", group, last ? " last" : "");
}

static char *group_details(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) infos = smp_enumeration_details(session, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; infos && i < infos->len; i++) {
		const SmpGroupInfo *info = infos->pdata[i];
		g_assert_true(g_utf8_validate(info->name, -1, NULL));
		g_string_append_printf(text, "%u “%s” %u\n", info->id, info->name, info->handlers);
	}
	return g_string_free(text, !infos);
}

static char *names(GPtrArray *list)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; list && i < list->len; i++) {
		const SmpLogName *name = list->pdata[i];
		g_assert_true(g_utf8_validate(name->name, -1, NULL));
		g_string_append_printf(text, "%s=%" G_GINT64_FORMAT " ", name->name, name->number);
	}
	char *result = g_string_free(text, !list);
	g_clear_pointer(&list, g_ptr_array_unref);
	return result;
}

static void append_entry(GString *text, const SmpLogEntry *entry)
{
	g_string_append_printf(text,
			       "%" G_GUINT64_FORMAT " ts %" G_GINT64_FORMAT
			       " module %" G_GUINT64_FORMAT " level %" G_GUINT64_FORMAT " %s ",
			       entry->index, entry->timestamp, entry->module, entry->level,
			       entry->type ? entry->type : "-");
	append_hex(text, entry->message);
	if (entry->image) {
		g_string_append(text, " of ");
		append_hex(text, entry->image);
	}
	g_string_append_c(text, '\n');
}

static char *log_show(SmpSession *session, GError **error)
{
	guint64 next = 0;
	g_autoptr(GPtrArray) logs = smp_log_show(session, "log", -1, 7, &next, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; logs && i < logs->len; i++) {
		const SmpLog *log = logs->pdata[i];
		g_assert_true(g_utf8_validate(log->name, -1, NULL));
		g_string_append_printf(text, "%s (%d)\n", log->name, log->type);
		for (guint j = 0; j < log->entries->len; j++)
			append_entry(text, log->entries->pdata[j]);
	}
	g_string_append_printf(text, "next %" G_GUINT64_FORMAT, next);
	return g_string_free(text, !logs);
}

static char *fs_status(SmpSession *session, GError **error)
{
	guint64 size;

	return smp_fs_status(session, "/a", &size, error)
		       ? g_strdup_printf("%" G_GUINT64_FORMAT, size)
		       : NULL;
}

static char *fs_hash(SmpSession *session, const char *type, guint64 offset, guint64 length,
		     GError **error)
{
	g_autoptr(SmpFsHash) hash = smp_fs_hash(session, "/a", type, offset, length, error);

	if (!hash)
		return NULL;
	GString *text = g_string_new(NULL);
	g_assert_true(g_utf8_validate(hash->type, -1, NULL));
	g_string_printf(text, "%s %" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT " ", hash->type,
			hash->offset, hash->length);
	append_hex(text, hash->value);
	return g_string_free(text, FALSE);
}

static char *fs_types(SmpSession *session, GError **error)
{
	g_autoptr(GPtrArray) types = smp_fs_hash_types(session, error);
	GString *text = g_string_new(NULL);

	for (guint i = 0; types && i < types->len; i++) {
		const SmpFsHashType *type = types->pdata[i];
		g_assert_true(g_utf8_validate(type->name, -1, NULL));
		g_string_append_printf(text, "%s %s %u|", type->name,
				       type->number ? "number" : "bytes", type->size);
	}
	return g_string_free(text, !types);
}

static char *fs_read(SmpSession *session, GError **error)
{
	guint64 size;
	g_autoptr(GBytes) bytes = smp_fs_read(session, "/a", 7, &size, error);

	if (!bytes)
		return NULL;
	GString *text = g_string_new(NULL);
	append_hex(text, bytes);
	if (size != G_MAXUINT64)
		g_string_append_printf(text, " of %" G_GUINT64_FORMAT, size);
	return g_string_free(text, FALSE);
}

static char *fs_write(SmpSession *session, GError **error)
{
	g_autoptr(GByteArray) request = g_byte_array_new();
	guint64 offset;

	smp_fs_write_encode("/a", 100, request, 0, (const guint8 *)"hello", 5);
	g_autoptr(SmpResponse) response =
		smp_session_call(session, request, 0, SMP_REPEAT_NEVER, error);
	if (!response || !smp_fs_write_decode(response, &offset, error))
		return NULL;
	return g_strdup_printf("%" G_GUINT64_FORMAT, offset);
}

static char *core_list(SmpSession *session, GError **error)
{
	gboolean present;

	return smp_core_exists(session, &present, error) ? g_strdup(present ? "core" : "no core")
							 : NULL;
}

static char *core_read(SmpSession *session, GError **error)
{
	g_autoptr(GBytes) bytes = smp_core_read(session, 7, error);
	GString *text = g_string_new(NULL);

	if (bytes)
		append_hex(text, bytes);
	return g_string_free(text, !bytes);
}

static char *raw(SmpSession *session, GError **error)
{
	g_autoptr(GBytes) payload = smp_raw_from_json("{\"a\":1}", NULL);
	char *text = smp_raw_call(session, SMP_OP_WRITE, 300, 2, payload, 0, error);

	g_assert_true(!text || g_utf8_validate(text, -1, NULL));
	return text;
}

static char *order(TypedCall which, SmpSession *session, GError **error)
{
	switch (which) {
	case TYPED_SETTINGS_DELETE:
		return ok(smp_settings_delete(session, "a/b", error));
	case TYPED_SETTINGS_COMMIT:
		return ok(smp_settings_commit(session, error));
	case TYPED_SETTINGS_LOAD:
		return ok(smp_settings_load(session, error));
	case TYPED_SETTINGS_SAVE:
		return ok(smp_settings_save(session, NULL, error));
	case TYPED_SETTINGS_SAVE_NAME:
		return ok(smp_settings_save(session, "a", error));
	case TYPED_CONFIG_WRITE:
		return ok(smp_config_write(session, "a/b", "1", error));
	case TYPED_CONFIG_SAVE:
		return ok(smp_config_save(session, error));
	case TYPED_LOG_CLEAR:
		return ok(smp_log_clear(session, error));
	case TYPED_CRASH:
		return ok(smp_crash(session, "div0", error));
	case TYPED_RUN_TEST:
		return ok(smp_run_test(session, "all", NULL, error));
	case TYPED_RUN_TEST_TOKEN:
		return ok(smp_run_test(session, "all", "x", error));
	case TYPED_FS_CLOSE:
		return ok(smp_fs_close(session, error));
	case TYPED_CORE_ERASE:
		return ok(smp_core_erase(session, error));
	case TYPED_STORAGE_ERASE:
		return ok(smp_basic_erase_storage(session, error));
	default:
		g_assert_not_reached();
	}
}

char *typed_more(TypedCall which, SmpSession *session, GError **error)
{
	switch (which) {
	case TYPED_STAT_LIST:
		return texts(smp_stat_list(session, error));
	case TYPED_STAT:
		return stat_fields(session, error);
	case TYPED_SETTINGS_READ:
		return setting(session, 0, error);
	case TYPED_SETTINGS_READ_SOME:
		return setting(session, 100, error);
	case TYPED_SETTINGS_WRITE:
		return write_setting(session, error);
	case TYPED_CONFIG_READ:
		return config(session, error);
	case TYPED_SHELL:
		return shell(session, error);
	case TYPED_ENUM_COUNT:
		return count(session, error);
	case TYPED_ENUM_LIST:
		return group_list(session, error);
	case TYPED_ENUM_SINGLE:
		return group_single(session, error);
	case TYPED_ENUM_DETAILS:
		return group_details(session, error);
	case TYPED_LOG_LIST:
		return texts(smp_log_list(session, error));
	case TYPED_LOG_MODULES:
		return names(smp_log_modules(session, error));
	case TYPED_LOG_LEVELS:
		return names(smp_log_levels(session, error));
	case TYPED_LOG_SHOW:
		return log_show(session, error);
	case TYPED_FS_STATUS:
		return fs_status(session, error);
	case TYPED_FS_HASH:
		return fs_hash(session, NULL, 0, 0, error);
	case TYPED_FS_HASH_PART:
		return fs_hash(session, "sha256", 10, 100, error);
	case TYPED_FS_TYPES:
		return fs_types(session, error);
	case TYPED_FS_READ:
		return fs_read(session, error);
	case TYPED_FS_WRITE:
		return fs_write(session, error);
	case TYPED_CORE_LIST:
		return core_list(session, error);
	case TYPED_CORE_READ:
		return core_read(session, error);
	case TYPED_RAW:
		return raw(session, error);
	case TYPED_RUN_LIST:
		return texts(smp_run_list(session, error));
	default:
		return which >= TYPED_BRIDGE ? typed_bridge(which, session, error)
					     : order(which, session, error);
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/store.h"
#include "daemon/copy.h"
#include "daemon/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define JOBS	   "jobs"
#define BOARDS	   "boards"
#define RECORDS	   "records"
#define RECORD_END ".record"
#define ORDER	   "job"
#define UNDONE	   ".new-" /* a folder that was not complete */
#define DAMAGED	   ".bad-"

struct SmpdStore {
	char *jobs;
	char *boards;
	char *records;
	guint64 last_id;
	int lock;
};

void smpd_store_free(SmpdStore *store)
{
	if (!store)
		return;
	if (store->lock >= 0)
		close(store->lock);
	g_free(store->jobs);
	g_free(store->boards);
	g_free(store->records);
	g_free(store);
}

static gboolean failed(GError **error, const char *what, const char *path)
{
	int code = errno;

	g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(code), "cannot %s %s: %s", what,
		    path, g_strerror(code));
	return FALSE;
}

static gboolean ends_like(const char *name, const char *const *endings)
{
	for (; *endings; endings++) {
		if (g_str_has_suffix(name, *endings))
			return TRUE;
	}
	return FALSE;
}

/* A kill leaves files that were not complete (g_file_set_contents_full() has them as NAME.XXXXXX)
 * or not removed yet. */
static void tidy(const char *path, const char *const *endings)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		if (!ends_like(name, endings))
			(void)g_unlink(file);
	}
}

static gboolean make_folders(const SmpdStore *store, GError **error)
{
	const char *const paths[] = {store->jobs, store->boards, store->records};

	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		if (g_mkdir_with_parents(paths[i], 0700) < 0)
			return failed(error, "make", paths[i]);
	}
	return TRUE;
}

/* Two daemons would each run the jobs, and before the bus tells one of them that the other has the
 * name. */
static gboolean lock_folder(SmpdStore *store, const char *folder, GError **error)
{
	store->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->lock < 0)
		return failed(error, "open", folder);
	if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
		return TRUE;
	if (errno != EWOULDBLOCK)
		return failed(error, "lock", folder);
	g_set_error(error, SMPD_ERROR, SMPD_ERROR_BUSY, "another smpd runs with %s", folder);
	return FALSE;
}

SmpdStore *smpd_store_open(const char *folder, GError **error)
{
	static const char *const boards[] = {".job", ".lock", ".bad", NULL};
	static const char *const records[] = {RECORD_END, NULL};
	SmpdStore *store = g_new0(SmpdStore, 1);

	store->lock = -1;
	store->jobs = g_build_filename(folder, JOBS, NULL);
	store->boards = g_build_filename(folder, BOARDS, NULL);
	store->records = g_build_filename(folder, RECORDS, NULL);
	if (!make_folders(store, error) || !lock_folder(store, folder, error)) {
		smpd_store_free(store);
		return NULL;
	}
	tidy(store->boards, boards);
	tidy(store->records, records);
	return store;
}

const char *smpd_store_boards(const SmpdStore *store)
{
	return store->boards;
}

char *smpd_store_next_id(SmpdStore *store)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT, ++store->last_id);
}

/* ---- jobs ---- */

/* A job's folder has no folders in it. */
static void remove_folder(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		(void)g_unlink(file);
	}
	if (g_rmdir(path) < 0)
		g_warning("cannot remove %s: %s", path, g_strerror(errno));
}

void smpd_store_remove(SmpdStore *store, const char *id)
{
	g_autofree char *path = g_build_filename(store->jobs, id, NULL);
	g_autofree char *name = g_strconcat(UNDONE, id, NULL);
	g_autofree char *aside = g_build_filename(store->jobs, name, NULL);

	/* So that no half of it is found after a power cut. */
	if (g_rename(path, aside) == 0)
		remove_folder(aside);
}

void smpd_store_drop_files(SmpdStore *store, const SmpdOrder *order)
{
	for (char **file = order->files; *file; file++) {
		g_autofree char *path = g_build_filename(store->jobs, order->id, *file, NULL);
		(void)g_unlink(path);
	}
}

static gboolean write_keys(GKeyFile *keys, const char *path, GError **error)
{
	gsize size;
	g_autofree char *text = g_key_file_to_data(keys, &size, NULL);

	return g_file_set_contents_full(
		path, text, (gssize)size,
		G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

static gboolean write_order(const SmpdOrder *order, const char *folder, GError **error)
{
	g_autofree char *path = g_build_filename(folder, ORDER, NULL);
	g_autoptr(GKeyFile) keys = smpd_order_to_keys(order);

	return write_keys(keys, path, error);
}

gboolean smpd_store_save(SmpdStore *store, const SmpdOrder *order, GError **error)
{
	g_autofree char *folder = g_build_filename(store->jobs, order->id, NULL);
	return write_order(order, folder, error);
}

static gboolean copy_files(SmpdOrder *order, GUnixFDList *fds, char **names, const char *folder,
			   GError **error)
{
	g_autoptr(GStrvBuilder) files = g_strv_builder_new();
	g_autoptr(GStrvBuilder) sums = g_strv_builder_new();
	int count = 0;
	const int *list = fds ? g_unix_fd_list_peek_fds(fds, &count) : NULL;

	for (int i = 0; i < count; i++) {
		g_autofree char *file = smpd_file_name(names[i], (guint)i);
		g_autofree char *path = g_build_filename(folder, file, NULL);
		g_autofree char *sum = NULL;
		if (!smpd_copy_file(list[i], names[i], path, &sum, error))
			return FALSE;
		g_strv_builder_add(files, file);
		g_strv_builder_add(sums, sum);
	}
	g_strfreev(order->files);
	g_strfreev(order->sums);
	order->files = g_strv_builder_end(files);
	order->sums = g_strv_builder_end(sums);
	return TRUE;
}

static SmpBundle *load_bundle(const char *folder, const SmpdOrder *order, GError **error)
{
	g_autoptr(SmpBundle) bundle = smp_bundle_new();

	for (guint i = 0; order->files[i]; i++) {
		g_autofree char *path = g_build_filename(folder, order->files[i], NULL);
		if (!smp_bundle_add(bundle, path, g_array_index(order->images, guint, i), error))
			return NULL;
	}
	int variant;
	if (order->bootloader && smp_bootloader_parse(order->bootloader, &variant) &&
	    !smp_bundle_use_bootloaders(bundle, variant, error))
		return NULL;
	if (bundle->items->len > 0)
		return g_steal_pointer(&bundle);
	g_set_error(error, SMPD_ERROR, SMPD_ERROR_FILE, "%s",
		    order->files[0] ? "the package holds updates of the bootloader only; the "
				      "option \"bootloader\" installs these"
				    : "no file was given");
	return NULL;
}

/* The files are complete: what are they? */
static gboolean look_into(SmpdOrder *order, const char *folder, GError **error)
{
	g_autoptr(SmpBundle) bundle = load_bundle(folder, order, error);

	if (!bundle)
		return FALSE;
	order->firmware = smpd_bundle_id(bundle);
	order->version = smpd_bundle_version(bundle);
	return TRUE;
}

static gboolean add(SmpdStore *store, SmpdOrder *order, GUnixFDList *fds, char **names,
		    const char *folder, GError **error)
{
	g_autofree char *path = g_build_filename(store->jobs, order->id, NULL);

	if (g_mkdir(folder, 0700) < 0)
		return failed(error, "make", folder);
	if (!copy_files(order, fds, names, folder, error) ||
	    (fds && !look_into(order, folder, error)) || !write_order(order, folder, error) ||
	    !smpd_sync_folder(folder, error))
		return FALSE;
	if (g_rename(folder, path) < 0)
		return failed(error, "rename", folder);
	return smpd_sync_folder(store->jobs, error);
}

gboolean smpd_store_add(SmpdStore *store, SmpdOrder *order, GUnixFDList *fds, char **names,
			GError **error)
{
	g_autofree char *name = g_strconcat(UNDONE, order->id, NULL);
	g_autofree char *folder = g_build_filename(store->jobs, name, NULL);

	if (add(store, order, fds, names, folder, error))
		return TRUE;
	if (g_file_test(folder, G_FILE_TEST_IS_DIR))
		remove_folder(folder);
	return FALSE;
}

static gboolean check_sum(const char *path, const char *expected, GError **error)
{
	g_autoptr(GBytes) bytes = smp_firmware_read_file(path, error);
	g_autofree char *sum =
		bytes ? g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes) : NULL;

	if (!sum || g_str_equal(sum, expected))
		return sum != NULL;
	g_set_error(error, SMPD_ERROR, SMPD_ERROR_FILE,
		    "%s is not what was written there: the disk or somebody changed it; begin the "
		    "update again",
		    path);
	return FALSE;
}

SmpBundle *smpd_store_bundle(SmpdStore *store, const SmpdOrder *order, GError **error)
{
	g_autofree char *folder = g_build_filename(store->jobs, order->id, NULL);

	for (guint i = 0; order->files[i]; i++) {
		g_autofree char *path = g_build_filename(folder, order->files[i], NULL);
		if (!check_sum(path, order->sums[i], error))
			return NULL;
	}
	return load_bundle(folder, order, error);
}

/* ---- at the start ---- */

/* Of a job that has ended only its order is needed. */
static void tidy_job(const SmpdOrder *order, const char *folder)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	g_strv_builder_add(builder, ORDER);
	if (!order->result)
		g_strv_builder_addv(builder, (const char **)order->files);
	g_auto(GStrv) needed = g_strv_builder_end(builder);
	tidy(folder, (const char *const *)needed);
}

static SmpdOrder *load_order(SmpdStore *store, const char *id, GError **error)
{
	g_autofree char *folder = g_build_filename(store->jobs, id, NULL);
	g_autofree char *path = g_build_filename(folder, ORDER, NULL);
	g_autoptr(GKeyFile) keys = g_key_file_new();

	if (!g_key_file_load_from_file(keys, path, G_KEY_FILE_NONE, error))
		return NULL;
	SmpdOrder *order = smpd_order_from_keys(id, keys, error);
	if (order)
		tidy_job(order, folder);
	return order;
}

/* Somebody may want to look at it; it must not be in the way. */
static void put_aside(SmpdStore *store, const char *id, const char *why, GPtrArray *damaged)
{
	g_autofree char *path = g_build_filename(store->jobs, id, NULL);
	g_autofree char *name = g_strconcat(DAMAGED, id, NULL);
	g_autofree char *aside = g_build_filename(store->jobs, name, NULL);

	gboolean moved = g_rename(path, aside) == 0;
	g_ptr_array_add(damaged, g_strdup_printf("%s: job %s cannot be read: %s",
						 moved ? aside : path, id, why));
}

static void load_entry(SmpdStore *store, const char *name, GPtrArray *orders, GPtrArray *damaged)
{
	g_autoptr(GError) error = NULL;
	guint64 id;

	if (g_str_has_prefix(name, UNDONE)) {
		g_autofree char *path = g_build_filename(store->jobs, name, NULL);
		remove_folder(path);
		return;
	}
	gboolean aside = g_str_has_prefix(name, DAMAGED);
	if (!g_ascii_string_to_unsigned(name + (aside ? strlen(DAMAGED) : 0), 10, 1, G_MAXINT64,
					&id, NULL))
		return;
	store->last_id = MAX(store->last_id, id);
	if (aside)
		return;
	SmpdOrder *order = load_order(store, name, &error);
	if (order)
		g_ptr_array_add(orders, order);
	else
		put_aside(store, name, error->message, damaged);
}

static int compare_orders(gconstpointer a, gconstpointer b)
{
	const SmpdOrder *const *left = a;
	const SmpdOrder *const *right = b;
	guint64 first = g_ascii_strtoull((*left)->id, NULL, 10);
	guint64 second = g_ascii_strtoull((*right)->id, NULL, 10);

	return first < second ? -1 : first > second;
}

GPtrArray *smpd_store_load(SmpdStore *store, GPtrArray *damaged)
{
	GPtrArray *orders = g_ptr_array_new_with_free_func((GDestroyNotify)smpd_order_free);
	g_autoptr(GDir) dir = g_dir_open(store->jobs, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		load_entry(store, name, orders, damaged);
	g_ptr_array_sort(orders, compare_orders);
	return orders;
}

/* ---- what policy counts ---- */

#define RECORD "record"

static char *record_path(const SmpdStore *store, const char *device)
{
	g_autofree char *name = g_strconcat(device, RECORD_END, NULL);
	return g_build_filename(store->records, name, NULL);
}

void smpd_store_load_record(SmpdStore *store, const char *device, SmpdRecord *record)
{
	g_autofree char *path = record_path(store, device);
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_autoptr(GError) error = NULL;

	*record = (SmpdRecord){0};
	g_key_file_load_from_file(keys, path, G_KEY_FILE_NONE, &error);
	if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		return;
	if (error || !g_key_file_has_group(keys, RECORD)) {
		g_warning("%s cannot be read (%s): nothing is held against the firmware of %s any "
			  "more",
			  path, error ? error->message : "it has no record", device);
		return;
	}
	record->firmware = g_key_file_get_string(keys, RECORD, "firmware", NULL);
	record->failures = (guint)g_key_file_get_uint64(keys, RECORD, "failures", NULL);
	record->rollbacks = (guint)g_key_file_get_uint64(keys, RECORD, "rollbacks", NULL);
	record->refused = g_key_file_get_string(keys, RECORD, "refused", NULL);
	record->last = g_key_file_get_int64(keys, RECORD, "last", NULL);
	record->settled = g_key_file_get_string(keys, RECORD, "settled", NULL);
	record->job = g_key_file_get_string(keys, RECORD, "job", NULL);
}

static void set_text(GKeyFile *keys, const char *key, const char *text)
{
	if (text)
		g_key_file_set_string(keys, RECORD, key, text);
}

gboolean smpd_store_save_record(SmpdStore *store, const char *device, const SmpdRecord *record,
				GError **error)
{
	g_autofree char *path = record_path(store, device);
	g_autoptr(GKeyFile) keys = g_key_file_new();

	set_text(keys, "firmware", record->firmware);
	g_key_file_set_uint64(keys, RECORD, "failures", record->failures);
	g_key_file_set_uint64(keys, RECORD, "rollbacks", record->rollbacks);
	set_text(keys, "refused", record->refused);
	g_key_file_set_int64(keys, RECORD, "last", record->last);
	set_text(keys, "settled", record->settled);
	set_text(keys, "job", record->job);
	return write_keys(keys, path, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/wanted.h"
#include "daemon/supervise.h"

/* A file that is being copied changes many times. */
#define SETTLE_MS 1500

typedef struct {
	SmpdWantedCache *cache;
	SmpdWanted *wanted; /* NULL until it was looked into */
	char *path;
	GFileMonitor *monitor;
	guint timer;
	gboolean looking;
	gboolean again;
} Entry;

struct SmpdWantedCache {
	SmpdDaemon *daemon;
	GHashTable *entries; /* by path */
};

static void wanted_free(SmpdWanted *wanted)
{
	if (!wanted)
		return;
	g_free(wanted->path);
	g_free(wanted->file);
	g_free(wanted->id);
	g_free(wanted->version);
	g_free(wanted->problem);
	g_array_unref(wanted->images);
	g_free(wanted);
}

static void entry_free(gpointer data)
{
	Entry *entry = data;

	g_clear_handle_id(&entry->timer, g_source_remove);
	if (entry->monitor) {
		g_signal_handlers_disconnect_by_data(entry->monitor, entry);
		g_file_monitor_cancel(entry->monitor);
		g_object_unref(entry->monitor);
	}
	wanted_free(entry->wanted);
	g_free(entry->path);
	g_free(entry);
}

/* ---- in a thread ---- */

typedef struct {
	SmpdWantedCache *cache;
	char *path;
	SmpdWanted *wanted;
	SmpBundle *bundle;
	SmpVersion version;
} Look;

static gboolean first_version(const SmpBundle *bundle, SmpVersion *version)
{
	const SmpBundleItem *item =
		bundle->items->len > 0 ? g_ptr_array_index(bundle->items, 0) : NULL;

	return item && smp_version_parse(item->version, version);
}

/* Takes the file if it is newer than what was taken before. */
static gboolean consider(Look *look, const char *file, GError **error)
{
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	SmpVersion version;

	if (!smp_bundle_add(bundle, file, 0, error))
		return FALSE;
	if (!first_version(bundle, &version)) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
			    "%s holds no application", file);
		return FALSE;
	}
	if (look->bundle && smp_version_compare(&version, &look->version, TRUE) <= 0)
		return TRUE;
	g_clear_pointer(&look->bundle, smp_bundle_free);
	look->bundle = g_steal_pointer(&bundle);
	look->version = version;
	g_free(look->wanted->file);
	look->wanted->file = g_strdup(file);
	return TRUE;
}

static gboolean is_firmware_name(const char *name)
{
	return name[0] != '.' && (g_str_has_suffix(name, ".bin") ||
				  g_str_has_suffix(name, ".hex") || g_str_has_suffix(name, ".zip"));
}

/* Other files may lie there; one that is damaged does not hide the others. */
static gboolean look_into_folder(Look *look, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(look->path, 0, error);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(look->path, name, NULL);
		g_autoptr(GError) local = NULL;
		if (is_firmware_name(name) && !consider(look, file, &local))
			g_message("%s", local->message);
	}
	if (dir && !look->bundle)
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
			    "%s holds no firmware (*.bin, *.hex, *.zip)", look->path);
	return look->bundle != NULL;
}

static void fill(SmpdWanted *wanted, const SmpBundle *bundle)
{
	wanted->id = smpd_bundle_id(bundle);
	wanted->version = smpd_bundle_version(bundle);
	for (guint i = 0; i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		const SmpdWantedImage image = {.image = item->image, .hash = item->hash};
		g_array_append_val(wanted->images, image);
	}
}

static void look_into(gpointer data)
{
	Look *look = data;
	g_autoptr(GError) error = NULL;

	look->wanted = g_new0(SmpdWanted, 1);
	look->wanted->path = g_strdup(look->path);
	look->wanted->images = g_array_new(FALSE, FALSE, sizeof(SmpdWantedImage));
	gboolean folder = g_file_test(look->path, G_FILE_TEST_IS_DIR);
	if (folder ? look_into_folder(look, &error) : consider(look, look->path, &error))
		fill(look->wanted, look->bundle);
	else
		look->wanted->problem = g_strdup(error->message);
	g_clear_pointer(&look->bundle, smp_bundle_free);
}

/* ---- in the main thread ---- */

static void start_look(Entry *entry);

static void looked(gpointer data)
{
	g_autofree Look *look = data;
	SmpdWantedCache *cache = look->cache;
	Entry *entry = g_hash_table_lookup(cache->entries, look->path);

	g_free(look->path);
	if (!entry) {
		wanted_free(look->wanted);
		return;
	}
	entry->looking = FALSE;
	wanted_free(entry->wanted);
	entry->wanted = look->wanted;
	if (entry->again)
		start_look(entry);
	smpd_supervise_all(cache->daemon);
}

static void start_look(Entry *entry)
{
	Look *look = g_new0(Look, 1);

	entry->again = entry->looking;
	if (entry->looking) {
		g_free(look);
		return;
	}
	entry->looking = TRUE;
	look->cache = entry->cache;
	look->path = g_strdup(entry->path);
	smpd_task_run(entry->cache->daemon, SMPD_TASK_DISK, look_into, looked, look);
}

static gboolean settled(gpointer data)
{
	Entry *entry = data;

	entry->timer = 0;
	start_look(entry);
	return G_SOURCE_REMOVE;
}

static void on_changed(GFileMonitor *monitor G_GNUC_UNUSED, GFile *file G_GNUC_UNUSED,
		       GFile *other G_GNUC_UNUSED, GFileMonitorEvent event G_GNUC_UNUSED,
		       gpointer data)
{
	Entry *entry = data;

	g_clear_handle_id(&entry->timer, g_source_remove);
	entry->timer = g_timeout_add(SETTLE_MS, settled, entry);
}

static void watch(Entry *entry)
{
	g_autoptr(GFile) file = g_file_new_for_path(entry->path);
	g_autoptr(GError) error = NULL;

	entry->monitor = g_file_monitor(file, G_FILE_MONITOR_WATCH_MOVES, NULL, &error);
	if (entry->monitor)
		g_signal_connect(entry->monitor, "changed", G_CALLBACK(on_changed), entry);
	else
		g_warning("%s is not watched for changes: %s", entry->path, error->message);
}

const SmpdWanted *smpd_wanted_get(SmpdWantedCache *cache, const char *path)
{
	Entry *entry = g_hash_table_lookup(cache->entries, path);

	if (entry)
		return entry->wanted;
	entry = g_new0(Entry, 1);
	entry->cache = cache;
	entry->path = g_strdup(path);
	g_hash_table_insert(cache->entries, g_strdup(path), entry);
	watch(entry);
	start_look(entry);
	return NULL;
}

static gboolean is_needed(SmpdDaemon *daemon, const char *path)
{
	GHashTableIter iter;
	gpointer device;

	g_hash_table_iter_init(&iter, daemon->devices);
	while (g_hash_table_iter_next(&iter, NULL, &device)) {
		if (g_strcmp0(((SmpdDevice *)device)->config->rules.firmware, path) == 0)
			return TRUE;
	}
	return FALSE;
}

void smpd_wanted_refresh(SmpdWantedCache *cache)
{
	GHashTableIter iter;
	gpointer path, entry;

	g_hash_table_iter_init(&iter, cache->entries);
	while (g_hash_table_iter_next(&iter, &path, &entry)) {
		if (is_needed(cache->daemon, path))
			start_look(entry);
		else
			g_hash_table_iter_remove(&iter);
	}
}

SmpdWantedCache *smpd_wanted_cache_new(SmpdDaemon *daemon)
{
	SmpdWantedCache *cache = g_new0(SmpdWantedCache, 1);

	cache->daemon = daemon;
	cache->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
	return cache;
}

void smpd_wanted_cache_free(SmpdWantedCache *cache)
{
	g_hash_table_unref(cache->entries);
	g_free(cache);
}

static gboolean is_one_of(const SmpdWanted *wanted, guint image, const SmpHash *hash)
{
	for (guint i = 0; i < wanted->images->len; i++) {
		const SmpdWantedImage *one = &g_array_index(wanted->images, SmpdWantedImage, i);
		if (one->image == image && smp_hash_equal(&one->hash, hash))
			return TRUE;
	}
	return FALSE;
}

static gboolean runs_image(const SmpdWanted *wanted, const SmpBoard *board, guint image,
			   SmpUpdateMode mode)
{
	for (guint i = 0; i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		gboolean kept = slot->confirmed || !smp_board_can_revert(board);

		if (slot->image != image || !is_one_of(wanted, image, &slot->hash))
			continue;
		if (mode == SMP_UPDATE_UPLOAD_ONLY ||
		    (slot->active && (kept || mode == SMP_UPDATE_TEST_ONLY)))
			return TRUE;
	}
	return FALSE;
}

/* Of variants for two slots one is enough. */
gboolean smpd_wanted_runs(const SmpdWanted *wanted, const SmpBoard *board, SmpUpdateMode mode)
{
	if (!board || !board->images || wanted->images->len == 0)
		return FALSE;
	for (guint i = 0; i < wanted->images->len; i++) {
		if (!runs_image(wanted, board,
				g_array_index(wanted->images, SmpdWantedImage, i).image, mode))
			return FALSE;
	}
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/storage.h"

static const char *const groups[] = {[SIM_STORED_SETTING] = "settings",
				     [SIM_STORED_FILE] = "files",
				     [SIM_STORED_STATISTIC] = "statistics"};

struct SimStorage {
	char *path;
	GHashTable *items[SIM_N_STORED]; /* of GBytes by name */
};

static void load_group(SimStorage *storage, GKeyFile *file, SimStored kind)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, groups[kind], NULL, NULL);

	for (char **key = keys; key && *key; key++) {
		g_autofree char *text = g_key_file_get_string(file, groups[kind], *key, NULL);
		char *name = g_uri_unescape_string(*key, NULL);
		gsize size;
		guchar *data = name && text ? g_base64_decode(text, &size) : NULL;
		if (data)
			g_hash_table_insert(storage->items[kind], name,
					    g_bytes_new_take(data, size));
		else
			g_free(name);
	}
}

SimStorage *sim_storage_new(const char *path, GError **error)
{
	g_autoptr(SimStorage) storage = g_new0(SimStorage, 1);
	g_autoptr(GKeyFile) file = g_key_file_new();

	for (guint kind = 0; kind < SIM_N_STORED; kind++)
		storage->items[kind] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
							     (GDestroyNotify)g_bytes_unref);
	if (!path)
		return g_steal_pointer(&storage);
	storage->path = g_strdup(path);
	if (g_file_test(path, G_FILE_TEST_EXISTS) &&
	    !g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error)) {
		g_prefix_error(error, "cannot read %s: ", path);
		return NULL;
	}
	for (guint kind = 0; kind < SIM_N_STORED; kind++)
		load_group(storage, file, (SimStored)kind);
	return g_steal_pointer(&storage);
}

void sim_storage_free(SimStorage *storage)
{
	if (!storage)
		return;
	for (guint kind = 0; kind < SIM_N_STORED; kind++)
		g_clear_pointer(&storage->items[kind], g_hash_table_unref);
	g_free(storage->path);
	g_free(storage);
}

static void save(const SimStorage *storage)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) error = NULL;
	gpointer name, bytes;

	if (!storage->path)
		return;
	for (guint kind = 0; kind < SIM_N_STORED; kind++) {
		GHashTableIter iter;

		g_hash_table_iter_init(&iter, storage->items[kind]);
		while (g_hash_table_iter_next(&iter, &name, &bytes)) {
			g_autofree char *key = g_uri_escape_string(name, "/", FALSE);
			gsize size;
			const guchar *data = g_bytes_get_data(bytes, &size);
			g_autofree char *text = g_base64_encode(data, size);
			g_key_file_set_string(file, groups[kind], key, text);
		}
	}
	if (!g_key_file_save_to_file(file, storage->path, &error))
		g_printerr("smpsim: cannot keep %s: %s\n", storage->path, error->message);
}

GBytes *sim_storage_get(const SimStorage *storage, SimStored kind, const char *name)
{
	return g_hash_table_lookup(storage->items[kind], name);
}

void sim_storage_set(SimStorage *storage, SimStored kind, const char *name, GBytes *bytes)
{
	if (bytes)
		g_hash_table_insert(storage->items[kind], g_strdup(name), g_bytes_ref(bytes));
	else
		g_hash_table_remove(storage->items[kind], name);
	save(storage);
}

void sim_storage_foreach(const SimStorage *storage, SimStored kind, GHFunc function, gpointer data)
{
	g_hash_table_foreach(storage->items[kind], function, data);
}

void sim_storage_clear(SimStorage *storage, SimStored kind)
{
	if (g_hash_table_size(storage->items[kind]) == 0)
		return;
	g_hash_table_remove_all(storage->items[kind]);
	save(storage);
}

gsize sim_storage_size(const SimStorage *storage, SimStored kind)
{
	GHashTableIter iter;
	gpointer bytes;
	gsize size = 0;

	g_hash_table_iter_init(&iter, storage->items[kind]);
	while (g_hash_table_iter_next(&iter, NULL, &bytes))
		size += g_bytes_get_size(bytes);
	return size;
}

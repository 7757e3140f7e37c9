/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SimStorage: what an application keeps in flash besides images: settings and files, by name; and
 * the counters that go on when smpsim is started again.
 *
 * Changes are there at once and whole: neither a settings back end nor littlefs leaves half of one.
 */
typedef struct SimStorage SimStorage;

typedef enum {
	SIM_STORED_SETTING,
	SIM_STORED_FILE,
	SIM_STORED_STATISTIC,
	SIM_N_STORED,
} SimStored;

/* @path: (nullable): file that keeps the contents */
SimStorage *sim_storage_new(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sim_storage_free(SimStorage *storage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimStorage, sim_storage_free)

/* Returns: (transfer none) (nullable) */
GBytes *sim_storage_get(const SimStorage *storage, SimStored kind, const char *name);
/* @bytes: (nullable): nothing to delete it */
void sim_storage_set(SimStorage *storage, SimStored kind, const char *name, GBytes *bytes);
/* @function: gets the name, the GBytes and @data */
void sim_storage_foreach(const SimStorage *storage, SimStored kind, GHFunc function, gpointer data);
void sim_storage_clear(SimStorage *storage, SimStored kind);
/* Bytes of all contents of that kind. */
gsize sim_storage_size(const SimStorage *storage, SimStored kind);

G_END_DECLS

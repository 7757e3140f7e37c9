/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The state folder: jobs/ID/{job,FILES…}, boards/ (the library's journals), records/DEVICE. All of
 * it is written durably; nothing here is for the main thread, which must not wait for a disk. */

#include "daemon/order.h"
#include "daemon/policy.h"

#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

typedef struct SmpdStore SmpdStore;

/* Makes the folders. @error: where they cannot be used, or another daemon does */
SmpdStore *smpd_store_open(const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smpd_store_free(SmpdStore *store);

/**
 * smpd_store_load:
 * @damaged: (element-type utf8): what could not be read and was put aside, is added to
 *
 * Returns: (transfer full) (element-type SmpdOrder): all jobs, oldest first
 */
GPtrArray *smpd_store_load(SmpdStore *store, GPtrArray *damaged);

/* Returns: (transfer full): an id that no job had before. Only for the main thread. */
char *smpd_store_next_id(SmpdStore *store);

/**
 * smpd_store_add:
 * @order: with its id
 * @fds: (nullable): a file for each of @names
 * @names: (nullable): what the caller calls them
 *
 * Copies the files, hashes them on the way, and makes the job's folder appear as a whole.
 */
gboolean smpd_store_add(SmpdStore *store, SmpdOrder *order, GUnixFDList *fds, char **names,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the order anew. */
gboolean smpd_store_save(SmpdStore *store, const SmpdOrder *order,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smpd_store_remove(SmpdStore *store, const char *id);
/* The files of a job that has ended: only what is said of it is kept. */
void smpd_store_drop_files(SmpdStore *store, const SmpdOrder *order);

/**
 * smpd_store_bundle:
 *
 * Returns: (transfer full): the job's images, after their sums were compared
 */
SmpBundle *smpd_store_bundle(SmpdStore *store, const SmpdOrder *order,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where the library's journals are. */
const char *smpd_store_boards(const SmpdStore *store);

void smpd_store_load_record(SmpdStore *store, const char *device, SmpdRecord *record);
gboolean smpd_store_save_record(SmpdStore *store, const char *device, const SmpdRecord *record,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

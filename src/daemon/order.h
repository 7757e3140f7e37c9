/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a job is to do and how it ended: what is kept of it on disk. */

#include "daemon/configuration.h"

#include <smp/update.h>

G_BEGIN_DECLS

/**
 * SmpdOrder:
 * @id: a number as text
 * @target: where the device was when it began
 * @files: their names in the job's folder
 * @images: (element-type guint): image number of each
 * @sums: SHA-256 of each, in hexadecimal
 * @bootloader: (nullable): "auto", "s0", "s1": of the package its bootloader
 * @firmware: which images these are (smpd_bundle_id())
 * @slots: (nullable): of a rollback, once it is known: smp_trial_names()
 * @result: (nullable): %NULL as long as it has not ended
 */
typedef struct {
	char *id;
	char *device;
	char *target;
	char *kind;
	char *started_by;
	guint32 uid;
	char **files;
	GArray *images;
	char **sums;
	char *bootloader;
	char *firmware;
	char *version;
	char **slots;
	int rollback_image; /* -1 for all */
	SmpPolicy policy;
	guint window;
	gint64 created;
	gint64 started;
	gint64 ended;
	char *result;
	char *message;
	char *detail;
	char *error;
	guint64 bytes;
} SmpdOrder;

SmpdOrder *smpd_order_new(const char *kind, const char *device, const char *target);
void smpd_order_free(SmpdOrder *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpdOrder, smpd_order_free)

gboolean smpd_order_by_policy(const SmpdOrder *order);

GKeyFile *smpd_order_to_keys(const SmpdOrder *order);
/* @id: the folder that it was found in */
SmpdOrder *smpd_order_from_keys(const char *id, GKeyFile *keys,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the images by number and hash, in the bundle's order */
char *smpd_bundle_id(const SmpBundle *bundle);
/* Returns: (transfer full): "1.2.3", or "0: 1.2.3, 1: 2.0.0" */
char *smpd_bundle_version(const SmpBundle *bundle);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The firmware that rules name: looked into in a thread, and again whenever it changes. */

#include "daemon/device.h"

G_BEGIN_DECLS

/* An image of it. */
typedef struct {
	guint image;
	SmpHash hash;
} SmpdWantedImage;

/**
 * SmpdWanted:
 * @path: as the rules name it, a file or a folder
 * @file: (nullable): the file, or the newest in the folder
 * @id: (nullable): smpd_bundle_id() of it
 * @problem: (nullable): why it cannot be used
 * @images: (element-type SmpdWantedImage)
 */
typedef struct {
	char *path;
	char *file;
	char *id;
	char *version;
	char *problem;
	GArray *images;
} SmpdWanted;

SmpdWantedCache *smpd_wanted_cache_new(SmpdDaemon *daemon);
void smpd_wanted_cache_free(SmpdWantedCache *cache);

/* Returns: (nullable): what is known of @path; %NULL while it is looked into for the first time:
 * all devices are supervised anew when that is done */
const SmpdWanted *smpd_wanted_get(SmpdWantedCache *cache, const char *path);

/* Looks at all of them again, and drops those that no device needs. */
void smpd_wanted_refresh(SmpdWantedCache *cache);

/* Whether the board runs it, as far as @mode wants it to. */
gboolean smpd_wanted_runs(const SmpdWanted *wanted, const SmpBoard *board, SmpUpdateMode mode);

G_END_DECLS

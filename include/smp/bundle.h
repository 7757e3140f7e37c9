/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/firmware.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/**
 * SmpBundleItem: one image of an update.
 * @firmware: (nullable): the file; %NULL for an image that is in a slot of the board already
 * @image: number of the image pair it is for
 * @slot: the slot it was linked for (direct XIP); -1 for any
 * @hash, @version, @name: of the image, for a person the name
 * @board, @soc: (nullable): what it was built for
 * @network_core: for another core, from which nothing can be read back
 * @signature_problem: (nullable): why none of the given keys signed it; %NULL also where none is
 * given
 * @installed_counter: security counter of what the board was given before; -1 where not known
 */
typedef struct {
	SmpFirmware *firmware;
	guint image;
	int slot;
	SmpHash hash;
	char *version;
	char *name;
	char *board;
	char *soc;
	gboolean network_core;
	char *signature_problem;
	gint64 installed_counter;
} SmpBundleItem;

/**
 * SmpBundle: the images of one update.
 * @items: (element-type SmpBundleItem): by image number; each number once
 */
typedef struct {
	GPtrArray *items;
} SmpBundle;

SmpBundle *smp_bundle_new(void);
void smp_bundle_free(SmpBundle *bundle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBundle, smp_bundle_free)

/**
 * smp_bundle_add:
 * @argument: FILE, or N:FILE with the image number (0 to 15) in front; where a file has that whole
 *   name, the file is meant
 * @image: image number where @argument has none
 *
 * Returns: FALSE with an error of smp_firmware_load(), or %SMP_UPDATE_ERROR_FILE where the image
 * number is taken or too large
 */
gboolean smp_bundle_add(SmpBundle *bundle, const char *argument, guint image,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

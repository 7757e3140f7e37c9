/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/firmware.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* One image of an update and the image number it is for. */
typedef struct {
	SmpFirmware *firmware;
	guint image;
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

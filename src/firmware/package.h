/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/bundle.h>
#include <smp/error.h>

/* Packages of the nRF Connect SDK, dfu_application.zip: a flat ZIP archive of images and a
 * manifest.json (nrfconnect/sdk-nrf scripts/bootloader/generate_zip.py, cmake/sysbuild/zip.cmake).
 */

#define SMP_PACKAGE_MANIFEST "manifest.json"
/* Sixteen images in two variants, the manifest, and some more. */
#define SMP_PACKAGE_MAX_MEMBERS 64

gboolean smp_package_detect(GBytes *bytes);

/**
 * smp_archive_read:
 * @name: for messages
 * @bytes: a ZIP archive, from anybody
 *
 * Returns: (transfer full) (element-type utf8 GBytes): the members by name: files without
 * directories, 64 MiB in all at most; %NULL with %SMP_UPDATE_ERROR_CORRUPT
 */
GHashTable *smp_archive_read(const char *name, GBytes *bytes,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One of the `files` of a manifest. Numbers are -1 and texts %NULL where it does not say. */
typedef struct {
	char *file;
	char *type;
	char *version;
	char *board;
	char *soc;
	gint64 image;
	gint64 slot;
	gint64 size;
	gint64 load_address;
} SmpManifestEntry;

/* @entries: (element-type SmpManifestEntry) */
typedef struct {
	char *name;
	gint64 time;
	char *zephyr_revision;
	char *nrf_revision;
	GPtrArray *entries;
} SmpManifest;

/* @package: for messages. Returns: (transfer full): %NULL with %SMP_UPDATE_ERROR_CORRUPT */
SmpManifest *smp_manifest_parse(const char *package, GBytes *bytes,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_manifest_free(SmpManifest *manifest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpManifest, smp_manifest_free)

/* Returns: (transfer full): the images of a package; @image is for those whose number the manifest
 * leaves open */
SmpBundle *smp_package_parse(const char *name, GBytes *bytes, guint image,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes @item over, also where it fails because its place is taken. */
gboolean smp_bundle_insert(GPtrArray *items, SmpBundleItem *item,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @firmware: (transfer full): an image of its own; what a package says of it is to be added.
 * Returns: (transfer full) */
SmpBundleItem *smp_bundle_item_new(SmpFirmware *firmware, guint image);
void smp_bundle_item_free(SmpBundleItem *item);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBundleItem, smp_bundle_item_free)

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packages: archive and manifest together. */

#include <string.h>

#include "firmware/package.h"
#include "firmware/parse.h"

typedef struct {
	const char *name;
	GHashTable *members;
	guint image; /* where the manifest has none */
	SmpBundle *bundle;
	int bootloaders; /* without a slot, so far */
} Package;

gboolean smp_is_printable(const char *text)
{
	if (!g_utf8_validate(text, -1, NULL))
		return FALSE;
	for (; *text; text = g_utf8_next_char(text))
		if (!g_unichar_isprint(g_utf8_get_char(text)))
			return FALSE;
	return TRUE;
}

gboolean smp_package_detect(GBytes *bytes)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(bytes, &size);

	return size >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

static gboolean is_bootloader(const SmpManifestEntry *entry)
{
	return g_strcmp0(entry->type, "mcuboot") == 0;
}

static gboolean check_type(const Package *package, const SmpManifestEntry *entry, GError **error)
{
	gboolean is_envelope = g_strcmp0(entry->type, "suit-envelope") == 0;

	if (!is_envelope && g_strcmp0(entry->type, "cache") != 0)
		return TRUE;
	return smp_file_fail(package->name, error, SMP_UPDATE_ERROR_NOT_MCUBOOT,
			     "is for a board that starts through SUIT, not MCUboot: %s is a "
			     "SUIT %s; such boards are updated with Nordic's own tools",
			     entry->file, is_envelope ? "envelope" : "cache");
}

/* The manifest counts slots over all images (zip.cmake, mcuboot_image_number_to_slot()); other
 * writers count those of one image. */
static gboolean resolve_slot(Package *package, const SmpManifestEntry *entry, SmpBundleItem *item,
			     GError **error)
{
	gint64 first = 2 * (gint64)item->image;

	if (entry->slot == first || entry->slot == first + 1)
		item->slot = (int)(entry->slot - first);
	else
		item->slot = (int)entry->slot;
	/* Before nRF Connect SDK 3.0 the variants of the bootloader stand in this order (Android's
	 * ZipPackage.java). */
	if (item->slot < 0 && is_bootloader(entry))
		item->slot = package->bootloaders++;
	if (item->slot > 1)
		return smp_file_fail(package->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "cannot be used: %s is for slot %d, which image %u does "
				     "not have; build it again",
				     entry->file, MAX(item->slot, (int)entry->slot), item->image);
	return TRUE;
}

static GBytes *find_member(const Package *package, const SmpManifestEntry *entry, GError **error)
{
	GBytes *bytes = g_hash_table_lookup(package->members, entry->file);

	if (!bytes) {
		smp_file_fail(package->name, error, SMP_UPDATE_ERROR_CORRUPT,
			      "lists %s, which is not in it; build or copy it again", entry->file);
		return NULL;
	}
	gsize size = g_bytes_get_size(bytes);
	if (entry->size >= 0 && (gsize)entry->size != size) {
		smp_file_fail(package->name, error, SMP_UPDATE_ERROR_CORRUPT,
			      "is damaged: its manifest says that %s has %" G_GINT64_FORMAT
			      " bytes, and it has %" G_GSIZE_FORMAT "; build or copy it again",
			      entry->file, entry->size, size);
		return NULL;
	}
	return bytes;
}

static void fill_item(const Package *package, const SmpManifestEntry *entry, SmpBundleItem *item)
{
	item->package = g_strdup(package->name);
	item->type = g_strdup(entry->type);
	item->package_version = g_strdup(entry->version);
	item->board = g_strdup(entry->board);
	item->soc = g_strdup(entry->soc);
	item->load_address = entry->load_address;
	item->bootloader = is_bootloader(entry);
	if (smp_address_is_network_core(entry->load_address) ||
	    (entry->board && strstr(entry->board, "cpunet")))
		item->network_core = TRUE;
}

static gboolean add_entry(Package *package, const SmpManifestEntry *entry, GError **error)
{
	guint image = entry->image < 0 ? package->image : (guint)entry->image;
	GBytes *bytes;

	if (!check_type(package, entry, error) || !(bytes = find_member(package, entry, error)))
		return FALSE;
	SmpFirmware *firmware = smp_firmware_parse(entry->file, bytes, error);
	if (!firmware) {
		g_prefix_error(error, "%s: ", package->name);
		return FALSE;
	}
	g_autoptr(SmpBundleItem) item = smp_bundle_item_new(firmware, image);
	fill_item(package, entry, item);
	if (!resolve_slot(package, entry, item, error))
		return FALSE;
	return smp_bundle_insert(is_bootloader(entry) ? package->bundle->bootloaders
						      : package->bundle->items,
				 g_steal_pointer(&item), error);
}

SmpBundle *smp_package_parse(const char *name, GBytes *bytes, guint image, GError **error)
{
	g_autoptr(GHashTable) members = smp_archive_read(name, bytes, error);
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	Package package = {name, members, image, bundle, 0};

	if (!members)
		return NULL;
	GBytes *text = g_hash_table_lookup(members, SMP_PACKAGE_MANIFEST);
	if (!text) {
		smp_file_fail(name, error, SMP_UPDATE_ERROR_CORRUPT,
			      "is a ZIP archive without " SMP_PACKAGE_MANIFEST
			      ": no package of the nRF Connect SDK; unpack it and give the "
			      "signed images in it, each with its image number (0:FILE 1:FILE)");
		return NULL;
	}
	g_autoptr(SmpManifest) manifest = smp_manifest_parse(name, text, error);
	if (!manifest)
		return NULL;
	for (guint i = 0; i < manifest->entries->len; i++)
		if (!add_entry(&package, g_ptr_array_index(manifest->entries, i), error))
			return NULL;
	bundle->name = g_steal_pointer(&manifest->name);
	bundle->time = manifest->time;
	bundle->zephyr_revision = g_steal_pointer(&manifest->zephyr_revision);
	bundle->nrf_revision = g_steal_pointer(&manifest->nrf_revision);
	return g_steal_pointer(&bundle);
}

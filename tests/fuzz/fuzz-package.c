/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A package: an archive from anybody, or, for what an archive's checksums would keep from the
 * manifest's reader, a manifest alone. */

#include "firmware/package.h"
#include "tests/fuzz/fuzz.h"

static void check_error(const GError *error)
{
	g_assert_nonnull(error);
	g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void check_items(const GPtrArray *items)
{
	for (guint i = 0; i < items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(items, i);
		g_assert_nonnull(item->firmware);
		g_assert_cmpuint(item->image, <=, 15);
		g_assert_true(item->slot >= -1 && item->slot <= 1);
		g_assert_true(item->load_address >= -1 && item->load_address <= G_MAXUINT32);
	}
}

static void run_package(GBytes *bytes)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpBundle) bundle = smp_package_parse("fuzz", bytes, 0, &error);

	if (!bundle) {
		check_error(error);
		return;
	}
	g_assert_no_error(error);
	g_assert_cmpuint(bundle->items->len + bundle->bootloaders->len, >, 0);
	check_items(bundle->items);
	check_items(bundle->bootloaders);
}

static void run_manifest(GBytes *bytes)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpManifest) manifest = smp_manifest_parse("fuzz", bytes, &error);

	if (!manifest) {
		check_error(error);
		return;
	}
	for (guint i = 0; i < manifest->entries->len; i++) {
		const SmpManifestEntry *entry = g_ptr_array_index(manifest->entries, i);
		g_assert_nonnull(entry->file);
		g_assert_cmpint(entry->image, <=, 15);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);

	if (smp_package_detect(bytes))
		run_package(bytes);
	else
		run_manifest(bytes);
	return 0;
}

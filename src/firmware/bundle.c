/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/bundle.h>
#include <smp/key.h>

#include <string.h>

#include <smp/error.h>

#include "firmware/package.h"
#include "firmware/parse.h"

#define MAX_IMAGE 15

SmpBundleItem *smp_bundle_item_new(SmpFirmware *firmware, guint image)
{
	SmpBundleItem *item = g_new0(SmpBundleItem, 1);
	guint32 stack, reset;

	item->firmware = firmware;
	item->image = image;
	item->slot = -1;
	item->load_address = -1;
	item->installed_counter = -1;
	item->hash = firmware->hash;
	item->version = smp_version_to_string(&firmware->version);
	item->name = g_strdup(firmware->name);
	item->network_core = smp_firmware_vectors(firmware, &stack, &reset) &&
			     smp_address_is_network_core(reset);
	return item;
}

void smp_bundle_item_free(SmpBundleItem *item)
{
	if (!item)
		return;
	smp_firmware_free(item->firmware);
	g_free(item->package);
	g_free(item->type);
	g_free(item->version);
	g_free(item->name);
	g_free(item->signature_problem);
	g_free(item->package_version);
	g_free(item->board);
	g_free(item->soc);
	g_free(item);
}

static void item_free(gpointer data)
{
	smp_bundle_item_free(data);
}

SmpBundle *smp_bundle_new(void)
{
	SmpBundle *bundle = g_new0(SmpBundle, 1);

	bundle->items = g_ptr_array_new_with_free_func(item_free);
	bundle->bootloaders = g_ptr_array_new_with_free_func(item_free);
	return bundle;
}

void smp_bundle_free(SmpBundle *bundle)
{
	if (!bundle)
		return;
	/* add_package() empties them. */
	g_clear_pointer(&bundle->items, g_ptr_array_unref);
	g_clear_pointer(&bundle->bootloaders, g_ptr_array_unref);
	g_free(bundle->name);
	g_free(bundle->zephyr_revision);
	g_free(bundle->nrf_revision);
	g_free(bundle);
}

/* Takes the image number off "N:FILE"; a file that has that whole name is meant itself. */
static gboolean split_argument(const char *argument, const char **path, guint *image,
			       GError **error)
{
	gsize digits = strspn(argument, "0123456789");

	*path = argument;
	if (digits == 0 || argument[digits] != ':' || g_file_test(argument, G_FILE_TEST_EXISTS))
		return TRUE;
	guint64 number = g_ascii_strtoull(argument, NULL, 10);
	if (number > MAX_IMAGE) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
			    "%s: image number %.*s is above %d", argument, (int)MIN(digits, 20),
			    argument, MAX_IMAGE);
		return FALSE;
	}
	*image = (guint)number;
	*path = argument + digits + 1;
	return TRUE;
}

static char *describe(const SmpBundleItem *item)
{
	return item->package ? g_strdup_printf("%s in %s", item->firmware->name, item->package)
			     : g_strdup(item->firmware->name);
}

static gboolean refuse_both(const SmpBundleItem *first, const SmpBundleItem *second, GError **error)
{
	g_autofree char *one = describe(first);
	g_autofree char *other = describe(second);
	g_autofree char *slot = first->slot >= 0 && first->slot == second->slot
					? g_strdup_printf(", slot %d", first->slot)
					: g_strdup("");
	g_autofree char *advice =
		second->package
			? g_strdup(first->package ? "build the package again" : "leave one out")
			: g_strdup_printf("put another image number before one of them, as in "
					  "%u:FILE",
					  first->image + 1);

	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
		    "%s and %s are both for image %u%s; %s", one, other, first->image, slot,
		    advice);
	return FALSE;
}

/* Variants for different slots go together. */
static gboolean same_place(const SmpBundleItem *a, const SmpBundleItem *b)
{
	return a->image == b->image && (a->slot < 0 || b->slot < 0 || a->slot == b->slot);
}

static gboolean check_place(const GPtrArray *items, const SmpBundleItem *item, GError **error)
{
	for (guint i = 0; i < items->len; i++)
		if (same_place(g_ptr_array_index(items, i), item))
			return refuse_both(g_ptr_array_index(items, i), item, error);
	return TRUE;
}

static gint compare_items(gconstpointer a, gconstpointer b)
{
	const SmpBundleItem *first = *(const SmpBundleItem *const *)a;
	const SmpBundleItem *second = *(const SmpBundleItem *const *)b;

	if (first->image != second->image)
		return first->image < second->image ? -1 : 1;
	return first->slot - second->slot;
}

gboolean smp_bundle_insert(GPtrArray *items, SmpBundleItem *item, GError **error)
{
	if (!check_place(items, item, error)) {
		smp_bundle_item_free(item);
		return FALSE;
	}
	g_ptr_array_add(items, item);
	g_ptr_array_sort(items, compare_items);
	return TRUE;
}

static gboolean check_places(const GPtrArray *items, const GPtrArray *more, GError **error)
{
	for (guint i = 0; i < more->len; i++)
		if (!check_place(items, g_ptr_array_index(more, i), error))
			return FALSE;
	return TRUE;
}

/* What the first package says stays. */
static void take_facts(SmpBundle *bundle, SmpBundle *package)
{
	if (!bundle->name)
		bundle->name = g_steal_pointer(&package->name);
	if (bundle->time == 0)
		bundle->time = package->time;
	if (!bundle->zephyr_revision)
		bundle->zephyr_revision = g_steal_pointer(&package->zephyr_revision);
	if (!bundle->nrf_revision)
		bundle->nrf_revision = g_steal_pointer(&package->nrf_revision);
}

static gboolean add_package(SmpBundle *bundle, const char *name, GBytes *bytes, guint image,
			    GError **error)
{
	g_autoptr(SmpBundle) package = smp_package_parse(name, bytes, image, error);

	if (!package || !check_places(bundle->items, package->items, error) ||
	    !check_places(bundle->bootloaders, package->bootloaders, error))
		return FALSE;
	g_ptr_array_extend_and_steal(bundle->items, g_steal_pointer(&package->items));
	g_ptr_array_extend_and_steal(bundle->bootloaders, g_steal_pointer(&package->bootloaders));
	g_ptr_array_sort(bundle->items, compare_items);
	g_ptr_array_sort(bundle->bootloaders, compare_items);
	take_facts(bundle, package);
	return TRUE;
}

gboolean smp_bundle_add(SmpBundle *bundle, const char *argument, guint image, GError **error)
{
	const char *path;

	if (!split_argument(argument, &path, &image, error))
		return FALSE;
	g_autoptr(GBytes) bytes = smp_firmware_read_file(path, error);
	if (!bytes)
		return FALSE;
	g_autofree char *name = g_filename_display_basename(path);
	if (smp_package_detect(bytes)) {
		if (path == argument)
			return add_package(bundle, name, bytes, image, error);
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
			    "%s is a package, whose manifest tells the image numbers; give it "
			    "without the number in front",
			    argument);
		return FALSE;
	}
	SmpFirmware *firmware = smp_firmware_parse(name, bytes, error);
	return firmware &&
	       smp_bundle_insert(bundle->items, smp_bundle_item_new(firmware, image), error);
}

gboolean smp_bundle_use_bootloaders(SmpBundle *bundle, int variant, GError **error)
{
	for (guint i = bundle->bootloaders->len; i-- > 0;) {
		SmpBundleItem *item = g_ptr_array_index(bundle->bootloaders, i);
		item->picked = item->slot == variant;
		if (variant >= 0 && !item->picked)
			g_ptr_array_remove_index(bundle->bootloaders, i);
	}
	if (bundle->bootloaders->len == 0) {
		g_autofree char *which = variant < 0
						 ? g_strdup("no bootloader")
						 : g_strdup_printf("no bootloader s%d", variant);
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
			    "the package holds %s; `smpctl image inspect` shows what it holds",
			    which);
		return FALSE;
	}
	g_ptr_array_unref(bundle->items);
	bundle->items = bundle->bootloaders;
	bundle->bootloaders = g_ptr_array_new_with_free_func(item_free);
	return TRUE;
}

gboolean smp_bootloader_parse(const char *text, int *variant)
{
	static const char *const variants[] = {"auto", "s0", "s1"};

	for (int i = 0; i < (int)G_N_ELEMENTS(variants); i++) {
		if (!g_str_equal(text, variants[i]))
			continue;
		if (variant)
			*variant = i - 1;
		return TRUE;
	}
	return FALSE;
}

gboolean smp_bundle_check_signatures(SmpBundle *bundle, char *const *keys, GError **error)
{
	g_autoptr(SmpKeySet) set = smp_key_set_new();

	for (; keys && *keys; keys++) {
		if (!smp_key_set_add(set, *keys, error))
			return FALSE;
	}
	for (guint i = 0; smp_key_set_size(set) > 0 && i < bundle->items->len; i++) {
		SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		g_auto(SmpVerdict) verdict = {0};
		if (item->firmware && !smp_firmware_verify(item->firmware, set, &verdict, NULL))
			item->signature_problem = smp_verdict_to_string(&verdict);
	}
	return TRUE;
}

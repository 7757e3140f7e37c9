/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/bundle.h>

#include <string.h>

#include <smp/error.h>

#define MAX_IMAGE 15

static void item_free(gpointer data)
{
	SmpBundleItem *item = data;

	smp_firmware_free(item->firmware);
	g_free(item->version);
	g_free(item->name);
	g_free(item->board);
	g_free(item->soc);
	g_free(item->signature_problem);
	g_free(item);
}

SmpBundle *smp_bundle_new(void)
{
	SmpBundle *bundle = g_new0(SmpBundle, 1);

	bundle->items = g_ptr_array_new_with_free_func(item_free);
	return bundle;
}

void smp_bundle_free(SmpBundle *bundle)
{
	if (!bundle)
		return;
	g_ptr_array_unref(bundle->items);
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

/* Where an image belongs among the items. FALSE where its number is taken. */
static gboolean find_place(const SmpBundle *bundle, const char *argument, guint image, int *place,
			   GError **error)
{
	guint i = 0;

	for (; i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		if (item->image > image)
			break;
		if (item->image == image) {
			g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
				    "%s and %s are both for image %u; put another image number "
				    "before one of them, as in %u:FILE",
				    item->firmware->name, argument, image, image + 1);
			return FALSE;
		}
	}
	*place = (int)i;
	return TRUE;
}

gboolean smp_bundle_add(SmpBundle *bundle, const char *argument, guint image, GError **error)
{
	const char *path;
	int place;

	if (!split_argument(argument, &path, &image, error) ||
	    !find_place(bundle, path, image, &place, error))
		return FALSE;
	SmpFirmware *firmware = smp_firmware_load(path, error);
	if (!firmware)
		return FALSE;
	SmpBundleItem *item = g_new(SmpBundleItem, 1);
	*item = (SmpBundleItem){
		.firmware = firmware,
		.image = image,
		.slot = -1,
		.hash = firmware->hash,
		.version = smp_version_to_string(&firmware->version),
		.name = g_strdup(firmware->name),
		.network_core = smp_firmware_is_network_core(firmware),
		.installed_counter = -1,
	};
	g_ptr_array_insert(bundle->items, place, item);
	return TRUE;
}

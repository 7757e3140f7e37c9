/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hashes of the images that a board was seen to have, for the completion of commands in a
 * shell, which asks no board. That it cannot be read or written is no error. Nobody else may read
 * it. */

#include "cli.h"

#include <glib/gstdio.h>
#include <string.h>

#define FILE_NAME   "images"
#define IMAGES	    "images"
#define MOST_BOARDS 32
#define MOST_IMAGES 16

static char *cache_path(void)
{
	return g_build_filename(g_get_user_cache_dir(), "smpctl", FILE_NAME, NULL);
}

/* Brackets, which addresses have, cannot be in the name of a group. */
static char *group_of(SmpLink *link)
{
	return g_compute_checksum_for_string(G_CHECKSUM_SHA256, smp_link_get_target(link), -1);
}

/* "HASH VERSION in slot 1 of image 0" */
static char **describe(const SmpImageState *state)
{
	g_autoptr(GStrvBuilder) images = g_strv_builder_new();

	for (guint i = 0; i < MIN(state->slots->len, MOST_IMAGES); i++) {
		const SmpImageSlot *slot = g_ptr_array_index(state->slots, i);
		g_autofree char *hash = smp_hash_to_string(&slot->hash);
		g_autofree char *version = smpctl_clean(slot->version);
		g_autofree char *line =
			g_strdup_printf("%s %.40s in slot %u of image %u%s", hash, version,
					slot->slot, slot->image, slot->active ? ", runs" : "");
		if (slot->hash.size)
			g_strv_builder_add(images, line);
	}
	return g_strv_builder_end(images);
}

/* The last one written is the last in the file; the oldest go. */
static void forget_oldest(GKeyFile *file)
{
	gsize n;
	g_auto(GStrv) groups = g_key_file_get_groups(file, &n);

	for (gsize i = 0; i + MOST_BOARDS <= n; i++)
		g_key_file_remove_group(file, groups[i], NULL);
}

void smpctl_remember_images(SmpLink *link, const SmpImageState *state)
{
	g_autofree char *path = cache_path();
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *group = group_of(link);
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_auto(GStrv) images = describe(state);
	g_autofree char *text = NULL;
	gsize size;

	g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
	g_auto(GStrv) before = g_key_file_get_string_list(file, group, IMAGES, NULL, NULL);
	if (before && g_strv_equal((const char *const *)before, (const char *const *)images))
		return;
	g_key_file_remove_group(file, group, NULL);
	forget_oldest(file);
	g_key_file_set_string_list(file, group, IMAGES, (const char *const *)images,
				   g_strv_length(images));
	text = g_key_file_to_data(file, &size, NULL);
	if (g_mkdir_with_parents(folder, 0700) == 0)
		(void)g_file_set_contents_full(path, text, (gssize)size,
					       G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}

char **smpctl_recall_images(SmpLink *link)
{
	g_autofree char *path = cache_path();
	g_autofree char *group = group_of(link);
	g_autoptr(GKeyFile) file = g_key_file_new();

	g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
	return g_key_file_get_string_list(file, group, IMAGES, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Saved connections: ~/.mcumgr.cp.json, shared with the Go tool (newtmgr/config/connprofile.go): an
 * array of objects, sorted by name, indented by four blanks. Keys that we do not know stay. */

#include "cli.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>

#define FILE_NAME ".mcumgr.cp.json"

void smpctl_profile_free(SmpctlProfile *profile)
{
	g_free(profile->name);
	g_free(profile->type);
	g_free(profile->connstring);
	g_clear_pointer(&profile->other, json_object_unref);
	g_free(profile);
}

/* The file itself where a link leads to it: it is replaced as a whole. */
static char *file_path(void)
{
	g_autofree char *path = g_build_filename(g_get_home_dir(), FILE_NAME, NULL);
	char *real = realpath(path, NULL);
	char *copy = real ? g_strdup(real) : NULL;

	free(real);
	return copy ? copy : g_steal_pointer(&path);
}

static const char *get_text(JsonObject *object, const char *key)
{
	JsonNode *node = json_object_get_member(object, key);
	return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

static gboolean read_profile(JsonNode *node, GPtrArray *profiles)
{
	JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
	SmpctlProfile *profile;

	if (!object || !get_text(object, "MyName") || !get_text(object, "MyType"))
		return FALSE;
	profile = g_new0(SmpctlProfile, 1);
	profile->name = g_strdup(get_text(object, "MyName"));
	profile->type = g_strdup(get_text(object, "MyType"));
	profile->connstring = g_strdup(get_text(object, "MyConnString"));
	profile->other = json_object_ref(object);
	g_ptr_array_add(profiles, profile);
	return TRUE;
}

static gboolean read_profiles(JsonNode *root, GPtrArray *profiles)
{
	/* The Go tool writes `null` where nothing is left. */
	if (!root || JSON_NODE_HOLDS_NULL(root))
		return TRUE;
	if (!JSON_NODE_HOLDS_ARRAY(root))
		return FALSE;
	for (guint i = 0; i < json_array_get_length(json_node_get_array(root)); i++) {
		if (!read_profile(json_array_get_element(json_node_get_array(root), i), profiles))
			return FALSE;
	}
	return TRUE;
}

GPtrArray *smpctl_profiles_load(GError **error)
{
	g_autofree char *path = file_path();
	g_autoptr(GPtrArray) profiles =
		g_ptr_array_new_with_free_func((GDestroyNotify)smpctl_profile_free);
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GError) failed = NULL;
	g_autofree char *text = NULL;
	gsize size;

	if (!g_file_get_contents(path, &text, &size, &failed)) {
		if (g_error_matches(failed, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return g_steal_pointer(&profiles);
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED,
			    "cannot read the connection profiles: %s", failed->message);
		return NULL;
	}
	if (!json_parser_load_from_data(parser, text, (gssize)size, &failed) ||
	    !read_profiles(json_parser_get_root(parser), profiles)) {
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED,
			    "cannot read the connection profiles: %s is damaged (%s); repair it or "
			    "move it away",
			    path, failed ? failed->message : "no array of profiles");
		return NULL;
	}
	return g_steal_pointer(&profiles);
}

SmpctlProfile *smpctl_profiles_find(GPtrArray *profiles, const char *name, guint *index)
{
	for (guint i = 0; i < profiles->len; i++) {
		SmpctlProfile *profile = g_ptr_array_index(profiles, i);

		if (!g_str_equal(profile->name, name))
			continue;
		if (index)
			*index = i;
		return profile;
	}
	return NULL;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	const SmpctlProfile *const *first = a, *const *second = b;
	return g_strcmp0((*first)->name, (*second)->name);
}

static void append_member(GString *text, const char *key, JsonNode *node, gboolean first)
{
	g_autoptr(JsonNode) key_node = json_node_init_string(json_node_alloc(), key);
	g_autofree char *quoted = json_to_string(key_node, FALSE);
	g_autofree char *value = json_to_string(node, FALSE);

	g_string_append_printf(text, "%s\n        %s: %s", first ? "" : ",", quoted, value);
}

static void append_profile(GString *text, const SmpctlProfile *profile)
{
	g_autoptr(GList) keys = json_object_get_members(profile->other);
	gboolean first = TRUE;

	g_string_append_printf(text, "%s\n    {", text->len > 1 ? "," : "");
	for (GList *key = keys; key; key = key->next) {
		append_member(text, key->data, json_object_get_member(profile->other, key->data),
			      first);
		first = FALSE;
	}
	g_string_append(text, "\n    }");
}

/* json-glib's own indentation differs from the Go tool's, and a file that two programs write in
 * turn should not change where nothing changed. */
gboolean smpctl_profiles_save(GPtrArray *profiles, GError **error)
{
	g_autofree char *path = file_path();
	g_autoptr(GString) text = g_string_new("[");

	g_ptr_array_sort(profiles, by_name);
	for (guint i = 0; i < profiles->len; i++) {
		SmpctlProfile *profile = g_ptr_array_index(profiles, i);

		if (!profile->other)
			profile->other = json_object_new();
		json_object_set_string_member(profile->other, "MyName", profile->name);
		json_object_set_string_member(profile->other, "MyType", profile->type);
		json_object_set_string_member(profile->other, "MyConnString",
					      profile->connstring ? profile->connstring : "");
		append_profile(text, profile);
	}
	g_string_append(text, profiles->len ? "\n]" : "]");
	/* As Go's encoding/json does; these are in strings only. */
	g_string_replace(text, "<", "\\u003c", 0);
	g_string_replace(text, ">", "\\u003e", 0);
	g_string_replace(text, "&", "\\u0026", 0);
	if (!g_file_set_contents_full(path, text->str, (gssize)text->len,
				      G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
				      0644, error)) {
		g_prefix_error(error, "cannot save the connection profiles: ");
		return FALSE;
	}
	return TRUE;
}

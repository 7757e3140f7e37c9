/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manifest.json of a package. Its writer turns `key=value` of the build into members, with
 * values that begin with 0x as numbers and all others as text: both are taken for either. */

#include <json-glib/json-glib.h>
#include <string.h>

#include "firmware/package.h"
#include "firmware/parse.h"

#define MAX_SIZE (256 * 1024)
/* More than any package has. json-glib descends a level for each: 1.6 has no bound of its own. */
#define MAX_BRACKETS 1000
#define MAX_IMAGE    15

static gboolean refuse(const char *package, GError **error, const char *what)
{
	return smp_file_fail(package, error, SMP_UPDATE_ERROR_CORRUPT,
			     "cannot be used: its " SMP_PACKAGE_MANIFEST " %s; build it again",
			     what);
}

static void entry_free(gpointer data)
{
	SmpManifestEntry *entry = data;

	g_free(entry->file);
	g_free(entry->type);
	g_free(entry->version);
	g_free(entry->board);
	g_free(entry->soc);
	g_free(entry);
}

void smp_manifest_free(SmpManifest *manifest)
{
	if (!manifest)
		return;
	g_free(manifest->name);
	g_free(manifest->zephyr_revision);
	g_free(manifest->nrf_revision);
	g_ptr_array_unref(manifest->entries);
	g_free(manifest);
}

/* Returns: (nullable): a member that is there and not null */
static JsonNode *find(JsonObject *object, const char *key)
{
	JsonNode *node = json_object_get_member(object, key);

	return node && !JSON_NODE_HOLDS_NULL(node) ? node : NULL;
}

static gboolean parse_number(const char *text, gint64 max, gint64 *value)
{
	gboolean is_hex = g_ascii_strncasecmp(text, "0x", 2) == 0;
	guint64 number;

	if (!g_ascii_string_to_unsigned(text + (is_hex ? 2 : 0), is_hex ? 16 : 10, 0, (guint64)max,
					&number, NULL))
		return FALSE;
	*value = (gint64)number;
	return TRUE;
}

/* Reads a number from 0 to @max, from a number or a text; leaves @value alone where it is absent.
 */
static gboolean read_number(JsonObject *object, const char *key, gint64 max, gint64 *value)
{
	JsonNode *node = find(object, key);

	if (!node)
		return TRUE;
	if (!JSON_NODE_HOLDS_VALUE(node))
		return FALSE;
	if (json_node_get_value_type(node) == G_TYPE_STRING)
		return parse_number(json_node_get_string(node), max, value);
	gint64 number = json_node_get_int(node);
	if (json_node_get_value_type(node) != G_TYPE_INT64 || number < 0 || number > max)
		return FALSE;
	*value = number;
	return TRUE;
}

static gboolean read_text(JsonObject *object, const char *key, char **text)
{
	JsonNode *node = find(object, key);

	if (!node)
		return TRUE;
	if (!JSON_NODE_HOLDS_VALUE(node))
		return FALSE;
	g_clear_pointer(text, g_free);
	if (json_node_get_value_type(node) == G_TYPE_INT64)
		*text = g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
	else
		*text = json_node_dup_string(node);
	return *text && smp_is_printable(*text);
}

/* Reads {"NAME": {"revision": text}}, any part of which may be missing. */
static gboolean read_revision(JsonObject *object, const char *name, char **revision)
{
	JsonNode *node = find(object, name);

	return !node || (JSON_NODE_HOLDS_OBJECT(node) &&
			 read_text(json_node_get_object(node), "revision", revision));
}

static gboolean read_revisions(JsonObject *root, SmpManifest *manifest)
{
	JsonNode *node = find(root, "firmware");

	if (!node)
		return TRUE;
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return FALSE;
	JsonObject *firmware = json_node_get_object(node);
	return read_revision(firmware, "zephyr", &manifest->zephyr_revision) &&
	       read_revision(firmware, "nrf", &manifest->nrf_revision);
}

/* Returns: (nullable): the key whose value is not what it should be */
static const char *read_entry(JsonObject *object, SmpManifestEntry *entry)
{
	const struct {
		const char *key;
		gint64 max;
		gint64 *value;
	} numbers[] = {
		/* Nordic's readers for iOS take both (McuMgrManifest.swift); writers write the
		   second. */
		{"image", MAX_IMAGE, &entry->image},
		{"image_index", MAX_IMAGE, &entry->image},
		{"slot", 2 * MAX_IMAGE + 1, &entry->slot},
		{"size", SMP_FILE_MAX, &entry->size},
		{"load_address", G_MAXUINT32, &entry->load_address},
	};
	const struct {
		const char *key;
		char **text;
	} texts[] = {
		{"file", &entry->file},
		{"type", &entry->type},
		{"board", &entry->board},
		{"soc", &entry->soc},
		{"version", &entry->version},
		{"version_B0", &entry->version},
		{"version_MCUBOOT", &entry->version},
		{"version_MCUBOOT+XIP", &entry->version},
	};

	for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
		if (!read_number(object, numbers[i].key, numbers[i].max, numbers[i].value))
			return numbers[i].key;
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		if (!read_text(object, texts[i].key, texts[i].text))
			return texts[i].key;
	return entry->file ? NULL : "file";
}

static gboolean read_files(const char *package, JsonArray *files, SmpManifest *manifest,
			   GError **error)
{
	for (guint i = 0; i < json_array_get_length(files); i++) {
		JsonNode *node = json_array_get_element(files, i);
		if (!JSON_NODE_HOLDS_OBJECT(node))
			return refuse(package, error, "lists a file that is no JSON object");
		SmpManifestEntry *entry = g_new(SmpManifestEntry, 1);
		*entry =
			(SmpManifestEntry){.image = -1, .slot = -1, .size = -1, .load_address = -1};
		g_ptr_array_add(manifest->entries, entry);
		const char *key = read_entry(json_node_get_object(node), entry);
		if (key)
			return smp_file_fail(
				package, error, SMP_UPDATE_ERROR_CORRUPT,
				"cannot be used: in its " SMP_PACKAGE_MANIFEST
				" “%s” of file %u is missing or not what it should be; "
				"build it again",
				key, i + 1);
	}
	return TRUE;
}

static gboolean read_root(const char *package, JsonObject *root, SmpManifest *manifest,
			  GError **error)
{
	JsonNode *files = find(root, "files");
	gint64 version = 0;

	if (!read_number(root, "format-version", G_MAXINT64, &version) || version > 1)
		return smp_file_fail(package, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is of a format that this program does not know: 0 and 1 "
				     "are known; is there a newer version of this program?");
	if (!read_number(root, "time", G_MAXINT64, &manifest->time))
		return refuse(package, error, "has a time that is no number");
	if (!read_text(root, "name", &manifest->name))
		return refuse(package, error, "has a name that is no text");
	if (!read_revisions(root, manifest))
		return refuse(package, error, "names revisions that are no texts");
	if (!files || !JSON_NODE_HOLDS_ARRAY(files))
		return refuse(package, error, "has no list of files");
	JsonArray *list = json_node_get_array(files);
	if (json_array_get_length(list) == 0)
		return refuse(package, error, "lists no files");
	if (json_array_get_length(list) > SMP_PACKAGE_MAX_MEMBERS)
		return refuse(package, error, "lists too many files");
	return read_files(package, list, manifest, error);
}

/* Some packages have `"load_address": 0x1000`, which is not JSON: quoted, it is. */
static char *quote_addresses(const char *text, gsize size)
{
	g_autoptr(GRegex) regex =
		g_regex_new("(\"load_address\"\\s*:\\s*)(0[xX][0-9a-fA-F]+)", 0, 0, NULL);

	return g_regex_replace(regex, text, (gssize)size, 0, "\\1\"\\2\"", 0, NULL);
}

static gboolean too_many_brackets(const char *text, gsize size)
{
	guint brackets = 0;

	for (gsize i = 0; i < size; i++)
		brackets += text[i] == '[' || text[i] == '{';
	return brackets > MAX_BRACKETS;
}

SmpManifest *smp_manifest_parse(const char *package, GBytes *bytes, GError **error)
{
	gsize size;
	const char *data = g_bytes_get_data(bytes, &size);
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GError) reason = NULL;

	if (size == 0 || size > MAX_SIZE || !g_utf8_validate_len(data, size, NULL) ||
	    too_many_brackets(data, size)) {
		refuse(package, error, "is no manifest");
		return NULL;
	}
	g_autofree char *text = quote_addresses(data, size);
	if (!text || !json_parser_load_from_data(parser, text, -1, &reason)) {
		refuse(package, error, "is not JSON");
		return NULL;
	}
	JsonNode *root = json_parser_get_root(parser);
	if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
		refuse(package, error, "is no JSON object");
		return NULL;
	}
	g_autoptr(SmpManifest) manifest = g_new0(SmpManifest, 1);
	manifest->entries = g_ptr_array_new_with_free_func(entry_free);
	return read_root(package, json_node_get_object(root), manifest, error)
		       ? g_steal_pointer(&manifest)
		       : NULL;
}

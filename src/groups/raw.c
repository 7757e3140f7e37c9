/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <smp/error.h>
#include <smp/hex.h>
#include <smp/raw.h>
#include <stdio.h>
#include <string.h>

/* ---- CBOR to JSON ---- */

static void add_item(JsonBuilder *json, const SmpCbor *item);

static void add_object(JsonBuilder *json, const char *key, const char *value)
{
	json_builder_begin_object(json);
	json_builder_set_member_name(json, key);
	json_builder_add_string_value(json, value);
	json_builder_end_object(json);
}

static void add_bytes(JsonBuilder *json, const SmpCbor *item)
{
	g_autoptr(GBytes) bytes = smp_cbor_dup_bytes(item);
	g_autofree char *hex =
		smp_hex_format(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

	add_object(json, "$hex", hex);
}

static void add_uint(JsonBuilder *json, guint64 number)
{
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);

	if (number > G_MAXINT64)
		add_object(json, "$uint", text);
	else
		json_builder_add_int_value(json, (gint64)number);
}

static void add_double(JsonBuilder *json, double number)
{
	if (isfinite(number))
		json_builder_add_double_value(json, number);
	else
		add_object(json, "$float", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
}

/* The builder has to have a container around. */
static char *to_text(const SmpCbor *item)
{
	g_autoptr(JsonBuilder) json = json_builder_new();

	json_builder_begin_array(json);
	add_item(json, item);
	json_builder_end_array(json);
	g_autoptr(JsonNode) root = json_builder_get_root(json);
	return json_to_string(json_array_get_element(json_node_get_array(root), 0), FALSE);
}

/* Depth is bounded by smp_cbor_check(). */
static void add_map(JsonBuilder *json, const SmpCbor *item)
{
	SmpCborIter iter;
	SmpCbor key, value;
	gboolean good = smp_cbor_iter_init(&iter, item);

	json_builder_begin_object(json);
	while (good && smp_cbor_iter_next(&iter, &key, &value)) {
		g_autofree char *text = smp_cbor_dup_text(&key);
		g_autofree char *other = text ? NULL : to_text(&key);
		json_builder_set_member_name(json, text ? text : other);
		add_item(json, &value);
	}
	json_builder_end_object(json);
}

static void add_array(JsonBuilder *json, const SmpCbor *item)
{
	SmpCborIter iter;
	SmpCbor value;
	gboolean good = smp_cbor_iter_init(&iter, item);

	json_builder_begin_array(json);
	while (good && smp_cbor_iter_next(&iter, NULL, &value))
		add_item(json, &value);
	json_builder_end_array(json);
}

static void add_tag(JsonBuilder *json, const SmpCbor *item)
{
	SmpCbor content;
	guint64 tag = 0;

	json_builder_begin_object(json);
	json_builder_set_member_name(json, "$tag");
	json_builder_begin_array(json);
	if (smp_cbor_tag(item, &tag, &content)) {
		add_uint(json, tag);
		add_item(json, &content);
	}
	json_builder_end_array(json);
	json_builder_end_object(json);
}

/* Below the 64 bits of JSON libraries a negative one is what fits. */
char *smp_raw_to_json(const guint8 *cbor, gsize size)
{
	SmpCbor item;

	return smp_cbor_check(cbor, size, &item) ? to_text(&item) : NULL;
}

static void add_negative(JsonBuilder *json, const SmpCbor *item)
{
	gint64 number = G_MININT64;

	smp_cbor_int(item, &number);
	json_builder_add_int_value(json, number);
}

static void add_scalar(JsonBuilder *json, const SmpCbor *item)
{
	gboolean yes;
	guint64 number;
	double real;

	if (smp_cbor_bool(item, &yes))
		json_builder_add_boolean_value(json, yes);
	else if (smp_cbor_uint(item, &number))
		add_uint(json, number);
	else if (smp_cbor_double(item, &real))
		add_double(json, real);
	else
		json_builder_add_null_value(json);
}

static void add_item(JsonBuilder *json, const SmpCbor *item)
{
	g_autofree char *text = smp_cbor_dup_text(item);

	switch (smp_cbor_type(item)) {
	case SMP_CBOR_NEGATIVE:
		add_negative(json, item);
		break;
	case SMP_CBOR_BYTES:
		add_bytes(json, item);
		break;
	case SMP_CBOR_TEXT:
		json_builder_add_string_value(json, text);
		break;
	case SMP_CBOR_ARRAY:
		add_array(json, item);
		break;
	case SMP_CBOR_MAP:
		add_map(json, item);
		break;
	case SMP_CBOR_TAG:
		add_tag(json, item);
		break;
	default:
		add_scalar(json, item);
	}
}

/* ---- JSON to CBOR ---- */

static gboolean put_node(GByteArray *out, JsonNode *node, guint depth, GError **error);

static gboolean fail(GError **error, const char *what, const char *text)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s: %s", what, text);
	return FALSE;
}

static gboolean put_hex(GByteArray *out, const char *hex, GError **error)
{
	g_autoptr(GBytes) bytes = smp_hex_parse(hex);

	if (!bytes)
		return fail(error, "“$hex” takes whole bytes", hex);
	smp_cbor_put_bytes(out, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	return TRUE;
}

static gboolean put_uint_text(GByteArray *out, const char *text, GError **error)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &number, NULL))
		return fail(error, "“$uint” takes an integer", text);
	smp_cbor_put_uint(out, number);
	return TRUE;
}

static void put_double(GByteArray *out, double number)
{
	guint8 head = 0xfb;
	guint64 bits;

	memcpy(&bits, &number, sizeof bits);
	bits = GUINT64_TO_BE(bits);
	g_byte_array_append(out, &head, 1);
	g_byte_array_append(out, (const guint8 *)&bits, sizeof bits);
}

static gboolean put_value(GByteArray *out, JsonNode *node)
{
	GType type = json_node_get_value_type(node);

	if (type == G_TYPE_BOOLEAN)
		smp_cbor_put_bool(out, json_node_get_boolean(node));
	else if (type == G_TYPE_INT64)
		smp_cbor_put_int(out, json_node_get_int(node));
	else if (type == G_TYPE_DOUBLE)
		put_double(out, json_node_get_double(node));
	else
		smp_cbor_put_text(out, json_node_get_string(node));
	return TRUE;
}

/* Bytes and what else JSON has no type for. Returns: whether it is such a thing */
static gboolean put_special(GByteArray *out, JsonObject *object, gboolean *good, GError **error)
{
	const char *hex = json_object_get_string_member_with_default(object, "$hex", NULL);
	const char *number = json_object_get_string_member_with_default(object, "$uint", NULL);

	if (json_object_get_size(object) != 1 || (!hex && !number))
		return FALSE;
	*good = hex ? put_hex(out, hex, error) : put_uint_text(out, number, error);
	return TRUE;
}

static gboolean put_object(GByteArray *out, JsonObject *object, guint depth, GError **error)
{
	JsonObjectIter iter;
	const char *key;
	JsonNode *value;
	gboolean good;

	if (put_special(out, object, &good, error))
		return good;
	smp_cbor_put_map(out, json_object_get_size(object));
	json_object_iter_init_ordered(&iter, object);
	while (json_object_iter_next_ordered(&iter, &key, &value)) {
		smp_cbor_put_text(out, key);
		if (!put_node(out, value, depth, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean put_array(GByteArray *out, JsonArray *array, guint depth, GError **error)
{
	smp_cbor_put_array(out, json_array_get_length(array));
	for (guint i = 0; i < json_array_get_length(array); i++) {
		if (!put_node(out, json_array_get_element(array, i), depth, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean put_node(GByteArray *out, JsonNode *node, guint depth, GError **error)
{
	static const guint8 null = 0xf6;

	if (depth == SMP_CBOR_MAX_DEPTH)
		return fail(error, "it is nested too deep", "no board reads that");
	switch (json_node_get_node_type(node)) {
	case JSON_NODE_OBJECT:
		return put_object(out, json_node_get_object(node), depth + 1, error);
	case JSON_NODE_ARRAY:
		return put_array(out, json_node_get_array(node), depth + 1, error);
	case JSON_NODE_VALUE:
		return put_value(out, node);
	case JSON_NODE_NULL:
		break;
	}
	g_byte_array_append(out, &null, 1);
	return TRUE;
}

/* json-glib tells what it expected in words that are right only for itself; the place, which may be
 * that of the word before, is what helps. */
static JsonNode *parse_json(const char *text, GError **error)
{
	g_autoptr(GError) local = NULL;
	JsonNode *node = json_from_string(text, &local);
	g_autofree char *place = NULL;
	guint line, column;

	if (!local)
		return node;
	if (sscanf(local->message, "%*[^:]:%u:%u:", &line, &column) == 2)
		place = g_strdup_printf("at or near line %u, character %u", line, column);
	(void)fail(error, "it is wrong", place ? place : local->message);
	return NULL;
}

GBytes *smp_raw_from_json(const char *text, GError **error)
{
	g_autoptr(JsonNode) node = parse_json(text, error);
	g_autoptr(GByteArray) out = g_byte_array_new();

	if (!node || !put_node(out, node, 0, error)) {
		if (error && !*error)
			fail(error, "it is empty", text);
		g_prefix_error(error, "this is no JSON for a request: ");
		return NULL;
	}
	return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

char *smp_raw_call(SmpSession *session, SmpOp op, guint16 group, guint8 command, GBytes *payload,
		   guint timeout_ms, GError **error)
{
	gsize size;
	gconstpointer data = g_bytes_get_data(payload, &size);
	GByteArray *request = smp_packet_new(op, group, command);
	SmpCbor body;

	g_byte_array_append(request, data, (guint)size);
	g_autoptr(SmpResponse) response = smp_group_call(
		session, request, timeout_ms, SMP_REPEAT_NEVER, "send the request", &body, error);
	return response ? to_text(&body) : NULL;
}

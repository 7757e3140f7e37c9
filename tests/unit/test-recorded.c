/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Exchanges recorded from real servers (tests/data/transcripts): frames and CBOR as they came over
 * the line. One test a file. */

#include "bytes.h"
#include "protocol/cbor.h"
#include "protocol/framing.h"

#include <json-glib/json-glib.h>

/* The bytes of a member in hex, %NULL where it is absent or null. */
static GByteArray *get_bytes(JsonObject *exchange, const char *name)
{
	const char *hex = json_object_get_string_member_with_default(exchange, name, NULL);
	return hex ? bytes_from_hex(hex) : NULL;
}

static void keep_packet(const guint8 *packet, gsize size, gpointer user_data)
{
	g_ptr_array_add(user_data, g_bytes_new(packet, size));
}

static GPtrArray *decode(const GByteArray *wire)
{
	GPtrArray *packets = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	g_autoptr(SmpDecoder) decoder =
		smp_decoder_new(SMP_FRAMING_CONSOLE, keep_packet, NULL, packets);

	smp_decoder_feed(decoder, wire->data, wire->len);
	return packets;
}

static void assert_first(const GPtrArray *packets, const GByteArray *wanted)
{
	gsize size;

	g_assert_cmpuint(packets->len, >, 0);
	const guint8 *data = g_bytes_get_data(packets->pdata[0], &size);
	g_assert_cmpmem(data, size, wanted->data, wanted->len);
}

/* The payload is one map to its last byte, and each of its values can be had by its key. */
static void check_payload(const GByteArray *packet)
{
	SmpCbor map, key, value, again;
	SmpCborIter iter;

	g_assert_true(smp_cbor_check(packet->data + SMP_HEADER_SIZE, packet->len - SMP_HEADER_SIZE,
				     &map));
	g_assert_cmpuint(map.size, ==, packet->len - SMP_HEADER_SIZE);
	g_assert_cmpint(smp_cbor_type(&map), ==, SMP_CBOR_MAP);
	g_assert_true(smp_cbor_iter_init(&iter, &map));
	while (smp_cbor_iter_next(&iter, &key, &value)) {
		g_autofree char *name = smp_cbor_dup_text(&key);
		g_assert_nonnull(name);
		g_assert_true(smp_cbor_get(&map, name, &again));
		g_assert_true(again.data == value.data && again.size == value.size);
	}
}

static void check_answer(JsonObject *exchange, const GByteArray *request)
{
	g_autoptr(GByteArray) answer = get_bytes(exchange, "response_hex");
	g_autoptr(GByteArray) wire = get_bytes(exchange, "on_wire_response_hex");
	SmpHeader asked, answered;

	if (!answer)
		return;
	smp_header_read(answer->data, &answered);
	g_assert_cmpuint(answer->len, ==, SMP_HEADER_SIZE + answered.length);
	check_payload(answer);
	if (request) {
		smp_header_read(request->data, &asked);
		g_assert_cmpuint(answered.group, ==, asked.group);
		g_assert_cmpuint(answered.command, ==, asked.command);
	}
	if (!wire)
		return;
	g_autoptr(GPtrArray) packets = decode(wire);
	assert_first(packets, answer);
	g_assert_cmpuint(packets->len, ==,
			 json_object_get_int_member_with_default(exchange, "answers", 1));
}

/* Requests went out as our own encoder puts them, save in the files of odd frames: there whatever
 * a real server understood is understood here. */
static void check_request(JsonObject *exchange, const GByteArray *request, gboolean odd)
{
	g_autoptr(GByteArray) wire = get_bytes(exchange, "on_wire_request_hex");
	g_autoptr(GByteArray) framed = g_byte_array_new();

	if (!wire || !request)
		return;
	if (!odd) {
		smp_frame(SMP_FRAMING_CONSOLE, request->data, request->len, framed);
		g_assert_cmpmem(framed->data, framed->len, wire->data, wire->len);
	} else if (json_object_get_int_member_with_default(exchange, "answers", 1) > 0) {
		g_autoptr(GPtrArray) packets = decode(wire);
		assert_first(packets, request);
	}
}

static void check_exchange(const char *line, gboolean odd)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(JsonNode) node = json_from_string(line, &error);

	g_assert_no_error(error);
	JsonObject *exchange = json_node_get_object(node);
	g_test_message("%s", json_object_get_string_member(exchange, "what"));
	g_autoptr(GByteArray) request = get_bytes(exchange, "request_hex");
	check_request(exchange, request, odd);
	check_answer(exchange, request);
}

static void test_file(gconstpointer user_data)
{
	const char *path = user_data;
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, &error));
	g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
	g_assert_cmpuint(g_strv_length(lines), >, 10);
	for (char **line = lines; *line; line++)
		check_exchange(*line, g_str_has_suffix(path, ".framing.jsonl"));
}

int main(int argc, char **argv)
{
	g_autofree char *folder = NULL;
	g_autoptr(GError) error = NULL;

	g_test_init(&argc, &argv, NULL);
	folder = g_build_filename(g_getenv("SMP_TEST_DATA"), "transcripts", NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	g_assert_no_error(error);
	for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
		if (!g_str_has_suffix(name, ".jsonl"))
			continue;
		g_autofree char *test = g_strdup_printf("/recorded/%s", name);
		g_test_add_data_func_full(test, g_build_filename(folder, name, NULL), test_file,
					  g_free);
	}
	return g_test_run();
}

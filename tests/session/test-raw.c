/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON for CBOR, both ways. */

#include "tests/unit/bytes.h"
#include "wire.h"

#include <smp/error.h>
#include <smp/raw.h>
#include <string.h>

/* The same both ways. */
static const struct {
	const char *json, *cbor;
} both[] = {
	{"{}", "a0"},
	{"{\"d\":\"hello\"}", "a1 6164 65 68656c6c6f"},
	{"{\"b\":true,\"a\":[1,-1,null,false]}", "a2 6162 f5 6161 84 01 20 f6 f4"},
	{"{\"$hex\":\"00ff\"}", "42 00ff"},
	{"{\"v\":{\"$hex\":\"\"}}", "a1 6176 40"},
	{"{\"$uint\":\"18446744073709551615\"}", "1b ffffffffffffffff"},
	{"9223372036854775807", "1b 7fffffffffffffff"},
	{"-9223372036854775808", "3b 7fffffffffffffff"},
	{"1.5", "fb 3ff8000000000000"},
	{"{\"$hex\":\"00\",\"other\":1}", "a2 64 24686578 62 3030 65 6f74686572 01"},
	{"\"\\\"\\\\ä\"", "64 225cc3a4"},
};

/* Answers only. */
static const struct {
	const char *cbor, *json;
} answers[] = {
	{"bf 6161 9f 01 ff ff", "{\"a\":[1]}"},
	{"5f 41 01 42 0203 ff", "{\"$hex\":\"010203\"}"},
	{"a1 05 c1 1a 00000001", "{\"5\":{\"$tag\":[1,1]}}"},
	{"f9 3e00", "1.5"},
	{"f9 7c00", "{\"$float\":\"inf\"}"},
	{"fa ff800000", "{\"$float\":\"-inf\"}"},
	{"f9 7e00", "{\"$float\":\"nan\"}"},
	{"f7", "null"},
	{"61 ff", "\"\xef\xbf\xbd\""},
	{"3b ffffffffffffffff", "-9223372036854775808"},
};

static void test_requests(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(both); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GBytes) bytes = smp_raw_from_json(both[i].json, &error);
		g_assert_no_error(error);
		g_autoptr(GByteArray) got = g_bytes_unref_to_array(g_steal_pointer(&bytes));
		bytes_assert_hex(got, both[i].cbor);
	}
}

static void test_no_requests(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"{x}",
		"{\"$hex\":\"0\"}",
		"{\"$hex\":\"0g\"}",
		"{\"$uint\":\"-1\"}",
		"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
	};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		g_test_message("%s", bad[i]);
		g_assert_null(smp_raw_from_json(bad[i], &error));
		g_assert_nonnull(error);
		g_assert_true(g_str_has_prefix(error->message, "this is no JSON"));
	}
}

static void answer(gpointer peer, SmpLink *link, const guint8 *packet, gsize size, gint64 now)
{
	g_assert_cmpuint(size, ==, SMP_HEADER_SIZE + 1);
	g_assert_cmpuint(packet[SMP_HEADER_SIZE], ==, 0xa0);
	g_assert_cmpuint(packet[5], ==, 77);
	g_assert_cmpuint(packet[7], ==, 9);
	wire_answer_hex(link, packet, peer, now + 1000);
}

static char *call(const char *hex, GError **error)
{
	static const SmpTestPeer peer = {.receive = answer};
	g_autofree char *copy = g_strdup(hex);
	g_autoptr(GBytes) payload = smp_raw_from_json("{}", NULL);
	SmpLink *link = smp_test_link_new(&peer, copy);

	g_assert_true(smp_link_open(link, NULL));
	SmpSession *session = smp_session_new(link);
	char *json = smp_raw_call(session, SMP_OP_WRITE, 77, 9, payload, 0, error);
	smp_session_free(session);
	smp_link_free(link);
	return json;
}

static void assert_answer(const char *cbor, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *json = call(cbor, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(json, ==, wanted);
}

static void test_answers(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(both); i++)
		assert_answer(both[i].cbor, both[i].json);
	for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
		assert_answer(answers[i].cbor, answers[i].json);
}

static void test_refused(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(call("a1 63657272 a2 6567726f7570 184d 627263 02", &error));
	g_assert_true(smp_error_is_device(error, 77, 2));
	g_clear_error(&error);
	g_assert_null(call("ff", &error));
	g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/raw/requests", test_requests);
	g_test_add_func("/raw/no-requests", test_no_requests);
	g_test_add_func("/raw/answers", test_answers);
	g_test_add_func("/raw/refused", test_refused);
	return g_test_run();
}

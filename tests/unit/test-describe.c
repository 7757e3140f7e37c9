/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "protocol/cbor.h"

#include <smp/error.h>
#include <smp/packet.h>

static void assert_text(GByteArray *packet, const char *expected)
{
	SmpHeader header;

	smp_header_read(packet->data, &header);
	header.version = SMP_VERSION_2;
	header.sequence = 7;
	smp_header_write(&header, packet->data);
	g_autofree char *text = smp_packet_to_string(packet->data, packet->len);
	g_assert_cmpstr(text, ==, expected);
}

static void test_request(void)
{
	g_autoptr(GByteArray) packet = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_OS, 0);

	smp_cbor_put_map(packet, 1);
	smp_cbor_put_text(packet, "d");
	smp_cbor_put_text(packet, "a\"\\\n\xc3\xa4");
	assert_text(packet, "write os/0, v2, sequence 7, 18 bytes: {\"d\": \"a\\\"\\\\\\u000aä\"}");
}

static void test_every_type(void)
{
	/* 1(-2), 2.5, null, undefined, true, [], h'00ff', the largest and the smallest integer */
	static const guint8 items[] = {
		0x9f, 0xc1, 0x21, 0xf9, 0x41, 0x00, 0xf6, 0xf7, 0xf5, 0x80, 0x42,
		0x00, 0xff, 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};
	g_autoptr(GByteArray) packet = smp_packet_new(SMP_OP_READ_RESPONSE, 70, 3);

	g_byte_array_append(packet, items, sizeof(items));
	assert_text(packet, "read answer group 70/3, v2, sequence 7, 40 bytes: [1(-2), 2.5, null, "
			    "?, true, [], h'00ff', 18446744073709551615, -9223372036854775808]");
}

static void test_long_bytes_are_cut(void)
{
	static const guint8 data[100];
	g_autoptr(GByteArray) packet = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_IMAGE, 1);

	smp_cbor_put_bytes(packet, data, sizeof(data));
	assert_text(packet, "write image/1, v2, sequence 7, 110 bytes: "
			    "h'0000000000000000000000000000000000000000000000000000000000000000…' "
			    "(100 bytes)");
}

static void test_damaged(void)
{
	static const guint8 data[] = {0xa1, 0x61};
	g_autoptr(GByteArray) packet = smp_packet_new(SMP_OP_READ, SMP_GROUP_OS, 6);
	g_autofree char *text = smp_packet_to_string(data, sizeof(data));

	g_assert_cmpstr(text, ==, "2 bytes that are no SMP packet");
	g_byte_array_append(packet, data, sizeof(data));
	assert_text(packet, "read os/6, v2, sequence 7, 10 bytes: h'a161'");
}

/* Whatever comes, it is only described. */
static void test_random(void)
{
	guint8 data[64];

	for (guint i = 0; i < 20000; i++) {
		gsize size = (gsize)g_test_rand_int_range(0, sizeof(data));
		for (gsize j = 0; j < size; j++)
			data[j] = (guint8)g_test_rand_int_range(0, 256);
		g_autofree char *text = smp_packet_to_string(data, size);
		g_assert_nonnull(text);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/describe/request", test_request);
	g_test_add_func("/describe/every-type", test_every_type);
	g_test_add_func("/describe/long-bytes", test_long_bytes_are_cut);
	g_test_add_func("/describe/damaged", test_damaged);
	g_test_add_func("/describe/random", test_random);
	return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Header, CRC, and the framings against computed vectors; COBS and raw streams. */

#include "bytes.h"
#include "protocol/crc16.h"
#include "protocol/framing.h"

#include <string.h>

static const char echo_v2[] = "0a 00 00 09 00 00 42 00 a1 61 64 65 68 65 6c 6c 6f";
static const char echo_v1[] = "02 00 00 09 00 00 42 00 a1 61 64 65 68 65 6c 6c 6f";

static void count_packet(const guint8 *packet, gsize size, gpointer user_data)
{
	g_ptr_array_add(user_data, g_bytes_new(packet, size));
}

static GPtrArray *new_packets(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
}

static void assert_packet(const GPtrArray *packets, guint n, const GByteArray *wanted)
{
	gsize size;

	g_assert_cmpuint(n, <, packets->len);
	const guint8 *data = g_bytes_get_data(packets->pdata[n], &size);
	g_assert_cmpmem(data, size, wanted->data, wanted->len);
}

/* A packet with @payload bytes behind its header. */
static GByteArray *new_packet(gsize payload, const guint8 *data)
{
	GByteArray *packet = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_IMAGE, 1);
	SmpHeader header;

	smp_header_read(packet->data, &header);
	header.length = (guint16)payload;
	smp_header_write(&header, packet->data);
	return g_byte_array_append(packet, data, payload);
}

static void test_header(void)
{
	g_autoptr(GByteArray) bytes = bytes_from_hex("0b 80 01 02 12 34 ff 05");
	guint8 back[SMP_HEADER_SIZE];
	SmpHeader header;

	smp_header_read(bytes->data, &header);
	g_assert_cmpuint(header.version, ==, SMP_VERSION_2);
	g_assert_cmpuint(header.op, ==, SMP_OP_WRITE_RESPONSE);
	g_assert_cmpuint(header.flags, ==, 0x80);
	g_assert_cmpuint(header.length, ==, 0x102);
	g_assert_cmpuint(header.group, ==, 0x1234);
	g_assert_cmpuint(header.sequence, ==, 255);
	g_assert_cmpuint(header.command, ==, 5);
	smp_header_write(&header, back);
	g_assert_cmpmem(back, sizeof back, bytes->data, bytes->len);
}

static void test_header_first_byte(void)
{
	static const struct {
		guint8 byte, version, op;
	} cases[] = {
		{0x00, SMP_VERSION_1, SMP_OP_READ},	     {0x02, SMP_VERSION_1, SMP_OP_WRITE},
		{0x08, SMP_VERSION_2, SMP_OP_READ},	     {0x0a, SMP_VERSION_2, SMP_OP_WRITE},
		{0x09, SMP_VERSION_2, SMP_OP_READ_RESPONSE}, {0x17, 2, 7},
		{0xea, SMP_VERSION_2, SMP_OP_WRITE}, /* reserved bits are ignored */
	};

	for (gsize n = 0; n < G_N_ELEMENTS(cases); n++) {
		guint8 data[SMP_HEADER_SIZE] = {cases[n].byte};
		SmpHeader header;
		smp_header_read(data, &header);
		g_assert_cmpuint(header.version, ==, cases[n].version);
		g_assert_cmpuint(header.op, ==, cases[n].op);
		smp_header_write(&header, data);
		g_assert_cmpuint(data[0], ==, cases[n].byte & 0x1f);
	}
}

static void test_packet_new(void)
{
	g_autoptr(GByteArray) packet = smp_packet_new(SMP_OP_READ, SMP_GROUP_OS, 6);

	bytes_assert_hex(packet, "00 00 00 00 00 00 00 06");
	g_byte_array_append(packet, (const guint8 *)"\xa0", 1);
	smp_packet_reset(packet, SMP_OP_WRITE, SMP_GROUP_ZEPHYR_BASIC, 0);
	bytes_assert_hex(packet, "02 00 00 00 00 3f 00 00");
}

static void test_crc(void)
{
	g_autoptr(GByteArray) v2 = bytes_from_hex(echo_v2);
	g_autoptr(GByteArray) v1 = bytes_from_hex(echo_v1);
	const guint8 *digits = (const guint8 *)"123456789";

	g_assert_cmphex(smp_crc16(0, digits, 9), ==, 0x31c3);
	g_assert_cmphex(smp_crc16(smp_crc16(0, digits, 4), digits + 4, 5), ==, 0x31c3);
	g_assert_cmphex(smp_crc16(0, digits, 0), ==, 0);
	g_assert_cmphex(smp_crc16(0, v2->data, v2->len), ==, 0x4619);
	g_assert_cmphex(smp_crc16(0, v1->data, v1->len), ==, 0xc109);
	g_byte_array_append(v2, (const guint8 *)"\x46\x19", 2);
	g_assert_cmphex(smp_crc16(0, v2->data, v2->len), ==, 0);
}

/* Frames @message, compares, and decodes it back. */
static void assert_frame(SmpFraming framing, const char *message, const GByteArray *wire)
{
	g_autoptr(GPtrArray) packets = new_packets();
	g_autoptr(SmpDecoder) decoder = smp_decoder_new(framing, count_packet, NULL, packets);
	g_autoptr(GByteArray) packet = bytes_from_hex(message);
	g_autoptr(GByteArray) frame = g_byte_array_new();

	smp_frame(framing, packet->data, packet->len, frame);
	g_assert_cmpmem(frame->data, frame->len, wire->data, wire->len);
	smp_decoder_feed(decoder, wire->data, wire->len);
	g_assert_cmpuint(packets->len, ==, 1);
	assert_packet(packets, 0, packet);
	g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 0);
}

static void test_console_vectors(void)
{
	static const struct {
		const char *message, *line;
	} cases[] = {
		{echo_v2, "ABMKAAAJAABCAKFhZGVoZWxsb0YZ"},
		{echo_v1, "ABMCAAAJAABCAKFhZGVoZWxsb8EJ"},
		{"0b 00 00 0a 00 00 42 00 bf 61 72 65 68 65 6c 6c 6f ff",
		 "ABQLAAAKAABCAL9hcmVoZWxsb/8s+w=="},
		{"0b 00 00 14 00 01 05 01 bf 63 65 72 72 bf 65 67 72 6f 75 70 01 62 72 63 18 1b "
		 "ff ff",
		 "AB4LAAAUAAEFAb9jZXJyv2Vncm91cAFicmMYG///SvE="},
	};

	for (gsize n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_autoptr(GByteArray) wire = bytes_from_hex("06 09");
		g_byte_array_append(wire, (const guint8 *)cases[n].line,
				    (guint)strlen(cases[n].line));
		g_byte_array_append(wire, (const guint8 *)"\n", 1);
		assert_frame(SMP_FRAMING_CONSOLE, cases[n].message, wire);
	}
}

static void test_console_two_lines(void)
{
	static const char wire[] =
		"\x06\x09"
		"AHMKAABpAABDAKFhZHhkMDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"
		"NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3\n"
		"\x04\x14"
		"ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4Ofd3\n";
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	g_autoptr(GString) message = g_string_new("0a 00 00 69 00 00 43 00 a1 61 64 78 64");

	for (int i = 0; i < 100; i++)
		g_string_append_printf(message, "3%d", i % 10);
	g_byte_array_append(bytes, (const guint8 *)wire, sizeof wire - 1);
	assert_frame(SMP_FRAMING_CONSOLE, message->str, bytes);
}

static void test_console_sizes(void)
{
	static const struct {
		gsize message, characters, lines, wire;
	} cases[] = {
		{96, 136, 2, 142},  {128, 176, 2, 182},	    {256, 348, 3, 357},
		{380, 512, 5, 527}, {508, 684, 6, 702},	    {1020, 1368, 12, 1404},
		{89, 124, 1, 127},  {2044, 2732, 23, 2801},
	};
	guint8 zeros[2048] = {0};

	for (gsize n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_autoptr(GByteArray) packet = new_packet(cases[n].message - 8, zeros);
		g_autoptr(GByteArray) wire = g_byte_array_new();
		gsize lines = 0, line = 0;
		smp_frame(SMP_FRAMING_CONSOLE, packet->data, packet->len, wire);
		for (guint i = 0; i < wire->len; i++) {
			line++;
			g_assert_cmpuint(line, <=, SMP_CONSOLE_LINE);
			if (wire->data[i] == '\n') {
				lines++;
				line = 0;
			}
		}
		g_assert_cmpuint(wire->len, ==, cases[n].wire);
		g_assert_cmpuint(lines, ==, cases[n].lines);
		g_assert_cmpuint(wire->len - 3 * lines, ==, cases[n].characters);
	}
}

static void test_cobs_vectors(void)
{
	g_autoptr(GByteArray) v1 =
		bytes_from_hex("02 02 01 02 09 01 02 42 0c a1 61 64 65 68 65 6c 6c 6f c1 09 00");
	g_autoptr(GByteArray) v2 =
		bytes_from_hex("02 0a 01 02 09 01 02 42 0c a1 61 64 65 68 65 6c 6c 6f 46 19 00");

	assert_frame(SMP_FRAMING_COBS, echo_v1, v1);
	assert_frame(SMP_FRAMING_COBS, echo_v2, v2);
}

/* Fills of a payload that COBS treats differently. */
static void fill(guint8 *data, gsize size, int kind)
{
	for (gsize i = 0; i < size; i++) {
		switch (kind) {
		case 0: /* zeros */
			data[i] = 0;
			break;
		case 1: /* runs of 254 and more without a zero */
			data[i] = (guint8)(1 + i % 255);
			break;
		case 2: /* zeros between */
			data[i] = i % 255 == 0 ? 0 : 0xff;
			break;
		default:
			data[i] = (guint8)g_test_rand_int_range(0, 4);
		}
	}
}

static void assert_cobs(const GByteArray *packet)
{
	g_autoptr(GPtrArray) packets = new_packets();
	g_autoptr(SmpDecoder) decoder =
		smp_decoder_new(SMP_FRAMING_COBS, count_packet, NULL, packets);
	g_autoptr(GByteArray) wire = g_byte_array_new();

	smp_frame(SMP_FRAMING_COBS, packet->data, packet->len, wire);
	/* One zero, at the end; one byte more in 254, and the first code byte. */
	g_assert_true(memchr(wire->data, 0, wire->len) == wire->data + wire->len - 1);
	g_assert_cmpuint(wire->len, <=, packet->len + 2 + (packet->len + 2) / 254 + 2);
	smp_decoder_feed(decoder, (const guint8 *)"\0", 1);
	smp_decoder_feed(decoder, wire->data, wire->len / 2);
	smp_decoder_feed(decoder, wire->data + wire->len / 2, wire->len - wire->len / 2);
	smp_decoder_feed(decoder, wire->data, wire->len);
	g_assert_cmpuint(packets->len, ==, 2);
	assert_packet(packets, 0, packet);
	assert_packet(packets, 1, packet);
	g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 0);
}

static void test_cobs_sizes(void)
{
	guint8 data[1000];

	for (int kind = 0; kind < 4; kind++) {
		for (gsize size = 0; size <= sizeof data; size++) {
			fill(data, size, kind);
			g_autoptr(GByteArray) packet = new_packet(size, data);
			assert_cobs(packet);
		}
	}
}

static void test_cobs_largest(void)
{
	g_autofree guint8 *data = g_malloc(G_MAXUINT16);

	fill(data, G_MAXUINT16, 1);
	g_autoptr(GByteArray) packet = new_packet(G_MAXUINT16, data);
	assert_cobs(packet);
}

static void test_cobs_damage(void)
{
	static const char *const bad[] = {
		"01 00",			 /* empty */
		"05 01 02 00",			 /* a code beyond the end */
		"ff 01 02 03 04 05 06 07 08 00", /* the same */
		"02 0a 01 02 09 01 02 42 0c a1 61 64 65 68 65 6c 6c 6f 46 18 00", /* CRC */
		"02 0a 01 02 09 01 02 42 0b a1 61 64 65 68 65 6c 6c 6f 46 19 00", /* code */
		"03 12 34 00", /* too short to be a packet */
		/* a good CRC, but the header promises 10 bytes */
		"02 0a 01 02 0a 01 02 42 0c a1 61 64 65 68 65 6c 6c 6f cb ba 00",
	};
	g_autoptr(GPtrArray) packets = new_packets();
	g_autoptr(SmpDecoder) decoder =
		smp_decoder_new(SMP_FRAMING_COBS, count_packet, NULL, packets);
	g_autoptr(GByteArray) packet = bytes_from_hex(echo_v2);
	g_autoptr(GByteArray) good = g_byte_array_new();

	smp_frame(SMP_FRAMING_COBS, packet->data, packet->len, good);
	for (gsize n = 0; n < G_N_ELEMENTS(bad); n++) {
		g_autoptr(GByteArray) wire = bytes_from_hex(bad[n]);
		g_test_message("%s", bad[n]);
		smp_decoder_feed(decoder, wire->data, wire->len);
		g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, n + 1);
		g_assert_cmpuint(packets->len, ==, n);
		smp_decoder_feed(decoder, good->data, good->len);
		g_assert_cmpuint(packets->len, ==, n + 1);
	}
}

/* Noise without a delimiter does not pile up, and the next packet is found behind it. */
static void test_cobs_noise(void)
{
	g_autoptr(GPtrArray) packets = new_packets();
	g_autoptr(SmpDecoder) decoder =
		smp_decoder_new(SMP_FRAMING_COBS, count_packet, NULL, packets);
	g_autoptr(GByteArray) packet = bytes_from_hex(echo_v2);
	g_autoptr(GByteArray) wire = g_byte_array_new();
	g_autofree guint8 *noise = g_malloc(100000);

	memset(noise, 0xff, 100000);
	smp_decoder_feed(decoder, noise, 100000);
	smp_decoder_feed(decoder, (const guint8 *)"\0", 1);
	smp_frame(SMP_FRAMING_COBS, packet->data, packet->len, wire);
	smp_decoder_feed(decoder, wire->data, wire->len);
	g_assert_cmpuint(packets->len, ==, 1);
	g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 1);
}

/* Three packets, one of them without payload, in pieces of every size. */
static void test_raw(void)
{
	g_autoptr(GByteArray) first = bytes_from_hex(echo_v2);
	g_autoptr(GByteArray) second = bytes_from_hex("08 00 00 00 00 00 01 06");
	g_autoptr(GByteArray) wire = g_byte_array_new();

	smp_frame(SMP_FRAMING_RAW, first->data, first->len, wire);
	smp_frame(SMP_FRAMING_RAW, second->data, second->len, wire);
	smp_frame(SMP_FRAMING_RAW, first->data, first->len, wire);
	g_assert_cmpuint(wire->len, ==, 2 * first->len + second->len);
	for (gsize piece = 1; piece <= wire->len; piece++) {
		g_autoptr(GPtrArray) packets = new_packets();
		g_autoptr(SmpDecoder) decoder =
			smp_decoder_new(SMP_FRAMING_RAW, count_packet, NULL, packets);
		for (gsize at = 0; at < wire->len; at += piece)
			smp_decoder_feed(decoder, wire->data + at, MIN(piece, wire->len - at));
		g_assert_cmpuint(packets->len, ==, 3);
		assert_packet(packets, 0, first);
		assert_packet(packets, 1, second);
		assert_packet(packets, 2, first);
	}
}

static void test_raw_reset(void)
{
	g_autoptr(GPtrArray) packets = new_packets();
	g_autoptr(SmpDecoder) decoder =
		smp_decoder_new(SMP_FRAMING_RAW, count_packet, NULL, packets);
	g_autoptr(GByteArray) packet = bytes_from_hex(echo_v2);

	smp_decoder_feed(decoder, packet->data, packet->len - 1);
	smp_decoder_reset(decoder);
	smp_decoder_feed(decoder, packet->data, packet->len);
	g_assert_cmpuint(packets->len, ==, 1);
	assert_packet(packets, 0, packet);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/protocol/header", test_header);
	g_test_add_func("/protocol/header-first-byte", test_header_first_byte);
	g_test_add_func("/protocol/packet-new", test_packet_new);
	g_test_add_func("/protocol/crc", test_crc);
	g_test_add_func("/protocol/console-vectors", test_console_vectors);
	g_test_add_func("/protocol/console-two-lines", test_console_two_lines);
	g_test_add_func("/protocol/console-sizes", test_console_sizes);
	g_test_add_func("/protocol/cobs-vectors", test_cobs_vectors);
	g_test_add_func("/protocol/cobs-sizes", test_cobs_sizes);
	g_test_add_func("/protocol/cobs-largest", test_cobs_largest);
	g_test_add_func("/protocol/cobs-damage", test_cobs_damage);
	g_test_add_func("/protocol/cobs-noise", test_cobs_noise);
	g_test_add_func("/protocol/raw", test_raw);
	g_test_add_func("/protocol/raw-reset", test_raw_reset);
	return g_test_run();
}

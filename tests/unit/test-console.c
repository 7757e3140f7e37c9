/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SMP over console: frames in the middle of everything else that a console shows. */

#include "bytes.h"
#include "protocol/crc16.h"
#include "protocol/framing.h"

#include <string.h>

/* An echo request in one line, and one in two. */
#define ONE "\006\011ABMKAAAJAABCAKFhZGVoZWxsb0YZ"
#define TWO_1                                                                                      \
	"\006\011AHMKAABpAABDAKFhZHhkMDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0" \
	"NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3"
#define TWO_2 "\004\024ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4Ofd3"

/* What is seen: text as it is, packets in brackets. */
#define P1     "[0a00000900004200a161646568656c6c6f]"
#define DIGITS "30313233343536373839"
#define P2                                                                                         \
	"[0a00006900004300a161647864" DIGITS DIGITS DIGITS DIGITS DIGITS DIGITS DIGITS DIGITS      \
		DIGITS DIGITS "]"

static void see_packet(const guint8 *packet, gsize size, gpointer user_data)
{
	g_autofree char *hex = bytes_to_hex(packet, size);
	g_string_append_printf(user_data, "[%s]", hex);
}

static void see_text(const char *text, gsize length, gpointer user_data)
{
	g_string_append_len(user_data, text, (gssize)length);
}

static SmpDecoder *new_decoder(GString *seen)
{
	return smp_decoder_new(SMP_FRAMING_CONSOLE, see_packet, see_text, seen);
}

static void feed(SmpDecoder *decoder, const char *text)
{
	smp_decoder_feed(decoder, (const guint8 *)text, strlen(text));
}

static const struct {
	const char *what, *wire, *seen;
	guint damaged;
} cases[] = {
	{"alone", ONE "\n", P1, 0},
	{"two lines", TWO_1 "\n" TWO_2 "\n", P2, 0},
	{"CR LF", ONE "\r\n" TWO_1 "\r\n" TWO_2 "\r\n", P1 P2, 0},
	{"CR instead of LF", ONE "\r", "", 0},
	{"text before", "*** Booting ***\n" ONE "\n", "*** Booting ***\n" P1, 0},
	{"prompt before", "uart:~$ " ONE "\n", "uart:~$ " P1, 0},
	{"escapes before", "\033[1;32muart:~$ \033[m" ONE "\n", "\033[1;32muart:~$ \033[m" P1, 0},
	{"prompt behind", ONE "\nuart:~$ ", P1 "uart:~$ ", 0},
	{"text between frames", ONE "\nlog\n" ONE "\n", P1 "log\n" P1, 0},
	{"text between lines", TWO_1 "\nlog\n" TWO_2 "\n", "log\n" P2, 0},
	{"prompt between lines", TWO_1 "\n> " TWO_2 "\n", "> " P2, 0},
	{"empty lines", "\n\n" TWO_1 "\n\n" TWO_2 "\n\n", "\n\n\n" P2 "\n", 0},
	{"log line inside", "\006\011ABMKAAAJ[00:01] log\nAABCAKFhZGVoZWxsb0YZ\n" ONE "\n",
	 "AABCAKFhZGVoZWxsb0YZ\n" P1, 1},
	{"log inside, next frame in the same line", "\006\011ABMKlog " ONE "\n", P1, 1},
	{"log that is base64 inside", "\006\011ABMKAAAJlogsAABCAKFhZGVoZWxsb0YZ\n" ONE "\n", P1, 1},
	{"restart", TWO_1 "\n" ONE "\n", P1, 1},
	{"first line twice", TWO_1 "\n" TWO_1 "\n" TWO_2 "\n", P2, 1},
	{"last line twice", TWO_1 "\n" TWO_2 "\n" TWO_2 "\n" ONE "\n", P2 P1, 0},
	{"continuation alone", TWO_2 "\n" ONE "\n", P1, 0},
	{"lines in the wrong order", TWO_2 "\n" TWO_1 "\n" ONE "\n", P1, 1},
	{"line cut short", "\006\011ABMKAAAJAABC\n" ONE "\n", P1, 1},
	{"line cut within four", "\006\011ABMKAAAJAA\n" ONE "\n", P1, 1},
	{"wrong CRC", "\006\011ABMKAAAJAABCAKFhZGVoZWxsb0Ya\n" ONE "\n", P1, 1},
	{"flipped bit", "\006\011ABMKAAAJAABCAKFhZGVoZWxtb0YZ\n" ONE "\n", P1, 1},
	{"no base64", "\006\011ABMKAAAJAABCAKFhZGV*ZWxsb0YZ\n" ONE "\n", P1, 1},
	{"a blank in base64", "\006\011ABMK AAAJAABCAKFhZGVoZWxsb0YZ\n" ONE "\n", P1, 1},
	{"padding in the middle", "\006\011ABM=AAAJAABCAKFhZGVoZWxsb0YZ\n" ONE "\n", P1, 1},
	{"padding alone", "\006\011====\n" ONE "\n", P1, 1},
	{"marker alone", "\006\011\n" ONE "\n", P1, 1},
	{"length 0", "\006\011AAAKAAAJAABCAKFhZGVoZWxsb0YZ\n" ONE "\n", P1, 1},
	{"length 1 too large", "\006\011ABQKAAAJAABCAKFhZGVoZWxsb0YZ\n" ONE "\n", P1, 1},
	{"length 1 too small", "\006\011ABIKAAAJAABCAKFhZGVoZWxsb0YZ\n" ONE "\n", P1, 1},
	{"length 0xffff", "\006\011//8KAAAJAABCAKFhZGVoZWxsb0YZ\n" ONE "\n", P1, 1},
	{"marker twice", "\006\011" ONE "\n", P1, 1},
	{"half a marker before", "\006" ONE "\004" ONE "\n", "\006" P1, 1},
	{"halves in text", "a\006b\004c\n\011\024\n" ONE "\n", "a\006b\004c\n\011\024\n" P1, 0},
	{"markers crossed", "\006\024x\004\011\n" ONE "\n", "\006\024x\004\011\n" P1, 0},
	{"very short lines",
	 "\006\011ABMK\n\004\024AAAJ\n\004\024AABC\n\004\024AKFh\n\004\024ZGVo\n\004\024ZWxs\n"
	 "\004\024b0YZ\n",
	 P1, 0},
	{"padded lines in the middle", /* decoded line by line */
	 "\006\011AA==\n\004\024Ew==\n\004\024CgAACQAAQgChYWRlaGVsbG9GGQ==\n", P1, 0},
};

static void test_cases(void)
{
	for (gsize n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_autoptr(GString) seen = g_string_new(NULL);
		g_autoptr(SmpDecoder) decoder = new_decoder(seen);
		g_test_message("%s", cases[n].what);
		feed(decoder, cases[n].wire);
		g_assert_cmpstr(seen->str, ==, cases[n].seen);
		g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, cases[n].damaged);
	}
}

static void assert_same_in_pieces(const GByteArray *wire, gsize largest)
{
	g_autoptr(GString) whole = g_string_new(NULL), pieces = g_string_new(NULL);
	g_autoptr(SmpDecoder) a = new_decoder(whole);
	g_autoptr(SmpDecoder) b = new_decoder(pieces);

	smp_decoder_feed(a, wire->data, wire->len);
	for (gsize at = 0; at < wire->len;) {
		gsize n = largest == 1 ? 1 : (gsize)g_test_rand_int_range(1, (gint32)largest + 1);
		n = MIN(n, wire->len - at);
		smp_decoder_feed(b, wire->data + at, n);
		at += n;
	}
	g_assert_cmpmem(whole->str, whole->len, pieces->str, pieces->len);
	g_assert_cmpuint(smp_decoder_get_damaged(a), ==, smp_decoder_get_damaged(b));
}

/* All of the above in random order, in pieces of any size. */
static void test_pieces(void)
{
	for (int round = 0; round < 100; round++) {
		g_autoptr(GByteArray) wire = g_byte_array_new();
		for (int i = 0; i < 60; i++) {
			const char *text =
				cases[g_test_rand_int_range(0, G_N_ELEMENTS(cases))].wire;
			g_byte_array_append(wire, (const guint8 *)text, (guint)strlen(text));
		}
		assert_same_in_pieces(wire, 1);
		assert_same_in_pieces(wire, 7);
		assert_same_in_pieces(wire, 300);
	}
}

static void test_noise_in_pieces(void)
{
	static const guint8 alphabet[] = "\006\006\011\011\004\024\n\r\0ABz/==x";

	for (int round = 0; round < 100; round++) {
		g_autoptr(GByteArray) wire = g_byte_array_new();
		for (int i = 0; i < 5000; i++)
			g_byte_array_append(
				wire, &alphabet[g_test_rand_int_range(0, sizeof alphabet)], 1);
		/* Text that may yet become a marker is held back. */
		g_byte_array_append(wire, (const guint8 *)"\n", 1);
		assert_same_in_pieces(wire, 1);
		assert_same_in_pieces(wire, 50);
	}
}

/* Text without a line end is handed out in parts, of which none takes half a marker along. */
static void test_long_text(void)
{
	for (gsize length = 1000; length < 1050; length++) {
		g_autofree char *text = g_strnfill(length, 'x');
		g_autoptr(GString) seen = g_string_new(NULL);
		g_autoptr(SmpDecoder) decoder = new_decoder(seen);
		g_autofree char *wire = g_strconcat(text, ONE "\n", NULL);
		g_autofree char *wanted = g_strconcat(text, P1, NULL);
		feed(decoder, wire);
		g_assert_cmpstr(seen->str, ==, wanted);
	}
}

/* A line that never ends does not pile up; the frame behind it is found. */
static void test_endless_line(void)
{
	g_autofree char *line = g_strnfill(200000, 'A');
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(SmpDecoder) decoder = new_decoder(seen);

	feed(decoder, "\006\011");
	feed(decoder, line);
	feed(decoder, "\n" ONE "\n");
	g_assert_cmpstr(seen->str, ==, P1);
	g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 1);
}

/* One line with @data behind a length field of @length. */
static void feed_line(SmpDecoder *decoder, gsize length, const GByteArray *data)
{
	g_autoptr(GByteArray) all = g_byte_array_new();
	const guint8 field[] = {(guint8)(length >> 8), (guint8)length};

	g_byte_array_append(all, field, sizeof field);
	g_byte_array_append(all, data->data, data->len);
	g_autofree char *base64 = g_base64_encode(all->data, all->len);
	g_autofree char *line = g_strconcat("\006\011", base64, "\n", NULL);
	feed(decoder, line);
}

static GByteArray *with_crc(const guint8 *data, gsize size)
{
	guint16 crc = smp_crc16(0, data, size);
	const guint8 tail[] = {(guint8)(crc >> 8), (guint8)crc};
	GByteArray *all = g_byte_array_new();

	g_byte_array_append(all, data, (guint)size);
	return g_byte_array_append(all, tail, sizeof tail);
}

static const char answer[] = "0b 00 00 0a 00 00 42 00 bf 61 72 65 68 65 6c 6c 6f ff";
#define ANSWER "[0b00000a00004200bf61726568656c6c6fff]"

/* Servers before Zephyr 3.0: the length does not count the CRC. */
static void test_old_length(void)
{
	g_autoptr(GByteArray) packet = bytes_from_hex(answer);
	g_autoptr(GByteArray) body = with_crc(packet->data, packet->len);
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(SmpDecoder) decoder = new_decoder(seen);

	feed_line(decoder, packet->len, body);
	g_assert_cmpstr(seen->str, ==, ANSWER);
	body->data[3] ^= 1;
	feed_line(decoder, packet->len, body);
	g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 1);
	body->data[3] ^= 1;
	feed_line(decoder, packet->len + 2, body);
	g_assert_cmpstr(seen->str, ==, ANSWER ANSWER);
	g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 1);
}

static void feed_parts(SmpDecoder *decoder, const GByteArray *packet, gsize part)
{
	for (gsize at = 0; at < packet->len; at += part) {
		gsize n = MIN(part, packet->len - at);
		g_autoptr(GByteArray) body = with_crc(packet->data + at, n);
		feed_line(decoder, body->len, body);
	}
}

/* Servers before Zephyr 3.2: an answer larger than the transport's MTU comes in several frames. */
static void test_answer_in_parts(void)
{
	g_autoptr(GByteArray) packet = bytes_from_hex(answer);

	for (gsize part = SMP_HEADER_SIZE; part <= packet->len; part++) {
		g_autoptr(GString) seen = g_string_new(NULL);
		g_autoptr(SmpDecoder) decoder = new_decoder(seen);
		feed_parts(decoder, packet, part);
		feed_parts(decoder, packet, part);
		g_assert_cmpstr(seen->str, ==, ANSWER ANSWER);
		g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 0);
	}
}

/* The rest of an answer that never came does not take the next answer with it. */
static void test_part_lost(void)
{
	g_autoptr(GByteArray) packet = bytes_from_hex(answer);
	g_autoptr(GByteArray) part = with_crc(packet->data, 12);
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(SmpDecoder) decoder = new_decoder(seen);

	feed_line(decoder, part->len, part);
	feed_parts(decoder, packet, packet->len);
	g_assert_cmpstr(seen->str, ==, ANSWER);
	feed_line(decoder, part->len, part);
	smp_decoder_reset(decoder);
	feed_parts(decoder, packet, 10);
	g_assert_cmpstr(seen->str, ==, ANSWER ANSWER);
}

/* A good frame that holds no SMP packet. */
static void test_no_packet(void)
{
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(SmpDecoder) decoder = new_decoder(seen);
	g_autoptr(GByteArray) body = with_crc((const guint8 *)"abc", 3);

	feed_line(decoder, body->len, body);
	g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 1);
	feed(decoder, ONE "\n");
	g_assert_cmpstr(seen->str, ==, P1);
}

static void test_reset(void)
{
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(SmpDecoder) decoder = new_decoder(seen);

	feed(decoder, TWO_1 "\n");
	smp_decoder_reset(decoder);
	feed(decoder, TWO_2 "\n" ONE);
	smp_decoder_reset(decoder);
	feed(decoder, "\n\006");
	smp_decoder_reset(decoder);
	feed(decoder, "\011" ONE "\n");
	g_assert_cmpuint(smp_decoder_get_damaged(decoder), ==, 0);
	g_assert_true(g_str_has_suffix(seen->str, P1));
	g_assert_null(strstr(seen->str, P2));
}

/* Every size up to several lines, there and back. */
static void test_sizes(void)
{
	for (gsize size = SMP_HEADER_SIZE; size <= 1000; size++) {
		g_autoptr(GByteArray) packet = smp_packet_new(SMP_OP_READ, SMP_GROUP_FS, 0);
		g_autoptr(GByteArray) wire = g_byte_array_new();
		g_autoptr(GString) seen = g_string_new(NULL);
		g_autoptr(SmpDecoder) decoder = new_decoder(seen);
		SmpHeader header = {.length = (guint16)(size - SMP_HEADER_SIZE)};

		smp_header_write(&header, packet->data);
		g_byte_array_set_size(packet, (guint)size);
		for (gsize i = SMP_HEADER_SIZE; i < size; i++)
			packet->data[i] = (guint8)g_test_rand_int();
		smp_frame(SMP_FRAMING_CONSOLE, packet->data, packet->len, wire);
		smp_decoder_feed(decoder, wire->data, wire->len);
		g_autofree char *hex = bytes_to_hex(packet->data, packet->len);
		g_autofree char *wanted = g_strdup_printf("[%s]", hex);
		g_assert_cmpstr(seen->str, ==, wanted);
	}
}

static void test_without_text(void)
{
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(SmpDecoder) decoder =
		smp_decoder_new(SMP_FRAMING_CONSOLE, see_packet, NULL, seen);

	feed(decoder, "boot\n> " ONE "\n> ");
	g_assert_cmpstr(seen->str, ==, P1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/console/cases", test_cases);
	g_test_add_func("/console/pieces", test_pieces);
	g_test_add_func("/console/noise-in-pieces", test_noise_in_pieces);
	g_test_add_func("/console/long-text", test_long_text);
	g_test_add_func("/console/endless-line", test_endless_line);
	g_test_add_func("/console/old-length", test_old_length);
	g_test_add_func("/console/answer-in-parts", test_answer_in_parts);
	g_test_add_func("/console/part-lost", test_part_lost);
	g_test_add_func("/console/no-packet", test_no_packet);
	g_test_add_func("/console/reset", test_reset);
	g_test_add_func("/console/sizes", test_sizes);
	g_test_add_func("/console/without-text", test_without_text);
	return g_test_run();
}

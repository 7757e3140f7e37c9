/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The frame decoders on any bytes: nothing but whole packets comes out, each can be framed again,
 * and it makes no difference how the bytes were cut. */

#include "protocol/framing.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

typedef struct {
	SmpFraming framing;
	GByteArray *packets; /* one behind the other */
} Seen;

static void decode_again(const guint8 *packet, gsize size, gpointer user_data)
{
	GByteArray *wanted = user_data;

	g_assert_cmpmem(packet, size, wanted->data, wanted->len);
	g_byte_array_set_size(wanted, 0);
}

static void check_packet(const guint8 *packet, gsize size, gpointer user_data)
{
	Seen *seen = user_data;
	SmpHeader header;

	g_assert_cmpuint(size, >=, SMP_HEADER_SIZE);
	smp_header_read(packet, &header);
	g_assert_cmpuint(size, ==, SMP_HEADER_SIZE + header.length);
	g_byte_array_append(seen->packets, packet, (guint)size);

	/* The largest packet is larger than what the length of a console frame can say. */
	if (seen->framing == SMP_FRAMING_CONSOLE && size > G_MAXUINT16 - 2)
		return;
	g_autoptr(GByteArray) wire = g_byte_array_new(), copy = g_byte_array_new();
	g_byte_array_append(copy, packet, (guint)size);
	g_autoptr(SmpDecoder) decoder = smp_decoder_new(seen->framing, decode_again, NULL, copy);
	smp_frame(seen->framing, packet, size, wire);
	smp_decoder_feed(decoder, wire->data, wire->len);
	g_assert_cmpuint(copy->len, ==, 0);
}

/* Text comes in parts of one line at most. */
static void check_text(const char *text, gsize length, gpointer user_data)
{
	g_assert_cmpuint(length, >, 0);
	g_assert_null(memchr(text, '\n', length - 1));
}

static GByteArray *decode(SmpFraming framing, const guint8 *data, gsize size, gsize piece)
{
	Seen seen = {framing, g_byte_array_new()};
	g_autoptr(SmpDecoder) decoder = smp_decoder_new(framing, check_packet, check_text, &seen);

	for (gsize at = 0; at < size; at += piece)
		smp_decoder_feed(decoder, data + at, MIN(piece, size - at));
	smp_decoder_reset(decoder);
	return seen.packets;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const SmpFraming framings[] = {SMP_FRAMING_CONSOLE, SMP_FRAMING_RAW,
					      SMP_FRAMING_COBS};

	for (gsize n = 0; n < G_N_ELEMENTS(framings); n++) {
		g_autoptr(GByteArray) whole = decode(framings[n], data, size, MAX(size, 1));
		g_autoptr(GByteArray) pieces = decode(framings[n], data, size, 1 + size % 7);
		g_assert_cmpmem(whole->data, whole->len, pieces->data, pieces->len);
	}
	return 0;
}

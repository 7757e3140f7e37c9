/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* COBS framing of MCUboot's raw serial recovery: COBS(packet | crc16) 00. */

#include "protocol/crc16.h"
#include "protocol/decoder.h"

/* Larger than any packet with CRC and COBS overhead: what grows beyond it is noise. */
#define MAX_BLOCK (SMP_HEADER_SIZE + G_MAXUINT16 + 300)

/* Ends the block that began with the code byte at @code, and begins the next one. */
static gsize end_block(GByteArray *out, gsize code)
{
	const guint8 zero = 0;

	out->data[code] = (guint8)(out->len - code);
	g_byte_array_append(out, &zero, 1);
	return out->len - 1;
}

static gsize encode(GByteArray *out, gsize code, const guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++) {
		if (out->len - code == 0xff)
			code = end_block(out, code);
		if (data[i] == 0)
			code = end_block(out, code);
		else
			g_byte_array_append(out, &data[i], 1);
	}
	return code;
}

void smp_cobs_frame(const guint8 *packet, gsize size, GByteArray *out)
{
	guint16 crc = smp_crc16(0, packet, size);
	guint8 tail[] = {crc >> 8, crc & 0xff};
	const guint8 zero = 0;
	gsize code = out->len;

	g_byte_array_append(out, &zero, 1);
	code = encode(out, code, packet, size);
	code = encode(out, code, tail, sizeof tail);
	end_block(out, code);
}

/* Decodes in place; returns the size, or -1 where a code byte points beyond the end. */
static gssize decode(guint8 *data, gsize size)
{
	gsize out = 0;

	for (gsize in = 0; in < size;) {
		guint8 code = data[in++];
		if (code == 0 || in + code - 1 > size)
			return -1;
		for (guint8 i = 1; i < code; i++)
			data[out++] = data[in++];
		if (code < 0xff && in < size)
			data[out++] = 0;
	}
	return (gssize)out;
}

static void take_block(SmpDecoder *decoder)
{
	GByteArray *block = decoder->input;

	if (block->len == 0)
		return;
	gssize size = decode(block->data, block->len);
	if (size < SMP_HEADER_SIZE + 2 || smp_crc16(0, block->data, (gsize)size) != 0)
		decoder->damaged++;
	else
		smp_decoder_emit(decoder, block->data, (gsize)size - 2);
	g_byte_array_set_size(block, 0);
}

void smp_cobs_feed(SmpDecoder *decoder, const guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++) {
		if (data[i] == 0)
			take_block(decoder);
		else if (decoder->input->len < MAX_BLOCK)
			g_byte_array_append(decoder->input, &data[i], 1);
	}
}

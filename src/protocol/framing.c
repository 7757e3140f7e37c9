/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "protocol/decoder.h"

void smp_frame(SmpFraming framing, const guint8 *packet, gsize size, GByteArray *out)
{
	switch (framing) {
	case SMP_FRAMING_CONSOLE:
		smp_console_frame(packet, size, out);
		break;
	case SMP_FRAMING_COBS:
		smp_cobs_frame(packet, size, out);
		break;
	case SMP_FRAMING_RAW:
		g_byte_array_append(out, packet, size);
		break;
	}
}

SmpDecoder *smp_decoder_new(SmpFraming framing, SmpPacketFunc on_packet, SmpTextFunc on_text,
			    gpointer user_data)
{
	SmpDecoder *decoder = g_new0(SmpDecoder, 1);

	decoder->framing = framing;
	decoder->on_packet = on_packet;
	decoder->on_text = on_text;
	decoder->user_data = user_data;
	decoder->input = g_byte_array_new();
	decoder->frame = g_byte_array_new();
	decoder->packet = g_byte_array_new();
	decoder->text = g_string_new(NULL);
	return decoder;
}

void smp_decoder_free(SmpDecoder *decoder)
{
	if (!decoder)
		return;
	g_byte_array_unref(decoder->input);
	g_byte_array_unref(decoder->frame);
	g_byte_array_unref(decoder->packet);
	g_string_free(decoder->text, TRUE);
	g_free(decoder);
}

void smp_decoder_feed(SmpDecoder *decoder, const guint8 *data, gsize size)
{
	switch (decoder->framing) {
	case SMP_FRAMING_CONSOLE:
		smp_console_feed(decoder, data, size);
		break;
	case SMP_FRAMING_COBS:
		smp_cobs_feed(decoder, data, size);
		break;
	case SMP_FRAMING_RAW:
		smp_decoder_collect(decoder, data, size);
		break;
	}
}

void smp_decoder_reset(SmpDecoder *decoder)
{
	g_byte_array_set_size(decoder->input, 0);
	g_byte_array_set_size(decoder->frame, 0);
	g_byte_array_set_size(decoder->packet, 0);
	decoder->previous = 0;
	decoder->line = 0;
}

guint smp_decoder_get_damaged(const SmpDecoder *decoder)
{
	return decoder->damaged;
}

/* Bytes that the packet beginning at @data has by its header; 0 while the header is not all there.
 */
static gsize announced_size(const guint8 *data, gsize size)
{
	SmpHeader header;

	if (size < SMP_HEADER_SIZE)
		return 0;
	smp_header_read(data, &header);
	return SMP_HEADER_SIZE + (gsize)header.length;
}

void smp_decoder_collect(SmpDecoder *decoder, const guint8 *data, gsize size)
{
	GByteArray *packet = decoder->packet;

	while (size > 0) {
		gsize whole = announced_size(packet->data, packet->len);
		gsize wanted = (whole ? whole : SMP_HEADER_SIZE) - packet->len;
		gsize n = MIN(wanted, size);

		g_byte_array_append(packet, data, n);
		data += n;
		size -= n;
		if (packet->len == announced_size(packet->data, packet->len)) {
			decoder->on_packet(packet->data, packet->len, decoder->user_data);
			g_byte_array_set_size(packet, 0);
		}
	}
}

void smp_decoder_emit(SmpDecoder *decoder, const guint8 *packet, gsize size)
{
	if (size >= SMP_HEADER_SIZE && size == announced_size(packet, size))
		decoder->on_packet(packet, size, decoder->user_data);
	else
		decoder->damaged++;
}

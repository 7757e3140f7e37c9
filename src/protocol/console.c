/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SMP over console: a packet becomes T = length | packet | crc16, base64 encoded and cut into lines
 * that begin with a marker and end with a newline (Zephyr smp_transport.rst, serial_util.c; MCUboot
 * boot_serial.c). Console text stands before, between and even inside the lines. */

#include "protocol/crc16.h"
#include "protocol/decoder.h"

#include <string.h>

typedef enum {
	TEXT = 0,
	FIRST_LINE,
	NEXT_LINE,
} SmpConsoleLine;

static const guint8 first_marker[] = {0x06, 0x09};
static const guint8 next_marker[] = {0x04, 0x14};

/* Bytes of T in a full line: 124 characters between marker and newline. */
#define LINE_PART ((SMP_CONSOLE_LINE - 3) / 4 * 3)

/* The longest line that is taken. Servers keep to 127 bytes, old ones to 131; more is noise. */
#define MAX_LINE 4096

#define LENGTH_SIZE 2
#define CRC_SIZE    2

/* Text is handed out by line, or when this much has gathered. */
#define MAX_TEXT 1024

/* Copies bytes @from up to @to of T into @part. */
static gsize copy_part(guint8 *part, gsize from, gsize to, const guint8 *packet, gsize size)
{
	gsize length = size + CRC_SIZE;
	guint16 crc = to > LENGTH_SIZE + size ? smp_crc16(0, packet, size) : 0;
	gsize n = 0;

	for (gsize i = from; i < to; i++) {
		if (i < LENGTH_SIZE)
			part[n++] = (guint8)(i == 0 ? length >> 8 : length);
		else if (i < LENGTH_SIZE + size)
			part[n++] = packet[i - LENGTH_SIZE];
		else
			part[n++] = (guint8)(i == LENGTH_SIZE + size ? crc >> 8 : crc);
	}
	return n;
}

void smp_console_frame(const guint8 *packet, gsize size, GByteArray *out)
{
	gsize total = LENGTH_SIZE + size + CRC_SIZE;

	for (gsize from = 0; from < total; from += LINE_PART) {
		guint8 part[LINE_PART];
		char line[SMP_CONSOLE_LINE + 1];
		gint state = 0, save = 0;
		gsize to = MIN(from + LINE_PART, total);
		gsize n = copy_part(part, from, to, packet, size);

		g_byte_array_append(out, from == 0 ? first_marker : next_marker, 2);
		n = g_base64_encode_step(part, n, FALSE, line, &state, &save);
		n += g_base64_encode_close(FALSE, line + n, &state, &save);
		line[n++] = '\n';
		g_byte_array_append(out, (const guint8 *)line, n);
	}
}

static void flush_text(SmpDecoder *decoder)
{
	if (decoder->text->len > 0 && decoder->on_text)
		decoder->on_text(decoder->text->str, decoder->text->len, decoder->user_data);
	g_string_truncate(decoder->text, 0);
}

static gboolean begins_marker(guint8 byte)
{
	return byte == first_marker[0] || byte == next_marker[0];
}

static void add_text(SmpDecoder *decoder, guint8 byte)
{
	g_string_append_c(decoder->text, (char)byte);
	if (byte == '\n' || (decoder->text->len >= MAX_TEXT && !begins_marker(byte)))
		flush_text(decoder);
}

/* Appends the bytes of a base64 line to the frame. GLib's decoder skips what is not base64; here
 * that means log text in the middle of a frame, which must not pass. */
static gboolean decode_line(GByteArray *frame, GByteArray *line)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const guint8 zero = 0;

	g_byte_array_append(line, &zero, 1);
	const char *text = (const char *)line->data;
	gsize characters = strspn(text, alphabet);
	gsize padding = strspn(text + characters, "=");
	gsize length = characters + padding;
	if (length != line->len - 1 || length == 0 || length % 4 != 0 || padding > 2)
		return FALSE;

	gsize size;
	g_base64_decode_inplace((char *)line->data, &size);
	g_byte_array_append(frame, line->data, size);
	return TRUE;
}

/* Servers before Zephyr 3.2 cut an answer larger than their transport's MTU into several frames, of
 * which only the first holds an SMP header. */
static void take_packet(SmpDecoder *decoder, const guint8 *data, gsize size)
{
	SmpHeader header = {0};

	if (size >= SMP_HEADER_SIZE)
		smp_header_read(data, &header);
	gboolean whole = size >= SMP_HEADER_SIZE && size == SMP_HEADER_SIZE + (gsize)header.length;
	if (whole || (decoder->packet->len == 0 && size < SMP_HEADER_SIZE)) {
		g_byte_array_set_size(decoder->packet, 0);
		smp_decoder_emit(decoder, data, size);
		return;
	}
	smp_decoder_collect(decoder, data, size);
}

/* Looks whether the frame is complete. Its length counts the CRC, but not in servers before Zephyr
 * 3.0: there two more bytes come. */
static void check_frame(SmpDecoder *decoder)
{
	GByteArray *frame = decoder->frame;

	if (frame->len < LENGTH_SIZE)
		return;
	gsize length = (gsize)frame->data[0] << 8 | frame->data[1];
	const guint8 *body = frame->data + LENGTH_SIZE;
	gsize size = frame->len - LENGTH_SIZE;
	gboolean crc_good = size >= CRC_SIZE && smp_crc16(0, body, size) == 0;

	if (size < length || (size < length + CRC_SIZE && !crc_good))
		return;
	if (crc_good && (size == length || size == length + CRC_SIZE))
		take_packet(decoder, body, size - CRC_SIZE);
	else
		decoder->damaged++;
	g_byte_array_set_size(frame, 0);
}

static void drop_frame(SmpDecoder *decoder)
{
	decoder->damaged++;
	g_byte_array_set_size(decoder->frame, 0);
}

static void end_line(SmpDecoder *decoder)
{
	GByteArray *line = decoder->input;

	if (line->len > 0 && line->data[line->len - 1] == '\r')
		g_byte_array_set_size(line, line->len - 1);
	if (decoder->line == FIRST_LINE && decoder->frame->len > 0)
		drop_frame(decoder);
	/* A continuation without a start belongs to a frame whose start was lost. */
	if (decoder->line == FIRST_LINE || decoder->frame->len > 0) {
		if (decode_line(decoder->frame, line))
			check_frame(decoder);
		else
			drop_frame(decoder);
	}
	g_byte_array_set_size(line, 0);
	decoder->line = TEXT;
}

static SmpConsoleLine marker(guint8 first, guint8 second)
{
	if (first == first_marker[0] && second == first_marker[1])
		return FIRST_LINE;
	if (first == next_marker[0] && second == next_marker[1])
		return NEXT_LINE;
	return TEXT;
}

/* A marker counts wherever it stands: a shell prompt or half a log line may precede it, and a frame
 * that log text broke off may be followed by the next one in the same line. */
static void begin_line(SmpDecoder *decoder, SmpConsoleLine kind)
{
	if (decoder->line != TEXT)
		decoder->damaged++;
	else if (decoder->text->len > 0)
		g_string_truncate(decoder->text, decoder->text->len - 1);
	flush_text(decoder);
	g_byte_array_set_size(decoder->input, 0);
	decoder->line = kind;
}

static void feed_byte(SmpDecoder *decoder, guint8 byte)
{
	SmpConsoleLine kind = marker(decoder->previous, byte);

	decoder->previous = byte;
	if (kind != TEXT)
		begin_line(decoder, kind);
	else if (decoder->line == TEXT)
		add_text(decoder, byte);
	else if (byte == '\n')
		end_line(decoder);
	else if (decoder->input->len < MAX_LINE)
		g_byte_array_append(decoder->input, &byte, 1);
}

void smp_console_feed(SmpDecoder *decoder, const guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++)
		feed_byte(decoder, data[i]);
	/* A prompt has no line end and is to be seen at once; a marker may have begun. */
	if (decoder->line == TEXT && !begins_marker(decoder->previous))
		flush_text(decoder);
}

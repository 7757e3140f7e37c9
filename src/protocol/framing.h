/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How an SMP packet becomes bytes on a stream, and back. Pure functions on buffers. */

#include <smp/packet.h>

G_BEGIN_DECLS

/**
 * SmpFraming:
 * @SMP_FRAMING_CONSOLE: base64 lines with markers, length and CRC (protocol: SMP over console)
 * @SMP_FRAMING_RAW: the packet as it is; it ends where its header says
 * @SMP_FRAMING_COBS: packet and CRC in COBS, ended by a zero byte
 */
typedef enum {
	SMP_FRAMING_CONSOLE,
	SMP_FRAMING_RAW,
	SMP_FRAMING_COBS,
} SmpFraming;

/* A console line with both markers and the newline: what UART driver, shell and MCUboot take. */
#define SMP_CONSOLE_LINE 127

/* Appends the bytes that stand for @packet on the wire. */
void smp_frame(SmpFraming framing, const guint8 *packet, gsize size, GByteArray *out);

/* Takes the bytes of a stream as they come and finds the packets in them. */
typedef struct SmpDecoder SmpDecoder;

typedef void (*SmpPacketFunc)(const guint8 *packet, gsize size, gpointer user_data);
typedef void (*SmpTextFunc)(const char *text, gsize length, gpointer user_data);

/**
 * smp_decoder_new:
 * @on_packet: called with each whole packet, %SMP_HEADER_SIZE bytes or more, as long as its header
 *   says
 * @on_text: (nullable): called with what is not SMP (console framing only)
 */
SmpDecoder *smp_decoder_new(SmpFraming framing, SmpPacketFunc on_packet, SmpTextFunc on_text,
			    gpointer user_data);
void smp_decoder_free(SmpDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpDecoder, smp_decoder_free)

void smp_decoder_feed(SmpDecoder *decoder, const guint8 *data, gsize size);

/* Drops a packet that has begun. */
void smp_decoder_reset(SmpDecoder *decoder);

/* Frames that were begun and could not be used (bad base64, CRC, length) since the decoder was
 * made: a sign of a wrong baud rate or of log text in the middle of frames. */
guint smp_decoder_get_damaged(const SmpDecoder *decoder);

G_END_DECLS

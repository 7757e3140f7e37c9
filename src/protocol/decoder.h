/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the three decoders share; the interface is protocol/framing.h. */

#include "protocol/framing.h"

G_BEGIN_DECLS

struct SmpDecoder {
	SmpFraming framing;
	SmpPacketFunc on_packet;
	SmpTextFunc on_text;
	gpointer user_data;
	GByteArray *input;  /* a console line, a COBS block */
	GByteArray *frame;  /* console: decoded bytes of the packet in hand, with length and CRC */
	GByteArray *packet; /* the SMP packet in hand */
	GString *text;	    /* console text not yet handed out */
	guint8 previous;    /* console: the byte before, where a marker may have begun */
	int line;	    /* console: which marker began the line; an SmpConsoleLine */
	guint damaged;
};

void smp_console_feed(SmpDecoder *decoder, const guint8 *data, gsize size);
void smp_cobs_feed(SmpDecoder *decoder, const guint8 *data, gsize size);
void smp_console_frame(const guint8 *packet, gsize size, GByteArray *out);
void smp_cobs_frame(const guint8 *packet, gsize size, GByteArray *out);

/* Collects bytes until the header's length is reached, then hands the packet out. Bytes behind it
 * begin the next one. */
void smp_decoder_collect(SmpDecoder *decoder, const guint8 *data, gsize size);

/* Hands out one packet that is whole, or counts it as damaged where its length is not what its
 * header says. */
void smp_decoder_emit(SmpDecoder *decoder, const guint8 *packet, gsize size);

G_END_DECLS

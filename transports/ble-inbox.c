/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/ble-inbox.h"

#include "protocol/decoder.h"

struct SmpBleInbox {
	SmpDecoder *decoder;
	GQueue packets; /* of GBytes */
};

static void on_packet(const guint8 *packet, gsize size, gpointer user_data)
{
	SmpBleInbox *inbox = user_data;

	g_queue_push_tail(&inbox->packets, g_bytes_new(packet, size));
}

SmpBleInbox *smp_ble_inbox_new(void)
{
	SmpBleInbox *inbox = g_new0(SmpBleInbox, 1);

	inbox->decoder = smp_decoder_new(SMP_FRAMING_RAW, on_packet, NULL, inbox);
	g_queue_init(&inbox->packets);
	return inbox;
}

void smp_ble_inbox_free(SmpBleInbox *inbox)
{
	if (!inbox)
		return;
	smp_decoder_free(inbox->decoder);
	g_queue_clear_full(&inbox->packets, (GDestroyNotify)g_bytes_unref);
	g_free(inbox);
}

/* Of the header's first byte the upper three bits are reserved, and an answer is one to a read or a
 * write. What a piece that got lost leaves behind hardly ever looks so. */
static gboolean begins_answer(guint8 byte)
{
	guint8 op = byte & 7;

	return (byte & 0xe0) == 0 && (op == SMP_OP_READ + 1 || op == SMP_OP_WRITE + 1);
}

void smp_ble_inbox_feed(SmpBleInbox *inbox, const guint8 *data, gsize size)
{
	if (size > 0 && !smp_ble_inbox_is_partial(inbox) && !begins_answer(data[0]))
		return;
	smp_decoder_feed(inbox->decoder, data, size);
}

gboolean smp_ble_inbox_take(SmpBleInbox *inbox, GByteArray *packet)
{
	GBytes *bytes = g_queue_pop_head(&inbox->packets);
	gsize size = 0;

	if (!bytes)
		return FALSE;
	const guint8 *data = g_bytes_get_data(bytes, &size);
	g_byte_array_set_size(packet, 0);
	g_byte_array_append(packet, data, (guint)size);
	g_bytes_unref(bytes);
	return TRUE;
}

gboolean smp_ble_inbox_is_partial(const SmpBleInbox *inbox)
{
	return inbox->decoder->packet->len > 0;
}

void smp_ble_inbox_reset(SmpBleInbox *inbox)
{
	smp_decoder_reset(inbox->decoder);
}

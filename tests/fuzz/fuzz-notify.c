/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Notifications of Bluetooth LE, however a board cuts them. The first byte says how: the rest is a
 * sequence of notifications, each behind a byte of its size; nothing but whole packets comes out.
 * Then the packets that came are cut anew and must come again, the same ones. */

#include "transports/ble-inbox.h"

#include "tests/fuzz/fuzz.h"

#include <smp/packet.h>

static void take_all(SmpBleInbox *inbox, GPtrArray *packets)
{
	g_autoptr(GByteArray) packet = g_byte_array_new();
	SmpHeader header;

	while (smp_ble_inbox_take(inbox, packet)) {
		g_assert_cmpuint(packet->len, >=, SMP_HEADER_SIZE);
		smp_header_read(packet->data, &header);
		g_assert_cmpuint(packet->len, ==, SMP_HEADER_SIZE + header.length);
		g_ptr_array_add(packets, g_bytes_new(packet->data, packet->len));
	}
}

static void feed_sized(SmpBleInbox *inbox, const uint8_t *data, size_t size, GPtrArray *packets)
{
	for (size_t at = 0; at < size;) {
		size_t n = MIN(data[at], size - at - 1);

		smp_ble_inbox_feed(inbox, data + at + 1, n);
		take_all(inbox, packets);
		at += 1 + n;
	}
}

/* Whether a packet can be the first of a notification. */
static gboolean is_answer(GBytes *packet)
{
	const guint8 *data = g_bytes_get_data(packet, NULL);

	return (data[0] & 0xe0) == 0 && ((data[0] & 7) == 1 || (data[0] & 7) == 3);
}

static void check_cut(GPtrArray *packets, size_t piece)
{
	g_autoptr(SmpBleInbox) inbox = smp_ble_inbox_new();
	g_autoptr(GPtrArray) again = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	g_autoptr(GByteArray) stream = g_byte_array_new();

	for (guint i = 0; i < packets->len; i++) {
		gsize size = 0;
		const guint8 *data = g_bytes_get_data(packets->pdata[i], &size);

		if (!is_answer(packets->pdata[i]))
			return;
		g_byte_array_append(stream, data, (guint)size);
	}
	for (size_t at = 0; at < stream->len; at += piece) {
		smp_ble_inbox_feed(inbox, stream->data + at, MIN(piece, stream->len - at));
		take_all(inbox, again);
	}
	g_assert_false(smp_ble_inbox_is_partial(inbox));
	g_assert_cmpuint(again->len, ==, packets->len);
	for (guint i = 0; i < packets->len; i++)
		g_assert_true(g_bytes_equal(packets->pdata[i], again->pdata[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(SmpBleInbox) inbox = smp_ble_inbox_new();
	g_autoptr(GPtrArray) packets =
		g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

	if (size == 0)
		return 0;
	feed_sized(inbox, data + 1, size - 1, packets);
	smp_ble_inbox_reset(inbox);
	g_assert_false(smp_ble_inbox_is_partial(inbox));
	check_cut(packets, 1 + data[0]);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/fragments.h"

#include <smp/packet.h>

/* Operation code and handle of a write or a notification. */
#define ATT_HEADER 3
/* bluetoothd 5.66 sends Multiple Handle Value Notifications, which have the length as well, and
 * cuts what is longer without a word (gatt-server.c, bt_gatt_server_send_notification). */
#define ATT_MULTIPLE_HEADER 5
#define ATT_MTU_MIN	    23

void sim_fragments_init(SimFragments *fragments, gboolean reassemble, guint mtu)
{
	*fragments =
		(SimFragments){.reassemble = reassemble, .mtu = mtu, .partial = g_byte_array_new()};
}

void sim_fragments_clear(SimFragments *fragments)
{
	g_clear_pointer(&fragments->partial, g_byte_array_unref);
}

void sim_fragments_drop(SimFragments *fragments)
{
	g_byte_array_set_size(fragments->partial, 0);
}

/* Returns: whether there is a packet that this may be a piece of */
static gboolean begin(SimFragments *fragments, const guint8 *data, gsize size, gsize buf_size)
{
	SmpHeader header;

	if (fragments->partial->len > 0)
		return TRUE;
	if (size < SMP_HEADER_SIZE)
		return FALSE;
	smp_header_read(data, &header);
	fragments->expected = SMP_HEADER_SIZE + (gsize)header.length;
	return fragments->expected <= buf_size;
}

static gboolean collect(SimFragments *fragments, const guint8 *data, gsize size, gsize buf_size,
			GByteArray *packet)
{
	if (!begin(fragments, data, size, buf_size) ||
	    fragments->partial->len + size > fragments->expected) {
		sim_fragments_drop(fragments);
		return FALSE;
	}
	g_byte_array_append(fragments->partial, data, (guint)size);
	if (fragments->partial->len < fragments->expected)
		return FALSE;
	g_byte_array_append(packet, fragments->partial->data, fragments->partial->len);
	sim_fragments_drop(fragments);
	return TRUE;
}

gboolean sim_fragments_take(SimFragments *fragments, const guint8 *data, gsize size, gsize buf_size,
			    GByteArray *packet)
{
	g_byte_array_set_size(packet, 0);
	if (size == 0 || (fragments->mtu > 0 && size > fragments->mtu - ATT_HEADER))
		return FALSE;
	if (fragments->reassemble)
		return collect(fragments, data, size, buf_size, packet);
	if (size > buf_size)
		return FALSE;
	g_byte_array_append(packet, data, (guint)size);
	return TRUE;
}

gsize sim_fragments_size(const SimFragments *fragments, guint link_mtu)
{
	gsize size = MAX(link_mtu, ATT_MTU_MIN) - ATT_MULTIPLE_HEADER;

	return fragments->mtu > 0 ? MIN(size, fragments->mtu - ATT_HEADER) : size;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim-client.h"

#include <string.h>

#define TIMEOUT (30 * G_USEC_PER_SEC)
#define CHUNK	200

void sim_client_init(SimClient *client, SimBoard *board)
{
	*client = (SimClient){.board = board, .reply = g_byte_array_new()};
}

void sim_client_clear(SimClient *client)
{
	g_clear_pointer(&client->reply, g_byte_array_unref);
	g_clear_pointer(&client->board, sim_board_free);
}

/* Goes to the next event, but not beyond @end. Returns: whether there is time left */
static gboolean step(SimClient *client, gint64 end)
{
	gint64 next = sim_board_next_event(client->board);

	if (client->now >= end)
		return FALSE;
	client->now = next < 0 ? end : CLAMP(next, client->now + 1, end);
	return TRUE;
}

void sim_client_sleep(SimClient *client, gint64 duration)
{
	gint64 end = client->now + duration;

	while (step(client, end)) {
		g_byte_array_set_size(client->reply, 0);
		sim_board_take_reply(client->board, client->now, client->reply);
	}
}

static gboolean is_answer(SimClient *client)
{
	SmpHeader header;

	if (client->reply->len < SMP_HEADER_SIZE)
		return FALSE;
	smp_header_read(client->reply->data, &header);
	return header.sequence == client->sequence &&
	       smp_cbor_check(client->reply->data + SMP_HEADER_SIZE,
			      client->reply->len - SMP_HEADER_SIZE, &client->map);
}

/* Sends @packet with the next sequence number. */
static gboolean call(SimClient *client, GByteArray *packet)
{
	gint64 end = client->now + TIMEOUT;
	SmpHeader header;

	smp_header_read(packet->data, &header);
	header.version = SMP_VERSION_2;
	header.sequence = ++client->sequence;
	header.length = (guint16)(packet->len - SMP_HEADER_SIZE);
	smp_header_write(&header, packet->data);
	sim_board_receive(client->board, packet->data, packet->len, 0, client->now);
	do {
		g_byte_array_set_size(client->reply, 0);
		while (sim_board_take_reply(client->board, client->now, client->reply)) {
			if (is_answer(client))
				return TRUE;
			g_byte_array_set_size(client->reply, 0);
		}
	} while (step(client, end));
	return FALSE;
}

gboolean sim_client_ask(SimClient *client, SmpOp op, guint16 group, guint8 command)
{
	g_autoptr(GByteArray) packet = smp_packet_new(op, group, command);

	smp_cbor_put_map(packet, 0);
	return call(client, packet);
}

gint64 sim_client_rc(const SimClient *client)
{
	gint64 rc = 0;

	smp_cbor_get_int(&client->map, "rc", &rc);
	return rc;
}

static GByteArray *upload_packet(const GByteArray *image, guint64 offset)
{
	GByteArray *packet = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_IMAGE, 1);
	gsize size = MIN(CHUNK, image->len - offset);

	smp_cbor_put_map(packet, offset == 0 ? 3 : 2);
	smp_cbor_put_text(packet, "off");
	smp_cbor_put_uint(packet, offset);
	if (offset == 0) {
		smp_cbor_put_text(packet, "len");
		smp_cbor_put_uint(packet, image->len);
	}
	smp_cbor_put_text(packet, "data");
	smp_cbor_put_bytes(packet, image->data + offset, size);
	return packet;
}

gboolean sim_client_upload(SimClient *client, const GByteArray *image)
{
	guint64 offset = 0;

	for (guint i = 0; i < 3 * image->len / CHUNK + 10; i++) {
		g_autoptr(GByteArray) packet = upload_packet(image, offset);
		if (!call(client, packet) || !smp_cbor_get_uint(&client->map, "off", &offset))
			return FALSE;
		if (offset == image->len)
			return TRUE;
	}
	return FALSE;
}

gboolean sim_client_mark(SimClient *client, const guint8 *hash, gboolean confirm)
{
	g_autoptr(GByteArray) packet = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_IMAGE, 0);
	SmpCbor images;

	smp_cbor_put_map(packet, hash ? 2 : 1);
	if (hash) {
		smp_cbor_put_text(packet, "hash");
		smp_cbor_put_bytes(packet, hash, 32);
	}
	smp_cbor_put_text(packet, "confirm");
	smp_cbor_put_bool(packet, confirm);
	return call(client, packet) && smp_cbor_get(&client->map, "images", &images);
}

gboolean sim_client_wait(SimClient *client)
{
	for (guint i = 0; i < 600; i++) {
		SimState state = sim_board_state(client->board, client->now);
		if (state == SIM_STATE_APP || state == SIM_STATE_RECOVERY)
			return TRUE;
		sim_client_sleep(client, G_USEC_PER_SEC / 10);
	}
	return FALSE;
}

gboolean sim_client_reset(SimClient *client)
{
	const SimConfig *config = sim_board_config(client->board);

	if (!sim_client_ask(client, SMP_OP_WRITE, SMP_GROUP_OS, 5))
		return FALSE;
	sim_client_sleep(client, config->reset_time + 1);
	return sim_client_wait(client);
}

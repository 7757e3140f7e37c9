/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The SMP header (Zephyr doc/services/device_mgmt/smp_protocol.rst). */

#include <smp/packet.h>

#include <string.h>

static guint16 read_be16(const guint8 *data)
{
	return (guint16)(data[0] << 8 | data[1]);
}

void smp_header_read(const guint8 *data, SmpHeader *header)
{
	*header = (SmpHeader){
		.version = data[0] >> 3 & 3,
		.op = data[0] & 7,
		.flags = data[1],
		.length = read_be16(data + 2),
		.group = read_be16(data + 4),
		.sequence = data[6],
		.command = data[7],
	};
}

void smp_header_write(const SmpHeader *header, guint8 *data)
{
	data[0] = (guint8)((header->version & 3) << 3 | (header->op & 7));
	data[1] = header->flags;
	data[2] = (guint8)(header->length >> 8);
	data[3] = (guint8)header->length;
	data[4] = (guint8)(header->group >> 8);
	data[5] = (guint8)header->group;
	data[6] = header->sequence;
	data[7] = header->command;
}

GByteArray *smp_packet_new(SmpOp op, guint16 group, guint8 command)
{
	GByteArray *packet = g_byte_array_new();
	smp_packet_reset(packet, op, group, command);
	return packet;
}

void smp_packet_reset(GByteArray *packet, SmpOp op, guint16 group, guint8 command)
{
	SmpHeader header = {.op = op, .group = group, .command = command};

	g_byte_array_set_size(packet, SMP_HEADER_SIZE);
	smp_header_write(&header, packet->data);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "link-helpers.h"

SmpLink *new_link(const char *scheme, const char *path, const char *options)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *target = g_strdup_printf("%s:%s%s", scheme, path, options);
	SmpLink *link = smp_link_new(target, &error);

	g_assert_no_error(error);
	return link;
}

void open_link(SmpLink *link)
{
	g_autoptr(GError) error = NULL;
	gboolean open = smp_link_open(link, &error);

	g_assert_no_error(error);
	g_assert_true(open);
}

GByteArray *make_packet(guint16 size, guint8 sequence)
{
	SmpHeader header = {
		.version = SMP_VERSION_2, .op = SMP_OP_WRITE, .length = size, .sequence = sequence};
	GByteArray *packet = smp_packet_new(SMP_OP_WRITE, 0, 0);

	g_byte_array_set_size(packet, SMP_HEADER_SIZE + (guint)size);
	smp_header_write(&header, packet->data);
	for (guint i = 0; i < size; i++)
		packet->data[SMP_HEADER_SIZE + i] = (guint8)(i * 7);
	return packet;
}

void send_packet(SmpLink *link, const GByteArray *packet)
{
	g_autoptr(GError) error = NULL;
	gboolean sent = smp_link_send(link, packet->data, packet->len,
				      smp_link_now(link) + 5000 * MSEC, &error);

	g_assert_no_error(error);
	g_assert_true(sent);
}

void receive_answer(SmpLink *link, const GByteArray *packet)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) answer = g_byte_array_new();
	gboolean got = smp_link_receive(link, answer, smp_link_now(link) + 5000 * MSEC, &error);

	g_assert_no_error(error);
	g_assert_true(got);
	g_assert_cmpuint(answer->len, ==, packet->len);
	g_assert_cmpuint(answer->data[0], ==, packet->data[0] | 1);
	g_assert_cmpmem(answer->data + 1, answer->len - 1, packet->data + 1, packet->len - 1);
}

void exchange(SmpLink *link, guint16 size, guint8 sequence)
{
	g_autoptr(GByteArray) packet = make_packet(size, sequence);

	send_packet(link, packet);
	receive_answer(link, packet);
}

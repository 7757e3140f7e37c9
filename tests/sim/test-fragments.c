/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes to the SMP characteristic, as Zephyr's smp_reassembly.c puts them together. */

#include "sim/fragments.h"

#include <string.h>

#define BUF_SIZE 300

typedef struct {
	SimFragments fragments;
	GByteArray *packet;
} Server;

static Server start(gboolean reassemble, guint mtu)
{
	Server server = {.packet = g_byte_array_new()};

	sim_fragments_init(&server.fragments, reassemble, mtu);
	return server;
}

static void stop(Server *server)
{
	sim_fragments_clear(&server->fragments);
	g_byte_array_unref(server->packet);
}

static gboolean take(Server *server, const guint8 *data, gsize size)
{
	return sim_fragments_take(&server->fragments, data, size, BUF_SIZE, server->packet);
}

/* A request of @size bytes, header included. */
static void fill(guint8 *packet, gsize size)
{
	const guint8 header[] = {0x0a, 0, (guint8)((size - 8) >> 8), (guint8)(size - 8), 0, 0,
				 7,    0};

	for (gsize i = 0; i < size; i++)
		packet[i] = (guint8)i;
	memcpy(packet, header, sizeof header);
}

static void assert_packet(const Server *server, const guint8 *packet, gsize size)
{
	g_assert_cmpmem(server->packet->data, server->packet->len, packet, size);
}

/* Cut anywhere behind the header. */
static void test_split(void)
{
	Server server = start(TRUE, 0);
	guint8 packet[40];

	fill(packet, sizeof packet);
	for (gsize first = 8; first < sizeof packet; first++) {
		g_assert_false(take(&server, packet, first));
		g_assert_true(take(&server, packet + first, sizeof packet - first));
		assert_packet(&server, packet, sizeof packet);
	}
	g_assert_false(take(&server, packet, 8));
	for (gsize i = 8; i < sizeof packet - 1; i++)
		g_assert_false(take(&server, packet + i, 1));
	g_assert_true(take(&server, packet + sizeof packet - 1, 1));
	assert_packet(&server, packet, sizeof packet);
	stop(&server);
}

static void test_limits(void)
{
	Server server = start(TRUE, 0);
	guint8 packet[BUF_SIZE + 1];

	fill(packet, BUF_SIZE);
	g_assert_false(take(&server, packet, 200));
	g_assert_true(take(&server, packet + 200, 100));
	fill(packet, BUF_SIZE + 1);
	g_assert_false(take(&server, packet, 200));
	/* The rest is no end of that packet but the beginning of one: it has no header. */
	g_assert_false(take(&server, packet + 200, 7));
	g_assert_cmpuint(server.fragments.partial->len, ==, 0);
	/* Less than a header, nothing at all. */
	fill(packet, 20);
	g_assert_false(take(&server, packet, 7));
	g_assert_false(take(&server, packet, 0));
	g_assert_true(take(&server, packet, 20));
	stop(&server);
}

static void test_surplus(void)
{
	Server server = start(TRUE, 0);
	guint8 packet[60];

	fill(packet, 50);
	/* Two packets in one write are none. */
	g_assert_false(take(&server, packet, 51));
	g_assert_false(take(&server, packet, 30));
	g_assert_false(take(&server, packet + 30, 21));
	g_assert_true(take(&server, packet, 50));
	stop(&server);
}

static void test_swallowed(void)
{
	Server server = start(TRUE, 0);
	guint8 half[40], next[20];

	fill(half, sizeof half);
	fill(next, sizeof next);
	g_assert_false(take(&server, half, 20));
	g_assert_true(take(&server, next, sizeof next));
	g_assert_cmpuint(server.packet->len, ==, sizeof half);
	g_assert_false(take(&server, half, 20));
	sim_fragments_drop(&server.fragments);
	g_assert_true(take(&server, next, sizeof next));
	assert_packet(&server, next, sizeof next);
	stop(&server);
}

static void test_none(void)
{
	Server server = start(FALSE, 0);
	guint8 packet[BUF_SIZE + 1];

	fill(packet, 100);
	g_assert_true(take(&server, packet, 30));
	assert_packet(&server, packet, 30);
	g_assert_true(take(&server, packet + 30, 70));
	assert_packet(&server, packet + 30, 70);
	g_assert_true(take(&server, packet, BUF_SIZE));
	g_assert_false(take(&server, packet, BUF_SIZE + 1));
	stop(&server);
}

static void test_mtu(void)
{
	Server server = start(TRUE, 65);
	guint8 packet[80];

	fill(packet, sizeof packet);
	g_assert_false(take(&server, packet, 63));
	g_assert_false(take(&server, packet, 62));
	g_assert_true(take(&server, packet + 62, 18));
	g_assert_cmpuint(sim_fragments_size(&server.fragments, 517), ==, 62);
	g_assert_cmpuint(sim_fragments_size(&server.fragments, 23), ==, 18);
	stop(&server);
	server = start(TRUE, 0);
	g_assert_cmpuint(sim_fragments_size(&server.fragments, 517), ==, 512);
	g_assert_cmpuint(sim_fragments_size(&server.fragments, 0), ==, 18);
	stop(&server);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fragments/split", test_split);
	g_test_add_func("/fragments/limits", test_limits);
	g_test_add_func("/fragments/surplus", test_surplus);
	g_test_add_func("/fragments/swallowed", test_swallowed);
	g_test_add_func("/fragments/none", test_none);
	g_test_add_func("/fragments/mtu", test_mtu);
	return g_test_run();
}

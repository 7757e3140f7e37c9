/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The board on virtual time: what happens when, and each fault. */

#include "sim-client.h"
#include "sim/image.h"
#include "sim/uart.h"

#include <string.h>

#define MS 1000

static SimClient start(const char *name, const char *fault)
{
	SimConfig config;
	SimClient client;
	g_autoptr(GError) error = NULL;

	g_assert_true(sim_config_board(&config, name));
	if (fault)
		g_assert_true(sim_config_add_fault(&config, fault, &error));
	SimBoard *board = sim_board_new(&config, NULL, 0, &error);
	g_assert_no_error(error);
	sim_client_init(&client, board);
	return client;
}

static gboolean echo(SimClient *client)
{
	return sim_client_ask(client, SMP_OP_WRITE, SMP_GROUP_OS, 0);
}

static void send_echo(SimClient *client, guint8 sequence)
{
	guint8 packet[] = {0x0a, 0, 0, 1, 0, 0, sequence, 0, 0xa0};

	sim_board_receive(client->board, packet, sizeof packet, 0, client->now);
}

static guint count_replies(SimClient *client, gint64 duration)
{
	g_autoptr(GByteArray) reply = g_byte_array_new();
	guint n = 0;

	sim_board_advance(client->board, client->now + duration);
	while (sim_board_take_reply(client->board, client->now + duration, reply))
		n++;
	client->now += duration;
	return n;
}

static void test_reset(void)
{
	g_auto(SimClient) client = start("swap", NULL);

	g_assert_true(sim_client_ask(&client, SMP_OP_WRITE, SMP_GROUP_OS, 5));
	gint64 answered = client.now;
	/* The old application is there until it is reset. */
	sim_client_sleep(&client, 100 * MS);
	g_assert_true(echo(&client));
	sim_client_sleep(&client, answered + 249 * MS - client.now);
	g_assert_cmpint(sim_board_state(client.board, client.now), ==, SIM_STATE_APP);
	sim_client_sleep(&client, 1 * MS);
	g_assert_cmpint(sim_board_state(client.board, client.now), ==, SIM_STATE_BOOTING);
	send_echo(&client, 9);
	g_assert_cmpint(count_replies(&client, 199 * MS), ==, 0);
	sim_client_sleep(&client, 2 * MS);
	g_assert_true(echo(&client));
}

/* A slow erase holds the answer back, and deafens if asked for. */
static void test_erase_time(void)
{
	SimConfig config;
	SimClient slow;

	g_assert_true(sim_config_board(&config, "swap"));
	config.erase_time = 85 * MS;
	config.deaf = TRUE;
	sim_client_init(&slow, sim_board_new(&config, NULL, 0, NULL));
	g_auto(SimClient) client = slow;
	SimVersion version = {1, 1, 0, 0};
	g_autoptr(GByteArray) image = sim_image_make(&version, 20000, 0, NULL, 0);
	g_assert_true(sim_client_upload(&client, image));
	gint64 begin = client.now;
	guint8 erase[] = {0x0a, 0, 0, 1, 0, 1, 77, 5, 0xa0};
	sim_board_receive(client.board, erase, sizeof erase, 0, client.now);
	g_assert_true(sim_board_is_deaf(client.board, client.now + 1));
	while (count_replies(&client, 1 * MS) == 0)
		;
	gint64 took = client.now - begin;
	g_assert_cmpint(took, >=, 472 / 4 * 85 * MS);
	g_assert_cmpint(took, <=, 472 / 4 * 85 * MS + 5 * MS);
	g_assert_false(sim_board_is_deaf(client.board, client.now));
}

/* A request in hand has two of the buffers. */
static void test_buffers(void)
{
	SimConfig config;
	SimClient small;

	g_assert_true(sim_config_board(&config, "swap"));
	config.buf_count = 2;
	sim_client_init(&small, sim_board_new(&config, NULL, 0, NULL));
	g_auto(SimClient) client = small;
	for (guint8 i = 0; i < 5; i++)
		send_echo(&client, i);
	g_assert_cmpint(count_replies(&client, 100 * MS), ==, 1);

	g_auto(SimClient) larger = start("swap", NULL);
	for (guint8 i = 0; i < 3; i++)
		send_echo(&larger, i);
	g_assert_cmpint(count_replies(&larger, 100 * MS), ==, 3);
}

static void test_overrun_crashes(void)
{
	SimConfig config;
	SimClient fragile;

	g_assert_true(sim_config_board(&config, "swap"));
	config.crash_on_overrun = TRUE;
	sim_client_init(&fragile, sim_board_new(&config, NULL, 0, NULL));
	g_auto(SimClient) client = fragile;
	for (guint8 i = 0; i < 6; i++)
		send_echo(&client, i);
	g_assert_cmpint(count_replies(&client, 100 * MS), ==, 0);
	g_assert_false(echo(&client));
}

/* Answers in the order of the requests. */
static void test_order(void)
{
	g_auto(SimClient) client = start("swap", NULL);
	g_autoptr(GByteArray) reply = g_byte_array_new();

	for (guint8 i = 0; i < 3; i++)
		send_echo(&client, 10 + i);
	sim_board_advance(client.board, 50 * MS);
	for (guint8 i = 0; i < 3; i++) {
		g_byte_array_set_size(reply, 0);
		g_assert_true(sim_board_take_reply(client.board, 50 * MS, reply));
		g_assert_cmpint(reply->data[6], ==, 10 + i);
	}
}

static void test_lost(gconstpointer fault)
{
	g_auto(SimClient) client = start("swap", fault);

	g_assert_true(echo(&client));
	g_assert_false(echo(&client));
	g_assert_true(echo(&client));
	g_assert_cmpint(sim_board_requests(client.board), ==, 3);
}

static void test_duplicate(void)
{
	g_auto(SimClient) client = start("swap", "duplicate-reply=2");

	send_echo(&client, 1);
	g_assert_cmpint(count_replies(&client, 50 * MS), ==, 1);
	send_echo(&client, 2);
	g_assert_cmpint(count_replies(&client, 50 * MS), ==, 2);
}

static void test_corrupt(void)
{
	g_auto(SimClient) client = start("swap", "corrupt-reply=1");
	g_autoptr(GByteArray) reply = g_byte_array_new();

	send_echo(&client, 1);
	sim_board_advance(client.board, 50 * MS);
	g_assert_true(sim_board_take_reply(client.board, 50 * MS, reply));
	g_assert_cmpint(reply->data[reply->len - 1], !=, 0xff);
}

static void test_stall(void)
{
	g_auto(SimClient) client = start("swap", "stall=1:5000");

	g_assert_true(echo(&client));
	g_assert_cmpint(client.now, >=, 5000 * MS);
	gint64 before = client.now;
	g_assert_true(echo(&client));
	g_assert_cmpint(client.now - before, <, 10 * MS);
}

static void test_cut_link(void)
{
	g_auto(SimClient) client = start("swap", "cut-link=2:3000");

	g_assert_true(echo(&client));
	gint64 cut = client.now;
	send_echo(&client, 50);
	g_assert_false(sim_board_link_is_up(client.board, cut + 2999 * MS));
	g_assert_cmpint(count_replies(&client, 2999 * MS), ==, 0);
	sim_client_sleep(&client, 2 * MS);
	g_assert_true(echo(&client));
}

static void test_resets(gconstpointer fault)
{
	g_auto(SimClient) client = start("swap", fault);

	g_assert_true(echo(&client));
	send_echo(&client, 50);
	g_assert_cmpint(sim_board_state(client.board, client.now), !=, SIM_STATE_APP);
	g_assert_true(sim_client_wait(&client));
	g_assert_true(echo(&client));
}

static void test_die(void)
{
	g_auto(SimClient) client = start("swap", "die=2");

	g_assert_true(echo(&client));
	g_assert_false(echo(&client));
	g_assert_false(echo(&client));
	sim_board_reset(client.board, client.now);
	sim_client_sleep(&client, G_USEC_PER_SEC);
	g_assert_false(echo(&client));
}

static void test_answer(void)
{
	g_auto(SimClient) client = start("swap", "answer=1:2");

	g_assert_true(echo(&client));
	g_assert_cmpint(sim_client_rc(&client), ==, 2);
	g_assert_true(echo(&client));
	g_assert_cmpint(sim_client_rc(&client), ==, 0);
}

/* A board that lies at one offset sends the client somewhere else; the next answer tells. */
static void test_lie(void)
{
	g_auto(SimClient) client = start("swap", "lie-offset=5:1000");
	SimVersion version = {1, 1, 0, 0};
	g_autoptr(GByteArray) image = sim_image_make(&version, 5000, 0, NULL, 0);

	g_assert_true(sim_client_upload(&client, image));
	g_assert_true(sim_client_mark(&client, image->data + image->len - 32, FALSE));
}

static void test_loss(void)
{
	guint lost[2] = {0, 0};

	for (guint round = 0; round < 2; round++) {
		SimConfig config;
		SimClient lossy;

		g_assert_true(sim_config_board(&config, "swap"));
		config.loss = 0.2;
		config.seed = 7;
		sim_client_init(&lossy, sim_board_new(&config, NULL, 0, NULL));
		g_auto(SimClient) client = lossy;
		for (guint i = 0; i < 200; i++)
			lost[round] += !echo(&client);
	}
	/* Request or answer: 36 of 100. */
	g_assert_cmpint(lost[0], >, 50);
	g_assert_cmpint(lost[0], <, 95);
	g_assert_cmpint(lost[0], ==, lost[1]);
}

static void test_bad_faults(void)
{
	SimConfig config;

	g_assert_true(sim_config_board(&config, "swap"));
	for (const char *const *text =
		     (const char *[]){"", "die", "die=", "die=0", "die=x", "die=1:2", "nosuch=1",
				      "stall=1:", "stall=1:x", NULL};
	     *text; text++) {
		g_autoptr(GError) error = NULL;
		g_assert_false(sim_config_add_fault(&config, *text, &error));
		g_assert_nonnull(strstr(error->message, "cut-link=N[:MS]"));
	}
	g_assert_cmpint(config.n_faults, ==, 0);
}

/* Rubbish in every place of a request must not do anything but be answered or not. */
static void test_rubbish(void)
{
	g_auto(SimClient) client = start("mps2", NULL);
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	guint8 packet[200];

	for (guint i = 0; i < 20000; i++) {
		gsize size = (gsize)g_rand_int_range(rand, 0, sizeof packet);
		for (gsize j = 0; j < size; j++)
			packet[j] = (guint8)g_rand_int_range(rand, 0, 256);
		if (size >= SMP_HEADER_SIZE) {
			SmpHeader header = {.version = i & 1,
					    .op = i & 2,
					    .length = (guint16)(size - SMP_HEADER_SIZE),
					    .group = (guint16)g_rand_int_range(rand, 0, 11),
					    .command = (guint8)g_rand_int_range(rand, 0, 9)};
			smp_header_write(&header, packet);
		}
		if (size > SMP_HEADER_SIZE)
			packet[SMP_HEADER_SIZE] = 0xa0 | (packet[SMP_HEADER_SIZE] & 0x1f);
		sim_board_receive(client.board, packet, size, 0, client.now);
		sim_client_sleep(&client, 5 * MS);
	}
	sim_client_sleep(&client, G_USEC_PER_SEC);
	g_assert_true(sim_client_wait(&client));
	g_assert_true(sim_client_ask(&client, SMP_OP_READ, SMP_GROUP_OS, 6));
}

static void test_configuration(void)
{
	const char *summary;

	for (guint i = 0; sim_config_nth_board(i, &summary); i++) {
		g_auto(SimClient) client = start(sim_config_nth_board(i, &summary), NULL);
		g_assert_true(sim_client_ask(&client, SMP_OP_READ, SMP_GROUP_IMAGE, 0));
		g_autofree char *version = sim_board_running_version(client.board, 0);
		g_assert_nonnull(version);
	}
	SimConfig config;
	g_autoptr(GError) error = NULL;
	g_assert_true(sim_config_board(&config, "swap"));
	g_assert_false(sim_config_board(&config, "nosuch"));
	config.slot_size = 1000;
	g_assert_null(sim_board_new(&config, NULL, 0, &error));
	g_assert_nonnull(error);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/board/configuration", test_configuration);
	g_test_add_func("/board/reset", test_reset);
	g_test_add_func("/board/erase-time", test_erase_time);
	g_test_add_func("/board/buffers", test_buffers);
	g_test_add_func("/board/overrun-crashes", test_overrun_crashes);
	g_test_add_func("/board/order", test_order);
	g_test_add_func("/board/rubbish", test_rubbish);
	g_test_add_data_func("/fault/lose-request", "lose-request=2", test_lost);
	g_test_add_data_func("/fault/lose-reply", "lose-reply=2", test_lost);
	g_test_add_func("/fault/duplicate-reply", test_duplicate);
	g_test_add_func("/fault/corrupt-reply", test_corrupt);
	g_test_add_func("/fault/stall", test_stall);
	g_test_add_func("/fault/cut-link", test_cut_link);
	g_test_add_data_func("/fault/reset-at", "reset-at=2", test_resets);
	g_test_add_data_func("/fault/power-cut-at", "power-cut-at=2:1000", test_resets);
	g_test_add_func("/fault/die", test_die);
	g_test_add_func("/fault/answer", test_answer);
	g_test_add_func("/fault/lie-offset", test_lie);
	g_test_add_func("/fault/loss", test_loss);
	g_test_add_func("/fault/not-understood", test_bad_faults);
	return g_test_run();
}

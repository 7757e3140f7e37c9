/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Power is cut at every single write and erase of an update, in every mode of the bootloader: the
 * board has to start something whole each time, and the update has to be possible again. */

#include "sim-client.h"
#include "sim/image.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
	const char *name;
	SimMode mode;
	gboolean confirm; /* or leave it on trial and reset */
} Case;

/* Few and small blocks: few places to cut. */
static SimConfig small_board(SimMode mode)
{
	SimConfig config;

	g_assert_true(sim_config_board(&config, "swap"));
	config.mode = mode;
	config.erase_size = 256;
	config.slot_size = 16 * 256;
	config.image_size = 1000;
	return config;
}

static GByteArray *new_image(guint minor)
{
	SimVersion version = {1, (guint8)minor, 0, 0};

	return sim_image_make(&version, 1500, 1, NULL, 0);
}

static const guint8 *image_hash(const GByteArray *image)
{
	return image->data + image->len - 32;
}

static SimClient start(const SimConfig *config, const char *path)
{
	SimClient client;
	g_autoptr(GError) error = NULL;
	SimBoard *board = sim_board_new(config, path, 0, &error);

	g_assert_no_error(error);
	sim_client_init(&client, board);
	return client;
}

static gboolean has_marks(const Case *test)
{
	return test->mode != SIM_MODE_DIRECT_XIP && test->mode != SIM_MODE_RAM_LOAD;
}

/* Anything may fail half way: power is cut in there somewhere. Returns: whether the board agreed to
 * all of it */
static gboolean update(SimClient *client, const Case *test, const GByteArray *image)
{
	gboolean good = sim_client_upload(client, image);

	if (good && has_marks(test))
		good = sim_client_mark(client, image_hash(image), FALSE);
	good = good && sim_client_reset(client);
	if (good && test->confirm && has_marks(test))
		good = sim_client_mark(client, NULL, TRUE);
	return good && sim_client_reset(client);
}

static char *running(SimClient *client)
{
	g_assert_true(sim_client_wait(client));
	g_assert_cmpint(sim_board_state(client->board, client->now), ==, SIM_STATE_APP);
	return sim_board_running_version(client->board, 0);
}

static guint64 count_operations(const Case *test, const GByteArray *image)
{
	SimConfig config = small_board(test->mode);
	g_auto(SimClient) client = start(&config, NULL);

	g_assert_true(update(&client, test, image));
	g_autofree char *version = running(&client);
	g_assert_cmpstr(version, ==, test->confirm ? "1.1.0" : "1.0.0");
	return sim_board_flash_operations(client.board);
}

/* After the cut, whatever runs can be updated. */
static void cut_at(const Case *test, const GByteArray *image, const GByteArray *next, guint64 at)
{
	SimConfig config = small_board(test->mode);
	Case again = *test;

	config.faults[config.n_faults++] =
		(SimFault){.kind = SIM_FAULT_POWER_CUT_AT_WRITE, .at = at, .value = 100};
	g_auto(SimClient) client = start(&config, NULL);
	gboolean agreed = update(&client, test, image);
	sim_client_sleep(&client, 2 * G_USEC_PER_SEC);
	g_autofree char *version = running(&client);
	if (g_strcmp0(version, "1.0.0") != 0 && g_strcmp0(version, "1.1.0") != 0)
		g_error("cut at %" G_GUINT64_FORMAT ": runs %s", at, version);
	/* What it agreed to, it does, however often the bootloader is interrupted. */
	if (agreed && g_strcmp0(version, test->confirm ? "1.1.0" : "1.0.0") != 0)
		g_error("cut at %" G_GUINT64_FORMAT ": agreed, but runs %s", at, version);

	/* A trial may still be under way: it ends with a reset. */
	g_assert_true(sim_client_reset(&client));
	again.confirm = TRUE;
	g_assert_true(update(&client, &again, next));
	g_autofree char *updated = running(&client);
	if (g_strcmp0(updated, "1.2.0") != 0)
		g_error("cut at %" G_GUINT64_FORMAT ": cannot be updated, runs %s", at, updated);
}

static void test_cut(gconstpointer data)
{
	const Case *test = data;
	g_autoptr(GByteArray) image = new_image(1);
	g_autoptr(GByteArray) next = new_image(2);
	guint64 operations = count_operations(test, image);

	g_assert_cmpint(operations, >, 10);
	for (guint64 at = 1; at <= operations; at++)
		cut_at(test, image, next, at);
	g_test_message("%s: %" G_GUINT64_FORMAT " cuts", test->name, operations);
}

/* The program is killed at any time: the state file holds what was done by then. */
static void test_killed(gconstpointer data)
{
	const Case *test = data;
	SimConfig config = small_board(test->mode);
	g_autofree char *path = g_build_filename(g_get_tmp_dir(), "smpsim-test-XXXXXX", NULL);
	g_autoptr(GByteArray) image = new_image(1);
	int fd = g_mkstemp(path);

	g_assert_cmpint(fd, >=, 0);
	g_close(fd, NULL);
	for (guint i = 0; i < 120; i++) {
		g_auto(SimClient) client = start(&config, path);
		g_autofree char *version = running(&client);
		g_assert_nonnull(version);
		if (i % 2 == 0 && !sim_client_upload(&client, image))
			continue;
		sim_client_mark(&client, image_hash(image), i % 3 == 0);
		sim_client_ask(&client, SMP_OP_WRITE, SMP_GROUP_OS, 5);
		sim_client_sleep(&client, config.reset_time + config.boot_time / 2 + i * 700);
	}
	g_unlink(path);
}

static const Case cases[] = {
	{"swap-offset/trial", SIM_MODE_SWAP_OFFSET, FALSE},
	{"swap-offset/confirm", SIM_MODE_SWAP_OFFSET, TRUE},
	{"swap-move/trial", SIM_MODE_SWAP_MOVE, FALSE},
	{"swap-scratch/confirm", SIM_MODE_SWAP_SCRATCH, TRUE},
	{"overwrite", SIM_MODE_OVERWRITE, TRUE},
	{"directxip", SIM_MODE_DIRECT_XIP, TRUE},
	{"directxip-revert/trial", SIM_MODE_DIRECT_XIP_REVERT, FALSE},
	{"directxip-revert/confirm", SIM_MODE_DIRECT_XIP_REVERT, TRUE},
	{"ramload", SIM_MODE_RAM_LOAD, TRUE},
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *cut = g_strdup_printf("/powercut/%s", cases[i].name);
		g_autofree char *killed = g_strdup_printf("/killed/%s", cases[i].name);
		g_test_add_data_func(cut, &cases[i], test_cut);
		g_test_add_data_func(killed, &cases[i], test_killed);
	}
	return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A board as it leaves the factory, and its first switching on. */

#include "sim/internal.h"

#include <gio/gio.h>

static void flash_image(SimBoard *board, guint image, guint slot, const SimVersion *version)
{
	gsize area = image == (guint)board->config.net_core ? sim_net_core_area(board)
							    : sim_slot_area(board, image, slot);
	g_autoptr(GByteArray) bytes =
		sim_image_make(version, board->config.image_size, image * 2 + slot, NULL, 0);

	sim_flash_write(board->flash, area, bytes->data, bytes->len);
}

/* What a programmer writes: with direct XIP and revert an image has to be marked as good, or the
 * bootloader does not start it. */
static void flash_images(SimBoard *board, const SimVersion *version)
{
	for (guint i = 0; i < board->config.images; i++) {
		flash_image(board, i, 0, version);
		if (board->config.mode != SIM_MODE_DIRECT_XIP_REVERT)
			continue;
		sim_trailer_write_magic(board, sim_slot_area(board, i, 0));
		sim_trailer_write_image_ok(board, sim_slot_area(board, i, 0));
	}
	if (board->config.mode == SIM_MODE_FIRMWARE_LOADER)
		flash_image(board, 0, 1, version);
}

/* Out of the factory at once, and not counted by the faults. */
static void fill(SimBoard *board)
{
	SimVersion version;

	if (!board->config.blank && sim_version_parse(board->config.version, &version))
		flash_images(board, &version);
}

SimBoard *sim_board_new(const SimConfig *config, const char *state_path, gint64 now, GError **error)
{
	g_autoptr(SimBoard) board = g_new0(SimBoard, 1);
	gboolean fresh;

	board->config = *config;
	board->config.recovery = config->recovery || config->start_in_recovery;
	board->rand = g_rand_new_with_seed(config->seed);
	board->power_at = -1;
	if (!sim_config_check(config, error))
		return NULL;
	g_autofree char *storage = state_path ? g_strconcat(state_path, ".storage", NULL) : NULL;
	board->storage = sim_storage_new(storage, error);
	if (!board->storage)
		return NULL;
	board->flash = sim_flash_new(&board->config, sim_flash_layout_size(config), state_path,
				     &fresh, error);
	if (!board->flash)
		return NULL;
	if (fresh)
		fill(board);
	sim_flash_leave_factory(board->flash);
	board->wants_recovery = config->start_in_recovery;
	sim_board_switch_on(board, now);
	return g_steal_pointer(&board);
}

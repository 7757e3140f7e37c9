/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bootloader: what MCUboot does between a reset and the start of the application (MCUboot
 * boot/bootutil/src/loader.c). */

#include "sim/internal.h"

static gsize blocks_up(const SimBoard *board, gsize size)
{
	gsize block = board->config.erase_size;

	return (size + block - 1) / block * block;
}

static void erase_slot(SimBoard *board, guint image, guint slot)
{
	sim_flash_erase(board->flash, sim_slot_area(board, image, slot), board->config.slot_size);
}

/* What will run of an image if @type is done. */
static gboolean resulting_image(const SimBoard *board, guint image, SimSwapType type,
				SimImage *found)
{
	if (image == (guint)board->config.net_core && type == SIM_SWAP_NONE)
		return FALSE;
	return sim_slot_read(board, image, type == SIM_SWAP_NONE ? 0 : 1, found);
}

static gboolean is_downgrade(const SimBoard *board, guint image, const SimImage *new_image)
{
	SimImage old;

	return board->config.no_downgrade && sim_slot_read(board, image, 0, &old) &&
	       sim_version_compare(&new_image->version, &old.version) < 0;
}

/* A secondary image that may not be installed is erased and what runs stays for good. */
static SimSwapType validate(SimBoard *board, guint image, SimSwapType type)
{
	SimImage found;

	if (type == SIM_SWAP_NONE)
		return type;
	gboolean good = sim_slot_check(board, image, 1, &found);
	if (good && (type == SIM_SWAP_REVERT || !is_downgrade(board, image, &found)))
		return type;
	sim_board_print(board, "E: Image in the secondary slot is not valid!\n");
	erase_slot(board, image, 1);
	if (sim_trailer_magic(board, sim_slot_area(board, image, 0)))
		sim_trailer_write_image_ok(board, sim_slot_area(board, image, 0));
	return SIM_SWAP_NONE;
}

static gboolean dependencies_met(const SimBoard *board, const SimSwapType *types, guint image)
{
	SimImage found, other;
	SimVersion minimum;
	gsize position = 0;
	guint number;

	if (!resulting_image(board, image, types[image], &found))
		return TRUE;
	while (sim_image_next_dependency(&found, &position, &number, &minimum)) {
		if (number >= board->config.images ||
		    !resulting_image(board, number, types[number], &other) ||
		    sim_version_compare(&other.version, &minimum) < 0)
			return FALSE;
	}
	return TRUE;
}

/* One that is not met disables the upgrades of all images for this boot. */
static void check_dependencies(SimBoard *board, SimSwapType *types)
{
	gboolean met = TRUE;

	for (guint i = 0; i < board->config.images; i++)
		met = met && dependencies_met(board, types, i);
	if (met)
		return;
	sim_board_print(board, "E: Image dependency is not met, no upgrade\n");
	for (guint i = 0; i < board->config.images; i++)
		types[i] = SIM_SWAP_NONE;
}

static gsize image_size(const SimBoard *board, guint image, guint slot)
{
	SimImage found;

	return sim_slot_read(board, image, slot, &found) ? found.size : 0;
}

static void swap(SimBoard *board, guint image, SimSwapType type)
{
	gsize size = MAX(image_size(board, image, 0), image_size(board, image, 1));

	sim_swap_begin(board, image, type, MIN(size, sim_slot_capacity(board)));
	sim_swap_run(board, image);
}

/* Interrupted, it begins again at the next boot: the secondary slot is still pending. */
static void overwrite(SimBoard *board, guint image)
{
	gsize size = image_size(board, image, 1);
	gsize from = sim_slot_area(board, image, 1);
	gsize to = image == (guint)board->config.net_core ? sim_net_core_area(board)
							  : sim_slot_area(board, image, 0);
	g_autofree guint8 *data = g_memdup2(sim_flash_data(board->flash, from), size);

	sim_flash_erase(board->flash, to, blocks_up(board, size));
	for (gsize at = 0; at < size; at += board->config.erase_size)
		sim_flash_write(board->flash, to + at, data + at,
				MIN(size - at, board->config.erase_size));
	if (to == sim_slot_area(board, image, 0))
		sim_trailer_erase(board, to);
	/* Header and trailer, so that it is not installed again (MCUboot, boot_copy_image). */
	sim_trailer_erase(board, from);
	sim_flash_erase(board->flash, from, board->config.erase_size);
}

/* Where the two variants of MCUboot are linked (nRF52840, the SDK's default). */
#define S0_ADDRESS 0x9000
#define S1_ADDRESS 0x15000
#define S1_END	   0x21000

/* Which variant of MCUboot the image is, by its reset vector; -1 for an application. */
static int variant_of(const SimBoard *board, const SimImage *image)
{
	const guint8 *vectors =
		sim_flash_data(board->flash, sim_slot_image_area(board, 0, 1) + image->header_size);
	guint32 reset = vectors[4] | vectors[5] << 8 | vectors[6] << 16 | (guint32)vectors[7] << 24;

	if (!board->config.b0 || reset < S0_ADDRESS || reset >= S1_END)
		return -1;
	return reset >= S1_ADDRESS;
}

/* An update of MCUboot itself: to the variant that does not run, then out of the application's slot
 * (nrfconnect/sdk-mcuboot boot/bootutil/src/loader.c). */
static void take_bootloader(SimBoard *board)
{
	SimImage image;
	int variant = sim_slot_check(board, 0, 1, &image) ? variant_of(board, &image) : -1;

	if (variant < 0 || sim_swap_type(board, 0) == SIM_SWAP_NONE)
		return;
	if ((guint)variant == board->b0_slot) {
		sim_board_print(board, "E: Image in slot is for wrong s0/s1 image\n");
	} else if (sim_version_compare(&image.version, &board->b0_version) < 0) {
		sim_board_print(board, "E: Image version is too low\n");
	} else {
		board->b0_slot = (guint)variant;
		board->b0_version = image.version;
	}
	erase_slot(board, 0, 1);
}

static void upgrade(SimBoard *board)
{
	static const char *names[] = {"?", "none", "test", "perm", "revert"};
	SimSwapType types[SIM_MAX_IMAGES];

	take_bootloader(board);
	for (guint i = 0; i < board->config.images; i++) {
		/* That was this boot's swap: a trial that begins now is not undone at once. */
		gboolean resumed = sim_swap_is_interrupted(board, i);
		if (resumed)
			sim_swap_run(board, i);
		types[i] = resumed ? SIM_SWAP_NONE : validate(board, i, sim_swap_type(board, i));
		sim_board_print(board, "I: Image index: %u, Swap type: %s\n", i, names[types[i]]);
	}
	check_dependencies(board, types);
	for (guint i = 0; i < board->config.images; i++) {
		if (types[i] != SIM_SWAP_NONE && sim_mode_swaps(board->config.mode))
			swap(board, i, types[i]);
		else if (types[i] != SIM_SWAP_NONE)
			overwrite(board, i);
	}
}

static gboolean highest_slot(const SimBoard *board, guint image, guint *slot)
{
	SimImage found, best;
	gboolean any = FALSE;

	for (guint i = 0; i < 2; i++) {
		gsize area = sim_slot_area(board, image, i);
		if (!sim_image_read_header(sim_flash_data(board->flash, area),
					   board->config.slot_size, &found) ||
		    (any && sim_version_compare(&found.version, &best.version) <= 0))
			continue;
		best = found;
		*slot = i;
		any = TRUE;
	}
	return any;
}

/* Direct XIP and RAM load: the highest version; one that may not be started is erased, so that it
 * is not found again (MCUboot, boot_load_and_validate_images). */
static gboolean choose(SimBoard *board, guint image)
{
	guint slot = 0;

	while (highest_slot(board, image, &slot)) {
		if (sim_slot_may_start(board, image, slot)) {
			board->active[image] = slot;
			if (board->config.mode == SIM_MODE_DIRECT_XIP_REVERT)
				sim_trailer_write_copy_done(board,
							    sim_slot_area(board, image, slot));
			return TRUE;
		}
		sim_board_print(board, "E: Image in slot %u is not valid!\n", slot);
		erase_slot(board, image, slot);
	}
	return FALSE;
}

static gboolean start_images(SimBoard *board)
{
	gboolean good = TRUE;
	SimImage found;

	for (guint i = 0; i < board->config.images; i++) {
		board->active[i] = 0;
		if (sim_mode_chooses(board->config.mode))
			good = choose(board, i) && good;
		else if (i != (guint)board->config.net_core)
			good = sim_slot_check(board, i, 0, &found) && good;
	}
	return good;
}

/* Slot 0 is the application, slot 1 the loader for life. */
static gboolean start_loader(SimBoard *board)
{
	SimImage found;

	board->active[0] = board->wants_recovery || !sim_slot_check(board, 0, 0, &found);
	return sim_slot_check(board, 0, board->active[0], &found);
}

static gboolean is_bad(const SimBoard *board)
{
	g_autofree char *version = sim_board_running_version((SimBoard *)board, 0);

	for (guint i = 0; i < board->config.n_bad_image; i++) {
		if (g_strcmp0(version, board->config.bad_image[i]) == 0)
			return TRUE;
	}
	return FALSE;
}

static SimState decide(SimBoard *board)
{
	if (board->config.mode == SIM_MODE_FIRMWARE_LOADER)
		return start_loader(board) ? SIM_STATE_APP : SIM_STATE_BRICKED;
	if (board->wants_recovery && board->config.recovery)
		return SIM_STATE_RECOVERY;
	if (!sim_mode_chooses(board->config.mode) && board->config.mode != SIM_MODE_SINGLE_SLOT)
		upgrade(board);
	if (start_images(board))
		return SIM_STATE_APP;
	sim_board_print(board, "E: Unable to find bootable image\n");
	return board->config.recovery ? SIM_STATE_RECOVERY : SIM_STATE_BRICKED;
}

void sim_boot(SimBoard *board)
{
	sim_board_print(board, "*** Booting MCUboot v2.4.0 ***\nI: Starting bootloader\n");
	board->boots_to = decide(board);
	board->wants_recovery = FALSE;
	if (board->boots_to == SIM_STATE_APP) {
		sim_board_print(board, "*** Booting Zephyr OS build v%s ***\n",
				board->config.kernel_version);
		if (is_bad(board))
			board->boots_to = SIM_STATE_HUNG;
	} else if (board->boots_to == SIM_STATE_RECOVERY) {
		sim_board_print(board, "I: Enter the serial recovery mode\n");
	}
}

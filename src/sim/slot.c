/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where things are in flash: for each image two slots and the record of a swap, then one scratch
 * block and, for a network core, its own flash. A slot ends with MCUboot's trailer, laid out as
 * with BOOT_MAX_ALIGN 8 (MCUboot docs/design.md), so that an image padded by imgtool works. */

#include "sim/internal.h"

#include <string.h>

#define MAGIC_SIZE 16
#define FIELD_SIZE 8
#define IMAGE_OK   (MAGIC_SIZE + FIELD_SIZE)
#define COPY_DONE  (MAGIC_SIZE + 2 * FIELD_SIZE)
#define FLAG_SET   0x01

static const guint8 magic[MAGIC_SIZE] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
					 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};

/* A record, and a byte for each step of the swap: three for a block. */
gsize sim_status_size(const SimConfig *config)
{
	gsize size = 64 + 3 * (gsize)(config->slot_size / config->erase_size);

	return (size + config->erase_size - 1) / config->erase_size * config->erase_size;
}

static gsize image_stride(const SimConfig *config)
{
	return 2 * (gsize)config->slot_size + sim_status_size(config);
}

gsize sim_flash_layout_size(const SimConfig *config)
{
	return config->images * image_stride(config) + config->erase_size + config->slot_size;
}

gsize sim_slot_area(const SimBoard *board, guint image, guint slot)
{
	return image * image_stride(&board->config) + (gsize)slot * board->config.slot_size;
}

gsize sim_status_area(const SimBoard *board, guint image)
{
	return sim_slot_area(board, image, 2);
}

gsize sim_scratch_area(const SimBoard *board)
{
	return sim_slot_area(board, board->config.images, 0);
}

gsize sim_net_core_area(const SimBoard *board)
{
	return sim_scratch_area(board) + board->config.erase_size;
}

static gsize image_offset(const SimBoard *board, guint image, guint slot)
{
	gboolean behind = board->config.mode == SIM_MODE_SWAP_OFFSET && slot == 1 &&
			  sim_swap_type(board, image) != SIM_SWAP_REVERT;

	return behind ? board->config.erase_size : 0;
}

gsize sim_slot_image_area(const SimBoard *board, guint image, guint slot)
{
	return sim_slot_area(board, image, slot) + image_offset(board, image, slot);
}

gsize sim_slot_image_space(const SimBoard *board, guint image, guint slot)
{
	return board->config.slot_size - image_offset(board, image, slot);
}

gsize sim_slot_capacity(const SimBoard *board)
{
	gboolean spare = board->config.mode == SIM_MODE_SWAP_OFFSET ||
			 board->config.mode == SIM_MODE_SWAP_MOVE;

	return board->config.slot_size - (spare ? 2 : 1) * (gsize)board->config.erase_size;
}

gboolean sim_slot_read(const SimBoard *board, guint image, guint slot, SimImage *found)
{
	gsize area = sim_slot_image_area(board, image, slot);

	return sim_image_read(sim_flash_data(board->flash, area),
			      sim_slot_image_space(board, image, slot), found);
}

gboolean sim_slot_check(const SimBoard *board, guint image, guint slot, SimImage *found)
{
	gsize area = sim_slot_image_area(board, image, slot);

	return sim_image_check(sim_flash_data(board->flash, area),
			       sim_slot_image_space(board, image, slot), found) &&
	       found->size <= sim_slot_capacity(board) && !(found->flags & SIM_IMAGE_NON_BOOTABLE);
}

static gsize field(const SimBoard *board, gsize area, gsize from_end)
{
	return area + board->config.slot_size - from_end;
}

static gboolean flag(const SimBoard *board, gsize area, gsize from_end)
{
	return *sim_flash_data(board->flash, field(board, area, from_end)) == FLAG_SET;
}

static void set_flag(SimBoard *board, gsize area, gsize from_end)
{
	guint8 value = FLAG_SET;

	if (!flag(board, area, from_end))
		sim_flash_write(board->flash, field(board, area, from_end), &value, 1);
}

gboolean sim_trailer_magic(const SimBoard *board, gsize area)
{
	return memcmp(sim_flash_data(board->flash, field(board, area, MAGIC_SIZE)), magic,
		      MAGIC_SIZE) == 0;
}

gboolean sim_trailer_image_ok(const SimBoard *board, gsize area)
{
	return flag(board, area, IMAGE_OK);
}

static gboolean is_copy_done(const SimBoard *board, gsize area)
{
	return flag(board, area, COPY_DONE);
}

void sim_trailer_write_magic(SimBoard *board, gsize area)
{
	if (sim_trailer_magic(board, area))
		return;
	if (!sim_flash_is_blank(board->flash, field(board, area, MAGIC_SIZE), MAGIC_SIZE))
		sim_trailer_erase(board, area);
	sim_flash_write(board->flash, field(board, area, MAGIC_SIZE), magic, MAGIC_SIZE);
}

void sim_trailer_write_image_ok(SimBoard *board, gsize area)
{
	set_flag(board, area, IMAGE_OK);
}

void sim_trailer_write_copy_done(SimBoard *board, gsize area)
{
	set_flag(board, area, COPY_DONE);
}

void sim_trailer_erase(SimBoard *board, gsize area)
{
	gsize block = board->config.erase_size;
	gsize at = area + board->config.slot_size - block;

	if (!sim_flash_is_blank(board->flash, at, block))
		sim_flash_erase(board->flash, at, block);
}

/* protocol: MCUboot bootutil_public.c, boot_swap_tables. */
SimSwapType sim_swap_type(const SimBoard *board, guint image)
{
	gsize primary = sim_slot_area(board, image, 0);
	gsize secondary = sim_slot_area(board, image, 1);

	if (sim_mode_chooses(board->config.mode) || board->config.mode == SIM_MODE_SINGLE_SLOT)
		return SIM_SWAP_NONE;
	if (sim_trailer_magic(board, secondary))
		return sim_trailer_image_ok(board, secondary) ? SIM_SWAP_PERM : SIM_SWAP_TEST;
	if (sim_mode_swaps(board->config.mode) && sim_trailer_magic(board, primary) &&
	    !sim_trailer_image_ok(board, primary) && is_copy_done(board, primary))
		return SIM_SWAP_REVERT;
	return SIM_SWAP_NONE;
}

/* With the revert option only what was selected, and not what was started once and never confirmed
 * (MCUboot loader.c, boot_select_or_erase). */
gboolean sim_slot_may_start(const SimBoard *board, guint image, guint slot)
{
	gsize area = sim_slot_area(board, image, slot);
	SimImage found;

	if (!sim_slot_check(board, image, slot, &found))
		return FALSE;
	if (board->config.mode != SIM_MODE_DIRECT_XIP_REVERT)
		return TRUE;
	return sim_trailer_magic(board, area) &&
	       (!is_copy_done(board, area) || sim_trailer_image_ok(board, area));
}

gboolean sim_slot_is_next(const SimBoard *board, guint image, guint slot)
{
	SimImage here, other;

	if (!sim_slot_may_start(board, image, slot) || !sim_slot_read(board, image, slot, &here))
		return FALSE;
	if (!sim_slot_may_start(board, image, 1 - slot) ||
	    !sim_slot_read(board, image, 1 - slot, &other))
		return TRUE;
	int order = sim_version_compare(&here.version, &other.version);
	return order > 0 || (order == 0 && slot == 0);
}

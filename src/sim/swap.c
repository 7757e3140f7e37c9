/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Exchanging two slots so that it can be interrupted anywhere. Each step erases one block and fills
 * it from another that stays until the step is marked as done; a step cut short is done again.
 *
 * MCUboot keeps the marks in the trailers; here they are in a record of their own, which is simpler
 * and looks the same from outside. Its swap-move and swap-scratch differ in the order of copies
 * only, and are the same here. */

#include "sim/internal.h"

#include <string.h>

#define RECORD_MAGIC 0x70617773u /* written last: a record cut short does not count */

typedef struct {
	guint32 type;
	guint32 blocks;
	guint32 magic;
	guint32 unused[13];
} Record;

static const Record *record(const SimBoard *board, guint image)
{
	return (const Record *)(gconstpointer)sim_flash_data(board->flash,
							     sim_status_area(board, image));
}

static guint steps_per_block(const SimBoard *board)
{
	return board->config.mode == SIM_MODE_SWAP_OFFSET ? 2 : 3;
}

static gsize mark(const SimBoard *board, guint image, guint step)
{
	return sim_status_area(board, image) + sizeof(Record) + step;
}

static gboolean is_marked(const SimBoard *board, guint image, guint step)
{
	return *sim_flash_data(board->flash, mark(board, image, step)) != 0xff;
}

/* The last mark is that of the trailers. */
static guint last_step(const SimBoard *board, guint image)
{
	return record(board, image)->blocks * steps_per_block(board);
}

gboolean sim_swap_is_interrupted(const SimBoard *board, guint image)
{
	const Record *swap = record(board, image);
	guint blocks = board->config.slot_size / board->config.erase_size;

	return sim_mode_swaps(board->config.mode) && swap->magic == RECORD_MAGIC &&
	       swap->blocks < blocks && !is_marked(board, image, last_step(board, image));
}

void sim_swap_begin(SimBoard *board, guint image, SimSwapType type, gsize size)
{
	gsize block = board->config.erase_size;
	gsize area = sim_status_area(board, image);
	Record swap = {.type = type,
		       .blocks = (guint32)((size + block - 1) / block),
		       .magic = RECORD_MAGIC};

	sim_flash_erase(board->flash, area, sim_status_size(&board->config));
	sim_flash_write(board->flash, area, &swap, G_STRUCT_OFFSET(Record, unused));
}

static void move_block(SimBoard *board, gsize from, gsize to)
{
	gsize block = board->config.erase_size;

	sim_flash_erase(board->flash, to, block);
	g_autofree guint8 *data = g_memdup2(sim_flash_data(board->flash, from), block);
	sim_flash_write(board->flash, to, data, block);
}

/* Upwards, the image in the secondary slot is one block ahead of the one that takes its place; back
 * again from the last block to the first. */
static void do_offset_step(SimBoard *board, guint image, guint step)
{
	const Record *swap = record(board, image);
	gsize block = board->config.erase_size;
	gboolean back = swap->type == SIM_SWAP_REVERT;
	guint i = back ? swap->blocks - 1 - step / 2 : step / 2;
	gsize primary = sim_slot_area(board, image, 0) + i * block;
	gsize secondary = sim_slot_area(board, image, 1) + i * block;

	if (step % 2 == 0)
		move_block(board, primary, back ? secondary + block : secondary);
	else
		move_block(board, back ? secondary : secondary + block, primary);
}

static void do_scratch_step(SimBoard *board, guint image, guint step)
{
	gsize block = board->config.erase_size;
	gsize primary = sim_slot_area(board, image, 0) + step / 3 * block;
	gsize secondary = sim_slot_area(board, image, 1) + step / 3 * block;
	gsize scratch = sim_scratch_area(board);

	if (step % 3 == 0)
		move_block(board, secondary, scratch);
	else if (step % 3 == 1)
		move_block(board, primary, secondary);
	else
		move_block(board, scratch, primary);
}

/* A trial has image_ok left unset: the next boot goes back unless somebody sets it. */
static void write_trailers(SimBoard *board, guint image, SimSwapType type)
{
	gsize primary = sim_slot_area(board, image, 0);

	sim_trailer_erase(board, sim_slot_area(board, image, 1));
	sim_trailer_erase(board, primary);
	if (type != SIM_SWAP_TEST)
		sim_trailer_write_image_ok(board, primary);
	sim_trailer_write_copy_done(board, primary);
	sim_trailer_write_magic(board, primary);
}

void sim_swap_run(SimBoard *board, guint image)
{
	guint last = last_step(board, image);
	const guint8 done = 0;

	for (guint step = 0; step <= last; step++) {
		if (is_marked(board, image, step))
			continue;
		if (step == last)
			write_trailers(board, image, record(board, image)->type);
		else if (board->config.mode == SIM_MODE_SWAP_OFFSET)
			do_offset_step(board, image, step);
		else
			do_scratch_step(board, image, step);
		sim_flash_write(board->flash, mark(board, image, step), &done, 1);
	}
}

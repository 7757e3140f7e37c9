/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a reset would do, from flags and mode (MCUboot docs/design.md, Zephyr img_mgmt_state.c). */

#include "cli.h"

/* Without test and confirm (direct XIP, RAM load) the bootloader starts the highest version; of
 * equal ones that in the lower slot. */
static const SmpImageSlot *find_highest(const SmpBoard *board, guint image)
{
	const SmpImageSlot *highest = NULL;
	SmpVersion best, version;

	for (guint i = 0; i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);

		if (slot->image != image || !smp_version_parse(slot->version, &version))
			continue;
		if (!highest || smp_version_compare(&version, &best, FALSE) > 0) {
			highest = slot;
			best = version;
		}
	}
	return highest;
}

static const SmpImageSlot *find_pending(const SmpBoard *board, guint image)
{
	for (guint i = 0; i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);

		if (slot->image == image && slot->pending && !slot->active)
			return slot;
	}
	return NULL;
}

static char *pending_text(const SmpBoard *board, const SmpImageSlot *active,
			  const SmpImageSlot *pending)
{
	const char *old = active ? active->version : "what was there before";

	if (board->mode == SMP_BOOTLOADER_MODE_OVERWRITE_ONLY)
		return g_strdup_printf("installs %s over %s; that cannot be undone",
				       pending->version, old);
	if (pending->permanent)
		return g_strdup_printf("installs %s for good", pending->version);
	return g_strdup_printf("tries %s once; %s comes back at the reset after that unless %s is "
			       "confirmed",
			       pending->version, old, pending->version);
}

static char *active_text(const SmpBoard *board, const SmpImageSlot *active)
{
	const SmpImageSlot *other =
		smp_image_state_find(board->images, active->image, active->slot ? 0 : 1);

	if (active->confirmed || !smp_board_can_revert(board))
		return g_strdup_printf("starts %s again", active->version);
	if (other)
		return g_strdup_printf("brings %s back: %s is on trial and not confirmed",
				       other->version, active->version);
	return g_strdup_printf("may undo %s: it is on trial and not confirmed", active->version);
}

/* NULL where nothing can be said. */
static char *image_text(const SmpBoard *board, guint image)
{
	const SmpImageSlot *active = smp_image_state_find_active(board->images, image);
	const SmpImageSlot *pending = find_pending(board, image);
	const SmpImageSlot *highest = board->no_marks ? find_highest(board, image) : NULL;

	if (highest)
		return g_strdup_printf("starts %s, the highest version", highest->version);
	if (pending)
		return pending_text(board, active, pending);
	return active && active->has_flags ? active_text(board, active) : NULL;
}

static guint count_images(const SmpImageState *images)
{
	guint count = 0;

	for (guint i = 0; i < images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(images->slots, i);
		count = MAX(count, slot->image + 1);
	}
	/* Numbers come from the board. */
	return MIN(count, 256);
}

GPtrArray *smpctl_next_reset(const SmpBoard *board)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	guint images = board->images ? count_images(board->images) : 0;

	if (board->recovery) {
		g_ptr_array_add(lines, g_strdup("leaves the recovery if a slot holds an image that "
						"the bootloader accepts"));
		return lines;
	}
	for (guint image = 0; image < images; image++) {
		g_autofree char *text = image_text(board, image);

		if (text && images > 1)
			g_ptr_array_add(lines, g_strdup_printf("image %u: %s", image, text));
		else if (text)
			g_ptr_array_add(lines, g_steal_pointer(&text));
	}
	return lines;
}

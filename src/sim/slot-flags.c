/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The flags of the image list, as Zephyr 3.5 and later work them out (img_mgmt_state.c). */

#include "sim/group-image.h"

static SimSlotFlags swap_flags(const SimBoard *board, guint image, guint slot)
{
	SimSwapType type = sim_swap_type(board, image);
	gboolean trial = type == SIM_SWAP_REVERT;

	if (slot == 0)
		return (SimSlotFlags){.active = TRUE, .confirmed = !trial};
	return (SimSlotFlags){
		.confirmed = trial,
		.pending = type == SIM_SWAP_TEST || type == SIM_SWAP_PERM,
		.permanent = type == SIM_SWAP_PERM,
	};
}

/* With direct XIP a newer image in the other slot will run for good; Zephyr 4.4 with RAM load does
 * not show that. */
static SimSlotFlags xip_flags(const SimBoard *board, guint image, guint slot)
{
	gboolean active = slot == board->active[image];
	gboolean next =
		board->config.mode == SIM_MODE_DIRECT_XIP && sim_slot_is_next(board, image, slot);

	return (SimSlotFlags){.active = active,
			      .confirmed = active,
			      .pending = !active && next,
			      .permanent = !active && next};
}

static SimSlotFlags xip_revert_flags(const SimBoard *board, guint image, guint slot)
{
	guint active = board->active[image];
	gboolean trial = !sim_trailer_image_ok(board, sim_slot_area(board, image, active));
	gsize area = sim_slot_area(board, image, slot);
	gboolean selected = sim_trailer_magic(board, area);
	gboolean good = sim_trailer_image_ok(board, area);

	if (slot == active)
		return (SimSlotFlags){.active = TRUE, .confirmed = !trial};
	if (trial)
		return (SimSlotFlags){.confirmed = selected && good};
	gboolean next = sim_slot_is_next(board, image, slot);
	return (SimSlotFlags){.pending = next, .permanent = next && good};
}

SimSlotFlags sim_slot_flags(const SimBoard *board, guint image, guint slot)
{
	switch (board->config.mode) {
	case SIM_MODE_DIRECT_XIP:
	case SIM_MODE_RAM_LOAD:
		return xip_flags(board, image, slot);
	case SIM_MODE_DIRECT_XIP_REVERT:
		return xip_revert_flags(board, image, slot);
	case SIM_MODE_FIRMWARE_LOADER:
		return (SimSlotFlags){.active = slot == board->active[image], .confirmed = TRUE};
	default:
		return swap_flags(board, image, slot);
	}
}

gboolean sim_slot_in_use(const SimBoard *board, guint image, guint slot)
{
	SimSlotFlags flags = sim_slot_flags(board, image, slot);

	/* The loader writes the application, which is confirmed all the same; never itself. */
	if (board->config.mode == SIM_MODE_FIRMWARE_LOADER)
		return slot == 1 || flags.active;
	return flags.active || flags.confirmed || (flags.pending && board->config.keep_pending);
}

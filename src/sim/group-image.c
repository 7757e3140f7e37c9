/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/img_mgmt: list, set state, erase, slot info. */

#include "sim/group-image.h"

#include <string.h>

/* Zephyr's flash area for "slot @slot of pair @image" in the order of slots. */
static guint n_slots(const SimBoard *board)
{
	return board->config.mode == SIM_MODE_SINGLE_SLOT ? 1 : 2;
}

static void put_flag(SimRequest *request, const char *key, gboolean value)
{
	if (value || !request->board->config.frugal_list)
		sim_put_bool(request->out, key, value);
}

static void put_slot(SimRequest *request, guint image, guint slot)
{
	SimBoard *board = request->board;
	SimSlotFlags flags = sim_slot_flags(board, image, slot);
	SimImage found;

	if (!sim_slot_read(board, image, slot, &found))
		return;
	g_autofree char *version = sim_version_text(&found.version);
	/* Before Zephyr 3.5 only the application's own pair could be active. */
	gboolean active = flags.active && (image == 0 || !board->config.old);

	smp_cbor_put_map_begin(request->out);
	if (board->config.images > 1)
		sim_put_uint(request->out, "image", image);
	sim_put_uint(request->out, "slot", slot);
	sim_put_text(request->out, "version", version);
	sim_put_bytes(request->out, "hash", found.hash, SIM_IMAGE_HASH_SIZE);
	put_flag(request, "bootable", !(found.flags & SIM_IMAGE_NON_BOOTABLE));
	put_flag(request, "pending", flags.pending);
	put_flag(request, "confirmed", flags.confirmed);
	put_flag(request, "active", active);
	put_flag(request, "permanent", flags.permanent);
	smp_cbor_put_end(request->out);
}

static int list(SimRequest *request)
{
	const SimConfig *config = &request->board->config;

	smp_cbor_put_text(request->out, "images");
	smp_cbor_put_array_begin(request->out);
	for (guint image = 0; image < config->images; image++) {
		for (guint slot = 0; slot < n_slots(request->board); slot++)
			put_slot(request, image, slot);
	}
	smp_cbor_put_end(request->out);
	if (!config->frugal_list)
		sim_put_uint(request->out, "splitStatus", 0);
	return SIM_OK;
}

/* The first slot with that hash, in the order of slots. */
static gboolean find_hash(const SimBoard *board, const guint8 *hash, guint *image, guint *slot)
{
	SimImage found;

	for (*image = 0; *image < board->config.images; ++*image) {
		for (*slot = 0; *slot < n_slots(board); ++*slot) {
			if (sim_slot_read(board, *image, *slot, &found) &&
			    memcmp(found.hash, hash, SIM_IMAGE_HASH_SIZE) == 0)
				return TRUE;
		}
	}
	return FALSE;
}

static void set_pending(SimBoard *board, guint image, guint slot, gboolean permanent)
{
	gsize area = sim_slot_area(board, image, slot);

	sim_trailer_write_magic(board, area);
	if (permanent)
		sim_trailer_write_image_ok(board, area);
}

static gboolean on_trial(const SimBoard *board, guint image)
{
	return !sim_slot_flags(board, image, board->active[image]).confirmed;
}

/* Before 3.5: a confirm while something is pending is refused, for whatever slot. */
static int confirm_active(SimRequest *request, guint image)
{
	SimBoard *board = request->board;
	guint other = 1 - board->active[image];

	if (image > 0 && !board->config.confirm_any_image)
		return sim_group_error(request, IMAGE_CONFIRMATION_DENIED);
	if (sim_slot_flags(board, image, other).pending)
		return sim_group_error(request, IMAGE_ALREADY_PENDING);
	if (on_trial(board, image))
		sim_trailer_write_image_ok(board,
					   sim_slot_area(board, image, board->active[image]));
	return SIM_OK;
}

/* protocol: img_mgmt_set_next_boot_slot(), Zephyr 3.5 and later. */
static int mark_other(SimRequest *request, guint image, guint slot, gboolean confirm)
{
	SimBoard *board = request->board;
	SimSlotFlags flags = sim_slot_flags(board, image, slot);

	if (confirm && board->config.confirm_active_only)
		return sim_group_error(request, IMAGE_CONFIRMATION_DENIED);
	if (on_trial(board, image))
		return confirm ? SIM_OK : sim_group_error(request, IMAGE_ALREADY_PENDING);
	if (flags.pending)
		return confirm == flags.permanent ? SIM_OK
						  : sim_group_error(request, IMAGE_ALREADY_PENDING);
	set_pending(board, image, slot, confirm);
	return SIM_OK;
}

static int mark(SimRequest *request, guint image, guint slot, gboolean confirm)
{
	if (slot != request->board->active[image])
		return mark_other(request, image, slot, confirm);
	if (!confirm)
		return sim_group_error(request, IMAGE_TEST_TO_ACTIVE_DENIED);
	return confirm_active(request, image);
}

static gboolean has_state_write(SimMode mode)
{
	return sim_mode_swaps(mode) || mode == SIM_MODE_OVERWRITE ||
	       mode == SIM_MODE_DIRECT_XIP_REVERT;
}

static int set_state(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField fields[] = {{"hash", SIM_FIELD_BYTES}, {"confirm", SIM_FIELD_BOOL}};
	gboolean confirm;
	guint image = 0, slot = board->active[0];

	if (!has_state_write(board->config.mode))
		return SIM_ENOTSUP;
	if (!sim_request_decode(request, fields, G_N_ELEMENTS(fields)))
		return SIM_EINVAL;
	confirm = fields[1].boolean;
	if (fields[0].size == 0 && !confirm)
		return sim_group_error(request, IMAGE_INVALID_HASH);
	if (fields[0].size != 0) {
		if (fields[0].size != SIM_IMAGE_HASH_SIZE)
			return sim_group_error(request, IMAGE_INVALID_HASH);
		if (!find_hash(board, fields[0].data, &image, &slot))
			return sim_group_error(request, IMAGE_HASH_NOT_FOUND);
	}
	int rc = mark(request, image, slot, confirm);
	return rc == SIM_OK ? list(request) : rc;
}

static int erase(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField field = {"slot", SIM_FIELD_UINT};

	if (!sim_request_decode(request, &field, 1))
		return SIM_EINVAL;
	guint number = field.found ? (guint)field.uint : 1 - board->active[0];
	guint image = number / 2, slot = number % 2;
	SimImage found;

	if (image >= board->config.images || slot >= n_slots(board))
		return sim_group_error(request, IMAGE_FLASH_OPEN_FAILED);
	if (sim_slot_in_use(board, image, slot) && sim_slot_read(board, image, slot, &found))
		return sim_group_error(request, IMAGE_NO_FREE_SLOT);
	board->upload.active = FALSE;
	if (!sim_flash_is_blank(board->flash, sim_slot_area(board, image, slot),
				board->config.slot_size))
		sim_flash_erase(board->flash, sim_slot_area(board, image, slot),
				board->config.slot_size);
	return SIM_OK;
}

static int slot_info(SimRequest *request)
{
	SimBoard *board = request->board;

	if (!board->config.slot_info)
		return SIM_ENOTSUP;
	smp_cbor_put_text(request->out, "images");
	smp_cbor_put_array_begin(request->out);
	for (guint image = 0; image < board->config.images; image++) {
		smp_cbor_put_map_begin(request->out);
		sim_put_uint(request->out, "image", image);
		smp_cbor_put_text(request->out, "slots");
		smp_cbor_put_array_begin(request->out);
		for (guint slot = 0; slot < n_slots(board); slot++) {
			smp_cbor_put_map_begin(request->out);
			sim_put_uint(request->out, "slot", slot);
			sim_put_uint(request->out, "size", board->config.slot_size);
			if (slot != board->active[image])
				sim_put_uint(request->out, "upload_image_id", image);
			smp_cbor_put_end(request->out);
		}
		smp_cbor_put_end(request->out);
		if (board->config.max_image_size)
			sim_put_uint(request->out, "max_image_size", sim_slot_capacity(board));
		smp_cbor_put_end(request->out);
	}
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

/* img_mgmt.c, img_mgmt_translate_error_code(). */
static int translate(int group_rc)
{
	switch (group_rc) {
	case 3: /* no image */
	case 4: /* no TLVs */
		return SIM_ENOENT;
	case IMAGE_NO_FREE_SLOT:
	case IMAGE_CURRENT_IS_NEWER:
	case IMAGE_ALREADY_PENDING:
		return SIM_EBADSTATE;
	case 15:
		return SIM_ENOMEM;
	case IMAGE_INVALID_SLOT:
	case 19:
	case IMAGE_INVALID_OFFSET:
	case IMAGE_INVALID_LENGTH:
	case IMAGE_INVALID_HEADER:
	case IMAGE_INVALID_HASH:
	case 25:
		return SIM_EINVAL;
	default:
		return SIM_EUNKNOWN;
	}
}

static const SimCommand commands[] = {
	{.read = list, .write = set_state},
	{.write = sim_image_upload},
	{0},
	{0},
	{0},
	{.write = erase},
	{.read = slot_info},
};

const SimGroup sim_group_image = {
	.id = SMP_GROUP_IMAGE,
	.name = "img mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Upload of an image to the application (Zephyr img_mgmt.c and zephyr_img_mgmt.c,
 * img_mgmt_upload_inspect()). One transfer at a time; any error ends it. */

#include "sim/group-image.h"

#include <string.h>

enum { F_IMAGE, F_DATA, F_LEN, F_OFF, F_SHA, F_UPGRADE, N_FIELDS };

/* Before Zephyr 3.1, CONFIG_IMG_MGMT_UL_CHUNK_SIZE. */
#define OLD_CHUNK 512

static int fail(SimRequest *request, int group_rc, const char *reason)
{
	request->board->upload.active = FALSE;
	request->reason = request->header->version == SMP_VERSION_1 ? reason : NULL;
	return sim_group_error(request, group_rc);
}

/* Where a slot's image is written, and how much of it there is. */
static gsize area(const SimBoard *board)
{
	return sim_slot_image_area(board, board->upload.area / 2, board->upload.area % 2);
}

/* Absolute number of the slot to write, -1 none. */
static int pick_slot(const SimBoard *board, const SimField *image)
{
	guint pair = board->config.images > 1 ? (guint)image->uint : 0;

	if (pair >= board->config.images || board->config.mode == SIM_MODE_SINGLE_SLOT)
		return -1;
	guint slot = 1 - board->active[pair];
	return sim_slot_in_use(board, pair, slot) ? -1 : (int)(2 * pair + slot);
}

/* The version is compared with that of the running application, whatever the image is. Equal ones
 * were taken before Zephyr 3.4. */
static gboolean is_newer(const SimBoard *board, const guint8 *header)
{
	SimImage running, wanted;

	if (!sim_slot_read(board, 0, board->active[0], &running) ||
	    !sim_image_read_header(header, SIM_IMAGE_HEADER_SIZE, &wanted))
		return TRUE;
	int order = sim_version_compare(&wanted.version, &running.version);
	return order > 0 || (order == 0 && board->config.old);
}

static gboolean content_matches(const SimBoard *board, gsize size)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 hash[32];
	gsize length = sizeof hash;

	g_checksum_update(checksum, sim_flash_data(board->flash, area(board)), (gssize)size);
	g_checksum_get_digest(checksum, hash, &length);
	return board->upload.sha_size == sizeof hash &&
	       memcmp(hash, board->upload.sha, sizeof hash) == 0;
}

/* Not progressive: what the image takes, at once, if anything is there. The trailer goes in any
 * case, so that nothing stays pending. */
static void erase_for(SimBoard *board)
{
	SimUpload *upload = &board->upload;
	gsize block = board->config.erase_size;
	gsize slot = sim_slot_area(board, upload->area / 2, upload->area % 2);
	gsize size = (upload->size + block - 1) / block * block;

	sim_trailer_erase(board, slot);
	upload->erased = 0;
	if (board->config.progressive)
		return;
	size = MIN(size, sim_slot_image_space(board, upload->area / 2, upload->area % 2));
	if (!sim_flash_is_blank(board->flash, area(board), size))
		sim_flash_erase(board->flash, area(board), size);
	upload->erased = (guint32)size;
}

static void write_chunk(SimBoard *board, const SimField *data)
{
	SimUpload *upload = &board->upload;
	gsize block = board->config.erase_size;
	gsize end = upload->offset + data->size;

	for (; upload->erased < end; upload->erased += (guint32)block) {
		if (!sim_flash_is_blank(board->flash, area(board) + upload->erased, block))
			sim_flash_erase(board->flash, area(board) + upload->erased, block);
	}
	sim_flash_write(board->flash, area(board) + upload->offset, data->data, data->size);
	upload->offset = (guint32)end;
}

static void put_offset(SimRequest *request, guint32 offset)
{
	guint32 told = offset + (guint32)request->board->lie;

	sim_put_uint(request->out, "off", told);
}

static int check_first(SimRequest *request, const SimField *fields)
{
	SimBoard *board = request->board;
	const SimField *data = &fields[F_DATA];
	SimImage header;

	if (data->size < SIM_IMAGE_HEADER_SIZE)
		return fail(request, IMAGE_INVALID_HEADER, "header malformed");
	if (!fields[F_LEN].found)
		return fail(request, IMAGE_INVALID_LENGTH, "header malformed");
	if (!sim_image_read_header(data->data, data->size, &header))
		return fail(request, IMAGE_INVALID_MAGIC, "magic mismatch");
	if (fields[F_SHA].size > sizeof board->upload.sha)
		return fail(request, IMAGE_INVALID_HASH, "header malformed");
	return SIM_OK;
}

/* CONFIG_MCUMGR_GRP_IMG_REJECT_DIRECT_XIP_MISMATCHED_SLOT; the simulated flash begins at 0. */
static gboolean is_for_slot(const SimBoard *board, const guint8 *header, guint slot)
{
	SimImage image;

	return !sim_mode_chooses(board->config.mode) || board->config.mode == SIM_MODE_RAM_LOAD ||
	       !sim_image_read_header(header, SIM_IMAGE_HEADER_SIZE, &image) ||
	       !(image.flags & SIM_IMAGE_ROM_FIXED) ||
	       image.load_addr == sim_slot_area(board, slot / 2, slot % 2);
}

static gboolean is_resume(const SimUpload *upload, const SimField *sha)
{
	return upload->active && sha->size > 0 && sha->size == upload->sha_size &&
	       memcmp(sha->data, upload->sha, sha->size) == 0;
}

/* The first message: either the transfer goes on, or it starts anew. */
static int begin(SimRequest *request, const SimField *fields, gboolean *go_on)
{
	SimBoard *board = request->board;
	const SimField *sha = &fields[F_SHA];
	int rc = check_first(request, fields);

	*go_on = FALSE;
	if (rc != SIM_OK || is_resume(&board->upload, sha))
		return rc;
	int slot = pick_slot(board, &fields[F_IMAGE]);
	if (slot < 0)
		return fail(request, IMAGE_NO_FREE_SLOT, "no slot");
	if (!is_for_slot(board, fields[F_DATA].data, (guint)slot))
		return fail(request, IMAGE_INVALID_FLASH_ADDRESS, "fa invalid address");
	/* Before Zephyr 3.5 only the flash itself said so, later. */
	if (fields[F_LEN].uint >
	    sim_slot_image_space(board, (guint)slot / 2, (guint)slot % 2) +
		    (board->config.mode == SIM_MODE_SWAP_OFFSET ? board->config.erase_size : 0))
		return fail(request, IMAGE_TOO_LARGE, "img too large");
	if (fields[F_UPGRADE].boolean && !is_newer(board, fields[F_DATA].data))
		return fail(request, IMAGE_CURRENT_IS_NEWER, "downgrade");
	board->upload = (SimUpload){.active = TRUE,
				    .area = (guint)slot,
				    .size = (guint32)fields[F_LEN].uint,
				    .sha_size = sha->size};
	if (sha->size > 0)
		memcpy(board->upload.sha, sha->data, sha->size);
	*go_on = TRUE;
	return SIM_OK;
}

static int finish(SimRequest *request, gboolean matches)
{
	SimBoard *board = request->board;

	put_offset(request, board->upload.size);
	if (board->config.image_check && board->upload.sha_size > 0)
		sim_put_bool(request->out, "match", matches);
	board->upload.active = FALSE;
	return SIM_OK;
}

static int take_data(SimRequest *request, const SimField *data)
{
	SimBoard *board = request->board;
	SimUpload *upload = &board->upload;

	if (data->size > upload->size - upload->offset)
		return fail(request, IMAGE_DATA_OVERRUN, "data overrun");
	gsize space = sim_slot_image_space(board, upload->area / 2, upload->area % 2);
	if (upload->offset + data->size > space)
		return fail(request, 12, "fa write fail");
	write_chunk(board, data);
	if (upload->offset == upload->size)
		return finish(request, content_matches(board, upload->size));
	put_offset(request, upload->offset);
	return SIM_OK;
}

static int take_first(SimRequest *request, const SimField *fields)
{
	SimBoard *board = request->board;
	gboolean go_on;
	int rc = begin(request, fields, &go_on);

	if (rc != SIM_OK)
		return rc;
	if (!go_on) {
		put_offset(request, board->upload.offset);
		return SIM_OK;
	}
	if (board->config.image_check && content_matches(board, board->upload.size))
		return finish(request, TRUE);
	erase_for(board);
	return take_data(request, &fields[F_DATA]);
}

int sim_image_upload(SimRequest *request)
{
	SimField fields[N_FIELDS] = {
		[F_IMAGE] = {"image", SIM_FIELD_UINT}, [F_DATA] = {"data", SIM_FIELD_BYTES},
		[F_LEN] = {"len", SIM_FIELD_UINT},     [F_OFF] = {"off", SIM_FIELD_UINT},
		[F_SHA] = {"sha", SIM_FIELD_BYTES},    [F_UPGRADE] = {"upgrade", SIM_FIELD_BOOL},
	};
	SimUpload *upload = &request->board->upload;

	if (!sim_request_decode(request, fields, N_FIELDS))
		return SIM_EINVAL;
	if (request->board->config.old && fields[F_DATA].size > OLD_CHUNK)
		return SIM_EINVAL;
	if (!fields[F_OFF].found)
		return fail(request, IMAGE_INVALID_OFFSET, "header malformed");
	if (fields[F_OFF].uint == 0)
		return take_first(request, fields);
	if (!upload->active || fields[F_OFF].uint != upload->offset) {
		put_offset(request, upload->active ? upload->offset : 0);
		return SIM_OK;
	}
	return take_data(request, &fields[F_DATA]);
}

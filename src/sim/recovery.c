/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MCUboot's serial recovery (boot/boot_serial/src/boot_serial.c): a small server of its own. Errors
 * are plain codes, v1 and v2 alike. Behaviour as seen with its build for QEMU's MPS2. */

#include "sim/server.h"

typedef struct {
	const SmpHeader *header;
	const guint8 *body;
	gsize size;
	GByteArray *out;
} Call;

static void put_list_entry(SimBoard *board, Call *call, guint image, guint slot)
{
	static const guint8 no_hash[SIM_IMAGE_HASH_SIZE];
	gsize area = sim_slot_image_area(board, image, slot);
	SimImage found;

	if (!sim_image_read_header(sim_flash_data(board->flash, area),
				   sim_slot_image_space(board, image, slot), &found))
		return;
	/* Half an image is listed, too. */
	if (!sim_slot_read(board, image, slot, &found))
		found.hash = no_hash;
	g_autofree char *version = sim_version_text(&found.version);
	smp_cbor_put_map_begin(call->out);
	if (board->config.images > 1)
		sim_put_uint(call->out, "image", image);
	sim_put_uint(call->out, "slot", slot);
	sim_put_bytes(call->out, "hash", found.hash, SIM_IMAGE_HASH_SIZE);
	sim_put_text(call->out, "version", version);
	smp_cbor_put_end(call->out);
}

static int list(SimBoard *board, Call *call)
{
	guint slots = board->config.mode == SIM_MODE_SINGLE_SLOT ? 1 : 2;

	smp_cbor_put_text(call->out, "images");
	smp_cbor_put_array_begin(call->out);
	for (guint image = 0; image < board->config.images; image++) {
		for (guint slot = 0; slot < slots; slot++)
			put_list_entry(board, call, image, slot);
	}
	smp_cbor_put_end(call->out);
	return SIM_OK;
}

/* Only whole write blocks are stored, unless the image ends there. */
static void store(SimBoard *board, const SimField *data)
{
	SimUpload *upload = &board->upload;
	gsize area = sim_slot_area(board, upload->area / 2, 0);
	gsize block = board->config.erase_size;
	gsize size = data->size;

	if (upload->offset + size < upload->size)
		size -= size % board->config.write_size;
	for (; upload->erased < upload->offset + size; upload->erased += (guint32)block) {
		if (!sim_flash_is_blank(board->flash, area + upload->erased, block))
			sim_flash_erase(board->flash, area + upload->erased, block);
	}
	if (size > 0)
		sim_flash_write(board->flash, area + upload->offset, data->data, size);
	upload->offset += (guint32)size;
}

/* Any file is taken, always from the start, into the primary slot. */
static int begin(SimBoard *board, const SimField *image, const SimField *len)
{
	SimUpload upload = {.active = TRUE, .size = (guint32)len->uint};

	if (!len->found || len->uint > board->config.slot_size ||
	    image->uint >= board->config.images)
		return SIM_EINVAL;
	upload.area = 2 * (guint)image->uint;
	board->upload = upload;
	/* What the slot's end says of the image goes with it. */
	sim_trailer_erase(board, sim_slot_area(board, upload.area / 2, 0));
	if (board->config.recovery_erases_slot) {
		sim_flash_erase(board->flash, sim_slot_area(board, upload.area / 2, 0),
				board->config.slot_size);
		board->upload.erased = board->config.slot_size;
	}
	return SIM_OK;
}

static int upload(SimBoard *board, Call *call)
{
	SimField fields[] = {{"image", SIM_FIELD_UINT},
			     {"data", SIM_FIELD_BYTES},
			     {"len", SIM_FIELD_UINT},
			     {"off", SIM_FIELD_UINT}};
	const SimField *data = &fields[1], *off = &fields[3];
	SimUpload *now = &board->upload;

	if (!sim_decode_map(call->body, call->size, fields, G_N_ELEMENTS(fields)) || !off->found ||
	    !data->found)
		return SIM_EINVAL;
	if (off->uint == 0) {
		int rc = begin(board, &fields[0], &fields[2]);
		if (rc != SIM_OK)
			return rc;
	}
	if (now->active && off->uint == now->offset) {
		if (data->size > now->size - now->offset)
			return SIM_EINVAL;
		store(board, data);
	}
	sim_put_uint(call->out, "rc", 0);
	sim_put_uint(call->out, "off", (guint32)(now->offset + board->lie));
	return SIM_OK;
}

static int put_ok(Call *call)
{
	sim_put_uint(call->out, "rc", 0);
	return SIM_OK;
}

static int echo(const SimBoard *board, Call *call)
{
	SimField d = {"d", SIM_FIELD_TEXT};

	if (!board->config.recovery_echo)
		return SIM_ENOTSUP;
	if (!sim_decode_map(call->body, call->size, &d, 1))
		return SIM_EINVAL;
	smp_cbor_put_text(call->out, "r");
	smp_cbor_put_text_sized(call->out, d.found ? (const char *)d.data : "", d.size);
	return SIM_OK;
}

static int os_command(SimBoard *board, Call *call)
{
	gboolean write = call->header->op == SMP_OP_WRITE;

	switch (call->header->command) {
	case 0:
		return echo(board, call);
	case 1:
		return write ? put_ok(call) : SIM_ENOTSUP;
	case 5:
		if (!write)
			return SIM_ENOTSUP;
		board->wants_reset = TRUE;
		return put_ok(call);
	case 6:
		if (write || board->config.recovery_old || board->config.no_params)
			return SIM_ENOTSUP;
		sim_put_uint(call->out, "buf_size", board->config.recovery_buf_size);
		sim_put_uint(call->out, "buf_count", 1);
		return SIM_OK;
	default:
		return SIM_ENOTSUP;
	}
}

static int image_command(SimBoard *board, Call *call)
{
	gboolean write = call->header->op == SMP_OP_WRITE;

	/* MCUboot 1.10 answers the list whatever is asked: it looks as if something had been set.
	 */
	if (call->header->command == 0)
		return write && !board->config.recovery_old ? SIM_ENOTSUP : list(board, call);
	if (call->header->command == 1 && write)
		return upload(board, call);
	return SIM_ENOTSUP;
}

void sim_recovery_receive(SimBoard *board, const guint8 *packet, gsize size, GPtrArray *answers)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	SmpHeader header;
	int rc = SIM_ENOTSUP;

	if (size < SMP_HEADER_SIZE)
		return;
	smp_header_read(packet, &header);
	if (header.op != SMP_OP_READ && header.op != SMP_OP_WRITE)
		return;
	if (header.length < size - SMP_HEADER_SIZE)
		return;
	/* It compares the whole byte with that of a v1 request. */
	if (board->config.recovery_old && packet[0] != header.op)
		return;
	Call call = {&header, packet + SMP_HEADER_SIZE, size - SMP_HEADER_SIZE, out};
	smp_cbor_put_map_begin(out);
	if (header.group == SMP_GROUP_OS)
		rc = os_command(board, &call);
	else if (header.group == SMP_GROUP_IMAGE)
		rc = image_command(board, &call);
	if (rc != SIM_OK) {
		g_byte_array_set_size(out, 0);
		smp_cbor_put_map_begin(out);
		sim_put_int(out, "rc", rc);
	}
	smp_cbor_put_end(out);
	g_ptr_array_add(answers, sim_answer_new(&header, header.version, out));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/upload.h>

#include "firmware/spool.h"
#include "update/transfer.h"

/* The image header, and the largest write unit. */
#define FIRST_CHUNK_MIN 32

typedef struct {
	SmpImageUpload upload;
	const SmpHash *hash;
} ImageTransfer;

static void encode(gpointer context, GByteArray *packet, guint64 offset, const guint8 *data,
		   gsize size)
{
	ImageTransfer *image = context;

	/* What was sent is hardly ever needed again. */
	if (offset % SMP_SPOOL_PIECE < size)
		smp_spool_rest(data - offset, offset);
	smp_image_upload_encode(&image->upload, packet, offset, data, size);
}

static gboolean is_listed(gpointer context, SmpSession *session, gboolean *complete, GError **error)
{
	ImageTransfer *image = context;

	*complete = FALSE;
	if (!image->hash)
		return TRUE;
	g_autoptr(GError) local = NULL;
	g_autoptr(SmpImageState) state = smp_image_list(session, &local);
	if (g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE))
		return TRUE;
	if (!state) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	/* With one pair the server ignores the image number; with direct upload it is a slot's. */
	for (guint i = 0; i < state->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(state->slots, i);
		if (!slot->active && smp_hash_equal(&slot->hash, image->hash))
			*complete = TRUE;
	}
	return TRUE;
}

/* A server wants the whole header in the first request, and recovery a whole unit of its flash
 * (Zephyr img_mgmt.c, MCUboot boot_serial.c): in the smallest buffers the hash has no place. */
static gboolean leave_out_sha(SmpSession *session, SmpImageUpload *upload, GError **error)
{
	g_autoptr(GByteArray) packet = g_byte_array_new();
	gsize max_packet;

	if (!smp_session_get_max_packet(session, &max_packet, error))
		return FALSE;
	smp_image_upload_encode(upload, packet, 0, NULL, 0);
	if (packet->len >= max_packet ||
	    smp_transfer_room(max_packet - packet->len) < FIRST_CHUNK_MIN)
		upload->sha = NULL;
	return TRUE;
}

gboolean smp_upload_image(SmpSession *session, GBytes *bytes, guint image, gboolean upgrade,
			  const SmpHash *image_hash, const SmpUploadOptions *options,
			  SmpUploadResult *result, GError **error)
{
	guint8 sha[32];
	gsize sha_size = sizeof sha, size;
	const guint8 *data = g_bytes_get_data(bytes, &size);
	g_autoptr(GChecksum) checksum = smp_spool_checksum(G_CHECKSUM_SHA256, data, size);

	g_checksum_get_digest(checksum, sha, &sha_size);

	ImageTransfer context = {
		.upload = {.image = image, .length = size, .sha = sha, .upgrade = upgrade},
		.hash = image_hash,
	};
	if (result)
		*result = (SmpUploadResult){0};
	if (!leave_out_sha(session, &context.upload, error))
		return FALSE;
	SmpTransfer transfer = {
		.what = "the image",
		.data = data,
		.size = size,
		.encode = encode,
		.decode = smp_image_upload_decode,
		.is_complete = is_listed,
		.context = &context,
	};
	return smp_transfer_run(session, &transfer, options, result, error);
}

/* A single buffer is what MCUboot's recovery tells of (boot_serial.c): Zephyr's server needs a
 * second one for its answer. */
static gboolean is_recovery(const SmpParams *params)
{
	return params->buf_count == 1;
}

char *smp_upload_explain(const SmpParams *params, const SmpUploadResult *result)
{
	gboolean recovery = is_recovery(params);
	GString *text = g_string_new(NULL);

	if (params->buf_size == 0)
		g_string_append(text,
				"The board does not tell its buffer size, so packets are kept "
				"small. Zephyr tells it from 3.1 on, with "
				"CONFIG_MCUMGR_GRP_OS_MCUMGR_PARAMS.");
	else if (params->buf_size < 512 && result->chunk > params->buf_size / 2)
		g_string_append_printf(
			text,
			"The board's buffers of %u bytes limit a request to %" G_GSIZE_FORMAT
			" bytes of data: raise %s.",
			params->buf_size, result->chunk,
			recovery ? "CONFIG_BOOT_SERIAL_MAX_RECEIVE_SIZE"
				 : "CONFIG_MCUMGR_TRANSPORT_NETBUF_SIZE");
	if (params->buf_count == 2)
		g_string_append_printf(text,
				       "%sIt has 2 buffers, so one request is in flight at a time: "
				       "raise CONFIG_MCUMGR_TRANSPORT_NETBUF_COUNT.",
				       text->len ? " " : "");
	if (result->lost > 0)
		g_string_append_printf(
			text,
			"%s%u request%s went unanswered and had to be sent again: the board "
			"may lose bytes while it erases%s.",
			text->len ? " " : "", result->lost, result->lost == 1 ? "" : "s",
			recovery ? "" : ", or its CONFIG_UART_MCUMGR_RX_BUF_COUNT is too small");
	gboolean empty = text->len == 0;
	char *explanation = g_string_free(text, empty);
	return empty ? NULL : explanation;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status: what runs, what waits, what a reset would do, why it may be slow. */

#include "cli.h"

#include <stdio.h>

static const char *dot(void)
{
	return smpctl_glyph(" · ", ", ");
}

static void print_board(const SmpBoard *board)
{
	g_autofree char *params = smpctl_params_text(&board->params);

	printf("%-12s %s%s%s%sSMP v%d", "Board", board->target, dot(), board->link, dot(),
	       board->version);
	if (board->params.buf_size)
		printf("%s%s", dot(), params);
	putchar('\n');
	if (board->application)
		printf("%-12s %s%s%s\n", "Application", board->application,
		       board->platform ? " on " : "", board->platform ? board->platform : "");
}

/* What each mode means for an update (MCUboot docs/design.md). */
static const char *mode_text(SmpBootloaderMode mode)
{
	switch (mode) {
	case SMP_BOOTLOADER_MODE_SWAP_SCRATCH:
	case SMP_BOOTLOADER_MODE_SWAP_MOVE:
	case SMP_BOOTLOADER_MODE_SWAP_OFFSET:
	case SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT:
		return "a trial is undone unless confirmed";
	case SMP_BOOTLOADER_MODE_OVERWRITE_ONLY:
		return "a new image cannot be undone";
	case SMP_BOOTLOADER_MODE_DIRECT_XIP:
	case SMP_BOOTLOADER_MODE_RAM_LOAD:
		return "the highest version starts";
	case SMP_BOOTLOADER_MODE_SINGLE_SLOT:
	case SMP_BOOTLOADER_MODE_SINGLE_SLOT_RAM_LOAD:
		return "updates only through the bootloader";
	case SMP_BOOTLOADER_MODE_FIRMWARE_LOADER:
		return "updates through the firmware loader";
	case SMP_BOOTLOADER_MODE_UNKNOWN:
		break;
	}
	return NULL;
}

static void print_bootloader(const SmpBoard *board)
{
	const char *meaning = mode_text(board->mode);

	if (board->recovery) {
		printf("%-12s %s\n", "Bootloader",
		       "MCUboot, in serial recovery: no application runs");
		return;
	}
	if (!board->bootloader)
		return;
	printf("%-12s %s", "Bootloader", board->bootloader);
	if (board->mode != SMP_BOOTLOADER_MODE_UNKNOWN)
		printf(", %s%s%s", smp_bootloader_mode_name(board->mode), meaning ? ": " : "",
		       meaning ? meaning : "");
	if (board->b0_slot >= 0)
		printf("; s%d of s0 and s1", board->b0_slot);
	puts(board->no_downgrade ? "; no downgrades" : "");
}

static char *flags_text(const SmpImageSlot *slot)
{
	const char *names[5] = {NULL};
	guint n = 0;

	if (slot->active)
		names[n++] = "active";
	if (slot->confirmed)
		names[n++] = "confirmed";
	else if (slot->active)
		names[n++] = "on trial";
	if (slot->pending)
		names[n++] = slot->permanent ? "pending for good" : "pending";
	return g_strjoinv(dot(), (char **)names);
}

/* Columns: what it is, slot, version, hash, flags, size. */
static void print_row(const char *label, guint slot, const char *version, const char *hash,
		      const char *flags, const char *size)
{
	g_autoptr(GString) row = g_string_new(NULL);
	int pad = MAX(0, 24 - (int)g_utf8_strlen(flags, -1));

	g_string_append_printf(row, "%-12s slot %u  %-12s %-12.12s  %s%*s %s", label, slot, version,
			       hash, flags, pad, "", size);
	puts(g_strchomp(row->str));
}

static char *size_text(const SmpBoard *board, guint image, guint slot)
{
	guint64 size = smp_board_slot_size(board, image, slot);
	return size ? smpctl_size_text(size) : g_strdup("");
}

static void print_slot(const SmpImageSlot *slot, const char *label, const char *size)
{
	g_autofree char *hash = smp_hash_to_string(&slot->hash);
	g_autofree char *flags = slot->has_flags ? flags_text(slot) : g_strdup("");

	print_row(label, slot->slot, slot->version, slot->hash.size ? hash : "-", flags, size);
}

/* "Image 0" in front of the first slot of each. */
static char *image_label(const GPtrArray *slots, guint index)
{
	const SmpImageSlot *slot = g_ptr_array_index(slots, index);
	const SmpImageSlot *before = index ? g_ptr_array_index(slots, index - 1) : NULL;

	return before && before->image == slot->image ? g_strdup("")
						      : g_strdup_printf("Image %u", slot->image);
}

void smpctl_print_slots(const SmpImageState *state)
{
	for (guint i = 0; i < state->slots->len; i++) {
		g_autofree char *label = image_label(state->slots, i);
		print_slot(g_ptr_array_index(state->slots, i), label, "");
	}
}

/* A slot that the board has and does not list: empty, or what is in it is no image. */
static void print_unlisted(const SmpBoard *board, guint image)
{
	for (guint i = 0; board->slots && i < board->slots->len; i++) {
		const SmpSlotInfo *info = g_ptr_array_index(board->slots, i);
		g_autofree char *size = size_text(board, info->image, info->slot);

		if (info->image == image && !smp_image_state_find(board->images, image, info->slot))
			print_row("", info->slot, "no image", "", "", size);
	}
}

static void print_images(const SmpBoard *board)
{
	const GPtrArray *slots = board->images ? board->images->slots : NULL;

	if (!slots) {
		printf("%-12s the firmware has no image group (CONFIG_MCUMGR_GRP_IMG)\n", "Images");
		return;
	}
	if (slots->len == 0)
		printf("%-12s none\n", "Images");
	for (guint i = 0; i < slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(slots, i);
		const SmpImageSlot *after =
			i + 1 < slots->len ? g_ptr_array_index(slots, i + 1) : NULL;
		g_autofree char *label = image_label(slots, i);
		g_autofree char *size = size_text(board, slot->image, slot->slot);

		print_slot(slot, label, size);
		if (!after || after->image != slot->image)
			print_unlisted(board, slot->image);
	}
}

static void print_next_reset(const SmpBoard *board)
{
	g_autoptr(GPtrArray) lines = smpctl_next_reset(board);

	for (guint i = 0; i < lines->len; i++)
		printf("%-12s %s\n", i ? "" : "Next reset",
		       (const char *)g_ptr_array_index(lines, i));
}

/* Image bytes in a request that fills a packet: what the rest of the request leaves. */
gsize smpctl_chunk_size(gsize max_packet)
{
	g_autoptr(GByteArray) packet = g_byte_array_new();
	const SmpImageUpload upload = {.length = 0};
	static const guint8 data[256];

	/* An offset and a length of the usual size. */
	smp_image_upload_encode(&upload, packet, 0x10000, data, sizeof(data));
	return max_packet - MIN(max_packet, packet->len - sizeof(data));
}

static void print_speed(const SmpBoard *board, gsize max_packet)
{
	const SmpUploadResult full = {.chunk = smpctl_chunk_size(max_packet)};
	/* A recovery that does not tell its buffer is as it is. */
	gboolean fixed = board->recovery && board->params.buf_size == 0;
	g_autofree char *why = fixed ? NULL : smp_upload_explain(&board->params, &full);

	if (why && board->images)
		printf("%-12s %s\n", "Speed", why);
}

static void add_slot_size(JsonBuilder *json, gconstpointer data)
{
	const SmpSlotInfo *info = data;

	smpctl_json_int(json, "image", info->image);
	smpctl_json_int(json, "slot", info->slot);
	smpctl_json_int(json, "size", (gint64)info->size);
}

static void add_next_reset(JsonBuilder *json, const SmpBoard *board)
{
	g_autoptr(GPtrArray) lines = smpctl_next_reset(board);

	json_builder_set_member_name(json, "next_reset");
	json_builder_begin_array(json);
	for (guint i = 0; i < lines->len; i++)
		json_builder_add_string_value(json, g_ptr_array_index(lines, i));
	json_builder_end_array(json);
}

static void print_json(const SmpBoard *board)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_text(json, "target", board->target);
	smpctl_json_text(json, "link", board->link);
	smpctl_json_int(json, "smp_version", board->version);
	smpctl_json_params(json, &board->params);
	smpctl_json_text(json, "application", board->application);
	smpctl_json_text(json, "platform", board->platform);
	smpctl_json_text(json, "bootloader", board->bootloader);
	if (board->mode != SMP_BOOTLOADER_MODE_UNKNOWN) {
		smpctl_json_int(json, "mode", board->mode);
		smpctl_json_text(json, "mode_name", smp_bootloader_mode_name(board->mode));
		smpctl_json_bool(json, "can_revert", smp_board_can_revert(board));
	}
	smpctl_json_count(json, "b0_slot", board->b0_slot);
	if (board->no_downgrade)
		smpctl_json_bool(json, "no_downgrade", TRUE);
	smpctl_json_bool(json, "recovery", board->recovery);
	if (board->images)
		smpctl_image_json(json, board->images);
	if (board->slots)
		smpctl_json_array(json, "slots", board->slots, add_slot_size);
	add_next_reset(json, board);
	smpctl_json_print(json);
}

gboolean smpctl_cmd_status(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	gsize max_packet;

	if (!session)
		return smpctl_tell_served(cli, FALSE, error);
	g_autoptr(SmpBoard) board = smp_board_observe_b0(session, error);
	if (!board || !smp_session_get_max_packet(session, &max_packet, error))
		return FALSE;
	if (board->images)
		smpctl_remember_images(cli->link, board->images);
	if (cli->options->json) {
		print_json(board);
		return TRUE;
	}
	print_board(board);
	print_bootloader(board);
	print_images(board);
	print_next_reset(board);
	print_speed(board, max_packet);
	return TRUE;
}

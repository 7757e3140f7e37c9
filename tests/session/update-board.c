/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update-board.h"

#include "protocol/cbor.h"

#include <smp/error.h>
#include <string.h>

#define MS G_TIME_SPAN_MILLISECOND

#define ROUND_TRIP (4 * MS)

enum {
	OS_ECHO = 0,
	OS_RESET = 5,
	OS_PARAMS = 6,
	OS_INFO = 7,
	OS_BOOTLOADER = 8,
	IMAGE_STATE = 0,
	IMAGE_UPLOAD = 1,
	IMAGE_SLOTS = 6,
};

void update_board_init(UpdateBoard *board, const SmpBundle *bundle)
{
	BootSlot running[BOOT_IMAGES] = {0};

	*board = (UpdateBoard){
		.bundle = bundle,
		.boot_takes = 400 * MS,
		.reset_delay = 250 * MS,
		.watchdog = 8000 * MS,
		.received = g_byte_array_new(),
		.boot_at = -1,
	};
	for (guint i = 0; i < bundle->items->len; i++) {
		const SmpBundleItem *item = bundle->items->pdata[i];
		running[i] = (BootSlot){
			.hash = {.size = 32, .data = {1, (guint8)i}},
			.version = {1, 2, 0, 0},
			.accepted = TRUE,
			.answers = TRUE,
		};
		board->content[i] = (BootSlot){
			.hash = item->firmware->hash,
			.version = item->firmware->version,
			.accepted = TRUE,
			.answers = TRUE,
		};
	}
	boot_model_init(&board->model, bundle->items->len, running);
}

void update_board_clear(UpdateBoard *board)
{
	g_byte_array_unref(board->received);
}

static void put_flag(GByteArray *out, const char *key, gboolean value)
{
	smp_cbor_put_text(out, key);
	smp_cbor_put_bool(out, value);
}

static void put_entry(GByteArray *out, gboolean several, const SmpImageSlot *slot)
{
	smp_cbor_put_map_begin(out);
	if (several) {
		smp_cbor_put_text(out, "image");
		smp_cbor_put_uint(out, slot->image);
	}
	smp_cbor_put_text(out, "slot");
	smp_cbor_put_uint(out, slot->slot);
	smp_cbor_put_text(out, "version");
	smp_cbor_put_text(out, slot->version);
	smp_cbor_put_text(out, "hash");
	smp_cbor_put_bytes(out, slot->hash.data, slot->hash.size);
	if (slot->has_flags) {
		put_flag(out, "bootable", slot->bootable);
		put_flag(out, "pending", slot->pending);
		put_flag(out, "confirmed", slot->confirmed);
		put_flag(out, "active", slot->active);
		put_flag(out, "permanent", slot->permanent);
	}
	smp_cbor_put_end(out);
}

static void answer_list(UpdateBoard *board, const guint8 *packet, gint64 when)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autoptr(SmpBoard) seen = boot_model_board(&board->model);

	smp_cbor_put_map_begin(out);
	smp_cbor_put_text(out, "images");
	smp_cbor_put_array_begin(out);
	for (guint i = 0; i < seen->images->slots->len; i++)
		put_entry(out, board->model.images > 1, seen->images->slots->pdata[i]);
	smp_cbor_put_end(out);
	if (seen->images->split_status >= 0) {
		smp_cbor_put_text(out, "splitStatus");
		smp_cbor_put_uint(out, (guint64)seen->images->split_status);
	}
	smp_cbor_put_end(out);
	wire_answer(board->link, packet, out, when);
}

static void answer_text(UpdateBoard *board, const guint8 *packet, const char *key,
			const char *value, gint64 when)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	smp_cbor_put_map(out, 1);
	smp_cbor_put_text(out, key);
	smp_cbor_put_text(out, value);
	wire_answer(board->link, packet, out, when);
}

static void answer_number(UpdateBoard *board, const guint8 *packet, const char *key, gint64 value,
			  gint64 when)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	smp_cbor_put_map(out, 1);
	smp_cbor_put_text(out, key);
	smp_cbor_put_int(out, value);
	wire_answer(board->link, packet, out, when);
}

static void do_state(UpdateBoard *board, const SmpCbor *body, const guint8 *packet, gint64 when)
{
	gboolean confirm = smp_cbor_get_bool(body, "confirm");
	const guint8 *data;
	gsize size = 0;
	SmpHash hash;

	if (smp_cbor_get_bytes(body, "hash", &data, &size))
		smp_hash_set(&hash, data, size);
	int code = confirm && board->drop_confirm
			   ? 0
			   : boot_model_mark(&board->model, size ? &hash : NULL, confirm);
	if (code == BOOT_UNSUPPORTED)
		wire_answer_rc(board->link, packet, SMP_RC_ENOTSUP, when);
	else if (code)
		wire_answer_error(board->link, packet, SMP_GROUP_IMAGE, (guint)code, when);
	else
		answer_list(board, packet, when);
}

/* The image of the bundle that has arrived, if it is whole. */
static int complete(UpdateBoard *board)
{
	for (guint i = 0; i < board->bundle->items->len; i++) {
		const SmpBundleItem *item = board->bundle->items->pdata[i];
		gsize size;
		const guint8 *data = g_bytes_get_data(item->firmware->bytes, &size);
		if (board->received->len == size && memcmp(board->received->data, data, size) == 0)
			return boot_model_upload(&board->model, board->image, &board->content[i]);
	}
	return 0;
}

/* The slot that an upload goes to loses what it had. */
static void begin(UpdateBoard *board, guint64 image, guint64 length)
{
	BootModel *model = &board->model;
	guint slot = model->in_recovery ? 0 : 1 - model->active[image];

	board->image = (guint)image;
	board->length = length;
	board->uploads++;
	g_byte_array_set_size(board->received, 0);
	if (!model->trial[image])
		model->slots[image][slot] = (BootSlot){0};
}

/* TRUE where the board is away before it could answer. */
static gboolean goes_away(UpdateBoard *board, guint64 offset, gint64 now)
{
	if (!board->lose_upload_at || offset < board->lose_upload_at - 1)
		return FALSE;
	board->lose_upload_at = 0;
	board->away_until = now + board->lost_for;
	if (board->cuts_link)
		smp_test_link_cut(board->link);
	return TRUE;
}

static void do_upload(UpdateBoard *board, const SmpCbor *body, const guint8 *packet, gint64 when)
{
	guint64 offset = 0, length = 0, image = 0;
	const guint8 *data;
	gsize size;
	int code = 0;

	smp_cbor_get_uint(body, "off", &offset);
	smp_cbor_get_uint(body, "len", &length);
	smp_cbor_get_uint(body, "image", &image);
	g_assert_true(smp_cbor_get_bytes(body, "data", &data, &size));
	g_assert_cmpuint(image, <, BOOT_IMAGES);
	if (goes_away(board, offset, when))
		return;
	if (offset == 0)
		begin(board, image, length);
	if (offset == board->received->len && offset < board->length)
		g_byte_array_append(board->received, data, (guint)size);
	if (board->received->len == board->length)
		code = complete(board);
	if (code)
		wire_answer_error(board->link, packet, SMP_GROUP_IMAGE, (guint)code, when);
	else
		answer_number(board, packet, "off", board->received->len, when);
}

static void do_reset(UpdateBoard *board, const guint8 *packet, gint64 now)
{
	if (board->lose_resets) {
		board->lose_resets--;
		return;
	}
	if (board->refuse_resets) {
		board->refuse_resets--;
		wire_answer_rc(board->link, packet, SMP_RC_EBUSY, now + ROUND_TRIP);
		return;
	}
	if (!board->lose_reset_answer)
		wire_answer_hex(board->link, packet, "bfff", now + ROUND_TRIP);
	board->boot_at = now + board->reset_delay;
}

static void do_os(UpdateBoard *board, const SmpHeader *header, const SmpCbor *body,
		  const guint8 *packet, gint64 now)
{
	gboolean recovery = board->model.in_recovery;
	gint64 when = now + ROUND_TRIP;
	SmpCbor query;

	if (header->command == OS_RESET)
		do_reset(board, packet, now);
	else if (recovery && board->old_recovery == 2)
		return;
	else if (header->command == OS_PARAMS && !board->old_recovery)
		wire_answer_params(board->link, packet, recovery ? 1024 : 512, recovery ? 1 : 4,
				   when);
	else if (header->command == OS_INFO && !recovery)
		answer_text(board, packet, "output", "Zephyr", when);
	else if (header->command == OS_BOOTLOADER && !recovery && board->model.tells_mode &&
		 smp_cbor_get(body, "query", &query))
		answer_number(board, packet, "mode", board->model.mode, when);
	else if (header->command == OS_BOOTLOADER && !recovery && board->model.tells_mode)
		answer_text(board, packet, "bootloader", "MCUboot", when);
	else
		wire_answer_rc(board->link, packet, SMP_RC_ENOTSUP, when);
}

static void do_image(UpdateBoard *board, const SmpHeader *header, const SmpCbor *body,
		     const guint8 *packet, gint64 when)
{
	if (header->command == IMAGE_STATE && header->op == SMP_OP_READ)
		answer_list(board, packet, when);
	else if (header->command == IMAGE_STATE)
		do_state(board, body, packet, when);
	else if (header->command == IMAGE_UPLOAD)
		do_upload(board, body, packet, when);
	else
		wire_answer_rc(board->link, packet, SMP_RC_ENOTSUP, when);
}

static gboolean is_heard(const UpdateBoard *board, const SmpHeader *header, gint64 now)
{
	return now >= board->away_until && boot_model_answers(&board->model) &&
	       !(board->old_recovery && board->model.in_recovery &&
		 header->version != SMP_VERSION_1);
}

static void receive(gpointer peer, SmpLink *link, const guint8 *packet, gsize size, gint64 now)
{
	UpdateBoard *board = peer;
	SmpHeader header;
	SmpCbor body;

	board->link = link;
	board->requests++;
	smp_header_read(packet, &header);
	board->os_requests += header.group == SMP_GROUP_OS;
	g_assert_true(smp_cbor_check(packet + SMP_HEADER_SIZE, size - SMP_HEADER_SIZE, &body));
	if (!is_heard(board, &header, now))
		return;
	if (header.group == SMP_GROUP_OS)
		do_os(board, &header, &body, packet, now);
	else if (header.group == SMP_GROUP_IMAGE)
		do_image(board, &header, &body, packet, now + ROUND_TRIP);
	else
		wire_answer_rc(board->link, packet, SMP_RC_ENOTSUP, now + ROUND_TRIP);
}

static gint64 next_event(gpointer peer)
{
	return ((UpdateBoard *)peer)->boot_at;
}

/* The bootloader starts. */
static void run(gpointer peer, SmpLink *link, gint64 now)
{
	UpdateBoard *board = peer;

	boot_model_boot(&board->model);
	g_byte_array_set_size(board->received, 0);
	board->length = 0;
	board->away_until = board->gone ? G_MAXINT64 : now + board->boot_takes;
	board->boot_at = -1;
	if (!board->gone && !boot_model_answers(&board->model))
		board->boot_at = board->away_until + board->watchdog;
	if (board->cuts_link)
		smp_test_link_cut(link);
}

static gboolean can_reopen(gpointer peer, gint64 now)
{
	return now >= ((UpdateBoard *)peer)->away_until;
}

const SmpTestPeer update_board_peer = {receive, next_event, run, can_reopen};

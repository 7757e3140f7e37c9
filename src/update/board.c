/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/board.h>

#include "groups/image.h"
#include "session/session.h"

/* A board that did not answer one request has so long for another. */
#define OTHER_TIMEOUT_MS 3000

/* An answer that the firmware lacks a command is a fact too; any other error ends the look. */
static gboolean absent(GError **local, GError **error)
{
	if (g_error_matches(*local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE)) {
		g_clear_error(local);
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(local));
	return FALSE;
}

/* The same where the command is not there at all: one that failed says nothing about the board. */
static gboolean no_such_command(GError **local, GError **error)
{
	if (smp_error_is_unsupported(*local)) {
		g_clear_error(local);
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(local));
	return FALSE;
}

static gboolean observe_bootloader(SmpBoard *board, SmpSession *session, gboolean ask_b0,
				   GError **error)
{
	GError *local = NULL;

	board->bootloader = smp_os_bootloader_name(session, &local);
	if (!board->bootloader)
		return absent(&local, error);
	if (!smp_os_bootloader_mode(session, &board->mode, &board->no_downgrade, &local) ||
	    (ask_b0 && !smp_os_b0_slot(session, &board->b0_slot, &local)))
		return absent(&local, error);
	return TRUE;
}

/* One letter at a time: fields contain spaces and nothing separates them. */
static gboolean observe_info(SmpSession *session, const char *format, char **text, GError **error)
{
	GError *local = NULL;

	*text = smp_os_info(session, format, &local);
	return *text || absent(&local, error);
}

static gboolean observe_application(SmpBoard *board, SmpSession *session, GError **error)
{
	g_autofree char *kernel = NULL, *version = NULL;

	if (!observe_info(session, "s", &kernel, error))
		return FALSE;
	if (!kernel)
		return TRUE;
	if (!observe_info(session, "v", &version, error) ||
	    !observe_info(session, "i", &board->platform, error))
		return FALSE;
	board->application = g_strjoin(version ? " " : NULL, kernel, version, NULL);
	return TRUE;
}

static gboolean observe_slots(SmpBoard *board, SmpSession *session, GError **error)
{
	GError *local = NULL;

	board->slots = smp_image_slot_info(session, &local);
	return board->slots || absent(&local, error);
}

static gboolean observe_images(SmpBoard *board, SmpSession *session, GError **error)
{
	GError *local = NULL;

	board->images = smp_image_list(session, &local);
	return board->images || no_such_command(&local, error);
}

static gboolean observe_marks(SmpBoard *board, SmpSession *session, GError **error)
{
	gboolean supported;

	if (!smp_image_can_mark(session, &supported, error))
		return FALSE;
	board->no_marks = !supported;
	return TRUE;
}

static gboolean lists_flags(const SmpImageState *images)
{
	for (guint i = 0; i < images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(images->slots, i);
		if (slot->has_flags)
			return TRUE;
	}
	return FALSE;
}

/* Recovery has no command to say what it is. It knows neither itself nor its bootloader, leaves
 * `splitStatus` out and lists images without flags, or has one buffer (MCUboot boot_serial.c). */
static gboolean looks_like_recovery(const SmpBoard *board)
{
	return !board->application && !board->bootloader && board->images &&
	       board->images->split_status < 0 &&
	       (!lists_flags(board->images) || board->params.buf_count == 1);
}

/* MCUboot's recovery before 1.9 answers image commands and is silent to all others. @cause: what
 * came of asking for parameters. An application that missed it lists flags. */
static gboolean observe_silent(SmpBoard *board, SmpSession *session, GError *cause, GError **error)
{
	guint timeout = smp_session_get_timeout(session);

	if (g_error_matches(cause, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT)) {
		smp_session_set_timeout(session, MIN(timeout, OTHER_TIMEOUT_MS));
		board->images = smp_image_list(session, NULL);
		smp_session_set_timeout(session, timeout);
	}
	if (!board->images || lists_flags(board->images)) {
		g_propagate_error(error, cause);
		return FALSE;
	}
	g_error_free(cause);
	return TRUE;
}

static void observe_recovery(SmpBoard *board, SmpSession *session)
{
	board->images = smp_image_list_within(session, smp_session_get_timeout(session), NULL);
	if (board->images && board->images->split_status < 0 && lists_flags(board->images) &&
	    smp_session_get_params(session, &board->params, NULL))
		board->application = smp_os_info(session, "s", NULL);
}

gboolean smp_board_looks_like_recovery(SmpSession *session)
{
	g_autoptr(SmpBoard) board = g_new0(SmpBoard, 1);
	guint timeout = smp_session_get_timeout(session);

	smp_session_set_timeout(session, MIN(timeout, OTHER_TIMEOUT_MS));
	observe_recovery(board, session);
	smp_session_set_timeout(session, timeout);
	return looks_like_recovery(board);
}

/* The image list comes as late as it can: should the board restart in between, what is said of it
 * is still true. Recovery is not asked for marks, and known for sure only by its list. */
static gboolean observe_all(SmpBoard *board, SmpSession *session, gboolean ask_b0, GError **error)
{
	if (!observe_bootloader(board, session, ask_b0, error) ||
	    !observe_application(board, session, error) || !observe_slots(board, session, error))
		return FALSE;
	gboolean is_application = board->application || board->bootloader;
	if ((is_application && !observe_marks(board, session, error)) ||
	    !observe_images(board, session, error))
		return FALSE;
	if (!board->images || is_application || looks_like_recovery(board))
		return TRUE;
	return observe_marks(board, session, error);
}

/* Each image that runs in @images runs in @others, and there is one. */
static gboolean runs_in(const SmpImageState *images, const SmpImageState *others)
{
	gboolean any = FALSE;

	for (guint i = 0; i < images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(images->slots, i);
		const SmpImageSlot *other = smp_image_state_find_active(others, slot->image);
		if (slot->active && !(other && other->slot == slot->slot &&
				      smp_hash_equal(&other->hash, &slot->hash)))
			return FALSE;
		any |= slot->active;
	}
	return any;
}

static void take_facts(SmpBoard *board, const SmpBoard *known)
{
	board->application = g_strdup(known->application);
	board->platform = g_strdup(known->platform);
	board->bootloader = g_strdup(known->bootloader);
	board->mode = known->mode;
	board->no_downgrade = known->no_downgrade;
	board->no_marks = known->no_marks;
	board->slots = known->slots ? g_ptr_array_ref(known->slots) : NULL;
}

/* Recovery runs no image, so one that is in it or leaves it is asked everything. */
static gboolean observe_again(SmpBoard *board, SmpSession *session, const SmpBoard *known,
			      gboolean ask_b0, GError **error)
{
	if (!known || !known->images)
		return observe_all(board, session, ask_b0, error);
	if (!observe_images(board, session, error))
		return FALSE;
	if (board->images && runs_in(board->images, known->images) &&
	    runs_in(known->images, board->images)) {
		take_facts(board, known);
		return TRUE;
	}
	g_clear_pointer(&board->images, smp_image_state_free);
	return observe_all(board, session, ask_b0, error);
}

static gboolean observe(SmpBoard *board, SmpSession *session, const SmpBoard *known,
			gboolean ask_b0, GError **error)
{
	GError *local = NULL;
	gboolean done = smp_session_get_params(session, &board->params, &local)
				? observe_again(board, session, known, ask_b0, error)
				: observe_silent(board, session, local, error);

	board->version = smp_session_get_version(session);
	board->recovery = looks_like_recovery(board);
	return done;
}

static SmpBoard *observe_board(SmpSession *session, const SmpBoard *known, gboolean ask_b0,
			       GError **error)
{
	SmpLink *link = smp_session_get_link(session);
	g_autoptr(SmpBoard) board = g_new0(SmpBoard, 1);

	board->target = g_strdup(smp_link_get_target(link));
	board->link = smp_link_describe(link);
	board->mode = SMP_BOOTLOADER_MODE_UNKNOWN;
	board->b0_slot = -1;
	if (!observe(board, session, known, ask_b0, error))
		return NULL;
	return g_steal_pointer(&board);
}

SmpBoard *smp_board_observe(SmpSession *session, GError **error)
{
	return observe_board(session, NULL, FALSE, error);
}

SmpBoard *smp_board_observe_again(SmpSession *session, const SmpBoard *known, GError **error)
{
	return observe_board(session, known, FALSE, error);
}

SmpBoard *smp_board_observe_b0(SmpSession *session, GError **error)
{
	return observe_board(session, NULL, TRUE, error);
}

void smp_board_free(SmpBoard *board)
{
	if (!board)
		return;
	g_free(board->target);
	g_free(board->link);
	g_free(board->application);
	g_free(board->platform);
	g_free(board->bootloader);
	g_clear_pointer(&board->images, smp_image_state_free);
	g_clear_pointer(&board->slots, g_ptr_array_unref);
	g_free(board);
}

gboolean smp_board_can_revert(const SmpBoard *board)
{
	if (board->recovery || board->no_marks)
		return FALSE;
	switch (board->mode) {
	case SMP_BOOTLOADER_MODE_SWAP_SCRATCH:
	case SMP_BOOTLOADER_MODE_SWAP_MOVE:
	case SMP_BOOTLOADER_MODE_SWAP_OFFSET:
	case SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT:
	case SMP_BOOTLOADER_MODE_RAM_LOAD: /* with marks it is the one with revert */
	case SMP_BOOTLOADER_MODE_UNKNOWN:  /* most are; the image list shows it afterwards */
		return TRUE;
	default:
		return FALSE;
	}
}

const SmpImageSlot *smp_board_running(const SmpBoard *board, guint image)
{
	return board->recovery ? smp_image_state_find(board->images, image, 0)
			       : smp_image_state_find_active(board->images, image);
}

guint smp_board_target_slot(const SmpBoard *board, guint image)
{
	const SmpImageSlot *slot = smp_board_running(board, image);
	return board->recovery ? 0 : slot ? 1 - MIN(slot->slot, 1) : 1;
}

guint64 smp_board_slot_size(const SmpBoard *board, guint image, guint slot)
{
	for (guint i = 0; board->slots && i < board->slots->len; i++) {
		const SmpSlotInfo *info = g_ptr_array_index(board->slots, i);
		if (info->image == image && info->slot == slot)
			return info->max_image_size ? info->max_image_size : info->size;
	}
	return 0;
}

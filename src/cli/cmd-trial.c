/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* confirm and rollback: what becomes of an update that was made. */

#include "cli.h"

/* Images that are on the board already; no file is needed to start or keep them. */
static void add_slot(SmpBundle *bundle, const SmpImageSlot *slot)
{
	SmpBundleItem *item = g_new(SmpBundleItem, 1);

	*item = (SmpBundleItem){
		.image = slot->image,
		.slot = -1,
		.hash = slot->hash,
		.version = g_strdup(slot->version),
		.name = g_strdup_printf("%s in slot %u", slot->version, slot->slot),
		.installed_counter = -1,
	};
	g_ptr_array_add(bundle->items, item);
}

static SmpBoard *look(Smpctl *cli, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	SmpBoard *board = session ? smp_board_observe(session, error) : NULL;

	if (board && !board->images) {
		g_set_error_literal(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
				    "the board's firmware has no image group; enable "
				    "CONFIG_MCUMGR_GRP_IMG in it");
		g_clear_pointer(&board, smp_board_free);
	}
	return board;
}

static gboolean run(Smpctl *cli, const SmpBundle *bundle, gboolean rollback, GError **error)
{
	g_autoptr(SmpJournal) journal = NULL;
	const SmpPolicy policy = {.allow = ~0u, .stop_before = SMP_ACTION_END};

	if (!smpctl_journal(cli, &journal, error))
		return FALSE;
	const SmpctlRun options = {.policy = &policy, .journal = journal, .rollback = rollback};
	return (!journal || smp_journal_begin(journal, bundle, &policy, NULL, error)) &&
	       smpctl_run_update(cli, bundle, &options, error);
}

static gboolean is_trial(const SmpBoard *board, const SmpImageSlot *slot)
{
	return slot->active && slot->has_flags && !slot->confirmed && smp_board_can_revert(board);
}

/* @text is a hash, or NULL. */
static gboolean parse_hash(const char *text, SmpHash *hash, GError **error)
{
	g_autoptr(GError) failed = NULL;

	if (!text || smp_hash_parse(text, hash, &failed))
		return TRUE;
	g_set_error_literal(error, SMPCTL_ERROR, SMPCTL_ERROR_USAGE, failed->message);
	return FALSE;
}

static gboolean check_runs(const SmpBoard *board, const SmpHash *hash, const char *text,
			   GError **error)
{
	for (guint i = 0; i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		if (slot->active && smp_hash_equal(&slot->hash, hash))
			return TRUE;
	}
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
		    "%.12s… does not run: confirming it would install it for good without a trial; "
		    "`smpctl image confirm` does that",
		    text);
	return FALSE;
}

gboolean smpctl_cmd_confirm(Smpctl *cli, char **args, GError **error)
{
	SmpHash hash;

	if (!parse_hash(args[0], &hash, error))
		return FALSE;
	g_autoptr(SmpBoard) board = look(cli, error);
	g_autoptr(SmpBundle) trials = smp_bundle_new();
	g_autoptr(SmpBundle) running = smp_bundle_new();

	if (!board || (args[0] && !check_runs(board, &hash, args[0], error)))
		return FALSE;
	for (guint i = 0; i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		if (slot->active)
			add_slot(is_trial(board, slot) ? trials : running, slot);
	}
	const SmpBundle *bundle = trials->items->len > 0 ? trials : running;
	if (bundle->items->len > 0)
		return run(cli, bundle, FALSE, error);
	g_set_error_literal(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
			    "the board does not say which image runs, so none can be confirmed");
	return FALSE;
}

gboolean smpctl_cmd_rollback(Smpctl *cli, char **args G_GNUC_UNUSED, GError **error)
{
	g_autoptr(SmpBoard) board = look(cli, error);
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	gboolean any_trial = FALSE;

	if (!board)
		return FALSE;
	for (guint i = 0; i < board->images->slots->len; i++)
		any_trial |= is_trial(board, g_ptr_array_index(board->images->slots, i));
	for (guint i = 0; i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		const SmpImageSlot *active =
			smp_image_state_find_active(board->images, slot->image);
		if (active && slot != active && slot->hash.size > 0 &&
		    (!any_trial || is_trial(board, active)))
			add_slot(bundle, slot);
	}
	if (bundle->items->len > 0)
		return run(cli, bundle, TRUE, error);
	g_set_error_literal(
		error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
		"the board holds no other image to go back to; install one with `smpctl "
		"update --allow-downgrade FILE`");
	return FALSE;
}

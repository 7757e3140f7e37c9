/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* confirm and rollback: what becomes of an update that was made. */

#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define ROLLBACK "rollback"

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

/* What resume needs: the command and its images, as N:HASH. */
static char **rollback_arguments(const SmpBundle *bundle)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	g_strv_builder_add(builder, ROLLBACK);
	for (guint i = 0; i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		g_autofree char *hash = smp_hash_to_string(&item->hash);
		g_autofree char *argument = g_strdup_printf("%u:%s", item->image, hash);
		g_strv_builder_add(builder, argument);
	}
	return g_strv_builder_end(builder);
}

/* @arguments: (nullable): for the journal */
static gboolean run(Smpctl *cli, SmpJournal *journal, const SmpBundle *bundle, char **arguments,
		    GError **error)
{
	const SmpPolicy policy = {.allow = ~0u, .stop_before = SMP_ACTION_END};
	const SmpctlRun options = {
		.policy = &policy, .journal = journal, .rollback = arguments != NULL};

	return (!journal || smp_journal_begin(journal, bundle, &policy,
					      (const char *const *)arguments, error)) &&
	       smpctl_run_update(cli, bundle, &options, error);
}

/* The images of an interrupted rollback, which may have changed places meanwhile. */
static gboolean restore_images(const SmpBoard *board, char **arguments, SmpBundle *bundle,
			       GError **error)
{
	for (char **argument = arguments; *argument; argument++) {
		const char *colon = strchr(*argument, ':');
		SmpHash hash;
		const SmpImageSlot *slot =
			colon && smp_hash_parse(colon + 1, &hash, NULL)
				? smp_image_state_find_hash(board->images, (guint)atoi(*argument),
							    &hash)
				: NULL;
		if (!slot) {
			g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE,
				    "the board does not have image %s any more; `smpctl status` "
				    "shows how it stands",
				    *argument);
			return FALSE;
		}
		add_slot(bundle, slot);
	}
	return TRUE;
}

/* The arguments of the interrupted rollback, NULL where it was something else. */
static char **interrupted_rollback(const SmpJournal *journal)
{
	g_auto(GStrv) arguments =
		journal && smp_journal_is_open(journal) ? smp_journal_get_arguments(journal) : NULL;

	return arguments && g_strcmp0(arguments[0], ROLLBACK) == 0 ? g_steal_pointer(&arguments)
								   : NULL;
}

gboolean smpctl_resumes_rollback(const SmpJournal *journal)
{
	g_auto(GStrv) arguments = interrupted_rollback(journal);
	return arguments != NULL;
}

gboolean smpctl_resume_rollback(Smpctl *cli, SmpJournal *journal, GError **error)
{
	g_auto(GStrv) arguments = interrupted_rollback(journal);
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	g_autoptr(SmpBoard) board = look(cli, error);

	return board && restore_images(board, arguments + 1, bundle, error) &&
	       run(cli, journal, bundle, arguments, error);
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
	if (bundle->items->len > 0) {
		g_autoptr(SmpJournal) journal = NULL;
		return smpctl_journal(cli, &journal, error) &&
		       run(cli, journal, bundle, NULL, error);
	}
	g_set_error_literal(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
			    "the board does not say which image runs, so none can be confirmed");
	return FALSE;
}

static void add_fallbacks(SmpBundle *bundle, const SmpBoard *board)
{
	gboolean any_trial = FALSE;

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
}

gboolean smpctl_cmd_rollback(Smpctl *cli, char **args G_GNUC_UNUSED, GError **error)
{
	g_autoptr(SmpJournal) journal = NULL;
	g_autoptr(SmpBundle) bundle = smp_bundle_new();

	if (!smpctl_journal(cli, &journal, error))
		return FALSE;
	/* To go back once more would undo it. */
	if (smpctl_resumes_rollback(journal))
		return smpctl_resume_rollback(cli, journal, error);
	g_autoptr(SmpBoard) board = look(cli, error);
	if (!board)
		return FALSE;
	add_fallbacks(bundle, board);
	if (bundle->items->len > 0) {
		g_auto(GStrv) arguments = rollback_arguments(bundle);
		return run(cli, journal, bundle, arguments, error);
	}
	g_set_error_literal(
		error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
		"the board holds no other image to go back to; install one with `smpctl "
		"update --allow-downgrade FILE`");
	return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* confirm and rollback: what becomes of an update that was made. */

#include "cli.h"

#include <smp/trial.h>

#define ROLLBACK "rollback"

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
	g_auto(GStrv) names = smp_trial_names(bundle);

	g_strv_builder_add(builder, ROLLBACK);
	g_strv_builder_addv(builder, (const char **)names);
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
	g_autoptr(SmpBoard) board = look(cli, error);
	g_autoptr(SmpBundle) bundle =
		board ? smp_trial_find(board, (const char *const *)arguments + 1, error) : NULL;

	return bundle && run(cli, journal, bundle, arguments, error);
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

	if (!board || (args[0] && !check_runs(board, &hash, args[0], error)))
		return FALSE;
	g_autoptr(SmpBundle) bundle = smp_trial_running(board, error);
	g_autoptr(SmpJournal) journal = NULL;
	return bundle && smpctl_journal(cli, &journal, error) &&
	       run(cli, journal, bundle, NULL, error);
}

gboolean smpctl_cmd_rollback(Smpctl *cli, char **args G_GNUC_UNUSED, GError **error)
{
	g_autoptr(SmpJournal) journal = NULL;

	if (!smpctl_journal(cli, &journal, error))
		return FALSE;
	/* To go back once more would undo it. */
	if (smpctl_resumes_rollback(journal))
		return smpctl_resume_rollback(cli, journal, error);
	g_autoptr(SmpBoard) board = look(cli, error);
	g_autoptr(SmpBundle) bundle = board ? smp_trial_fallbacks(board, -1, error) : NULL;
	if (!bundle)
		return FALSE;
	g_auto(GStrv) arguments = rollback_arguments(bundle);
	return run(cli, journal, bundle, arguments, error);
}

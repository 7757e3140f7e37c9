/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/plan.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/**
 * SmpJournal: what one job means to do and has done, on disk.
 *
 * One file for each board in a folder, replaced as a whole and synced, so that it holds either the
 * state before or after a step whatever happens to the machine. While it is open it is locked: a
 * second update of the same board is refused. The board stays the truth; the journal tells what
 * cannot be seen of it: what was meant, and what was tried already.
 */
typedef struct SmpJournal SmpJournal;

/**
 * smp_journal_open:
 * @folder: where journals are kept; made if it is missing
 * @identity: what stays the same about the board, see smp_link_identity()
 *
 * A file that cannot be read is put aside with a warning and an empty journal begun.
 *
 * Returns: (transfer full): the board's journal; %NULL with %SMP_LINK_ERROR_BUSY where another
 * process updates this board, %SMP_UPDATE_ERROR_STATE where the folder cannot be used
 */
SmpJournal *smp_journal_open(const char *folder, const char *identity,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_journal_free(SmpJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpJournal, smp_journal_free)

/**
 * smp_journal_begin:
 * @arguments: (nullable): what the caller wants to find again to go on: the files, by absolute path
 *
 * Makes the journal that of an update of @bundle by @policy, unless it is already: then what was
 * tried is kept.
 *
 * Returns: FALSE with %SMP_UPDATE_ERROR_STATE where it cannot be written
 */
gboolean smp_journal_begin(SmpJournal *journal, const SmpBundle *bundle, const SmpPolicy *policy,
			   const char *const *arguments, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether the job in it is one of exactly these images and has not ended. */
gboolean smp_journal_matches(const SmpJournal *journal, const SmpBundle *bundle);

/* Whether a job is in it that has not ended. */
gboolean smp_journal_is_open(const SmpJournal *journal);

/* Returns: (transfer full) (nullable): the arguments of smp_journal_begin() */
char **smp_journal_get_arguments(const SmpJournal *journal);
/* What it was begun with, but for @stop_before: a job that is resumed goes to its end. */
void smp_journal_get_policy(const SmpJournal *journal, SmpPolicy *policy);

/**
 * smp_journal_load:
 * @attempt: (out): what was tried; its items are allocated for the bundle
 * @intent: (out): the action that had begun when the job was interrupted, %SMP_ACTION_END for none
 *
 * Returns: whether the job was begun before
 */
gboolean smp_journal_load(const SmpJournal *journal, const SmpBundle *bundle, SmpAttempt *attempt,
			  SmpAction *intent);

/* Writes the action about to begin, %SMP_ACTION_END when it is over, and what was tried so far. */
gboolean smp_journal_save(SmpJournal *journal, const SmpBundle *bundle, const SmpAttempt *attempt,
			  SmpAction intent, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The job has ended: as @end, said in @message. It stays readable until the next one begins. */
gboolean smp_journal_end(SmpJournal *journal, SmpEnd end, const char *message,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How the job in it ended. @message: (transfer full). Returns: FALSE where it has not */
gboolean smp_journal_get_end(const SmpJournal *journal, SmpEnd *end,
			     char **message) G_GNUC_WARN_UNUSED_RESULT;

/* The security counter of the newest image with one that this board was given for @image; -1 where
 * none is known. */
gint64 smp_journal_get_counter(const SmpJournal *journal, guint image);

G_END_DECLS
#pragma GCC visibility pop

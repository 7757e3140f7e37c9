/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/journal.h>

G_BEGIN_DECLS

/**
 * SmpJournalHook: for tests that kill a process around a write.
 * @written: whether the file has been replaced already
 *
 * Returns: FALSE with an error to end there
 */
typedef gboolean (*SmpJournalHook)(gboolean written, gpointer user_data, GError **error);

void smp_journal_set_hook(SmpJournal *journal, SmpJournalHook hook, gpointer user_data);

/* Whether a run of the job got as far as to the board. */
gboolean smp_journal_has_begun(const SmpJournal *journal);

/* All of the bundle is installed to stay, whichever way that was done: its security counters are
 * the board's from now on. Written with what is written next. */
void smp_journal_note_installed(SmpJournal *journal, const SmpBundle *bundle);

/* What an upload found the board to take (#SmpUploadResult.window_limit); 0 where nothing is known.
 * Written with what is written next. */
guint smp_journal_get_window(const SmpJournal *journal);
void smp_journal_note_window(SmpJournal *journal, guint window);

G_END_DECLS

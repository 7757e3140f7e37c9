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

G_END_DECLS

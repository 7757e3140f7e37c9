/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/device.h"
#include "daemon/error.h"
#include "daemon/order.h"

#include <smp/trial.h>

static gboolean check_firmware(const SmpBundle *bundle, const char *firmware, GError **error)
{
	g_auto(GStrv) installed = g_strsplit(firmware ? firmware : "", " ", -1);
	g_auto(GStrv) running = smp_trial_names(bundle);

	for (guint i = 0; firmware && i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		if (g_strv_contains((const char *const *)installed, running[i]))
			continue;
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
			    "image %u runs %s, which this job did not install", item->image,
			    item->version);
		return FALSE;
	}
	return TRUE;
}

static gboolean confirm(SmpSession *session, SmpJournal *journal, const SmpBundle *bundle,
			GError **error)
{
	const SmpPolicy policy = {.allow = ~0u, .stop_before = SMP_ACTION_END};
	g_autoptr(SmpUpdate) update = smp_update_new(session, bundle, &policy);

	if (!smp_journal_begin(journal, bundle, &policy, NULL, error))
		return FALSE;
	smp_update_set_journal(update, journal);
	g_autoptr(SmpUpdateResult) result = smp_update_run(update, error);
	if (!result)
		return FALSE;
	if (result->end == SMP_END_UPDATED || result->end == SMP_END_UP_TO_DATE)
		return TRUE;
	g_set_error_literal(error, SMPD_ERROR,
			    result->end == SMP_END_REFUSED ? SMPD_ERROR_REFUSED : SMPD_ERROR_FAILED,
			    result->message);
	return FALSE;
}

gboolean smpd_confirm_running(SmpdAct *act, SmpSession *session, const char *firmware,
			      GError **error)
{
	const char *journals = smpd_store_boards(act->device->daemon->store);
	g_autoptr(SmpBoard) board = smp_board_observe(session, error);

	if (!board)
		return FALSE;
	g_autoptr(SmpBundle) bundle = smp_trial_running(board, error);
	if (!bundle || !check_firmware(bundle, firmware, error))
		return FALSE;
	g_autoptr(SmpJournal) journal = smp_journal_open(journals, act->identity, error);
	if (!journal || !confirm(session, journal, bundle, error))
		return FALSE;
	act->board = smp_board_observe(session, NULL);
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a look at the board, or that there was nothing to see, means for an update. */

#include "session/session.h"
#include "update/journal-private.h"
#include "update/runner-private.h"

gboolean smp_update_same_images(const SmpImageState *a, const SmpImageState *b)
{
	if (!a || !b || a->slots->len != b->slots->len)
		return FALSE;
	for (guint i = 0; i < a->slots->len; i++) {
		const SmpImageSlot *x = g_ptr_array_index(a->slots, i);
		const SmpImageSlot *y = g_ptr_array_index(b->slots, i);
		if (x->image != y->image || x->slot != y->slot || x->active != y->active ||
		    x->pending != y->pending || x->confirmed != y->confirmed ||
		    !smp_hash_equal(&x->hash, &y->hash))
			return FALSE;
	}
	return TRUE;
}

gboolean smp_update_may_return(const SmpUpdate *update, const GError *error)
{
	gboolean closed = g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);

	if (update->board)
		return smp_error_is_link_lost(error);
	/* Without a connection it was never there, unless an earlier run left it in a restart. */
	return closed && (!smp_link_is_connectionless(update->link) ||
			  (update->journal && smp_journal_has_begun(update->journal)));
}

gboolean smp_update_may_be_erasing(const SmpUpdate *update, const GError *cause)
{
	gboolean erases =
		update->step.action == SMP_ACTION_ERASE ||
		(update->step.action == SMP_ACTION_UPLOAD && update->progress.offset == 0);

	return erases && g_error_matches(cause, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
}

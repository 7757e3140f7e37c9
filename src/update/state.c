/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How things stand when a step could not be finished, in words: only what was seen, and where the
 * board was not seen since, that. */

#include "update/plan-private.h"
#include "update/runner-private.h"

#define GO_ON "Run the same command again to go on."

static const SmpImageSlot *running(const SmpUpdate *update, const SmpBundleItem *item)
{
	return update->board->images
		       ? smp_image_state_find_active(update->board->images, item->image)
		       : NULL;
}

const SmpImageSlot *smp_update_runs(const SmpUpdate *update, const SmpBundleItem *item)
{
	const SmpImageSlot *slot = running(update, item);
	return slot && smp_hash_equal(&slot->hash, &item->hash) ? slot : NULL;
}

static gboolean is_pending(const SmpUpdate *update, const SmpBundleItem *item)
{
	const SmpImageSlot *slot =
		update->board->images
			? smp_image_state_find_hash(update->board->images, item->image, &item->hash)
			: NULL;
	return slot && slot->pending;
}

/* Whether a restart that was not seen may have started something new. */
static gboolean may_have_started(const SmpUpdate *update)
{
	if (!update->unseen)
		return FALSE;
	for (guint i = 0; i < update->bundle->items->len; i++) {
		if (is_pending(update, g_ptr_array_index(update->bundle->items, i)))
			return TRUE;
	}
	switch (update->step.action) {
	case SMP_ACTION_ERASE:
	case SMP_ACTION_END:
		return FALSE;
	case SMP_ACTION_UPLOAD:
		return update->board->no_marks;
	default:
		return TRUE;
	}
}

static gboolean is_intact(const SmpUpdate *update)
{
	if (update->board->recovery || may_have_started(update))
		return FALSE;
	for (guint i = 0; i < update->bundle->items->len; i++) {
		if (smp_update_runs(update, g_ptr_array_index(update->bundle->items, i)))
			return FALSE;
	}
	return TRUE;
}

SmpEnd smp_update_end(const SmpUpdate *update)
{
	return is_intact(update) ? SMP_END_FAILED_INTACT : SMP_END_NEEDS_ATTENTION;
}

static guint percent(const SmpUpdate *update)
{
	return update->progress.size
		       ? (guint)(100 * update->progress.offset / update->progress.size)
		       : 0;
}

static char *describe_recovery(const SmpUpdate *update, const SmpBundleItem *item)
{
	const char *is = update->unseen ? "was" : "is";

	if (update->step.action != SMP_ACTION_UPLOAD)
		return g_strdup_printf("The board %s in MCUboot's recovery. " GO_ON, is);
	if (percent(update) == 0)
		return g_strdup_printf("The board %s in MCUboot's recovery, and what its primary "
				       "slot held may be erased. " GO_ON,
				       is);
	if (percent(update) == 100)
		return g_strdup_printf(
			"The board %s in MCUboot's recovery and took all of %s. " GO_ON, is,
			item->version);
	g_autofree char *outlook = smp_plan_recovery_outlook(update->board, item->image);
	return g_strdup_printf("The board %s in MCUboot's recovery and its primary slot holds "
			       "%u %% of %s. %s " GO_ON,
			       is, percent(update), item->version, outlook);
}

/* "The board runs 1.0.0 as before" */
static char *describe_running(const SmpUpdate *update, const SmpBundleItem *item)
{
	const SmpImageSlot *slot = running(update, item);
	const char *version = slot ? slot->version : "what it ran";
	gboolean trial = smp_update_runs(update, item) && !slot->confirmed &&
			 smp_board_can_revert(update->board);

	/* As long as nothing is marked, a restart changes nothing. */
	if (update->unseen && (may_have_started(update) || smp_update_runs(update, item)))
		return g_strdup_printf("The board ran %s%s when it was last seen", version,
				       trial ? " on trial" : "");
	if (trial)
		return g_strdup_printf("The board runs %s on trial: its next reset undoes it",
				       version);
	return g_strdup_printf("The board runs %s%s", version,
			       smp_update_runs(update, item) ? "" : " as before");
}

/* What the step may have come to. */
static char *describe_step(const SmpUpdate *update, const SmpBundleItem *item)
{
	switch (update->step.action) {
	case SMP_ACTION_UPLOAD:
		return g_strdup_printf("; %u %% of %s is in the other slot", percent(update),
				       item->version);
	case SMP_ACTION_ERASE:
		return g_strdup(update->unseen ? "; its other slot may be erased" : "");
	case SMP_ACTION_CONFIRM:
		return g_strdup(update->unseen ? "; whether it was confirmed is not known" : "");
	case SMP_ACTION_TEST:
	case SMP_ACTION_MAKE_PENDING:
		if (update->unseen)
			return g_strdup_printf("; its next reset may start %s", item->version);
		return g_strdup("");
	default:
		return g_strdup("");
	}
}

static gboolean is_reset(SmpAction action)
{
	return action == SMP_ACTION_RESET || action == SMP_ACTION_UNDO ||
	       action == SMP_ACTION_ENTER_RECOVERY;
}

static char *describe_reset(const SmpUpdate *update, const SmpBundleItem *item)
{
	const char *what = update->step.action == SMP_ACTION_RESET  ? item->version
			   : update->step.action == SMP_ACTION_UNDO ? "the old image"
								    : "its recovery";

	return g_strdup_printf("The board was to be reset to start %s and has not been seen since. "
			       "It may still be installing: do not cut its power. " GO_ON,
			       what);
}

char *smp_update_state(const SmpUpdate *update)
{
	if (!update->board || update->step.action == SMP_ACTION_END)
		return g_strdup("Nothing was changed on the board.");
	const SmpBundleItem *item = smp_update_item(update);
	if (update->unseen && is_reset(update->step.action))
		return describe_reset(update, item);
	if (update->board->recovery)
		return describe_recovery(update, item);
	g_autofree char *runs = describe_running(update, item);
	g_autofree char *step = describe_step(update, item);
	return g_strdup_printf("%s%s. " GO_ON, runs, step);
}

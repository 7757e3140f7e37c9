/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the images of a bundle are on a board (MCUboot docs/design.md, Zephyr img_mgmt_state.c). */

#include "update/plan-private.h"

const SmpBundleItem *smp_plan_item(const SmpPlan *plan, guint index)
{
	return g_ptr_array_index(plan->bundle->items, index);
}

guint smp_plan_chosen(const SmpPlan *plan, guint i)
{
	return g_array_index(plan->chosen, guint, i);
}

static SmpPlace place_in_recovery(const SmpPlan *plan, guint index)
{
	const SmpBundleItem *item = smp_plan_item(plan, index);
	const SmpImageSlot *slot = smp_image_state_find(plan->board->images, item->image, 0);

	if (!slot)
		return SMP_PLACE_ABSENT;
	/* MCUboot up to 1.9 lists no hash: what was uploaded has to be taken for what is there. */
	if (slot->hash.size == 0)
		return plan->attempt->items[index].uploads > 0 ? SMP_PLACE_PENDING
							       : SMP_PLACE_ABSENT;
	return smp_hash_equal(&slot->hash, &item->hash) ? SMP_PLACE_PENDING : SMP_PLACE_ABSENT;
}

/* While an image is on trial, the one it replaced comes back at the next reset; it is listed as
 * confirmed. */
static gboolean is_next(const SmpPlan *plan, const SmpImageSlot *slot, const SmpImageSlot *active)
{
	if (slot->pending)
		return TRUE;
	return slot->confirmed && active && !active->confirmed && smp_board_can_revert(plan->board);
}

/* What a network core runs cannot be read back: its slot is emptied when the image was handed over
 * (NCS, simultaneous multi-image update of nRF5340). */
gboolean smp_plan_is_hidden(const SmpPlan *plan, const SmpBundleItem *item)
{
	return item->network_core || item->bootloader ||
	       (item->image > 0 && !smp_board_running(plan->board, item->image));
}

/* After a reset, or where it was marked and is gone: then the board restarted by itself. Of a
 * bootloader the board may tell whether it runs. */
static gboolean was_handed_over(const SmpPlan *plan, guint index, const SmpImageSlot *slot)
{
	const SmpBundleItem *item = smp_plan_item(plan, index);

	if (item->bootloader && (plan->attempt->items[index].ran_before ||
				 (plan->board->b0_slot >= 0 && plan->board->b0_slot != item->slot)))
		return FALSE;
	if (plan->attempt->resets > 0)
		return !slot || !slot->pending;
	return !slot && plan->attempt->items[index].marks > 0;
}

SmpPlace smp_plan_place(const SmpPlan *plan, guint index)
{
	const SmpBundleItem *item = smp_plan_item(plan, index);

	if (plan->board->recovery)
		return place_in_recovery(plan, index);
	const SmpImageSlot *active = smp_board_running(plan->board, item->image);
	if (active && smp_hash_equal(&active->hash, &item->hash)) {
		/* Without revert `confirmed` says nothing: what runs stays. */
		return active->confirmed || !smp_board_can_revert(plan->board) ? SMP_PLACE_FINAL
									       : SMP_PLACE_TRIAL;
	}
	const SmpImageSlot *slot =
		smp_image_state_find_hash(plan->board->images, item->image, &item->hash);
	if (smp_plan_is_hidden(plan, item) && was_handed_over(plan, index, slot))
		return SMP_PLACE_FINAL;
	if (!slot)
		return SMP_PLACE_ABSENT;
	return is_next(plan, slot, active) ? SMP_PLACE_PENDING : SMP_PLACE_PRESENT;
}

/* Of files for one image, each linked for a slot, the one that is on the board already in a better
 * place, else the one for the free slot; of bootloaders the one that does not run. */
static gboolean is_better(const SmpPlan *plan, guint index, guint other)
{
	SmpPlace a = smp_plan_place(plan, index), b = smp_plan_place(plan, other);
	const SmpBundleItem *item = smp_plan_item(plan, index);
	int target = (int)smp_board_target_slot(plan->board, item->image);

	if (a != b)
		return a > b;
	return item->slot == (item->bootloader ? 1 - plan->board->b0_slot : target);
}

void smp_plan_choose(SmpPlan *plan)
{
	for (guint i = 0; i < plan->bundle->items->len; i++) {
		guint last = plan->chosen->len - 1;
		guint *before =
			plan->chosen->len ? &g_array_index(plan->chosen, guint, last) : NULL;

		if (!before || smp_plan_item(plan, *before)->image != smp_plan_item(plan, i)->image)
			g_array_append_val(plan->chosen, i);
		else if (is_better(plan, i, *before))
			*before = i;
	}
}

gboolean smp_plan_uses(const SmpBoard *board, const SmpBundle *bundle, guint index)
{
	g_autoptr(GArray) chosen = g_array_new(FALSE, FALSE, sizeof(guint));
	g_autofree SmpAttemptItem *items = g_new0(SmpAttemptItem, bundle->items->len);
	const SmpAttempt attempt = {.items = items};
	const SmpPolicy policy = {0};
	SmpPlan plan = {board, bundle, &policy, &attempt, NULL, chosen};

	if (!board->images)
		return FALSE;
	smp_plan_choose(&plan);
	for (guint i = 0; i < chosen->len; i++) {
		if (smp_plan_chosen(&plan, i) == index)
			return TRUE;
	}
	return FALSE;
}

gboolean smp_plan_any_is(const SmpPlan *plan, SmpPlace place)
{
	for (guint i = 0; i < plan->chosen->len; i++) {
		if (smp_plan_place(plan, smp_plan_chosen(plan, i)) == place)
			return TRUE;
	}
	return FALSE;
}

void smp_plan_settle(const SmpBoard *board, const SmpBundle *bundle, const SmpPolicy *policy,
		     SmpAttempt *attempt, SmpAction intent)
{
	g_autoptr(GArray) chosen = g_array_new(FALSE, FALSE, sizeof(guint));
	SmpPlan plan = {board, bundle, policy, attempt, NULL, chosen};

	if (!board->images)
		return;
	smp_plan_choose(&plan);
	/* As long as an image waits for the reset, there was none. Without marks they wait unsaid.
	 */
	if (intent == SMP_ACTION_RESET && !smp_plan_any_is(&plan, SMP_PLACE_PENDING) &&
	    !(board->no_marks && smp_plan_any_is(&plan, SMP_PLACE_PRESENT)))
		attempt->resets++;
	else if (intent == SMP_ACTION_UNDO && !smp_plan_any_is(&plan, SMP_PLACE_TRIAL))
		attempt->undos++;
	else if (intent == SMP_ACTION_ENTER_RECOVERY && board->recovery)
		attempt->recoveries++;
}

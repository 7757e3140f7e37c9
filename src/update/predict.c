/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The whole plan before anything is done: each step's effect on the board is predicted, and the
 * next step asked for. And what stands in its way. */

#include "update/plan-private.h"

/* More than any plan has; each image takes four steps at most. */
#define MAX_STEPS 80

static void step_free(gpointer data)
{
	smp_plan_step_clear(data);
	g_free(data);
}

static SmpImageSlot *find_slot(SmpImageState *state, const SmpBundleItem *item)
{
	return (SmpImageSlot *)smp_image_state_find_hash(state, item->image, &item->hash);
}

static void predict_upload(SmpBoard *board, const SmpBundleItem *item)
{
	guint number = smp_board_target_slot(board, item->image);
	SmpImageSlot *slot =
		(SmpImageSlot *)smp_image_state_find(board->images, item->image, number);

	if (slot)
		g_ptr_array_remove(board->images->slots, slot);
	slot = g_new0(SmpImageSlot, 1);
	*slot = (SmpImageSlot){
		.image = item->image,
		.slot = number,
		.version = g_strdup(item->version),
		.hash = item->hash,
		.has_flags = !board->recovery,
	};
	g_ptr_array_add(board->images->slots, slot);
}

static void predict_erase(SmpBoard *board, const SmpBundleItem *item)
{
	for (guint i = 0; i < board->images->slots->len; i++) {
		SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		if (slot->image == item->image && !slot->active)
			slot->pending = FALSE;
	}
}

/* The image starts; what ran becomes the fallback. Which slot it is in afterwards plays no part. */
static void predict_start(SmpBoard *board, const SmpBundleItem *item)
{
	SmpImageSlot *slot = find_slot(board->images, item);
	SmpImageSlot *old = (SmpImageSlot *)smp_image_state_find_active(board->images, item->image);
	gboolean trial = smp_board_can_revert(board) && slot && !slot->permanent;

	if (!slot || slot == old)
		return;
	if (item->bootloader) {
		g_ptr_array_remove(board->images->slots, slot);
		board->b0_slot = board->b0_slot < 0 ? -1 : item->slot;
		return;
	}
	if (old) {
		old->active = FALSE;
		old->confirmed = trial;
	}
	slot->pending = FALSE;
	slot->active = TRUE;
	slot->has_flags = TRUE;
	slot->confirmed = !trial;
}

static void predict(SmpBoard *board, const SmpBundle *bundle, const SmpPlanStep *step,
		    SmpAttempt *attempt)
{
	const SmpBundleItem *item = g_ptr_array_index(bundle->items, step->item);
	SmpAttemptItem *tried = &attempt->items[step->item];
	SmpImageSlot *slot = find_slot(board->images, item);

	switch (step->action) {
	case SMP_ACTION_ENTER_RECOVERY:
		attempt->recoveries++;
		board->recovery = TRUE;
		break;
	case SMP_ACTION_ERASE:
		predict_erase(board, item);
		break;
	case SMP_ACTION_UPLOAD:
		tried->uploads++;
		predict_upload(board, item);
		break;
	case SMP_ACTION_TEST:
	case SMP_ACTION_MAKE_PENDING:
		tried->marks++;
		if (slot) {
			slot->pending = TRUE;
			slot->permanent = step->action == SMP_ACTION_MAKE_PENDING;
		}
		break;
	case SMP_ACTION_RESET:
		attempt->resets++;
		for (guint i = 0; i < bundle->items->len; i++)
			predict_start(board, g_ptr_array_index(bundle->items, i));
		board->recovery = FALSE;
		break;
	case SMP_ACTION_CHECK_HEALTH:
		attempt->health = SMP_HEALTH_GOOD;
		break;
	case SMP_ACTION_CONFIRM:
		tried->confirms++;
		if (slot)
			slot->confirmed = TRUE;
		break;
	case SMP_ACTION_UNDO:
	case SMP_ACTION_END:
		break;
	}
}

GPtrArray *smp_plan_all(const SmpBoard *board, const SmpBundle *bundle, const SmpPolicy *policy)
{
	GPtrArray *steps = g_ptr_array_new_with_free_func(step_free);
	SmpBoard future = *board;
	g_autofree SmpAttemptItem *items = g_new0(SmpAttemptItem, bundle->items->len);
	SmpAttempt attempt = {.items = items};

	if (board->images)
		future.images = smp_image_state_copy(board->images);
	for (guint i = 0; i < MAX_STEPS; i++) {
		SmpPlanStep *step = g_new0(SmpPlanStep, 1);
		smp_plan_next(&future, bundle, policy, &attempt, step);
		g_ptr_array_add(steps, step);
		if (step->action == SMP_ACTION_END)
			break;
		predict(&future, bundle, step, &attempt);
	}
	if (board->images)
		smp_image_state_free(future.images);
	return steps;
}

GPtrArray *smp_plan_obstacles(const SmpBoard *board, const SmpBundle *bundle,
			      const SmpPolicy *policy)
{
	GPtrArray *obstacles = g_ptr_array_new_with_free_func(step_free);
	SmpPolicy lax = *policy;
	g_autofree SmpAttemptItem *items = g_new0(SmpAttemptItem, bundle->items->len);
	const SmpAttempt attempt = {.items = items};
	SmpInterlock interlock;

	do {
		SmpPlanStep *step = g_new0(SmpPlanStep, 1);
		smp_plan_next(board, bundle, &lax, &attempt, step);
		interlock = step->interlock;
		lax.allow |= interlock;
		if (step->action == SMP_ACTION_END && step->end == SMP_END_REFUSED)
			g_ptr_array_add(obstacles, step);
		else
			step_free(step);
	} while (interlock);
	return obstacles;
}

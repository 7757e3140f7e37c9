/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of the decision: where the images are, what forbids an update, what comes next. */

#include <smp/plan.h>

G_BEGIN_DECLS

/* Where an image of the bundle is on the board. */
typedef enum {
	SMP_PLACE_ABSENT,
	SMP_PLACE_PRESENT, /* in a slot, nothing will start it */
	SMP_PLACE_PENDING, /* the next reset starts it */
	SMP_PLACE_TRIAL,   /* it runs and the next reset undoes it */
	SMP_PLACE_FINAL,   /* it runs and stays */
} SmpPlace;

/* @chosen: indexes of the bundle's items that are for this board: of variants for several slots the
 * one for the free slot */
typedef struct {
	const SmpBoard *board;
	const SmpBundle *bundle;
	const SmpPolicy *policy;
	const SmpAttempt *attempt;
	SmpPlanStep *step;
	GArray *chosen;
} SmpPlan;

/* place.c */
void smp_plan_choose(SmpPlan *plan);
/* The index into the bundle of the @i-th chosen item. */
guint smp_plan_chosen(const SmpPlan *plan, guint i);
SmpPlace smp_plan_place(const SmpPlan *plan, guint index);
/* Whether a chosen item is there. */
gboolean smp_plan_any_is(const SmpPlan *plan, SmpPlace place);
const SmpBundleItem *smp_plan_item(const SmpPlan *plan, guint index);
/* Whether the board does not tell what runs of this image: another core does. */
gboolean smp_plan_is_hidden(const SmpPlan *plan, const SmpBundleItem *item);

/* Counts in @attempt the reset that had begun when the job was interrupted, if @board shows that it
 * was done. */
void smp_plan_settle(const SmpBoard *board, const SmpBundle *bundle, const SmpPolicy *policy,
		     SmpAttempt *attempt, SmpAction intent);

/* plan.c */
/* Returns: (transfer full): a sentence on what a board in recovery may start besides slot 0 */
char *smp_plan_recovery_outlook(const SmpBoard *board, guint image);

/* interlock.c: whether the update is refused, and then @plan->step says why */
gboolean smp_plan_refused(SmpPlan *plan);
/* Returns: (transfer full): what can go wrong with an image and is not known before it is sent, to
 * be appended to the reason; empty where nothing is */
char *smp_plan_doubt(const SmpPlan *plan, const SmpBundleItem *item);
/* The same for what is not known before the first step. */
gboolean smp_plan_refused_no_revert(SmpPlan *plan);

G_END_DECLS

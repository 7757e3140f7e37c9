/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/board.h>
#include <smp/bundle.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

typedef enum {
	SMP_UPDATE_TEST_AND_CONFIRM, /* try it, look at it, keep it */
	SMP_UPDATE_CONFIRM,	     /* keep it whatever it does: no trial */
	SMP_UPDATE_TEST_ONLY,	     /* leave it on trial */
	SMP_UPDATE_UPLOAD_ONLY,	     /* only put it into its slot */
} SmpUpdateMode;

/**
 * SmpPolicy: what is wanted and what is allowed.
 */
typedef struct {
	SmpUpdateMode mode;
	gboolean allow_downgrade;
	gboolean allow_no_revert;
	gboolean allow_padded;
} SmpPolicy;

/**
 * SmpAttemptItem: what this job already did for one image of the bundle.
 * @uploads, @marks, @confirms: how often the step was done
 * @ran: it was seen running
 */
typedef struct {
	guint uploads;
	guint marks;
	guint confirms;
	gboolean ran;
} SmpAttemptItem;

/**
 * SmpAttempt: what this job already did.
 * @resets: resets done; the board answered again after each
 * @confirm_denied: it confirms only what runs, so that a trial comes first
 * @items: one for each of the bundle's
 */
typedef struct {
	guint resets;
	gboolean confirm_denied;
	SmpAttemptItem *items;
} SmpAttempt;

typedef enum {
	SMP_ACTION_UPLOAD,
	SMP_ACTION_TEST,	 /* mark for a trial boot */
	SMP_ACTION_MAKE_PENDING, /* mark for good without a trial */
	SMP_ACTION_RESET,	 /* and wait for the board */
	SMP_ACTION_CONFIRM,	 /* keep the running image */
	SMP_ACTION_END,
} SmpAction;

/* How a job ends; exactly one of them. */
typedef enum {
	SMP_END_UPDATED,
	SMP_END_ON_TRIAL,
	SMP_END_UPLOADED,
	SMP_END_UP_TO_DATE,
	SMP_END_ROLLED_BACK,
	SMP_END_REFUSED,
	SMP_END_FAILED_INTACT,
	SMP_END_NEEDS_ATTENTION,
} SmpEnd;

/**
 * SmpPlanStep: what to do next, or how it ended.
 * @item: index into the bundle; for actions on one image
 * @reason: why, for a person; at the end the result in a sentence
 * @detail: (nullable): at the end what it means and what to do
 */
typedef struct {
	SmpAction action;
	guint item;
	SmpEnd end;
	char *reason;
	char *detail;
} SmpPlanStep;

void smp_plan_step_clear(SmpPlanStep *step);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SmpPlanStep, smp_plan_step_clear)

const char *smp_action_name(SmpAction action);
const char *smp_end_name(SmpEnd end);

/**
 * smp_plan_next:
 *
 * A pure function of its arguments: what to do next so that @board comes to run @bundle as @policy
 * wants it, given what was already tried.
 */
void smp_plan_next(const SmpBoard *board, const SmpBundle *bundle, const SmpPolicy *policy,
		   const SmpAttempt *attempt, SmpPlanStep *step);

G_END_DECLS
#pragma GCC visibility pop

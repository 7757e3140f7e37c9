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

/* "test-and-confirm", "confirm", "test-only", "upload-only" */
const char *smp_update_mode_name(SmpUpdateMode mode);
/* FALSE for anything else. */
gboolean smp_update_mode_parse(const char *text, SmpUpdateMode *mode);

/**
 * SmpInterlock: what an update is refused for, unless exactly that is allowed. Bits of a mask.
 * @SMP_INTERLOCK_DOWNGRADE: older than what runs, by version or security counter
 * @SMP_INTERLOCK_NO_REVERT: a trial is wanted and this bootloader has none
 * @SMP_INTERLOCK_PADDED: made with `imgtool sign --pad`: it would start by itself
 * @SMP_INTERLOCK_NOT_BOOTABLE: the header says that it is not to be started
 * @SMP_INTERLOCK_TOO_LARGE: larger than its slot
 * @SMP_INTERLOCK_WRONG_SLOT: linked for another slot than the free one, or for another
 *   address than it says
 * @SMP_INTERLOCK_NETWORK_CORE: a network core's image and a bootloader that swaps
 * @SMP_INTERLOCK_PENDING: another image waits for the next reset and would be lost
 * @SMP_INTERLOCK_UNSIGNED: not signed by any of the given keys
 * @SMP_INTERLOCK_WRONG_BOARD: made for another board or SoC
 * @SMP_INTERLOCK_DEPENDENCY: needs another image in a version that will not be there
 * @SMP_INTERLOCK_CONCURRENT: another update of the board is going on; the journal knows, not the
 * plan
 */
typedef enum {
	SMP_INTERLOCK_NONE = 0,
	SMP_INTERLOCK_DOWNGRADE = 1 << 0,
	SMP_INTERLOCK_NO_REVERT = 1 << 1,
	SMP_INTERLOCK_PADDED = 1 << 2,
	SMP_INTERLOCK_NOT_BOOTABLE = 1 << 3,
	SMP_INTERLOCK_TOO_LARGE = 1 << 4,
	SMP_INTERLOCK_WRONG_SLOT = 1 << 5,
	SMP_INTERLOCK_NETWORK_CORE = 1 << 6,
	SMP_INTERLOCK_PENDING = 1 << 7,
	SMP_INTERLOCK_UNSIGNED = 1 << 8,
	SMP_INTERLOCK_WRONG_BOARD = 1 << 9,
	SMP_INTERLOCK_DEPENDENCY = 1 << 10,
	SMP_INTERLOCK_CONCURRENT = 1 << 11,
} SmpInterlock;

/* "downgrade"; the option that overrides it is --allow-downgrade. */
const char *smp_interlock_name(SmpInterlock interlock);

typedef enum {
	SMP_ACTION_ENTER_RECOVERY, /* restart into MCUboot's serial recovery */
	SMP_ACTION_ERASE,	   /* empty the slot of an image that is pending */
	SMP_ACTION_UPLOAD,
	SMP_ACTION_TEST,	 /* mark for a trial boot */
	SMP_ACTION_MAKE_PENDING, /* mark for good without a trial */
	SMP_ACTION_RESET,	 /* and wait for the board */
	SMP_ACTION_CHECK_HEALTH,
	SMP_ACTION_CONFIRM, /* keep the running image */
	SMP_ACTION_UNDO,    /* reset without confirming, so that the old image comes back */
	SMP_ACTION_END,
} SmpAction;

/**
 * SmpPolicy: what is wanted and what is allowed.
 * @allow: mask of #SmpInterlock
 * @health_check: the running new image has to pass one before it is kept
 * @via_recovery: install through MCUboot's serial recovery, entered from the application
 * @stop_before: the action before which to stop; %SMP_ACTION_END for none
 */
typedef struct {
	SmpUpdateMode mode;
	guint allow;
	gboolean health_check;
	gboolean via_recovery;
	SmpAction stop_before;
} SmpPolicy;

typedef enum {
	SMP_HEALTH_UNKNOWN,
	SMP_HEALTH_GOOD,
	SMP_HEALTH_BAD,
} SmpHealth;

/**
 * SmpAttemptItem: what this job already did for one image of the bundle.
 * @uploads, @marks, @confirms: how often the step was done
 * @ran: it was seen running
 * @ran_before: it ran, for good, when the job began; a bootloader: the same variant did
 */
typedef struct {
	guint uploads;
	guint marks;
	guint confirms;
	gboolean ran;
	gboolean ran_before;
} SmpAttemptItem;

/**
 * SmpAttempt: what this job already did; what the journal holds.
 * @resets: resets done with everything marked; the board answered again after each
 * @undos: resets done to undo a trial
 * @recoveries: resets done to enter recovery
 * @confirm_denied: the server confirms only what runs, so that a trial comes first
 * @items: one for each of the bundle's
 */
typedef struct {
	guint resets;
	guint undos;
	guint recoveries;
	gboolean confirm_denied;
	SmpHealth health;
	SmpAttemptItem *items;
} SmpAttempt;

/* How a job ends; exactly one of them. */
typedef enum {
	SMP_END_UPDATED,
	SMP_END_ON_TRIAL,
	SMP_END_UPLOADED, /* in its slot or pending, as far as was asked for */
	SMP_END_UP_TO_DATE,
	SMP_END_ROLLED_BACK,
	SMP_END_REFUSED,
	SMP_END_FAILED_INTACT,
	SMP_END_NEEDS_ATTENTION,
} SmpEnd;

/**
 * SmpPlanStep: what to do next, or how it ended.
 * @item: index into the bundle; for actions on one image
 * @end: at the end
 * @interlock: what was refused; %SMP_INTERLOCK_NONE where nothing overrides the refusal
 * @reason: why, for a person; at the end the result in a sentence
 * @detail: (nullable): at the end what it means and what to do
 */
typedef struct {
	SmpAction action;
	guint item;
	SmpEnd end;
	SmpInterlock interlock;
	char *reason;
	char *detail;
} SmpPlanStep;

void smp_plan_step_clear(SmpPlanStep *step);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SmpPlanStep, smp_plan_step_clear)

/* "upload", "make-pending"…; the same words are accepted by smp_action_parse(). */
const char *smp_action_name(SmpAction action);
/* FALSE for anything else. */
gboolean smp_action_parse(const char *text, SmpAction *action);
/* Only for what an update may be stopped before on purpose: "upload", "test", "reset", "confirm".
 */
gboolean smp_action_parse_stop(const char *text, SmpAction *action);
/* "updated", "rolled-back"…: what --json prints */
const char *smp_end_name(SmpEnd end);
/* FALSE for anything else. */
gboolean smp_end_parse(const char *text, SmpEnd *end);

/**
 * smp_plan_next:
 *
 * A pure function of its arguments: what to do next so that @board comes to run @bundle as @policy
 * wants it, given what was already tried.
 */
void smp_plan_next(const SmpBoard *board, const SmpBundle *bundle, const SmpPolicy *policy,
		   const SmpAttempt *attempt, SmpPlanStep *step);

/**
 * smp_plan_obstacles:
 *
 * All that smp_plan_next() would refuse the update for, one after the other.
 *
 * Returns: (transfer full) (element-type SmpPlanStep): ends that are refusals; the last one has no
 * interlock where something stands in the way that nothing overrides
 */
GPtrArray *smp_plan_obstacles(const SmpBoard *board, const SmpBundle *bundle,
			      const SmpPolicy *policy);

/* Whether this item of the bundle is for @board: of variants for several slots one is. */
gboolean smp_plan_uses(const SmpBoard *board, const SmpBundle *bundle, guint index);

/**
 * smp_plan_all:
 *
 * What smp_plan_next() would say step by step if every step went well: the plan before anything is
 * done. The last step is the end.
 *
 * Returns: (transfer full) (element-type SmpPlanStep)
 */
GPtrArray *smp_plan_all(const SmpBoard *board, const SmpBundle *bundle, const SmpPolicy *policy);

G_END_DECLS
#pragma GCC visibility pop

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decision what to do next: a pure function of what is seen, wanted, allowed and was tried. */

#include "update/plan-private.h"

#include <string.h>

#define MAX_RESETS 2 /* where the first one installed only a part */
#define MAX_UNDOS  3

void smp_plan_step_clear(SmpPlanStep *step)
{
	g_clear_pointer(&step->reason, g_free);
	g_clear_pointer(&step->detail, g_free);
}

static const SmpAttemptItem *tried(const SmpPlan *plan, guint index)
{
	return &plan->attempt->items[index];
}

static const char *running_version(const SmpPlan *plan, guint image)
{
	const SmpImageSlot *slot = smp_board_running(plan->board, image);
	return slot ? slot->version : "nothing";
}

static void act(SmpPlan *plan, SmpAction action, guint index, char *reason)
{
	*plan->step = (SmpPlanStep){.action = action, .item = index, .reason = reason};
}

/* An image that this job brought in, for good. */
static gboolean any_installed(const SmpPlan *plan)
{
	for (guint i = 0; i < plan->chosen->len; i++) {
		guint index = smp_plan_chosen(plan, i);
		if (smp_plan_place(plan, index) == SMP_PLACE_FINAL &&
		    !tried(plan, index)->ran_before)
			return TRUE;
	}
	return FALSE;
}

/* Takes both texts. Nothing is as before where a part of the update is in. */
static void end(SmpPlan *plan, SmpEnd how, char *reason, char *detail)
{
	if ((how == SMP_END_FAILED_INTACT || how == SMP_END_ROLLED_BACK) &&
	    (smp_plan_any_is(plan, SMP_PLACE_TRIAL) || any_installed(plan)))
		how = SMP_END_NEEDS_ATTENTION;
	*plan->step = (SmpPlanStep){
		.action = SMP_ACTION_END, .end = how, .reason = reason, .detail = detail};
}

static gboolean all_at_least(const SmpPlan *plan, SmpPlace wanted)
{
	for (guint i = 0; i < plan->chosen->len; i++) {
		if (smp_plan_place(plan, smp_plan_chosen(plan, i)) < wanted)
			return FALSE;
	}
	return TRUE;
}

/* "image 0 runs 1.3.0; image 1 runs 2.0.0, confirmed" */
static char *story(const SmpPlan *plan, const char *verb, const char *state)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < plan->chosen->len; i++) {
		const SmpBundleItem *item = smp_plan_item(plan, smp_plan_chosen(plan, i));
		g_autofree char *image = item->bootloader
						 ? g_strdup("the bootloader")
						 : g_strdup_printf("image %u", item->image);
		g_string_append_printf(text, "%s%s %s %s", i ? "; " : "", image, verb,
				       item->version);
	}
	g_string_append(text, state);
	return g_string_free(text, FALSE);
}

static gboolean did_something(const SmpPlan *plan)
{
	if (plan->attempt->resets + plan->attempt->undos > 0)
		return TRUE;
	for (guint i = 0; i < plan->bundle->items->len; i++) {
		const SmpAttemptItem *item = tried(plan, i);
		if (item->uploads + item->marks + item->confirms > 0)
			return TRUE;
	}
	return FALSE;
}

static char *bootloader_text(const SmpPlan *plan, const SmpBundleItem *item)
{
	return plan->board->b0_slot < 0
		       ? g_strdup("The board does not tell which variant runs now: one that is "
				  "older, for the other variant or signed with another key was "
				  "not taken over.")
		       : g_strdup_printf("The board starts variant s%d of its bootloader now.",
					 item->slot);
}

/* NULL where all that was installed was seen running. */
static char *hidden_text(const SmpPlan *plan)
{
	for (guint i = 0; i < plan->chosen->len; i++) {
		const SmpBundleItem *item = smp_plan_item(plan, smp_plan_chosen(plan, i));
		if (item->bootloader)
			return bootloader_text(plan, item);
		if (smp_plan_is_hidden(plan, item))
			return g_strdup_printf(
				"Image %u was handed to another core, which does not "
				"tell what it runs.",
				item->image);
	}
	return NULL;
}

static void end_final(SmpPlan *plan)
{
	gboolean revert = smp_board_can_revert(plan->board);
	gboolean is_bootloader = smp_plan_item(plan, smp_plan_chosen(plan, 0))->bootloader;
	const char *state = revert && !is_bootloader ? ", confirmed" : "";
	const char *verb = is_bootloader && plan->board->b0_slot < 0 ? "was handed" : "runs";

	if (plan->attempt->health == SMP_HEALTH_BAD)
		end(plan, SMP_END_NEEDS_ATTENTION,
		    story(plan, "runs", " and failed its health check"),
		    g_strdup("This bootloader cannot undo it. Install an image that works with "
			     "`smpctl update`."));
	else if (did_something(plan))
		end(plan, SMP_END_UPDATED, story(plan, verb, state), hidden_text(plan));
	else
		end(plan, SMP_END_UP_TO_DATE,
		    story(plan, "runs", revert ? " already, confirmed" : " already"), NULL);
}

static void end_undone(SmpPlan *plan, const SmpBundleItem *item, guint index)
{
	const char *old = running_version(plan, item->image);
	const char *why =
		plan->attempt->health == SMP_HEALTH_BAD
			? "It failed its health check and was not confirmed."
		: tried(plan, index)->ran
			? "It ran, but the board was reset before it was confirmed. Probably it "
			  "crashed."
			: "It did not answer SMP. Probably it crashed, or it was reset before it "
			  "was confirmed.";

	end(plan, SMP_END_ROLLED_BACK,
	    g_strdup_printf("image %u runs %s again; %s was started and undone", item->image, old,
			    item->version),
	    g_strdup_printf("%s Nothing is lost: the board works as before.", why));
}

/* Direct XIP and RAM load with revert erase an image that was started and not confirmed; only they
 * run anything in slot 1. */
static gboolean erases_undone(const SmpPlan *plan, const SmpBundleItem *item)
{
	const SmpImageSlot *slot = smp_board_running(plan->board, item->image);

	return !plan->board->no_marks &&
	       (plan->board->mode == SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT ||
		plan->board->mode == SMP_BOOTLOADER_MODE_RAM_LOAD || (slot && slot->slot == 1));
}

/* It is in no slot any more. */
static void end_gone(SmpPlan *plan, const SmpBundleItem *item, guint index, const char *old)
{
	if (plan->attempt->health == SMP_HEALTH_BAD || tried(plan, index)->ran)
		end_undone(plan, item, index);
	else if (erases_undone(plan, item))
		end(plan, SMP_END_ROLLED_BACK,
		    g_strdup_printf("image %u runs %s as before; %s is gone", item->image, old,
				    item->version),
		    g_strdup("The bootloader did not accept it (another key, older than it "
			     "allows, damaged in the slot), or it crashed when it was started. "
			     "Nothing is lost: the board works as before."));
	else
		end(plan, SMP_END_ROLLED_BACK,
		    g_strdup_printf("image %u runs %s as before; the bootloader did not accept %s",
				    item->image, old, item->version),
		    g_strdup("Probably it is signed with another key, older than the bootloader "
			     "allows, or was damaged in its slot. Nothing is lost: the board works "
			     "as before."));
}

static void end_not_taken(SmpPlan *plan, const SmpBundleItem *item)
{
	end(plan, SMP_END_ROLLED_BACK,
	    g_strdup_printf("the bootloader did not take %s over", item->name),
	    g_strdup("The one that was there stays. Probably the new one is older, signed with "
		     "another key, or for another board. Nothing is lost: the board works as "
		     "before."));
}

/* After a reset: the image that is not where the reset should have brought it. */
static void end_not_started(SmpPlan *plan, guint index)
{
	const SmpBundleItem *item = smp_plan_item(plan, index);
	const char *old = running_version(plan, item->image);
	SmpPlace where = smp_plan_place(plan, index);

	if (item->bootloader && where != SMP_PLACE_PENDING)
		end_not_taken(plan, item);
	else if (plan->board->recovery)
		end(plan, SMP_END_NEEDS_ATTENTION,
		    g_strdup_printf(
			    "image %u: the board stays in MCUboot's recovery after the reset",
			    item->image),
		    g_strdup("The bootloader found no image that it may start: wrong key, or built "
			     "for another board or slot. Upload one that it accepts."));
	else if (where == SMP_PLACE_PENDING)
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup_printf("image %u runs %s as before; %s is still pending", item->image,
				    old, item->version),
		    g_strdup("The bootloader did not install it: another image that it depends on "
			     "is missing or too old. The check is repeated at every reset."));
	else if (where == SMP_PLACE_PRESENT && !plan->board->no_marks)
		end_undone(plan, item, index);
	else if (where == SMP_PLACE_PRESENT)
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup_printf("image %u runs %s as before; %s was not started", item->image,
				    old, item->version),
		    g_strdup("This bootloader starts the highest version that it accepts, wherever "
			     "it is."));
	else
		end_gone(plan, item, index, old);
}

/* "image 0 runs 1.3.0, image 1 runs 2.0.0": some old, some new. */
static void end_mixed(SmpPlan *plan)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < plan->chosen->len; i++) {
		const SmpBundleItem *item = smp_plan_item(plan, smp_plan_chosen(plan, i));
		gboolean hidden = smp_plan_is_hidden(plan, item);
		g_string_append_printf(text, "%simage %u %s %s", i ? ", " : "", item->image,
				       hidden ? "was given" : "runs",
				       hidden ? item->version : running_version(plan, item->image));
	}
	end(plan, SMP_END_NEEDS_ATTENTION, g_string_free(text, FALSE),
	    g_strdup("Only a part of the update is in. Run the same command again to bring the "
		     "rest."));
}

static void end_reset_failed(SmpPlan *plan)
{
	if (any_installed(plan)) {
		end_mixed(plan);
		return;
	}
	for (guint i = 0; i < plan->chosen->len; i++) {
		guint index = smp_plan_chosen(plan, i);
		if (smp_plan_place(plan, index) < SMP_PLACE_TRIAL) {
			end_not_started(plan, index);
			return;
		}
	}
}

/* What a recovery lists it has validated (MCUboot boot_serial.c), but for the rest of an image that
 * was cut off: that has zeros for a hash. */
static const SmpImageSlot *startable(const SmpBoard *board, guint image, guint number)
{
	static const SmpHash none;
	const SmpImageSlot *slot = smp_image_state_find(board->images, image, number);

	gboolean whole = slot && (slot->hash.size == 0 ||
				  memcmp(slot->hash.data, none.data, slot->hash.size) != 0);

	return whole ? slot : NULL;
}

char *smp_plan_recovery_outlook(const SmpBoard *board, guint image)
{
	const SmpImageSlot *slot = startable(board, image, 1);

	return slot ? g_strdup_printf("Slot 1 holds %s: `smpctl reset` starts that if the "
				      "bootloader starts either slot (direct XIP, RAM load).",
				      slot->version)
		    : g_strdup("It lists no other image that it could start.");
}

static void end_not_accepted(SmpPlan *plan, const SmpBundleItem *item)
{
	g_autofree char *outlook = smp_plan_recovery_outlook(plan->board, item->image);

	end(plan, SMP_END_NEEDS_ATTENTION,
	    g_strdup_printf("image %u: the bootloader does not accept %s", item->image, item->name),
	    g_strdup_printf("It took all of it and does not list it: signed with another key, or "
			    "built for another board or slot. %s Otherwise it needs an image that "
			    "it accepts.",
			    outlook));
}

/* The board took all of it and does not have it. */
static void end_not_listed(SmpPlan *plan, const SmpBundleItem *item)
{
	if (plan->board->recovery)
		end_not_accepted(plan, item);
	else
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup_printf("image %u: the board took all of %s twice and does not list it",
				    item->image, item->name),
		    g_strdup_printf("It runs %s. What it received does not have the image's hash.",
				    running_version(plan, item->image)));
}

static gboolean slot_is_pending(const SmpPlan *plan, guint image)
{
	const SmpImageSlot *slot = smp_image_state_find(plan->board->images, image,
							smp_board_target_slot(plan->board, image));
	return !plan->board->recovery && slot && slot->pending && !slot->active;
}

/* What waits in the slot would start at any reset. */
static gboolean plan_erase(SmpPlan *plan, guint index)
{
	guint image = smp_plan_item(plan, index)->image;

	if (smp_plan_place(plan, index) != SMP_PLACE_ABSENT || !slot_is_pending(plan, image))
		return FALSE;
	act(plan, SMP_ACTION_ERASE, index,
	    g_strdup_printf("image %u: another image is pending in its slot", image));
	return TRUE;
}

static void act_upload(SmpPlan *plan, guint index)
{
	const SmpBundleItem *item = smp_plan_item(plan, index);
	g_autofree char *doubt = smp_plan_doubt(plan, item);

	act(plan, SMP_ACTION_UPLOAD, index,
	    item->bootloader
		    ? g_strdup_printf("variant s%d of the bootloader is to become %s", item->slot,
				      item->version)
		    : g_strdup_printf("image %u is to become %s and the board does not have it%s",
				      item->image, item->version, doubt));
}

static void plan_upload(SmpPlan *plan, guint index)
{
	const SmpBundleItem *item = smp_plan_item(plan, index);
	/* Recovery lists what it would start: once more would not change its mind. */
	guint tries = plan->board->recovery ? 1 : 2;

	if (!item->firmware)
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup_printf("image %u: the board does not have %s any more", item->image,
				    item->version),
		    g_strdup_printf("It runs %s.", running_version(plan, item->image)));
	else if (tried(plan, index)->uploads >= tries)
		end_not_listed(plan, item);
	else if (!plan_erase(plan, index))
		act_upload(plan, index);
}

static void plan_mark(SmpPlan *plan, guint index)
{
	const SmpBundleItem *item = smp_plan_item(plan, index);
	/* MCUboot has no trial of itself (NCS, samples/dfu/encrypted_bootloader). */
	gboolean direct = (plan->policy->mode == SMP_UPDATE_CONFIRM || item->bootloader) &&
			  !plan->attempt->confirm_denied;

	if (tried(plan, index)->marks >= 2)
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup_printf("image %u runs %s as before", item->image,
				    running_version(plan, item->image)),
		    g_strdup("The board took the mark for the new image and does not show it."));
	else
		act(plan, direct ? SMP_ACTION_MAKE_PENDING : SMP_ACTION_TEST, index,
		    g_strdup_printf("image %u is in its slot and the next reset is to %s it",
				    item->image, direct ? "install" : "try"));
}

/* Before the reset: everything into its slot, then everything marked, image 0 last: some
 * bootloaders skip the network core otherwise (NCS 2.6 to 3.4, NCSDK-34106). */
static void plan_install(SmpPlan *plan)
{
	guint n = plan->chosen->len;

	for (guint i = 0; i < n; i++) {
		guint index = smp_plan_chosen(plan, i);
		if (smp_plan_place(plan, index) == SMP_PLACE_ABSENT) {
			plan_upload(plan, index);
			return;
		}
	}
	if (plan->policy->mode == SMP_UPDATE_UPLOAD_ONLY) {
		end(plan, SMP_END_UPLOADED, story(plan, "has", " in its slot"), NULL);
		return;
	}
	for (guint i = n; i-- > 0 && !plan->board->no_marks && !plan->board->recovery;) {
		guint index = smp_plan_chosen(plan, i);
		if (smp_plan_place(plan, index) == SMP_PLACE_PRESENT) {
			plan_mark(plan, index);
			return;
		}
	}
	act(plan, SMP_ACTION_RESET, smp_plan_chosen(plan, 0),
	    g_strdup("the bootloader installs at a reset"));
}

static void plan_confirm(SmpPlan *plan)
{
	for (guint i = plan->chosen->len; i-- > 0;) {
		guint index = smp_plan_chosen(plan, i);
		if (smp_plan_place(plan, index) != SMP_PLACE_TRIAL)
			continue;
		if (tried(plan, index)->confirms < 2)
			act(plan, SMP_ACTION_CONFIRM, index,
			    g_strdup_printf("image %u runs and is to stay",
					    smp_plan_item(plan, index)->image));
		else
			end(plan, SMP_END_ON_TRIAL, story(plan, "runs", " on trial"),
			    g_strdup("The board took the confirmation and does not show it: the "
				     "next reset may undo the update."));
		return;
	}
}

static gboolean wants_health(const SmpPlan *plan)
{
	return plan->policy->health_check && plan->attempt->health == SMP_HEALTH_UNKNOWN;
}

/* All of it runs, some on trial. */
static void plan_trial(SmpPlan *plan)
{
	if (wants_health(plan))
		act(plan, SMP_ACTION_CHECK_HEALTH, smp_plan_chosen(plan, 0),
		    g_strdup("the new image runs; is it well?"));
	else if (plan->attempt->health == SMP_HEALTH_BAD && plan->attempt->undos == 0)
		act(plan, SMP_ACTION_UNDO, smp_plan_chosen(plan, 0),
		    g_strdup("the health check failed; a reset brings the old image back"));
	else if (plan->attempt->health == SMP_HEALTH_BAD)
		end(plan, SMP_END_NEEDS_ATTENTION,
		    story(plan, "runs", " although it failed its health check"),
		    g_strdup("A reset did not undo it. It is not confirmed."));
	else if (plan->policy->mode == SMP_UPDATE_TEST_ONLY ||
		 plan->policy->mode == SMP_UPDATE_UPLOAD_ONLY)
		end(plan, SMP_END_ON_TRIAL, story(plan, "runs", " on trial"),
		    g_strdup("The next reset undoes it unless it is confirmed: "
			     "`smpctl confirm`."));
	else
		plan_confirm(plan);
}

/* Recovery is asked for and the application runs. */
static gboolean plan_recovery(SmpPlan *plan)
{
	if (!plan->policy->via_recovery || plan->board->recovery || plan->attempt->resets > 0)
		return FALSE;
	if (plan->attempt->recoveries > 0)
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup("the board restarted into its application, not into recovery"),
		    g_strdup("Its firmware ignores the boot mode: it needs "
			     "CONFIG_MCUMGR_GRP_OS_RESET_BOOT_MODE and a bootloader built with "
			     "CONFIG_BOOT_SERIAL_BOOT_MODE."));
	else
		act(plan, SMP_ACTION_ENTER_RECOVERY, smp_plan_chosen(plan, 0),
		    g_strdup("the image is to be installed by MCUboot's recovery"));
	return TRUE;
}

/* A reset found only some of the images marked, and started those. Marking the others now would
 * undo these: first all go back, which takes a second reset where the others were marked. */
static void plan_half(SmpPlan *plan)
{
	for (guint i = 0; i < plan->chosen->len; i++) {
		if (plan_erase(plan, smp_plan_chosen(plan, i)))
			return;
	}
	if (plan->attempt->undos < MAX_UNDOS)
		act(plan, SMP_ACTION_UNDO, smp_plan_chosen(plan, 0),
		    g_strdup("only some of the images started; a reset brings the old ones back"));
	else
		end_mixed(plan);
}

/* The reset was done and did not bring the update about. Where some images are in already and stay,
 * the others are brought after them. */
static gboolean is_over(const SmpPlan *plan)
{
	if (plan->attempt->health == SMP_HEALTH_BAD && plan->attempt->undos > 0)
		return TRUE;
	return plan->attempt->resets > 0 &&
	       !(any_installed(plan) && plan->attempt->resets < MAX_RESETS);
}

static void decide(SmpPlan *plan)
{
	if (smp_plan_refused(plan))
		return;
	if (all_at_least(plan, SMP_PLACE_FINAL)) {
		if (wants_health(plan) && did_something(plan))
			plan_trial(plan);
		else
			end_final(plan);
	} else if (all_at_least(plan, SMP_PLACE_TRIAL)) {
		plan_trial(plan);
	} else if (smp_plan_any_is(plan, SMP_PLACE_TRIAL) &&
		   plan->policy->mode != SMP_UPDATE_UPLOAD_ONLY) {
		plan_half(plan);
	} else if (is_over(plan)) {
		end_reset_failed(plan);
	} else if (!plan_recovery(plan) &&
		   (did_something(plan) || !smp_plan_refused_no_revert(plan))) {
		plan_install(plan);
	}
}

static void stop(SmpPlan *plan)
{
	g_autofree char *reason = plan->step->reason;
	SmpAction action = plan->step->action;

	end(plan, all_at_least(plan, SMP_PLACE_TRIAL) ? SMP_END_ON_TRIAL : SMP_END_UPLOADED,
	    g_strdup_printf("stopped before the step “%s”, as asked", smp_action_name(action)),
	    g_strdup_printf("Next: %s. `smpctl resume` goes on.", reason));
}

void smp_plan_next(const SmpBoard *board, const SmpBundle *bundle, const SmpPolicy *policy,
		   const SmpAttempt *attempt, SmpPlanStep *step)
{
	g_autoptr(GArray) chosen = g_array_new(FALSE, FALSE, sizeof(guint));
	SmpPlan plan = {board, bundle, policy, attempt, step, chosen};

	if (board->images)
		smp_plan_choose(&plan);
	decide(&plan);
	if (step->action != SMP_ACTION_END && step->action == policy->stop_before)
		stop(&plan);
}

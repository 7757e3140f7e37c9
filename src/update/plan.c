/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decision what to do next: a pure function of what is seen, wanted, allowed and was tried.
 * MCUboot's states: protocol facts in MCUboot docs/design.md, Zephyr img_mgmt_state.c. */

#include <smp/plan.h>

/* Where an image of the bundle is on the board. */
typedef enum {
	ABSENT,
	PRESENT, /* in a slot, nothing will start it */
	PENDING, /* the next reset starts it */
	TRIAL,	 /* it runs and the next reset undoes it */
	FINAL,	 /* it runs and stays */
} Place;

typedef struct {
	const SmpBoard *board;
	const SmpBundle *bundle;
	const SmpPolicy *policy;
	const SmpAttempt *attempt;
	SmpPlanStep *step;
} Plan;

void smp_plan_step_clear(SmpPlanStep *step)
{
	g_clear_pointer(&step->reason, g_free);
	g_clear_pointer(&step->detail, g_free);
}

const char *smp_action_name(SmpAction action)
{
	static const char *const names[] = {
		[SMP_ACTION_UPLOAD] = "upload",
		[SMP_ACTION_TEST] = "test",
		[SMP_ACTION_MAKE_PENDING] = "make-pending",
		[SMP_ACTION_RESET] = "reset",
		[SMP_ACTION_CONFIRM] = "confirm",
		[SMP_ACTION_END] = "end",
	};
	return names[action];
}

const char *smp_end_name(SmpEnd end)
{
	static const char *const names[] = {
		[SMP_END_UPDATED] = "updated",
		[SMP_END_ON_TRIAL] = "on-trial",
		[SMP_END_UPLOADED] = "uploaded",
		[SMP_END_UP_TO_DATE] = "up-to-date",
		[SMP_END_ROLLED_BACK] = "rolled-back",
		[SMP_END_REFUSED] = "refused",
		[SMP_END_FAILED_INTACT] = "failed-intact",
		[SMP_END_NEEDS_ATTENTION] = "needs-attention",
	};
	return names[end];
}

static const SmpBundleItem *item_at(const Plan *plan, guint index)
{
	return g_ptr_array_index(plan->bundle->items, index);
}

static char *version_of(const SmpBundleItem *item)
{
	return smp_version_to_string(&item->firmware->version);
}

/* The slot whose image runs. Recovery runs nothing: what it will start lies in the primary slot. */
static const SmpImageSlot *running(const Plan *plan, guint image)
{
	const SmpImageState *images = plan->board->images;

	return plan->board->recovery ? smp_image_state_find(images, image, 0)
				     : smp_image_state_find_active(images, image);
}

static const char *running_version(const Plan *plan, guint image)
{
	const SmpImageSlot *slot = running(plan, image);
	return slot ? slot->version : "nothing";
}

/* The slot an update of this image goes to. */
static guint target_slot(const Plan *plan, guint image)
{
	const SmpImageSlot *slot = running(plan, image);
	return plan->board->recovery ? 0 : slot ? 1 - MIN(slot->slot, 1) : 1;
}

static Place place_in_recovery(const Plan *plan, guint index)
{
	const SmpBundleItem *item = item_at(plan, index);
	const SmpImageSlot *slot = smp_image_state_find(plan->board->images, item->image, 0);

	if (!slot)
		return ABSENT;
	/* MCUboot up to 1.9 lists no hash: what was uploaded has to be taken for what is there. */
	if (slot->hash.size == 0)
		return plan->attempt->items[index].uploads > 0 ? PENDING : ABSENT;
	return smp_hash_equal(&slot->hash, &item->firmware->hash) ? PENDING : ABSENT;
}

static Place place(const Plan *plan, guint index)
{
	const SmpBundleItem *item = item_at(plan, index);
	const SmpImageState *images = plan->board->images;

	if (plan->board->recovery)
		return place_in_recovery(plan, index);
	const SmpImageSlot *active = running(plan, item->image);
	if (active && smp_hash_equal(&active->hash, &item->firmware->hash)) {
		/* Without revert `confirmed` says nothing: what runs stays. */
		return active->confirmed || !smp_board_can_revert(plan->board) ? FINAL : TRIAL;
	}
	const SmpImageSlot *slot =
		smp_image_state_find_hash(images, item->image, &item->firmware->hash);
	if (!slot)
		return ABSENT;
	return slot->pending ? PENDING : PRESENT;
}

static void act(Plan *plan, SmpAction action, guint index, char *reason)
{
	*plan->step = (SmpPlanStep){.action = action, .item = index, .reason = reason};
}

static void end(Plan *plan, SmpEnd how, char *reason, char *detail)
{
	*plan->step = (SmpPlanStep){
		.action = SMP_ACTION_END, .end = how, .reason = reason, .detail = detail};
}

static gboolean refuse(Plan *plan, char *reason, const char *detail)
{
	end(plan, SMP_END_REFUSED, reason, g_strdup(detail));
	return TRUE;
}

static gboolean knows_image(const SmpBoard *board, guint image)
{
	for (guint i = 0; board->slots && i < board->slots->len; i++) {
		if (((SmpSlotInfo *)g_ptr_array_index(board->slots, i))->image == image)
			return TRUE;
	}
	for (guint i = 0; i < board->images->slots->len; i++) {
		if (((SmpImageSlot *)g_ptr_array_index(board->images->slots, i))->image == image)
			return TRUE;
	}
	/* Recovery lists valid images only. */
	return image == 0 || board->recovery;
}

static gboolean refuse_file(Plan *plan, const SmpBundleItem *item)
{
	const SmpFirmware *firmware = item->firmware;
	guint64 room =
		smp_board_slot_size(plan->board, item->image, target_slot(plan, item->image));

	if (!knows_image(plan->board, item->image))
		return refuse(plan,
			      g_strdup_printf("%s is for image %u and the board has no image %u",
					      firmware->name, item->image, item->image),
			      "`smpctl image list` shows which images it has; -n chooses one.");
	if (room > 0 && g_bytes_get_size(firmware->bytes) > room)
		return refuse(plan,
			      g_strdup_printf("%s has %" G_GSIZE_FORMAT
					      " bytes and the slot takes %" G_GUINT64_FORMAT,
					      firmware->name, g_bytes_get_size(firmware->bytes),
					      room),
			      "Nothing was sent. The board's partitions have to be larger or the "
			      "image smaller.");
	if (firmware->padded && !plan->policy->allow_padded)
		return refuse(
			plan,
			g_strdup_printf("%s was made with `imgtool sign --pad`", firmware->name),
			"Such a file is for a programmer: uploaded, it would start at the next "
			"reset by itself. Use the file made without --pad, or --allow-padded.");
	return FALSE;
}

static gboolean refuse_downgrade(Plan *plan, const SmpBundleItem *item)
{
	SmpVersion now;
	const SmpImageSlot *slot = running(plan, item->image);

	if (plan->policy->allow_downgrade || !slot || !smp_version_parse(slot->version, &now) ||
	    smp_version_compare(&item->firmware->version, &now, FALSE) >= 0)
		return FALSE;
	g_autofree char *version = version_of(item);
	return refuse(plan,
		      g_strdup_printf("%s is %s and the board runs %s (downgrade)",
				      item->firmware->name, version, slot->version),
		      "`--allow-downgrade` does it all the same. MCUboot may still refuse it if it "
		      "was built to prevent downgrades.");
}

static gboolean wants_trial(const SmpPolicy *policy)
{
	return policy->mode == SMP_UPDATE_TEST_AND_CONFIRM || policy->mode == SMP_UPDATE_TEST_ONLY;
}

static gboolean refuse_no_revert(Plan *plan)
{
	if (!wants_trial(plan->policy) || plan->policy->allow_no_revert)
		return FALSE;
	if (plan->board->recovery)
		return refuse(
			plan,
			g_strdup("the board is in MCUboot's recovery, which cannot try an image"),
			"It writes over the application: an interruption leaves the board "
			"without one until an upload completes. `--allow-no-revert` does it.");
	if (smp_board_can_revert(plan->board))
		return FALSE;
	if (plan->board->mode == SMP_BOOTLOADER_MODE_UNKNOWN)
		return refuse(plan,
			      g_strdup("the board cannot try an image: its firmware has no test "
				       "and confirm"),
			      "`--allow-no-revert` installs it without a way back.");
	return refuse(plan,
		      g_strdup_printf("the board's bootloader cannot undo an update (%s)",
				      smp_bootloader_mode_name(plan->board->mode)),
		      "`--allow-no-revert` installs the image all the same.");
}

static gboolean refuse_trial_of_another(Plan *plan, const SmpBundleItem *item)
{
	const SmpImageSlot *slot = running(plan, item->image);

	if (plan->board->recovery || !slot || !slot->has_flags || slot->confirmed ||
	    !smp_board_can_revert(plan->board))
		return FALSE;
	return refuse(plan,
		      g_strdup_printf("the board runs %s on trial and takes no other image",
				      slot->version),
		      "Keep it with `smpctl image confirm`, or undo it with `smpctl reset`.");
}

/* What must hold before anything is done. Once something was done it is too late for it. */
static gboolean refused(Plan *plan)
{
	if (!plan->board->images)
		return refuse(plan, g_strdup("the board's firmware has no image group"),
			      "Enable CONFIG_MCUMGR_GRP_IMG in the firmware.");
	for (guint i = 0; i < plan->bundle->items->len; i++) {
		const SmpBundleItem *item = item_at(plan, i);
		if (place(plan, i) >= PENDING || plan->attempt->items[i].uploads > 0)
			continue;
		if (refuse_file(plan, item) || refuse_downgrade(plan, item) ||
		    refuse_trial_of_another(plan, item))
			return TRUE;
	}
	return FALSE;
}

static gboolean all_at_least(const Plan *plan, Place wanted)
{
	for (guint i = 0; i < plan->bundle->items->len; i++) {
		if (place(plan, i) < wanted)
			return FALSE;
	}
	return TRUE;
}

/* "image 0 runs 1.3.0, confirmed" for all images. */
static char *story(const Plan *plan, const char *verb, const char *state)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < plan->bundle->items->len; i++) {
		const SmpBundleItem *item = item_at(plan, i);
		g_autofree char *version = version_of(item);
		g_string_append_printf(text, "%simage %u %s %s", i ? "; " : "", item->image, verb,
				       version);
	}
	g_string_append(text, state);
	return g_string_free(text, FALSE);
}

static void end_final(Plan *plan)
{
	gboolean worked = plan->attempt->resets > 0;

	for (guint i = 0; i < plan->bundle->items->len; i++)
		worked |=
			plan->attempt->items[i].confirms > 0 || plan->attempt->items[i].uploads > 0;
	if (worked)
		end(plan, SMP_END_UPDATED, story(plan, "runs", ", confirmed"), NULL);
	else
		end(plan, SMP_END_UP_TO_DATE, story(plan, "runs", " already, confirmed"), NULL);
}

/* The first image that is not where the reset should have brought it. */
static void end_not_started(Plan *plan, guint index)
{
	const SmpBundleItem *item = item_at(plan, index);
	g_autofree char *version = version_of(item);
	const char *old = running_version(plan, item->image);
	Place where = place(plan, index);

	if (plan->board->recovery) {
		end(plan, SMP_END_NEEDS_ATTENTION,
		    g_strdup_printf(
			    "image %u: the board stays in MCUboot's recovery after the reset",
			    item->image),
		    g_strdup("The bootloader found no image that it may start: wrong key, or built "
			     "for another board or slot. Upload one that it accepts."));
	} else if (where == PENDING) {
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup_printf("image %u runs %s as before; %s is still pending", item->image,
				    old, version),
		    g_strdup("The bootloader did not install it: another image that it depends on "
			     "is missing or too old. The check is repeated at every reset."));
	} else if (where == PRESENT) {
		end(plan, SMP_END_ROLLED_BACK,
		    g_strdup_printf("image %u runs %s again; %s was started and undone",
				    item->image, old, version),
		    g_strdup(
			    plan->attempt->items[index].ran
				    ? "It ran, but the board was reset before it was confirmed. "
				      "Probably it crashed. Nothing is lost: the board works as "
				      "before."
				    : "It did not answer SMP. Probably it crashed, or it was reset "
				      "before it was confirmed. Nothing is lost: the board works "
				      "as "
				      "before."));
	} else {
		end(plan, SMP_END_ROLLED_BACK,
		    g_strdup_printf("image %u runs %s as before; the bootloader did not accept %s",
				    item->image, old, version),
		    g_strdup("Probably it is signed with another key, or older than the bootloader "
			     "allows. Nothing is lost: the board works as before."));
	}
}

/* The board took all of it and does not have it. */
static void end_not_listed(Plan *plan, const SmpBundleItem *item)
{
	if (plan->board->recovery)
		end(plan, SMP_END_NEEDS_ATTENTION,
		    g_strdup_printf("image %u: the bootloader does not accept %s", item->image,
				    item->firmware->name),
		    g_strdup(
			    "It took all of it and does not list it: signed with another key, or "
			    "built for another board or slot. The board cannot start until it gets "
			    "an image that it accepts."));
	else
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup_printf("image %u: the board took all of %s twice and does not list it",
				    item->image, item->firmware->name),
		    g_strdup_printf("It runs %s. What it received does not have the image's hash.",
				    running_version(plan, item->image)));
}

static void plan_upload(Plan *plan, guint index)
{
	const SmpBundleItem *item = item_at(plan, index);
	g_autofree char *version = version_of(item);
	/* Recovery lists what it would start: once more would not change its mind. */
	guint tries = plan->board->recovery ? 1 : 2;

	if (plan->attempt->items[index].uploads < tries)
		act(plan, SMP_ACTION_UPLOAD, index,
		    g_strdup_printf("image %u is to become %s and the board does not have it",
				    item->image, version));
	else
		end_not_listed(plan, item);
}

static void plan_mark(Plan *plan, guint index)
{
	const SmpBundleItem *item = item_at(plan, index);
	gboolean direct =
		plan->policy->mode == SMP_UPDATE_CONFIRM && !plan->attempt->confirm_denied;

	if (plan->attempt->items[index].marks >= 2) {
		end(plan, SMP_END_FAILED_INTACT,
		    g_strdup_printf("image %u runs %s as before", item->image,
				    running_version(plan, item->image)),
		    g_strdup("The board took the mark for the new image and does not show it."));
		return;
	}
	act(plan, direct ? SMP_ACTION_MAKE_PENDING : SMP_ACTION_TEST, index,
	    g_strdup_printf("image %u is in its slot and the next reset is to %s it", item->image,
			    direct ? "install" : "try"));
}

/* Before the reset: everything into its slot, then everything marked, image 0 last: some
 * bootloaders skip the network core otherwise (NCS 2.6 to 3.4, NCSDK-34106). */
static void plan_install(Plan *plan)
{
	guint n = plan->bundle->items->len;

	for (guint i = 0; i < n; i++) {
		if (place(plan, i) == ABSENT) {
			plan_upload(plan, i);
			return;
		}
	}
	if (plan->policy->mode == SMP_UPDATE_UPLOAD_ONLY) {
		end(plan, SMP_END_UPLOADED, story(plan, "has", " in its slot"), NULL);
		return;
	}
	for (guint i = n; i-- > 0 && !plan->board->no_marks;) {
		if (place(plan, i) == PRESENT) {
			plan_mark(plan, i);
			return;
		}
	}
	if (!refuse_no_revert(plan))
		act(plan, SMP_ACTION_RESET, 0, g_strdup("the bootloader installs at a reset"));
}

/* All of it runs, some on trial. */
static void plan_trial(Plan *plan)
{
	if (plan->policy->mode == SMP_UPDATE_TEST_ONLY) {
		end(plan, SMP_END_ON_TRIAL, story(plan, "runs", " on trial"),
		    g_strdup("The next reset undoes it unless it is confirmed: "
			     "`smpctl image confirm`."));
		return;
	}
	for (guint i = plan->bundle->items->len; i-- > 0;) {
		const SmpBundleItem *item = item_at(plan, i);
		if (place(plan, i) != TRIAL)
			continue;
		if (plan->attempt->items[i].confirms < 2)
			act(plan, SMP_ACTION_CONFIRM, i,
			    g_strdup_printf("image %u runs and is to stay", item->image));
		else
			end(plan, SMP_END_ON_TRIAL, story(plan, "runs", " on trial"),
			    g_strdup("The board took the confirmation and does not show it: the "
				     "next reset may undo the update."));
		return;
	}
}

void smp_plan_next(const SmpBoard *board, const SmpBundle *bundle, const SmpPolicy *policy,
		   const SmpAttempt *attempt, SmpPlanStep *step)
{
	Plan plan = {board, bundle, policy, attempt, step};

	if (refused(&plan))
		return;
	if (all_at_least(&plan, FINAL)) {
		end_final(&plan);
	} else if (all_at_least(&plan, TRIAL)) {
		plan_trial(&plan);
	} else if (attempt->resets > 0) {
		guint i = 0;
		while (place(&plan, i) >= TRIAL)
			i++;
		end_not_started(&plan, i);
	} else if (!all_at_least(&plan, PRESENT) && refuse_no_revert(&plan)) {
		return;
	} else {
		plan_install(&plan);
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What forbids an update. Each refusal says what would happen and names the one option that does it
 * all the same. */

#include "update/plan-private.h"

#include <string.h>

const char *smp_interlock_name(SmpInterlock interlock)
{
	static const char *const names[] = {
		"downgrade", "no-revert",   "padded",		"not-bootable",
		"too-large", "wrong-slot",  "network-core",	"pending",
		"unsigned",  "wrong-board", "unmet-dependency", "concurrent",
	};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if ((guint)interlock == 1u << i)
			return names[i];
	}
	return "none";
}

/* Takes @reason. Returns FALSE where the policy allows it. */
static gboolean refuse(SmpPlan *plan, SmpInterlock interlock, char *reason, const char *meaning)
{
	if (plan->policy->allow & interlock) {
		g_free(reason);
		return FALSE;
	}
	*plan->step = (SmpPlanStep){
		.action = SMP_ACTION_END,
		.end = SMP_END_REFUSED,
		.interlock = interlock,
		.reason = reason,
		.detail = interlock ? g_strdup_printf("%s `--allow-%s` does it all the same.",
						      meaning, smp_interlock_name(interlock))
				    : g_strdup(meaning),
	};
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

static gboolean refuse_image_number(SmpPlan *plan, const SmpBundleItem *item)
{
	if (knows_image(plan->board, item->image))
		return FALSE;
	return refuse(plan, SMP_INTERLOCK_NONE,
		      g_strdup_printf("%s is for image %u and the board has no image %u",
				      item->name, item->image, item->image),
		      "`smpctl image list` shows which images it has; -n chooses one.");
}

static gboolean refuse_size(SmpPlan *plan, const SmpBundleItem *item)
{
	gsize size = g_bytes_get_size(item->firmware->bytes);
	guint64 room = smp_board_slot_size(plan->board, item->image,
					   smp_board_target_slot(plan->board, item->image));

	if (room == 0 || size <= room)
		return FALSE;
	return refuse(plan, SMP_INTERLOCK_TOO_LARGE,
		      g_strdup_printf("%s has %" G_GSIZE_FORMAT
				      " bytes and the slot takes %" G_GUINT64_FORMAT,
				      item->name, size, room),
		      "The board would refuse it or run out of room.");
}

static gboolean refuse_file(SmpPlan *plan, const SmpBundleItem *item)
{
	const SmpFirmware *firmware = item->firmware;

	if (firmware->padded &&
	    refuse(plan, SMP_INTERLOCK_PADDED,
		   g_strdup_printf("%s was made with `imgtool sign --pad`", item->name),
		   "Such a file is for a programmer: uploaded, it starts at the next reset by "
		   "itself. Use the file made without --pad."))
		return TRUE;
	return firmware->flags & SMP_IMAGE_FLAG_NON_BOOTABLE &&
	       refuse(plan, SMP_INTERLOCK_NOT_BOOTABLE,
		      g_strdup_printf("%s is marked as not bootable", item->name),
		      "The bootloader would not start it.");
}

static gboolean refuse_signature(SmpPlan *plan, const SmpBundleItem *item)
{
	return item->signature_problem &&
	       refuse(plan, SMP_INTERLOCK_UNSIGNED,
		      g_strdup_printf("none of the given keys signed %s (signature: %s)",
				      item->name, item->signature_problem),
		      "It may be somebody else's firmware.");
}

/* "nrf52840dk" of "nrf52840dk/nrf52840", "nrf52840dk_nrf52840" and "nrf52840dk@1.0.0": older
 * packages join board and SoC with an underscore. */
static gboolean same_board(const char *wanted, const char *platform)
{
	gsize length = strcspn(platform, "/@");
	gsize wanted_length = strcspn(wanted, "/@");

	if (length == wanted_length && strncmp(wanted, platform, length) == 0)
		return TRUE;
	return wanted_length > length && strncmp(wanted, platform, length) == 0 &&
	       wanted[length] == '_';
}

/* The SoC stands between the first two slashes of a platform: "nrf52840dk/nrf52840/cpuapp". */
static gboolean same_soc(const char *soc, const char *platform)
{
	const char *slash = strchr(platform, '/');
	gsize length = slash ? strcspn(slash + 1, "/") : 0;

	return length == 0 || g_ascii_strncasecmp(soc, slash + 1, MIN(length, strlen(soc))) == 0;
}

static gboolean refuse_board(SmpPlan *plan, const SmpBundleItem *item)
{
	const char *platform = plan->board->platform;
	const char *wanted = NULL;

	if (!platform || item->network_core)
		return FALSE;
	if (item->board && !same_board(item->board, platform))
		wanted = item->board;
	else if (!item->board && item->soc && !same_soc(item->soc, platform))
		wanted = item->soc;
	return wanted && refuse(plan, SMP_INTERLOCK_WRONG_BOARD,
				g_strdup_printf("%s was built for %s and the board is %s",
						item->name, wanted, platform),
				"It would probably not start.");
}

static gboolean refuse_downgrade(SmpPlan *plan, const SmpBundleItem *item)
{
	SmpVersion now;
	const SmpImageSlot *slot = smp_board_running(plan->board, item->image);
	g_autofree char *version = smp_version_to_string(&item->firmware->version);

	if (item->installed_counter >= 0 &&
	    smp_firmware_security_counter(item->firmware) < item->installed_counter &&
	    refuse(plan, SMP_INTERLOCK_DOWNGRADE,
		   g_strdup_printf("%s has security counter %" G_GINT64_FORMAT
				   " and the board was given %" G_GINT64_FORMAT " (downgrade)",
				   item->name, smp_firmware_security_counter(item->firmware),
				   item->installed_counter),
		   "A bootloader that checks it refuses the image."))
		return TRUE;
	if (!slot || !smp_version_parse(slot->version, &now) ||
	    smp_version_compare(&item->firmware->version, &now, FALSE) >= 0)
		return FALSE;
	return refuse(plan, SMP_INTERLOCK_DOWNGRADE,
		      g_strdup_printf("%s is %s and the board runs %s (downgrade)", item->name,
				      version, slot->version),
		      "MCUboot may refuse it if it was built to prevent downgrades.");
}

static gboolean refuse_trial_of_another(SmpPlan *plan, const SmpBundleItem *item)
{
	const SmpImageSlot *slot = smp_board_running(plan->board, item->image);

	if (plan->board->recovery || !slot || !slot->has_flags || slot->confirmed ||
	    !smp_board_can_revert(plan->board))
		return FALSE;
	return refuse(plan, SMP_INTERLOCK_NONE,
		      g_strdup_printf("the board runs %s on trial and takes no other image",
				      slot->version),
		      "Keep it with `smpctl confirm`, or undo it with `smpctl rollback`.");
}

static gboolean refuse_pending(SmpPlan *plan, const SmpBundleItem *item)
{
	const SmpImageSlot *slot = smp_image_state_find(
		plan->board->images, item->image, smp_board_target_slot(plan->board, item->image));

	if (plan->board->recovery || !slot || !slot->pending || slot->active)
		return FALSE;
	return refuse(plan, SMP_INTERLOCK_PENDING,
		      g_strdup_printf("%s waits for the next reset of the board", slot->version),
		      "It would be lost. Reset the board to install it.");
}

/* Images run where they are: each is linked for one slot. */
static gboolean is_direct_xip(SmpBootloaderMode mode)
{
	return mode == SMP_BOOTLOADER_MODE_DIRECT_XIP ||
	       mode == SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT;
}

static gboolean refuse_slot(SmpPlan *plan, const SmpBundleItem *item)
{
	guint target = smp_board_target_slot(plan->board, item->image);

	if (item->slot < 0 || (guint)item->slot == target ||
	    !(item->firmware->flags & SMP_IMAGE_FLAG_ROM_FIXED || is_direct_xip(plan->board->mode)))
		return FALSE;
	return refuse(plan, SMP_INTERLOCK_WRONG_SLOT,
		      g_strdup_printf("%s was linked for slot %d and slot %u is the free one",
				      item->name, item->slot, target),
		      "It runs nowhere else.");
}

/* Whether the file, as it says, takes up this address of the flash. */
static gboolean covers(const SmpFirmware *firmware, gint64 address)
{
	gint64 size = (gint64)firmware->header_size + firmware->image_size;

	return address >= firmware->load_addr && address < firmware->load_addr + size;
}

/* The variant of an image for the other slot, where it says that it runs at the same address. */
static const SmpBundleItem *same_address(const SmpPlan *plan, const SmpBundleItem *item)
{
	for (guint i = 0; item->slot >= 0 && i < plan->bundle->items->len; i++) {
		const SmpBundleItem *other = smp_plan_item(plan, i);
		if (other != item && other->image == item->image && other->firmware &&
		    other->firmware->flags & SMP_IMAGE_FLAG_ROM_FIXED &&
		    other->firmware->load_addr == item->firmware->load_addr)
			return other;
	}
	return NULL;
}

/* Servers do not tell where their slots are. What can be seen is whether the file agrees with
 * itself, with its package, and with its twin. */
static char *address_contradiction(const SmpPlan *plan, const SmpBundleItem *item)
{
	const SmpFirmware *firmware = item->firmware;
	const SmpBundleItem *twin = same_address(plan, item);
	guint32 stack, reset;

	if (smp_firmware_vectors(firmware, &stack, &reset) && !covers(firmware, reset & ~1u))
		return g_strdup_printf("%s says that it runs at 0x%08x and its program starts at "
				       "0x%08x, which is not in it",
				       item->name, firmware->load_addr, reset & ~1u);
	if (item->load_address >= 0 && !covers(firmware, item->load_address))
		return g_strdup_printf("%s says that it runs at 0x%08x and its package says 0x%08x",
				       item->name, firmware->load_addr,
				       (guint32)item->load_address);
	if (twin)
		return g_strdup_printf("%s is for slot %d and runs at 0x%08x, as %s does, which is "
				       "for slot %d",
				       item->name, item->slot, firmware->load_addr, twin->name,
				       twin->slot);
	return NULL;
}

static gboolean refuse_address(SmpPlan *plan, const SmpBundleItem *item)
{
	char *contradiction = item->firmware->flags & SMP_IMAGE_FLAG_ROM_FIXED
				      ? address_contradiction(plan, item)
				      : NULL;

	return contradiction &&
	       refuse(plan, SMP_INTERLOCK_WRONG_SLOT, contradiction,
		      "It was signed for another address than it was linked for, or files were "
		      "mixed up. The bootloader would pass it over, or it would crash.");
}

char *smp_plan_doubt(const SmpPlan *plan, const SmpBundleItem *item)
{
	SmpBootloaderMode mode = plan->board->mode;

	if (!(item->firmware->flags & SMP_IMAGE_FLAG_ROM_FIXED) || item->slot >= 0 ||
	    plan->board->recovery || (mode != SMP_BOOTLOADER_MODE_UNKNOWN && !is_direct_xip(mode)))
		return g_strdup("");
	return g_strdup_printf("; it runs at 0x%08x only, and whether that is slot %u the board "
			       "does not tell: if not, it refuses it (INVALID_FLASH_ADDRESS) or "
			       "never starts it",
			       item->firmware->load_addr,
			       smp_board_target_slot(plan->board, item->image));
}

static gboolean mode_swaps(SmpBootloaderMode mode)
{
	return mode != SMP_BOOTLOADER_MODE_OVERWRITE_ONLY;
}

static gboolean refuse_network_core(SmpPlan *plan, const SmpBundleItem *item)
{
	if (!item->network_core || plan->board->recovery || !mode_swaps(plan->board->mode))
		return FALSE;
	return refuse(plan, SMP_INTERLOCK_NETWORK_CORE,
		      g_strdup_printf("%s is for a network core and the board's bootloader %s",
				      item->name,
				      plan->board->mode == SMP_BOOTLOADER_MODE_UNKNOWN
					      ? "does not say that it overwrites"
					      : "swaps images"),
		      "A swap copies whatever is in RAM into the network core; such boards were "
		      "repaired with a programmer only.");
}

/* The version that an image will have once the bundle is installed. */
static gboolean future_version(const SmpPlan *plan, guint image, SmpVersion *version)
{
	for (guint i = 0; i < plan->chosen->len; i++) {
		const SmpBundleItem *item = smp_plan_item(plan, smp_plan_chosen(plan, i));
		if (item->image == image && item->firmware) {
			*version = item->firmware->version;
			return TRUE;
		}
	}
	const SmpImageSlot *slot = smp_board_running(plan->board, image);
	return slot && smp_version_parse(slot->version, version);
}

static gboolean refuse_dependency(SmpPlan *plan, const SmpBundleItem *item, const SmpTlv *tlv)
{
	SmpVersion least, there;
	guint image;

	if (!smp_tlv_dependency(tlv, &image, &least))
		return FALSE;
	gboolean known = future_version(plan, image, &there);
	/* What a network core runs is not told. */
	if (!known && knows_image(plan->board, image))
		return FALSE;
	if (known && smp_version_compare(&there, &least, FALSE) >= 0)
		return FALSE;
	g_autofree char *wanted = smp_version_to_string(&least);
	g_autofree char *have = known ? smp_version_to_string(&there) : g_strdup("none");
	return refuse(
		plan, SMP_INTERLOCK_DEPENDENCY,
		g_strdup_printf("%s needs image %u in version %s or newer and the board "
				"would have %s",
				item->name, image, wanted, have),
		"The bootloader would install nothing at all. Give both files in one update.");
}

static gboolean refuse_dependencies(SmpPlan *plan, const SmpBundleItem *item)
{
	for (guint i = 0; i < item->firmware->tlvs->len; i++) {
		const SmpTlv *tlv = &g_array_index(item->firmware->tlvs, SmpTlv, i);
		if (tlv->type == SMP_TLV_DEPENDENCY && refuse_dependency(plan, item, tlv))
			return TRUE;
	}
	return FALSE;
}

static gboolean wants_trial(const SmpPolicy *policy)
{
	return policy->mode == SMP_UPDATE_TEST_AND_CONFIRM || policy->mode == SMP_UPDATE_TEST_ONLY;
}

/* MCUboot copies it over the variant that does not run and refuses one that is linked for the other
 * place (nrfconnect/sdk-mcuboot boot/bootutil/src/loader.c); b0 starts the newer one of the two. */
static gboolean refuse_bootloader(SmpPlan *plan, const SmpBundleItem *item)
{
	if (plan->board->recovery || plan->policy->via_recovery)
		return refuse(plan, SMP_INTERLOCK_NONE,
			      g_strdup_printf("%s is a bootloader, and MCUboot's recovery would "
					      "write it over the application",
					      item->name),
			      "It is installed through an application that runs.");
	if (plan->board->b0_slot < 0 && !item->picked)
		return refuse(plan, SMP_INTERLOCK_NONE,
			      g_strdup("the board does not tell which variant of its bootloader "
				       "runs, and only the other one can be installed"),
			      "`--bootloader=s0` or `--bootloader=s1` picks one; the wrong one is "
			      "refused at the reset. Firmware with "
			      "CONFIG_MCUMGR_GRP_OS_BOOTLOADER_INFO_B0_ACTIVE_SLOT tells.");
	if (plan->board->b0_slot == item->slot &&
	    refuse(plan, SMP_INTERLOCK_WRONG_SLOT,
		   g_strdup_printf(
			   "%s is variant s%d of the bootloader, which is the one that runs",
			   item->name, item->slot),
		   "The bootloader would not take it."))
		return TRUE;
	return wants_trial(plan->policy) &&
	       refuse(plan, SMP_INTERLOCK_NO_REVERT,
		      g_strdup("a bootloader cannot be tried: the new one stays, whether it works "
			       "or not"),
		      "If it does not, a programmer is needed.");
}

/* What only an application has: what runs, where it runs, what it needs. */
static gboolean refuse_application(SmpPlan *plan, const SmpBundleItem *item)
{
	return refuse_slot(plan, item) || refuse_address(plan, item) ||
	       refuse_network_core(plan, item) || refuse_downgrade(plan, item) ||
	       refuse_dependencies(plan, item);
}

static gboolean refuse_item(SmpPlan *plan, const SmpBundleItem *item)
{
	if (refuse_image_number(plan, item) || refuse_trial_of_another(plan, item))
		return TRUE;
	/* An image that is in its slot already is judged by what the board says of it. */
	if (!item->firmware)
		return FALSE;
	return refuse_file(plan, item) || refuse_signature(plan, item) ||
	       refuse_board(plan, item) || refuse_size(plan, item) ||
	       (item->bootloader ? refuse_bootloader(plan, item)
				 : refuse_application(plan, item)) ||
	       refuse_pending(plan, item);
}

/* The server takes no mark back, and what is pending for good cannot be tried. */
static gboolean refuse_pending_for_good(SmpPlan *plan, const SmpBundleItem *item)
{
	const SmpImageSlot *slot =
		smp_image_state_find_hash(plan->board->images, item->image, &item->hash);

	if (!wants_trial(plan->policy) || !smp_board_can_revert(plan->board) || !slot ||
	    !slot->permanent)
		return FALSE;
	return refuse(plan, SMP_INTERLOCK_NO_REVERT,
		      g_strdup_printf("image %u: %s is pending for good: the next reset installs "
				      "it without a trial",
				      item->image, item->version),
		      "`smpctl image erase` takes it away, then it can be tried.");
}

static gboolean refuse_in_place(SmpPlan *plan, guint index)
{
	const SmpBundleItem *item = smp_plan_item(plan, index);
	SmpPlace place = smp_plan_place(plan, index);

	if (place == SMP_PLACE_PENDING)
		return refuse_pending_for_good(plan, item);
	return place < SMP_PLACE_PENDING && refuse_item(plan, item);
}

gboolean smp_plan_refused(SmpPlan *plan)
{
	if (!plan->board->images)
		return refuse(plan, SMP_INTERLOCK_NONE,
			      g_strdup("the board's firmware has no image group"),
			      "Enable CONFIG_MCUMGR_GRP_IMG in the firmware.");
	/* Once something was done it is too late for it. */
	for (guint i = 0; i < plan->chosen->len; i++) {
		guint index = smp_plan_chosen(plan, i);
		const SmpAttemptItem *tried = &plan->attempt->items[index];
		if (tried->uploads == 0 && tried->marks == 0 &&
		    plan->attempt->resets + plan->attempt->undos == 0 &&
		    refuse_in_place(plan, index))
			return TRUE;
	}
	return FALSE;
}

gboolean smp_plan_refused_no_revert(SmpPlan *plan)
{
	if (!wants_trial(plan->policy) || plan->policy->via_recovery ||
	    smp_board_can_revert(plan->board))
		return FALSE;
	if (plan->board->recovery)
		return refuse(plan, SMP_INTERLOCK_NO_REVERT,
			      g_strdup("the board is in MCUboot's recovery, which cannot try an "
				       "image"),
			      "It writes over the application: an interruption leaves the board "
			      "without one until an upload completes.");
	if (plan->board->mode == SMP_BOOTLOADER_MODE_UNKNOWN)
		return refuse(plan, SMP_INTERLOCK_NO_REVERT,
			      g_strdup("the board cannot try an image: its firmware has no test "
				       "and confirm"),
			      "What is installed stays, whether it works or not.");
	return refuse(plan, SMP_INTERLOCK_NO_REVERT,
		      g_strdup_printf("the board's bootloader cannot undo an update (%s)",
				      smp_bootloader_mode_name(plan->board->mode)),
		      "What is installed stays, whether it works or not.");
}

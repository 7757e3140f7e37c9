/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/lib/boot-model.h"

#include <smp/error.h>
#include <string.h>

/* The image group's codes that are not public. */
#define FLASH_OPEN_FAILED 10

#define WATCHDOG_RESETS 3

void boot_model_init(BootModel *model, guint images, const BootSlot *running)
{
	*model = (BootModel){
		.mode = SMP_BOOTLOADER_MODE_SWAP_MOVE,
		.tells_mode = TRUE,
		.marks = TRUE,
		.images = images,
	};
	for (guint i = 0; i < images; i++) {
		model->slots[i][0] = running[i];
		model->slots[i][0].present = TRUE;
	}
}

const BootSlot *boot_model_running(const BootModel *model, guint image)
{
	return &model->slots[image][model->in_recovery ? 0 : model->active[image]];
}

static BootSlot *other(BootModel *model, guint image)
{
	return &model->slots[image][1 - model->active[image]];
}

static gboolean is_xip(const BootModel *model)
{
	return model->mode == SMP_BOOTLOADER_MODE_DIRECT_XIP ||
	       model->mode == SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT ||
	       model->mode == SMP_BOOTLOADER_MODE_RAM_LOAD;
}

int boot_model_upload(BootModel *model, guint image, const BootSlot *content)
{
	if (image >= model->images)
		return FLASH_OPEN_FAILED;
	BootSlot *slot = model->in_recovery ? &model->slots[image][0] : other(model, image);

	if (!model->in_recovery && model->trial[image])
		return SMP_IMAGE_RC_NO_FREE_SLOT;
	*slot = *content;
	slot->present = TRUE;
	slot->pending = slot->permanent = FALSE;
	return 0;
}

int boot_model_erase(BootModel *model, guint image)
{
	if (model->in_recovery || model->trial[image])
		return SMP_IMAGE_RC_NO_FREE_SLOT;
	*other(model, image) = (BootSlot){0};
	return 0;
}

static gboolean find(const BootModel *model, const SmpHash *hash, guint *image, guint *slot)
{
	for (*image = 0; *image < model->images; (*image)++) {
		for (*slot = 0; *slot < 2; (*slot)++) {
			const BootSlot *s = &model->slots[*image][*slot];
			if (s->present && smp_hash_equal(&s->hash, hash))
				return TRUE;
		}
	}
	return FALSE;
}

static int confirm_active(BootModel *model, guint image)
{
	if (other(model, image)->pending)
		return SMP_IMAGE_RC_IMAGE_ALREADY_PENDING;
	model->trial[image] = FALSE;
	return 0;
}

static int confirm_other(BootModel *model, guint image)
{
	BootSlot *slot = other(model, image);

	if (model->trial[image])
		return 0;
	if (slot->pending && !slot->permanent)
		return SMP_IMAGE_RC_IMAGE_ALREADY_PENDING;
	if (model->confirm_denied)
		return SMP_IMAGE_RC_IMAGE_CONFIRMATION_DENIED;
	slot->pending = slot->permanent = TRUE;
	return 0;
}

static int test_other(BootModel *model, guint image)
{
	BootSlot *slot = other(model, image);

	if (model->trial[image] || slot->permanent)
		return SMP_IMAGE_RC_IMAGE_ALREADY_PENDING;
	slot->pending = TRUE;
	return 0;
}

int boot_model_mark(BootModel *model, const SmpHash *hash, gboolean confirm)
{
	guint image = 0, slot = model->active[0];

	if (!model->marks || model->in_recovery)
		return BOOT_UNSUPPORTED;
	if (!hash && !confirm)
		return SMP_IMAGE_RC_INVALID_HASH;
	if (hash && !find(model, hash, &image, &slot))
		return SMP_IMAGE_RC_HASH_NOT_FOUND;
	if (slot == model->active[image])
		return confirm ? confirm_active(model, image)
			       : SMP_IMAGE_RC_IMAGE_SETTING_TEST_TO_ACTIVE_DENIED;
	return confirm ? confirm_other(model, image) : test_other(model, image);
}

/* Exchanges the slots, or starts the other where nothing is moved. */
static void exchange(BootModel *model, guint image)
{
	if (is_xip(model)) {
		model->active[image] = 1 - model->active[image];
		return;
	}
	BootSlot old = model->slots[image][0];
	model->slots[image][0] = model->slots[image][1];
	model->slots[image][1] = old;
}

static void erase(BootSlot *slot)
{
	*slot = (BootSlot){0};
}

static void revert(BootModel *model, guint image)
{
	exchange(model, image);
	model->trial[image] = FALSE;
	/* Direct XIP erases what was not confirmed. */
	if (is_xip(model))
		erase(other(model, image));
}

static void install(BootModel *model, guint image)
{
	BootSlot *slot = other(model, image);
	gboolean permanent = slot->permanent;

	slot->pending = slot->permanent = FALSE;
	if (!slot->accepted) {
		erase(slot);
		return;
	}
	model->swapped[image] = TRUE;
	exchange(model, image);
	if (model->mode == SMP_BOOTLOADER_MODE_OVERWRITE_ONLY)
		erase(&model->slots[image][1]);
	else
		model->trial[image] = !permanent;
}

/* Direct XIP and RAM load without revert: the highest version that is good. */
static void choose_highest(BootModel *model, guint image)
{
	BootSlot *slot = other(model, image);

	if (!slot->present)
		return;
	if (!slot->accepted) {
		erase(slot);
		return;
	}
	const BootSlot *now = &model->slots[image][model->active[image]];
	if (smp_version_compare(&slot->version, &now->version, FALSE) <= 0)
		return;
	model->active[image] = 1 - model->active[image];
	model->swapped[image] = TRUE;
}

static void boot_recovery(BootModel *model)
{
	for (guint i = 0; i < model->images; i++) {
		if (!model->slots[i][0].present || !model->slots[i][0].accepted)
			return;
	}
	model->in_recovery = FALSE;
	memset(model->active, 0, sizeof model->active);
	memset(model->trial, 0, sizeof model->trial);
}

void boot_model_boot(BootModel *model)
{
	model->resets++;
	if (model->in_recovery) {
		boot_recovery(model);
		return;
	}
	for (guint i = 0; i < model->images; i++) {
		if (!model->marks)
			choose_highest(model, i);
		else if (model->trial[i])
			revert(model, i);
		else if (other(model, i)->pending && !model->unmet)
			install(model, i);
	}
}

void boot_model_enter_recovery(BootModel *model)
{
	if (!model->has_boot_mode) {
		boot_model_reset(model);
		return;
	}
	model->resets++;
	model->in_recovery = TRUE;
}

gboolean boot_model_answers(const BootModel *model)
{
	return model->in_recovery || boot_model_running(model, 0)->answers;
}

gboolean boot_model_reset(BootModel *model)
{
	boot_model_boot(model);
	for (guint i = 0; i < WATCHDOG_RESETS && !boot_model_answers(model); i++)
		boot_model_boot(model);
	return boot_model_answers(model);
}

static void slot_free(gpointer data)
{
	g_free(((SmpImageSlot *)data)->version);
	g_free(data);
}

/* Servers put a dot before the build number. */
static char *version_text(const SmpVersion *v)
{
	return v->build ? g_strdup_printf("%u.%u.%u.%u", v->major, v->minor, v->revision, v->build)
			: g_strdup_printf("%u.%u.%u", v->major, v->minor, v->revision);
}

static gboolean is_next(const BootModel *model, guint image, guint slot)
{
	const BootSlot *now = boot_model_running(model, image);

	return !model->marks && model->shows_next && slot != model->active[image] &&
	       smp_version_compare(&model->slots[image][slot].version, &now->version, FALSE) > 0;
}

static SmpImageSlot *list_slot(const BootModel *model, guint image, guint number)
{
	const BootSlot *slot = &model->slots[image][number];
	SmpImageSlot *listed = g_new0(SmpImageSlot, 1);
	gboolean active = number == model->active[image];

	listed->image = image;
	listed->slot = number;
	listed->version = version_text(&slot->version);
	listed->hash = slot->hash;
	if (model->in_recovery)
		return listed;
	listed->has_flags = TRUE;
	listed->bootable = TRUE;
	listed->active = active;
	listed->confirmed = active != model->trial[image];
	listed->pending = slot->pending || is_next(model, image, number);
	listed->permanent = slot->permanent || is_next(model, image, number);
	return listed;
}

static SmpImageState *list(const BootModel *model)
{
	SmpImageState *state = g_new0(SmpImageState, 1);

	state->slots = g_ptr_array_new_with_free_func(slot_free);
	state->split_status = model->in_recovery ? -1 : 0;
	for (guint i = 0; i < model->images; i++) {
		for (guint s = 0; s < 2; s++) {
			const BootSlot *slot = &model->slots[i][s];
			/* Recovery lists what it would start; an application what it can read. */
			if (slot->present && (!model->in_recovery || slot->accepted))
				g_ptr_array_add(state->slots, list_slot(model, i, s));
		}
	}
	return state;
}

SmpBoard *boot_model_board(const BootModel *model)
{
	SmpBoard *board = g_new0(SmpBoard, 1);

	board->target = g_strdup("model:");
	board->link = g_strdup("model");
	board->version = 2;
	board->mode = model->tells_mode && !model->in_recovery ? model->mode
							       : SMP_BOOTLOADER_MODE_UNKNOWN;
	board->recovery = model->in_recovery;
	board->no_marks = !model->in_recovery && !model->marks;
	board->images = list(model);
	return board;
}

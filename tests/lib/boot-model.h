/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* MCUboot and the image group of its application as a state machine (MCUboot docs/design.md, Zephyr
 * img_mgmt_state.c, smp_group_1.rst), small enough to be read at once. */

#include <smp/board.h>
#include <smp/firmware.h>

#define BOOT_IMAGES 2

/* Of errors that are no group code: the command does not exist. */
#define BOOT_UNSUPPORTED -1

/**
 * BootSlot: what lies in a slot.
 * @accepted: the bootloader would start it (its signature is good)
 * @answers: once it runs it speaks SMP; one that does not is reset by its watchdog
 */
typedef struct {
	gboolean present;
	SmpHash hash;
	SmpVersion version;
	gboolean accepted;
	gboolean answers;
	gboolean pending;
	gboolean permanent;
} BootSlot;

/**
 * BootModel:
 * @mode: what the bootloader does
 * @tells_mode: the server says so
 * @marks: the server has test and confirm
 * @confirm_denied: it confirms only what runs
 * @shows_next: without marks: it lists what will start next as pending
 * @unmet: an image depends on one that is not there
 * @in_recovery: MCUboot's recovery answers
 * @has_boot_mode: a reset with that boot mode enters recovery
 * @swapped: an image of the other slot was started, ever
 */
typedef struct {
	SmpBootloaderMode mode;
	gboolean tells_mode;
	gboolean marks;
	gboolean confirm_denied;
	gboolean shows_next;
	gboolean unmet;
	gboolean in_recovery;
	gboolean has_boot_mode;
	guint images;
	BootSlot slots[BOOT_IMAGES][2];
	guint active[BOOT_IMAGES];
	gboolean trial[BOOT_IMAGES];
	gboolean swapped[BOOT_IMAGES];
	guint resets;
} BootModel;

/* One image in slot 0 that runs and is confirmed, and a bootloader that swaps. */
void boot_model_init(BootModel *model, guint images, const BootSlot *running);

/* An upload to an image number. Returns 0 or the image group's code. */
int boot_model_upload(BootModel *model, guint image, const BootSlot *content);

/* Erase of the slot that does not run. Returns 0 or the image group's code. */
int boot_model_erase(BootModel *model, guint image);

/* Image state write: @hash %NULL for what runs. Returns 0, the image group's code, or
 * %BOOT_UNSUPPORTED. */
int boot_model_mark(BootModel *model, const SmpHash *hash, gboolean confirm);

/* One start of the bootloader. */
void boot_model_boot(BootModel *model);

/* A reset with the boot mode of the bootloader. */
void boot_model_enter_recovery(BootModel *model);

/* A reset, and those of the watchdog if what was started is silent. Returns whether something
 * answers in the end. */
gboolean boot_model_reset(BootModel *model);

/* Whether what runs answers SMP. */
gboolean boot_model_answers(const BootModel *model);

const BootSlot *boot_model_running(const BootModel *model, guint image);

/* Returns: (transfer full): what smp_board_observe() sees of it */
SmpBoard *boot_model_board(const BootModel *model);

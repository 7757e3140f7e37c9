/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/image.h>
#include <smp/os.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/**
 * SmpBoard: what was seen of a board at one moment; immutable. Facts the server did not give are
 * absent, not guessed.
 * @target: how it was reached
 * @link: what the link is, for a person
 * @version: SMP version as people count, 1 or 2
 * @params: the buffers of its server
 * @application: (nullable): the running program's kernel and its version ("Zephyr 4.4.0")
 * @platform: (nullable): the hardware it was built for ("nrf52840dk/nrf52840")
 * @bootloader: (nullable): "MCUboot"
 * @mode: what the bootloader does with a new image
 * @b0_slot: the variant of MCUboot that runs (s0, s1), where it is updatable itself; -1 where that
 *   is not told or was not asked
 * @no_downgrade: it says that it refuses older versions
 * @no_marks: the server has no test and confirm: a reset installs what the bootloader prefers
 * @recovery: this is MCUboot's serial recovery, no application (recognised by what it cannot do)
 * @images: (nullable): the image list; %NULL where the firmware has no image group
 * @slots: (nullable) (element-type SmpSlotInfo): slot sizes
 */
typedef struct {
	char *target;
	char *link;
	int version;
	SmpParams params;
	char *application;
	char *platform;
	char *bootloader;
	SmpBootloaderMode mode;
	int b0_slot;
	gboolean no_downgrade;
	gboolean no_marks;
	gboolean recovery;
	SmpImageState *images;
	GPtrArray *slots;
} SmpBoard;

/**
 * smp_board_observe:
 *
 * Asks the board for everything an update has to know.
 *
 * Returns: (transfer full): the snapshot; %NULL where the board does not answer
 */
SmpBoard *smp_board_observe(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_board_observe_again:
 * @known: (nullable): what was seen of it before
 *
 * The same with a request instead of eight, where the board has an image list and that says that
 * the images which ran before still run: what their server said of itself and of the bootloader is
 * taken from @known then.
 *
 * Returns: (transfer full): the snapshot; %NULL where the board does not answer
 */
SmpBoard *smp_board_observe_again(SmpSession *session, const SmpBoard *known,
				  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The first and @b0_slot, which only an update of the bootloader has to know: a request more. */
SmpBoard *smp_board_observe_b0(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a board that lacks a command lacks it as MCUboot's serial recovery: asks for the image
 * list, and of a list with flags a little more. FALSE where it does not answer at once. */
gboolean smp_board_looks_like_recovery(SmpSession *session);

void smp_board_free(SmpBoard *board);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBoard, smp_board_free)

/* Whether a new image can be tried and comes undone at the next reset unless it is confirmed. */
gboolean smp_board_can_revert(const SmpBoard *board);

/* Returns: (transfer none) (nullable): the image that runs. Recovery runs none: what it will start
 * lies in the primary slot. */
const SmpImageSlot *smp_board_running(const SmpBoard *board, guint image);

/* The slot that an upload goes to: the one that does not run. */
guint smp_board_target_slot(const SmpBoard *board, guint image);

/* Bytes that an image for this slot may have; 0 where not known. */
guint64 smp_board_slot_size(const SmpBoard *board, guint image, guint slot);

G_END_DECLS
#pragma GCC visibility pop

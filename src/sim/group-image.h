/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/server.h"

G_BEGIN_DECLS

/* Codes of the group (Zephyr img_mgmt.h). */
enum {
	IMAGE_FLASH_OPEN_FAILED = 10,
	IMAGE_HASH_NOT_FOUND = 8,
	IMAGE_NO_FREE_SLOT = 9,
	IMAGE_INVALID_SLOT = 14,
	IMAGE_INVALID_OFFSET = 20,
	IMAGE_INVALID_LENGTH = 21,
	IMAGE_INVALID_HEADER = 22,
	IMAGE_INVALID_MAGIC = 23,
	IMAGE_INVALID_HASH = 24,
	IMAGE_CURRENT_IS_NEWER = 27,
	IMAGE_ALREADY_PENDING = 28,
	IMAGE_INVALID_FLASH_ADDRESS = 25,
	IMAGE_TOO_LARGE = 30,
	IMAGE_DATA_OVERRUN = 31,
	IMAGE_CONFIRMATION_DENIED = 32,
	IMAGE_TEST_TO_ACTIVE_DENIED = 33,
};

/* What the server says of a slot. */
typedef struct {
	gboolean active, confirmed, pending, permanent;
} SimSlotFlags;

SimSlotFlags sim_slot_flags(const SimBoard *board, guint image, guint slot);
/* Whether it may not be written: it runs, or a trial would go back to it. */
gboolean sim_slot_in_use(const SimBoard *board, guint image, guint slot);
int sim_image_upload(SimRequest *request);

G_END_DECLS

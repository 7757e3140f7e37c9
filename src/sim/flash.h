/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/board-config.h"

G_BEGIN_DECLS

/**
 * SimFlash: NOR flash in which erasing and writing take time.
 *
 * The board's code sees its own changes at once and runs straight through; each change has a time
 * at which it is done, one after the other. Power that is lost at some moment undoes what was not
 * done yet and leaves the change that was under way half done. So neither the bootloader nor the
 * server has to be written as a state machine to be interrupted anywhere.
 */
typedef struct SimFlash SimFlash;

/**
 * sim_flash_new:
 * @size: bytes; a multiple of the erase block
 * @path: (nullable): file that keeps the contents; it is as true as the flash itself when this
 *   process is killed at any moment
 * @fresh: (out): whether nothing was there: the flash is erased
 */
SimFlash *sim_flash_new(const SimConfig *config, gsize size, const char *path, gboolean *fresh,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sim_flash_free(SimFlash *flash);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimFlash, sim_flash_free)

/* The contents, with all changes; valid as long as the flash is. */
const guint8 *sim_flash_data(const SimFlash *flash, gsize offset);
gboolean sim_flash_is_blank(const SimFlash *flash, gsize offset, gsize size);

/* Erases the blocks that hold the range. */
void sim_flash_erase(SimFlash *flash, gsize offset, gsize size);
/* Clears bits, as NOR flash does. */
void sim_flash_write(SimFlash *flash, gsize offset, const void *data, gsize size);

/* The next change begins no earlier than @now. */
void sim_flash_start(SimFlash *flash, gint64 now);
/* When the last change is done. */
gint64 sim_flash_done(const SimFlash *flash);
/* Whether a block is being erased at @now. */
gboolean sim_flash_is_erasing(const SimFlash *flash, gint64 now);
/* Changes that are done at @now can no longer be lost. */
void sim_flash_settle(SimFlash *flash, gint64 now);
/* When sim_flash_settle() has something to do, -1 never. */
gint64 sim_flash_next(const SimFlash *flash);
/* When the change that a fault strikes is half done, -1 never. */
gint64 sim_flash_cut_time(const SimFlash *flash);
/* For how long the power is away then, ms. */
gint64 sim_flash_cut_duration(const SimFlash *flash);
/* The power or the processor goes away at @now. */
void sim_flash_cut(SimFlash *flash, gint64 now);
/* All changes so far were done before the board was first switched on. */
void sim_flash_leave_factory(SimFlash *flash);
/* Block erases and writes since the start. */
guint64 sim_flash_operations(const SimFlash *flash);

G_END_DECLS

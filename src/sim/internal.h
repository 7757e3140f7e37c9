/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parts of a board know of each other. */

#include "sim/board.h"
#include "sim/flash.h"
#include "sim/image.h"
#include "sim/storage.h"

#include "protocol/cbor.h"

#include <smp/packet.h>

G_BEGIN_DECLS

/* An upload in progress. It is in RAM: gone with a reset. */
typedef struct {
	gboolean active;
	guint area; /* number of the slot */
	guint32 size;
	guint32 offset;
	guint32 erased; /* up to here, when erasing block by block */
	guint8 sha[32];
	gsize sha_size;
} SimUpload;

typedef enum {
	SIM_FILE_CLOSED,
	SIM_FILE_UPLOAD,
	SIM_FILE_DOWNLOAD,
} SimFileState;

/* The file that is open. @path: as the client says it; @file: as it is stored; @data: what is in
 * it, for an upload in RAM until it is closed */
typedef struct {
	SimFileState state;
	char *path, *file;
	GByteArray *data;
	guint64 offset; /* as the server counts */
	guint64 length; /* as announced */
	gint64 closes_at;
} SimFile;

struct SimBoard {
	SimConfig config;
	SimFlash *flash;
	GRand *rand;

	SimState state;
	SimState boots_to; /* while booting */
	gint64 boot_done;
	gint64 reset_at;    /* -1: none */
	gint64 watchdog_at; /* -1: none */
	gint64 power_at;    /* -1: it is on */
	gint64 link_up_at;
	guint link_losses;
	gboolean wants_recovery; /* retained boot mode */
	gboolean wants_reset;	 /* asked for by the request in hand */
	gboolean dead;		 /* silent for good */
	guint active[SIM_MAX_IMAGES];
	guint b0_slot; /* the variant of MCUboot that runs */
	SimVersion b0_version;

	GQueue requests; /* wait for the server; of Request */
	gint64 busy_until;
	GQueue outputs; /* of SimOutput, by time */
	guint64 n_requests;

	gint64 app_start;
	gint64 ran_before;   /* when smpsim ended, µs */
	gint64 calls_before; /* of flash: to be added to what it counted since */
	SimUpload upload;
	SimStorage *storage;
	SimFile file;
	GHashTable *settings; /* values by name, of GBytes */
	guint64 log_start;    /* entries before this one were cleared */
	gboolean clock_set;
	gint64 clock_offset; /* unix time at board time 0, µs */
	gboolean bridged;    /* requests would go to the transport below */
	guint bridge;
	gint64 lie; /* bytes that an upload answer is off */
};

/* board.c */
void sim_board_print(SimBoard *board, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The board's time of what it is doing now. */
gint64 sim_board_time(const SimBoard *board);

void sim_board_switch_on(SimBoard *board, gint64 now);

/* boot.c: what the bootloader does, then board->boots_to and board->active are set. */
void sim_boot(SimBoard *board);

/* slot.c: where slots are, and their trailers */
typedef enum {
	SIM_SWAP_NONE = 1,
	SIM_SWAP_TEST = 2,
	SIM_SWAP_PERM = 3,
	SIM_SWAP_REVERT = 4,
} SimSwapType;

gsize sim_flash_layout_size(const SimConfig *config);
/* First byte of a slot. */
gsize sim_slot_area(const SimBoard *board, guint image, guint slot);
/* First byte of the image in it: behind one block in the secondary of a swap using offset, unless
 * that holds what a trial would go back to. */
gsize sim_slot_image_area(const SimBoard *board, guint image, guint slot);
gsize sim_slot_image_space(const SimBoard *board, guint image, guint slot);
/* What fits besides the trailer. */
gsize sim_slot_capacity(const SimBoard *board);
gsize sim_status_area(const SimBoard *board, guint image);
gsize sim_status_size(const SimConfig *config);
gsize sim_scratch_area(const SimBoard *board);
gsize sim_net_core_area(const SimBoard *board);
gboolean sim_slot_read(const SimBoard *board, guint image, guint slot, SimImage *found);
gboolean sim_slot_check(const SimBoard *board, guint image, guint slot, SimImage *found);

/* @area is that of the slot. */
gboolean sim_trailer_magic(const SimBoard *board, gsize area);
gboolean sim_trailer_image_ok(const SimBoard *board, gsize area);
void sim_trailer_write_magic(SimBoard *board, gsize area);
void sim_trailer_write_image_ok(SimBoard *board, gsize area);
void sim_trailer_write_copy_done(SimBoard *board, gsize area);
void sim_trailer_erase(SimBoard *board, gsize area);
SimSwapType sim_swap_type(const SimBoard *board, guint image);
/* Where the bootloader chooses: whether it would start what is in the slot, and whether it would
 * take that one at the next reset. */
gboolean sim_slot_may_start(const SimBoard *board, guint image, guint slot);
gboolean sim_slot_is_next(const SimBoard *board, guint image, guint slot);

/* swap.c */
gboolean sim_swap_is_interrupted(const SimBoard *board, guint image);
void sim_swap_begin(SimBoard *board, guint image, SimSwapType type, gsize size);
/* From the beginning, or from where it was interrupted. */
void sim_swap_run(SimBoard *board, guint image);

/* server.c and recovery.c: @packet in, answers (of GByteArray) out */
void sim_server_receive(SimBoard *board, const guint8 *packet, gsize size, GPtrArray *answers);
void sim_recovery_receive(SimBoard *board, const guint8 *packet, gsize size, GPtrArray *answers);

G_END_DECLS

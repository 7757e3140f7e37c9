/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/board-config.h"

G_BEGIN_DECLS

/**
 * SimBoard: a simulated board without a wire and without a clock.
 *
 * Everything happens at times that the caller gives, in µs and never going back; a board on virtual
 * time runs as fast as the processor allows and does the same thing each time. Packets go in with
 * sim_board_receive(); what comes out is taken with sim_board_take_output() when it is due, which
 * is when sim_board_next_event() says so.
 */
typedef struct SimBoard SimBoard;

typedef enum {
	SIM_STATE_OFF,	    /* no power */
	SIM_STATE_BOOTING,  /* from the reset until something answers */
	SIM_STATE_APP,	    /* the application and its SMP server */
	SIM_STATE_RECOVERY, /* MCUboot's serial recovery */
	SIM_STATE_HUNG,	    /* runs and never answers */
	SIM_STATE_BRICKED,  /* nothing to start and no recovery */
} SimState;

/**
 * SimOutput: something the board sends.
 * @time: when it leaves
 * @text: console text instead of a packet
 * @damaged: is to be damaged on the wire
 * @origin: who sent the request; 0 with text
 */
typedef struct {
	gint64 time;
	gboolean text;
	gboolean damaged;
	guint origin;
	GByteArray *bytes;
} SimOutput;

void sim_output_free(SimOutput *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimOutput, sim_output_free)

/**
 * sim_board_new:
 * @config: copied
 * @state_path: (nullable): file that keeps the flash; without one the board is new each time
 * @now: the board is switched on
 *
 * A board that has nothing to finish answers at once.
 */
SimBoard *sim_board_new(const SimConfig *config, const char *state_path, gint64 now,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sim_board_free(SimBoard *board);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimBoard, sim_board_free)

/**
 * sim_board_receive:
 * @packet: one SMP packet as the transport delivers it, whatever is in it
 * @origin: comes back with the answers
 */
void sim_board_receive(SimBoard *board, const guint8 *packet, gsize size, guint origin, gint64 now);

/* When there is something to do or to take, -1 never. */
gint64 sim_board_next_event(SimBoard *board);

/* Does what is due. The other calls do that first, too. */
void sim_board_advance(SimBoard *board, gint64 now);

/* Returns: (transfer full) (nullable): the next thing the board sent up to @now */
SimOutput *sim_board_take_output(SimBoard *board, gint64 now);

/* The next packet, without console text. Returns: whether there was one; it is appended to @reply
 */
gboolean sim_board_take_reply(SimBoard *board, gint64 now, GByteArray *reply);

/* The reset button. */
void sim_board_reset(SimBoard *board, gint64 now);

/* smpsim ends: the next one goes on with them. */
void sim_board_keep_counters(SimBoard *board, gint64 now);

SimState sim_board_state(SimBoard *board, gint64 now);
/* Whether bytes get through; see %SIM_FAULT_CUT_LINK. */
gboolean sim_board_link_is_up(SimBoard *board, gint64 now);
gint64 sim_board_link_up_at(const SimBoard *board);
/* How often a connection to the board was lost: by resets, without power, cut. */
guint sim_board_link_losses(const SimBoard *board);
/* Whether a received byte is lost because flash is being erased. */
gboolean sim_board_is_deaf(SimBoard *board, gint64 now);
/* When the request in hand is done; recovery reads nothing until then. */
gint64 sim_board_busy_until(SimBoard *board);
/* The largest SMP packet that fits the receive buffer of what runs now. */
guint sim_board_buf_size(SimBoard *board);
const SimConfig *sim_board_config(const SimBoard *board);

/* Returns: (transfer full) (nullable): the version that runs of that image, "1.0.0"; %NULL where
 * nothing does. Of a network core: what it was last given. */
char *sim_board_running_version(SimBoard *board, guint image);
/* Requests that reached the board, block erases and writes of its flash: what faults count. */
guint64 sim_board_requests(const SimBoard *board);
guint64 sim_board_flash_operations(const SimBoard *board);

G_END_DECLS

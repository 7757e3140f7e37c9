/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client on virtual time for a board in this process. */

#include "sim/board.h"

#include "protocol/cbor.h"

#include <smp/packet.h>

G_BEGIN_DECLS

typedef struct {
	SimBoard *board;
	gint64 now; /* µs */
	guint8 sequence;
	GByteArray *reply; /* the last one, with its header */
	SmpCbor map;
} SimClient;

/* Takes @board. */
void sim_client_init(SimClient *client, SimBoard *board);
void sim_client_clear(SimClient *client);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SimClient, sim_client_clear)

/* Lets @duration µs pass; answers that come are dropped. */
void sim_client_sleep(SimClient *client, gint64 duration);

/* Sends a request without fields. Returns: whether an answer came within 30 s; it is in client->map
 * then, and client->now is when it came */
gboolean sim_client_ask(SimClient *client, SmpOp op, guint16 group, guint8 command);
/* The SMP-level code of the last answer, 0 if it has none. */
gint64 sim_client_rc(const SimClient *client);

/* Uploads in small pieces, goes where the board says. Returns: whether all of it got there */
gboolean sim_client_upload(SimClient *client, const GByteArray *image);
/* @hash may be NULL. Returns: whether the board did it */
gboolean sim_client_mark(SimClient *client, const guint8 *hash, gboolean confirm);
/* Asks for a reset and waits until the board is up again, or is silent for 60 s. */
gboolean sim_client_reset(SimClient *client);
gboolean sim_client_wait(SimClient *client);

G_END_DECLS

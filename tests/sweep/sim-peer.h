/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A simulated board as the far end of a test link: both on the same virtual time, in this process.
 */

#include "sim/board.h"
#include "test-link.h"

G_BEGIN_DECLS

/* Sees each packet before the board does. */
typedef void (*SimPeerWatch)(const guint8 *packet, gsize size, gpointer user_data);

/**
 * SimPeer:
 * @vanishes: the link goes away with the board, as a USB port does; else it stays, as a UART does
 * @now: the board's time while no link is there
 * @requests: sent by clients so far
 * @kill_before, @kill_after: the request at which the client is killed; 0 none
 * @killed: it was: @cancellable is cancelled, so that every call of the link fails from then on
 */
typedef struct {
	SimBoard *board;
	SmpLink *link;
	gboolean vanishes;
	gint64 now;
	guint64 requests;
	guint64 kill_before, kill_after;
	gboolean killed;
	GCancellable *cancellable;
	SimPeerWatch watch;
	gpointer watch_data;
} SimPeer;

/* Takes @board. */
void sim_peer_init(SimPeer *peer, SimBoard *board, gboolean vanishes);
void sim_peer_clear(SimPeer *peer);

/* A new client comes with a link of its own, open; the one before must be gone. */
SmpLink *sim_peer_connect(SimPeer *peer);
/* Frees the link. */
void sim_peer_disconnect(SimPeer *peer);
/* The client dies now. */
void sim_peer_kill(SimPeer *peer);

/* Lets time pass without a client. */
void sim_peer_sleep(SimPeer *peer, gint64 duration);
/* The same until the board answers, at most @limit. Returns: whether it does */
gboolean sim_peer_settle(SimPeer *peer, gint64 limit);

G_END_DECLS

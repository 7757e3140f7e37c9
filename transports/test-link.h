/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A link to a board inside the test, on virtual time: waiting costs nothing and every run gives the
 * same result. */

#include "link.h"

G_BEGIN_DECLS

/**
 * SmpTestPeer: the board's side.
 * @receive: a packet arrives at @now; the peer may call smp_test_link_reply()
 * @next_event: (nullable): when the peer wants @run next, -1 for never
 * @run: (nullable): the peer's time has come
 * @reopen: (nullable): whether the board can be reached at @now; the link tries every 100 ms
 * @resync: (nullable): the client ends what may be left of a packet that was cut
 */
typedef struct {
	void (*receive)(gpointer peer, SmpLink *link, const guint8 *packet, gsize size, gint64 now);
	gint64 (*next_event)(gpointer peer);
	void (*run)(gpointer peer, SmpLink *link, gint64 now);
	gboolean (*reopen)(gpointer peer, gint64 now);
	void (*resync)(gpointer peer, gint64 now);
} SmpTestPeer;

SmpLink *smp_test_link_new(const SmpTestPeer *peer, gpointer data);

/* The packet reaches the client at @when. */
void smp_test_link_reply(SmpLink *link, const guint8 *packet, gsize size, gint64 when);

/* From now on the link is closed (%SMP_LINK_ERROR_CLOSED) until it is opened again. */
void smp_test_link_cut(SmpLink *link);

/* What the link says it carries; 0 leaves the defaults: buf_size - 4, buf_count - 1. */
void smp_test_link_set_limits(SmpLink *link, gsize max_packet, guint max_outstanding);

/* Moves the clock without the client waiting. */
void smp_test_link_advance(SmpLink *link, gint64 us);

G_END_DECLS

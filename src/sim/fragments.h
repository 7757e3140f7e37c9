/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What Zephyr does with writes to the SMP characteristic (smp_bt.c, smp_reassembly.c). What it
 * refuses is lost without a word: a write without response has no answer. */
typedef struct {
	gboolean reassemble; /* CONFIG_MCUMGR_TRANSPORT_BT_REASSEMBLY */
	guint mtu;	     /* that the board says it has; 0: that of the link */
	GByteArray *partial; /* empty: none begun */
	gsize expected;	     /* bytes of the whole packet */
} SimFragments;

void sim_fragments_init(SimFragments *fragments, gboolean reassemble, guint mtu);
void sim_fragments_clear(SimFragments *fragments);

/* Notifications were switched off, or the link is gone. */
void sim_fragments_drop(SimFragments *fragments);

/**
 * sim_fragments_take:
 * @buf_size: the largest packet the server has room for
 * @packet: is set to the packet that this write finishes
 *
 * Returns: whether it finishes one
 */
gboolean sim_fragments_take(SimFragments *fragments, const guint8 *data, gsize size, gsize buf_size,
			    GByteArray *packet) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of an answer in one notification on a link of that MTU. */
gsize sim_fragments_size(const SimFragments *fragments, guint link_mtu);

G_END_DECLS

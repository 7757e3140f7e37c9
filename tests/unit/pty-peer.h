/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A board behind a pseudo terminal, in a thread of its own: answers every packet with itself. */

#include "protocol/framing.h"

G_BEGIN_DECLS

typedef struct PtyPeer PtyPeer;

PtyPeer *pty_peer_new(SmpFraming framing);
void pty_peer_free(PtyPeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PtyPeer, pty_peer_free)

/* The tty that a client opens. */
const char *pty_peer_path(PtyPeer *peer);

/* Takes packets without answering them. */
void pty_peer_mute(PtyPeer *peer, gboolean mute);

/* Does not read at all. */
void pty_peer_stall(PtyPeer *peer, gboolean stall);

void pty_peer_write(PtyPeer *peer, const void *data, gsize size);

/* Closes the board's side. */
void pty_peer_hang_up(PtyPeer *peer);

/* Waits until @size bytes came since the last call, at most 5 s. Returns: (transfer full): them */
GByteArray *pty_peer_take(PtyPeer *peer, gsize size);

/* The same, where only their coming matters. */
void pty_peer_skip(PtyPeer *peer, gsize size);

/* Microseconds between the first and the last read of what was taken last. */
gint64 pty_peer_span(PtyPeer *peer);

G_END_DECLS

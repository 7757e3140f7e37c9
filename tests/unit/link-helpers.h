/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Steps that tests of links have in common; they end the test where they fail. */

#include <smp/link.h>
#include <smp/packet.h>

G_BEGIN_DECLS

#define MSEC ((gint64)1000)

/* A closed link to SCHEME:PATH[?OPTIONS]. */
SmpLink *new_link(const char *scheme, const char *path, const char *options);
void open_link(SmpLink *link);

/* A write with @size bytes of payload. */
GByteArray *make_packet(guint16 size, guint8 sequence);

void send_packet(SmpLink *link, const GByteArray *packet);

/* The answer of a #PtyPeer to @packet. */
void receive_answer(SmpLink *link, const GByteArray *packet);

/* Both. */
void exchange(SmpLink *link, guint16 size, guint8 sequence);

G_END_DECLS

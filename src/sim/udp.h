/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/board.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Origins of requests: 0 is the serial line, these are the last clients that were heard. */
#define SIM_UDP_CLIENTS 32

typedef struct {
	GSocket *socket;
	GSocketAddress *clients[SIM_UDP_CLIENTS]; /* of origin i + 1 */
	guint next;
} SimUdp;

/**
 * sim_udp_parse:
 * @where: "[HOST:]PORT"; HOST is 127.0.0.1 if not given
 */
GSocketAddress *sim_udp_parse(const char *where, GError **error) G_GNUC_WARN_UNUSED_RESULT;

SimUdp *sim_udp_new(GSocketAddress *local, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sim_udp_free(SimUdp *udp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimUdp, sim_udp_free)

/* "127.0.0.1:1337" */
char *sim_udp_name(const SimUdp *udp);
void sim_udp_read(SimUdp *udp, SimBoard *board, gint64 now);
void sim_udp_send(SimUdp *udp, const SimOutput *output);

G_END_DECLS

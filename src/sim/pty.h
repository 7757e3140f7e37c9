/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/pace.h"

G_BEGIN_DECLS

/* A serial port of this machine: a pty, the bytes on their way in both directions, and a symbolic
 * link to it that goes on working when the port was away. */
typedef struct {
	int master; /* -1: hung up */
	int slave;
	char *name;
	char *link;	 /* NULL: none */
	guint only_baud; /* what the client has to set; 0 for any */
	SimLane from_client;
	SimLane to_client;
	GByteArray *ready; /* through the line, not yet taken by the kernel */
} SimPty;

SimPty *sim_pty_new(const char *link, guint baud, gint64 latency,
		    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sim_pty_free(SimPty *pty);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimPty, sim_pty_free)

void sim_pty_hang_up(SimPty *pty);
gboolean sim_pty_open(SimPty *pty, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The port stops taking bytes from the kernel while many are on the line. */
gboolean sim_pty_wants_input(const SimPty *pty);
void sim_pty_read(SimPty *pty, gint64 now);
void sim_pty_write(SimPty *pty, const GByteArray *bytes, gint64 now);
/* Hands on what is through to the client. Returns: FALSE while the kernel's buffer is full */
gboolean sim_pty_flush(SimPty *pty, gint64 now);
gint64 sim_pty_next(const SimPty *pty);

G_END_DECLS

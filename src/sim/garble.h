/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns: (transfer full): @data, sent at the rate @from, as a UART set to @to hears it */
GByteArray *sim_garble(const guint8 *data, gsize size, guint from, guint to);

/* Returns: the bits per second that a client has set a tty to; 0 where that cannot be told */
guint sim_port_rate(int fd);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "session/session.h"

G_BEGIN_DECLS

/**
 * smp_session_probe:
 * @size: see smp_link_probe_size()
 *
 * Finds out with one echo whether the server puts fragments together, and tells the link.
 */
gboolean smp_session_probe(SmpSession *session, gsize size, GError **error);

G_END_DECLS

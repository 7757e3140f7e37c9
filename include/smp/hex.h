/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* Returns: (transfer full): two lower-case digits a byte */
char *smp_hex_format(const guint8 *data, gsize size);
/* Returns: (transfer full) (nullable): %NULL where @text is no whole number of bytes */
GBytes *smp_hex_parse(const char *text) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

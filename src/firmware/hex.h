/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Intel HEX (Intel, "Hexadecimal Object File Format Specification", revision A, 1988). */

/* Whether a file begins like one. */
gboolean smp_hex_detect(const guint8 *data, gsize size);

/**
 * smp_hex_decode:
 * @name: for messages
 * @address: (out): where the data starts
 *
 * Gaps become 0xff, what erased flash reads.
 *
 * Returns: (transfer full): the memory that the file describes, from its first byte to its last;
 * %NULL with %SMP_UPDATE_ERROR_CORRUPT or _NOT_MCUBOOT
 */
GBytes *smp_hex_decode(const char *name, const guint8 *data, gsize size, guint32 *address,
		       GError **error) G_GNUC_WARN_UNUSED_RESULT;

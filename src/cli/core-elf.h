/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * smpctl_core_to_elf:
 * @dump: a core dump of Mynewt
 * @hash: (out) (transfer full): that of the image that crashed
 *
 * Returns: (transfer full): an ELF file for gdb; %NULL with %SMP_UPDATE_ERROR_FILE
 */
GByteArray *smpctl_core_to_elf(const guint8 *dump, gsize size, GByteArray **hash,
			       GError **error) G_GNUC_WARN_UNUSED_RESULT;

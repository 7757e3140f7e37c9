/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "protocol/cbor.h"

#include <smp/error.h>

G_BEGIN_DECLS

/**
 * smp_device_error_read:
 * @body: the map of an answer
 * @device: (out): the error in it
 *
 * All three shapes, in any mixture: `err` {group, rc}; `ret` {group, rc} of Zephyr 3.4 (an integer
 * `ret` is a shell command's exit status); `rc` alone.
 *
 * Returns: whether the answer is an error
 */
gboolean smp_device_error_read(const SmpCbor *body, SmpDeviceError *device);

/* Sets %SMP_PROTOCOL_ERROR_DEVICE with name and meaning; @rsn is the server's own text or NULL. */
void smp_device_error_set(GError **error, const SmpDeviceError *device, const char *rsn);

/* Adds what a server says beside the error of a file upload: how long the file is. */
void smp_device_error_set_length(GError **error, guint64 length);

G_END_DECLS

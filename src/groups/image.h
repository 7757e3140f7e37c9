/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/image.h>

G_BEGIN_DECLS

/* As smp_image_set_state(), sent only once: should the board restart while the answer is waited
 * for, a repeated request would meet other images than it was meant for. */
SmpImageState *smp_image_set_state_once(SmpSession *session, const SmpHash *hash, gboolean confirm,
					GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* As smp_image_list(), for one who does not wait until hashes are checked. */
SmpImageState *smp_image_list_within(SmpSession *session, guint timeout_ms,
				     GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The Zephyr basic group (63). Facts: Zephyr smp_group_63.rst, grp/zephyr_basic. */

/* Erases the storage partition: settings, bonds. Slow. */
gboolean smp_basic_erase_storage(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

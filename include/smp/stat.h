/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The statistics group (2). Facts: Zephyr smp_group_2.rst, grp/stat_mgmt. */

/**
 * SmpStatField: one counter.
 * @name: "s0", "s1"... where the firmware was built without names
 */
typedef struct {
	char *name;
	guint64 value;
} SmpStatField;

/* Returns: (transfer full): the names of all groups of statistics */
char **smp_stat_list(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_stat_read:
 * @name: of the group
 *
 * Returns: (transfer full) (element-type SmpStatField): its counters, in the board's order
 */
GPtrArray *smp_stat_read(SmpSession *session, const char *name,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

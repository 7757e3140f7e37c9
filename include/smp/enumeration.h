/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The enumeration group (10), Zephyr 4.0 and later. Facts: smp_group_10.rst, grp/enum_mgmt. */

/**
 * SmpGroupInfo:
 * @name: "" where the firmware was built without names
 * @handlers: one more than the highest command; 0 where it is not told
 */
typedef struct {
	guint16 id;
	char *name;
	guint handlers;
} SmpGroupInfo;

gboolean smp_enumeration_count(SmpSession *session, guint *count,
			       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full) (element-type guint16): the numbers of all groups */
GArray *smp_enumeration_list(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @last: (out): it is the last one */
gboolean smp_enumeration_single(SmpSession *session, guint index, guint16 *group, gboolean *last,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full) (element-type SmpGroupInfo): needs
 * CONFIG_MCUMGR_GRP_ENUM_DETAILS */
GPtrArray *smp_enumeration_details(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

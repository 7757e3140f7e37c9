/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <smp/basic.h>

enum {
	ERASE_STORAGE = 0,
};

#define ERASE_TIMEOUT_MS 60000

gboolean smp_basic_erase_storage(SmpSession *session, GError **error)
{
	return smp_group_order(
		session,
		smp_group_empty_request(SMP_OP_WRITE, SMP_GROUP_ZEPHYR_BASIC, ERASE_STORAGE),
		smp_group_at_least(session, ERASE_TIMEOUT_MS), SMP_REPEAT_SAFE, "erase the storage",
		error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/configuration.h"

G_BEGIN_DECLS

/* A key whose value is of a kind that a caller knows what to do with. */
typedef struct {
	const char *name;
	gboolean (*set)(gpointer record, const char *value, GError **error);
} SmpdKey;

/* Keys of SmpdRules, of SmpdTarget, of SmpdConfiguration; the last has no name. */
extern const SmpdKey smpd_rule_keys[];
extern const SmpdKey smpd_target_keys[];
extern const SmpdKey smpd_daemon_keys[];

void smpd_rules_init(SmpdRules *rules);
void smpd_rules_clear(SmpdRules *rules);

/* Puts the target together from what it says of itself. */
gboolean smpd_target_complete(SmpdTarget *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

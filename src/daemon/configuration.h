/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the administrator wants: /etc/smpd/smpd.conf and the files in /etc/smpd/targets.d; see
 * smpd.conf(5). */

#include "daemon/window.h"

#include <smp/plan.h>

G_BEGIN_DECLS

/**
 * SmpdRules: what holds for a board: its own keys, then those of its group, then [policy].
 * @firmware: (nullable): file or folder that it is to run
 * @health_check: (nullable): command
 * @health_timeout: seconds
 * @windows: (nullable): when policy may begin an update
 * @retries: failures until it is held
 * @backoff: seconds after the first failure; doubled after each
 * @keys: (nullable): of smp_key_set_add()
 */
typedef struct {
	char *firmware;
	SmpUpdateMode mode;
	char *health_check;
	guint health_timeout;
	GArray *windows;
	guint retries;
	guint backoff;
	char **keys;
	guint allow;
} SmpdRules;

/**
 * SmpdTarget: a board, or with @vendor and no @serial all boards of this kind.
 * @target: (nullable): as smp_link_new() takes it; %NULL where @vendor is given
 * @group: (nullable)
 * @group_parallel: how many boards of the group at once; 0 for any number
 * @poll: seconds between looks at it; 0 for none
 * @fingerprint: changes when anything in its configuration does
 */
typedef struct {
	char *name;
	char *target;
	char *vendor, *product, *serial, *interface;
	char *group;
	guint group_parallel;
	guint poll;
	SmpdRules rules;
	char *fingerprint;
	grefcount references;
} SmpdTarget;

SmpdTarget *smpd_target_new(const char *name, const char *uri);
/* Returns: (transfer full): a board of this kind, with its rules */
SmpdTarget *smpd_target_of_kind(const SmpdTarget *kind, const char *name, const char *uri);
SmpdTarget *smpd_target_ref(SmpdTarget *target);
void smpd_target_unref(SmpdTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpdTarget, smpd_target_unref)

/**
 * SmpdConfiguration:
 * @targets: (element-type SmpdTarget)
 * @marked: for ports that udev marks and no target names
 * @max_parallel, @per_bus: jobs at once
 * @rate: updates that policy begins in an hour; 0 for any number
 * @keep_jobs: finished jobs that are kept
 * @errors: (element-type utf8)
 */
typedef struct {
	GPtrArray *targets;
	SmpdTarget *marked;
	guint max_parallel;
	guint per_bus;
	guint rate;
	guint keep_jobs;
	GPtrArray *errors;
} SmpdConfiguration;

/* Never fails: what cannot be used is told in errors, and the rest is served. */
SmpdConfiguration *smpd_configuration_load(const char *folder);
void smpd_configuration_free(SmpdConfiguration *configuration);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpdConfiguration, smpd_configuration_free)

/* A name that fits into paths: letters, digits, `_.-`, up to 64. */
gboolean smpd_name_check(const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @names: "downgrade"…; adds to the mask. Returns: FALSE with the first that is none in @unknown */
gboolean smpd_allow_parse(const char *const *names, guint *allow, const char **unknown);

/* Whether it is a target that the daemon serves: anything but simulated boards. */
gboolean smpd_target_check(const char *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the target of a port by what it says on USB. @interface: (nullable) */
char *smpd_usb_target(const char *vendor, const char *product, const char *serial,
		      const char *interface);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The settings group (3) of Zephyr, and Mynewt's config under the same number. Facts: Zephyr
 * smp_group_3.rst, grp/settings_mgmt; Mynewt sys/config. */

/**
 * smp_settings_read:
 * @name: the whole key; there is no list of them
 * @max_size: at most so many bytes; 0 for what the board takes
 * @cut: (out) (optional): whether the value may be longer than what is returned: that has
 *   @max_size bytes, or as many as the board takes, which it only tells where that is less
 *
 * Returns: (transfer full): the value: bytes without a type; text of a board with Mynewt
 */
GBytes *smp_settings_read(SmpSession *session, const char *name, guint max_size, gboolean *cut,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets the value until the next reset; smp_settings_save() keeps it. */
gboolean smp_settings_write(SmpSession *session, const char *name, GBytes *value,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean smp_settings_delete(SmpSession *session, const char *name,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Lets the firmware apply what was written. */
gboolean smp_settings_commit(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Reads everything from flash again. */
gboolean smp_settings_load(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @name: (nullable): only this one or what is below it, on servers newer than Zephyr 4.4 */
gboolean smp_settings_save(SmpSession *session, const char *name,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Mynewt, and Zephyr's values as the Go tool reads them. Returns: (transfer full): the value: text,
 * which is not checked, or bytes */
GBytes *smp_config_read(SmpSession *session, const char *name,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean smp_config_write(SmpSession *session, const char *name, const char *value,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Keeps all values in flash. */
gboolean smp_config_save(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What libsmp takes, too (smp_firmware_load()). */
#define SMPD_MAX_FILE (64 * 1024 * 1024)

/**
 * smpd_copy_file:
 * @fd: a regular file that somebody else has open
 * @name: what to call it in messages
 * @path: to be made; synced when this returns
 * @sum: (out): SHA-256 of what was copied, in hexadecimal
 */
gboolean smpd_copy_file(int fd, const char *name, const char *path, char **sum,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes what was made or renamed in a folder survive a power cut. */
gboolean smpd_sync_folder(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): a file name made of what a caller calls a file; differs from those
 * before it by @index */
char *smpd_file_name(const char *name, guint index);

G_END_DECLS

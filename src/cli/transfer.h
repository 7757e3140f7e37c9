/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files on their way to and from a board. */

#include "cli.h"

/* progress.c */
/**
 * SmpctlTransfer: what is told of a file on its way.
 * @download: it comes from the board
 */
typedef struct {
	SmpctlProgress progress;
	gboolean download;
	guint64 offset;
	guint64 size;
} SmpctlTransfer;

void smpctl_transfer_init(SmpctlTransfer *transfer, Smpctl *cli, const char *label);
void smpctl_transfer_clear(SmpctlTransfer *transfer);
void smpctl_transfer_progress(const SmpUploadProgress *progress, gpointer user_data);

/* download.c */
/* Why nothing is compared on boards that cannot. */
#define SMPCTL_NO_HASHES "the board has no hashes (CONFIG_MCUMGR_GRP_FS_CHECKSUM_HASH)"
/**
 * SmpctlPart: a file that is not whole yet: TARGET.part, or standard output for "-".
 * @path: (nullable)
 * @size: what is in it
 * @sum: SHA-256 of what went to standard output, which cannot be read again; %NULL for a file
 */
typedef struct {
	const char *target;
	char *path;
	int fd;
	guint64 size;
	GChecksum *sum;
} SmpctlPart;

/* @keep: what is in it already */
gboolean smpctl_part_open(SmpctlPart *part, const char *target, gboolean keep,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean smpctl_part_restart(SmpctlPart *part, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean smpctl_part_write(SmpctlPart *part, const guint8 *data, gsize size,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* It is whole and gets its name. */
gboolean smpctl_part_finish(SmpctlPart *part, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full) (nullable): what stays of it where something failed, for Smpctl.state
 * @size: of the whole; 0 where that is not known
 * @resumes: --resume can make use of it */
char *smpctl_part_state(const SmpctlPart *part, guint64 size, gboolean resumes);
/* One that is not @done and holds nothing of use goes. */
void smpctl_part_close(SmpctlPart *part, gboolean done);

/**
 * SmpctlDownload:
 * @source: on the board
 * @target: here; "-" for standard output
 * @window: most requests in flight; 0 for what the board takes
 * @size: (out): of the whole; 0 where that is not known
 * @unverified: (out) (nullable): why nothing was compared, where it should have been
 */
typedef struct {
	const char *source;
	const char *target;
	guint window;
	gboolean resume;
	gboolean no_verify;
	guint64 size;
	const char *unverified;
} SmpctlDownload;

/* @checked: (out): whether the board's hash agrees */
gboolean smpctl_download(Smpctl *cli, SmpSession *session, SmpctlDownload *download,
			 SmpUploadResult *result, gboolean *checked,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files on their way to and from a board. */

#include "cli.h"

/* progress.c */
/**
 * SmpctlTransfer: what is told of a file on its way.
 * @download: it comes from the board
 * @standard: it goes to standard output, where nothing else may
 */
typedef struct {
	SmpctlProgress progress;
	gboolean download;
	gboolean standard;
	guint64 offset;
	guint64 size;
} SmpctlTransfer;

void smpctl_transfer_init(SmpctlTransfer *transfer, Smpctl *cli, const char *label);
void smpctl_transfer_clear(SmpctlTransfer *transfer);
void smpctl_transfer_progress(const SmpUploadProgress *progress, gpointer user_data);

/* part.c */
/**
 * SmpctlPart: a file that is not whole yet.
 * @target: as it was named; "-" is standard output
 * @name: (nullable): what gets it in the end, behind all links; %NULL for what is no file: a pipe,
 * a device, standard output
 * @path: (nullable): where it is until then: NAME.part
 * @size: what is in it
 * @standard: it is standard output, by whatever name
 * @sum: SHA-256 of what went to no file, which cannot be read again; %NULL for a file
 */
typedef struct {
	const char *target;
	char *name;
	char *path;
	int fd;
	guint64 size;
	gboolean standard;
	GChecksum *sum;
} SmpctlPart;

/* What @target is; touches nothing. A directory is an error, so is what is no file with @resume. */
gboolean smpctl_part_look(SmpctlPart *part, const char *target, gboolean resume,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @keep: what is in it already */
gboolean smpctl_part_open(SmpctlPart *part, gboolean keep,
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

/* download.c */
/* Why nothing is compared on boards that cannot. */
#define SMPCTL_NO_HASHES "the board has no hashes (CONFIG_MCUMGR_GRP_FS_CHECKSUM_HASH)"

/**
 * SmpctlDownload:
 * @source: on the board
 * @target: here; "-" for standard output
 * @standard: (out): whether that is standard output
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
	gboolean standard;
	guint64 size;
	const char *unverified;
} SmpctlDownload;

/* @checked: (out): whether the board's hash agrees */
gboolean smpctl_download(Smpctl *cli, SmpctlDownload *download, SmpUploadResult *result,
			 gboolean *checked, GError **error) G_GNUC_WARN_UNUSED_RESULT;

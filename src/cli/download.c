/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes from a board into a file: into DST.part first, which gets its name when it is whole.
 */

#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define HASH_NOT_FOUND 13 /* fs_mgmt.h */

static gboolean fail(GError **error, const char *what, const char *path)
{
	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "cannot %s %s: %s",
		    what, path, g_strerror(errno));
	return FALSE;
}

static gboolean is_stdout(const SmpctlDownload *download)
{
	return g_str_equal(download->target, "-");
}

gboolean smpctl_part_open(SmpctlPart *part, const char *target, gboolean keep, GError **error)
{
	gboolean standard = g_str_equal(target, "-");

	*part = (SmpctlPart){.target = target, .fd = STDOUT_FILENO};
	if (standard) {
		part->sum = g_checksum_new(G_CHECKSUM_SHA256);
		return TRUE;
	}
	part->path = g_strconcat(target, ".part", NULL);
	part->fd = g_open(part->path, O_RDWR | O_CREAT | O_CLOEXEC | (keep ? 0 : O_TRUNC), 0666);
	if (part->fd < 0) {
		(void)fail(error, "write", part->path);
		smpctl_part_close(part, FALSE);
		return FALSE;
	}
	off_t end = lseek(part->fd, 0, SEEK_END);
	part->size = end > 0 ? (guint64)end : 0;
	return TRUE;
}

gboolean smpctl_part_restart(SmpctlPart *part, GError **error)
{
	part->size = 0;
	return (ftruncate(part->fd, 0) == 0 && lseek(part->fd, 0, SEEK_SET) == 0) ||
	       fail(error, "write", part->path);
}

gboolean smpctl_part_write(SmpctlPart *part, const guint8 *data, gsize size, GError **error)
{
	if (part->sum)
		g_checksum_update(part->sum, data, (gssize)size);
	while (size > 0) {
		ssize_t n = write(part->fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(error, "write", part->path ? part->path : "standard output");
		data += n;
		size -= (gsize)n;
		part->size += (gsize)n;
	}
	return TRUE;
}

gboolean smpctl_part_finish(SmpctlPart *part, GError **error)
{
	if (!part->path)
		return TRUE;
	if (fsync(part->fd) != 0 || g_rename(part->path, part->target) != 0)
		return fail(error, "write", part->target);
	return TRUE;
}

char *smpctl_part_state(const SmpctlPart *part, guint64 size, gboolean resumes)
{
	g_autofree char *of = size ? g_strdup_printf(" of %" G_GUINT64_FORMAT, size) : NULL;

	if (!part->path || part->size == 0)
		return NULL;
	return g_strdup_printf(
		"%" G_GUINT64_FORMAT "%s bytes are in %s.%s", part->size, of ? of : "", part->path,
		resumes ? "\nThe same command with --resume goes on from there." : "");
}

void smpctl_part_close(SmpctlPart *part, gboolean done)
{
	if (part->path && part->fd >= 0) {
		close(part->fd);
		if (part->size == 0 && !done)
			g_unlink(part->path);
	}
	g_clear_pointer(&part->path, g_free);
	g_clear_pointer(&part->sum, g_checksum_free);
}

static gboolean sink(const guint8 *data, gsize size, gpointer user_data, GError **error)
{
	SmpctlPart *part = user_data;

	return smpctl_part_write(part, data, size, error);
}

/* Whether what is in the file is the beginning of what the board has, or with @whole all of it. */
static gboolean compare(SmpSession *session, const SmpctlDownload *download, const SmpctlPart *part,
			gboolean whole, gboolean *agrees, GError **error)
{
	g_autoptr(GMappedFile) map = g_mapped_file_new(part->path, FALSE, error);
	g_autoptr(GError) local = NULL;

	if (!map)
		return FALSE;
	if (smp_fs_check(session, download->source, (const guint8 *)g_mapped_file_get_contents(map),
			 g_mapped_file_get_length(map), whole, agrees, &local))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

/* Where it cannot be compared, and where it is another file, it comes anew. */
static gboolean check_part(SmpSession *session, const SmpctlDownload *download, SmpctlPart *part,
			   GError **error)
{
	g_autoptr(GError) local = NULL;
	SmpDeviceError device;
	gboolean agrees = FALSE;

	if (part->size == 0)
		return TRUE;
	if (compare(session, download, part, FALSE, &agrees, &local) ||
	    smp_error_get_device(local, &device))
		return agrees || smpctl_part_restart(part, error);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

/* The same for standard output. Boards hash no empty files. */
static gboolean compare_sum(SmpSession *session, const SmpctlDownload *download,
			    const SmpctlPart *part, gboolean *agrees, GError **error)
{
	guint8 digest[32];
	gsize length = sizeof digest;
	gsize size;

	if (part->size == 0)
		return smp_fs_check(session, download->source, NULL, 0, TRUE, agrees, error);
	g_autoptr(SmpFsHash) hash = smp_fs_hash(session, download->source, "sha256", 0, 0, error);
	if (!hash)
		return FALSE;
	g_checksum_get_digest(part->sum, digest, &length);
	const guint8 *theirs = g_bytes_get_data(hash->value, &size);
	*agrees =
		hash->length == part->size && size == length && memcmp(digest, theirs, length) == 0;
	return TRUE;
}

/* Why it cannot be compared; NULL for what is an error. */
static const char *why_not(const SmpctlPart *part, const GError *error)
{
	if (smp_error_is_unsupported(error))
		return SMPCTL_NO_HASHES;
	/* With version 1 it is the code of a request that is not understood. */
	if (part->sum && (smp_error_is_device(error, SMP_GROUP_FS, HASH_NOT_FOUND) ||
			  smp_error_is_device(error, SMP_GROUP_NONE, SMP_RC_EINVAL)))
		return "what goes to standard output is compared by SHA-256 only, which the board "
		       "has not (CONFIG_MCUMGR_GRP_FS_HASH_SHA256)";
	return NULL;
}

static gboolean verify(SmpSession *session, SmpctlDownload *download, SmpctlPart *part,
		       gboolean *checked, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (download->no_verify)
		return TRUE;
	if (!(part->sum ? compare_sum(session, download, part, checked, &local)
			: compare(session, download, part, TRUE, checked, &local))) {
		download->unverified = why_not(part, local);
		if (download->unverified)
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	if (*checked)
		return TRUE;
	g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MISMATCH,
		    "cannot read the file: what came of %s is not what the board has",
		    download->source);
	part->size = 0;
	return FALSE;
}

static gboolean fetch(Smpctl *cli, SmpSession *session, SmpctlDownload *download, SmpctlPart *part,
		      SmpUploadResult *result, gboolean *checked, GError **error)
{
	SmpctlTransfer transfer;
	SmpUploadOptions options = {
		.window = download->window,
		.progress = smpctl_transfer_progress,
		.user_data = &transfer,
	};

	if (!check_part(session, download, part, error))
		return FALSE;
	smpctl_transfer_init(&transfer, cli, "download");
	transfer.download = TRUE;
	transfer.offset = part->size;
	gboolean done = smp_fs_download(session, download->source, part->size, sink, part, &options,
					result, error);
	download->size = done ? part->size : transfer.size;
	smpctl_transfer_clear(&transfer);
	return done && verify(session, download, part, checked, error) &&
	       smpctl_part_finish(part, error);
}

gboolean smpctl_download(Smpctl *cli, SmpSession *session, SmpctlDownload *download,
			 SmpUploadResult *result, gboolean *checked, GError **error)
{
	SmpctlPart part;
	SmpDeviceError device;
	g_autoptr(GError) local = NULL;

	if (download->resume && is_stdout(download))
		return smpctl_usage_error(error, "--resume needs a file");
	if (!smpctl_part_open(&part, download->target, download->resume, error))
		return FALSE;
	gboolean done = fetch(cli, session, download, &part, result, checked, &local);
	if (!done) {
		/* What the board does not hash comes anew. */
		gboolean resumes =
			part.size != download->size || !smp_error_get_device(local, &device);
		cli->state = smpctl_part_state(&part, download->size, resumes);
		g_propagate_error(error, g_steal_pointer(&local));
	}
	smpctl_part_close(&part, done);
	return done;
}

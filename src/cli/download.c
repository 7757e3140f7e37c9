/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes from a board into a file, compared with the board's hash. */

#include "transfer.h"

#include <string.h>

#define HASH_NOT_FOUND 13 /* fs_mgmt.h */

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

/* The same for what cannot be read again. Boards hash no empty files. */
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
		return "what goes to no file is compared by SHA-256 only, which the board has not "
		       "(CONFIG_MCUMGR_GRP_FS_HASH_SHA256)";
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
	transfer.standard = part->standard;
	transfer.offset = part->size;
	gboolean done = smp_fs_download(session, download->source, part->size, sink, part, &options,
					result, error);
	download->size = done ? part->size : transfer.size;
	smpctl_transfer_clear(&transfer);
	return done && verify(session, download, part, checked, error) &&
	       smpctl_part_finish(part, error);
}

static gboolean download_to(Smpctl *cli, SmpctlDownload *download, SmpctlPart *part,
			    SmpUploadResult *result, gboolean *checked, GError **error)
{
	SmpDeviceError device;
	g_autoptr(GError) local = NULL;

	download->standard = part->standard;
	if (cli->options->json && part->standard)
		return smpctl_usage_error(error, "with --json standard output cannot be the file");
	SmpSession *session = smpctl_session(cli, error);
	if (!session || !smpctl_part_open(part, download->resume, error))
		return FALSE;
	if (fetch(cli, session, download, part, result, checked, &local))
		return TRUE;
	/* What the board does not hash comes anew. */
	gboolean resumes = part->size != download->size || !smp_error_get_device(local, &device);
	cli->state = smpctl_part_state(part, download->size, resumes);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

gboolean smpctl_download(Smpctl *cli, SmpctlDownload *download, SmpUploadResult *result,
			 gboolean *checked, GError **error)
{
	SmpctlPart part;
	gboolean done = smpctl_part_look(&part, download->target, download->resume, error) &&
			download_to(cli, download, &part, result, checked, error);

	smpctl_part_close(&part, done);
	return done;
}

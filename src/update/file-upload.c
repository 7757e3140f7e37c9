/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file on its way to the board. Facts about servers: Zephyr grp/fs_mgmt. */

#include <smp/error.h>
#include <smp/fs.h>
#include <smp/packet.h>

#include "update/transfer.h"

#define OFFSET_NOT_VALID 11 /* fs_mgmt.h */

typedef struct {
	const char *path;
	const guint8 *data;
	gsize size;
} File;

static void encode(gpointer context, GByteArray *packet, guint64 offset, const guint8 *data,
		   gsize size)
{
	const File *file = context;

	smp_fs_write_encode(file->path, file->size, packet, offset, data, size);
}

static gboolean decode(const SmpResponse *response, guint64 *offset, int *match, GError **error)
{
	*match = -1;
	return smp_fs_write_decode(response, offset, error);
}

/* Before Zephyr 3.4 no file stays open, and there is no such command. */
static gboolean close_file(SmpSession *session, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (smp_fs_close(session, &local) || smp_error_is_unsupported(local))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gboolean begin(gpointer context G_GNUC_UNUSED, SmpSession *session, GError **error)
{
	return close_file(session, error);
}

/* How long the file is; 0 if there is none. One that is open says 0, too, so it is closed. */
static gboolean look(const File *file, SmpSession *session, guint64 *size, GError **error)
{
	g_autoptr(GError) local = NULL;
	SmpDeviceError device;

	*size = 0;
	if (!close_file(session, error))
		return FALSE;
	if (smp_fs_status(session, file->path, size, &local) ||
	    smp_error_get_device(local, &device))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

/* What is there counts only if its hash says that it is the beginning of this file. */
static gboolean locate(gpointer context, SmpSession *session, guint64 *offset, GError **error)
{
	const File *file = context;
	g_autoptr(GError) local = NULL;
	SmpDeviceError device;
	gboolean agrees = FALSE;

	if (!look(file, session, offset, error))
		return FALSE;
	if (*offset > file->size)
		*offset = 0;
	if (*offset == 0)
		return TRUE;
	if (!smp_fs_check(session, file->path, file->data, (gsize)*offset, FALSE, &agrees,
			  &local) &&
	    !smp_error_get_device(local, &device)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	if (!agrees)
		*offset = 0;
	return TRUE;
}

/* With version 1 the error has no name and does not say more. */
static gboolean place(gpointer context, SmpSession *session, const GError *cause, guint64 *offset,
		      GError **error)
{
	if (smp_error_is_device(cause, SMP_GROUP_FS, OFFSET_NOT_VALID) &&
	    smp_error_get_length(cause, offset))
		return TRUE;
	if (smp_error_is_device(cause, SMP_GROUP_FS, OFFSET_NOT_VALID) ||
	    smp_error_is_device(cause, SMP_GROUP_NONE, SMP_RC_EUNKNOWN))
		return look(context, session, offset, error);
	g_propagate_error(error, g_error_copy(cause));
	return FALSE;
}

static gboolean check(const File *file, SmpSession *session, gboolean *checked, GError **error)
{
	g_autoptr(GError) local = NULL;
	gboolean agrees;

	if (!smp_fs_check(session, file->path, file->data, file->size, TRUE, &agrees, &local)) {
		if (smp_error_is_unsupported(local))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	*checked = agrees;
	if (agrees)
		return TRUE;
	g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MISMATCH,
		    "cannot upload the file: what the board has of %s now is something else; "
		    "upload it again",
		    file->path);
	return FALSE;
}

static gboolean run(File *file, SmpSession *session, SmpFsFlags flags,
		    const SmpUploadOptions *options, SmpUploadResult *result, GError **error)
{
	SmpTransfer transfer = {
		.what = "the file",
		.label = "path",
		.data = file->data,
		.size = file->size,
		.encode = encode,
		.decode = decode,
		.begin = begin,
		.locate = locate,
		.place = place,
		.context = file,
	};

	if (flags & SMP_FS_RESUME && !locate(file, session, &transfer.start, error))
		return FALSE;
	/* A file that is open loses what it has in a power cut, and hides it from a look. */
	return smp_transfer_run(session, &transfer, options, result, error) &&
	       close_file(session, error);
}

gboolean smp_fs_upload(SmpSession *session, const char *path, GBytes *bytes, SmpFsFlags flags,
		       const SmpUploadOptions *options, SmpUploadResult *result, gboolean *checked,
		       GError **error)
{
	File file = {.path = path};

	file.data = g_bytes_get_data(bytes, &file.size);
	*checked = FALSE;
	if (result)
		*result = (SmpUploadResult){0};
	return run(&file, session, flags, options, result, error) &&
	       (flags & SMP_FS_NO_CHECK || check(&file, session, checked, error));
}

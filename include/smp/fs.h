/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/upload.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The file system group (8) of Zephyr. Facts: smp_group_8.rst, grp/fs_mgmt. Paths are the board's,
 * with the mount point: "/lfs1/config.txt". There is no list of them. */

/* @size: (out): bytes of the file */
gboolean smp_fs_status(SmpSession *session, const char *path, guint64 *size,
		       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpFsHash:
 * @type: "crc32", "sha256"
 * @offset, @length: the part of the file that it is of
 * @value: big-endian where the board sent a number
 */
typedef struct {
	char *type;
	guint64 offset;
	guint64 length;
	GBytes *value;
} SmpFsHash;

void smp_fs_hash_free(SmpFsHash *hash);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpFsHash, smp_fs_hash_free)

/**
 * smp_fs_hash:
 * @type: (nullable): the board's default where %NULL
 * @offset, @length: of what part; 0 as length for all behind @offset
 *
 * Returns: (transfer full)
 */
SmpFsHash *smp_fs_hash(SmpSession *session, const char *path, const char *type, guint64 offset,
		       guint64 length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpFsHashType:
 * @number: it is sent as a number, not as bytes
 * @size: in bytes
 */
typedef struct {
	char *name;
	gboolean number;
	guint size;
} SmpFsHashType;

/* Returns: (transfer full) (element-type SmpFsHashType): what smp_fs_hash() takes */
GPtrArray *smp_fs_hash_types(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes the file that a transfer left open. */
gboolean smp_fs_close(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_fs_read:
 * @size: (out): bytes of the file, which the board tells at @offset 0; G_MAXUINT64 elsewhere
 *
 * Returns: (transfer full): as many bytes as fit an answer; none behind the end
 */
GBytes *smp_fs_read(SmpSession *session, const char *path, guint64 offset, guint64 *size,
		    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the request of smp_fs_read(), for several at once */
GByteArray *smp_fs_read_encode(const char *path, guint64 offset);
/* What smp_fs_read() returns, of an answer. */
GBytes *smp_fs_read_decode(const SmpResponse *response, guint64 offset, guint64 *size,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes @packet the request that writes @data at @offset of a file of @length bytes. */
void smp_fs_write_encode(const char *path, guint64 length, GByteArray *packet, guint64 offset,
			 const guint8 *data, gsize size);
/* @offset: (out): where the board wants the next bytes */
gboolean smp_fs_write_decode(const SmpResponse *response, guint64 *offset,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_fs_check:
 * @data: the first @size bytes that the file should have
 * @whole: whether it shall have no more than these
 * @agrees: (out): whether the board's hash says so
 *
 * Returns: FALSE also where the board has no hashes: smp_error_is_unsupported()
 */
gboolean smp_fs_check(SmpSession *session, const char *path, const guint8 *data, gsize size,
		      gboolean whole, gboolean *agrees, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpFsFlags:
 * @SMP_FS_RESUME: go on behind what the board has, if its hash says that this is the beginning
 * @SMP_FS_NO_CHECK: do not compare the hashes at the end
 */
typedef enum {
	SMP_FS_RESUME = 1 << 0,
	SMP_FS_NO_CHECK = 1 << 1,
} SmpFsFlags;

/**
 * smp_fs_upload:
 * @options: (nullable): defaults where %NULL
 * @result: (out) (optional): also set on failure
 * @checked: (out): whether the board has hashes, and they are the same
 *
 * Writes a file at the speed of the wire. Boards append a first request that they get twice: the
 * file is closed before it is sent, each time. A later request that the board got already it
 * answers with where it is, and that is where this goes on. A board that goes away is waited for.
 */
gboolean smp_fs_upload(SmpSession *session, const char *path, GBytes *bytes, SmpFsFlags flags,
		       const SmpUploadOptions *options, SmpUploadResult *result, gboolean *checked,
		       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes what comes of a file, in order. Returns: FALSE with an error, which ends the download */
typedef gboolean (*SmpFsSink)(const guint8 *data, gsize size, gpointer user_data, GError **error);

/**
 * smp_fs_download:
 * @start: how many bytes are there already
 * @options: (nullable): its window, progress function and @reconnect_ms count
 * @result: (out) (optional): also set on failure; @sent are the bytes received
 *
 * Reads a file from @start to its end, with as many requests in flight as the board has buffers
 * for, one at a time where they get lost. A file that ends early, or an answer that is not what was
 * asked for, is an error.
 */
gboolean smp_fs_download(SmpSession *session, const char *path, guint64 start, SmpFsSink sink,
			 gpointer user_data, const SmpUploadOptions *options,
			 SmpUploadResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

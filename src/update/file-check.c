/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether a file on the board is what it should be, by the hashes that boards have. */

#include <smp/error.h>
#include <smp/fs.h>
#include <smp/packet.h>
#include <string.h>

#define HASH_NOT_FOUND 13 /* fs_mgmt.h */

static GBytes *sha256(const guint8 *data, gsize size)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize length = sizeof digest;

	g_checksum_update(checksum, data, (gssize)size);
	g_checksum_get_digest(checksum, digest, &length);
	return g_bytes_new(digest, length);
}

/* IEEE 802.3, as Zephyr's crc32_ieee(). */
static GBytes *crc32(const guint8 *data, gsize size)
{
	guint32 crc = G_MAXUINT32;

	for (gsize i = 0; i < size; i++) {
		crc ^= data[i];
		for (guint bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	crc = GUINT32_TO_BE(~crc);
	return g_bytes_new(&crc, sizeof crc);
}

static const struct {
	const char *type;
	GBytes *(*make)(const guint8 *data, gsize size);
} hashes[] = {{"sha256", sha256}, {"crc32", crc32}};

/* With version 1 it is the code of a request that is not understood. */
static gboolean is_unknown_type(const GError *error)
{
	return smp_error_is_device(error, SMP_GROUP_FS, HASH_NOT_FOUND) ||
	       smp_error_is_device(error, SMP_GROUP_NONE, SMP_RC_EINVAL);
}

/* Boards hash no empty files (FILE_EMPTY). */
static gboolean check_empty(SmpSession *session, const char *path, gboolean *agrees, GError **error)
{
	guint64 size;

	if (!smp_fs_status(session, path, &size, error))
		return FALSE;
	*agrees = size == 0;
	return TRUE;
}

gboolean smp_fs_check(SmpSession *session, const char *path, const guint8 *data, gsize size,
		      gboolean whole, gboolean *agrees, GError **error)
{
	g_autoptr(SmpFsHash) hash = NULL;
	guint i = 0;

	if (size == 0)
		return check_empty(session, path, agrees, error);
	for (i = 0; i < G_N_ELEMENTS(hashes); i++) {
		g_autoptr(GError) local = NULL;
		hash = smp_fs_hash(session, path, hashes[i].type, 0, whole ? 0 : size, &local);
		if (hash)
			break;
		if (i + 1 < G_N_ELEMENTS(hashes) && is_unknown_type(local))
			continue;
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	g_autoptr(GBytes) ours = hashes[i].make(data, size);
	*agrees = hash->length == size && g_bytes_equal(ours, hash->value);
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files come as descriptors of somebody who may change, truncate or replace them at any time: they
 * are copied before anything else looks at them. */

#include "daemon/copy.h"
#include "daemon/error.h"
#include "daemon/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK	 65536
#define MAX_NAME 100

static gboolean refuse(GError **error, const char *name, const char *why)
{
	g_set_error(error, SMPD_ERROR, SMPD_ERROR_FILE, "%s %s", name, why);
	return FALSE;
}

static gboolean io_failed(GError **error, const char *what, const char *path)
{
	int code = errno;

	g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(code), "cannot %s %s: %s", what,
		    path, g_strerror(code));
	return FALSE;
}

/* A device or a pipe could block for ever. */
static gboolean check_file(int fd, const char *name, GError **error)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return refuse(error, name, "cannot be looked at");
	if (!S_ISREG(info.st_mode))
		return refuse(error, name, "is no regular file");
	if (info.st_size > SMPD_MAX_FILE)
		return refuse(error, name, "has more than 64 MiB, which no firmware has");
	return TRUE;
}

static gboolean write_all(int fd, const guint8 *data, gsize size, const char *path, GError **error)
{
	while (size > 0) {
		ssize_t done = write(fd, data, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return io_failed(error, "write", path);
		data += done;
		size -= (gsize)done;
	}
	return TRUE;
}

static gboolean copy(int from, const char *name, int to, const char *path, GChecksum *sum,
		     GError **error)
{
	g_autofree guint8 *buffer = g_malloc(CHUNK);
	off_t offset = 0;

	for (;;) {
		ssize_t size = pread(from, buffer, CHUNK, offset);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return refuse(error, name, "cannot be read; open it for reading");
		if (size == 0)
			return TRUE;
		offset += size;
		/* It may grow meanwhile. */
		if (offset > SMPD_MAX_FILE)
			return refuse(error, name, "has more than 64 MiB, which no firmware has");
		g_checksum_update(sum, buffer, size);
		if (!write_all(to, buffer, (gsize)size, path, error))
			return FALSE;
	}
}

gboolean smpd_copy_file(int fd, const char *name, const char *path, char **sum, GError **error)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

	if (!check_file(fd, name, error))
		return FALSE;
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return io_failed(error, "make", path);
	gboolean good = copy(fd, name, to, path, checksum, error);
	if (good && fsync(to) < 0)
		good = io_failed(error, "sync", path);
	close(to);
	*sum = good ? g_strdup(g_checksum_get_string(checksum)) : NULL;
	return good;
}

gboolean smpd_sync_folder(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gboolean good = fd >= 0 && fsync(fd) == 0;

	if (!good)
		io_failed(error, "sync", path);
	if (fd >= 0)
		close(fd);
	return good;
}

char *smpd_file_name(const char *name, guint index)
{
	g_autofree char *base = g_path_get_basename(name);

	g_strcanon(base, SMPD_NAME_CHARACTERS "+", '_');
	if (strlen(base) > MAX_NAME)
		base[MAX_NAME] = '\0';
	return g_strdup_printf("%u-%s", index, base);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file that comes into being: NAME.part first, which gets its name when it is whole. What cannot
 * have another name, a pipe or a device, is written as it is. */

#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40 /* path_resolution(7) */

static gboolean fail(GError **error, const char *path)
{
	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
		    "cannot write %s: %s", path, g_strerror(errno));
	return FALSE;
}

/* What links lead to, which need not be there. */
static char *follow_links(const char *target)
{
	char *name = g_strdup(target);

	for (int i = 0; i < MAX_LINKS; i++) {
		g_autofree char *link = g_file_read_link(name, NULL);
		if (!link)
			break;
		g_autofree char *folder = g_path_get_dirname(name);
		g_free(name);
		name = g_path_is_absolute(link) ? g_strdup(link)
						: g_build_filename(folder, link, NULL);
	}
	return name;
}

static gboolean is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* By another name, such as /dev/stdout. What goes to /dev/null does not mix with anything there. */
static gboolean is_stdout(const struct stat *there)
{
	struct stat standard;

	return fstat(STDOUT_FILENO, &standard) == 0 && is_same(there, &standard) &&
	       (!S_ISCHR(there->st_mode) || isatty(STDOUT_FILENO));
}

/* Whether a rename can replace it: not where /dev/fd leads to a file that lost its name. */
static gboolean is_file(const struct stat *there, const char *name)
{
	struct stat named;

	return S_ISREG(there->st_mode) && stat(name, &named) == 0 && is_same(there, &named);
}

static gboolean look(SmpctlPart *part, GError **error)
{
	struct stat there;
	g_autofree char *name = follow_links(part->target);

	if (stat(part->target, &there) != 0) {
		if (errno != ENOENT || !*part->target)
			return fail(error, part->target);
		part->name = g_steal_pointer(&name);
	} else if (S_ISDIR(there.st_mode)) {
		errno = EISDIR;
		return fail(error, part->target);
	} else if (is_stdout(&there)) {
		part->standard = TRUE;
	} else if (is_file(&there, name)) {
		part->name = g_steal_pointer(&name);
	}
	return TRUE;
}

gboolean smpctl_part_look(SmpctlPart *part, const char *target, gboolean resume, GError **error)
{
	*part = (SmpctlPart){.target = target, .fd = -1, .standard = g_str_equal(target, "-")};
	if (!part->standard && !look(part, error))
		return FALSE;
	if (resume && !part->name)
		return smpctl_usage_error(error, "--resume needs a file, and %s is none", target);
	if (part->name)
		part->path = g_strconcat(part->name, ".part", NULL);
	return TRUE;
}

static int open_it(const SmpctlPart *part, gboolean keep)
{
	if (part->standard)
		return STDOUT_FILENO;
	if (!part->path)
		return g_open(part->target, O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0);
	return g_open(part->path, O_RDWR | O_CREAT | O_CLOEXEC | (keep ? 0 : O_TRUNC), 0666);
}

gboolean smpctl_part_open(SmpctlPart *part, gboolean keep, GError **error)
{
	part->fd = open_it(part, keep);
	if (part->fd < 0)
		return fail(error, part->path ? part->path : part->target);
	if (!part->path) {
		part->sum = g_checksum_new(G_CHECKSUM_SHA256);
		return TRUE;
	}
	off_t end = lseek(part->fd, 0, SEEK_END);
	part->size = end > 0 ? (guint64)end : 0;
	return TRUE;
}

gboolean smpctl_part_restart(SmpctlPart *part, GError **error)
{
	part->size = 0;
	return (ftruncate(part->fd, 0) == 0 && lseek(part->fd, 0, SEEK_SET) == 0) ||
	       fail(error, part->path);
}

static const char *written_name(const SmpctlPart *part)
{
	if (part->path)
		return part->path;
	return part->standard ? "standard output" : part->target;
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
			return fail(error, written_name(part));
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
	if (fsync(part->fd) != 0 || g_rename(part->path, part->name) != 0)
		return fail(error, part->target);
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
	if (part->fd >= 0 && !part->standard) {
		close(part->fd);
		if (part->path && part->size == 0 && !done)
			g_unlink(part->path);
	}
	g_clear_pointer(&part->name, g_free);
	g_clear_pointer(&part->path, g_free);
	g_clear_pointer(&part->sum, g_checksum_free);
}

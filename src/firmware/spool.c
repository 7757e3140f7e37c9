/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "firmware/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
	guint8 *data;
	gsize size;
} Mapping;

/* All mappings that there are; a few. Dropping pages of other memory would lose what is in it. */
static GList *mappings;
static GMutex mappings_lock;

void smp_spool_init(SmpSpool *spool)
{
	*spool = (SmpSpool){.memory = g_byte_array_new(), .fd = -1};
}

void smp_spool_clear(SmpSpool *spool)
{
	g_clear_pointer(&spool->memory, g_byte_array_unref);
	if (spool->fd >= 0)
		close(spool->fd);
	spool->fd = -1;
}

static gboolean write_all(int fd, const guint8 *data, gsize size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		data += n;
		size -= (gsize)n;
	}
	return TRUE;
}

/* Moves to a file what is in memory so far. */
static void move_to_file(SmpSpool *spool)
{
	g_autofree char *path = g_build_filename(g_get_tmp_dir(), "smp-XXXXXX", NULL);
	int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		g_unlink(path);
	if (fd < 0 || !write_all(fd, spool->memory->data, spool->memory->len)) {
		spool->failed = TRUE;
		if (fd >= 0)
			close(fd);
		return;
	}
	spool->fd = fd;
	g_clear_pointer(&spool->memory, g_byte_array_unref);
}

gboolean smp_spool_append(SmpSpool *spool, const void *data, gsize size)
{
	spool->size += size;
	if (spool->fd < 0 && !spool->failed && spool->size > SMP_SPOOL_PIECE)
		move_to_file(spool);
	if (spool->fd >= 0)
		return write_all(spool->fd, data, size);
	g_byte_array_append(spool->memory, data, (guint)size);
	return TRUE;
}

static void unmap(gpointer user_data)
{
	Mapping *mapping = user_data;

	g_mutex_lock(&mappings_lock);
	mappings = g_list_remove(mappings, mapping);
	g_mutex_unlock(&mappings_lock);
	munmap(mapping->data, mapping->size);
	g_free(mapping);
}

GBytes *smp_spool_finish(SmpSpool *spool)
{
	if (spool->fd < 0)
		return g_byte_array_free_to_bytes(g_steal_pointer(&spool->memory));
	void *data = mmap(NULL, spool->size, PROT_READ, MAP_SHARED, spool->fd, 0);
	if (data == MAP_FAILED)
		return NULL;
	Mapping *mapping = g_new(Mapping, 1);
	*mapping = (Mapping){data, spool->size};
	g_mutex_lock(&mappings_lock);
	mappings = g_list_prepend(mappings, mapping);
	g_mutex_unlock(&mappings_lock);
	smp_spool_clear(spool);
	return g_bytes_new_with_free_func(mapping->data, mapping->size, unmap, mapping);
}

static gboolean is_mapped(const guint8 *data)
{
	gboolean found = FALSE;

	g_mutex_lock(&mappings_lock);
	for (GList *i = mappings; i; i = i->next) {
		const Mapping *mapping = i->data;
		found = found || (data >= mapping->data && data < mapping->data + mapping->size);
	}
	g_mutex_unlock(&mappings_lock);
	return found;
}

void smp_spool_rest(const guint8 *data, gsize size)
{
	gsize before = (gsize)data % (gsize)sysconf(_SC_PAGESIZE);

	/* The pages are clean or the file's: nothing of them is lost. */
	if (is_mapped(data))
		madvise((void *)(data - before), size + before, MADV_DONTNEED);
}

GChecksum *smp_spool_checksum(GChecksumType type, const guint8 *data, gsize size)
{
	GChecksum *checksum = g_checksum_new(type);

	while (size > 0) {
		gsize piece = MIN(size, SMP_SPOOL_PIECE);
		g_checksum_update(checksum, data, (gssize)piece);
		smp_spool_rest(data, piece);
		data += piece;
		size -= piece;
	}
	return checksum;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/flash.h"

#include "sim/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A state file is this header, one page, and the contents. */
#define STATE_HEADER 4096
#define STATE_MAGIC  "smpsim state 1"

typedef struct {
	char magic[16];
	guint32 mode, images, slot_size, erase_size;
} StateHeader;

typedef struct {
	gint64 start, end;
	gsize offset, size;
	guint8 *data;	 /* NULL: erase */
	gboolean struck; /* by a fault: never gets done */
} Change;

struct SimFlash {
	const SimConfig *config;
	gsize size;
	guint8 *now;	  /* what the board's code sees */
	guint8 *map;	  /* what is really there; mapped from the state file, if there is one */
	gsize map_header; /* bytes before it in the mapping */
	GQueue changes;
	gint64 done;
	gint64 cut_time, cut_duration;
	guint64 operations;
};

static gboolean fail(GError **error, const char *path, const char *what)
{
	g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(errno), "cannot %s %s: %s", what,
		    path, g_strerror(errno));
	return FALSE;
}

static gboolean check_header(StateHeader *header, const SimConfig *config, gboolean *fresh,
			     const char *path, GError **error)
{
	StateHeader wanted = {.magic = STATE_MAGIC,
			      .mode = config->mode,
			      .images = config->images,
			      .slot_size = config->slot_size,
			      .erase_size = config->erase_size};
	StateHeader nothing = {0};

	*fresh = memcmp(header, &nothing, sizeof nothing) == 0;
	if (*fresh)
		return TRUE;
	if (memcmp(header, &wanted, sizeof wanted) == 0)
		return TRUE;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
		    "%s keeps the state of another kind of board: remove it or name another file",
		    path);
	return FALSE;
}

static gboolean map_file(SimFlash *flash, const char *path, gboolean *fresh, GError **error)
{
	gsize size = STATE_HEADER + flash->size;
	int fd = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return fail(error, path, "open");
	if (ftruncate(fd, (off_t)size) != 0) {
		g_close(fd, NULL);
		return fail(error, path, "resize");
	}
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	g_close(fd, NULL);
	if (map == MAP_FAILED)
		return fail(error, path, "map");
	flash->map = (guint8 *)map + STATE_HEADER;
	flash->map_header = STATE_HEADER;
	return check_header(map, flash->config, fresh, path, error);
}

/* A file cut off or lengthened by somebody else must not be resized before it is looked at. */
static gboolean check_size(const SimFlash *flash, const char *path, GError **error)
{
	GStatBuf info;

	if (g_stat(path, &info) != 0 || info.st_size == 0 ||
	    (gsize)info.st_size == STATE_HEADER + flash->size)
		return TRUE;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
		    "%s is not the state of such a board: remove it or name another file", path);
	return FALSE;
}

static void write_header(SimFlash *flash)
{
	StateHeader *header = (StateHeader *)(gpointer)(flash->map - STATE_HEADER);

	header->mode = flash->config->mode;
	header->images = flash->config->images;
	header->slot_size = flash->config->slot_size;
	header->erase_size = flash->config->erase_size;
	memcpy(header->magic, STATE_MAGIC, sizeof STATE_MAGIC);
}

SimFlash *sim_flash_new(const SimConfig *config, gsize size, const char *path, gboolean *fresh,
			GError **error)
{
	g_autoptr(SimFlash) flash = g_new0(SimFlash, 1);

	flash->config = config;
	flash->size = size;
	flash->cut_time = -1;
	g_queue_init(&flash->changes);
	*fresh = TRUE;
	if (!path)
		flash->map = g_malloc(size);
	else if (!check_size(flash, path, error) || !map_file(flash, path, fresh, error))
		return NULL;
	if (*fresh)
		memset(flash->map, 0xff, size);
	if (*fresh && path)
		write_header(flash);
	flash->now = g_memdup2(flash->map, size);
	return g_steal_pointer(&flash);
}

static void free_change(gpointer data)
{
	Change *change = data;

	g_free(change->data);
	g_free(change);
}

void sim_flash_free(SimFlash *flash)
{
	if (!flash)
		return;
	g_queue_clear_full(&flash->changes, free_change);
	if (flash->map_header)
		munmap(flash->map - flash->map_header, flash->map_header + flash->size);
	else
		g_free(flash->map);
	g_free(flash->now);
	g_free(flash);
}

const guint8 *sim_flash_data(const SimFlash *flash, gsize offset)
{
	return flash->now + offset;
}

gboolean sim_flash_is_blank(const SimFlash *flash, gsize offset, gsize size)
{
	const guint8 *data = flash->now + offset;

	return size == 0 || (data[0] == 0xff && memcmp(data, data + 1, size - 1) == 0);
}

static void apply(guint8 *flash, const Change *change, gsize size)
{
	guint8 *to = flash + change->offset;

	if (!change->data)
		memset(to, 0xff, size);
	for (gsize i = 0; change->data && i < size; i++)
		to[i] &= change->data[i];
}

static void add_change(SimFlash *flash, Change change, gint64 duration)
{
	change.start = flash->done;
	change.end = change.start + duration;
	apply(flash->now, &change, change.size);
	flash->done = change.end;
	flash->operations++;
	const SimFault *fault =
		sim_fault_find(flash->config, SIM_FAULT_POWER_CUT_AT_WRITE, flash->operations);
	if (fault && flash->cut_time < 0) {
		change.struck = TRUE;
		flash->cut_time = change.start + duration / 2;
		flash->cut_duration = fault->value;
	}
	g_queue_push_tail(&flash->changes, g_memdup2(&change, sizeof change));
}

void sim_flash_erase(SimFlash *flash, gsize offset, gsize size)
{
	gsize block = flash->config->erase_size;
	gsize end = offset + size;

	for (gsize at = offset / block * block; at < end; at += block) {
		Change change = {.offset = at, .size = block};
		add_change(flash, change, flash->config->erase_time);
	}
}

void sim_flash_write(SimFlash *flash, gsize offset, const void *data, gsize size)
{
	Change change = {.offset = offset, .size = size, .data = g_memdup2(data, size)};

	if (size == 0)
		return;
	add_change(flash, change, (gint64)size * flash->config->write_time_ns / 1000);
}

void sim_flash_start(SimFlash *flash, gint64 now)
{
	flash->done = MAX(flash->done, now);
}

gint64 sim_flash_done(const SimFlash *flash)
{
	return flash->done;
}

gboolean sim_flash_is_erasing(const SimFlash *flash, gint64 now)
{
	for (const GList *i = flash->changes.head; i; i = i->next) {
		const Change *change = i->data;
		if (now < change->start)
			return FALSE;
		if (now < change->end && !change->data)
			return TRUE;
	}
	return FALSE;
}

void sim_flash_settle(SimFlash *flash, gint64 now)
{
	Change *change = g_queue_peek_head(&flash->changes);

	while (change && change->end <= now && !change->struck) {
		apply(flash->map, change, change->size);
		free_change(g_queue_pop_head(&flash->changes));
		change = g_queue_peek_head(&flash->changes);
	}
}

gint64 sim_flash_next(const SimFlash *flash)
{
	const Change *change = g_queue_peek_head((GQueue *)&flash->changes);

	return change && !change->struck ? change->end : -1;
}

gint64 sim_flash_cut_time(const SimFlash *flash)
{
	return flash->cut_time;
}

gint64 sim_flash_cut_duration(const SimFlash *flash)
{
	return flash->cut_duration;
}

void sim_flash_cut(SimFlash *flash, gint64 now)
{
	sim_flash_settle(flash, now);
	const Change *change = g_queue_peek_head(&flash->changes);
	gboolean begun = change && (change->start < now || change->struck);
	if (begun)
		apply(flash->map, change, change->size / 2);
	/* What never began is not counted. */
	flash->operations -= flash->changes.length - begun;
	g_queue_clear_full(&flash->changes, free_change);
	memcpy(flash->now, flash->map, flash->size);
	flash->done = now;
	flash->cut_time = -1;
}

void sim_flash_leave_factory(SimFlash *flash)
{
	memcpy(flash->map, flash->now, flash->size);
	g_queue_clear_full(&flash->changes, free_change);
	flash->done = 0;
	flash->operations = 0;
	flash->cut_time = -1;
}

guint64 sim_flash_operations(const SimFlash *flash)
{
	return flash->operations;
}

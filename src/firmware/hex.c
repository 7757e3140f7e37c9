/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "firmware/hex.h"

#include <errno.h>
#include <string.h>

#include <smp/error.h>

#include "firmware/spool.h"

/* `imgtool sign --pad` leaves a gap as large as the empty part of a slot. */
#define MAX_GAP_MIB  16
#define MAX_GAP	     ((gsize)MAX_GAP_MIB * 1024 * 1024)
#define MAX_SPAN_MIB 64
#define MAX_SPAN     ((gsize)MAX_SPAN_MIB * 1024 * 1024)

/* Length, address, type, data and checksum. */
#define MAX_RECORD (1 + 2 + 1 + 255 + 1)
#define OVERHEAD   5

enum {
	RECORD_DATA,
	RECORD_END,
	RECORD_SEGMENT,
	RECORD_START_SEGMENT,
	RECORD_LINEAR,
	RECORD_START_LINEAR,
};

/* Records that follow each other in memory as they do in the file. */
typedef struct {
	guint64 address;
	gsize offset; /* into the data */
	gsize size;
	guint line;
} Block;

typedef struct {
	const char *name;
	guint line;
	guint64 base;
	gboolean ended;
	SmpSpool data;
	GArray *blocks;
} Hex;

static gboolean refuse_line(const Hex *hex, GError **error, const char *what)
{
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_CORRUPT,
		    "%s is a damaged Intel HEX file: line %u %s; build or copy it again", hex->name,
		    hex->line, what);
	return FALSE;
}

static gboolean refuse_spool(const Hex *hex, GError **error)
{
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
		    "%s cannot be decoded in %s: %s", hex->name, g_get_tmp_dir(),
		    g_strerror(errno));
	return FALSE;
}

/* Reads the digits behind the colon. */
static gboolean read_record(const Hex *hex, const char *text, gsize length, guint8 *record,
			    GError **error)
{
	gsize size = length / 2;
	guint8 sum = 0;

	for (gsize i = 0; i < length; i++)
		if (!g_ascii_isxdigit(text[i]))
			return refuse_line(hex, error, "has a character that is no hex digit");
	if (length % 2 != 0 || size < OVERHEAD || size > MAX_RECORD)
		return refuse_line(hex, error, "has the wrong length");
	for (gsize i = 0; i < size; i++) {
		record[i] = (guint8)(g_ascii_xdigit_value(text[2 * i]) << 4 |
				     g_ascii_xdigit_value(text[2 * i + 1]));
		sum = (guint8)(sum + record[i]);
	}
	if (record[0] != size - OVERHEAD)
		return refuse_line(hex, error, "has the wrong length");
	if (sum != 0)
		return refuse_line(hex, error, "has a wrong checksum");
	return TRUE;
}

static gboolean add_data(Hex *hex, const guint8 *record, GError **error)
{
	guint64 address = hex->base + (guint)(record[1] << 8 | record[2]);
	gsize size = record[0];
	Block *last = hex->blocks->len == 0
			      ? NULL
			      : &g_array_index(hex->blocks, Block, hex->blocks->len - 1);

	if (address + size > (guint64)G_MAXUINT32 + 1)
		return refuse_line(hex, error, "goes beyond 32-bit addresses");
	if (size > 0 && last && last->address + last->size == address) {
		last->size += size;
	} else if (size > 0) {
		Block block = {address, hex->data.size, size, hex->line};
		g_array_append_val(hex->blocks, block);
	}
	return smp_spool_append(&hex->data, record + 4, size) || refuse_spool(hex, error);
}

static gboolean take_record(Hex *hex, const guint8 *record, GError **error)
{
	static const guint8 sizes[] = {
		[RECORD_END] = 0,    [RECORD_SEGMENT] = 2,	[RECORD_START_SEGMENT] = 4,
		[RECORD_LINEAR] = 2, [RECORD_START_LINEAR] = 4,
	};
	guint8 type = record[3];

	if (type == RECORD_DATA)
		return add_data(hex, record, error);
	if (type >= G_N_ELEMENTS(sizes))
		return refuse_line(hex, error, "is of an unknown type");
	if (record[0] != sizes[type])
		return refuse_line(hex, error, "has the wrong length for its type");
	guint64 value = type == RECORD_END ? 0 : (guint)(record[4] << 8 | record[5]);
	if (type == RECORD_END)
		hex->ended = TRUE;
	else if (type == RECORD_SEGMENT)
		hex->base = value << 4;
	else if (type == RECORD_LINEAR)
		hex->base = value << 16;
	/* Where the processor would start does not matter: MCUboot starts the image. */
	return TRUE;
}

static gboolean take_line(Hex *hex, const char *text, gsize length, GError **error)
{
	guint8 record[MAX_RECORD];

	while (length > 0 && g_ascii_isspace(text[length - 1]))
		length--;
	if (length == 0)
		return TRUE;
	if (hex->ended)
		return refuse_line(hex, error, "comes behind the end record");
	if (text[0] != ':')
		return refuse_line(hex, error, "does not begin with a colon");
	return read_record(hex, text + 1, length - 1, record, error) &&
	       take_record(hex, record, error);
}

static gboolean read_lines(Hex *hex, const char *text, gsize size, GError **error)
{
	const guint8 *begin = (const guint8 *)text;

	for (hex->line = 1; size > 0; hex->line++) {
		const char *newline = memchr(text, '\n', size);
		gsize length = newline ? (gsize)(newline - text) : size;
		if (!take_line(hex, text, length, error))
			return FALSE;
		gsize used = length + (newline ? 1 : 0);
		text += used;
		size -= used;
		gsize read = (gsize)((const guint8 *)text - begin);
		if (read % SMP_SPOOL_PIECE < used)
			smp_spool_rest(begin, read);
	}
	if (!hex->ended) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_CORRUPT,
			    "%s is cut short: an Intel HEX file without end record; copy it again",
			    hex->name);
		return FALSE;
	}
	return TRUE;
}

static int compare_blocks(gconstpointer a, gconstpointer b)
{
	const Block *first = a;
	const Block *second = b;

	return (first->address > second->address) - (first->address < second->address);
}

static gboolean refuse_gap(const Hex *hex, guint64 from, guint64 to, GError **error)
{
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_NOT_MCUBOOT,
		    "%s is a merged file for a programmer: nothing lies between addresses "
		    "0x%" G_GINT64_MODIFIER "x and 0x%" G_GINT64_MODIFIER
		    "x; give the application's signed image alone (zephyr.signed.hex)",
		    hex->name, from, to);
	return FALSE;
}

/* Sorts the blocks and checks that they make one piece of memory of bearable size. */
static gboolean order_blocks(Hex *hex, GError **error)
{
	g_array_sort(hex->blocks, compare_blocks);
	for (guint i = 1; i < hex->blocks->len; i++) {
		const Block *block = &g_array_index(hex->blocks, Block, i);
		const Block *before = block - 1;
		guint64 end = before->address + before->size;
		hex->line = block->line;
		if (block->address < end)
			return refuse_line(hex, error, "writes where another line does");
		if (block->address - end > MAX_GAP ||
		    block->address + block->size - g_array_index(hex->blocks, Block, 0).address >
			    MAX_SPAN)
			return refuse_gap(hex, end, block->address, error);
	}
	return TRUE;
}

/* The blocks in the order of their addresses, with what erased flash reads between them. */
static gboolean put_in_order(const Hex *hex, const guint8 *data, SmpSpool *memory)
{
	guint8 erased[1024];
	guint64 at = g_array_index(hex->blocks, Block, 0).address;

	memset(erased, 0xff, sizeof erased);
	for (guint i = 0; i < hex->blocks->len; i++) {
		const Block *block = &g_array_index(hex->blocks, Block, i);
		for (; at < block->address; at += MIN(block->address - at, sizeof erased))
			if (!smp_spool_append(memory, erased,
					      MIN(block->address - at, sizeof erased)))
				return FALSE;
		if (!smp_spool_append(memory, data + block->offset, block->size))
			return FALSE;
		at += block->size;
	}
	return TRUE;
}

static GBytes *fill_memory(Hex *hex, guint32 *address, GError **error)
{
	if (hex->blocks->len == 0) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_NOT_MCUBOOT,
			    "%s is an Intel HEX file without data", hex->name);
		return NULL;
	}
	*address = (guint32)g_array_index(hex->blocks, Block, 0).address;
	g_autoptr(GBytes) data = smp_spool_finish(&hex->data);
	if (data && hex->blocks->len == 1)
		return g_steal_pointer(&data);
	g_auto(SmpSpool) memory;
	GBytes *bytes = NULL;
	smp_spool_init(&memory);
	if (data && put_in_order(hex, g_bytes_get_data(data, NULL), &memory))
		bytes = smp_spool_finish(&memory);
	if (!bytes)
		refuse_spool(hex, error);
	return bytes;
}

gboolean smp_hex_detect(const guint8 *data, gsize size)
{
	return size > 1 && data[0] == ':' && g_ascii_isxdigit(data[1]);
}

GBytes *smp_hex_decode(const char *name, const guint8 *data, gsize size, guint32 *address,
		       GError **error)
{
	g_autoptr(GArray) blocks = g_array_new(FALSE, FALSE, sizeof(Block));
	Hex hex = {.name = name, .blocks = blocks};
	GBytes *bytes = NULL;

	smp_spool_init(&hex.data);
	if (read_lines(&hex, (const char *)data, size, error) && order_blocks(&hex, error))
		bytes = fill_memory(&hex, address, error);
	smp_spool_clear(&hex.data);
	return bytes;
}

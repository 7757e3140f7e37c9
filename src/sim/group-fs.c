/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/fs_mgmt over littlefs on /lfs1: one file is open at a time; what is
 * written to it is in flash when it is closed. */

#include "sim/files.h"

#include "sim/fs-path.h"

#include <string.h>

#define PATH_LEN   64 /* CONFIG_MCUMGR_GRP_FS_PATH_LEN */
#define CAPACITY   (512 * 1024)
#define IDLE_CLOSE (4 * G_TIME_SPAN_SECOND)

/* What is not data in a packet of a download (fs_mgmt_config.h). */
#define DOWNLOAD_OVERHEAD 44

enum {
	FS_UNKNOWN = 1,
	FS_INVALID_NAME = 2,
	FS_NOT_FOUND = 3,
	FS_IS_DIRECTORY = 4,
	FS_WRITE_FAILED = 10,
	FS_OFFSET_NOT_VALID = 11,
	FS_OFFSET_LARGER = 12,
	FS_HASH_NOT_FOUND = 13,
	FS_MOUNT_POINT_NOT_FOUND = 14,
	FS_EMPTY = 16,
};

void sim_files_forget(SimBoard *board)
{
	g_clear_pointer(&board->file.path, g_free);
	g_clear_pointer(&board->file.file, g_free);
	g_clear_pointer(&board->file.data, g_byte_array_unref);
	board->file = (SimFile){0};
}

static void close_file(SimBoard *board)
{
	SimFile *file = &board->file;

	if (file->state == SIM_FILE_UPLOAD) {
		g_autoptr(GBytes) bytes = g_bytes_new(file->data->data, file->data->len);
		sim_storage_set(board->storage, SIM_STORED_FILE, file->file, bytes);
	}
	sim_files_forget(board);
}

void sim_files_idle(SimBoard *board, gint64 now)
{
	if (board->file.state != SIM_FILE_CLOSED && board->file.closes_at <= now)
		close_file(board);
}

/* Returns: (transfer full) (nullable) */
static char *take_path(SimRequest *request, const SimField *name)
{
	sim_files_idle(request->board, sim_board_time(request->board));
	if (name->size == 0 || name->size > PATH_LEN)
		return NULL;
	return g_strndup((const char *)name->data, name->size);
}

/* What is in flash. @file: (nullable): as sim_fs_path() gives it */
static GBytes *stored(const SimBoard *board, const char *file)
{
	return file ? sim_storage_get(board->storage, SIM_STORED_FILE, file) : NULL;
}

/* Returns: the group's code, 0 for none and @bytes */
static int find(const SimBoard *board, const char *path, char **file, GBytes **bytes)
{
	SimPathKind kind = sim_fs_path(path, file);

	*bytes = stored(board, *file);
	switch (kind) {
	case SIM_PATH_INVALID:
		return FS_INVALID_NAME;
	case SIM_PATH_ROOT:
	case SIM_PATH_MOUNT:
		return FS_IS_DIRECTORY;
	case SIM_PATH_FILE:
		return *bytes ? 0 : FS_NOT_FOUND;
	case SIM_PATH_AS_DIRECTORY:
	case SIM_PATH_BELOW:
		return *bytes ? FS_UNKNOWN : FS_NOT_FOUND;
	case SIM_PATH_ELSEWHERE:
		break;
	}
	return FS_NOT_FOUND;
}

/* The same where the file may be a new one. */
static int find_or_make(const SimBoard *board, const char *path, char **file)
{
	switch (sim_fs_path(path, file)) {
	case SIM_PATH_INVALID:
	case SIM_PATH_ROOT:
		return FS_INVALID_NAME;
	case SIM_PATH_MOUNT:
	case SIM_PATH_AS_DIRECTORY:
		return FS_UNKNOWN;
	case SIM_PATH_FILE:
		return 0;
	case SIM_PATH_BELOW:
		return stored(board, *file) ? FS_UNKNOWN : FS_MOUNT_POINT_NOT_FOUND;
	case SIM_PATH_ELSEWHERE:
		break;
	}
	return FS_MOUNT_POINT_NOT_FOUND;
}

static gsize stored_size(const SimBoard *board)
{
	GBytes *bytes = stored(board, board->file.file);

	return bytes ? g_bytes_get_size(bytes) : 0;
}

static void begin(SimBoard *board, SimFileState state, const char *path, const char *file,
		  GBytes *bytes)
{
	gsize size = 0;
	const guint8 *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;

	board->file = (SimFile){.state = state, .path = g_strdup(path), .file = g_strdup(file)};
	board->file.data = g_byte_array_new();
	g_byte_array_append(board->file.data, data, (guint)size);
}

/* Whether it is this one that is open; any other is closed. */
static gboolean is_open(SimBoard *board, SimFileState state, const char *path)
{
	if (board->file.state == state && g_str_equal(board->file.path, path))
		return TRUE;
	close_file(board);
	return FALSE;
}

static void finish_check(SimBoard *board)
{
	SimFile *file = &board->file;

	if (file->length > 0 && file->offset >= file->length)
		close_file(board);
	else
		file->closes_at = sim_board_time(board) + IDLE_CLOSE;
}

static int download(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField fields[] = {{"off", SIM_FIELD_UINT}, {"name", SIM_FIELD_TEXT}};
	GBytes *bytes = NULL;

	if (!sim_request_decode(request, fields, G_N_ELEMENTS(fields)) || !fields[0].found)
		return SIM_EINVAL;
	g_autofree char *path = take_path(request, &fields[1]);
	if (!path)
		return SIM_EINVAL;
	if (!is_open(board, SIM_FILE_DOWNLOAD, path)) {
		g_autofree char *file = NULL;
		int rc = find(board, path, &file, &bytes);
		if (rc)
			return sim_group_error(request, rc);
		begin(board, SIM_FILE_DOWNLOAD, path, file, bytes);
		board->file.length = g_bytes_get_size(bytes);
	}
	guint64 offset = fields[0].uint, length = board->file.length;
	gsize here = (gsize)MIN(offset, length);
	gsize size = MIN((gsize)length - here, board->config.buf_size - DOWNLOAD_OVERHEAD);
	sim_put_uint(request->out, "off", (guint64)MAX((gint64)offset + board->lie, 0));
	sim_put_bytes(request->out, "data", board->file.data->data + here, size);
	if (offset == 0)
		sim_put_uint(request->out, "len", length);
	board->file.offset = offset + size;
	finish_check(board);
	return SIM_OK;
}

static int open_for_upload(SimRequest *request, const char *path)
{
	SimBoard *board = request->board;

	if (is_open(board, SIM_FILE_UPLOAD, path))
		return SIM_OK;
	g_autofree char *file = NULL;
	int rc = find_or_make(board, path, &file);
	if (rc)
		return sim_group_error(request, rc);
	GBytes *bytes = stored(board, file);
	g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
	if (!bytes)
		sim_storage_set(board->storage, SIM_STORED_FILE, file, nothing);
	begin(board, SIM_FILE_UPLOAD, path, file, bytes ? bytes : nothing);
	return SIM_OK;
}

/* At offset 0 what flash holds of the file decides whether it is cut off first: of a file that was
 * begun in this session, nothing is there yet, so the chunk is appended. */
static int write_chunk(SimRequest *request, guint64 offset, const SimField *data)
{
	SimFile *file = &request->board->file;
	gsize used = sim_storage_size(request->board->storage, SIM_STORED_FILE);

	if (data->size == 0)
		return SIM_OK;
	if (offset == 0 && stored_size(request->board) > 0) {
		g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
		sim_storage_set(request->board->storage, SIM_STORED_FILE, file->file, nothing);
		g_byte_array_set_size(file->data, 0);
	}
	if (used + file->data->len + data->size > CAPACITY) {
		close_file(request->board);
		return sim_group_error(request, FS_WRITE_FAILED);
	}
	g_byte_array_append(file->data, data->data, (guint)data->size);
	file->offset += data->size;
	return SIM_OK;
}

static int upload(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField fields[] = {{"off", SIM_FIELD_UINT},
			     {"name", SIM_FIELD_TEXT},
			     {"data", SIM_FIELD_BYTES},
			     {"len", SIM_FIELD_UINT}};

	if (!sim_request_decode(request, fields, G_N_ELEMENTS(fields)) || !fields[0].found ||
	    (fields[0].uint == 0 && !fields[3].found))
		return SIM_EINVAL;
	g_autofree char *path = take_path(request, &fields[1]);
	if (!path)
		return SIM_EINVAL;
	int rc = open_for_upload(request, path);
	if (rc != SIM_OK)
		return rc;
	guint64 offset = fields[0].uint;
	if (offset == 0)
		board->file.length = fields[3].uint;
	else if (board->file.offset == 0)
		board->file.offset = stored_size(board);
	if (offset > 0 && offset != board->file.offset) {
		request->group_length = (gint64)board->file.offset;
		close_file(board);
		return sim_group_error(request, FS_OFFSET_NOT_VALID);
	}
	rc = write_chunk(request, offset, &fields[2]);
	if (rc != SIM_OK)
		return rc;
	sim_put_uint(request->out, "off", (guint64)MAX((gint64)board->file.offset + board->lie, 0));
	finish_check(board);
	return SIM_OK;
}

static int status(SimRequest *request)
{
	SimField name = {"name", SIM_FIELD_TEXT};
	GBytes *bytes;

	if (!sim_request_decode(request, &name, 1))
		return SIM_EINVAL;
	g_autofree char *path = take_path(request, &name);
	if (!path)
		return SIM_EINVAL;
	g_autofree char *file = NULL;
	int rc = find(request->board, path, &file, &bytes);
	if (rc)
		return sim_group_error(request, rc);
	sim_put_uint(request->out, "len", g_bytes_get_size(bytes));
	return SIM_OK;
}

/* IEEE 802.3, as zlib's. */
static guint32 crc32(const guint8 *data, gsize size)
{
	guint32 crc = G_MAXUINT32;

	for (gsize i = 0; i < size; i++) {
		crc ^= data[i];
		for (guint bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void put_sha256(GByteArray *out, const guint8 *data, gsize size)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize length = sizeof digest;

	g_checksum_update(checksum, data, (gssize)size);
	g_checksum_get_digest(checksum, digest, &length);
	sim_put_bytes(out, "output", digest, length);
}

static gboolean is_type(const SimField *type, const char *name)
{
	return type->size == strlen(name) && memcmp(type->data, name, type->size) == 0;
}

static int hash(SimRequest *request)
{
	SimField fields[] = {{"name", SIM_FIELD_TEXT},
			     {"type", SIM_FIELD_TEXT},
			     {"off", SIM_FIELD_UINT},
			     {"len", SIM_FIELD_UINT}};
	GBytes *bytes;
	gsize size;

	if (!sim_request_decode(request, fields, G_N_ELEMENTS(fields)))
		return SIM_EINVAL;
	g_autofree char *path = take_path(request, &fields[0]);
	if (!path)
		return SIM_EINVAL;
	gboolean sha = is_type(&fields[1], "sha256");
	if (fields[1].size > 0 && !sha && !is_type(&fields[1], "crc32"))
		return sim_group_error(request, FS_HASH_NOT_FOUND);
	g_autofree char *file = NULL;
	int rc = find(request->board, path, &file, &bytes);
	if (rc)
		return sim_group_error(request, rc);
	const guint8 *data = g_bytes_get_data(bytes, &size);
	if (size <= fields[2].uint)
		return sim_group_error(request, size == 0 ? FS_EMPTY : FS_OFFSET_LARGER);
	data += fields[2].uint;
	size -= (gsize)fields[2].uint;
	if (fields[3].found)
		size = MIN(size, (gsize)fields[3].uint);
	sim_put_text(request->out, "type", sha ? "sha256" : "crc32");
	if (fields[2].uint)
		sim_put_uint(request->out, "off", fields[2].uint);
	sim_put_uint(request->out, "len", size);
	if (sha)
		put_sha256(request->out, data, size);
	else
		sim_put_uint(request->out, "output", crc32(data, size));
	return SIM_OK;
}

static void put_type(GByteArray *out, const char *name, guint format, guint size)
{
	smp_cbor_put_text(out, name);
	smp_cbor_put_map_begin(out);
	sim_put_uint(out, "format", format);
	sim_put_uint(out, "size", size);
	smp_cbor_put_end(out);
}

static int types(SimRequest *request)
{
	smp_cbor_put_text(request->out, "types");
	smp_cbor_put_map_begin(request->out);
	put_type(request->out, "crc32", 0, 4);
	put_type(request->out, "sha256", 1, 32);
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int close_command(SimRequest *request)
{
	close_file(request->board);
	return SIM_OK;
}

static int translate(int group_rc)
{
	switch (group_rc) {
	case FS_INVALID_NAME:
	case FS_HASH_NOT_FOUND:
		return SIM_EINVAL;
	case FS_NOT_FOUND:
	case FS_MOUNT_POINT_NOT_FOUND:
		return SIM_ENOENT;
	default:
		return SIM_EUNKNOWN;
	}
}

static const SimCommand commands[] = {
	{.read = download, .write = upload},
	{.read = status},
	{.read = hash},
	{.read = types},
	{.write = close_command},
};

const SimGroup sim_group_fs = {
	.id = SMP_GROUP_FS,
	.name = "fs mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* image corelist, coredownload, coreconvert, coreerase: what a crash left on a board with Mynewt.
 */

#include "core-elf.h"
#include "transfer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* More than the memory of any board with Mynewt: it does not come to an end. */
#define MAX_MIB 64
#define LIMIT	((guint64)MAX_MIB * 1024 * 1024)

static gint64 start;
static gint64 most;
static gboolean elf;
static gboolean resume;

const GOptionEntry smpctl_core_options[] = {
	{"offset", 0, 0, G_OPTION_ARG_INT64, &start, "from this byte on", "BYTES"},
	{"bytes", 'n', 0, G_OPTION_ARG_INT64, &most, "at most so many bytes", "BYTES"},
	{"resume", 0, 0, G_OPTION_ARG_NONE, &resume, "go on with what is in FILE.part", NULL},
	{"elfify", 'e', 0, G_OPTION_ARG_NONE, &elf, "make an ELF file of it, for gdb", NULL},
	{NULL},
};

gboolean smpctl_cmd_core_list(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	gboolean present;

	if (!session || !smp_core_exists(session, &present, error))
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_bool(json, "core", present);
		smpctl_json_print(json);
	} else {
		puts(present ? "Corefile present" : "No corefiles");
	}
	return TRUE;
}

static gboolean check_end(const SmpctlPart *part, GError **error)
{
	if (part->size > 0)
		return TRUE;
	g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED,
		    "cannot read the core dump: nothing is at offset %" G_GINT64_FORMAT " of it",
		    start);
	return FALSE;
}

/* Of no use, so nothing of it stays. */
static gboolean refuse_endless(SmpctlPart *part, GError **error)
{
	g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED,
		    "cannot read the core dump: the board sends more than %d MiB; --bytes takes a "
		    "part of it",
		    MAX_MIB);
	part->size = 0;
	return FALSE;
}

/* Whether what the board has at @at is in the file, too. @size: (out): how much it is */
static gboolean compare(SmpSession *session, const SmpctlPart *part, guint64 at, gsize *size,
			gboolean *same, GError **error)
{
	g_autoptr(GBytes) bytes = smp_core_read(session, (guint64)start + at, error);

	if (!bytes)
		return FALSE;
	const guint8 *data = g_bytes_get_data(bytes, size);
	gsize wanted = (gsize)MIN(*size, part->size - at);
	g_autofree guint8 *ours = g_malloc(wanted);
	*same = wanted > 0 && pread(part->fd, ours, wanted, (off_t)at) == (gssize)wanted &&
		memcmp(ours, data, wanted) == 0;
	return TRUE;
}

/* The board has no hash of it: what is compared is the beginning, which has the hash of the image
 * and the registers, and the end of what is in the file. Of another dump all comes anew. */
static gboolean check_part(Smpctl *cli, SmpSession *session, SmpctlPart *part, GError **error)
{
	gboolean same = most == 0 || part->size <= (guint64)most;
	guint64 at = 0;
	gsize size;

	while (same && at < part->size) {
		if (!compare(session, part, at, &size, &same, error))
			return FALSE;
		at = at == 0 && size < part->size ? MAX(size, part->size - size) : at + size;
	}
	if (same)
		return TRUE;
	smpctl_say(cli, "%s is no beginning of what the board has, which comes anew", part->path);
	return smpctl_part_restart(part, error);
}

/* How long it is, is not told: until nothing comes. */
static gboolean fetch(Smpctl *cli, SmpSession *session, SmpctlPart *part, GError **error)
{
	gsize size = 1;

	while (size > 0 && (most == 0 || part->size < (guint64)most)) {
		guint64 offset = (guint64)start + part->size;
		g_autoptr(GBytes) bytes = smp_core_read(session, offset, error);
		if (!bytes)
			return FALSE;
		const guint8 *data = g_bytes_get_data(bytes, &size);
		if (smpctl_is_go_tool(cli) && !cli->options->json)
			printf("%" G_GUINT64_FORMAT "\n", offset);
		if (most == 0 && size > LIMIT - MIN(part->size, LIMIT))
			return refuse_endless(part, error);
		gsize wanted = most ? (gsize)MIN(size, (guint64)most - part->size) : size;
		if (!smpctl_part_write(part, data, wanted, error))
			return FALSE;
	}
	return check_end(part, error);
}

static void tell(Smpctl *cli, const char *file, const char *hash, guint64 size)
{
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, "file", file);
		smpctl_json_int(json, "offset", start);
		smpctl_json_int(json, "size", (gint64)size);
		smpctl_json_text(json, "hash", hash);
		smpctl_json_print(json);
	} else if (!cli->options->quiet) {
		printf("Done writing core file to %s%s%s\n", file, hash ? "; hash=" : "",
		       hash ? hash : "");
	}
}

/* Returns: (transfer full): an ELF file. @hash: (out) (transfer full): that of its image, as text
 */
static GByteArray *convert(const char *source, char **hash, GError **error)
{
	g_autoptr(GBytes) dump = smp_firmware_read_file(source, error);
	g_autoptr(GByteArray) bytes = NULL;

	if (!dump)
		return NULL;
	GByteArray *file = smpctl_core_to_elf(g_bytes_get_data(dump, NULL), g_bytes_get_size(dump),
					      &bytes, error);
	if (file)
		*hash = smp_hex_format(bytes->data, bytes->len);
	else
		g_prefix_error(error, "cannot convert %s: ", source);
	return file;
}

/* What was read stays where it cannot be converted. */
static gboolean elfify(SmpctlPart *part, char **hash, GError **error)
{
	g_autoptr(GByteArray) file = convert(part->path, hash, error);

	if (!file)
		return FALSE;
	if (smpctl_part_restart(part, error) &&
	    smpctl_part_write(part, file->data, file->len, error))
		return TRUE;
	part->size = 0;
	return FALSE;
}

static gboolean download(Smpctl *cli, SmpctlPart *part, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autofree char *hash = NULL;

	if (!session || !smpctl_part_open(part, resume, error))
		return FALSE;
	gboolean whole = check_part(cli, session, part, error) && fetch(cli, session, part, error);
	guint64 size = part->size;
	if (whole && (!elf || elfify(part, &hash, error)) && smpctl_part_finish(part, error)) {
		tell(cli, part->target, hash, size);
		return TRUE;
	}
	cli->state = smpctl_part_state(part, 0, !whole || !elf);
	return FALSE;
}

static gboolean look(SmpctlPart *part, const char *file, gboolean again, GError **error)
{
	return smpctl_part_look(part, file, again, error) &&
	       (!part->standard || smpctl_usage_error(error, "a core file goes to a file"));
}

gboolean smpctl_cmd_core_download(Smpctl *cli, char **args, GError **error)
{
	SmpctlPart part;

	if (start < 0 || most < 0)
		return smpctl_usage_error(error, "--offset and --bytes must not be negative");
	if (elf && start > 0)
		return smpctl_usage_error(error, "--elfify needs the core dump from its beginning, "
						 "without --offset");
	gboolean done =
		look(&part, args[0], resume, error) &&
		(part.path || !elf ||
		 smpctl_usage_error(error, "--elfify needs a file, and %s is none", args[0])) &&
		download(cli, &part, error);
	smpctl_part_close(&part, done);
	return done;
}

static gboolean write_elf(SmpctlPart *part, const char *source, char **hash, GError **error)
{
	g_autoptr(GByteArray) file = convert(source, hash, error);

	return file && smpctl_part_open(part, FALSE, error) &&
	       smpctl_part_write(part, file->data, file->len, error) &&
	       smpctl_part_finish(part, error);
}

gboolean smpctl_cmd_core_convert(Smpctl *cli, char **args, GError **error)
{
	g_autofree char *hash = NULL;
	SmpctlPart part;
	gboolean done =
		look(&part, args[1], FALSE, error) && write_elf(&part, args[0], &hash, error);

	part.size = done ? part.size : 0;
	smpctl_part_close(&part, done);
	if (!done)
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, "file", args[1]);
		smpctl_json_text(json, "hash", hash);
		smpctl_json_print(json);
	} else if (!cli->options->quiet) {
		/* newtmgr/cli/image.go */
		printf("Corefile created for\n   %s\n", hash);
	}
	return TRUE;
}

gboolean smpctl_cmd_core_erase(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_core_erase(session, error))
		return FALSE;
	smpctl_done(cli, "erased");
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* image corelist, coredownload, coreconvert, coreerase: what a crash left on a board with Mynewt.
 */

#include "core-elf.h"
#include "transfer.h"

#include <glib/gstdio.h>
#include <stdio.h>

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

/* Makes an ELF file of a core dump. Returns: (transfer full): the hash of its image, as text */
static char *convert(const char *source, const char *target, GError **error)
{
	g_autoptr(GBytes) dump = smp_firmware_read_file(source, error);
	g_autoptr(GByteArray) hash = NULL, file = NULL;

	if (!dump)
		return NULL;
	file = smpctl_core_to_elf(g_bytes_get_data(dump, NULL), g_bytes_get_size(dump), &hash,
				  error);
	if (!file) {
		g_prefix_error(error, "cannot convert %s: ", source);
		return NULL;
	}
	if (!g_file_set_contents_full(target, (const char *)file->data, (gssize)file->len,
				      G_FILE_SET_CONTENTS_CONSISTENT, 0666, error))
		return NULL;
	return smp_hex_format(hash->data, hash->len);
}

/* What was read stays where it cannot be converted. */
static gboolean finish(SmpctlPart *part, char **hash, GError **error)
{
	*hash = NULL;
	if (!elf)
		return smpctl_part_finish(part, error);
	*hash = convert(part->path, part->target, error);
	return *hash && g_unlink(part->path) == 0;
}

static gboolean download(Smpctl *cli, SmpSession *session, const char *file, GError **error)
{
	g_autofree char *hash = NULL;
	SmpctlPart part;

	if (!smpctl_part_open(&part, file, resume, error))
		return FALSE;
	gboolean done = fetch(cli, session, &part, error) && finish(&part, &hash, error);
	if (done)
		tell(cli, file, hash, part.size);
	else
		cli->state = smpctl_part_state(&part, 0, TRUE);
	smpctl_part_close(&part, done);
	return done;
}

gboolean smpctl_cmd_core_download(Smpctl *cli, char **args, GError **error)
{
	if (start < 0 || most < 0)
		return smpctl_usage_error(error, "--offset and --bytes must not be negative");
	if (g_str_equal(args[0], "-"))
		return smpctl_usage_error(error, "a core file goes to a file");
	SmpSession *session = smpctl_session(cli, error);
	return session && download(cli, session, args[0], error);
}

gboolean smpctl_cmd_core_convert(Smpctl *cli, char **args, GError **error)
{
	g_autofree char *hash = convert(args[0], args[1], error);

	if (!hash)
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

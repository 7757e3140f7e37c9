/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* image corelist, coredownload, coreerase: what a crash left on a board with Mynewt. */

#include "cli.h"

#include <stdio.h>

static gint64 start;
static gint64 most;
static gboolean elf;
static gboolean resume;

const GOptionEntry smpctl_core_options[] = {
	{"offset", 0, 0, G_OPTION_ARG_INT64, &start, "from this byte on", "BYTES"},
	{"bytes", 'n', 0, G_OPTION_ARG_INT64, &most, "at most so many bytes", "BYTES"},
	{"resume", 0, 0, G_OPTION_ARG_NONE, &resume, "go on with what is in FILE.part", NULL},
	{"elfify", 'e', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &elf, "not done", NULL},
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
		gsize wanted = most ? (gsize)MIN(size, (guint64)most - part->size) : size;
		if (!smpctl_part_write(part, data, wanted, error))
			return FALSE;
	}
	return TRUE;
}

static void tell(Smpctl *cli, const char *file, guint64 size)
{
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, "file", file);
		smpctl_json_int(json, "offset", start);
		smpctl_json_int(json, "size", (gint64)size);
		smpctl_json_print(json);
	} else if (!cli->options->quiet) {
		printf("Done writing core file to %s\n", file);
	}
}

static gboolean download(Smpctl *cli, SmpSession *session, const char *file, GError **error)
{
	SmpctlPart part;

	if (!smpctl_part_open(&part, file, resume, error))
		return FALSE;
	gboolean done = fetch(cli, session, &part, error) && smpctl_part_finish(&part, error);
	if (done)
		tell(cli, file, part.size);
	else if (part.size > 0)
		cli->state = g_strdup_printf("%" G_GUINT64_FORMAT " bytes are in %s.\n"
					     "The same command with --resume goes on from there.",
					     part.size, part.path);
	smpctl_part_close(&part, done);
	return done;
}

gboolean smpctl_cmd_core_download(Smpctl *cli, char **args, GError **error)
{
	if (start < 0 || most < 0)
		return smpctl_usage_error(error, "--offset and --bytes must not be negative");
	if (elf)
		return smpctl_usage_error(error, "a core file is not converted to ELF");
	if (g_str_equal(args[0], "-"))
		return smpctl_usage_error(error, "a core file goes to a file");
	SmpSession *session = smpctl_session(cli, error);
	return session && download(cli, session, args[0], error);
}

gboolean smpctl_cmd_core_erase(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_core_erase(session, error))
		return FALSE;
	smpctl_done(cli, "erased");
	return TRUE;
}

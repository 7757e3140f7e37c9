/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fs: files on the board. */

#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <stdio.h>
#include <unistd.h>

#define WRITE_FAILED 10 /* fs_mgmt.h */

static gboolean resume;
static gboolean no_verify;
static int window;
static char *hash_type;
static gint64 hash_offset;
static gint64 hash_length;

const GOptionEntry smpctl_fs_upload_options[] = {
	{"resume", 0, 0, G_OPTION_ARG_NONE, &resume, "go on with what the board has of it", NULL},
	{"no-verify", 0, 0, G_OPTION_ARG_NONE, &no_verify, "do not compare hashes at the end",
	 NULL},
	{"maxwinsize", 'w', 0, G_OPTION_ARG_INT, &window, "most requests in flight", "N"},
	{NULL},
};

const GOptionEntry smpctl_fs_download_options[] = {
	{"resume", 0, 0, G_OPTION_ARG_NONE, &resume, "go on with what is in DST.part", NULL},
	{"no-verify", 0, 0, G_OPTION_ARG_NONE, &no_verify, "do not compare hashes at the end",
	 NULL},
	{"maxwinsize", 'w', 0, G_OPTION_ARG_INT, &window, "most requests in flight", "N"},
	{NULL},
};

const GOptionEntry smpctl_fs_hash_options[] = {
	{"type", 0, 0, G_OPTION_ARG_STRING, &hash_type, "which one; see fs types",
	 "crc32|sha256|TYPE"},
	{"offset", 0, 0, G_OPTION_ARG_INT64, &hash_offset, "from this byte on", "BYTES"},
	{"length", 0, 0, G_OPTION_ARG_INT64, &hash_length, "so many bytes", "BYTES"},
	{NULL},
};

static gboolean check_window(GError **error)
{
	return window >= 0 || smpctl_usage_error(error, "--maxwinsize must not be negative");
}

static void tell_end(Smpctl *cli, const char *result_name, const char *file, const char *path,
		     guint64 size, const SmpUploadResult *result, gboolean checked)
{
	if (!cli->options->json) {
		if (!cli->options->quiet)
			puts("Done");
		return;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_text(json, "event", "end");
	smpctl_json_text(json, "result", result_name);
	smpctl_json_text(json, "file", file);
	smpctl_json_text(json, "path", path);
	smpctl_json_int(json, "size", (gint64)size);
	smpctl_result_json(json, result);
	smpctl_json_bool(json, "verified", checked);
	smpctl_json_print(json);
}

/* @unverified: (nullable): why nothing was compared */
static void tell_how(Smpctl *cli, const SmpUploadResult *result, const char *unverified)
{
	guint64 bytes = result->sent;
	g_autofree char *rate = smpctl_rate_text(
		result->duration > 0 ? (double)bytes * G_USEC_PER_SEC / (double)result->duration
				     : 0);
	g_autofree char *time = smpctl_time_text(result->duration);

	smpctl_say_more(cli, "%s in %s, up to %" G_GSIZE_FORMAT " bytes at once, %u lost", rate,
			time, result->chunk, result->lost);
	if (unverified)
		smpctl_say(cli, "not verified: %s", unverified);
}

/* ---- upload ---- */

static GBytes *read_all(GInputStream *stream, const char *name, GError **error)
{
	g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();

	if (g_output_stream_splice(memory, stream, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL,
				   error) < 0) {
		g_prefix_error(error, "cannot read %s: ", name);
		return NULL;
	}
	return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
}

/* A pipe or a device, too. */
GBytes *smpctl_read_file(const char *path, GError **error)
{
	g_autofree char *name = g_filename_display_name(path);
	g_autoptr(GError) local = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE, "cannot read %s: %s",
			    name, g_strerror(errno));
		return NULL;
	}
	g_autoptr(GInputStream) input = g_unix_input_stream_new(fd, TRUE);
	GBytes *bytes = read_all(input, name, &local);
	if (!bytes)
		g_set_error_literal(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE, local->message);
	return bytes;
}

static GBytes *load(const char *path, GError **error)
{
	if (g_str_equal(path, "-")) {
		g_autoptr(GInputStream) input = g_unix_input_stream_new(STDIN_FILENO, FALSE);
		return read_all(input, "standard input", error);
	}
	return smpctl_read_file(path, error);
}

/* A file is emptied with the first bytes of another, not where they cannot be meant for it. */
static gboolean may_be_lost(const SmpUploadResult *result, const GError *error)
{
	SmpDeviceError device;

	return result->sent > 0 && (!smp_error_get_device(error, &device) ||
				    smp_error_is_device(error, SMP_GROUP_FS, WRITE_FAILED) ||
				    smp_error_is_device(error, SMP_GROUP_NONE, SMP_RC_EUNKNOWN));
}

/* Where the board refused, or has something else, going on does not help. */
static char *upload_state(const SmpctlTransfer *transfer, const SmpUploadResult *result,
			  const char *path, guint64 size, const GError *error)
{
	SmpDeviceError device;
	guint64 there = MAX(transfer->offset, result->resumed_at);

	if (there == 0 && !may_be_lost(result, error))
		return NULL;
	if (there == 0)
		return g_strdup_printf("What %s held before on the board may be lost.", path);
	if (smp_error_get_device(error, &device) ||
	    g_error_matches(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MISMATCH))
		return g_strdup_printf("What %s held before on the board is lost.", path);
	return g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
			       " bytes are in %s on the board; what it held before is lost.\n"
			       "The same command with --resume goes on from there.",
			       there, size, path);
}

static gboolean send_file(SmpctlTransfer *transfer, SmpSession *session, GBytes *bytes,
			  const char *path, SmpUploadResult *result, gboolean *checked,
			  GError **error)
{
	SmpLink *link = smp_session_get_link(session);
	SmpUploadOptions options = {
		.window = (guint)window,
		.learned_window = smpctl_recall_window(link),
		.progress = smpctl_transfer_progress,
		.user_data = transfer,
	};
	SmpFsFlags flags = (resume ? SMP_FS_RESUME : 0) | (no_verify ? SMP_FS_NO_CHECK : 0);
	g_autoptr(GError) local = NULL;
	gboolean done =
		smp_fs_upload(session, path, bytes, flags, &options, result, checked, &local);

	if (result->window > 0 && window == 0)
		smpctl_remember_window(link, result->window_limit);
	if (!done) {
		transfer->progress.cli->state =
			upload_state(transfer, result, path, g_bytes_get_size(bytes), local);
		g_propagate_error(error, g_steal_pointer(&local));
	}
	return done;
}

static gboolean upload(Smpctl *cli, SmpSession *session, GBytes *bytes, char **args, GError **error)
{
	SmpctlTransfer transfer;
	SmpUploadResult result;
	gboolean checked;

	smpctl_transfer_init(&transfer, cli, "upload");
	gboolean done = send_file(&transfer, session, bytes, args[1], &result, &checked, error);
	smpctl_transfer_clear(&transfer);
	if (!done)
		return FALSE;
	tell_how(cli, &result, checked || no_verify ? NULL : SMPCTL_NO_HASHES);
	tell_end(cli, "uploaded", args[0], args[1], g_bytes_get_size(bytes), &result, checked);
	return TRUE;
}

gboolean smpctl_cmd_fs_upload(Smpctl *cli, char **args, GError **error)
{
	if (!check_window(error))
		return FALSE;
	g_autoptr(GBytes) bytes = load(args[0], error);
	SmpSession *session = bytes ? smpctl_session(cli, error) : NULL;

	return session && upload(cli, session, bytes, args, error);
}

/* ---- the rest ---- */

gboolean smpctl_cmd_fs_download(Smpctl *cli, char **args, GError **error)
{
	SmpctlDownload download = {
		.source = args[0],
		.target = args[1],
		.window = (guint)window,
		.resume = resume,
		.no_verify = no_verify,
	};
	SmpUploadResult result;
	gboolean checked = FALSE;

	if (!check_window(error))
		return FALSE;
	if (!smpctl_download(cli, &download, &result, &checked, error))
		return FALSE;
	tell_how(cli, &result, download.unverified);
	/* Not into what was read. */
	if (!download.standard)
		tell_end(cli, "downloaded", args[1], args[0], download.size, &result, checked);
	return TRUE;
}

gboolean smpctl_cmd_fs_status(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	guint64 size;

	if (!session || !smp_fs_status(session, args[0], &size, error))
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, "path", args[0]);
		smpctl_json_int(json, "size", (gint64)MIN(size, G_MAXINT64));
		smpctl_json_print(json);
	} else {
		printf("%" G_GUINT64_FORMAT "\n", size);
	}
	return TRUE;
}

static void print_hash(Smpctl *cli, const char *path, const SmpFsHash *hash)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(hash->value, &size);
	g_autofree char *hex = smp_hex_format(data, size);

	if (!cli->options->json) {
		/* As sha256sum(1). */
		printf("%s  %s\n", hex, path);
		return;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_text(json, "path", path);
	smpctl_json_text(json, "type", hash->type);
	smpctl_json_int(json, "offset", (gint64)MIN(hash->offset, G_MAXINT64));
	smpctl_json_int(json, "length", (gint64)MIN(hash->length, G_MAXINT64));
	smpctl_json_text(json, "hash", hex);
	smpctl_json_print(json);
}

gboolean smpctl_cmd_fs_hash(Smpctl *cli, char **args, GError **error)
{
	if (hash_offset < 0 || hash_length < 0)
		return smpctl_usage_error(error, "--offset and --length must not be negative");
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(SmpFsHash) hash =
		session ? smp_fs_hash(session, args[0], hash_type, (guint64)hash_offset,
				      (guint64)hash_length, error)
			: NULL;
	if (!hash)
		return FALSE;
	print_hash(cli, args[0], hash);
	return TRUE;
}

static void add_type(JsonBuilder *json, gconstpointer item)
{
	const SmpFsHashType *type = item;

	smpctl_json_text(json, "name", type->name);
	smpctl_json_text(json, "format", type->number ? "number" : "bytes");
	smpctl_json_int(json, "size", type->size);
}

gboolean smpctl_cmd_fs_types(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) types = session ? smp_fs_hash_types(session, error) : NULL;

	if (!types)
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_array(json, "types", types, add_type);
		smpctl_json_print(json);
		return TRUE;
	}
	for (guint i = 0; i < types->len; i++) {
		const SmpFsHashType *type = g_ptr_array_index(types, i);
		g_autofree char *name = smpctl_clean(type->name);
		printf("%-8s %u bytes\n", name, type->size);
	}
	return TRUE;
}

gboolean smpctl_cmd_fs_close(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_fs_close(session, error))
		return FALSE;
	smpctl_done(cli, "closed");
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* image upload: look at file and board before anything is sent, send, tell how it went. */

#include "cli.h"

#include <stdio.h>

static gboolean upgrade;
static gboolean no_erase;
static gboolean erase;
static gboolean force;
static gboolean allow_concurrent;
static int image_number;
static int window;

/* The Go tool's names; -e is its default and ours: the server erases what it has to. */
const GOptionEntry smpctl_upload_options[] = {
	{"image", 'n', 0, G_OPTION_ARG_INT, &image_number, "image number (0)", "N"},
	{"upgrade", 'u', 0, G_OPTION_ARG_NONE, &upgrade,
	 "the board shall refuse what is not newer than what runs", NULL},
	{"force", 'f', 0, G_OPTION_ARG_NONE, &force,
	 "send the bytes as they are, whatever they are and whatever the board has", NULL},
	{"allow-concurrent", 0, 0, G_OPTION_ARG_NONE, &allow_concurrent,
	 "also while another update of the board is going on", NULL},
	{"maxwinsize", 'w', 0, G_OPTION_ARG_INT, &window, "most requests in flight", "N"},
	{"erase", 0, 0, G_OPTION_ARG_NONE, &erase, "erase the slot first, in a request of its own",
	 NULL},
	{"noerase", 'e', 0, G_OPTION_ARG_NONE, &no_erase, "the opposite, which is the default",
	 NULL},
	{NULL},
};

/* What is sent. @firmware is NULL with --force. */
typedef struct {
	Smpctl *cli;
	const char *path;
	SmpFirmware *firmware;
	GBytes *bytes;
	SmpctlProgress progress;
	guint64 offset;
} Upload;

static gboolean load_bytes(Upload *upload, GError **error)
{
	if (!force) {
		upload->firmware = smp_firmware_load(upload->path, error);
		if (upload->firmware)
			upload->bytes = g_bytes_ref(upload->firmware->bytes);
		return upload->firmware != NULL;
	}
	upload->bytes = smp_firmware_read_file(upload->path, error);
	return upload->bytes != NULL;
}

static gboolean refuse(GError **error, char *message)
{
	g_autofree char *owned = message;

	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
		    "%s; --force sends it all the same", owned);
	return FALSE;
}

/* Whether -n N is a number that some slot goes by, and the largest of these slots. */
static gboolean find_room(const GPtrArray *slots, guint64 *room)
{
	gboolean found = FALSE;

	*room = 0;
	for (guint i = 0; i < slots->len; i++) {
		const SmpSlotInfo *info = g_ptr_array_index(slots, i);
		guint64 size = info->max_image_size ? info->max_image_size : info->size;

		if (info->image != (guint)image_number && info->upload_image_id != image_number)
			continue;
		found = TRUE;
		*room = MAX(*room, size);
	}
	return found;
}

static gboolean check_slots(Upload *upload, SmpSession *session, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autoptr(GPtrArray) slots = smp_image_slot_info(session, &failed);
	gsize size = g_bytes_get_size(upload->bytes);
	SmpDeviceError device;
	guint64 room;

	if (!slots && smp_error_get_device(failed, &device))
		return TRUE;
	if (!slots) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	if (slots->len > 0 && !find_room(slots, &room))
		return refuse(error,
			      g_strdup_printf("cannot upload %s: the board has no image %d (see "
					      "`smpctl image slots`)",
					      upload->path, image_number));
	if (slots->len > 0 && room > 0 && size > room)
		return refuse(error, g_strdup_printf("cannot upload %s: it has %" G_GSIZE_FORMAT
						     " bytes and the slot takes %" G_GUINT64_FORMAT,
						     upload->path, size, room));
	return TRUE;
}

/* Whether the board has it already. A server without an image list may still take images. */
static gboolean look(Upload *upload, SmpSession *session, const SmpImageSlot **there,
		     SmpImageState **state, GError **error)
{
	g_autoptr(GError) failed = NULL;

	*state = smp_image_list(session, &failed);
	if (*state) {
		*there = smp_image_state_find_hash(*state, (guint)image_number,
						   &upload->firmware->hash);
		return *there || check_slots(upload, session, error);
	}
	if (smp_error_is_unsupported(failed))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

static void on_progress(const SmpUploadProgress *progress, gpointer user_data)
{
	Upload *upload = user_data;

	upload->offset = progress->offset;
	smpctl_progress_upload(&upload->progress, progress);
	smpctl_progress_event(&upload->progress, progress);
}

static void tell_json(Upload *upload, const SmpUploadResult *result)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_text(json, "event", "end");
	smpctl_json_text(json, "result", result ? "uploaded" : "present");
	if (upload->firmware)
		smpctl_firmware_json(json, upload->firmware);
	if (result)
		smpctl_result_json(json, result);
	smpctl_json_print(json);
}

static char *state_text(const Upload *upload)
{
	if (upload->offset == 0)
		return g_strdup("What runs on the board is untouched.");
	return g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GSIZE_FORMAT
			       " bytes are in the slot; what runs on the board is untouched.\n"
			       "The same command goes on from there if the board was not reset.",
			       upload->offset, g_bytes_get_size(upload->bytes));
}

/* Where the board refuses that, the upload says why, as in the Go tool. */
static gboolean erase_first(SmpSession *session, GError **error)
{
	int slot = image_number > 0 ? 2 * image_number + 1 : SMP_SLOT_DEFAULT;
	g_autoptr(GError) failed = NULL;
	SmpDeviceError device;

	if (!erase || smp_image_erase(session, slot, 0, &failed) ||
	    smp_error_get_device(failed, &device))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

static gboolean send_image(Upload *upload, SmpSession *session, GError **error)
{
	SmpLink *link = smp_session_get_link(session);
	SmpUploadOptions options = {
		.window = (guint)window,
		.learned_window = smpctl_recall_window(link),
		.progress = on_progress,
		.user_data = upload,
	};
	SmpUploadResult result = {0};
	const SmpHash *hash = upload->firmware ? &upload->firmware->hash : NULL;
	gboolean done = smp_upload_image(session, upload->bytes, (guint)image_number, upgrade, hash,
					 &options, &result, error);

	smpctl_progress_end(&upload->progress);
	if (result.window > 0 && window == 0)
		smpctl_remember_window(link, result.window_limit);
	if (!done) {
		upload->cli->state = state_text(upload);
		return FALSE;
	}
	if (smpctl_wants_more(upload->cli)) {
		g_autofree char *text = smp_link_describe(link);
		smpctl_tell_speed(upload->cli, session, text, &result,
				  g_bytes_get_size(upload->bytes) - result.resumed_at);
	}
	if (upload->cli->options->json)
		tell_json(upload, &result);
	return TRUE;
}

/* For its lock: a single upload is not written down. */
static gboolean keep_others_out(Smpctl *cli, SmpJournal **lock, GError **error)
{
	g_autoptr(GError) failed = NULL;

	if (smpctl_journal_alone(cli, force || allow_concurrent, lock, &failed) ||
	    !g_error_matches(failed, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

static gboolean look_and_send(Upload *upload, SmpSession *session, GError **error)
{
	g_autoptr(SmpImageState) state = NULL;
	const SmpImageSlot *there = NULL;
	g_autoptr(SmpJournal) lock = NULL;

	if (!keep_others_out(upload->cli, &lock, error))
		return FALSE;
	if (!force && !look(upload, session, &there, &state, error))
		return FALSE;
	if (!there)
		return erase_first(session, error) && send_image(upload, session, error);
	smpctl_say(upload->cli, "%s is in slot %u of image %u already%s; --force sends it again",
		   upload->firmware->name, there->slot, there->image,
		   there->active ? " and runs" : "");
	if (upload->cli->options->json)
		tell_json(upload, NULL);
	return TRUE;
}

gboolean smpctl_cmd_image_upload(Smpctl *cli, char **args, GError **error)
{
	Upload upload = {.cli = cli, .path = args[0]};
	gboolean done = FALSE;

	if (image_number < 0 || window < 0)
		return smpctl_usage_error(error, "--image and --maxwinsize must not be negative");
	cli->concurrent = force || allow_concurrent;
	smpctl_progress_init(&upload.progress, cli);
	if (load_bytes(&upload, error)) {
		SmpSession *session = smpctl_session(cli, error);
		done = session && look_and_send(&upload, session, error);
	}
	if (done && !cli->options->json && !cli->options->quiet)
		puts("Done");
	smpctl_progress_clear(&upload.progress);
	g_clear_pointer(&upload.firmware, smp_firmware_free);
	g_clear_pointer(&upload.bytes, g_bytes_unref);
	return done;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* update: the whole way from a file to a board that runs it. */

#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int image_number;
static gboolean test_only;
static gboolean confirm;
static gboolean upload_only;
static SmpPolicy policy;
static int window;

const GOptionEntry smpctl_update_options[] = {
	{"image", 'n', 0, G_OPTION_ARG_INT, &image_number,
	 "image number for files without N: in front (0)", "N"},
	{"test-only", 0, 0, G_OPTION_ARG_NONE, &test_only,
	 "leave it on trial: the next reset undoes it unless it is confirmed", NULL},
	{"confirm", 0, 0, G_OPTION_ARG_NONE, &confirm, "for good at once, without a trial", NULL},
	{"upload-only", 0, 0, G_OPTION_ARG_NONE, &upload_only, "only put it into its slot", NULL},
	{"allow-downgrade", 0, 0, G_OPTION_ARG_NONE, &policy.allow_downgrade,
	 "also an older version than what runs", NULL},
	{"allow-no-revert", 0, 0, G_OPTION_ARG_NONE, &policy.allow_no_revert,
	 "also where the bootloader cannot undo it", NULL},
	{"allow-padded", 0, 0, G_OPTION_ARG_NONE, &policy.allow_padded,
	 "also a file made with imgtool sign --pad", NULL},
	{"maxwinsize", 'w', 0, G_OPTION_ARG_INT, &window, "most requests in flight", "N"},
	{NULL},
};

typedef struct {
	Smpctl *cli;
	const SmpBundle *bundle;
	SmpctlProgress progress;
	char *before; /* what ran before, of all images of the bundle */
} Run;

/* What each file is. */
static void tell_files(Smpctl *cli, const SmpBundle *bundle)
{
	for (guint i = 0; i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		const SmpFirmware *firmware = item->firmware;
		g_autofree char *version = smp_version_to_string(&firmware->version);
		g_autofree char *size = smpctl_size_text(g_bytes_get_size(firmware->bytes));
		g_autofree char *hash = smp_hash_to_string(&firmware->hash);
		const char *signature = smp_firmware_signature_name(firmware);
		gboolean is_signed = !g_str_equal(signature, "none");

		smpctl_say(cli, "%-8s %s: image %u, %s, %s, hash %.12s%s, %s%s", "file",
			   firmware->name, item->image, version, size, hash,
			   smpctl_glyph("…", "..."), is_signed ? signature : "not signed",
			   is_signed ? " signature not verified" : "");
	}
}

static void tell_board(Run *run, const SmpBoard *board)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; board->images && i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);

		if (!slot->active)
			continue;
		g_string_append_printf(text, "%simage %u runs %s%s", text->len ? ", " : "",
				       slot->image, slot->version,
				       slot->confirmed ? " (confirmed)" : " (on trial)");
	}
	if (board->recovery)
		g_string_append(text, "in MCUboot's serial recovery");
	else if (board->images)
		g_string_append(text, smp_board_can_revert(board) ? "; can undo a bad update"
								  : "; cannot undo an update");
	if (text->len)
		smpctl_say(run->cli, "%-8s %s", "board", text->str);
}

static void remember_versions(Run *run, const SmpBoard *board)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; board->images && i < run->bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(run->bundle->items, i);
		const SmpImageSlot *slot = smp_image_state_find_active(board->images, item->image);

		if (slot)
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", slot->version);
	}
	g_free(run->before);
	run->before = text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static JsonBuilder *begin_event(const Run *run, const char *event, const SmpPlanStep *step)
{
	JsonBuilder *json = smpctl_json_begin();

	smpctl_json_text(json, "event", event);
	smpctl_json_text(json, "step", smp_action_name(step->action));
	if (step->action != SMP_ACTION_RESET) {
		const SmpBundleItem *item = g_ptr_array_index(run->bundle->items, step->item);
		smpctl_json_int(json, "image", item->image);
	}
	return json;
}

static void tell_json(Run *run, const SmpUpdateEvent *event)
{
	g_autoptr(JsonBuilder) json = NULL;

	if (event->kind == SMP_UPDATE_EVENT_BOARD ||
	    (event->kind == SMP_UPDATE_EVENT_PROGRESS &&
	     !smpctl_progress_due(&run->progress, G_USEC_PER_SEC / 4)))
		return;
	json = begin_event(run, event->kind == SMP_UPDATE_EVENT_PROGRESS ? "progress" : "step",
			   event->step);
	if (event->kind != SMP_UPDATE_EVENT_PROGRESS)
		smpctl_json_text(json, "state",
				 event->kind == SMP_UPDATE_EVENT_STEP ? "begin" : "done");
	if (event->kind == SMP_UPDATE_EVENT_STEP)
		smpctl_json_text(json, "reason", event->step->reason);
	else
		smpctl_json_seconds(json, "elapsed", event->elapsed);
	smpctl_json_double(json, "fraction", event->fraction);
	if (event->upload)
		smpctl_progress_json(json, event->upload);
	else
		smpctl_json_text(json, "waiting", event->waiting);
	smpctl_json_print(json);
}

/* What a step that is done leaves on the screen. */
static char *done_text(const Run *run, const SmpUpdateEvent *event)
{
	const SmpBundleItem *item = g_ptr_array_index(run->bundle->items, event->step->item);
	g_autofree char *time = smpctl_time_text(event->elapsed);

	switch (event->step->action) {
	case SMP_ACTION_UPLOAD: {
		gsize bytes = g_bytes_get_size(item->firmware->bytes);
		g_autofree char *size = smpctl_size_text(bytes);
		return g_strdup_printf("image %u: %s in %s", item->image, size, time);
	}
	case SMP_ACTION_TEST:
		return g_strdup_printf("image %u: the next reset tries it", item->image);
	case SMP_ACTION_MAKE_PENDING:
		return g_strdup_printf("image %u: the next reset installs it for good",
				       item->image);
	case SMP_ACTION_RESET:
		return g_strdup_printf("the board is back after %s", time);
	case SMP_ACTION_CONFIRM:
		return g_strdup_printf("image %u: it stays", item->image);
	case SMP_ACTION_END:
		break;
	}
	return g_strdup(time);
}

static const char *step_label(SmpAction action)
{
	return action == SMP_ACTION_MAKE_PENDING ? "confirm" : smp_action_name(action);
}

static void tell_progress(Run *run, const SmpUpdateEvent *event)
{
	if (event->upload)
		smpctl_progress_upload(&run->progress, event->upload);
	else if (event->waiting)
		smpctl_progress_wait(&run->progress, step_label(event->step->action),
				     event->waiting, event->elapsed);
}

static void on_event(const SmpUpdateEvent *event, gpointer user_data)
{
	Run *run = user_data;

	if (event->kind == SMP_UPDATE_EVENT_BOARD)
		remember_versions(run, event->board);
	if (run->cli->options->json) {
		tell_json(run, event);
		return;
	}
	if (event->kind == SMP_UPDATE_EVENT_BOARD) {
		tell_board(run, event->board);
	} else if (event->kind == SMP_UPDATE_EVENT_STEP) {
		if (run->cli->options->verbose)
			smpctl_say(run->cli, "%-8s %s", step_label(event->step->action),
				   event->step->reason);
	} else if (event->kind == SMP_UPDATE_EVENT_PROGRESS) {
		tell_progress(run, event);
	} else {
		g_autofree char *text = done_text(run, event);
		smpctl_progress_end(&run->progress);
		smpctl_say(run->cli, "%-8s %s", step_label(event->step->action), text);
	}
}

/* The library's names with blanks: "rolled back". */
static char *end_text(SmpEnd end)
{
	return g_strdelimit(g_strdup(smp_end_name(end)), "-", ' ');
}

static void tell_result_json(Run *run, const SmpUpdateResult *result)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_text(json, "event", "end");
	smpctl_json_text(json, "result", smp_end_name(result->end));
	smpctl_json_text(json, "message", result->message);
	smpctl_json_text(json, "detail", result->detail);
	if (result->end == SMP_END_UPDATED)
		smpctl_json_text(json, "was", run->before);
	smpctl_json_int(json, "sent", (gint64)result->sent);
	smpctl_json_seconds(json, "duration", result->duration);
	smpctl_json_int(json, "exit", run->cli->status);
	smpctl_json_print(json);
}

static void print_detail(FILE *stream, const char *detail)
{
	g_auto(GStrv) lines = detail ? g_strsplit(detail, "\n", -1) : NULL;

	for (char **line = lines; line && *line; line++)
		fprintf(stream, "  %s\n", *line);
}

static void tell_speed(Run *run, SmpSession *session, const SmpUpdateResult *result)
{
	SmpParams params = {0};
	g_autofree char *why = NULL;

	if (result->upload.chunk == 0 || !smp_session_get_params(session, &params, NULL))
		return;
	smpctl_say(run->cli,
		   "%-8s requests of %" G_GSIZE_FORMAT " bytes, up to %u in flight, %u lost",
		   "speed", result->upload.chunk, result->upload.window, result->upload.lost);
	why = smp_upload_explain(&params, &result->upload);
	if (why)
		smpctl_say(run->cli, "%-8s %s", "", why);
}

static void tell_result(Run *run, const SmpUpdateResult *result)
{
	gboolean good = run->cli->status == SMPCTL_EXIT_OK;
	SmpctlColor color = good ? SMPCTL_GREEN : SMPCTL_RED;
	FILE *stream = run->cli->options->quiet ? stderr : stdout;
	g_autofree char *end = end_text(result->end);
	g_autofree char *time = smpctl_time_text(result->duration);

	if (run->cli->options->quiet && good)
		return;
	fprintf(stream, "%s%s%s: %s", smpctl_color(run->cli, fileno(stream), color), end,
		smpctl_color(run->cli, fileno(stream), SMPCTL_PLAIN), result->message);
	if (result->end == SMP_END_UPDATED && run->before)
		fprintf(stream, " (was %s)", run->before);
	if (result->end == SMP_END_UPDATED || result->end == SMP_END_UPLOADED)
		fprintf(stream, ", in %s", time);
	fputc('\n', stream);
	print_detail(stream, result->detail);
}

static gboolean run_update(Run *run, SmpSession *session, GError **error)
{
	g_autoptr(SmpUpdate) update = smp_update_new(session, run->bundle, &policy);
	SmpLink *link = smp_session_get_link(session);
	SmpUploadOptions upload = {
		.window = (guint)window,
		.learned_window = smpctl_recall_window(link),
	};
	g_autoptr(SmpUpdateResult) result = NULL;

	smp_update_set_event_func(update, on_event, run);
	smp_update_set_upload_options(update, &upload);
	result = smp_update_run(update, error);
	smpctl_progress_end(&run->progress);
	if (!result) {
		run->cli->state = smp_update_state(update);
		return FALSE;
	}
	if (result->upload.window > 0 && window == 0)
		smpctl_remember_window(link, result->upload.window_limit);
	run->cli->status = smpctl_end_status(result->end, policy.mode == SMP_UPDATE_TEST_ONLY);
	if (run->cli->options->json) {
		tell_result_json(run, result);
		return TRUE;
	}
	if (run->cli->options->verbose)
		tell_speed(run, session, result);
	tell_result(run, result);
	return TRUE;
}

static gboolean check_options(GError **error)
{
	const char *message = NULL;

	if (test_only + confirm + upload_only > 1)
		message = "only one of --test-only, --confirm and --upload-only";
	if (image_number < 0 || window < 0)
		message = "--image and --maxwinsize must not be negative";
	if (message) {
		g_set_error_literal(error, SMPCTL_ERROR, SMPCTL_ERROR_USAGE, message);
		return FALSE;
	}
	policy.mode = test_only	    ? SMP_UPDATE_TEST_ONLY
		      : confirm	    ? SMP_UPDATE_CONFIRM
		      : upload_only ? SMP_UPDATE_UPLOAD_ONLY
				    : SMP_UPDATE_TEST_AND_CONFIRM;
	return TRUE;
}

gboolean smpctl_cmd_update(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	Run run = {.cli = cli, .bundle = bundle};
	gboolean done;

	if (!check_options(error))
		return FALSE;
	for (char **file = args; *file; file++) {
		if (!smp_bundle_add(bundle, *file, (guint)image_number, error))
			return FALSE;
	}
	SmpSession *session = smpctl_session(cli, error);
	if (!session)
		return FALSE;
	tell_files(cli, bundle);
	smpctl_progress_init(&run.progress, cli);
	done = run_update(&run, session, error);
	smpctl_progress_clear(&run.progress);
	g_free(run.before);
	return done;
}

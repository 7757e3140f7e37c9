/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs an update and tells what happens, as text, as a live line or as JSON. */

#include "cli.h"

#include <stdio.h>
#include <unistd.h>

typedef struct {
	Smpctl *cli;
	const SmpBundle *bundle;
	const SmpctlRun *options;
	SmpSession *session;
	SmpctlProgress progress;
	char *before; /* what ran before, of all images of the bundle */
	char *ill;    /* what the health check said against the new image */
	char *link;   /* what the link was at the end of the last upload */
} Run;

/* What each file is. */
void smpctl_tell_files(Smpctl *cli, const SmpBundle *bundle)
{
	for (guint i = 0; i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		const SmpFirmware *firmware = item->firmware;
		if (!firmware)
			continue;
		g_autofree char *size = smpctl_size_text(g_bytes_get_size(firmware->bytes));
		g_autofree char *hash = smp_hash_to_string(&firmware->hash);
		const char *signature = smp_firmware_signature_name(firmware);
		gboolean is_signed = !g_str_equal(signature, "none");

		smpctl_say(cli, "%-8s %s: image %u, %s, %s, hash %.12s%s, %s%s", "file", item->name,
			   item->image, item->version, size, hash, smpctl_glyph("…", "..."),
			   is_signed ? signature : "not signed",
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
	else if (board->images && board->mode != SMP_BOOTLOADER_MODE_UNKNOWN)
		g_string_append(text, smp_board_can_revert(board) ? "; can undo a bad update"
								  : "; cannot undo an update");
	if (text->len)
		smpctl_say(run->cli, "%-8s %s", "board", text->str);
}

char *smpctl_versions_before(const SmpImageState *images, const SmpBundle *bundle)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; images && i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		const SmpImageSlot *slot = smp_image_state_find_active(images, item->image);

		/* A trial of it that runs already is not what ran before, nor is the application
		 * what a bootloader replaces. */
		if (slot && !item->bootloader && !smp_hash_equal(&slot->hash, &item->hash))
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", slot->version);
	}
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

gboolean smpctl_step_has_image(SmpAction action)
{
	return action != SMP_ACTION_RESET && action != SMP_ACTION_UNDO &&
	       action != SMP_ACTION_ENTER_RECOVERY;
}

static JsonBuilder *begin_event(const Run *run, const char *event, const SmpPlanStep *step)
{
	JsonBuilder *json = smpctl_json_begin();

	smpctl_json_text(json, "event", event);
	smpctl_json_text(json, "step", smp_action_name(step->action));
	if (smpctl_step_has_image(step->action)) {
		const SmpBundleItem *item = g_ptr_array_index(run->bundle->items, step->item);
		smpctl_json_int(json, "image", item->image);
	}
	return json;
}

static void tell_json(Run *run, const SmpUpdateEvent *event)
{
	g_autoptr(JsonBuilder) json = NULL;
	const char *waiting = event->upload ? event->upload->waiting : event->waiting;

	if (event->kind == SMP_UPDATE_EVENT_BOARD ||
	    (event->kind == SMP_UPDATE_EVENT_PROGRESS &&
	     !smpctl_progress_due(&run->progress, waiting, G_USEC_PER_SEC / 4)))
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
	if (event->kind == SMP_UPDATE_EVENT_DONE &&
	    event->step->action == SMP_ACTION_CHECK_HEALTH) {
		smpctl_json_text(json, "health", run->ill ? "bad" : "good");
		smpctl_json_text(json, "message", run->ill);
	}
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
	case SMP_ACTION_ERASE:
		return g_strdup_printf("image %u: its slot is empty", item->image);
	case SMP_ACTION_ENTER_RECOVERY:
	case SMP_ACTION_RESET:
	case SMP_ACTION_UNDO:
		return g_strdup_printf("the board is back after %s", time);
	case SMP_ACTION_CHECK_HEALTH:
		return g_strdup_printf("%s, after %s", run->ill ? run->ill : "good", time);
	case SMP_ACTION_CONFIRM:
		return g_strdup_printf("image %u: it stays", item->image);
	case SMP_ACTION_END:
		break;
	}
	return g_strdup(time);
}

const char *smpctl_step_label(SmpAction action)
{
	switch (action) {
	case SMP_ACTION_MAKE_PENDING:
		return "confirm";
	case SMP_ACTION_CHECK_HEALTH:
		return "health";
	case SMP_ACTION_ENTER_RECOVERY:
		return "recovery";
	case SMP_ACTION_END:
		return "board"; /* before the first step */
	default:
		return smp_action_name(action);
	}
}

static void tell_progress(Run *run, const SmpUpdateEvent *event)
{
	if (event->upload)
		smpctl_progress_upload(&run->progress, event->upload);
	else if (event->waiting)
		smpctl_progress_wait(&run->progress, smpctl_step_label(event->step->action),
				     event->waiting, event->elapsed);
}

static void remember_link(Run *run)
{
	g_free(run->link);
	run->link = smp_link_describe(smp_session_get_link(run->session));
}

static void on_event(const SmpUpdateEvent *event, gpointer user_data)
{
	Run *run = user_data;

	if (event->kind == SMP_UPDATE_EVENT_BOARD) {
		g_free(run->before);
		run->before = smpctl_versions_before(event->board->images, run->bundle);
	}
	if (event->kind == SMP_UPDATE_EVENT_DONE && event->step->action == SMP_ACTION_UPLOAD)
		remember_link(run);
	if (run->cli->options->json)
		tell_json(run, event);
	if (event->kind == SMP_UPDATE_EVENT_BOARD) {
		tell_board(run, event->board);
	} else if (event->kind == SMP_UPDATE_EVENT_STEP) {
		smpctl_say_more(run->cli, "%-8s %s", smpctl_step_label(event->step->action),
				event->step->reason);
	} else if (event->kind == SMP_UPDATE_EVENT_PROGRESS) {
		tell_progress(run, event);
	} else {
		g_autofree char *text = done_text(run, event);
		if (!run->cli->options->json)
			smpctl_progress_end(&run->progress);
		smpctl_say(run->cli, "%-8s %s", smpctl_step_label(event->step->action), text);
	}
}

/* A rollback that went well is one. */
static const char *end_name(const SmpctlEnd *end)
{
	return smp_end_name(end->rollback && end->end == SMP_END_UPDATED ? SMP_END_ROLLED_BACK
									 : end->end);
}

static void tell_end_json(Smpctl *cli, const SmpctlEnd *end)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_text(json, "event", "end");
	smpctl_json_text(json, "result", end_name(end));
	smpctl_json_text(json, "message", end->message);
	smpctl_json_text(json, "detail", end->detail);
	if (end->end == SMP_END_UPDATED)
		smpctl_json_text(json, "was", end->was);
	smpctl_json_count(json, "sent", end->sent);
	smpctl_json_seconds(json, "duration", end->duration);
	smpctl_json_int(json, "exit", cli->status);
	smpctl_json_print(json);
}

static void print_detail(FILE *stream, const char *detail)
{
	g_auto(GStrv) lines = detail ? g_strsplit(detail, "\n", -1) : NULL;

	for (char **line = lines; line && *line; line++)
		fprintf(stream, "  %s\n", *line);
}

static void tell_end_text(Smpctl *cli, const SmpctlEnd *end)
{
	gboolean good = cli->status == SMPCTL_EXIT_OK;
	SmpctlColor color = good ? SMPCTL_GREEN : SMPCTL_RED;
	FILE *stream = cli->options->quiet ? stderr : stdout;
	g_autofree char *name = g_strdelimit(g_strdup(end_name(end)), "-", ' ');
	g_autofree char *time = smpctl_time_text(end->duration);

	if (cli->options->quiet && good)
		return;
	fprintf(stream, "%s%s%s: %s", smpctl_color(cli, fileno(stream), color), name,
		smpctl_color(cli, fileno(stream), SMPCTL_PLAIN), end->message);
	if (end->end == SMP_END_UPDATED && end->was)
		fprintf(stream, " (was %s)", end->was);
	if (end->end == SMP_END_UPDATED || end->end == SMP_END_UPLOADED)
		fprintf(stream, ", in %s", time);
	fputc('\n', stream);
	print_detail(stream, end->detail);
}

void smpctl_tell_end(Smpctl *cli, const SmpctlEnd *end)
{
	smpctl_log(cli, "%s: %s%s%s", end_name(end), end->message, end->detail ? "\n" : "",
		   end->detail ? end->detail : "");
	if (cli->options->json)
		tell_end_json(cli, end);
	else
		tell_end_text(cli, end);
}

static gboolean check_health(gpointer user_data, GError **error)
{
	Run *run = user_data;
	const SmpBundleItem *item = g_ptr_array_index(run->bundle->items, 0);
	g_autoptr(GError) local = NULL;

	smpctl_progress_end(&run->progress);
	if (smpctl_health_check(run->cli, run->options->health, item->version, &local))
		return TRUE;
	g_free(run->ill);
	run->ill = g_strdup(local->message);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static SmpUpdate *make_update(Run *run, SmpSession *session)
{
	SmpUpdate *update = smp_update_new(session, run->bundle, run->options->policy);
	SmpUploadOptions upload = {
		.window = run->options->window,
		.learned_window = smpctl_recall_window(smp_session_get_link(session)),
	};

	smp_update_set_event_func(update, on_event, run);
	smp_update_set_upload_options(update, &upload);
	if (run->options->health)
		smp_update_set_health_func(update, check_health, run);
	if (run->options->journal)
		smp_update_set_journal(update, run->options->journal);
	return update;
}

static void tell(Run *run, SmpSession *session, const SmpUpdateResult *result)
{
	const SmpPolicy *policy = run->options->policy;
	gboolean trial_wanted =
		policy->mode == SMP_UPDATE_TEST_ONLY || policy->stop_before != SMP_ACTION_END;

	if (result->upload.window > 0 && run->options->window == 0)
		smpctl_remember_window(smp_session_get_link(session), result->upload.window_limit);
	run->cli->status = smpctl_end_status(result->end, trial_wanted);
	if (smpctl_wants_more(run->cli) && result->upload.chunk > 0) {
		if (!run->link)
			remember_link(run);
		smpctl_tell_speed(run->cli, session, run->link, &result->upload,
				  result->upload.sent);
	}
	const SmpctlEnd end = {
		.end = result->end,
		.rollback = run->options->rollback,
		.message = result->message,
		.detail = result->detail,
		.was = run->before,
		.sent = (gint64)result->sent,
		.duration = result->duration,
	};
	smpctl_tell_end(run->cli, &end);
}

gboolean smpctl_run_update(Smpctl *cli, const SmpBundle *bundle, const SmpctlRun *options,
			   GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	Run run = {.cli = cli, .bundle = bundle, .options = options, .session = session};

	if (!session)
		return FALSE;
	smpctl_tell_files(cli, bundle);
	smpctl_progress_init(&run.progress, cli);
	g_autoptr(SmpUpdate) update = make_update(&run, session);
	g_autoptr(SmpUpdateResult) result = smp_update_run(update, error);
	smpctl_progress_end(&run.progress);
	if (result)
		tell(&run, session, result);
	else
		cli->state = smp_update_state(update);
	smpctl_progress_clear(&run.progress);
	g_free(run.before);
	g_free(run.ill);
	g_free(run.link);
	return result != NULL;
}

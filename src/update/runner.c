/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* observe → plan → act → observe …: the board is the truth, and every step is decided anew from
 * what is seen of it. */

#include "session/session.h"
#include "update/journal-private.h"
#include "update/plan-private.h"
#include "update/runner-private.h"

#include "groups/image.h"

#include <smp/os.h>

/* What each step is worth of the whole: an upload is nearly all of it. */
#define UPLOAD_SHARE 0.85
#define RESET_SHARE  0.95

/* How long a board may need after a reset: to boot, and for the swap of an image of this size. */
#define BOOT_TIMEOUT_MS	    60000
#define SWAP_BYTES_PER_MS   8
#define UNCHANGED_TIMEOUT   (5 * G_TIME_SPAN_SECOND)
#define LOOK_AGAIN	    (500 * G_TIME_SPAN_MILLISECOND)
#define RETURN_TIMEOUT	    (60 * G_TIME_SPAN_SECOND) /* since the board was heard last */
#define MAX_STEPS_PER_IMAGE 16
#define MAX_LOSSES	    3 /* steps in which the board was lost, until it is given up */

SmpUpdate *smp_update_new(SmpSession *session, const SmpBundle *bundle, const SmpPolicy *policy)
{
	SmpUpdate *update = g_new0(SmpUpdate, 1);

	update->session = session;
	update->link = smp_session_get_link(session);
	update->bundle = bundle;
	update->policy = *policy;
	update->attempt.items = g_new0(SmpAttemptItem, bundle->items->len);
	return update;
}

void smp_update_free(SmpUpdate *update)
{
	if (!update)
		return;
	g_free(update->attempt.items);
	smp_board_free(update->board);
	smp_plan_step_clear(&update->step);
	g_free(update);
}

void smp_update_result_free(SmpUpdateResult *result)
{
	if (!result)
		return;
	g_free(result->message);
	g_free(result->detail);
	g_free(result);
}

void smp_update_set_event_func(SmpUpdate *update, SmpUpdateEventFunc func, gpointer user_data)
{
	update->func = func;
	update->user_data = user_data;
}

void smp_update_set_upload_options(SmpUpdate *update, const SmpUploadOptions *options)
{
	update->upload_options = *options;
}

void smp_update_set_boot_timeout(SmpUpdate *update, guint timeout_ms)
{
	update->boot_timeout_ms = timeout_ms;
}

void smp_update_set_health_func(SmpUpdate *update, SmpHealthFunc func, gpointer user_data)
{
	update->health_func = func;
	update->health_data = user_data;
}

void smp_update_set_journal(SmpUpdate *update, SmpJournal *journal)
{
	update->journal = journal;
}

static void emit(SmpUpdate *update, SmpUpdateEventKind kind, double fraction, const char *waiting)
{
	gboolean uploading = update->step.action == SMP_ACTION_UPLOAD;

	update->fraction = MAX(update->fraction, fraction);
	if (!update->func)
		return;
	/* That of the upload's last progress is gone. */
	update->progress.waiting = waiting;
	SmpUpdateEvent event = {
		.kind = kind,
		.board = update->board,
		.step = kind == SMP_UPDATE_EVENT_BOARD ? NULL : &update->step,
		.fraction = update->fraction,
		.elapsed = smp_link_now(update->link) - update->step_started,
		.waiting = waiting,
		.upload = uploading && kind != SMP_UPDATE_EVENT_BOARD ? &update->progress : NULL,
	};
	update->func(&event, update->user_data);
}

const SmpBundleItem *smp_update_item(const SmpUpdate *update)
{
	return g_ptr_array_index(update->bundle->items, update->step.item);
}

/* Bytes of the first @n items; what is in its slot already counts nothing. */
static guint64 size_of_first(const SmpUpdate *update, guint n)
{
	guint64 size = 0;

	for (guint i = 0; i < n; i++) {
		const SmpBundleItem *item = g_ptr_array_index(update->bundle->items, i);
		size += item->firmware ? g_bytes_get_size(item->firmware->bytes) : 0;
	}
	return size;
}

static guint64 bundle_size(const SmpUpdate *update)
{
	return size_of_first(update, update->bundle->items->len);
}

static void on_upload(const SmpUploadProgress *progress, gpointer user_data)
{
	SmpUpdate *update = user_data;
	guint64 before = size_of_first(update, update->step.item);

	update->progress = *progress;
	emit(update, SMP_UPDATE_EVENT_PROGRESS,
	     UPLOAD_SHARE * (double)(before + progress->offset) / (double)bundle_size(update),
	     progress->waiting);
}

static gboolean do_upload(SmpUpdate *update, GError **error)
{
	const SmpBundleItem *item = smp_update_item(update);
	SmpUploadOptions options = update->upload_options;

	options.progress = on_upload;
	options.user_data = update;
	if (update->journal && options.learned_window == 0)
		options.learned_window = smp_journal_get_window(update->journal);
	update->progress = (SmpUploadProgress){.size = g_bytes_get_size(item->firmware->bytes)};
	gboolean done = smp_upload_image(update->session, item->firmware->bytes, item->image, FALSE,
					 &item->hash, &options, &update->upload, error);
	update->sent += update->upload.sent;
	if (update->journal && options.window == 0 && update->upload.window > 0)
		smp_journal_note_window(update->journal, update->upload.window_limit);
	/* One that was cut off is no reason to give up. */
	update->attempt.items[update->step.item].uploads += done;
	return done;
}

/* A server that is spoken to as version 1 has no better word for it (Zephyr img_mgmt.c,
 * img_mgmt_translate_error_code()). */
static gboolean is_denied(const GError *error)
{
	return smp_error_is_device(error, SMP_GROUP_IMAGE,
				   SMP_IMAGE_RC_IMAGE_CONFIRMATION_DENIED) ||
	       smp_error_is_device(error, SMP_GROUP_NONE, SMP_RC_EUNKNOWN);
}

static gboolean do_mark(SmpUpdate *update, gboolean direct, GError **error)
{
	const SmpBundleItem *item = smp_update_item(update);
	g_autoptr(GError) local = NULL;
	g_autoptr(SmpImageState) state =
		smp_image_set_state_once(update->session, &item->hash, direct, &local);

	if (!state && direct && is_denied(local)) {
		update->attempt.confirm_denied = TRUE;
	} else if (!state) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	} else {
		update->attempt.items[update->step.item].marks++;
	}
	return TRUE;
}

/* To confirm an image by name installs it for good, whatever runs: should it have been undone since
 * it was seen, that would be the update without a trial. So what runs is looked at right before,
 * and image 0 is confirmed as what runs. */
static gboolean do_confirm(SmpUpdate *update, GError **error)
{
	const SmpBundleItem *item = smp_update_item(update);
	g_autoptr(SmpImageState) now = smp_image_list(update->session, error);

	if (!now)
		return FALSE;
	const SmpImageSlot *active = smp_image_state_find_active(now, item->image);
	if (!active || !smp_hash_equal(&active->hash, &item->hash))
		return TRUE;
	g_autoptr(SmpImageState) state = smp_image_set_state_once(
		update->session, item->image ? &item->hash : NULL, TRUE, error);
	if (state)
		update->attempt.items[update->step.item].confirms++;
	return state != NULL;
}

static void on_wait(gint64 elapsed, gpointer user_data)
{
	SmpUpdate *update = user_data;

	/* The upload comes after the reset into recovery. */
	emit(update, SMP_UPDATE_EVENT_PROGRESS,
	     update->step.action == SMP_ACTION_ENTER_RECOVERY ? 0 : RESET_SHARE,
	     update->board->recovery ? "waiting for the board to start the application"
				     : "waiting for the board to come back");
}

static guint boot_timeout(const SmpUpdate *update)
{
	return update->boot_timeout_ms
		       ? update->boot_timeout_ms
		       : BOOT_TIMEOUT_MS + (guint)(bundle_size(update) / SWAP_BYTES_PER_MS);
}

static gboolean updates_bootloader(const SmpUpdate *update)
{
	const SmpBundleItem *item = g_ptr_array_index(update->bundle->items, 0);
	return item->bootloader;
}

/* Looks at the board, waiting for it where it went away. */
static SmpBoard *observe(SmpUpdate *update, GError **error)
{
	gint64 deadline =
		MAX(smp_session_heard_at(update->session), update->there) + RETURN_TIMEOUT;

	for (;;) {
		g_autoptr(GError) local = NULL;
		SmpBoard *board =
			updates_bootloader(update)
				? smp_board_observe_b0(update->session, &local)
				: smp_board_observe_again(update->session, update->board, &local);
		if (board)
			return board;
		if (!smp_update_may_return(update, local) ||
		    smp_link_now(update->link) >= deadline) {
			g_propagate_error(error, g_steal_pointer(&local));
			return NULL;
		}
		emit(update, SMP_UPDATE_EVENT_PROGRESS, update->fraction,
		     "waiting for the board to come back");
		if (!smp_link_sleep(update->link, smp_link_now(update->link) + LOOK_AGAIN, error))
			return NULL;
		/* It may come back as another program. */
		smp_session_reset(update->session);
		if (g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED) &&
		    !smp_session_reconnect(update->session, deadline, error))
			return NULL;
	}
}

static void set_board(SmpUpdate *update, SmpBoard *board)
{
	smp_board_free(update->board);
	update->board = board;
}

/* The old application may answer for longer than the default: as long as nothing changed, it is not
 * proven that the board restarted. */
static gboolean await_change(SmpUpdate *update, gboolean *changed, GError **error)
{
	gint64 deadline = smp_link_now(update->link) + UNCHANGED_TIMEOUT;

	for (;;) {
		SmpBoard *board = observe(update, error);
		if (!board)
			return FALSE;
		*changed = !smp_update_same_images(board->images, update->board->images) ||
			   board->recovery != update->board->recovery;
		set_board(update, board);
		if (*changed || smp_link_now(update->link) >= deadline)
			return TRUE;
		on_wait(0, update);
		if (!smp_link_sleep(update->link, smp_link_now(update->link) + LOOK_AGAIN, error))
			return FALSE;
	}
}

/* Whether the board restarted is seen afterwards. */
static gboolean ask_for_reset(SmpUpdate *update, SmpBootMode mode, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (smp_os_reset(update->session, FALSE, mode, &local) ||
	    g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT) ||
	    g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

/* Counts the reset in @count when the board is back. Nothing tells a request that got lost from a
 * reset that changed nothing, so that is done once more: it does no harm. */
static gboolean do_reset(SmpUpdate *update, SmpBootMode mode, guint *count, GError **error)
{
	gboolean changed = FALSE;

	for (guint i = 0; i < 2 && !changed; i++) {
		if (!ask_for_reset(update, mode, error) ||
		    !smp_wait_for_board(update->session, boot_timeout(update), on_wait, update,
					error) ||
		    !await_change(update, &changed, error))
			return FALSE;
	}
	(*count)++;
	return TRUE;
}

static gboolean do_erase(SmpUpdate *update, GError **error)
{
	guint image = smp_update_item(update)->image;
	const SmpImageSlot *active = smp_image_state_find_active(update->board->images, image);
	int slot = (int)(2 * image + (active && active->slot == 1 ? 0 : 1));

	return smp_image_erase(update->session, image == 0 ? SMP_SLOT_DEFAULT : slot, 0, error);
}

static gboolean do_check_health(SmpUpdate *update, GError **error)
{
	g_autoptr(GError) local = NULL;
	gboolean good = !update->health_func || update->health_func(update->health_data, &local);

	if (g_error_matches(local, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	update->attempt.health = good ? SMP_HEALTH_GOOD : SMP_HEALTH_BAD;
	return TRUE;
}

static gboolean perform(SmpUpdate *update, GError **error)
{
	SmpAttempt *attempt = &update->attempt;

	switch (update->step.action) {
	case SMP_ACTION_ENTER_RECOVERY:
		return do_reset(update, SMP_BOOT_MODE_BOOTLOADER, &attempt->recoveries, error);
	case SMP_ACTION_ERASE:
		return do_erase(update, error);
	case SMP_ACTION_UPLOAD:
		return do_upload(update, error);
	case SMP_ACTION_TEST:
		return do_mark(update, FALSE, error);
	case SMP_ACTION_MAKE_PENDING:
		return do_mark(update, TRUE, error);
	case SMP_ACTION_RESET:
		return do_reset(update, SMP_BOOT_MODE_KEEP, &attempt->resets, error);
	case SMP_ACTION_CHECK_HEALTH:
		return do_check_health(update, error);
	case SMP_ACTION_CONFIRM:
		return do_confirm(update, error);
	case SMP_ACTION_UNDO:
		return do_reset(update, SMP_BOOT_MODE_KEEP, &attempt->undos, error);
	case SMP_ACTION_END:
		break;
	}
	return TRUE;
}

/* The intent is on disk before the step, what came of it after. */
static gboolean save(SmpUpdate *update, SmpAction intent, GError **error)
{
	return !update->journal ||
	       smp_journal_save(update->journal, update->bundle, &update->attempt, intent, error);
}

static SmpUpdateResult *finish(SmpUpdate *update, SmpEnd end, char *message, char *detail)
{
	SmpUpdateResult *result = g_new0(SmpUpdateResult, 1);

	*result = (SmpUpdateResult){
		.end = end,
		.message = message,
		.detail = detail,
		.upload = update->upload,
		.sent = update->sent,
		.duration = smp_link_now(update->link) - update->started,
	};
	update->fraction = 1;
	return result;
}

static void note_running(SmpUpdate *update)
{
	for (guint i = 0; i < update->bundle->items->len; i++) {
		if (smp_update_runs(update, g_ptr_array_index(update->bundle->items, i)))
			update->attempt.items[i].ran = TRUE;
	}
}

/* The job begins: what runs now, and stays, is not its work. */
static void note_before(SmpUpdate *update)
{
	for (guint i = 0; i < update->bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(update->bundle->items, i);
		const SmpImageSlot *slot = smp_update_runs(update, item);
		update->attempt.items[i].ran_before =
			item->bootloader
				? item->slot == update->board->b0_slot
				: slot && (slot->confirmed || !smp_board_can_revert(update->board));
	}
}

static gboolean look(SmpUpdate *update, GError **error)
{
	SmpBoard *board = observe(update, error);

	if (!board)
		return FALSE;
	set_board(update, board);
	update->unseen = FALSE;
	note_running(update);
	return TRUE;
}

/* A step failed: cancelled is the caller's, everything else an end. */
static SmpUpdateResult *fail(SmpUpdate *update, GError *cause, GError **error)
{
	if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_propagate_error(error, cause);
		return NULL;
	}
	SmpUpdateResult *result = finish(update, smp_update_end(update), g_strdup(cause->message),
					 smp_update_state(update));
	g_error_free(cause);
	return result;
}

/* What the journal knows of an earlier run. Whether a step that had begun was done is seen from the
 * board. */
static gboolean restore(SmpUpdate *update, GError **error)
{
	SmpAction intent;

	if (!update->journal) {
		note_before(update);
		return TRUE;
	}
	g_free(update->attempt.items);
	gboolean begun =
		smp_journal_load(update->journal, update->bundle, &update->attempt, &intent);
	smp_plan_settle(update->board, update->bundle, &update->policy, &update->attempt, intent);
	note_running(update);
	if (!begun)
		note_before(update);
	return save(update, SMP_ACTION_END, error);
}

/* The job is to go on later. */
static gboolean is_stop(const SmpUpdate *update)
{
	return update->policy.stop_before != SMP_ACTION_END &&
	       (update->step.end == SMP_END_UPLOADED || update->step.end == SMP_END_ON_TRIAL);
}

/* How it ended is true whether it can be written down or not. */
static SmpUpdateResult *finish_plan(SmpUpdate *update)
{
	const SmpPlanStep *step = &update->step;
	g_autoptr(GError) local = NULL;
	char *detail = g_strdup(step->detail);

	if (update->journal && step->end == SMP_END_UPDATED)
		smp_journal_note_installed(update->journal, update->bundle);
	if (update->journal && !is_stop(update) &&
	    !smp_journal_end(update->journal, step->end, step->reason, &local)) {
		g_autofree char *before = detail;
		detail = g_strjoin(before ? " " : NULL, local->message, before, NULL);
	}
	return finish(update, step->end, g_strdup(step->reason), detail);
}

/* A server that makes nothing permanent but what runs has not done the step; the plan knows a way.
 */
static gboolean is_done(const SmpUpdate *update)
{
	gboolean marks = update->step.action == SMP_ACTION_TEST ||
			 update->step.action == SMP_ACTION_MAKE_PENDING;

	return !marks || update->attempt.items[update->step.item].marks > 0;
}

/* One step: said, noted, done, noted, looked at. */
static gboolean take_step(SmpUpdate *update, GError **error)
{
	update->step_started = smp_link_now(update->link);
	emit(update, SMP_UPDATE_EVENT_STEP, update->fraction, NULL);
	if (!save(update, update->step.action, error))
		return FALSE;
	update->unseen = TRUE;
	if (!perform(update, error) || !save(update, SMP_ACTION_END, error))
		return FALSE;
	if (is_done(update))
		emit(update, SMP_UPDATE_EVENT_DONE, update->fraction, NULL);
	return look(update, error);
}

static gboolean is_next(const SmpUpdate *update)
{
	g_auto(SmpPlanStep) next = {0};

	smp_plan_next(update->board, update->bundle, &update->policy, &update->attempt, &next);
	return next.action == update->step.action && next.item == update->step.item;
}

/* A step failed: the board is asked what came of it. Returns: whether to go on. A board that was
 * lost is given a few chances; one that says no will say so again, unless it is in another state
 * than it was seen in. */
static gboolean recover(SmpUpdate *update, GError **cause)
{
	g_autoptr(GError) local = NULL;

	if (g_error_matches(*cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return FALSE;
	if (smp_update_may_be_erasing(update, *cause))
		update->there = smp_link_now(update->link);
	if (!look(update, &local)) {
		if (g_error_matches(local, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
			g_clear_error(cause);
			*cause = g_steal_pointer(&local);
		}
		return FALSE;
	}
	smp_plan_settle(update->board, update->bundle, &update->policy, &update->attempt,
			update->step.action);
	gboolean moved = !is_next(update);
	gboolean go_on = smp_error_is_link_lost(*cause)
				 ? ++update->losses <= MAX_LOSSES
				 : moved && g_error_matches(*cause, SMP_PROTOCOL_ERROR,
							    SMP_PROTOCOL_ERROR_DEVICE);
	if (go_on && moved)
		emit(update, SMP_UPDATE_EVENT_DONE, update->fraction, NULL);
	return go_on;
}

SmpUpdateResult *smp_update_run(SmpUpdate *update, GError **error)
{
	GError *local = NULL;

	update->started = update->step_started = update->there = smp_link_now(update->link);
	update->step.action = SMP_ACTION_END;
	if (!look(update, error) || !restore(update, error))
		return NULL;
	emit(update, SMP_UPDATE_EVENT_BOARD, 0, NULL);

	for (guint i = 0; i < MAX_STEPS_PER_IMAGE * update->bundle->items->len; i++) {
		smp_plan_step_clear(&update->step);
		smp_plan_next(update->board, update->bundle, &update->policy, &update->attempt,
			      &update->step);
		if (update->step.action == SMP_ACTION_END)
			return finish_plan(update);
		if (!take_step(update, &local) && !recover(update, &local))
			return fail(update, local, error);
		g_clear_error(&local);
	}
	return finish(update, SMP_END_NEEDS_ATTENTION,
		      g_strdup("the update goes round in circles and was stopped"),
		      smp_update_state(update));
}

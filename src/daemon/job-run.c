/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job's thread: from the order on disk to its outcome on disk. The board is the truth: what was
 * done before a kill is seen from it and from the library's journal. */

#include "daemon/device.h"
#include "daemon/error.h"
#include "daemon/health.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/names.h"

#include <smp/trial.h>

#define PROBE_TIMEOUT_MS  2000
#define MAX_INTERRUPTIONS 100

typedef struct {
	SmpdRun *run;
	SmpdJob *job;
	SmpdOrder *order;
	SmpdStore *store;
	SmpLink *link;
	SmpSession *session;
	SmpJournal *journal;
	SmpBundle *bundle;
	SmpUpdate *update;
} Work;

static gint64 now(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

static const char *device_of(const Work *work)
{
	return work->order->device;
}

/* ---- progress ---- */

/* Steps that cost more to interrupt than to finish: the board swaps its images, or is on trial
 * between reset and confirm. */
static gboolean is_guarded(SmpAction action)
{
	return action == SMP_ACTION_ENTER_RECOVERY || action == SMP_ACTION_RESET ||
	       action == SMP_ACTION_UNDO || action == SMP_ACTION_CONFIRM;
}

/* The lock is held. */
static void set_guarded(SmpdJob *job, gboolean guarded)
{
	job->guarded = job->progress.guarded = guarded;
	if (!guarded && job->stop_wanted)
		g_cancellable_cancel(job->cancellable);
}

static void set_words(char **where, const char *words)
{
	if (g_strcmp0(*where, words) == 0)
		return;
	g_free(*where);
	*where = g_strdup(words);
}

static void note_upload(SmpdProgress *progress, const SmpUploadProgress *upload)
{
	progress->bytes_done = upload->offset;
	progress->bytes_total = upload->size;
	progress->rate = (guint64)MAX(upload->rate, 0);
	progress->time_left =
		progress->rate ? (gint64)((upload->size - MIN(upload->offset, upload->size)) /
					  progress->rate)
			       : -1;
	if (upload->waiting)
		set_words(&progress->text, upload->waiting);
}

static void note_progress(SmpdJob *job, const SmpUpdateEvent *event)
{
	SmpdProgress *progress = &job->progress;

	g_mutex_lock(&job->lock);
	progress->fraction = event->fraction;
	if (event->kind == SMP_UPDATE_EVENT_STEP) {
		set_words(&progress->step, smp_action_name(event->step->action));
		set_words(&progress->text, event->step->reason);
		progress->rate = 0;
		progress->time_left = -1;
		set_guarded(job, is_guarded(event->step->action));
	} else if (event->kind == SMP_UPDATE_EVENT_DONE) {
		set_guarded(job, FALSE);
	} else if (event->upload) {
		note_upload(progress, event->upload);
	} else if (event->waiting) {
		set_words(&progress->text, event->waiting);
	}
	smpd_job_post(job);
	g_mutex_unlock(&job->lock);
}

static void log_done(const Work *work, const SmpUpdateEvent *event)
{
	const SmpBundleItem *item = g_ptr_array_index(work->bundle->items, event->step->item);
	const char *id = work->order->id;

	switch (event->step->action) {
	case SMP_ACTION_UPLOAD:
		smpd_log_event(LOG_INFO, SMPD_MESSAGE_IMAGE_UPLOADED, device_of(work), id,
			       "image %u, %s, is uploaded", item->image, item->version);
		break;
	case SMP_ACTION_RESET:
	case SMP_ACTION_UNDO:
	case SMP_ACTION_ENTER_RECOVERY:
		smpd_log_event(LOG_INFO, SMPD_MESSAGE_BOARD_BACK, device_of(work), id,
			       "the board is back after %.1f s",
			       (double)event->elapsed / G_USEC_PER_SEC);
		break;
	case SMP_ACTION_CONFIRM:
		smpd_log_event(LOG_INFO, SMPD_MESSAGE_CONFIRMED, device_of(work), id,
			       "image %u, %s, is confirmed", item->image, item->version);
		break;
	default:
		break;
	}
}

/* The board was seen: from here on the job is one that goes on after an interruption. */
static void note_begin(Work *work)
{
	gboolean resumed = work->order->started > 0;
	g_autoptr(GError) error = NULL;

	smpd_log_event(LOG_NOTICE, resumed ? SMPD_MESSAGE_JOB_RESUMED : SMPD_MESSAGE_JOB_STARTED,
		       device_of(work), work->order->id, "%s to %s %s, for %s", work->order->kind,
		       work->order->version ? work->order->version : "what was there before",
		       resumed ? "goes on" : "begins", work->order->started_by);
	if (!resumed)
		work->order->started = now();
	if (!resumed && !smpd_store_save(work->store, work->order, &error))
		g_warning("job %s: %s", work->order->id, error->message);
	g_mutex_lock(&work->job->lock);
	work->job->progress.started = work->order->started;
	g_mutex_unlock(&work->job->lock);
}

static void on_event(const SmpUpdateEvent *event, gpointer user_data)
{
	Work *work = user_data;

	if (event->kind == SMP_UPDATE_EVENT_BOARD)
		note_begin(work);
	if (event->kind == SMP_UPDATE_EVENT_DONE)
		log_done(work, event);
	note_progress(work->job, event);
}

/* ---- what is to be done ---- */

static SmpBundle *load_files(Work *work, GError **error)
{
	work->bundle = smpd_store_bundle(work->store, work->order, error);
	return work->bundle && smp_bundle_check_signatures(work->bundle,
							   work->run->config->rules.keys, error)
		       ? work->bundle
		       : NULL;
}

/* What to go back to is decided once: to look again after the reset would be to go back from there.
 */
static SmpBundle *find_fallbacks(Work *work, GError **error)
{
	SmpdOrder *order = work->order;
	g_autoptr(SmpBoard) board = smp_board_observe(work->session, error);

	if (!board)
		return NULL;
	if (order->slots)
		return work->bundle =
			       smp_trial_find(board, (const char *const *)order->slots, error);
	work->bundle = smp_trial_fallbacks(board, order->rollback_image, error);
	if (!work->bundle)
		return NULL;
	order->slots = smp_trial_names(work->bundle);
	order->version = smpd_bundle_version(work->bundle);
	return smpd_store_save(work->store, order, error) ? work->bundle : NULL;
}

static SmpBundle *find_bundle(Work *work, GError **error)
{
	return g_str_equal(work->order->kind, SMPD_KIND_ROLLBACK) ? find_fallbacks(work, error)
								  : load_files(work, error);
}

static gboolean open_link(Work *work, GError **error)
{
	work->link = smp_link_new(work->run->config->target, error);
	if (!work->link)
		return FALSE;
	smp_link_set_cancellable(work->link, work->job->cancellable);
	if (!smp_link_open(work->link, error))
		return FALSE;
	work->run->identity = smp_link_identity(work->link);
	work->session = smp_session_new(work->link);
	return TRUE;
}

static gboolean check_health(gpointer user_data, GError **error)
{
	const Work *work = user_data;
	const SmpBundleItem *item = g_ptr_array_index(work->bundle->items, 0);

	return smpd_health_check(work->session, &work->run->config->rules, device_of(work),
				 item->version, work->job->cancellable, error);
}

static gboolean open_journal(Work *work, GError **error)
{
	work->journal =
		smp_journal_open(smpd_store_boards(work->store), work->run->identity, error);
	return work->journal != NULL;
}

static gboolean begin_journal(Work *work, SmpPolicy *policy, GError **error)
{
	const char *arguments[] = {work->order->id, NULL};

	for (guint i = 0; i < work->bundle->items->len; i++) {
		SmpBundleItem *item = g_ptr_array_index(work->bundle->items, i);
		item->installed_counter = smp_journal_get_counter(work->journal, item->image);
	}
	return smp_journal_begin(work->journal, work->bundle, policy, arguments, error);
}

static gboolean prepare(Work *work, GError **error)
{
	const SmpdRules *rules = &work->run->config->rules;
	SmpPolicy policy = work->order->policy;
	const SmpUploadOptions options = {.window = work->order->window};
	gboolean rollback = g_str_equal(work->order->kind, SMPD_KIND_ROLLBACK);

	if (!find_bundle(work, error))
		return FALSE;
	policy.health_check =
		!rollback && rules->health_check && policy.mode != SMP_UPDATE_UPLOAD_ONLY;
	if (rollback)
		policy.allow = ~0u;
	if (!begin_journal(work, &policy, error))
		return FALSE;
	work->update = smp_update_new(work->session, work->bundle, &policy);
	smp_update_set_event_func(work->update, on_event, work);
	smp_update_set_upload_options(work->update, &options);
	smp_update_set_journal(work->update, work->journal);
	if (policy.health_check)
		smp_update_set_health_func(work->update, check_health, work);
	return TRUE;
}

static void work_clear(Work *work)
{
	smp_update_free(work->update);
	g_clear_pointer(&work->bundle, smp_bundle_free);
	smp_journal_free(work->journal);
	g_clear_pointer(&work->session, smp_session_free);
	g_clear_pointer(&work->link, smp_link_free);
}

/* ---- how it ends ---- */

static void set_end(SmpdOrder *order, const char *result, const char *message, const char *detail)
{
	g_free(order->result);
	g_free(order->message);
	g_free(order->detail);
	order->result = g_strdup(result);
	order->message = g_strdup(message);
	order->detail = g_strdup(detail);
	order->ended = now();
}

static void end_cancelled(const Work *work, const char *by)
{
	g_autofree char *message = g_strdup_printf("cancelled by %s", by);
	g_autofree char *state = work->update ? smp_update_state(work->update) : NULL;

	set_end(work->order, SMPD_RESULT_CANCELLED, message,
		state ? state
		: work->order->started
			? "The board was left as it was when the job was interrupted."
			: "Nothing was done to the board.");
}

static gboolean is_away(const GError *error)
{
	return smp_error_is_link_lost(error) || error->domain == SMP_LINK_ERROR;
}

static void end_with_error(const Work *work, const GError *error)
{
	g_autofree char *by = smpd_job_canceller(work->job);
	gboolean cancelled = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

	if (cancelled && by) {
		end_cancelled(work, by);
	} else if (cancelled || (work->order->started > 0 && is_away(error) &&
				 work->job->interruptions < MAX_INTERRUPTIONS)) {
		work->run->interrupted = TRUE;
		set_words(&work->order->message, error->message);
	} else if (g_error_matches(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED)) {
		set_end(work->order, smp_end_name(SMP_END_REFUSED), error->message, NULL);
	} else {
		set_end(work->order, SMPD_RESULT_ERROR, error->message, NULL);
		work->order->error = smpd_error_name(error);
	}
}

/* The journal of a job that failed is open as long as it could go on. */
static gboolean is_lost(const Work *work, const SmpUpdateResult *result)
{
	g_autoptr(GError) error = NULL;

	if ((result->end != SMP_END_FAILED_INTACT && result->end != SMP_END_NEEDS_ATTENTION) ||
	    !smp_journal_is_open(work->journal) || work->job->interruptions >= MAX_INTERRUPTIONS)
		return FALSE;
	smp_session_set_timeout(work->session, PROBE_TIMEOUT_MS);
	g_autofree char *text = smp_os_echo(work->session, "smpd", &error);
	return !text && is_away(error);
}

static void end_as(SmpdOrder *order, SmpEnd end, const char *message, const char *detail)
{
	gboolean rolled_back =
		g_str_equal(order->kind, SMPD_KIND_ROLLBACK) && end == SMP_END_UPDATED;

	set_end(order, smp_end_name(rolled_back ? SMP_END_ROLLED_BACK : end), message, detail);
}

/* Killed after the board was done and before the order said so: done again it would be done twice,
 * or found done by nobody. */
static gboolean ended_before(const Work *work)
{
	g_auto(GStrv) arguments = smp_journal_get_arguments(work->journal);
	g_autofree char *message = NULL;
	SmpEnd end;

	if (work->order->started == 0 || !arguments ||
	    g_strcmp0(arguments[0], work->order->id) != 0 ||
	    !smp_journal_get_end(work->journal, &end, &message))
		return FALSE;
	end_as(work->order, end, message, NULL);
	return TRUE;
}

static void end_with_result(const Work *work, const SmpUpdateResult *result)
{
	work->order->bytes += result->sent;
	if (is_lost(work, result)) {
		work->run->interrupted = TRUE;
		set_words(&work->order->message, result->message);
		return;
	}
	end_as(work->order, result->end, result->message, result->detail);
}

static void log_end(const Work *work)
{
	const SmpdOrder *order = work->order;
	const char *message_id = SMPD_MESSAGE_ENDED;
	int priority = LOG_NOTICE;

	if (work->run->interrupted) {
		message_id = SMPD_MESSAGE_INTERRUPTED;
	} else if (g_str_equal(order->result, smp_end_name(SMP_END_ROLLED_BACK))) {
		message_id = SMPD_MESSAGE_ROLLED_BACK;
	} else if (g_str_equal(order->result, smp_end_name(SMP_END_NEEDS_ATTENTION))) {
		message_id = SMPD_MESSAGE_NEEDS_ATTENTION;
		priority = LOG_ERR;
	} else if (g_str_equal(order->result, smp_end_name(SMP_END_FAILED_INTACT)) ||
		   g_str_equal(order->result, SMPD_RESULT_ERROR) ||
		   g_str_equal(order->result, smp_end_name(SMP_END_REFUSED))) {
		message_id = SMPD_MESSAGE_FAILED;
		priority = LOG_WARNING;
	}
	smpd_log_event(priority, message_id, order->device, order->id, "%s: %s",
		       work->run->interrupted ? "interrupted" : order->result, order->message);
}

/* Before the job's end is on disk, so that none is missed; policy counts each once. */
static void count(const Work *work)
{
	const SmpdOrder *order = work->order;
	g_autoptr(GError) error = NULL;

	if (!smpd_order_by_policy(order))
		return;
	smpd_store_load_record(work->store, order->device, &work->run->record);
	smpd_record_add(&work->run->record, order->firmware, order->id, order->result,
			order->message, NULL, order->ended);
	work->run->counted = TRUE;
	if (!smpd_store_save_record(work->store, order->device, &work->run->record, &error))
		g_warning("%s: %s", order->device, error->message);
}

static void save_end(const Work *work)
{
	g_autoptr(GError) error = NULL;

	if (work->run->interrupted)
		return;
	count(work);
	if (smpd_store_save(work->store, work->order, &error)) {
		smpd_store_drop_files(work->store, work->order);
		return;
	}
	/* Told, it would be one that the next start does not know of. */
	work->run->interrupted = TRUE;
	g_autofree char *words = g_strdup_printf("its end cannot be kept: %s", error->message);
	g_warning("job %s: %s", work->order->id, words);
	g_mutex_lock(&work->job->lock);
	set_words(&work->job->progress.text, words);
	g_mutex_unlock(&work->job->lock);
}

static gboolean cancelled_before(const Work *work)
{
	g_autofree char *by = smpd_job_canceller(work->job);

	if (by)
		end_cancelled(work, by);
	return by != NULL;
}

static void update(Work *work)
{
	g_autoptr(GError) error = NULL;

	gboolean found = open_link(work, &error) && open_journal(work, &error);
	if (found && ended_before(work))
		return;
	g_autoptr(SmpUpdateResult) result =
		found && prepare(work, &error) ? smp_update_run(work->update, &error) : NULL;
	if (result)
		end_with_result(work, result);
	else
		end_with_error(work, error);
}

void smpd_run(SmpdRun *run)
{
	Work work = {
		.run = run,
		.job = run->job,
		.order = run->job->order,
		.store = run->job->daemon->store,
	};

	/* It has ended before where that could not be kept. */
	if (!work.order->result) {
		if (!cancelled_before(&work))
			update(&work);
		log_end(&work);
	}
	save_end(&work);
	work_clear(&work);
}

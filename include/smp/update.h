/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/journal.h>
#include <smp/plan.h>
#include <smp/upload.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

typedef enum {
	SMP_UPDATE_EVENT_BOARD,	   /* a first look was taken: @board */
	SMP_UPDATE_EVENT_STEP,	   /* a step begins: @step */
	SMP_UPDATE_EVENT_PROGRESS, /* @upload or @waiting moved */
	SMP_UPDATE_EVENT_DONE,	   /* the step that began is done */
} SmpUpdateEventKind;

/**
 * SmpUpdateEvent: what the runner tells while it works; borrowed for the call.
 * @fraction: of the whole job, 0 to 1; only rises
 * @elapsed: microseconds since the step began
 * @waiting: (nullable): what is being waited for, in words
 * @upload: (nullable): while an image is uploaded
 */
typedef struct {
	SmpUpdateEventKind kind;
	const SmpBoard *board;
	const SmpPlanStep *step;
	double fraction;
	gint64 elapsed;
	const char *waiting;
	const SmpUploadProgress *upload;
} SmpUpdateEvent;

typedef void (*SmpUpdateEventFunc)(const SmpUpdateEvent *event, gpointer user_data);

/**
 * SmpUpdate: the runner of one job.
 */
typedef struct SmpUpdate SmpUpdate;

/**
 * SmpUpdateResult: how it ended.
 * @end: one of the ends
 * @message: one sentence for a person
 * @detail: (nullable): what it means and what to do, a line or two
 * @upload: of the last upload; zeros where nothing was sent
 * @sent: image bytes sent in all
 * @duration: microseconds
 */
typedef struct {
	SmpEnd end;
	char *message;
	char *detail;
	SmpUploadResult upload;
	guint64 sent;
	gint64 duration;
} SmpUpdateResult;

void smp_update_result_free(SmpUpdateResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpUpdateResult, smp_update_result_free)

/**
 * smp_update_new:
 * @session: (transfer none): outlives the update
 * @bundle: (transfer none): outlives the update
 */
SmpUpdate *smp_update_new(SmpSession *session, const SmpBundle *bundle, const SmpPolicy *policy);
void smp_update_free(SmpUpdate *update);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpUpdate, smp_update_free)

/* @func: (nullable): called in smp_update_run(), in its thread */
void smp_update_set_event_func(SmpUpdate *update, SmpUpdateEventFunc func, gpointer user_data);
/* @options: copied; its progress function is not called, events tell how far it is */
void smp_update_set_upload_options(SmpUpdate *update, const SmpUploadOptions *options);

/* Whether the running new image is well; FALSE with an error that says what is wrong. */
typedef gboolean (*SmpHealthFunc)(gpointer user_data, GError **error);
/* @func: (nullable): asked once the new image runs, where the policy wants a health check */
void smp_update_set_health_func(SmpUpdate *update, SmpHealthFunc func, gpointer user_data);

/**
 * smp_update_set_journal:
 * @journal: (transfer none): outlives the update; smp_journal_begin() was called
 *
 * Every step is noted before and after, and what an interrupted run noted is taken into account.
 */
void smp_update_set_journal(SmpUpdate *update, SmpJournal *journal);

/* Milliseconds to wait for the board after a reset; 0 for what mode and image size suggest. */
void smp_update_set_boot_timeout(SmpUpdate *update, guint timeout_ms);

/**
 * smp_update_run:
 *
 * observe → plan → act → observe, until the plan says how it ended.
 *
 * Returns: (transfer full): how it ended, which may be a refusal or a rollback; %NULL with an error
 * only where the board could not even be looked at, or on %G_IO_ERROR_CANCELLED, after which
 * smp_update_state() tells how things stand
 */
SmpUpdateResult *smp_update_run(SmpUpdate *update, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For after smp_update_run(). Returns: (transfer full): what state the board is in and how to go
 * on, for a person, after an interruption */
char *smp_update_state(const SmpUpdate *update);

/**
 * smp_wait_for_board:
 * @boot_timeout_ms: how long to look
 * @progress: (nullable): called a few times a second
 *
 * Waits after a reset until the board has restarted and answers again.
 *
 * Returns: FALSE with %SMP_PROTOCOL_ERROR_TIMEOUT or an error of the link where it does not
 */
gboolean smp_wait_for_board(SmpSession *session, guint boot_timeout_ms,
			    void (*progress)(gint64 elapsed, gpointer user_data),
			    gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

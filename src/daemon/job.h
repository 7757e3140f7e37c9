/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One update: an object on the bus, and a thread while it runs. */

#include "daemon/daemon.h"
#include "daemon/order.h"
#include "daemon/policy.h"

G_BEGIN_DECLS

typedef enum {
	SMPD_JOB_WAITING,
	SMPD_JOB_RUNNING,
	SMPD_JOB_INTERRUPTED,
	SMPD_JOB_DONE,
} SmpdJobState;

/* What a job's thread tells of its progress. */
typedef struct {
	char *step;
	char *text;
	guint64 bytes_done;
	guint64 bytes_total;
	guint64 rate;
	double fraction;
	gint64 time_left;
	gboolean guarded;
	gint64 started;
} SmpdProgress;

/**
 * SmpdJob:
 * @order: what is to be done; its outcome is the thread's while @state is running
 * @retry_at: when an interrupted one may go on, on the monotonic clock
 * @lock: of the members below it, which thread and main thread share
 * @progress: the newest
 * @posted: the main thread was told that there is something new
 * @guarded: in a step that is not to be left half done
 * @stop_wanted: it is to end before its next step that is not @guarded
 * @cancelled_by: (nullable): who wants it to end for good
 */
struct SmpdJob {
	SmpdDaemon *daemon;
	SmpdOrder *order;
	SmpdBusJob *bus;
	char *path;
	SmpdJobState state;
	guint interruptions;
	gint64 retry_at;
	gint64 shown;
	guint show_timer;
	grefcount references;

	GMutex lock;
	SmpdProgress progress;
	gboolean posted;
	gboolean guarded;
	gboolean stop_wanted;
	char *cancelled_by;
	GCancellable *cancellable;
};

/* @order: (transfer full): is on disk already. Puts it on the bus. */
SmpdJob *smpd_job_new(SmpdDaemon *daemon, SmpdOrder *order);
SmpdJob *smpd_job_ref(SmpdJob *job);
void smpd_job_unref(SmpdJob *job);
/* Takes it off the bus. */
void smpd_job_remove(SmpdJob *job);

const char *smpd_job_path(const SmpdJob *job);
const char *smpd_job_device(const SmpdJob *job);
gboolean smpd_job_is_running(const SmpdJob *job);
SmpdJob *smpd_job_find(SmpdDaemon *daemon, const char *id);

/* Begins to work on it, or goes on. @device: (nullable): idle; only a cancelled job can do without.
 */
void smpd_job_start(SmpdJob *job, SmpdDevice *device);

/* @by: (nullable): who cancels it for good; %NULL: it goes on at the next start of the daemon */
void smpd_job_stop(SmpdJob *job, const char *by);
/* From any thread. Returns: (transfer full) (nullable): who cancels it for good */
char *smpd_job_canceller(SmpdJob *job);

/* Its outcome has changed on disk. */
void smpd_job_show(SmpdJob *job);

/* job-bus.c: the methods. */
void smpd_job_connect(SmpdJob *job);

/* From the job's thread: there is something new in @progress. */
void smpd_job_post(SmpdJob *job);

/* ---- job-run.c ---- */

/**
 * SmpdRun: one run of a job, in its thread.
 * @config: (nullable): of the device when it began
 * @interrupted: it did not end: the board is away, or the daemon stops
 * @record: with @counted what policy knows now
 */
typedef struct {
	SmpdJob *job;
	SmpdDevice *device;
	SmpdTarget *config;
	gboolean interrupted;
	char *identity;
	SmpdRecord record;
	gboolean counted;
} SmpdRun;

/* Does the job and writes its outcome. In a thread. */
void smpd_run(SmpdRun *run);

G_END_DECLS

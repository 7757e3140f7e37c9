/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What everything in the daemon belongs to. All of it is the main thread's. */

#include "daemon/configuration.h"
#include "daemon/store.h"
#include "smpd-bus.h"

G_BEGIN_DECLS

typedef struct SmpdDaemon SmpdDaemon;
typedef struct SmpdDevice SmpdDevice;
typedef struct SmpdJob SmpdJob;
typedef struct SmpdCall SmpdCall;
typedef struct SmpdHotplug SmpdHotplug;
typedef struct SmpdWantedCache SmpdWantedCache;
typedef struct SmpdInhibitor SmpdInhibitor;

/**
 * SmpdDaemon:
 * @devices: (element-type utf8 SmpdDevice): by name
 * @jobs: (element-type SmpdJob): oldest first
 * @pools: of threads, by #SmpdTaskKind
 * @working: tasks that have not come back from their threads
 * @leases: how many callers inhibit policy
 * @begun: (element-type gint64): when policy began its latest updates
 * @stopping: nothing is begun any more; the loop ends when @working is 0
 */
struct SmpdDaemon {
	const char *config_folder;
	GMainLoop *loop;
	GDBusConnection *bus;
	GDBusObjectManagerServer *objects;
	SmpdBusManager *manager;
	SmpdConfiguration *configuration;
	SmpdStore *store;
	GHashTable *devices;
	GPtrArray *jobs;
	GThreadPool *pools[4];
	guint working;
	guint leases;
	GArray *begun;
	gboolean stopping;
	SmpdHotplug *hotplug;
	SmpdWantedCache *wanted;
	SmpdInhibitor *inhibitor;
	guint supervise_timer;
	gint64 supervise_at;
	guint resume_timer;
};

typedef enum {
	SMPD_TASK_LOOK, /* at a board: short, but several seconds for one that is away */
	SMPD_TASK_CALL, /* the same, and a caller waits for it */
	SMPD_TASK_DISK, /* files and what else may take its time */
	SMPD_TASK_JOB,
} SmpdTaskKind;

typedef void (*SmpdFunc)(gpointer data);

/* @work in a thread, then @done in the main thread. */
void smpd_task_run(SmpdDaemon *daemon, SmpdTaskKind kind, SmpdFunc work, SmpdFunc done,
		   gpointer data);
/* From any thread: @func in the main thread. */
void smpd_post(SmpdFunc func, gpointer data);

void smpd_tasks_init(SmpdDaemon *daemon);
void smpd_tasks_clear(SmpdDaemon *daemon);

/* "" for %NULL: D-Bus has no text that is none. */
const char *smpd_text(const char *text);

/* Ends the loop where the daemon is to stop and nothing works any more. */
void smpd_daemon_settle(SmpdDaemon *daemon);

/* Reads the configuration anew: devices come, change and go. */
void smpd_daemon_reload(SmpdDaemon *daemon);

/* The status line that `systemctl status` shows. */
void smpd_daemon_tell_status(SmpdDaemon *daemon);

G_END_DECLS

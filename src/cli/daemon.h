/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What smpctl knows of smpd: its objects on the bus. Only where it was built with the daemon. */

#include "cli.h"
#include "smpd-client.h"
#include "src/daemon/names.h"

/* ---- daemon.c ---- */

/**
 * smpctl_daemon_connect:
 * @start: let the bus start smpd where it does not run
 * @ms: how long this may take; 0: as long as nobody interrupts it
 *
 * Returns: (transfer full): all of smpd's objects
 */
GDBusObjectManager *smpctl_daemon_connect(Smpctl *cli, gboolean start, guint ms,
					  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, for commands that are about smpd. */
GDBusObjectManager *smpctl_daemon_open(Smpctl *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether smpd is there now. */
gboolean smpctl_daemon_is_there(GDBusObjectManager *objects);

/**
 * smpctl_daemon_wait:
 * @ms: how long to wait at most; 0: without end
 *
 * Waits until something about the objects has changed, or the size of the terminal. They change
 * nowhere else.
 *
 * Returns: FALSE when it was interrupted, or the bus is gone
 */
gboolean smpctl_daemon_wait(Smpctl *cli, GDBusObjectManager *objects, guint ms,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smpctl_daemon_call:
 * @proxy: (type GDBusProxy): an object's interface
 * @arguments: (transfer floating): what stands before the options
 * @options: (nullable) (transfer floating): a{sv}; none where %NULL
 * @files: (nullable)
 *
 * Asks for a password where somebody is there to give it.
 *
 * Returns: (transfer full): the answer
 */
GVariant *smpctl_daemon_call(Smpctl *cli, gpointer proxy, const char *method, GVariant *arguments,
			     GVariant *options, GUnixFDList *files,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same without arguments and answer. */
gboolean smpctl_daemon_tell(Smpctl *cli, gpointer proxy, const char *method,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full) (element-type SmpctlBusDevice): by name */
GPtrArray *smpctl_daemon_devices(GDBusObjectManager *objects);
/* Returns: (transfer full) (element-type SmpctlBusJob): in the order in which they were begun */
GPtrArray *smpctl_daemon_jobs(GDBusObjectManager *objects);
/* Returns: (transfer full) (nullable): the one at a path */
SmpctlBusJob *smpctl_daemon_get_job(GDBusObjectManager *objects, const char *path);
/* Returns: (transfer full): by its number or path */
SmpctlBusJob *smpctl_daemon_find_job(GDBusObjectManager *objects, const char *text,
				     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full): by its name */
SmpctlBusDevice *smpctl_daemon_find_device(GDBusObjectManager *objects, const char *name,
					   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full) (nullable): the device that is the board of @link */
SmpctlBusDevice *smpctl_daemon_find_link(GDBusObjectManager *objects, SmpLink *link);

/* ---- daemon-text.c: in words and as JSON ---- */

/* "Label       text", each line of it; nothing where there is nothing to say. */
void smpctl_print_fact(const char *label, const char *text);
/* The last part of an object's path. */
const char *smpctl_path_id(const char *path);
/* Its number, as people say it; as long as the job lives. */
const char *smpctl_job_id(SmpctlBusJob *job);
gboolean smpctl_job_ended(SmpctlBusJob *job);
/* Microseconds, from whole seconds; 0 where it has not begun or not ended */
gint64 smpctl_job_duration(SmpctlBusJob *job);
/* Returns: (transfer full): "update to 1.3.0"; "upload 41 %"; "waits for the board" */
char *smpctl_job_what(SmpctlBusJob *job);
char *smpctl_job_state(SmpctlBusJob *job);
/* Returns: (transfer full) (nullable): what is done with it now */
SmpctlBusJob *smpctl_device_job(GDBusObjectManager *objects, SmpctlBusDevice *device);
/* Returns: (transfer full): what is done with it or by policy; "" for nothing */
char *smpctl_device_state(GDBusObjectManager *objects, SmpctlBusDevice *device);
/* Returns: (transfer full): "1.2.0", "1.2.0, 1: 0.9.0"; "" where it is not known */
char *smpctl_device_runs(SmpctlBusDevice *device);
/* Returns: (transfer full): what was seen of its images */
SmpImageState *smpctl_device_images(SmpctlBusDevice *device);
/* Returns: (transfer full): local time; "" for 0 */
char *smpctl_time_at(guint64 seconds);
/* %NULL where there is nothing in it; "" for %NULL */
const char *smpctl_known(const char *text);
const char *smpctl_words(const char *text);
/* Members of an object that was begun. */
void smpctl_job_json(JsonBuilder *json, gconstpointer job);
void smpctl_device_json(JsonBuilder *json, gconstpointer device);
/* All that is known of it, for a person. */
void smpctl_device_print(GDBusObjectManager *objects, SmpctlBusDevice *device);

/* ---- cmd-device.c, cmd-job.c ---- */

/* Returns: (transfer full): a row each, headings first */
GPtrArray *smpctl_device_table(GDBusObjectManager *objects);
GPtrArray *smpctl_job_table(const GPtrArray *jobs);

/* ---- job-follow.c ---- */

/**
 * SmpctlFollow: what is known about a job that is followed.
 * @began: when, on the monotonic clock; 0 where somebody else began it
 * @was: (nullable): what ran before
 * @trial_wanted: to be left on trial is a good end
 */
typedef struct {
	gint64 began;
	const char *was;
	gboolean trial_wanted;
} SmpctlFollow;

/* Tells of a job until it has ended, as of an update; cli->status says how. An interruption leaves
 * the job alone. */
gboolean smpctl_follow_job(Smpctl *cli, GDBusObjectManager *objects, const char *path,
			   const SmpctlFollow *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Tells only which job it is. */
void smpctl_tell_job(Smpctl *cli, const char *path);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One board: what is known of it, and one thing at a time that is done with it. */

#include "daemon/daemon.h"

#include <smp/update.h>

G_BEGIN_DECLS

typedef struct SmpdAct SmpdAct;

/**
 * SmpdDevice:
 * @config: what the administrator wants for it
 * @dynamic: found by hotplug, so that it goes with its port
 * @added: by AddTarget
 * @stale: it could not follow a change of the configuration, because a job ran
 * @gone: taken off the bus; whoever still holds it finds nothing to do
 * @board: (nullable): as it was last seen
 * @acts: short things to do with it; the first is being done if @acting
 * @job: (nullable): the one that runs, waits or is interrupted
 * @reserved: a job is being made for it
 * @bus_name: which bus it is on: "usb1", "udp"…
 * @counted: @record is to learn what the board runs now
 * @retries: looks that failed since its port came
 */
struct SmpdDevice {
	SmpdDaemon *daemon;
	SmpdTarget *config;
	SmpdBusDevice *bus;
	char *path;
	char *bus_name;
	gboolean dynamic;
	gboolean added;
	gboolean stale;
	gboolean gone;
	gboolean present;
	SmpBoard *board;
	GQueue acts;
	gboolean acting;
	SmpdJob *job;
	gboolean reserved;
	gboolean look_wanted;
	SmpdRecord record;
	gboolean counted;
	gint64 trouble_until;
	guint poll_timer;
	guint retry_timer;
	guint retries;
	GCancellable *cancellable;
	grefcount references;
};

/* Puts it on the bus. */
SmpdDevice *smpd_device_new(SmpdDaemon *daemon, SmpdTarget *config);
SmpdDevice *smpd_device_ref(SmpdDevice *device);
void smpd_device_unref(SmpdDevice *device);
/* Takes it off the bus and lets go of it. */
void smpd_device_remove(SmpdDevice *device);

const char *smpd_device_name(const SmpdDevice *device);
const char *smpd_device_target(const SmpdDevice *device);
SmpdDevice *smpd_device_find(SmpdDaemon *daemon, const char *name);
/* Returns: (transfer full): its path on the bus */
char *smpd_device_path(const char *name);

/* Other rules, the same board. */
void smpd_device_configure(SmpdDevice *device, SmpdTarget *config);

/**
 * SmpdAct: a short talk with a board.
 * @run: in a thread; FALSE with an error
 * @done: in the main thread; @error is NULL where it went well
 * @board: (nullable): a look that @run took
 */
struct SmpdAct {
	SmpdDevice *device;
	gboolean (*run)(SmpdAct *act, SmpSession *session, GError **error);
	void (*done)(SmpdAct *act, const GError *error);
	gpointer data;
	char *target;
	char *identity;
	SmpBoard *board;
	GError *error;
};

/* @run and @done as above; one after the other, none beside a job that runs. */
void smpd_device_act(SmpdDevice *device,
		     gboolean (*run)(SmpdAct *act, SmpSession *session, GError **error),
		     void (*done)(SmpdAct *act, const GError *error), gpointer data);

/* Looks at the board soon; several wishes are one look. */
void smpd_device_look(SmpdDevice *device);

/* Whether nothing is done with it now, so that a job may begin. */
gboolean smpd_device_is_idle(const SmpdDevice *device);
/* A job is done with it, or something else has changed: goes on with what waits. */
void smpd_device_next(SmpdDevice *device);

void smpd_device_set_job(SmpdDevice *device, SmpdJob *job);
/* Its port has come or gone. */
void smpd_device_set_present(SmpdDevice *device, gboolean present);

/* Returns: (transfer full) (nullable): numbers and hashes of what runs; %NULL where not known */
char *smpd_board_running(const SmpBoard *board);

/* device-bus.c: the methods. */
void smpd_device_connect(SmpdDevice *device);
/* @call: (transfer full): answered with the path of a job that goes back. @image: -1 for all */
void smpd_device_roll_back(SmpdDevice *device, SmpdCall *call, int image);
/* device-facts.c: what is seen of a board, as properties. */
void smpd_device_show(SmpdDevice *device);
/* device-trial.c: keeps what runs, and looks at the board after that; @firmware: (nullable): only
 * if it is this */
gboolean smpd_confirm_running(SmpdAct *act, SmpSession *session, const char *firmware,
			      GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A board that smpd serves, too: who comes second waits for a short talk, and leaves a job alone.
 */

#include "daemon.h"

#include <string.h>
#include <unistd.h>

/* Before a command that would work without: no more than this. */
#define ASK_MS 100
/* Where the port is taken, time does not matter. */
#define FIND_MS 2000

#define WAIT_TIME (10 * G_TIME_SPAN_SECOND)
#define SAY_AFTER (1 * G_TIME_SPAN_SECOND)
#define TRY_MS	  100

/* Options of commands that may do it all the same, where a link can be shared. */
static const char *override_of(Smpctl *cli)
{
	const GOptionEntry *option = cli->command->options;
	gboolean shared = g_str_has_prefix(smp_link_get_target(cli->link), "udp:");

	for (; shared && option && option->long_name; option++) {
		if (g_str_equal(option->long_name, "allow-concurrent"))
			return ";\n`--allow-concurrent` does it all the same";
	}
	return "";
}

static gboolean fail_with_job(Smpctl *cli, SmpctlBusDevice *device, SmpctlBusJob *job,
			      GError **error)
{
	const char *id = smpctl_job_id(job);
	g_autofree char *what = smpctl_job_what(job);
	g_autofree char *state = smpctl_job_state(job);
	g_autofree char *message =
		g_strdup_printf("smpd has a job for %s, which it calls %s: job %s, %s, %s",
				smp_link_get_target(cli->link),
				smpctl_words(smpctl_bus_device_get_name(device)), id, what, state);

	g_propagate_error(error, smpctl_daemon_error_new(SMPCTL_DAEMON_HAS_JOB, message));
	g_free(cli->state);
	cli->state = g_strdup_printf("`smpctl job watch %s` follows it, `smpctl job cancel %s` "
				     "stops it%s.",
				     id, id, override_of(cli));
	return FALSE;
}

/* ---- before something is changed over a link that two can share ---- */

static gboolean is_shared(SmpLink *link)
{
	const char *target = smp_link_get_target(link);
	return g_str_has_prefix(target, "udp:") || g_str_has_prefix(target, "ble:");
}

static gboolean check(Smpctl *cli, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_connect(cli, FALSE, ASK_MS, NULL);
	g_autoptr(SmpctlBusDevice) device =
		objects ? smpctl_daemon_find_link(objects, cli->link) : NULL;
	g_autoptr(SmpctlBusJob) job = device ? smpctl_device_job(objects, device) : NULL;

	return !job || smpctl_job_ended(job) || fail_with_job(cli, device, job, error);
}

/* ---- a port that is taken ---- */

/* The link's message has the name of the program, unless that is another user's, as smpd is. */
static gboolean may_be_smpd(const GError *busy)
{
	return !strstr(busy->message, " is held by ") ||
	       strstr(busy->message, " is held by smpd (") ||
	       strstr(busy->message, " is held by another user");
}

static gboolean is_running(SmpctlBusJob *job)
{
	return job && g_strcmp0(smpctl_bus_job_get_state(job), "running") == 0;
}

static void say_waiting(Smpctl *cli)
{
	if (isatty(STDERR_FILENO) || cli->options->verbose)
		smpctl_say(cli, "waiting for smpd, which is talking to the board");
}

static gboolean wait_for_port(Smpctl *cli, GDBusObjectManager *objects, SmpctlBusDevice *device,
			      GError **error)
{
	gint64 began = g_get_monotonic_time();
	gboolean said = FALSE;

	for (;;) {
		g_autoptr(SmpctlBusJob) job = smpctl_device_job(objects, device);
		g_autoptr(GError) failed = NULL;
		gint64 waited = g_get_monotonic_time() - began;

		if (is_running(job))
			return fail_with_job(cli, device, job, error);
		if (smp_link_open(cli->link, &failed))
			return TRUE;
		if (waited > WAIT_TIME ||
		    !g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY)) {
			g_propagate_error(error, g_steal_pointer(&failed));
			return FALSE;
		}
		if (waited > SAY_AFTER && !said) {
			say_waiting(cli);
			said = TRUE;
		}
		if (!smpctl_daemon_wait(cli, objects, TRY_MS, error))
			return FALSE;
	}
}

gboolean smpctl_open_link(Smpctl *cli, GError **error)
{
	g_autoptr(GError) failed = NULL;

	if (cli->command->changes && !cli->concurrent && is_shared(cli->link) && !check(cli, error))
		return FALSE;
	if (smp_link_open(cli->link, &failed))
		return TRUE;
	gboolean busy =
		g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY) && may_be_smpd(failed);
	g_autoptr(GDBusObjectManager) objects =
		busy ? smpctl_daemon_connect(cli, FALSE, FIND_MS, NULL) : NULL;
	g_autoptr(SmpctlBusDevice) device =
		objects ? smpctl_daemon_find_link(objects, cli->link) : NULL;
	if (device)
		return wait_for_port(cli, objects, device, error);
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

/* ---- what smpd knows, in place of what the board would say ---- */

static SmpctlBusDevice *served(Smpctl *cli, GDBusObjectManager **objects, GError **error)
{
	if (!error || !smpctl_daemon_error_is(*error, SMPCTL_DAEMON_HAS_JOB))
		return NULL;
	*objects = smpctl_daemon_connect(cli, FALSE, FIND_MS, NULL);
	SmpctlBusDevice *device = *objects ? smpctl_daemon_find_link(*objects, cli->link) : NULL;
	if (!device)
		return NULL;
	smpctl_say(cli, "note: %s; this is how smpd saw the board last", (*error)->message);
	g_clear_error(error);
	g_clear_pointer(&cli->state, g_free);
	return device;
}

gboolean smpctl_tell_served(Smpctl *cli, gboolean images_only, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = NULL;
	g_autoptr(SmpctlBusDevice) device = served(cli, &objects, error);

	if (!device)
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_device_json(json, device);
		smpctl_json_print(json);
	} else if (images_only) {
		g_autoptr(SmpImageState) state = smpctl_device_images(device);
		smpctl_print_images(state);
	} else {
		smpctl_device_print(objects, device);
	}
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The health check of a new image: any command. It finds the port free, so that it can be smpctl.
 */

#include "cli.h"

#define REOPEN_TIME (10 * G_TIME_SPAN_SECOND)

static GSubprocess *start(Smpctl *cli, const char *command, const char *version, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
		cli->options->json ? G_SUBPROCESS_FLAGS_STDOUT_SILENCE : G_SUBPROCESS_FLAGS_NONE);

	g_subprocess_launcher_setenv(launcher, "SMPCTL_CONN", smp_link_get_target(cli->link), TRUE);
	g_subprocess_launcher_setenv(launcher, "SMPCTL_VERSION", version, TRUE);
	return g_subprocess_launcher_spawn(launcher, error, "/bin/sh", "-c", command, NULL);
}

static gboolean run(Smpctl *cli, const char *command, const char *version, GError **error)
{
	g_autoptr(GSubprocess) process = start(cli, command, version, error);

	if (!process)
		return FALSE;
	if (!g_subprocess_wait(process, cli->cancellable, error)) {
		g_subprocess_force_exit(process);
		return FALSE;
	}
	if (g_subprocess_get_successful(process))
		return TRUE;
	if (g_subprocess_get_if_exited(process))
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED, "the check ended with %d",
			    g_subprocess_get_exit_status(process));
	else
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED, "signal %d ended the check",
			    g_subprocess_get_term_sig(process));
	return FALSE;
}

gboolean smpctl_health_check(Smpctl *cli, const char *command, const char *version, GError **error)
{
	smp_link_close(cli->link);
	gboolean good = run(cli, command, version, error);
	gint64 deadline = smp_link_now(cli->link) + REOPEN_TIME;

	/* A board that cannot be reached any more is told of by the next request. */
	return smp_session_reconnect(cli->session, deadline, good ? error : NULL) && good;
}

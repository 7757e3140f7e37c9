/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/health.h"
#include "daemon/error.h"

#define REOPEN_TIME (10 * G_TIME_SPAN_SECOND)

/* What ends the command early: the job's cancellable, or its time. The timer is the main thread's,
 * so each of the two holds a reference. */
typedef struct {
	GCancellable *end;
	gint timed_out;
} Limit;

static void limit_clear(gpointer data)
{
	Limit *limit = data;
	g_object_unref(limit->end);
}

static void limit_unref(gpointer data)
{
	g_atomic_rc_box_release_full(data, limit_clear);
}

static Limit *limit_new(void)
{
	Limit *limit = g_atomic_rc_box_new0(Limit);

	limit->end = g_cancellable_new();
	return limit;
}

static void on_cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer user_data)
{
	g_cancellable_cancel(user_data);
}

static gboolean on_timeout(gpointer user_data)
{
	Limit *limit = user_data;

	g_atomic_int_set(&limit->timed_out, TRUE);
	g_cancellable_cancel(limit->end);
	return G_SOURCE_REMOVE;
}

static GSubprocess *start(const char *command, const char *target, const char *device,
			  const char *version, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE);

	g_subprocess_launcher_setenv(launcher, "SMPCTL_CONN", target, TRUE);
	g_subprocess_launcher_setenv(launcher, "SMPCTL_VERSION", version, TRUE);
	g_subprocess_launcher_setenv(launcher, "SMPD_DEVICE", device, TRUE);
	return g_subprocess_launcher_spawn(launcher, error, "/bin/sh", "-c", command, NULL);
}

static gboolean judge(GSubprocess *process, GError **error)
{
	if (g_subprocess_get_successful(process))
		return TRUE;
	if (g_subprocess_get_if_exited(process))
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_FAILED, "the check ended with %d",
			    g_subprocess_get_exit_status(process));
	else
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_FAILED, "signal %d ended the check",
			    g_subprocess_get_term_sig(process));
	return FALSE;
}

static gboolean wait_for(GSubprocess *process, Limit *limit, guint timeout, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (g_subprocess_wait(process, limit->end, &local))
		return judge(process, error);
	g_subprocess_force_exit(process);
	if (g_atomic_int_get(&limit->timed_out))
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_FAILED,
			    "the check did not end within %u s", timeout);
	else
		g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gboolean run_limited(GSubprocess *process, guint timeout, GCancellable *cancellable,
			    GError **error)
{
	Limit *limit = limit_new();
	gulong handler = g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled),
					       g_object_ref(limit->end), g_object_unref);
	g_autoptr(GSource) timer = g_timeout_source_new_seconds(timeout);

	g_source_set_callback(timer, on_timeout, g_atomic_rc_box_acquire(limit), limit_unref);
	g_source_attach(timer, NULL);
	gboolean good = wait_for(process, limit, timeout, error);
	g_source_destroy(timer);
	g_cancellable_disconnect(cancellable, handler);
	limit_unref(limit);
	return good;
}

static gboolean run(const SmpdRules *rules, const char *target, const char *device,
		    const char *version, GCancellable *cancellable, GError **error)
{
	g_autoptr(GSubprocess) process = start(rules->health_check, target, device, version, error);

	return process && run_limited(process, rules->health_timeout, cancellable, error);
}

gboolean smpd_health_check(SmpSession *session, const SmpdRules *rules, const char *device,
			   const char *version, GCancellable *cancellable, GError **error)
{
	SmpLink *link = smp_session_get_link(session);

	smp_link_close(link);
	gboolean good = run(rules, smp_link_get_target(link), device, version, cancellable, error);
	gint64 deadline = smp_link_now(link) + REOPEN_TIME;

	/* A board that cannot be reached any more is told of by the next request. */
	return smp_session_reconnect(session, deadline, good ? error : NULL) && good;
}

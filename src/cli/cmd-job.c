/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* job …: the updates that smpd does and has done. */

#include "daemon.h"

#include <stdio.h>

static gboolean detach;

const GOptionEntry smpctl_job_rollback_options[] = {
	{"detach", 0, 0, G_OPTION_ARG_NONE, &detach, "do not wait for its end", NULL},
	{NULL},
};

GPtrArray *smpctl_job_table(const GPtrArray *jobs)
{
	GPtrArray *table = smpctl_table_new();

	smpctl_table_add(table, "JOB", "DEVICE", "WHAT", "FOR", "BEGUN", "STATE", NULL);
	for (guint i = 0; i < jobs->len; i++) {
		SmpctlBusJob *job = g_ptr_array_index(jobs, i);
		g_autofree char *what = smpctl_job_what(job);
		g_autofree char *begun = smpctl_time_at(smpctl_bus_job_get_started(job));
		g_autofree char *state = smpctl_job_state(job);

		smpctl_table_add(table, smpctl_job_id(job),
				 smpctl_words(smpctl_bus_job_get_device_name(job)), what,
				 smpctl_words(smpctl_bus_job_get_started_by(job)), begun, state,
				 NULL);
	}
	return table;
}

static void print_json(const GPtrArray *jobs)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_array(json, "jobs", jobs, smpctl_job_json);
	smpctl_json_print(json);
}

gboolean smpctl_cmd_job_list(Smpctl *cli, char **args G_GNUC_UNUSED, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);

	if (!objects)
		return FALSE;
	g_autoptr(GPtrArray) jobs = smpctl_daemon_jobs(objects);
	g_autoptr(GPtrArray) table = smpctl_job_table(jobs);
	if (cli->options->json)
		print_json(jobs);
	else if (jobs->len)
		smpctl_table_print(table);
	else
		smpctl_say(cli, "smpd has no job, and had none");
	return TRUE;
}

/* ---- show ---- */

static void print_times(SmpctlBusJob *job)
{
	g_autofree char *begun = smpctl_time_at(smpctl_bus_job_get_started(job));
	g_autofree char *ended = smpctl_time_at(smpctl_bus_job_get_ended(job));

	smpctl_print_fact("Begun", begun);
	smpctl_print_fact("Ended", ended);
}

static void print_job(SmpctlBusJob *job)
{
	g_autofree char *what = smpctl_job_what(job);
	g_autofree char *state = smpctl_job_state(job);
	g_autofree char *files = smpctl_bus_job_get_files(job)
					 ? g_strjoinv(", ", (char **)smpctl_bus_job_get_files(job))
					 : NULL;

	smpctl_print_fact("Job", smpctl_job_id(job));
	smpctl_print_fact("Device", smpctl_bus_job_get_device_name(job));
	smpctl_print_fact("What", what);
	smpctl_print_fact("Files", files);
	smpctl_print_fact("For", smpctl_bus_job_get_started_by(job));
	print_times(job);
	smpctl_print_fact("State", state);
	smpctl_print_fact("", smpctl_job_ended(job) ? smpctl_bus_job_get_detail(job)
						    : smpctl_bus_job_get_step_text(job));
}

/* Those that have not ended; where there are none, the last one. */
static GPtrArray *current_jobs(GDBusObjectManager *objects)
{
	g_autoptr(GPtrArray) all = smpctl_daemon_jobs(objects);
	GPtrArray *jobs = g_ptr_array_new_with_free_func(g_object_unref);

	for (guint i = 0; i < all->len; i++) {
		SmpctlBusJob *job = g_ptr_array_index(all, i);
		if (!smpctl_job_ended(job) || (i + 1 == all->len && jobs->len == 0))
			g_ptr_array_add(jobs, g_object_ref(job));
	}
	return jobs;
}

static GPtrArray *chosen_jobs(GDBusObjectManager *objects, const char *id, GError **error)
{
	SmpctlBusJob *job = id ? smpctl_daemon_find_job(objects, id, error) : NULL;
	GPtrArray *jobs = NULL;

	if (id && !job)
		return NULL;
	if (!id)
		return current_jobs(objects);
	jobs = g_ptr_array_new_with_free_func(g_object_unref);
	g_ptr_array_add(jobs, job);
	return jobs;
}

gboolean smpctl_cmd_job_show(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(GPtrArray) jobs = objects ? chosen_jobs(objects, args[0], error) : NULL;

	if (!jobs)
		return FALSE;
	if (cli->options->json)
		print_json(jobs);
	for (guint i = 0; i < jobs->len && !cli->options->json; i++) {
		if (i)
			putchar('\n');
		print_job(g_ptr_array_index(jobs, i));
	}
	if (jobs->len == 0)
		smpctl_say(cli, "smpd has no job, and had none");
	return TRUE;
}

/* ---- watch ---- */

static gboolean follow(Smpctl *cli, GDBusObjectManager *objects, const char *path, GError **error)
{
	const SmpctlFollow options = {.trial_wanted = TRUE};

	return smpctl_follow_job(cli, objects, path, &options, error);
}

/* Nothing guesses: two are an error. */
static SmpctlBusJob *only_job(GDBusObjectManager *objects, GError **error)
{
	g_autoptr(GPtrArray) jobs = current_jobs(objects);
	g_autoptr(GString) list = g_string_new(NULL);

	if (jobs->len == 1)
		return g_object_ref(g_ptr_array_index(jobs, 0));
	for (guint i = 0; i < jobs->len; i++) {
		SmpctlBusJob *job = g_ptr_array_index(jobs, i);
		g_string_append_printf(list, "%s%s (%s)", i ? ", " : "", smpctl_job_id(job),
				       smpctl_words(smpctl_bus_job_get_device_name(job)));
	}
	if (jobs->len)
		smpctl_usage_error(error, "which job? %s are under way; `smpctl watch` shows all",
				   list->str);
	else
		g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
				    "smpd has no job, and had none");
	return NULL;
}

gboolean smpctl_cmd_job_watch(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(SmpctlBusJob) job = !objects	? NULL
				      : args[0] ? smpctl_daemon_find_job(objects, args[0], error)
						: only_job(objects, error);

	return job && follow(cli, objects, g_dbus_proxy_get_object_path(G_DBUS_PROXY(job)), error);
}

/* ---- cancel, confirm, rollback ---- */

static gboolean tell_job(Smpctl *cli, const char *id, const char *method, const char *key,
			 GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(SmpctlBusJob) job = objects ? smpctl_daemon_find_job(objects, id, error) : NULL;

	if (!job || !smpctl_daemon_tell(cli, job, method, error))
		return FALSE;
	smpctl_done_with(cli, key, smpctl_job_id(job));
	return TRUE;
}

gboolean smpctl_cmd_job_cancel(Smpctl *cli, char **args, GError **error)
{
	if (!tell_job(cli, args[0], "Cancel", "cancelled", error))
		return FALSE;
	smpctl_say(cli,
		   "It stops at the next safe point; `smpctl job show %s` tells how the board "
		   "stands then.",
		   args[0]);
	return TRUE;
}

gboolean smpctl_cmd_job_confirm(Smpctl *cli, char **args, GError **error)
{
	return tell_job(cli, args[0], "Confirm", "confirmed", error);
}

gboolean smpctl_cmd_job_rollback(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(SmpctlBusJob) job =
		objects ? smpctl_daemon_find_job(objects, args[0], error) : NULL;
	g_autoptr(GVariant) answer =
		job ? smpctl_daemon_call(cli, job, "Rollback", g_variant_new("()"), NULL, NULL,
					 error)
		    : NULL;
	const char *path;

	if (!answer)
		return FALSE;
	g_variant_get(answer, "(&o)", &path);
	if (!detach)
		return follow(cli, objects, path, error);
	smpctl_tell_job(cli, path);
	return TRUE;
}

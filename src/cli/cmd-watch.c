/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* watch: all devices and jobs, live: drawn over on a terminal, a line for each change elsewhere. */

#include "daemon.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_US     (G_USEC_PER_SEC / 10)
#define TICK_MS	      1000
#define BAR	      20
#define ENDED_JOBS    5
#define CLEAR_TO_LINE "\033[K\n"
#define CLEAR_BELOW   "\033[J"
#define CLEAR_SCREEN  "\033[H\033[2J"

/* @lines: how many are on the screen, which is @columns wide
 * @told: path → what was told of it last */
typedef struct {
	Smpctl *cli;
	GDBusObjectManager *objects;
	int lines;
	int columns;
	GHashTable *told;
} Watch;

/* ---- on a terminal ---- */

static void append_job(GString *text, SmpctlBusJob *job)
{
	g_autofree char *state = smpctl_job_state(job);
	guint64 rate = smpctl_bus_job_get_rate(job);
	gint64 left = smpctl_bus_job_get_time_left(job);

	if (!smpctl_job_ended(job)) {
		smpctl_append_bar(text, CLAMP(smpctl_bus_job_get_fraction(job), 0, 1), BAR);
		g_string_append(text, "  ");
	}
	g_string_append(text, state);
	if (smpctl_job_ended(job) || rate == 0)
		return;
	g_autofree char *speed = smpctl_rate_text((double)rate);
	g_string_append_printf(text, "  %s", speed);
	if (left >= 0)
		g_string_append_printf(text, "  %d s left", (int)MIN(left, 359999));
}

/* Those under way, and the last that have ended. */
static GPtrArray *make_job_table(GDBusObjectManager *objects)
{
	g_autoptr(GPtrArray) jobs = smpctl_daemon_jobs(objects);
	GPtrArray *table = smpctl_table_new();
	guint ended = 0;

	smpctl_table_add(table, "JOB", "DEVICE", "WHAT", "FOR", "HOW FAR", NULL);
	for (guint i = jobs->len; i > 0; i--) {
		SmpctlBusJob *job = g_ptr_array_index(jobs, i - 1);
		g_autofree char *what = smpctl_job_what(job);
		g_autoptr(GString) far = g_string_new(NULL);

		if (smpctl_job_ended(job) && ++ended > ENDED_JOBS)
			continue;
		append_job(far, job);
		smpctl_table_add(table, smpctl_job_id(job),
				 smpctl_words(smpctl_bus_job_get_device_name(job)), what,
				 smpctl_words(smpctl_bus_job_get_started_by(job)), far->str, NULL);
	}
	return table;
}

static void append_table(GPtrArray *screen, const GPtrArray *table)
{
	g_autoptr(GPtrArray) lines = smpctl_table_lines(table);

	for (guint i = 0; i < lines->len; i++)
		g_ptr_array_add(screen, g_strdup(g_ptr_array_index(lines, i)));
}

static GPtrArray *make_screen(const Watch *watch)
{
	GPtrArray *screen = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
	gboolean there = smpctl_daemon_is_there(watch->objects);
	g_autoptr(GPtrArray) devices = smpctl_device_table(watch->objects);
	g_autoptr(GPtrArray) jobs = make_job_table(watch->objects);

	g_ptr_array_add(screen, g_strdup_printf("%s  %s", time,
						there ? "smpd runs; Ctrl-C ends this screen only"
						      : "smpd has stopped; waiting for it to come "
							"back"));
	if (devices->len > 1) {
		g_ptr_array_add(screen, g_strdup(""));
		append_table(screen, devices);
	}
	if (jobs->len > 1) {
		g_ptr_array_add(screen, g_strdup(""));
		append_table(screen, jobs);
	}
	return screen;
}

static void append_line(GString *out, const char *line, int columns)
{
	g_autofree char *cut =
		g_utf8_substring(line, 0, CLAMP(g_utf8_strlen(line, -1), 0, MAX(columns - 1, 0)));

	g_string_append_printf(out, "%s" CLEAR_TO_LINE, cut);
}

/* Lines that were broken by a narrower window are not where they were. */
static void move_up(Watch *watch, GString *out, int columns)
{
	if (watch->lines > 0 && columns != watch->columns)
		g_string_append(out, CLEAR_SCREEN);
	else if (watch->lines > 0)
		g_string_append_printf(out, "\r\033[%dA", watch->lines);
	watch->columns = columns;
}

static void draw(Watch *watch)
{
	g_autoptr(GPtrArray) screen = make_screen(watch);
	g_autoptr(GString) out = g_string_new(NULL);
	int columns, rows;

	smpctl_screen_size(STDOUT_FILENO, &columns, &rows);
	int room = MAX(rows - 1, 1);
	int shown = (int)screen->len <= room ? (int)screen->len : room - 1;

	move_up(watch, out, columns);
	for (int i = 0; i < shown; i++)
		append_line(out, g_ptr_array_index(screen, i), columns);
	if (shown < (int)screen->len) {
		g_autofree char *more = g_strdup_printf("and %d lines more; `smpctl device list` "
							"has all",
							(int)screen->len - shown);
		append_line(out, more, columns);
		shown++;
	}
	g_string_append(out, CLEAR_BELOW);
	watch->lines = shown;
	fputs(out->str, stdout);
	fflush(stdout);
}

static void watch_live(Watch *watch, GError **error)
{
	do {
		draw(watch);
		/* What comes meanwhile is in the next picture. */
		g_usleep(REDRAW_US);
		while (g_main_context_iteration(NULL, FALSE))
			continue;
	} while (smpctl_daemon_wait(watch->cli, watch->objects, TICK_MS, error));
}

/* ---- elsewhere ---- */

static void tell_line(const char *text)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%d %H:%M:%S");

	printf("%s  %s\n", time, text);
	fflush(stdout);
}

static void tell_json(const char *event, SmpctlJsonFunc add, gconstpointer object)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_text(json, "event", event);
	add(json, object);
	smpctl_json_print(json);
}

/* Whether it is another text than that which was told last. */
static gboolean is_new(Watch *watch, const char *path, const char *text)
{
	if (g_strcmp0(g_hash_table_lookup(watch->told, path), text) == 0)
		return FALSE;
	g_hash_table_insert(watch->told, g_strdup(path), g_strdup(text));
	return TRUE;
}

static void tell_device(Watch *watch, SmpctlBusDevice *device)
{
	const char *path = g_dbus_proxy_get_object_path(G_DBUS_PROXY(device));
	const char *wanted = smpctl_words(smpctl_bus_device_get_wanted(device));
	const char *policy = smpctl_words(smpctl_bus_device_get_policy(device));
	g_autofree char *runs = smpctl_device_runs(device);
	g_autofree char *raw = g_strdup_printf(
		"%s: %s%s%s%s%s, policy: %s", smpctl_words(smpctl_bus_device_get_name(device)),
		smpctl_bus_device_get_present(device) ? "present" : "not present",
		*runs ? ", runs " : "", runs, *wanted ? ", is to run " : "", wanted, policy);
	g_autofree char *text = smpctl_clean(raw);

	if (!is_new(watch, path, text))
		return;
	if (watch->cli->options->json)
		tell_json("device", smpctl_device_json, device);
	else
		tell_line(text);
}

/* Each tenth of an upload is a change. */
static char *coarse_state(SmpctlBusJob *job)
{
	guint64 done = smpctl_bus_job_get_bytes_done(job);
	guint64 total = smpctl_bus_job_get_bytes_total(job);
	const char *step = smpctl_words(smpctl_bus_job_get_step(job));

	if (g_strcmp0(smpctl_bus_job_get_state(job), "running") != 0 || total == 0 ||
	    !g_str_equal(step, smp_action_name(SMP_ACTION_UPLOAD)))
		return smpctl_job_state(job);
	return g_strdup_printf("%s %d %%", step, (int)(10 * done / total) * 10);
}

static void tell_job(Watch *watch, SmpctlBusJob *job)
{
	const char *path = g_dbus_proxy_get_object_path(G_DBUS_PROXY(job));
	g_autofree char *what = smpctl_job_what(job);
	g_autofree char *state = coarse_state(job);
	g_autofree char *raw = g_strdup_printf("%s: job %s, %s: %s",
					       smpctl_words(smpctl_bus_job_get_device_name(job)),
					       smpctl_job_id(job), what, state);
	g_autofree char *text = smpctl_clean(raw);

	if (!is_new(watch, path, text))
		return;
	if (watch->cli->options->json)
		tell_json("job", smpctl_job_json, job);
	else
		tell_line(text);
}

static void add_running(JsonBuilder *json, gconstpointer there)
{
	smpctl_json_bool(json, "running", *(const gboolean *)there);
}

static void tell_daemon(Watch *watch)
{
	gboolean there = smpctl_daemon_is_there(watch->objects);

	if (!is_new(watch, SMPD_ROOT, there ? "there" : "away"))
		return;
	if (watch->cli->options->json)
		tell_json("daemon", add_running, &there);
	else
		tell_line(there ? "smpd runs" : "smpd has stopped; waiting for it to come back");
}

static void add_name(JsonBuilder *json, gconstpointer name)
{
	smpctl_json_text(json, "device", name);
}

static void tell_removed(Watch *watch, const char *name)
{
	g_autofree char *text = g_strconcat(name, ": removed", NULL);

	if (watch->cli->options->json)
		tell_json("device-removed", add_name, name);
	else
		tell_line(text);
}

static void tell_gone(Watch *watch)
{
	GHashTableIter iter;
	const char *path;
	char *text;

	g_hash_table_iter_init(&iter, watch->told);
	while (g_hash_table_iter_next(&iter, (gpointer *)&path, (gpointer *)&text)) {
		g_autoptr(GDBusObject) object =
			g_dbus_object_manager_get_object(watch->objects, path);
		if (object || !g_str_has_prefix(path, SMPD_DEVICE_PATH))
			continue;
		g_autofree char *name = g_strndup(text, strcspn(text, ":"));
		tell_removed(watch, name);
		g_hash_table_iter_remove(&iter);
	}
}

static void watch_lines(Watch *watch, GError **error)
{
	do {
		g_autoptr(GPtrArray) devices = smpctl_daemon_devices(watch->objects);
		g_autoptr(GPtrArray) jobs = smpctl_daemon_jobs(watch->objects);

		tell_daemon(watch);
		for (guint i = 0; i < devices->len; i++)
			tell_device(watch, g_ptr_array_index(devices, i));
		for (guint i = 0; i < jobs->len; i++)
			tell_job(watch, g_ptr_array_index(jobs, i));
		if (smpctl_daemon_is_there(watch->objects))
			tell_gone(watch);
	} while (smpctl_daemon_wait(watch->cli, watch->objects, 0, error));
}

gboolean smpctl_cmd_watch(Smpctl *cli, char **args G_GNUC_UNUSED, GError **error)
{
	g_autoptr(GDBusObjectManager) objects = smpctl_daemon_open(cli, error);
	g_autoptr(GHashTable) told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	Watch watch = {.cli = cli, .objects = objects, .told = told};
	g_autoptr(GError) ended = NULL;
	gboolean live = smpctl_is_live(STDOUT_FILENO) && !cli->options->json;

	if (!objects)
		return FALSE;
	if (live)
		watch_live(&watch, &ended);
	else
		watch_lines(&watch, &ended);
	/* Ctrl-C is how it ends. */
	if (g_error_matches(ended, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&ended));
	return FALSE;
}

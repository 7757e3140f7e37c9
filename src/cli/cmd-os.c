/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* echo, reset, os …; task statistics, memory pools and clock print what the Go tool prints
 * (newtmgr/cli/{taskstat,mpstat,datetime}.go). */

#include "cli.h"

#include "config.h"

#include <stdio.h>

static gboolean reset_force;
static gboolean reset_bootloader;

const GOptionEntry smpctl_reset_options[] = {
	{"force", 'f', 0, G_OPTION_ARG_NONE, &reset_force, "also where the board refuses", NULL},
	{"bootloader", 'b', 0, G_OPTION_ARG_NONE, &reset_bootloader,
	 "stay in the bootloader's serial recovery", NULL},
	{NULL},
};

/* One text, as it is or as the only member of an object. */
static void print_text(Smpctl *cli, const char *key, const char *text)
{
	if (!cli->options->json) {
		puts(text);
		return;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_text(json, key, text);
	smpctl_json_print(json);
}

gboolean smpctl_cmd_echo(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autofree char *text = session ? smp_os_echo(session, args[0], error) : NULL;

	if (!text)
		return FALSE;
	print_text(cli, "text", text);
	return TRUE;
}

gboolean smpctl_cmd_reset(Smpctl *cli, char **args, GError **error)
{
	SmpBootMode mode = reset_bootloader ? SMP_BOOT_MODE_BOOTLOADER : SMP_BOOT_MODE_KEEP;
	SmpSession *session = smpctl_session(cli, error);

	g_autoptr(GError) local = NULL;

	if (!session)
		return FALSE;
	if (smp_os_reset(session, reset_force, mode, &local)) {
		smpctl_done(cli, "reset");
		return TRUE;
	}
	if (g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT))
		cli->state = g_strdup("Whether the board restarted is not known: the request may "
				      "be lost, or only its answer.");
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

gboolean smpctl_cmd_os_info(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autofree char *text =
		session ? smp_os_info(session, args[0] ? args[0] : "a", error) : NULL;

	if (!text)
		return FALSE;
	print_text(cli, "info", text);
	return TRUE;
}

gboolean smpctl_cmd_os_params(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	SmpParams params;
	gsize max_packet;

	if (!session || !smp_session_get_params(session, &params, error) ||
	    !smp_session_get_max_packet(session, &max_packet, error))
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_params(json, &params);
		smpctl_json_int(json, "max_packet", (gint64)max_packet);
		smpctl_json_int(json, "smp_version", smp_session_get_version(session));
		smpctl_json_print(json);
		return TRUE;
	}
	if (params.buf_size)
		printf("buffer size: %u\n", params.buf_size);
	else
		puts("buffer size: not told (Zephyr does from 3.1 on, with "
		     "CONFIG_MCUMGR_GRP_OS_MCUMGR_PARAMS)");
	if (params.buf_count)
		printf("buffer count: %u\n", params.buf_count);
	printf("largest packet: %" G_GSIZE_FORMAT "\n", max_packet);
	printf("SMP version: %d\n", smp_session_get_version(session));
	return TRUE;
}

gboolean smpctl_cmd_os_bootloader(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autofree char *name = session ? smp_os_bootloader_name(session, error) : NULL;
	SmpBootloaderMode mode;
	gboolean no_downgrade;

	if (!name || !smp_os_bootloader_mode(session, &mode, &no_downgrade, error))
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, "bootloader", name);
		smpctl_json_count(json, "mode", mode);
		if (mode >= 0)
			smpctl_json_text(json, "mode_name", smp_bootloader_mode_name(mode));
		if (no_downgrade)
			smpctl_json_bool(json, "no_downgrade", TRUE);
		smpctl_json_print(json);
		return TRUE;
	}
	printf("bootloader: %s\n", name);
	if (mode >= 0)
		printf("mode: %s (%d)\n", smp_bootloader_mode_name(mode), mode);
	if (no_downgrade)
		puts("downgrade: prevented");
	return TRUE;
}

static void print_tasks(const GPtrArray *tasks)
{
	printf("  %8s %3s %3s %8s %8s %8s %8s %8s %8s\n", "task", "pri", "tid", "runtime", "csw",
	       "stksz", "stkuse", "last_checkin", "next_checkin");
	for (guint i = 0; i < tasks->len; i++) {
		const SmpTask *task = g_ptr_array_index(tasks, i);
		/* The Go tool shows what is absent as 0. */
		const gint64 values[] = {
			task->id,	    task->runtime,    task->context_switches,
			task->stack_size,   task->stack_used, task->last_checkin,
			task->next_checkin,
		};
		printf("  %8s %3" G_GINT64_FORMAT " %3" G_GINT64_FORMAT, task->name, task->priority,
		       MAX(values[0], 0));
		for (guint j = 1; j < G_N_ELEMENTS(values); j++)
			printf(" %8" G_GINT64_FORMAT, MAX(values[j], 0));
		putchar('\n');
	}
}

static void add_task(JsonBuilder *json, gconstpointer data)
{
	const SmpTask *task = data;

	smpctl_json_text(json, "name", task->name);
	/* Zephyr has negative priorities: -1 cannot be told from absent and is rather shown. */
	smpctl_json_int(json, "priority", task->priority);
	smpctl_json_count(json, "id", task->id);
	smpctl_json_count(json, "state", task->state);
	smpctl_json_count(json, "runtime", task->runtime);
	smpctl_json_count(json, "context_switches", task->context_switches);
	/* The server counts in words of four bytes. */
	smpctl_json_count(json, "stack_size", task->stack_size < 0 ? -1 : task->stack_size * 4);
	smpctl_json_count(json, "stack_used", task->stack_used < 0 ? -1 : task->stack_used * 4);
	smpctl_json_count(json, "last_checkin", task->last_checkin);
	smpctl_json_count(json, "next_checkin", task->next_checkin);
}

gboolean smpctl_cmd_os_tasks(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) tasks = session ? smp_os_task_statistics(session, error) : NULL;

	if (!tasks)
		return FALSE;
	if (!cli->options->json) {
		print_tasks(tasks);
		return TRUE;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_array(json, "tasks", tasks, add_task);
	smpctl_json_print(json);
	return TRUE;
}

static void print_pools(const GPtrArray *pools)
{
	printf("%32s %5s %4s %4s %4s\n", "name", "blksz", "cnt", "free", "min");
	for (guint i = 0; i < pools->len; i++) {
		const SmpMemoryPool *pool = g_ptr_array_index(pools, i);
		printf("%32s %5" G_GINT64_FORMAT " %4" G_GINT64_FORMAT " %4" G_GINT64_FORMAT
		       " %4" G_GINT64_FORMAT "\n",
		       pool->name, MAX(pool->block_size, 0), MAX(pool->blocks, 0),
		       MAX(pool->free, 0), MAX(pool->min_free, 0));
	}
}

static void add_pool(JsonBuilder *json, gconstpointer data)
{
	const SmpMemoryPool *pool = data;

	smpctl_json_text(json, "name", pool->name);
	smpctl_json_count(json, "block_size", pool->block_size);
	smpctl_json_count(json, "blocks", pool->blocks);
	smpctl_json_count(json, "free", pool->free);
	smpctl_json_count(json, "min_free", pool->min_free);
}

gboolean smpctl_cmd_os_pools(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) pools = session ? smp_os_memory_pools(session, error) : NULL;

	if (!pools)
		return FALSE;
	if (!cli->options->json) {
		print_pools(pools);
		return TRUE;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_array(json, "pools", pools, add_pool);
	smpctl_json_print(json);
	return TRUE;
}

/* RFC 3339 in local time, whole seconds: Zephyr takes 25 characters at most, Mynewt wants a zone.
 */
static char *time_now(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	gboolean utc = g_date_time_get_utc_offset(now) == 0;

	return g_date_time_format(now, utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%S%:z");
}

/* YYYY-MM-DDThh:mm:ss, which all take; Zephyr whatever stands between the numbers. What may follow
 * is not the same for all (Zephyr os_mgmt.c, Mynewt datetime.c): that is theirs to judge. */
static gboolean is_datetime(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00";
	int n[6] = {0};
	guint field = 0;

	for (guint i = 0; form[i]; i++) {
		gboolean digit = g_ascii_isdigit(text[i]);

		if (!text[i] || digit != g_ascii_isdigit(form[i]))
			return FALSE;
		if (digit)
			n[field] = n[field] * 10 + text[i] - '0';
		else
			field++;
	}
	g_autoptr(GDateTime) time = g_date_time_new_utc(n[0], n[1], n[2], n[3], n[4], n[5]);
	return time != NULL;
}

static gboolean set_datetime(Smpctl *cli, SmpSession *session, const char *text, GError **error)
{
	g_autofree char *now = g_str_equal(text, "now") ? time_now() : NULL;
	const char *datetime = now ? now : text;

	if (now && !cli->options->json && !cli->options->quiet)
		printf("Setting time to %s\n", datetime);
	if (!smp_os_datetime_set(session, datetime, error))
		return FALSE;
	if (cli->options->json)
		print_text(cli, "datetime", datetime);
	else if (!cli->options->quiet)
		puts("Done");
	return TRUE;
}

gboolean smpctl_cmd_os_datetime(Smpctl *cli, char **args, GError **error)
{
	if (args[0] && !g_str_equal(args[0], "now") && !is_datetime(args[0]))
		return smpctl_usage_error(error,
					  "“%s” is no time; it takes now or YYYY-MM-DDThh:mm:ss, "
					  "with a zone (+01:00) for boards that know of zones",
					  args[0]);
	SmpSession *session = smpctl_session(cli, error);
	if (session && args[0])
		return set_datetime(cli, session, args[0], error);
	g_autofree char *text = session ? smp_os_datetime_get(session, error) : NULL;
	if (!text)
		return FALSE;
	if (cli->options->json)
		print_text(cli, "datetime", text);
	else
		printf("Datetime(RFC 3339 format): %s\n", text);
	return TRUE;
}

gboolean smpctl_cmd_version(Smpctl *cli, char **args, GError **error)
{
	g_autofree char *line = g_strdup_printf("%s %s", cli->program, VERSION);

	print_text(cli, "version", cli->options->json ? VERSION : line);
	return TRUE;
}

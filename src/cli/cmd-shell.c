/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* shell: commands of the board's shell, one, or as many as are typed. */

#include "cli.h"

#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if HAVE_EDIT
#include <histedit.h>
#endif

#define HISTORY	     "shell-history"
#define HISTORY_SIZE 500

static int exit_status(gint64 status)
{
	return status == 0 ? SMPCTL_EXIT_OK : SMPCTL_EXIT_DEVICE;
}

static void print_json(const char *output, gint64 status)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_int(json, "status", status);
	smpctl_json_text(json, "output", output);
	smpctl_json_print(json);
}

static void print_output(const char *output)
{
	gsize length = strlen(output);

	fputs(output, stdout);
	if (length > 0 && output[length - 1] != '\n')
		putchar('\n');
	fflush(stdout);
}

gboolean smpctl_cmd_shell_exec(Smpctl *cli, char **args, GError **error)
{
	gint64 status;
	SmpSession *session = smpctl_session(cli, error);
	g_autofree char *output =
		session ? smp_shell_execute(session, (const char *const *)args, 0, &status, error)
			: NULL;

	if (!output)
		return FALSE;
	cli->status = exit_status(status);
	if (cli->options->json) {
		print_json(output, status);
		return TRUE;
	}
	/* As the Go tool has it (newtmgr/cli/shell.go). */
	printf("status=%" G_GINT64_FORMAT "\n", status);
	print_output(output);
	return TRUE;
}

/* Whether the next line may go better: the board refused, was busy for too long, or the line is. */
static gboolean is_survived(const GError *error)
{
	return error->domain == SMP_PROTOCOL_ERROR ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT) ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TOO_LARGE);
}

/* One typed line. What fails is shown, and ends the conversation only where the board is gone. */
static gboolean execute(Smpctl *cli, SmpSession *session, const char *line, GError **error)
{
	const char *arguments[] = {line, NULL};
	g_autoptr(GError) local = NULL;
	SmpDeviceError device;
	gint64 status;
	g_autofree char *output = smp_shell_execute(session, arguments, 0, &status, &local);

	if (!output || status != 0)
		cli->status = SMPCTL_EXIT_DEVICE;
	if (!output && !is_survived(local)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	cli->answered |= output || smp_error_get_device(local, &device);
	if (!output) {
		smpctl_error_report(cli, local);
	} else if (cli->options->json) {
		print_json(output, status);
	} else {
		print_output(output);
		if (status != 0)
			fprintf(stderr, "status %" G_GINT64_FORMAT "\n", status);
	}
	return TRUE;
}

static gboolean is_end(const char *line)
{
	return g_str_equal(line, "exit") || g_str_equal(line, "quit");
}

/* From a pipe: a script. */
static gboolean run_lines(Smpctl *cli, SmpSession *session, GError **error)
{
	char *line = NULL;
	size_t size = 0;
	gboolean good = TRUE;

	while (good && getline(&line, &size, stdin) >= 0) {
		g_strstrip(line);
		if (is_end(line))
			break;
		good = !*line || execute(cli, session, line, error);
	}
	free(line);
	return good;
}

#if HAVE_EDIT
static char *prompt(EditLine *editor G_GNUC_UNUSED)
{
	static char text[] = "board:~$ ";
	return text;
}

static gboolean converse(Smpctl *cli, SmpSession *session, EditLine *editor, History *past,
			 GError **error)
{
	HistEvent event;
	const char *typed;
	gboolean good = TRUE;
	int count;

	while (good && (typed = el_gets(editor, &count)) && count > 0) {
		g_autofree char *line = g_strstrip(g_strdup(typed));
		if (is_end(line))
			return TRUE;
		if (!*line)
			continue;
		history(past, &event, H_ENTER, line);
		good = execute(cli, session, line, error);
	}
	if (good)
		putchar('\n');
	return good;
}

static gboolean run_terminal(Smpctl *cli, SmpSession *session, GError **error)
{
	g_autofree char *path = g_build_filename(g_get_user_state_dir(), "smpctl", HISTORY, NULL);
	g_autofree char *folder = g_path_get_dirname(path);
	EditLine *editor = el_init(cli->program, stdin, stdout, stderr);
	History *past = history_init();
	HistEvent event;

	el_set(editor, EL_PROMPT, prompt);
	el_set(editor, EL_EDITOR, "emacs");
	el_set(editor, EL_HIST, history, past);
	/* Ctrl-C at the prompt, where nothing is under way that could be interrupted. */
	el_set(editor, EL_SETTY, "-d", "-isig", NULL);
	el_set(editor, EL_BIND, "^C", "ed-end-of-file", NULL);
	el_source(editor, NULL);
	history(past, &event, H_SETSIZE, HISTORY_SIZE);
	history(past, &event, H_SETUNIQUE, 1);
	history(past, &event, H_LOAD, path);
	gboolean good = converse(cli, session, editor, past, error);
	if (g_mkdir_with_parents(folder, 0700) == 0)
		history(past, &event, H_SAVE, path);
	history_end(past);
	el_end(editor);
	return good;
}
#else
static gboolean run_terminal(Smpctl *cli, SmpSession *session, GError **error)
{
	return run_lines(cli, session, error);
}
#endif

gboolean smpctl_cmd_shell(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session)
		return FALSE;
	if (!isatty(STDIN_FILENO))
		return run_lines(cli, session, error);
	gboolean good = run_terminal(cli, session, error);
	/* A person has seen what failed. */
	cli->status = SMPCTL_EXIT_OK;
	return good;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* smpctl: look at, update and talk to boards that speak SMP (mcumgr). */

#include "cli.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static gboolean fail_unknown(const char *first, const char *second, GError **error)
{
	g_autofree char *both = second ? g_strconcat(first, " ", second, NULL) : NULL;
	const char *nearest = both ? smpctl_command_suggest(both) : NULL;
	const char *typed = nearest || smpctl_command_is_family(first) ? both : first;

	if (!nearest)
		nearest = smpctl_command_suggest(first);
	if (nearest)
		return smpctl_usage_error(error, "unknown command “%s”; did you mean “%s”?", typed,
					  nearest);
	return smpctl_usage_error(error, "unknown command “%s”; `%s --help` lists them", typed,
				  g_get_prgname());
}

static gboolean fail_incomplete(const char *family, GError **error)
{
	if (family)
		return smpctl_usage_error(error, "%s what? `%s %s --help` lists the commands",
					  family, g_get_prgname(), family);
	return smpctl_usage_error(error, "no command given; `%s --help` lists them",
				  g_get_prgname());
}

static gboolean check_args(const SmpctlCommand *command, char **args, GError **error)
{
	int n = (int)g_strv_length(args);

	if (n < command->min_args)
		return smpctl_usage_error(error, "%s needs %s", command->name, command->args);
	if (command->max_args >= 0 && n > command->max_args)
		return smpctl_usage_error(error, "%s does not take “%s”", command->name,
					  args[command->max_args]);
	return TRUE;
}

/* Names of what is on a board; values and texts may be empty, and files here are looked for. */
static gboolean check_names(const SmpctlCommand *command, char **args, GError **error)
{
	static const char *const names[] = {"NAME", "PATH", "GROUP", "SRC", "DST", NULL};
	g_auto(GStrv) words = g_strsplit_set(command->args, " []", -1);
	const char *local = command->run == smpctl_cmd_fs_upload ? "SRC" : "DST";
	guint n = g_strv_length(args), index = 0;

	for (char **word = words; *word && index < n; word++) {
		if (**word == '\0')
			continue;
		if (*args[index++] == '\0' && g_strv_contains(names, *word) &&
		    !g_str_equal(*word, local))
			return smpctl_usage_error(error, "%s must not be empty", *word);
	}
	return TRUE;
}

/* Takes the command's words and a "--" out: GOption leaves that where what follows begins with a
 * dash. */
static void drop(char **argv, guint index)
{
	g_free(argv[index]);
	memmove(argv + index, argv + index + 1, sizeof(*argv) * g_strv_length(argv + index));
}

static void drop_separator(char **argv)
{
	for (guint i = 1; argv[i]; i++) {
		if (g_str_equal(argv[i], "--")) {
			drop(argv, i);
			return;
		}
	}
}

static gboolean parse(Smpctl *cli, char ***argv, GError **error)
{
	g_autoptr(GOptionContext) context = smpctl_options_context(cli->command);

	gboolean json = cli->options->json;
	char **split = smpctl_options_split(*argv, cli->command, error);

	if (!split)
		return FALSE;
	g_strfreev(*argv);
	*argv = split;
	if (!g_option_context_parse_strv(context, argv, error)) {
		/* GOption takes back what it had set. */
		smpctl_options()->json = json;
		return FALSE;
	}
	drop_separator(*argv);
	return smpctl_options_check(error);
}

/* Where no command was found: help, the version, or an error. */
static gboolean run_without(Smpctl *cli, char ***argv, const char *first, const char *second,
			    GError **error)
{
	gboolean family = first && !second && smpctl_command_is_family(first);

	if (first && !family)
		return fail_unknown(first, second, error);
	if (!parse(cli, argv, error))
		return FALSE;
	if (cli->options->version)
		return smpctl_cmd_version(cli, NULL, error);
	if (!cli->options->help && !smpctl_is_go_tool(cli))
		return fail_incomplete(first, error);
	if (first)
		smpctl_help_family(first);
	else
		smpctl_help_main();
	return TRUE;
}

/* `smpctl help image list` is `smpctl --help image list`. */
static void replace_help_word(char **argv)
{
	gboolean json;
	guint words[2];

	smpctl_options_find_words(argv, words, &json);
	if (words[0] && g_str_equal(argv[words[0]], "help")) {
		g_free(argv[words[0]]);
		argv[words[0]] = g_strdup("--help");
	}
}

static gboolean run(Smpctl *cli, char ***argv, char **typed, GError **error)
{
	g_autofree char *first = NULL, *second = NULL;
	guint words[2], n_words;

	replace_help_word(*argv);
	smpctl_options_find_words(*argv, words, &smpctl_options()->json);
	first = words[0] ? g_strdup((*argv)[words[0]]) : NULL;
	second = words[1] ? g_strdup((*argv)[words[1]]) : NULL;
	cli->command = first ? smpctl_command_find(first, second, &n_words) : NULL;
	if (!cli->command)
		return run_without(cli, argv, first, second, error);

	for (guint i = n_words; i > 0; i--)
		drop(*argv, words[i - 1]);
	if (!parse(cli, argv, error))
		return FALSE;
	if (cli->options->help) {
		smpctl_help_command(cli->command);
		return TRUE;
	}
	if (cli->options->version)
		return smpctl_cmd_version(cli, NULL, error);
	if (!check_args(cli->command, *argv + 1, error))
		return FALSE;
	if (cli->command->topic == SMPCTL_DATA && !check_names(cli->command, *argv + 1, error))
		return FALSE;
	smpctl_log_open(cli, typed);
	return smpctl_signals_init(cli->cancellable, error) &&
	       cli->command->run(cli, *argv + 1, error);
}

/* What the library wants a person to know besides, and does not fail for. */
static void on_message(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
	Smpctl *cli = data;

	if (level & G_LOG_LEVEL_MESSAGE)
		smpctl_say(cli, "%s: %s", cli->program, message);
	else
		g_log_default_handler(domain, level, message, NULL);
}

int main(int argc, char **argv)
{
	g_auto(GStrv) args = g_strdupv(argv);
	g_autofree char *program = g_path_get_basename(argc > 0 ? argv[0] : "smpctl");
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	g_autoptr(GError) error = NULL;
	Smpctl cli = {
		.program = program,
		.options = smpctl_options(),
		.cancellable = cancellable,
	};

	/* Messages and numbers stay as they are; only characters follow the user's locale. */
	setlocale(LC_CTYPE, "");
	g_set_prgname(program);
	g_log_set_default_handler(on_message, &cli);
	if (args[0] && args[1] && g_str_equal(args[1], "__complete"))
		smpctl_complete(&cli, args + 2);
	else if (!run(&cli, &args, argv, &error))
		cli.status = smpctl_error_report(&cli, error);
	smpctl_clear(&cli);
	smpctl_log(&cli, "exit status %d", cli.status);
	smpctl_log_close();
	smpctl_signals_end();
	smpctl_options_clear();
	if ((fflush(stdout) != 0 || ferror(stdout)) && cli.status == SMPCTL_EXIT_OK) {
		fprintf(stderr, "%s: cannot write the output: %s\n", program, g_strerror(errno));
		cli.status = SMPCTL_EXIT_FAILED;
	}
	return cli.status;
}

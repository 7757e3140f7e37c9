/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/shell_mgmt, with a few commands. */

#include "sim/server.h"

#include <string.h>

/* CONFIG_SHELL_CMD_BUFF_SIZE */
#define COMMAND_MAX 256

#define NOT_FOUND (-8) /* -ENOEXEC */

enum {
	SHELL_COMMAND_TOO_LONG = 2,
	SHELL_EMPTY_COMMAND = 3,
};

static const char kernel_help[] =
	"kernel - Kernel commands\r\nSubcommands:\r\n"
	"  cycles     : Kernel cycles.\r\n"
	"  log_level  : <module name> <severity (0-4)>\r\n"
	"  reboot     : Reboot.\r\n"
	"  sleep      : ms\r\n"
	"  thread     : Kernel threads.\r\n"
	"  uptime     : Kernel uptime. Can be called with the -p or --pretty options\r\n"
	"  version    : Kernel version.\r\n";

static const char help[] =
	"Please press the <Tab> button to see all available commands.\r\n"
	"You can also use the <Tab> button to prompt or auto-complete all commands or its "
	"subcommands.\r\n"
	"You can try to call commands with <-h> or <--help> parameter for more information.\r\n"
	"\r\nShell supports following meta-keys:\r\n"
	"  Ctrl + (a key from: abcdefklnpuw)\r\n"
	"  Alt  + (a key from: bf)\r\n"
	"Please refer to shell documentation for more details.\r\n"
	"\r\nAvailable commands:\r\n"
	"  echo    : Say it again.\r\n"
	"  help    : Prints the help message.\r\n"
	"  kernel  : Kernel commands\r\n";

static int kernel(SimBoard *board, char **words, GString *output)
{
	const char *what = words[1] ? words[1] : "";
	gint64 up = sim_board_time(board) - board->app_start;

	if (g_str_equal(what, "version")) {
		g_string_append_printf(output, "Zephyr version %s\r\n",
				       board->config.kernel_version);
	} else if (g_str_equal(what, "uptime")) {
		g_string_append_printf(output, "Uptime: %" G_GINT64_FORMAT " ms\r\n", up / 1000);
	} else {
		g_string_append(output, kernel_help);
		return 1;
	}
	return 0;
}

static int echo(SimBoard *board G_GNUC_UNUSED, char **words, GString *output)
{
	g_autofree char *text = g_strjoinv(" ", words + 1);

	g_string_append_printf(output, "%s\r\n", text);
	return 0;
}

static int show_help(SimBoard *board G_GNUC_UNUSED, char **words G_GNUC_UNUSED, GString *output)
{
	g_string_append(output, help);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(SimBoard *board, char **words, GString *output);
} commands_of_shell[] = {{"kernel", kernel}, {"echo", echo}, {"help", show_help}};

/* The dummy back end: a line of its own first, errors in red. */
static int run(SimBoard *board, const char *line, GString *output)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);

	g_string_append(output, "\r\n");
	if (!words[0] || !*words[0])
		return NOT_FOUND;
	for (guint i = 0; i < G_N_ELEMENTS(commands_of_shell); i++) {
		if (g_str_equal(words[0], commands_of_shell[i].name))
			return commands_of_shell[i].run(board, words, output);
	}
	g_string_append_printf(output, "\033[1;31m%s: command not found\r\n\033[m", words[0]);
	return NOT_FOUND;
}

/* Returns: FALSE where they are too long together */
static gboolean join(const SmpCbor *arguments, GString *line)
{
	SmpCborIter iter;
	SmpCbor item;
	const char *text;
	gsize size;
	gboolean first = TRUE;

	if (!smp_cbor_iter_init(&iter, arguments))
		return TRUE;
	while (smp_cbor_iter_next(&iter, NULL, &item)) {
		if (!smp_cbor_text(&item, &text, &size))
			continue;
		if (!first)
			g_string_append_c(line, ' ');
		first = FALSE;
		if (line->len + size >= COMMAND_MAX)
			return FALSE;
		g_string_append_len(line, text, (gssize)size);
	}
	return TRUE;
}

static gboolean is_empty(const SmpCbor *array)
{
	SmpCborIter iter;
	SmpCbor item;

	return !smp_cbor_iter_init(&iter, array) || !smp_cbor_iter_next(&iter, NULL, &item);
}

static int execute(SimRequest *request)
{
	SimField arguments = {"argv", SIM_FIELD_ARRAY};
	g_autoptr(GString) line = g_string_new(NULL);
	g_autoptr(GString) output = g_string_new(NULL);

	if (!sim_request_decode(request, &arguments, 1) || !arguments.found)
		return SIM_EINVAL;
	if (is_empty(&arguments.item))
		return sim_group_error(request, SHELL_EMPTY_COMMAND);
	if (!join(&arguments.item, line))
		return sim_group_error(request, SHELL_COMMAND_TOO_LONG);
	int status = run(request->board, line->str, output);
	smp_cbor_put_text(request->out, "o");
	smp_cbor_put_text_sized(request->out, output->str, output->len);
	sim_put_int(request->out, "ret", status);
	return SIM_OK;
}

static int translate(int group_rc)
{
	return group_rc == SHELL_COMMAND_TOO_LONG || group_rc == SHELL_EMPTY_COMMAND ? SIM_EINVAL
										     : SIM_EUNKNOWN;
}

static const SimCommand commands[] = {
	{.write = execute},
};

const SimGroup sim_group_shell = {
	.id = SMP_GROUP_SHELL,
	.name = "shell mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* console: the board's text and a keyboard, on a port that other commands use meanwhile. */

#include "console.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Ctrl-], as telnet has it. */
#define ESCAPE 0x1d

/* Somebody at a terminal ends it with a key; a script has to get on. */
#define PATIENCE (60 * (gint64)G_USEC_PER_SEC)

/* What is read ahead of a slow port. */
#define MAX_PENDING 4096

static gboolean timestamps;

const GOptionEntry smpctl_console_options[] = {
	{"timestamps", 0, 0, G_OPTION_ARG_NONE, &timestamps, "put the time in front of each line",
	 NULL},
	{NULL},
};

typedef struct {
	Smpctl *cli;
	SmpConsole *console;
	SmpctlText text;
	gboolean ended; /* by Ctrl-] */
} Console;

static void on_text(const char *bytes, gsize length, gpointer user_data)
{
	Console *console = user_data;

	smpctl_text_add(bytes, length, &console->text);
}

/* Not in the middle of a line of the board's. */
static void note(Console *console, const char *text)
{
	if (console->text.inside && console->text.terminal && !console->cli->options->quiet)
		fputs("\n", stdout);
	fflush(stdout);
	console->text.inside = FALSE;
	smpctl_say(console->cli, "%s: %s", console->cli->program, text);
}

static void print_event(const char *state)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	g_autofree char *time = smpctl_text_time();

	smpctl_json_text(json, "event", "port");
	smpctl_json_text(json, "time", time);
	smpctl_json_text(json, "state", state);
	smpctl_json_print(json);
}

static void on_event(SmpConsoleEvent event, const char *what, gpointer user_data)
{
	static const char *const sentences[] = {
		[SMP_CONSOLE_CLIENT] = "used by",
		[SMP_CONSOLE_CLIENT_GONE] = "no longer used",
		[SMP_CONSOLE_LOST] = "waiting for the port, which went away:",
		[SMP_CONSOLE_BACK] = "the port is back:",
	};
	Console *console = user_data;
	gboolean port = event == SMP_CONSOLE_LOST || event == SMP_CONSOLE_BACK;
	g_autofree char *text = g_strdup_printf("%s %s", sentences[event], what);

	if (console->cli->options->json && port)
		print_event(event == SMP_CONSOLE_LOST ? "lost" : "back");
	else if (port || console->cli->options->verbose)
		note(console, g_strchomp(text));
}

static void tell_begin(Console *console, const GError *unshared)
{
	Smpctl *cli = console->cli;
	g_autofree char *line = smp_link_describe(cli->link);
	const char *device = smp_console_get_device(console->console);
	const char *end = isatty(STDIN_FILENO) ? "Ctrl-] ends it" : "Ctrl-C ends it";

	if (unshared)
		smpctl_say(cli, "%s: console of %s (%s), not shared: %s; %s", cli->program, device,
			   line, unshared->message, end);
	else
		smpctl_say(cli,
			   "%s: console of %s (%s); other smpctl commands can use the board "
			   "meanwhile; %s",
			   cli->program, device, line, end);
}

static void type(Console *console, const char *keys, gsize length)
{
	const char *escape = isatty(STDIN_FILENO) ? memchr(keys, ESCAPE, length) : NULL;

	console->ended = escape != NULL;
	smp_console_type(console->console, keys, escape ? (gsize)(escape - keys) : length);
}

/* The end of standard input ends nothing but that: a log may be wanted all the same. */
static void read_keys(Console *console, GPollFD *input)
{
	char keys[512];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n > 0)
		type(console, keys, (gsize)n);
	else
		input->fd = -1;
}

static gboolean loop(Console *console, GError **error)
{
	GPollFD input = {.fd = STDIN_FILENO};

	while (!console->ended && !ferror(stdout)) {
		gboolean room = smp_console_get_pending(console->console) < MAX_PENDING;

		input.events = room ? G_IO_IN : 0;
		if (!smp_console_step(console->console, &input, error))
			return FALSE;
		if (input.revents)
			read_keys(console, &input);
	}
	return TRUE;
}

static gboolean run(Console *console, GError **error)
{
	g_autoptr(GError) unshared = NULL;

	if (!smpctl_open_link(console->cli, error))
		return FALSE;
	if (!smp_console_start(console->console, &unshared) && !unshared)
		return FALSE;
	if (!smpctl_terminal_begin(error))
		return FALSE;
	tell_begin(console, unshared);
	gboolean good = loop(console, error);
	smpctl_terminal_end();
	return good;
}

gboolean smpctl_cmd_console(Smpctl *cli, char **args, GError **error)
{
	Console console = {.cli = cli};
	const SmpConsoleSetup setup = {
		.text = on_text,
		.event = on_event,
		.user_data = &console,
		.patience = isatty(STDIN_FILENO) ? -1 : PATIENCE,
	};
	SmpLink *link = smpctl_link_of(cli, args[0], error);
	g_autoptr(SmpConsole) owned = link ? smp_console_new(link, &setup, error) : NULL;
	g_autoptr(GError) failed = NULL;

	if (!owned)
		return FALSE;
	console.console = owned;
	smpctl_text_init(&console.text, timestamps, cli->options->json);
	/* The terminal is to be set as it was, also where nobody reads what we write. */
	signal(SIGPIPE, SIG_IGN);
	gboolean good = run(&console, &failed);
	smpctl_text_end(&console.text);
	if (good)
		return TRUE;
	/* A signal is how it ends where there is no keyboard. */
	if (g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --log-file: what --verbose and --trace say and what went wrong, with the time, behind what is in
 * the file. Each line is one write, so that several programs can have the same file. That it cannot
 * be written is said once and is no failure. */

#include "console.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int log_fd = -1;

gboolean smpctl_log_is_open(void)
{
	return log_fd >= 0;
}

static void give_up(Smpctl *cli)
{
	fprintf(stderr, "%s: cannot write %s: %s; nothing is logged from here on\n", cli->program,
		cli->options->log_file, g_strerror(errno));
	smpctl_log_close();
}

static void write_line(Smpctl *cli, const char *text)
{
	g_autofree char *time = smpctl_text_time();
	g_autofree char *line =
		g_strdup_printf("%s %s[%d] %s\n", time, cli->program, (int)getpid(), text);
	gsize length = strlen(line);
	ssize_t n = write(log_fd, line, length);

	while (n < 0 && errno == EINTR)
		n = write(log_fd, line, length);
	if (n >= 0 && (gsize)n < length)
		errno = ENOSPC;
	if (n < 0 || (gsize)n < length)
		give_up(cli);
}

void smpctl_log_text(Smpctl *cli, const char *text)
{
	g_auto(GStrv) lines = smpctl_log_is_open() ? g_strsplit(text, "\n", -1) : NULL;

	for (char **line = lines; line && *line && smpctl_log_is_open(); line++)
		write_line(cli, g_strchomp(*line));
}

void smpctl_log(Smpctl *cli, const char *format, ...)
{
	va_list args;

	if (!smpctl_log_is_open())
		return;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	smpctl_log_text(cli, text);
}

/* The passkey of a board is nobody's business. */
static char *command_line(char **argv)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (char **arg = argv; *arg; arg++) {
		gboolean secret = arg != argv && g_str_equal(arg[-1], "--passkey");
		gsize shown =
			g_str_has_prefix(*arg, "--passkey=") ? strlen("--passkey=") : strlen(*arg);
		g_autofree char *word = g_strndup(*arg, secret ? 0 : shown);
		g_autofree char *quoted = g_shell_quote(word);
		gboolean plain = *word && !strpbrk(word, " \t\n'\"\\$`*?[]{}();&|<>#~!");

		g_string_append_printf(text, "%s%s", text->len ? " " : "", plain ? word : quoted);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* It holds what boards hold: nobody else reads one that is made here. A pipe that nobody reads is
 * not waited for. */
void smpctl_log_open(Smpctl *cli, char **argv)
{
	if (!cli->options->log_file)
		return;
	log_fd = open(cli->options->log_file,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (log_fd < 0) {
		give_up(cli);
		return;
	}
	g_autofree char *line = command_line(argv);
	smpctl_log(cli, "version %s: %s", VERSION, line);
}

void smpctl_log_close(void)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
}

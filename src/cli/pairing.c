/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a board asks while it is paired, at the terminal. */

#include "cli.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* Boards give up after 30 s (Bluetooth Core, Vol 3 Part H 3.4). */
#define ANSWER_TIME (30 * G_USEC_PER_SEC)

/* Reads a line; FALSE where the user or the time ended it. */
static gboolean read_line(Smpctl *cli, GString *line)
{
	gint64 deadline = g_get_monotonic_time() + ANSWER_TIME;
	GPollFD fds[2] = {{.fd = STDIN_FILENO, .events = G_IO_IN}, {.fd = -1}};
	char byte = 0;

	if (!g_cancellable_make_pollfd(cli->cancellable, &fds[1]))
		return FALSE;
	while (byte != '\n') {
		gint64 left = (deadline - g_get_monotonic_time()) / 1000;

		if (left <= 0 || g_poll(fds, 2, (int)left) <= 0 || fds[1].revents ||
		    read(STDIN_FILENO, &byte, 1) != 1)
			break;
		if (byte != '\n')
			g_string_append_c(line, byte);
	}
	g_cancellable_release_fd(cli->cancellable);
	if (byte != '\n')
		fputc('\n', stderr);
	return byte == '\n';
}

static gboolean enter(Smpctl *cli, const char *board, guint32 *passkey)
{
	g_autoptr(GString) line = g_string_new(NULL);
	guint64 number = 0;

	if (cli->options->passkey >= 0) {
		*passkey = (guint32)cli->options->passkey;
		return TRUE;
	}
	fprintf(stderr, "pairing with %s: enter the passkey it shows: ", board);
	if (!read_line(cli, line) ||
	    !g_ascii_string_to_unsigned(g_strstrip(line->str), 10, 0, 999999, &number, NULL))
		return FALSE;
	*passkey = (guint32)number;
	return TRUE;
}

static gboolean confirm(Smpctl *cli, const char *board, guint32 passkey)
{
	g_autoptr(GString) line = g_string_new(NULL);

	fprintf(stderr, "pairing with %s: does it show %06u? (y/n) ", board, passkey);
	return read_line(cli, line) && g_ascii_tolower(line->str[0]) == 'y';
}

static gboolean answer(SmpPairingQuestion question, const char *board, guint32 *passkey,
		       gpointer user_data)
{
	Smpctl *cli = user_data;

	switch (question) {
	case SMP_PAIRING_ENTER:
		return enter(cli, board, passkey);
	case SMP_PAIRING_CONFIRM:
		return confirm(cli, board, *passkey);
	case SMP_PAIRING_SHOW:
		fprintf(stderr, "pairing with %s: type %06u on the board\n", board, *passkey);
		break;
	}
	return TRUE;
}

void smpctl_pairing_setup(Smpctl *cli, SmpLink *link)
{
	SmpPairingAbility ability = SMP_PAIRING_NOTHING;

	if (cli->options->passkey >= 0)
		ability = SMP_PAIRING_KEYBOARD;
	else if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
		ability = SMP_PAIRING_KEYBOARD_DISPLAY;
	smp_link_set_pairing_func(link, ability, answer, cli);
}

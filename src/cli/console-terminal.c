/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "console.h"

#include <errno.h>
#include <unistd.h>

static struct termios was;
static gboolean begun;

/* Output is processed as before: boards and we end lines with a line feed alone now and then. */
gboolean smpctl_terminal_begin(GError **error)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO))
		return TRUE;
	if (tcgetattr(STDIN_FILENO, &was) == 0) {
		raw = was;
		cfmakeraw(&raw);
		raw.c_oflag = was.c_oflag;
		smpctl_signals_restore(STDIN_FILENO, &was);
		begun = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	}
	if (!begun)
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED, "cannot set the terminal: %s",
			    g_strerror(errno));
	return begun;
}

void smpctl_terminal_end(void)
{
	if (begun)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
	begun = FALSE;
	smpctl_signals_restore(-1, NULL);
}

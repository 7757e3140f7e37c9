/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/link.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/**
 * SmpConsole: a serial port that one program has as a console, and shares.
 *
 * It separates the board's text from SMP frames, and sends what is typed. Links of other programs
 * of the same user, and of root, that are to open this port meanwhile find it busy, and reach the
 * board through this program: one at a time, the text excepted. Used by one thread.
 */
typedef struct SmpConsole SmpConsole;

/**
 * SmpConsoleEvent:
 * @SMP_CONSOLE_CLIENT: another program begins to use the port; it is named
 * @SMP_CONSOLE_CLIENT_GONE: and has ended that
 * @SMP_CONSOLE_LOST: the port went away; it is waited for
 * @SMP_CONSOLE_BACK: the port is back; it is named
 */
typedef enum {
	SMP_CONSOLE_CLIENT,
	SMP_CONSOLE_CLIENT_GONE,
	SMP_CONSOLE_LOST,
	SMP_CONSOLE_BACK,
} SmpConsoleEvent;

/**
 * SmpConsoleSetup:
 * @text: called with what the board writes, as it comes
 * @event: called when something has happened to the port; @what is a program or a path
 * @patience: how long to wait for a port that went away, in microseconds; -1: without end
 */
typedef struct {
	SmpLinkTextFunc text;
	void (*event)(SmpConsoleEvent event, const char *what, gpointer user_data);
	gpointer user_data;
	gint64 patience;
} SmpConsoleSetup;

/**
 * smp_console_new:
 * @link: closed; it outlives the console, and has its port to itself from now on. It is opened by
 *   the caller and not used otherwise
 *
 * Returns: (transfer full): %NULL with %SMP_LINK_ERROR_ADDRESS where @link is no serial port with
 * text between its frames
 */
SmpConsole *smp_console_new(SmpLink *link, const SmpConsoleSetup *setup,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_console_free(SmpConsole *console);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpConsole, smp_console_free)

/**
 * smp_console_start:
 *
 * To be called once the link is open. Returns: FALSE with the reason for which nobody else can use
 * the port; it is a console all the same
 */
gboolean smp_console_start(SmpConsole *console, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (nullable): path of the port, %NULL while it is away */
const char *smp_console_get_device(const SmpConsole *console);

/**
 * smp_console_step:
 * @input: (nullable): what else to wait for; its revents are set
 *
 * Waits until something came, and deals with it.
 *
 * Returns: FALSE with %SMP_LINK_ERROR_CLOSED where the port is gone for good, %SMP_LINK_ERROR_IO,
 * %G_IO_ERROR_CANCELLED
 */
gboolean smp_console_step(SmpConsole *console, GPollFD *input,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_console_type:
 *
 * Sends this to the board, behind the line that a client is just sending. The bytes 4 and 6 (Ctrl-D
 * and Ctrl-F) are left out: a shell would take them for the beginning of a frame and hear nothing
 * else until its end. Nothing is sent while the port is away.
 */
void smp_console_type(SmpConsole *console, const char *text, gsize length);

/* Bytes that were typed and not sent yet. */
gsize smp_console_get_pending(const SmpConsole *console);

G_END_DECLS
#pragma GCC visibility pop

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ctrl-C. The library is synchronous and looks at a cancellable, which must not be touched in a
 * signal handler: the handler writes the signal into a pipe, a thread reads it and cancels. */

#include "cli.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

static int pipe_fds[2] = {-1, -1};
static int received;
static GThread *thread;
static struct termios terminal_was;
static volatile sig_atomic_t terminal = -1;

static void on_signal(int number)
{
	int saved = errno;
	guint8 byte = (guint8)number;
	ssize_t written = 0;

	/* Two threads may be here at once. */
	if (g_atomic_int_compare_and_exchange(&received, 0, number))
		written = write(pipe_fds[1], &byte, 1);
	if (written != 1) {
		if (terminal >= 0)
			tcsetattr(terminal, TCSANOW, &terminal_was);
		/* Away from the live line. */
		written = write(STDERR_FILENO, "\n", 1);
		_exit(128 + number);
	}
	errno = saved;
}

static gpointer wait_for_signal(gpointer cancellable)
{
	guint8 number;

	while (read(pipe_fds[0], &number, 1) != 1)
		continue;
	if (number)
		g_cancellable_cancel(cancellable);
	g_object_unref(cancellable);
	return NULL;
}

gboolean smpctl_signals_init(GCancellable *cancellable, GError **error)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	if (!g_unix_open_pipe(pipe_fds, FD_CLOEXEC, error))
		return FALSE;
	thread = g_thread_try_new("signals", wait_for_signal, g_object_ref(cancellable), error);
	if (!thread)
		return FALSE;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return TRUE;
}

void smpctl_signals_restore(int fd, const struct termios *was)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction now;

	terminal = -1;
	if (!was)
		return;
	terminal_was = *was;
	terminal = fd;
	sigaction(SIGQUIT, &action, NULL);
	/* Where nohup has it ignored, that is wanted. */
	if (sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

void smpctl_signals_end(void)
{
	static const guint8 none;

	/* A thread that a signal has ended already leaves this byte where it is. */
	if (thread && write(pipe_fds[1], &none, 1) == 1)
		g_thread_join(g_steal_pointer(&thread));
}

int smpctl_signals_status(void)
{
	int number = g_atomic_int_get(&received);
	return number ? 128 + number : 0;
}

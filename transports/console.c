/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One port for a person and for SMP: the board's text and its frames taken apart, lines of the
 * client and what is typed put together. */

#include <smp/console.h>

#include "protocol/framing.h"
#include "transports/console-out.h"
#include "transports/link.h"
#include "transports/share.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often a port that went away is looked for. */
#define LOOK_MS 100

/* A client that does not read does not get more than this. */
#define MAX_FRAMES (256 * 1024)

struct SmpConsole {
	SmpLink *link;
	SmpConsoleSetup setup;
	SmpTty tty;
	SmpDecoder *decoder;
	SmpConsoleOut *out;
	SmpShare *share;    /* NULL where it could not be made */
	int client;	    /* -1 for none */
	pid_t pid;	    /* the client's */
	GByteArray *frames; /* for the client */
	gint64 lost;	    /* when the port went away */
};

static void on_text(const char *text, gsize length, gpointer user_data)
{
	SmpConsole *console = user_data;

	smp_console_out_heard(console->out, text, length);
	console->setup.text(text, length, console->setup.user_data);
}

/* What nobody has asked for is not shown either. */
static void on_packet(const guint8 *packet, gsize size, gpointer user_data)
{
	SmpConsole *console = user_data;

	if (console->client >= 0)
		smp_frame(SMP_FRAMING_CONSOLE, packet, size, console->frames);
}

SmpConsole *smp_console_new(SmpLink *link, const SmpConsoleSetup *setup, GError **error)
{
	if (!link->klass->be_console) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
			    "%s is no serial port, and has no console", link->target);
		return NULL;
	}
	if (!link->klass->be_console(link, error))
		return NULL;
	SmpConsole *console = g_new0(SmpConsole, 1);
	console->link = link;
	console->setup = *setup;
	console->decoder = smp_decoder_new(SMP_FRAMING_CONSOLE, on_packet, on_text, console);
	console->out = smp_console_out_new();
	console->frames = g_byte_array_new();
	console->client = -1;
	return console;
}

static void tell(SmpConsole *console, SmpConsoleEvent event, const char *what)
{
	console->setup.event(event, what, console->setup.user_data);
}

static void drop_client(SmpConsole *console)
{
	if (console->client < 0)
		return;
	close(console->client);
	console->client = -1;
	g_byte_array_set_size(console->frames, 0);
	smp_console_out_end_client(console->out);
	tell(console, SMP_CONSOLE_CLIENT_GONE, "");
}

void smp_console_free(SmpConsole *console)
{
	if (!console)
		return;
	drop_client(console);
	smp_share_free(console->share);
	smp_decoder_free(console->decoder);
	smp_console_out_free(console->out);
	g_byte_array_unref(console->frames);
	g_free(console);
}

gboolean smp_console_start(SmpConsole *console, GError **error)
{
	struct stat info = {0};

	console->link->klass->get_tty(console->link, &console->tty);
	smp_decoder_reset(console->decoder);
	smp_console_out_reset(console->out, console->tty.baud, console->tty.shell);
	if (fstat(console->tty.fd, &info) < 0)
		return smp_link_error_errno(error, errno, "cannot look at %s", console->tty.path);
	console->share = smp_share_new(info.st_rdev, console->tty.baud, error);
	return console->share != NULL;
}

const char *smp_console_get_device(const SmpConsole *console)
{
	return console->link->is_open ? console->tty.path : NULL;
}

gsize smp_console_get_pending(const SmpConsole *console)
{
	return smp_console_out_get_typed(console->out);
}

/* ---- the port ---- */

static gboolean lose_port(SmpConsole *console, GError **error)
{
	drop_client(console);
	g_clear_pointer(&console->share, smp_share_free);
	smp_link_close(console->link);
	console->lost = g_get_monotonic_time();
	if (console->tty.returns) {
		tell(console, SMP_CONSOLE_LOST, console->tty.path);
		return TRUE;
	}
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED,
		    "%s went away: the program behind it has ended", console->tty.path);
	return FALSE;
}

static gboolean is_over(const SmpConsole *console)
{
	return console->setup.patience >= 0 &&
	       g_get_monotonic_time() - console->lost > console->setup.patience;
}

/* Anything may be in the way of a port that just appears: its permissions come a moment later. */
static gboolean look_for_port(SmpConsole *console, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autoptr(GError) unshared = NULL;

	if (smp_link_reopen(console->link, g_get_monotonic_time(), &failed)) {
		gboolean shared = smp_console_start(console, &unshared);
		tell(console, SMP_CONSOLE_BACK, console->tty.path);
		if (!shared)
			g_message("%s is not shared any more: %s", console->tty.path,
				  unshared->message);
		return TRUE;
	}
	if (failed->domain == SMP_LINK_ERROR && !is_over(console))
		return TRUE;
	if (failed->domain == SMP_LINK_ERROR)
		failed->code = SMP_LINK_ERROR_CLOSED;
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

static gboolean is_gone(int code)
{
	return code == EIO || code == ENODEV || code == ENXIO;
}

static gboolean port_failed(SmpConsole *console, int code, GError **error)
{
	if (is_gone(code))
		return lose_port(console, error);
	return smp_link_error_errno(error, code, "cannot use %s", console->tty.path);
}

static gboolean read_port(SmpConsole *console, GError **error)
{
	guint8 buffer[4096];
	ssize_t n = read(console->tty.fd, buffer, sizeof(buffer));

	if (n > 0)
		smp_decoder_feed(console->decoder, buffer, (gsize)n);
	else if (n == 0)
		return lose_port(console, error);
	else if (errno != EAGAIN && errno != EINTR)
		return port_failed(console, errno, error);
	return TRUE;
}

static gboolean write_port(SmpConsole *console, GError **error)
{
	if (smp_console_out_write(console->out, console->tty.fd) || errno == EAGAIN ||
	    errno == EINTR)
		return TRUE;
	return port_failed(console, errno, error);
}

/* ---- the client ---- */

/* @all: more than it may be ahead of the port */
static void read_client(SmpConsole *console, gboolean all)
{
	guint8 buffer[4096];
	ssize_t n = 0;

	while (console->client >= 0 && (all || smp_console_out_wants_lines(console->out))) {
		n = recv(console->client, buffer, sizeof(buffer), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			drop_client(console);
		else
			smp_console_out_add_lines(console->out, buffer, (gsize)n);
	}
}

static void write_client(SmpConsole *console)
{
	GByteArray *frames = console->frames;

	if (console->client < 0 || frames->len == 0)
		return;
	ssize_t n = send(console->client, frames->data, frames->len, MSG_NOSIGNAL);
	if (n > 0)
		g_byte_array_remove_range(frames, 0, (guint)n);
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || frames->len > MAX_FRAMES)
		drop_client(console);
}

static gboolean has_left(const SmpConsole *console)
{
	struct pollfd client = {.fd = console->client};

	return poll(&client, 1, 0) > 0;
}

/* One that has just left may not have been noticed yet. */
static void accept_client(SmpConsole *console)
{
	pid_t pid = 0;

	if (has_left(console))
		read_client(console, TRUE);
	int fd = smp_share_accept(console->share, console->client >= 0 ? console->pid : 0, &pid);
	if (fd < 0)
		return;
	g_autofree char *name = smp_process_name(pid);
	g_autofree char *what = g_strdup_printf("%s (pid %d)", name, (int)pid);
	console->client = fd;
	console->pid = pid;
	tell(console, SMP_CONSOLE_CLIENT, what);
}

/* ---- all of it ---- */

enum {
	CANCEL,
	INPUT,
	PORT,
	SHARE,
	CLIENT,
	N_FDS,
};

/* poll() leaves descriptors alone that are negative. */
static void fill(const SmpConsole *console, const GPollFD *input, GPollFD *fds)
{
	SmpConsoleOut *out = console->out;
	gboolean open = console->link->is_open;
	gushort to_port = smp_console_out_is_ready(out) ? G_IO_OUT : 0;
	gushort from_client = smp_console_out_wants_lines(out) ? G_IO_IN : 0;
	gushort to_client = console->frames->len > 0 ? G_IO_OUT : 0;

	fds[CANCEL] = console->link->cancel_fd;
	fds[INPUT] = input ? *input : (GPollFD){.fd = -1};
	fds[PORT] = (GPollFD){.fd = open ? console->tty.fd : -1, .events = G_IO_IN | to_port};
	fds[SHARE] = (GPollFD){.fd = console->share ? smp_share_get_fd(console->share) : -1,
			       .events = G_IO_IN};
	/* The end of one that is not to be read from now would wake us all the time. */
	fds[CLIENT] = (GPollFD){.fd = from_client | to_client ? console->client : -1,
				.events = from_client | to_client};
}

static gboolean serve(SmpConsole *console, const GPollFD *fds, GError **error)
{
	if (fds[PORT].revents & ~G_IO_OUT && !read_port(console, error))
		return FALSE;
	if (!console->link->is_open)
		return TRUE;
	if (fds[CLIENT].revents)
		read_client(console, FALSE);
	if (fds[SHARE].revents)
		accept_client(console);
	write_client(console);
	return write_port(console, error);
}

gboolean smp_console_step(SmpConsole *console, GPollFD *input, GError **error)
{
	GPollFD fds[N_FDS];

	fill(console, input, fds);
	int timeout = console->link->is_open ? smp_console_out_get_wait(console->out) : LOOK_MS;
	if (g_poll(fds, N_FDS, timeout) < 0 && errno != EINTR)
		return smp_link_error_errno(error, errno, "cannot wait");
	if (input)
		input->revents = fds[INPUT].revents;
	if (g_cancellable_set_error_if_cancelled(console->link->cancellable, error))
		return FALSE;
	return console->link->is_open ? serve(console, fds, error) : look_for_port(console, error);
}

void smp_console_type(SmpConsole *console, const char *text, gsize length)
{
	if (!console->link->is_open)
		return;
	smp_console_out_type(console->out, text, length);
	/* What is wrong with the port is found by the next step. */
	(void)smp_console_out_write(console->out, console->tty.fd);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/pty.h"

#include "sim/garble.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Bytes on the line towards the board; more stay with the kernel, where a client sees them as not
 * sent yet. */
#define ON_LINE 256

/* A client that does not read does not get more than this. */
#define MAX_READY (64 * 1024)

static gboolean fail(GError **error, const char *what)
{
	g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(errno), "cannot %s: %s", what,
		    g_strerror(errno));
	return FALSE;
}

/* An old link is replaced, anything else that has the name is not. */
static gboolean make_link(const SimPty *pty, GError **error)
{
	if (g_file_test(pty->link, G_FILE_TEST_IS_SYMLINK))
		g_unlink(pty->link);
	if (symlink(pty->name, pty->link) == 0)
		return TRUE;
	g_autofree char *what = g_strdup_printf("make the link %s", pty->link);
	return fail(error, what);
}

gboolean sim_pty_open(SimPty *pty, GError **error)
{
	struct termios raw;

	pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (pty->master < 0 || grantpt(pty->master) != 0 || unlockpt(pty->master) != 0)
		return fail(error, "open a pty");
	g_free(pty->name);
	pty->name = g_strdup(ptsname(pty->master));
	/* Kept open, so that a client may come and go. */
	pty->slave = g_open(pty->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->slave < 0 || tcgetattr(pty->slave, &raw) != 0)
		return fail(error, "open the pty's other end");
	cfmakeraw(&raw);
	if (tcsetattr(pty->slave, TCSANOW, &raw) != 0)
		return fail(error, "make the pty raw");
	return !pty->link || make_link(pty, error);
}

void sim_pty_hang_up(SimPty *pty)
{
	if (pty->link && pty->name)
		g_unlink(pty->link);
	if (pty->slave >= 0)
		close(pty->slave);
	if (pty->master >= 0)
		close(pty->master);
	pty->slave = pty->master = -1;
	sim_lane_reset(&pty->from_client);
	sim_lane_reset(&pty->to_client);
	g_byte_array_set_size(pty->ready, 0);
}

SimPty *sim_pty_new(const char *link, guint baud, gint64 latency, GError **error)
{
	g_autoptr(SimPty) pty = g_new0(SimPty, 1);

	pty->master = pty->slave = -1;
	pty->ready = g_byte_array_new();
	sim_lane_init(&pty->from_client, baud, 0);
	sim_lane_init(&pty->to_client, baud, latency);
	pty->link = g_strdup(link);
	if (!sim_pty_open(pty, error)) {
		/* Not ours to remove. */
		g_clear_pointer(&pty->link, g_free);
		return NULL;
	}
	return g_steal_pointer(&pty);
}

void sim_pty_free(SimPty *pty)
{
	if (!pty)
		return;
	sim_pty_hang_up(pty);
	sim_lane_clear(&pty->from_client);
	sim_lane_clear(&pty->to_client);
	g_byte_array_unref(pty->ready);
	g_free(pty->name);
	g_free(pty->link);
	g_free(pty);
}

gboolean sim_pty_wants_input(const SimPty *pty)
{
	return pty->master >= 0 && pty->from_client.line->len < ON_LINE;
}

/* @lane: either direction; a client at the wrong rate is as far off in both */
static void push(SimPty *pty, SimLane *lane, const guint8 *data, gsize size, gint64 now)
{
	guint rate = pty->only_baud ? sim_port_rate(pty->slave) : 0;

	if (rate == 0 || rate == pty->only_baud) {
		sim_lane_push(lane, data, size, now);
		return;
	}
	gboolean in = lane == &pty->from_client;
	g_autoptr(GByteArray) heard =
		sim_garble(data, size, in ? rate : pty->only_baud, in ? pty->only_baud : rate);
	sim_lane_push(lane, heard->data, heard->len, now);
}

void sim_pty_read(SimPty *pty, gint64 now)
{
	guint8 buffer[4096];
	gsize room = pty->from_client.byte_ns ? ON_LINE : sizeof buffer;
	ssize_t n = read(pty->master, buffer, room);

	if (n > 0)
		push(pty, &pty->from_client, buffer, (gsize)n, now);
}

void sim_pty_write(SimPty *pty, const GByteArray *bytes, gint64 now)
{
	if (bytes->len > 0 && pty->master >= 0)
		push(pty, &pty->to_client, bytes->data, bytes->len, now);
}

gboolean sim_pty_flush(SimPty *pty, gint64 now)
{
	if (pty->master < 0)
		return TRUE;
	sim_lane_take(&pty->to_client, now, pty->ready);
	if (pty->ready->len > 0) {
		ssize_t n = write(pty->master, pty->ready->data, pty->ready->len);
		if (n > 0)
			g_byte_array_remove_range(pty->ready, 0, (guint)n);
	}
	if (pty->ready->len > MAX_READY)
		g_byte_array_set_size(pty->ready, 0);
	return pty->ready->len == 0;
}

gint64 sim_pty_next(const SimPty *pty)
{
	gint64 in = sim_lane_next(&pty->from_client);
	gint64 out = sim_lane_next(&pty->to_client);

	return in < 0 || out < 0 ? MAX(in, out) : MIN(in, out);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pty-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

struct PtyPeer {
	int master;
	int slave; /* kept open, so that the board outlives its clients */
	char *path;
	SmpFraming framing;
	GThread *thread;
	GMutex lock;
	GCond came;
	GByteArray *seen;
	gint64 first, last;
	gint64 span;
	int quit;
	int mute;
	int stall;
};

static void answer(const guint8 *packet, gsize size, gpointer user_data)
{
	PtyPeer *peer = user_data;
	g_autoptr(GByteArray) frame = g_byte_array_new();
	g_autofree guint8 *copy = g_memdup2(packet, size);

	if (g_atomic_int_get(&peer->mute))
		return;
	copy[0] |= 1;
	smp_frame(peer->framing, copy, size, frame);
	pty_peer_write(peer, frame->data, frame->len);
}

static void note(PtyPeer *peer, const guint8 *data, gsize size)
{
	g_mutex_lock(&peer->lock);
	peer->last = g_get_monotonic_time();
	if (peer->seen->len == 0)
		peer->first = peer->last;
	g_byte_array_append(peer->seen, data, (guint)size);
	g_cond_broadcast(&peer->came);
	g_mutex_unlock(&peer->lock);
}

static gpointer run(gpointer data)
{
	PtyPeer *peer = data;
	g_autoptr(SmpDecoder) decoder = smp_decoder_new(peer->framing, answer, NULL, peer);

	while (!g_atomic_int_get(&peer->quit)) {
		struct pollfd fd = {.fd = peer->master, .events = POLLIN};
		guint8 buffer[4096];

		if (g_atomic_int_get(&peer->stall)) {
			g_usleep(1000);
			continue;
		}
		if (poll(&fd, 1, 5) <= 0)
			continue;
		ssize_t n = read(peer->master, buffer, sizeof(buffer));
		if (n <= 0)
			continue;
		/* In this order: what was taken has been dealt with. */
		smp_decoder_feed(decoder, buffer, (gsize)n);
		note(peer, buffer, (gsize)n);
	}
	return NULL;
}

/* Boards do not echo. */
static void make_raw(int fd)
{
	struct termios tio;

	g_assert_cmpint(tcgetattr(fd, &tio), ==, 0);
	cfmakeraw(&tio);
	g_assert_cmpint(tcsetattr(fd, TCSANOW, &tio), ==, 0);
}

PtyPeer *pty_peer_new(SmpFraming framing)
{
	PtyPeer *peer = g_new0(PtyPeer, 1);

	peer->framing = framing;
	peer->seen = g_byte_array_new();
	g_mutex_init(&peer->lock);
	g_cond_init(&peer->came);
	peer->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	g_assert_cmpint(peer->master, >=, 0);
	g_assert_cmpint(grantpt(peer->master), ==, 0);
	g_assert_cmpint(unlockpt(peer->master), ==, 0);
	peer->path = g_strdup(ptsname(peer->master));
	peer->slave = open(peer->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	g_assert_cmpint(peer->slave, >=, 0);
	make_raw(peer->slave);
	peer->thread = g_thread_new("board", run, peer);
	return peer;
}

void pty_peer_hang_up(PtyPeer *peer)
{
	if (!peer->thread)
		return;
	g_atomic_int_set(&peer->quit, TRUE);
	g_thread_join(g_steal_pointer(&peer->thread));
	close(peer->master);
	close(peer->slave);
}

void pty_peer_free(PtyPeer *peer)
{
	if (!peer)
		return;
	pty_peer_hang_up(peer);
	g_byte_array_unref(peer->seen);
	g_mutex_clear(&peer->lock);
	g_cond_clear(&peer->came);
	g_free(peer->path);
	g_free(peer);
}

const char *pty_peer_path(PtyPeer *peer)
{
	return peer->path;
}

void pty_peer_mute(PtyPeer *peer, gboolean mute)
{
	g_atomic_int_set(&peer->mute, mute);
}

void pty_peer_stall(PtyPeer *peer, gboolean stall)
{
	g_atomic_int_set(&peer->stall, stall);
}

void pty_peer_write(PtyPeer *peer, const void *data, gsize size)
{
	while (size > 0) {
		ssize_t n = write(peer->master, data, size);

		if (n < 0) {
			g_assert_cmpint(errno, ==, EINTR);
			continue;
		}
		data = (const guint8 *)data + n;
		size -= (gsize)n;
	}
}

GByteArray *pty_peer_take(PtyPeer *peer, gsize size)
{
	gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

	g_mutex_lock(&peer->lock);
	while (peer->seen->len < size && g_cond_wait_until(&peer->came, &peer->lock, deadline))
		;
	GByteArray *seen = g_steal_pointer(&peer->seen);
	peer->seen = g_byte_array_new();
	peer->span = peer->last - peer->first;
	g_mutex_unlock(&peer->lock);
	return seen;
}

void pty_peer_skip(PtyPeer *peer, gsize size)
{
	g_byte_array_unref(pty_peer_take(peer, size));
}

gint64 pty_peer_span(PtyPeer *peer)
{
	return peer->span;
}

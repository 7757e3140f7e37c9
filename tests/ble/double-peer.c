/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A board behind the double's descriptors: fragments as Zephyr's smp_bt.c and smp_reassembly.c take
 * and send them, smpsim's board for the rest. */

#include "double-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <smp/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What BlueZ 5.66 hands on of one write. */
#define BLUEZ_CUT 512

static void pump(Peer *peer);

guint16 peer_mtu(const Peer *peer)
{
	return peer->is.mtu ? peer->is.mtu : 23;
}

static gboolean on_timer(gpointer user_data)
{
	pump(user_data);
	return G_SOURCE_REMOVE;
}

static void clear_source(GSource **source)
{
	if (!*source)
		return;
	g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

static void set_timer(Peer *peer, gint64 when)
{
	clear_source(&peer->timer);
	if (when < 0)
		return;
	peer->timer = g_timeout_source_new(0);
	g_source_set_ready_time(peer->timer, when);
	g_source_set_callback(peer->timer, on_timer, peer, NULL);
	g_source_attach(peer->timer, peer->bluez->context);
}

/* Waits where the socket is full, as the air does. */
static void notify(Peer *peer, const guint8 *data, gsize size)
{
	gsize piece = peer->is.piece ? peer->is.piece : peer_mtu(peer) - 3U;

	for (gsize at = 0; at < size && peer->notify_fd >= 0; at += piece) {
		gsize n = MIN(piece, size - at);

		while (send(peer->notify_fd, data + at, n, MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN)
				return;
			g_usleep(1000);
		}
	}
}

static void send_answers(Peer *peer, gint64 now)
{
	g_autoptr(GByteArray) answers = g_byte_array_new();

	while (sim_board_take_reply(peer->sim, now, answers)) {
		if (peer->is.both)
			continue;
		notify(peer, answers->data, answers->len);
		g_byte_array_set_size(answers, 0);
	}
	notify(peer, answers->data, answers->len);
}

static gboolean is_up(Peer *peer, gint64 now)
{
	SimState state = sim_board_state(peer->sim, now);

	return state == SIM_STATE_APP && !peer->is.off;
}

/* Lets the board do what is due; when it restarts, the link goes. */
static void pump(Peer *peer)
{
	gint64 now = g_get_monotonic_time();

	sim_board_advance(peer->sim, now);
	send_answers(peer, now);
	gboolean up = is_up(peer, now);
	if (peer->was_up && !up) {
		peer->generation++;
		peer_lose_link(peer);
	} else if (!peer->was_up && up) {
		peer_advertise(peer);
	}
	peer->was_up = up;
	set_timer(peer, sim_board_next_event(peer->sim));
}

static void take_packet(Peer *peer, const guint8 *data, gsize size)
{
	gint64 now = g_get_monotonic_time();

	if (++peer->requests == peer->is.drop_at) {
		peer->is.drop_at = 0;
		peer_lose_link(peer);
		return;
	}
	sim_board_receive(peer->sim, data, size, 0, now);
	pump(peer);
}

static gsize announced(const GByteArray *partial)
{
	SmpHeader header;

	smp_header_read(partial->data, &header);
	return SMP_HEADER_SIZE + header.length;
}

/* Zephyr smp_reassembly.c: what does not fit is dropped, and with it what was there. */
static void take_fragment(Peer *peer, const guint8 *data, gsize size)
{
	GByteArray *partial = peer->partial;

	if (partial->len == 0 && size < SMP_HEADER_SIZE)
		return;
	g_byte_array_append(partial, data, (guint)size);
	gsize whole = announced(partial);
	if (whole > sim_board_buf_size(peer->sim) || partial->len > whole) {
		g_byte_array_set_size(partial, 0);
	} else if (partial->len == whole) {
		g_autofree guint8 *packet = g_memdup2(partial->data, whole);

		g_byte_array_set_size(partial, 0);
		take_packet(peer, packet, whole);
	}
}

static gboolean on_write(gint fd, GIOCondition condition, gpointer user_data)
{
	Peer *peer = user_data;
	DoubleCounts *counts = &peer->bluez->counts;
	guint8 data[1024];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	if (n <= 0) {
		peer_close_write(peer);
		return G_SOURCE_REMOVE;
	}
	counts->writes++;
	counts->longest_write = MAX(counts->longest_write, (gsize)n);
	n = MIN(n, MIN(BLUEZ_CUT, peer_mtu(peer) - 3));
	if (peer->partial->len > 0 && peer->is.lose_piece > 0 && --peer->is.lose_piece == 0)
		return G_SOURCE_CONTINUE;
	/* A board answers nobody who has not subscribed. */
	if (peer->notify_fd < 0)
		return G_SOURCE_CONTINUE;
	if (peer->is.no_reassembly)
		take_packet(peer, data, (gsize)n);
	else
		take_fragment(peer, data, (gsize)n);
	return G_SOURCE_CONTINUE;
}

static gboolean on_notify_closed(gint fd, GIOCondition condition, gpointer user_data)
{
	peer_close_notify(user_data);
	return G_SOURCE_REMOVE;
}

static void watch(Peer *peer, GSource **source, int fd, GIOCondition condition,
		  GUnixFDSourceFunc func)
{
	*source = g_unix_fd_source_new(fd, condition);
	g_source_set_callback(*source, G_SOURCE_FUNC(func), peer, NULL);
	g_source_attach(*source, peer->bluez->context);
}

static int make_pair(int *ours)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		g_error("socketpair: %s", g_strerror(errno));
	*ours = fds[0];
	return fds[1];
}

int peer_acquire_notify(Peer *peer, const char *owner)
{
	g_autofree char *path = peer_characteristic(peer);
	int theirs = make_pair(&peer->notify_fd);

	watch(peer, &peer->notify_watch, peer->notify_fd, G_IO_HUP, on_notify_closed);
	peer->notify_owner = g_strdup(owner);
	peer->bluez->counts.acquired++;
	double_set(peer->bluez, path, CHARACTERISTIC, "NotifyAcquired",
		   g_variant_new_boolean(TRUE));
	return theirs;
}

int peer_acquire_write(Peer *peer)
{
	int theirs = make_pair(&peer->write_fd);

	watch(peer, &peer->write_watch, peer->write_fd, G_IO_IN, on_write);
	peer->bluez->counts.acquired++;
	return theirs;
}

/* The subscription ends: half a packet is dropped. */
void peer_close_notify(Peer *peer)
{
	g_autofree char *path = peer_characteristic(peer);

	if (peer->notify_fd < 0)
		return;
	clear_source(&peer->notify_watch);
	close(peer->notify_fd);
	peer->notify_fd = -1;
	g_clear_pointer(&peer->notify_owner, g_free);
	g_byte_array_set_size(peer->partial, 0);
	peer->bluez->counts.acquired--;
	double_set(peer->bluez, path, CHARACTERISTIC, "NotifyAcquired",
		   g_variant_new_boolean(FALSE));
}

void peer_close_write(Peer *peer)
{
	if (peer->write_fd < 0)
		return;
	clear_source(&peer->write_watch);
	close(peer->write_fd);
	peer->write_fd = -1;
	peer->bluez->counts.acquired--;
}

void peer_close_fds(Peer *peer)
{
	peer_close_notify(peer);
	peer_close_write(peer);
}

void peer_init(Peer *peer, BluezDouble *bluez, const DoubleBoard *board, const SimConfig *config)
{
	g_autoptr(GError) error = NULL;

	*peer = (Peer){
		.bluez = bluez, .is = *board, .notify_fd = -1, .write_fd = -1, .service = 10};
	g_strlcpy(peer->address, board->address, sizeof(peer->address));
	peer->partial = g_byte_array_new();
	peer->sim = sim_board_new(config, NULL, g_get_monotonic_time(), &error);
	g_assert_no_error(error);
	peer->was_up = !board->off;
}

void peer_clear(Peer *peer)
{
	peer_close_fds(peer);
	clear_source(&peer->timer);
	g_byte_array_unref(peer->partial);
	sim_board_free(peer->sim);
	g_free(peer->path);
}

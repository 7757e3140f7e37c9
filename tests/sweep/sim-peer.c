/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim-peer.h"

#define STEP (10 * G_TIME_SPAN_MILLISECOND)

static gboolean answers(SimPeer *peer, gint64 now)
{
	SimState state = sim_board_state(peer->board, now);

	return (state == SIM_STATE_APP || state == SIM_STATE_RECOVERY) &&
	       sim_board_link_is_up(peer->board, now);
}

/* Hands on what the board sent, and takes the link away where the board went. */
static void run(gpointer data, SmpLink *link, gint64 now)
{
	SimPeer *peer = data;
	g_autoptr(GByteArray) reply = g_byte_array_new();

	sim_board_advance(peer->board, now);
	while (sim_board_take_reply(peer->board, now, reply)) {
		smp_test_link_reply(link, reply->data, reply->len, now);
		g_byte_array_set_size(reply, 0);
	}
	if (peer->vanishes && !answers(peer, now))
		smp_test_link_cut(link);
}

static void receive(gpointer data, SmpLink *link, const guint8 *packet, gsize size, gint64 now)
{
	SimPeer *peer = data;
	guint64 number = ++peer->requests;

	if (number == peer->kill_before) {
		sim_peer_kill(peer);
		return;
	}
	sim_board_advance(peer->board, now);
	if (peer->watch)
		peer->watch(packet, size, peer->watch_data);
	sim_board_receive(peer->board, packet, size, 0, now);
	run(peer, link, now);
	if (number == peer->kill_after)
		sim_peer_kill(peer);
}

static gint64 next_event(gpointer data)
{
	return sim_board_next_event(((SimPeer *)data)->board);
}

static gboolean reopen(gpointer data, gint64 now)
{
	SimPeer *peer = data;

	return !peer->vanishes || answers(peer, now);
}

static const SmpTestPeer peer_class = {
	.receive = receive,
	.next_event = next_event,
	.run = run,
	.reopen = reopen,
};

void sim_peer_init(SimPeer *peer, SimBoard *board, gboolean vanishes)
{
	*peer = (SimPeer){
		.board = board, .vanishes = vanishes, .now = G_TIME_SPAN_SECOND, .link = NULL};
}

void sim_peer_clear(SimPeer *peer)
{
	sim_peer_disconnect(peer);
	g_clear_pointer(&peer->board, sim_board_free);
}

SmpLink *sim_peer_connect(SimPeer *peer)
{
	/* Nothing that an earlier client asked for reaches this one. */
	sim_peer_sleep(peer, 0);
	peer->link = smp_test_link_new(&peer_class, peer);
	peer->cancellable = g_cancellable_new();
	peer->killed = FALSE;
	smp_test_link_advance(peer->link, peer->now - smp_link_now(peer->link));
	smp_link_set_cancellable(peer->link, peer->cancellable);
	if (!smp_link_open(peer->link, NULL))
		g_assert_not_reached();
	if (peer->vanishes && !answers(peer, peer->now))
		smp_test_link_cut(peer->link);
	return peer->link;
}

void sim_peer_disconnect(SimPeer *peer)
{
	if (!peer->link)
		return;
	peer->now = smp_link_now(peer->link);
	g_clear_pointer(&peer->link, smp_link_free);
	g_clear_object(&peer->cancellable);
}

void sim_peer_kill(SimPeer *peer)
{
	peer->killed = TRUE;
	g_cancellable_cancel(peer->cancellable);
}

void sim_peer_sleep(SimPeer *peer, gint64 duration)
{
	g_autoptr(GByteArray) lost = g_byte_array_new();

	g_assert_null(peer->link);
	peer->now += duration;
	sim_board_advance(peer->board, peer->now);
	while (sim_board_take_reply(peer->board, peer->now, lost))
		g_byte_array_set_size(lost, 0);
}

gboolean sim_peer_settle(SimPeer *peer, gint64 limit)
{
	gint64 end = peer->now + limit;

	while (!answers(peer, peer->now) && peer->now < end)
		sim_peer_sleep(peer, STEP);
	return answers(peer, peer->now);
}

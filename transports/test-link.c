/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "test-link.h"

#include <smp/packet.h>

#define REOPEN_STEP (100 * G_TIME_SPAN_MILLISECOND)

typedef struct {
	gint64 when;
	GBytes *packet;
} Reply;

typedef struct {
	SmpLink parent;
	const SmpTestPeer *peer;
	gpointer data;
	gint64 now;
	gboolean open;
	gsize max_packet;
	guint max_outstanding;
	GQueue replies; /* of Reply, by time */
} TestLink;

static void reply_free(gpointer data)
{
	g_bytes_unref(((Reply *)data)->packet);
	g_free(data);
}

/* Of replies at the same time the one that was sent first comes first. */
static gint compare_replies(gconstpointer a, gconstpointer b, gpointer user_data G_GNUC_UNUSED)
{
	gint64 x = ((const Reply *)a)->when, y = ((const Reply *)b)->when;
	return x <= y ? -1 : 1;
}

void smp_test_link_reply(SmpLink *link, const guint8 *packet, gsize size, gint64 when)
{
	TestLink *test = (TestLink *)link;
	Reply *reply = g_new(Reply, 1);

	*reply = (Reply){when, g_bytes_new(packet, size)};
	g_queue_insert_sorted(&test->replies, reply, compare_replies, NULL);
}

void smp_test_link_cut(SmpLink *link)
{
	TestLink *test = (TestLink *)link;

	test->open = FALSE;
	g_queue_clear_full(&test->replies, reply_free);
}

void smp_test_link_set_limits(SmpLink *link, gsize max_packet, guint max_outstanding)
{
	TestLink *test = (TestLink *)link;

	test->max_packet = max_packet;
	test->max_outstanding = max_outstanding;
}

static gboolean check_cancelled(SmpLink *link, GError **error)
{
	return link->cancellable && g_cancellable_set_error_if_cancelled(link->cancellable, error);
}

/* Lets the peer do what falls due until @until, until a reply is there, or until it cancels. */
static void run_peer(TestLink *test, gint64 until)
{
	const SmpTestPeer *peer = test->peer;

	while (peer->next_event) {
		gint64 event = peer->next_event(test->data);
		Reply *reply = g_queue_peek_head(&test->replies);
		if (event < 0 || event > until || (reply && reply->when <= event) ||
		    g_cancellable_is_cancelled(test->parent.cancellable))
			return;
		test->now = MAX(test->now, event);
		peer->run(test->data, &test->parent, test->now);
	}
}

void smp_test_link_advance(SmpLink *link, gint64 us)
{
	TestLink *test = (TestLink *)link;
	gint64 until = test->now + us;

	run_peer(test, until);
	if (!g_cancellable_is_cancelled(link->cancellable))
		test->now = until;
}

static gboolean test_open(SmpLink *link, GError **error G_GNUC_UNUSED)
{
	((TestLink *)link)->open = TRUE;
	return TRUE;
}

static void test_close(SmpLink *link)
{
	smp_test_link_cut(link);
}

static gboolean test_reopen(SmpLink *link, gint64 deadline, GError **error)
{
	TestLink *test = (TestLink *)link;

	smp_test_link_cut(link);
	while (test->peer->reopen && !test->peer->reopen(test->data, test->now)) {
		if (check_cancelled(link, error))
			return FALSE;
		if (test->now >= deadline) {
			g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT,
					    "the board did not come back");
			return FALSE;
		}
		smp_test_link_advance(link, REOPEN_STEP);
	}
	test->open = TRUE;
	return TRUE;
}

static gboolean is_open(TestLink *test, GError **error)
{
	if (!test->open)
		g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED,
				    "the board went away");
	return test->open;
}

static gboolean test_send(SmpLink *link, const guint8 *packet, gsize size,
			  gint64 deadline G_GNUC_UNUSED, GError **error)
{
	TestLink *test = (TestLink *)link;

	if (check_cancelled(link, error) || !is_open(test, error))
		return FALSE;
	test->peer->receive(test->data, link, packet, size, test->now);
	return TRUE;
}

static gboolean test_receive(SmpLink *link, GByteArray *packet, gint64 deadline, GError **error)
{
	TestLink *test = (TestLink *)link;

	if (check_cancelled(link, error))
		return FALSE;
	run_peer(test, deadline);
	if (check_cancelled(link, error) || !is_open(test, error))
		return FALSE;
	Reply *reply = g_queue_peek_head(&test->replies);
	if (!reply || reply->when > deadline) {
		test->now = MAX(test->now, deadline);
		g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT, "nothing came");
		return FALSE;
	}
	gsize size;
	const guint8 *data = g_bytes_get_data(reply->packet, &size);
	test->now = MAX(test->now, reply->when);
	g_byte_array_set_size(packet, 0);
	g_byte_array_append(packet, data, (guint)size);
	reply_free(g_queue_pop_head(&test->replies));
	return TRUE;
}

static gboolean test_resync(SmpLink *link, GError **error)
{
	TestLink *test = (TestLink *)link;

	if (!is_open(test, error))
		return FALSE;
	if (test->peer->resync)
		test->peer->resync(test->data, test->now);
	return TRUE;
}

static gsize test_max_packet(SmpLink *link, gsize buf_size)
{
	TestLink *test = (TestLink *)link;
	return test->max_packet ? test->max_packet : buf_size > 4 ? buf_size - 4 : 256;
}

static guint test_max_outstanding(SmpLink *link, guint buf_count)
{
	TestLink *test = (TestLink *)link;
	return test->max_outstanding ? test->max_outstanding : buf_count > 2 ? buf_count - 1 : 1;
}

static char *test_describe(SmpLink *link G_GNUC_UNUSED)
{
	return g_strdup("test");
}

static gint64 test_now(SmpLink *link)
{
	return ((TestLink *)link)->now;
}

static gboolean test_sleep(SmpLink *link, gint64 until, GError **error)
{
	TestLink *test = (TestLink *)link;

	if (until > test->now)
		smp_test_link_advance(link, until - test->now);
	return !check_cancelled(link, error);
}

static void test_free(SmpLink *link)
{
	smp_test_link_cut(link);
}

static const SmpLinkClass test_class = {
	.open = test_open,
	.close = test_close,
	.reopen = test_reopen,
	.send = test_send,
	.receive = test_receive,
	.recover = test_resync,
	.resync = test_resync,
	.max_packet = test_max_packet,
	.max_outstanding = test_max_outstanding,
	.describe = test_describe,
	.identity = test_describe,
	.free = test_free,
	.now = test_now,
	.sleep = test_sleep,
};

SmpLink *smp_test_link_new(const SmpTestPeer *peer, gpointer data)
{
	TestLink *test = g_new0(TestLink, 1);

	smp_link_init(&test->parent, &test_class, "test:");
	test->peer = peer;
	test->data = data;
	/* Not 0: a time stamp of 0 must not look like none. */
	test->now = G_TIME_SPAN_SECOND;
	g_queue_init(&test->replies);
	return &test->parent;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a transfer gets over errors, lost connections and servers that lost their place. */

#include "update/reconnect.h"
#include "update/transfer-private.h"

#define MAX_RESTARTS 5	/* from the beginning */
#define MAX_BUSY     20 /* answers that ask to wait, in a row */

/* What servers without enough memory take (Zephyr before 3.1, Mynewt: 512 data bytes). */
#define SMALL_CHUNK 512

/* A server that cannot take a packet of this size has other troubles. */
#define SMALL_PACKET 128

void smp_transfer_go_on(SmpTransferRun *t, guint64 offset)
{
	smp_flights_forget(&t->traffic.flights, t->session);
	t->begun = offset > 0;
	t->offset = offset;
	t->next = offset;
	t->highest = MAX(t->highest, offset);
	t->timeouts = 0;
	t->heard = smp_link_now(t->link);
}

gboolean smp_transfer_stalled(SmpTransferRun *t, GError **error, const char *how)
{
	g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_STALLED,
		    "cannot upload %s: the board %s at %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
		    " bytes",
		    t->transfer->what, how, t->offset, t->transfer->size);
	return FALSE;
}

/* Starting over destroys what is complete, so where all was sent once, look first. */
static gboolean look_for_whole(SmpTransferRun *t, gboolean *whole, GError **error)
{
	*whole = FALSE;
	if (t->highest < t->transfer->size || !t->transfer->is_complete)
		return TRUE;
	if (!t->transfer->is_complete(t->transfer->context, t->session, whole, error))
		return FALSE;
	if (*whole) {
		t->begun = TRUE;
		t->offset = t->transfer->size;
	}
	return TRUE;
}

gboolean smp_transfer_start_over(SmpTransferRun *t, GError **error)
{
	if (++t->restarts > MAX_RESTARTS)
		return smp_transfer_stalled(t, error, "loses its place again and again");
	smp_transfer_go_on(t, 0);
	t->highest = 0;
	return TRUE;
}

/* The server says 0 in the middle: it was reset, another upload began, or the transfer is complete
 * and the answer that said so was lost. */
gboolean smp_transfer_lost_place(SmpTransferRun *t, GError **error)
{
	gboolean whole;

	smp_flights_forget(&t->traffic.flights, t->session);
	if (!look_for_whole(t, &whole, error))
		return FALSE;
	if (whole)
		return TRUE;
	return smp_transfer_start_over(t, error);
}

/* Where files are concerned the error says where the server is. What was acknowledged is there, and
 * nothing that was not sent; anything else is another file. */
static gboolean take_place(SmpTransferRun *t, const GError *cause, GError **error)
{
	guint64 offset;

	if (!t->transfer->place(t->transfer->context, t->session, cause, &offset, error)) {
		g_prefix_error(error, "cannot upload %s: ", t->transfer->what);
		return FALSE;
	}
	if (offset < t->offset || offset > t->highest)
		return smp_transfer_start_over(t, error);
	t->refusals = offset == t->offset ? t->refusals + 1 : 0;
	if (t->refusals > SMP_TRANSFER_MAX_REFUSALS)
		return smp_transfer_stalled(t, error, "does not move on");
	t->traffic.flights.lost++;
	smp_transfer_go_on(t, offset);
	return TRUE;
}

/* Errors that ask for less: fewer requests at once, smaller ones, later ones. Others end it. */
gboolean smp_transfer_take_error(SmpTransferRun *t, const SmpFlight *flight, const GError *cause,
				 GError **error)
{
	gsize data = flight ? (gsize)(flight->end - flight->offset) : 0;

	t->heard = smp_link_now(t->link);
	if (smp_error_is_device(cause, SMP_GROUP_NONE, SMP_RC_ENOMEM) && t->busy < MAX_BUSY) {
		t->busy++;
		smp_window_lost(&t->traffic.window, SMP_LOSS_SYSTEMATIC, t->heard);
	} else if (smp_error_is_device(cause, SMP_GROUP_NONE, SMP_RC_EBUSY) && t->busy < MAX_BUSY) {
		t->busy++;
		if (!smp_link_sleep(t->link, t->heard + 100 * G_TIME_SPAN_MILLISECOND, error))
			return FALSE;
	} else if (smp_error_is_device(cause, SMP_GROUP_NONE, SMP_RC_EINVAL) && !t->max_data &&
		   data > SMALL_CHUNK) {
		t->max_data = SMALL_CHUNK;
	} else if (smp_error_is_device(cause, SMP_GROUP_NONE, SMP_RC_ECORRUPT) &&
		   t->max_packet > SMALL_PACKET) {
		t->max_packet = MAX(t->max_packet / 2, SMALL_PACKET);
	} else if (t->transfer->place && t->begun) {
		return take_place(t, cause, error);
	} else {
		g_propagate_prefixed_error(error, g_error_copy(cause),
					   "cannot upload %s: ", t->transfer->what);
		return FALSE;
	}
	/* Any error ends the server's session with an image. A file it appends to. */
	smp_transfer_go_on(t, t->transfer->locate ? t->offset : 0);
	return TRUE;
}

/* A new conversation, perhaps with a server that started anew. */
static gboolean locate(SmpTransferRun *t, GError **error)
{
	guint64 offset;

	if (!t->transfer->locate)
		return TRUE;
	if (!t->transfer->locate(t->transfer->context, t->session, &offset, error))
		return FALSE;
	t->highest = 0;
	smp_transfer_go_on(t, offset);
	return TRUE;
}

static void tell(gpointer context, const char *waiting)
{
	smp_transfer_tell(context, waiting);
}

static gboolean resume(gpointer context, GError **error)
{
	SmpTransferRun *t = context;
	gboolean whole;

	smp_transfer_go_on(t, 0);
	if (!smp_transfer_learn_server(t, error) || !look_for_whole(t, &whole, error) ||
	    !locate(t, error))
		return FALSE;
	t->heard = smp_link_now(t->link);
	return TRUE;
}

gboolean smp_transfer_reconnect(SmpTransferRun *t, GError **error)
{
	static const SmpReconnect reconnect = {.tell = tell, .resume = resume};

	return smp_reconnect(t->session, t->options, &reconnect, t, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The windowed transfer. The server's offset is the truth at every answer (protocol: Zephyr
 * img_mgmt.c, MCUboot boot_serial.c): what it says it wants is sent next, whatever was sent before.
 */

#include "update/transfer-private.h"

#include "protocol/cbor.h"

#define FIRST_TIMEOUT_MS 60000

/* The first request may make the server erase the slot. A copy of it is harmless, but takes a
 * buffer, and recovery erases again. So there is one soon, and the next not before long. */
#define FIRST_REPEAT	   (4 * G_TIME_SPAN_SECOND)
#define FIRST_REPEAT_LATER (32 * G_TIME_SPAN_SECOND)

/* A file is opened sooner. What has to be done before each repeat takes away the answer to those
 * before it, so a slow board is given more time with each. */
#define OPEN_REPEAT (2 * G_TIME_SPAN_SECOND)

/* Silence after which the board is given up: later requests, and the last, whose answer may wait
 * for a flush, a hash or (encrypted images in recovery) a decryption. */
#define SILENCE	     (15 * G_TIME_SPAN_SECOND)
#define LAST_SILENCE (30 * G_TIME_SPAN_SECOND)

/* After so much silence a wait is worth mentioning. */
#define QUIET (700 * G_TIME_SPAN_MILLISECOND)

/* A board that loses what it hears while it erases shows that within two pages of 4 KiB. */
#define PROOF 6144

/* Data bytes of a request that may be lost. */
#define TRIAL 256

#define MAX_IN_FLIGHT 16
#define MAX_RETURNS   10 /* of a board that went away */

/* MCUboot's recovery and flash drivers write in units of up to 32 bytes. */
#define ALIGNMENT 32

void smp_transfer_tell(SmpTransferRun *t, const char *waiting)
{
	if (!t->options || !t->options->progress)
		return;
	gint64 elapsed = smp_link_now(t->link) - t->started;
	SmpUploadProgress progress = {
		.offset = t->offset,
		.size = t->transfer->size,
		.resumed_at = t->result->resumed_at,
		.waiting = waiting,
	};
	if (elapsed > 0 && t->offset > progress.resumed_at)
		progress.rate = (double)(t->offset - progress.resumed_at) * G_TIME_SPAN_SECOND /
				(double)elapsed;
	t->options->progress(&progress, t->options->user_data);
}

gboolean smp_transfer_learn_server(SmpTransferRun *t, GError **error)
{
	SmpParams params;

	if (!smp_session_get_params(t->session, &params, error) ||
	    !smp_session_get_max_packet(t->session, &t->max_packet, error))
		return FALSE;
	guint window = smp_link_max_outstanding(t->link, params.buf_count);
	if (t->options && t->options->window)
		window = MIN(window, t->options->window);
	t->window_cap = MIN(window, MAX_IN_FLIGHT);
	smp_window_init(&t->traffic.window, t->window_cap,
			t->options ? t->options->learned_window : 0, smp_link_now(t->link));
	return TRUE;
}

gsize smp_transfer_room(gsize room)
{
	gsize size = room - (smp_cbor_head_size(room) - 1);

	/* A shorter string may have a shorter head. */
	return smp_cbor_head_size(size + 1) + size <= room ? size + 1 : size;
}

/* Data bytes that fit a request at @offset: encoded without data, the rest is room. */
static gsize chunk_size(SmpTransferRun *t, guint64 offset)
{
	const SmpTransfer *transfer = t->transfer;

	transfer->encode(transfer->context, t->packet, offset, NULL, 0);
	if (t->packet->len >= t->max_packet)
		return 0;
	gsize size = smp_transfer_room(t->max_packet - t->packet->len);
	if (t->max_data)
		size = MIN(size, t->max_data);
	if (offset + size >= transfer->size)
		return (gsize)(transfer->size - offset);
	if (t->align && size > ALIGNMENT)
		size -= (gsize)((offset + size) % ALIGNMENT);
	return size;
}

static gboolean send_chunk(SmpTransferRun *t, GError **error)
{
	const SmpTransfer *transfer = t->transfer;
	gsize size = chunk_size(t, t->next);
	guint8 sequence;
	gboolean trial = smp_traffic_get_risk(&t->traffic, t->result->chunk) == SMP_RISK_TRIAL;

	if (size == 0 && transfer->size > 0) {
		g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_STALLED,
			    "cannot upload %s: packets of %" G_GSIZE_FORMAT
			    " bytes leave no room for data; %s%s%sthe board's buffers or the mtu "
			    "are too small",
			    transfer->what, t->max_packet, transfer->label ? "the " : "",
			    transfer->label ? transfer->label : "",
			    transfer->label ? " is too long, or " : "");
		return FALSE;
	}
	if (trial)
		size = MIN(size, TRIAL);
	if (!t->begun && transfer->begin && !transfer->begin(transfer->context, t->session, error))
		return FALSE;
	transfer->encode(transfer->context, t->packet, t->next, transfer->data + t->next, size);
	if (t->traffic.resync && !smp_link_resync(t->link, error))
		return FALSE;
	t->traffic.resync = FALSE;
	if (!smp_session_send(t->session, t->packet, &sequence, error))
		return FALSE;
	SmpFlight flight = {
		.sequence = sequence,
		.offset = t->next,
		.end = t->next + size,
		.sent_at = smp_link_now(t->link),
		.size = t->packet->len,
		.trial = trial,
	};
	smp_flights_add(&t->traffic.flights, t->session, flight);
	t->next += size;
	t->highest = MAX(t->highest, t->next);
	t->result->sent += size;
	t->result->chunk = MAX(t->result->chunk, size);
	t->result->window = MAX(t->result->window, smp_flights_expected(&t->traffic.flights));
	return TRUE;
}

/* The first request goes alone: it may erase, and its answer says where to go on. */
static guint window_now(const SmpTransferRun *t)
{
	return t->begun && t->timeouts == 0 ? t->traffic.window.size : 1;
}

static gboolean may_send(SmpTransferRun *t)
{
	if (t->traffic.flights.hold_until || (t->begun && t->next >= t->transfer->size))
		return FALSE;
	if (smp_traffic_get_risk(&t->traffic, t->result->chunk) == SMP_RISK_LOSS)
		return FALSE;
	guint expected = smp_flights_expected(&t->traffic.flights);
	if (expected >= window_now(t))
		return FALSE;
	if (t->timeouts > 0)
		return smp_session_may_repeat(t->session);
	/* Where losses happen, one of the server's buffers stays free for the next repeat. */
	guint spare = expected > 0 && expected < t->traffic.flights.n;
	return smp_session_room(t->session) > spare;
}

static gboolean fill_window(SmpTransferRun *t, GError **error)
{
	while (may_send(t)) {
		if (!send_chunk(t, error))
			return FALSE;
		if (!t->begun)
			break;
	}
	return TRUE;
}

/* Where a copy of the first request is still in flight, the server may be erasing once more. */
static gint64 patience(const SmpTransferRun *t)
{
	const SmpFlight *oldest = smp_flights_oldest(&t->traffic.flights);

	return oldest && oldest->offset == 0 ? t->erased + t->erased / 4 : 0;
}

/* When the oldest request in flight is taken for lost; before the first answer: when to send it
 * once more. */
static gint64 flight_deadline(SmpTransferRun *t)
{
	const SmpFlight *oldest = smp_flights_oldest(&t->traffic.flights);

	if (!oldest)
		return smp_link_now(t->link) + SMP_TRANSFER_TICK;
	if (!t->begun && t->transfer->begin)
		return oldest->sent_at + (OPEN_REPEAT << MIN(t->repeats, 5));
	if (!t->begun)
		return t->traffic.flights.list[t->traffic.flights.n - 1].sent_at +
		       (t->traffic.flights.n == 1 ? FIRST_REPEAT : FIRST_REPEAT_LATER);
	gint64 wait = smp_session_get_rto_for(t->session, oldest->size) << MIN(t->timeouts, 5);
	if (smp_pages_erases(&t->traffic.pages, oldest->offset, oldest->end))
		wait += t->traffic.pages.longest;
	if (t->traffic.flights.hold_until)
		return t->traffic.flights.hold_until;
	/* Each answer begins it anew (RFC 6298 5.3): those after it wait for the same erase. */
	return MAX(MAX(oldest->sent_at, t->heard) + wait, t->heard + patience(t));
}

static gint64 silence_allowed(const SmpTransferRun *t)
{
	gint64 silence = SILENCE;

	if (!t->begun) {
		guint ms = t->options ? t->options->first_timeout_ms : 0;
		silence = (ms ? ms : FIRST_TIMEOUT_MS) * G_TIME_SPAN_MILLISECOND;
	} else if (t->highest >= t->transfer->size) {
		silence = LAST_SILENCE;
	}
	silence = MAX(silence, SILENCE + patience(t));
	return MAX(silence, smp_session_get_timeout(t->session) * G_TIME_SPAN_MILLISECOND);
}

static gboolean take_flight(SmpTransferRun *t, guint8 sequence, SmpFlight *flight)
{
	return smp_traffic_take(&t->traffic, t->session, sequence, t->begun ? t->heard : 0,
				smp_link_now(t->link), flight);
}

/* The server did not take a chunk that it wanted, or only a part. */
static gboolean check_refusal(SmpTransferRun *t, const SmpFlight *flight, guint64 offset,
			      GError **error)
{
	if (offset != flight->offset) {
		t->refusals = 0;
		if (offset > flight->offset && offset < flight->end)
			t->align = TRUE;
		return TRUE;
	}
	if (++t->refusals > SMP_TRANSFER_MAX_REFUSALS)
		return smp_transfer_stalled(t, error, "does not move on");
	/* Nordic's bare-metal servers ask so for a repeat while the flash is busy. */
	return smp_link_sleep(
		t->link, smp_link_now(t->link) + t->refusals * 10 * G_TIME_SPAN_MILLISECOND, error);
}

static gboolean take_offset(SmpTransferRun *t, const SmpFlight *flight, guint64 offset,
			    GError **error)
{
	gint64 now = smp_link_now(t->link);
	gboolean first = !t->begun;

	if (t->transfer->locate && offset != flight->end)
		return smp_transfer_start_over(t, error);
	if (offset > t->transfer->size || (!first && offset > t->highest)) {
		g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED,
			    "cannot upload %s: the board asks for offset %" G_GUINT64_FORMAT
			    ", of %" G_GUINT64_FORMAT " bytes sent so far",
			    t->transfer->what, offset, t->highest);
		return FALSE;
	}
	if (offset == 0 && !first && flight->offset > 0)
		return smp_transfer_lost_place(t, error);
	t->begun = TRUE;
	if (first)
		t->erased = now - flight->sent_at;
	if (first && offset > flight->end)
		t->result->resumed_at = offset;
	t->offset = offset;
	t->highest = MAX(t->highest, offset);
	if (offset > t->best) {
		t->best = offset;
		t->busy = 0;
	}
	if (offset >= flight->end && !first && !flight->trial)
		smp_window_answered(&t->traffic.window, now - flight->sent_at, flight->first,
				    flight->alone, now);
	if (offset >= t->result->resumed_at + PROOF)
		smp_window_proved(&t->traffic.window, now);
	if (offset < t->transfer->size && !check_refusal(t, flight, offset, error))
		return FALSE;
	if (!smp_flights_expects(&t->traffic.flights, offset))
		t->next = offset;
	/* Bytes sent again and again without end are a board that lies. */
	if (t->result->sent > 8 * t->transfer->size + (1 << 20))
		return smp_transfer_stalled(t, error, "asks for the same data again and again");
	return TRUE;
}

static gboolean take_answer(SmpTransferRun *t, const SmpResponse *response, guint8 sequence,
			    GError **error)
{
	SmpFlight flight;
	guint64 offset;

	if (!take_flight(t, sequence, &flight))
		return TRUE;
	if (!t->transfer->decode(response, &offset, &t->match, error))
		return FALSE;
	t->heard = smp_link_now(t->link);
	t->timeouts = 0;
	if (!take_offset(t, &flight, offset, error))
		return FALSE;
	smp_transfer_tell(t, NULL);
	return TRUE;
}

/* What was in flight is lost, or the board is busy. One request feels the way until an answer shows
 * which. */
static gboolean take_silence(SmpTransferRun *t, GError **error)
{
	gboolean held = t->traffic.flights.hold_until > 0;

	smp_flights_doubt(&t->traffic.flights);
	t->next = t->offset;
	t->traffic.resync = held;
	if (held)
		return TRUE;
	t->timeouts++;
	return smp_link_recover(t->link, error);
}

/* Another copy of the first request. Those before it stay in flight: a server that erases answers
 * the first of them, and where it erases once more for the copy (recovery) its answer is needed,
 * too. */
static gboolean repeat_first(SmpTransferRun *t, GError **error)
{
	if (t->traffic.flights.n == SMP_FLIGHTS_MAX || !smp_session_may_repeat(t->session))
		return TRUE;
	t->next = 0;
	t->repeats++;
	if (t->transfer->begin)
		smp_flights_forget(&t->traffic.flights, t->session);
	return smp_link_recover(t->link, error) && send_chunk(t, error);
}

static gboolean silence_ends(SmpTransferRun *t, GError **error)
{
	gint64 silence = smp_link_now(t->link) - t->heard;

	if (silence < silence_allowed(t))
		return FALSE;
	smp_flights_doubt(&t->traffic.flights);
	g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT,
		    "cannot upload %s: no answer for %.0f s at %" G_GUINT64_FORMAT
		    " of %" G_GUINT64_FORMAT " bytes",
		    t->transfer->what, (double)silence / G_TIME_SPAN_SECOND, t->offset,
		    t->transfer->size);
	return TRUE;
}

/* Nothing came for a while: says so, and takes what is in flight for lost when its time is up. */
static gboolean pass_time(SmpTransferRun *t, GError **error)
{
	gint64 now = smp_link_now(t->link);

	if (silence_ends(t, error))
		return FALSE;
	if (now - t->heard >= QUIET)
		smp_transfer_tell(t, t->begun || t->transfer->begin
					     ? "no answer; asking again"
					     : "waiting for the board to erase");
	if (!smp_flights_oldest(&t->traffic.flights) || now < flight_deadline(t))
		return TRUE;
	return t->begun ? take_silence(t, error) : repeat_first(t, error);
}

static gboolean take_error(SmpTransferRun *t, guint8 sequence, const GError *cause, GError **error)
{
	SmpFlight flight;
	gboolean known = take_flight(t, sequence, &flight);

	return smp_transfer_take_error(t, known ? &flight : NULL, cause, error);
}

/* Waits for one thing to happen and deals with it. */
static gboolean receive_one(SmpTransferRun *t, GError **error)
{
	g_autoptr(GError) local = NULL;
	guint8 sequence = 0;
	gint64 now = smp_link_now(t->link);
	gint64 deadline = flight_deadline(t);
	gint64 until =
		deadline > now ? MIN(deadline, now + SMP_TRANSFER_TICK) : now + SMP_TRANSFER_TICK;
	g_autoptr(SmpResponse) response = smp_session_receive(t->session, until, &sequence, &local);

	if (response)
		return take_answer(t, response, sequence, error);
	if (g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT))
		return pass_time(t, error);
	if (g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE))
		return take_error(t, sequence, local, error);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gboolean is_complete(const SmpTransferRun *t)
{
	return t->begun && t->offset >= t->transfer->size;
}

static gboolean step(SmpTransferRun *t, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (fill_window(t, &local) && receive_one(t, &local))
		return TRUE;
	if (g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED) &&
	    t->returns++ < MAX_RETURNS)
		return smp_transfer_reconnect(t, error);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gboolean run(SmpTransferRun *t, GError **error)
{
	smp_pages_init(&t->traffic.pages);
	if (!smp_transfer_learn_server(t, error))
		return FALSE;
	t->started = t->heard = smp_link_now(t->link);
	t->result->resumed_at = t->transfer->start;
	smp_transfer_go_on(t, t->transfer->start);
	while (!is_complete(t)) {
		if (!step(t, error))
			return FALSE;
	}
	if (t->match == 0) {
		g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MISMATCH,
			    "cannot upload %s: the board's check of what it received failed",
			    t->transfer->what);
		return FALSE;
	}
	return TRUE;
}

gboolean smp_transfer_run(SmpSession *session, const SmpTransfer *transfer,
			  const SmpUploadOptions *options, SmpUploadResult *result, GError **error)
{
	SmpUploadResult ignored;
	SmpTransferRun t = {
		.session = session,
		.link = smp_session_get_link(session),
		.transfer = transfer,
		.options = options,
		.result = result ? result : &ignored,
		.packet = g_byte_array_new(),
		.match = -1,
	};

	*t.result = (SmpUploadResult){0};
	gboolean done = run(&t, error);
	smp_flights_forget(&t.traffic.flights, session);
	t.result->lost = t.traffic.flights.lost;
	t.result->window_limit = smp_window_get_learned(&t.traffic.window);
	t.result->duration = smp_link_now(t.link) - t.started;
	g_byte_array_unref(t.packet);
	return done;
}

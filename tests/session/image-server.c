/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image-server.h"

#include "protocol/cbor.h"

#include <smp/error.h>
#include <string.h>

/* A request that was not answered for so long lies in no buffer any more, for the client. */
#define BURIED (5 * G_TIME_SPAN_SECOND)

#define WRITE_UNIT 32

/* µs from the last byte of a request to the flash. */
#define READING 400

/* On a console, with the two bytes before and the one behind it. */
#define LINE_CHARS 124
#define LINE_BYTES (LINE_CHARS + 3)

void image_server_init(ImageServer *server, GBytes *image)
{
	*server = (ImageServer){
		.buf_size = 384,
		.buf_count = 4,
		.slot_size = 1 << 20,
		.check = -1,
		.latency = 2500,
		.block = 1,
		.lose_request = -1,
		.lose_answer = -1,
		.stall_at = -1,
		.die_at = -1,
		.reset_at = -1,
		.cut_at = -1,
		.image = image,
		.slot = g_byte_array_new(),
		.held = g_array_new(FALSE, FALSE, sizeof(gint64)),
		.erases = g_array_new(FALSE, FALSE, sizeof(gint64)),
		.hash = {.size = 32},
	};
	memset(server->hash.data, 0xab, 32);
}

void image_server_clear(ImageServer *server)
{
	g_byte_array_unref(server->slot);
	g_array_unref(server->held);
	g_array_unref(server->erases);
}

gboolean image_server_complete(const ImageServer *server)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(server->image, &size);

	return server->slot->len == size && memcmp(server->slot->data, data, size) == 0;
}

/* Lines and bytes of a packet on a console: base64 of packet, length and CRC. */
static guint lines_of(gsize size)
{
	gsize base64 = (size + 4 + 2) / 3 * 4;
	return (guint)((base64 + LINE_CHARS - 1) / LINE_CHARS);
}

static gint64 line_time(const ImageServer *server, gsize size)
{
	gsize bytes = (size + 4 + 2) / 3 * 4 + 3 * lines_of(size);
	return server->rate ? (gint64)bytes * G_TIME_SPAN_SECOND / server->rate : 0;
}

/* The answer goes down the line when @ready. */
static gint64 answer_time(ImageServer *server, gint64 ready, gsize size)
{
	server->line_down = MAX(ready, server->line_down) + line_time(server, size);
	return server->line_down + server->latency;
}

void image_server_answer_offset(ImageServer *server, const guint8 *packet, guint64 offset,
				gint64 when)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();

	smp_cbor_put_map_begin(payload);
	if (server->says_rc || server->recovery) {
		smp_cbor_put_text(payload, "rc");
		smp_cbor_put_uint(payload, 0);
	}
	smp_cbor_put_text(payload, "off");
	smp_cbor_put_uint(payload, offset);
	if (server->check >= 0 && server->length && offset == server->length) {
		smp_cbor_put_text(payload, "match");
		smp_cbor_put_bool(payload, server->check && image_server_complete(server));
	}
	smp_cbor_put_end(payload);
	wire_answer(server->link, packet, payload, when);
}

static void put_hash(GByteArray *payload, const guint8 *hash)
{
	smp_cbor_put_text(payload, "hash");
	smp_cbor_put_bytes(payload, hash, 32);
}

static void put_slot(GByteArray *payload, guint slot)
{
	smp_cbor_put_map_begin(payload);
	smp_cbor_put_text(payload, "slot");
	smp_cbor_put_uint(payload, slot);
	smp_cbor_put_text(payload, "version");
	smp_cbor_put_text(payload, "1.0.0");
}

static void answer_list(ImageServer *server, const guint8 *packet, gint64 when)
{
	static const guint8 running[32] = {1};
	g_autoptr(GByteArray) payload = g_byte_array_new();

	server->lists++;
	if (server->no_list) {
		wire_answer_rc(server->link, packet, SMP_RC_ENOTSUP, when);
		return;
	}
	smp_cbor_put_map_begin(payload);
	smp_cbor_put_text(payload, "images");
	smp_cbor_put_array_begin(payload);
	if (!server->recovery) {
		put_slot(payload, 0);
		put_hash(payload, running);
		smp_cbor_put_text(payload, "active");
		smp_cbor_put_bool(payload, TRUE);
		smp_cbor_put_end(payload);
	}
	if (image_server_complete(server)) {
		put_slot(payload, server->recovery ? 0 : 1);
		put_hash(payload, server->hash.data);
		smp_cbor_put_end(payload);
	}
	smp_cbor_put_end(payload);
	smp_cbor_put_end(payload);
	wire_answer(server->link, packet, payload, when);
}

static void write_data(ImageServer *server, const UploadRequest *request)
{
	gsize size = request->size;

	if (server->recovery && server->offset + size < server->length)
		size -= size % WRITE_UNIT;
	g_byte_array_set_size(server->slot, (guint)(server->offset + size));
	memcpy(server->slot->data + server->offset, request->data, size);
	server->offset += size;
}

/* Group code of the image group, or 0. */
static guint begin(ImageServer *server, const UploadRequest *request)
{
	static const guint8 magic[] = {0x3d, 0xb8, 0xf3, 0x96};

	if (!server->recovery) {
		if (request->size < 32)
			return 22;
		if (memcmp(request->data, magic, 4) != 0)
			return 23;
	}
	if (request->length == 0)
		return 21;
	if (request->length > server->slot_size)
		return 30;
	server->begun = TRUE;
	server->existed = TRUE;
	server->restarts++;
	server->length = request->length;
	server->offset = 0;
	server->has_sha = request->sha != NULL;
	if (request->sha)
		memcpy(server->sha, request->sha, 32);
	return 0;
}

/* Whether the slot holds what the first request announces (CONFIG_IMG_ENABLE_IMAGE_CHECK). */
static gboolean is_there(const ImageServer *server, const UploadRequest *request)
{
	return server->check >= 0 && !server->recovery && request->sha &&
	       image_server_complete(server);
}

/* How many pages are erased once it was given so many bytes. */
static guint64 pages_begun(const ImageServer *server, guint64 given)
{
	return given < server->block ? 0 : (given - server->block) / server->page + 1;
}

/* What a request takes in time for erasing. */
static gint64 erase_time(ImageServer *server, const UploadRequest *request)
{
	gint64 time = 0;

	if (request->offset == 0 && !(server->begun && !server->recovery && request->sha))
		time += server->first_erase;
	if (server->page && (request->offset == server->offset || request->offset == 0)) {
		guint64 before = pages_begun(server, request->offset);
		guint64 after = pages_begun(server, request->offset + request->size);
		time += (gint64)(after - before) * server->page_erase;
	}
	return time;
}

static void take_chunk(ImageServer *server, const UploadRequest *request, const guint8 *packet,
		       gint64 when)
{
	guint code = 0;

	if (request->offset == 0 && is_there(server, request)) {
		server->length = server->slot->len;
		server->begun = FALSE;
		image_server_answer_offset(server, packet, server->length, when);
		return;
	}
	if (request->offset == 0 && server->begun && !server->recovery && server->has_sha &&
	    request->sha && memcmp(server->sha, request->sha, 32) == 0) {
		image_server_answer_offset(server, packet, server->offset, when);
		return;
	}
	if (request->offset == 0)
		code = begin(server, request);
	if (!code && (server->begun || server->recovery) && server->existed &&
	    request->offset == server->offset) {
		if (request->offset + request->size > server->length)
			code = 31;
		else
			write_data(server, request);
	}
	if (code) {
		server->begun = FALSE;
		wire_answer_error(server->link, packet, SMP_GROUP_IMAGE, code, when);
		return;
	}
	guint64 offset = server->begun || server->recovery ? server->offset : 0;
	image_server_answer_offset(server, packet, offset, when);
	if (server->offset == server->length)
		server->begun = FALSE;
}

/* An application that forgets is a server that says 0 to everything but a first request. */
void image_server_forget(ImageServer *server)
{
	server->begun = FALSE;
	server->existed = FALSE;
	server->offset = 0;
}

static gboolean parse(ImageServer *server, const guint8 *packet, gsize size, UploadRequest *request)
{
	SmpCbor body;
	gsize sha_size;

	*request = (UploadRequest){.packet_size = size};
	g_assert_true(smp_cbor_check(packet + SMP_HEADER_SIZE, size - SMP_HEADER_SIZE, &body));
	g_assert_true(smp_cbor_get_uint(&body, "off", &request->offset));
	g_assert_true(smp_cbor_get_bytes(&body, "data", &request->data, &request->size));
	smp_cbor_get_uint(&body, "len", &request->length);
	smp_cbor_get_uint(&body, "image", &request->image);
	if (smp_cbor_get_bytes(&body, "sha", &request->sha, &sha_size))
		g_assert_cmpuint(sha_size, ==, 32);
	/* All that a first request has to say, and only it. */
	g_assert_true((request->offset == 0) == (request->length != 0));
	if (request->offset > 0)
		g_assert_null(request->sha);
	request->nth = server->uploads++;
	server->largest = MAX(server->largest, size);
	server->largest_data = MAX(server->largest_data, request->size);
	return TRUE;
}

/* Requests that it holds at @at; none more than its buffers take beside the answer. */
static void hold(ImageServer *server, gint64 at, gint64 until)
{
	guint n = 1;

	for (guint i = 0; i + 1 < server->held->len; i += 2) {
		gint64 came = g_array_index(server->held, gint64, i);
		gint64 left = g_array_index(server->held, gint64, i + 1);
		n += left > at && came > at - BURIED;
	}
	g_array_append_val(server->held, at);
	g_array_append_val(server->held, until);
	server->most_held = MAX(server->most_held, n);
	if (server->buf_count)
		g_assert_cmpuint(n, <=, MAX(server->buf_count - 1, 2));
}

/* Lines that come while the CPU is busy stay in the receive pool. */
static gboolean overruns(ImageServer *server, gint64 from, gint64 until, gsize size)
{
	if (!server->rx_lines || server->free_at <= from)
		return FALSE;
	guint lines = lines_of(size);
	if (until > server->free_at && until > from)
		lines = (guint)((gint64)lines * (server->free_at - from) / (until - from));
	if (server->stuck_until != server->free_at)
		server->stuck_lines = 0;
	server->stuck_until = server->free_at;
	if (server->stuck_lines + lines > server->rx_lines)
		return TRUE;
	server->stuck_lines += lines;
	return FALSE;
}

/* The first erase that has to do with what arrives between @from and @until; its end, or 0. */
static gint64 deaf_until(const ImageServer *server, gint64 from, gint64 until, gint64 *since)
{
	for (guint i = 0; server->deaf && i + 1 < server->erases->len; i += 2) {
		*since = g_array_index(server->erases, gint64, i);
		gint64 end = g_array_index(server->erases, gint64, i + 1);
		if (from < end && until > *since)
			return end;
	}
	return 0;
}

/* Whether a packet that comes down the line between @from and @until is lost on deaf ears, or as
 * one line with what was left of the one before it. */
static gboolean is_deaf(ImageServer *server, gint64 from, gint64 until)
{
	gint64 since, end = deaf_until(server, from, until, &since);
	gboolean glued = server->half_line;

	if (!end) {
		server->half_line = FALSE;
		return glued;
	}
	gint64 heard = MAX(since - from, 0) * server->rate / G_TIME_SPAN_SECOND;
	/* The line feed at its end is heard where the board listens again by then. */
	server->half_line = until <= end && (glued || heard > 0) && heard % LINE_BYTES != 0;
	return TRUE;
}

/* A line feed by itself. */
static void resync(gpointer peer, gint64 now)
{
	ImageServer *server = peer;
	gint64 since;
	gint64 from = MAX(now, server->line_up) + server->latency;

	server->line_up =
		from - server->latency + (server->rate ? G_TIME_SPAN_SECOND / server->rate : 0);
	if (overruns(server, from, from + 1, 1) || deaf_until(server, from, from + 1, &since))
		return;
	server->half_line = FALSE;
}

static gboolean is_lost(ImageServer *server, int nth, gint64 from, gint64 until, gsize size)
{
	if (server->die_at >= 0 && nth >= server->die_at)
		server->dead = TRUE;
	if (nth >= 0 && nth == server->reset_at) {
		image_server_forget(server);
		server->away_until = until + server->away_for;
	}
	return server->dead || until < server->away_until ||
	       (nth >= 0 && nth == server->lose_request) || is_deaf(server, from, until) ||
	       overruns(server, from, until, size);
}

static void do_upload(ImageServer *server, const UploadRequest *request, const guint8 *packet,
		      gint64 arrival)
{
	gint64 start = MAX(arrival, server->free_at);
	gint64 erase = erase_time(server, request);

	if ((int)request->nth == server->stall_at)
		start += server->stall_for;

	/* It hears the beginning of what follows before it comes to the flash. */
	if (erase > 0)
		start += READING;
	gint64 erased = start + erase;
	if (erase > 0) {
		g_array_append_val(server->erases, start);
		g_array_append_val(server->erases, erased);
	}
	server->free_at = erased + server->process;
	gint64 when = answer_time(server, server->free_at, 24);
	hold(server, arrival, server->free_at);
	if (server->intercept && server->intercept(server, request, packet, when))
		return;
	if (server->max_data && request->size > server->max_data) {
		server->begun = FALSE;
		wire_answer_rc(server->link, packet, SMP_RC_EINVAL, when);
		return;
	}
	/* An answer that is lost is one to an unknown request. */
	guint8 other[SMP_HEADER_SIZE];
	memcpy(other, packet, sizeof other);
	if ((int)request->nth == server->lose_answer)
		other[5] = 99;
	take_chunk(server, request, other, when);
}

static void cut(ImageServer *server, gint64 now)
{
	server->away_until = now + server->away_for;
	if (server->away_for < 0)
		server->away_until = G_MAXINT64;
	if (server->forgets)
		image_server_forget(server);
	smp_test_link_cut(server->link);
}

static void do_other(ImageServer *server, const SmpHeader *header, const guint8 *packet,
		     gint64 arrival)
{
	server->free_at = MAX(arrival, server->free_at) + server->process;
	hold(server, arrival, server->free_at);
	gint64 when = answer_time(server, server->free_at, 40);
	if (header->group == SMP_GROUP_IMAGE && header->command == 0)
		answer_list(server, packet, when);
	else if (header->group == SMP_GROUP_OS && header->command == 6 && server->buf_size)
		wire_answer_params(server->link, packet, server->buf_size, server->buf_count, when);
	else
		wire_answer_rc(server->link, packet, SMP_RC_ENOTSUP, when);
}

static void receive(gpointer peer, SmpLink *link, const guint8 *packet, gsize size, gint64 now)
{
	ImageServer *server = peer;
	UploadRequest request;
	SmpHeader header;
	int nth = -1;

	server->link = link;
	smp_header_read(packet, &header);
	gboolean upload = header.group == SMP_GROUP_IMAGE && header.command == 1;
	gint64 begun = MAX(now, server->line_up);
	server->line_up = begun + line_time(server, size);
	gint64 arrival = server->line_up + server->latency;
	if (upload && parse(server, packet, size, &request))
		nth = (int)request.nth;
	if (nth >= 0 && nth == server->cut_at) {
		cut(server, now);
		return;
	}
	if (is_lost(server, nth, begun + server->latency, arrival, size))
		return;
	if (upload)
		do_upload(server, &request, packet, arrival);
	else
		do_other(server, &header, packet, arrival);
}

static gboolean can_reopen(gpointer peer, gint64 now)
{
	ImageServer *server = peer;
	return now >= server->away_until;
}

const SmpTestPeer image_server_peer = {
	.receive = receive,
	.resync = resync,
	.reopen = can_reopen,
};

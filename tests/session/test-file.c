/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files to and from a scripted server that appends, as Zephyr's does, and that can be of version 1,
 * without hashes, wrong, or stubborn. */

#include "wire.h"

#include "protocol/cbor.h"

#include <smp/error.h>
#include <smp/fs.h>
#include <string.h>

#define PATH "/a"
#define SIZE 3000

typedef struct {
	GByteArray *file; /* what was closed */
	GByteArray *open; /* NULL: none is */
	guint64 offset;
	guint writes;
	gint64 busy_until;
	/* what is odd about it */
	gboolean v1;
	gboolean no_hash;
	gboolean no_close;
	gboolean spoils;     /* the last byte of each chunk */
	gboolean stubborn;   /* refuses every chunk but the first */
	gboolean twice;	     /* takes each first chunk twice */
	gint64 slow;	     /* to open a file, µs */
	guint lose_reply;    /* to this write, from 1 on */
	guint lose_request;  /* this write, and all behind it that were on their way */
	guint64 claims;	     /* so many bytes more than there are, in a download */
	gboolean sends_more; /* than there are */
	gboolean other_offset;
	guint reads;
	guint lose_read; /* this one, from 1 on, and the next */
	gboolean uneven; /* pieces of different length */
	guint buffers;	 /* 0: 4 */
	gint64 latency;	 /* of each answer, µs */
	gint64 away;	 /* after the link went: it takes requests, and answers none, µs */
	gint64 deaf_until;
	guint cut_read;	 /* the link goes with this one, from 1 on */
	guint lose_each; /* so many reads, one */
} Server;

static void close_file(Server *server)
{
	if (!server->open)
		return;
	g_byte_array_unref(server->file);
	server->file = g_steal_pointer(&server->open);
	server->offset = 0;
}

static void put_error(GByteArray *out, const Server *server, guint rc, gint64 length)
{
	smp_cbor_put_map_begin(out);
	if (server->v1) {
		smp_cbor_put_text(out, "rc");
		smp_cbor_put_uint(out, 1);
	} else {
		smp_cbor_put_text(out, "err");
		smp_cbor_put_map(out, 2);
		smp_cbor_put_text(out, "group");
		smp_cbor_put_uint(out, 8);
		smp_cbor_put_text(out, "rc");
		smp_cbor_put_uint(out, rc);
	}
	if (length >= 0 && !server->v1) {
		smp_cbor_put_text(out, "len");
		smp_cbor_put_int(out, length);
	}
	smp_cbor_put_end(out);
}

static void put_number(GByteArray *out, const char *key, guint64 value)
{
	smp_cbor_put_map(out, 1);
	smp_cbor_put_text(out, key);
	smp_cbor_put_uint(out, value);
}

static void put_unsupported(GByteArray *out)
{
	put_number(out, "rc", 8);
}

static void append(Server *server, const guint8 *data, gsize size)
{
	g_byte_array_append(server->open, data, (guint)size);
	if (server->spoils && size > 0)
		server->open->data[server->open->len - 1] ^= 1;
	server->offset += size;
}

static void write_chunk(Server *server, const SmpCbor *body, GByteArray *out)
{
	guint64 offset = 0;
	const guint8 *data = NULL;
	gsize size = 0;

	smp_cbor_get_uint(body, "off", &offset);
	smp_cbor_get_bytes(body, "data", &data, &size);
	if (!server->open) {
		server->open = g_byte_array_new();
		if (offset > 0)
			g_byte_array_append(server->open, server->file->data, server->file->len);
		server->offset = server->open->len;
	}
	if (offset > 0 && (offset != server->offset || server->stubborn)) {
		gint64 length = (gint64)server->offset;
		close_file(server);
		put_error(out, server, 11, length);
		return;
	}
	append(server, data, size);
	if (offset == 0 && server->twice)
		append(server, data, size);
	put_number(out, "off", server->offset);
}

static void read_chunk(const Server *server, const SmpCbor *body, GByteArray *out)
{
	guint64 offset = 0;

	smp_cbor_get_uint(body, "off", &offset);
	gsize here = (gsize)MIN(offset, server->file->len);
	gsize most = server->uneven ? 200 + offset % 300 : 500;
	gsize size = MIN(server->file->len - here, most);
	smp_cbor_put_map_begin(out);
	smp_cbor_put_text(out, "off");
	smp_cbor_put_uint(out, offset + server->other_offset);
	smp_cbor_put_text(out, "data");
	smp_cbor_put_bytes(out, server->file->data + here, size);
	if (offset == 0) {
		smp_cbor_put_text(out, "len");
		smp_cbor_put_uint(out, server->file->len + server->claims - server->sends_more);
	}
	smp_cbor_put_end(out);
}

static void hash(const Server *server, const SmpCbor *body, GByteArray *out)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize size = sizeof digest;
	guint64 length = server->file->len;

	smp_cbor_get_uint(body, "len", &length);
	length = MIN(length, server->file->len);
	g_checksum_update(checksum, server->file->data, (gssize)length);
	g_checksum_get_digest(checksum, digest, &size);
	smp_cbor_put_map(out, 3);
	smp_cbor_put_text(out, "type");
	smp_cbor_put_text(out, "sha256");
	smp_cbor_put_text(out, "len");
	smp_cbor_put_uint(out, length);
	smp_cbor_put_text(out, "output");
	smp_cbor_put_bytes(out, digest, size);
}

static void file_command(Server *server, const SmpHeader *header, const SmpCbor *body,
			 GByteArray *out)
{
	switch (header->command) {
	case 0:
		if (header->op == SMP_OP_WRITE)
			write_chunk(server, body, out);
		else
			read_chunk(server, body, out);
		break;
	case 1:
		/* A file that is open hides what was written to it. */
		put_number(out, "len", server->file->len);
		break;
	case 2:
		if (server->no_hash)
			put_unsupported(out);
		else
			hash(server, body, out);
		break;
	default:
		if (!server->no_close)
			close_file(server);
		if (server->no_close)
			put_unsupported(out);
		else
			smp_cbor_put_map(out, 0);
	}
}

static void receive(gpointer peer, SmpLink *link, const guint8 *packet, gsize size, gint64 now)
{
	Server *server = peer;
	g_autoptr(GByteArray) out = g_byte_array_new();
	SmpHeader header;
	SmpCbor body;

	if (now < server->deaf_until)
		return;
	smp_header_read(packet, &header);
	g_assert_true(smp_cbor_check(packet + SMP_HEADER_SIZE, size - SMP_HEADER_SIZE, &body));
	if (header.group == SMP_GROUP_OS) {
		wire_answer_params(link, packet, 256, server->buffers ? server->buffers : 4,
				   now + 1000);
		return;
	}
	gboolean writes = header.op == SMP_OP_WRITE && header.command == 0;
	server->writes += writes;
	if (writes && server->writes == server->lose_request)
		return;
	gboolean reads = header.op == SMP_OP_READ && header.command == 0;
	server->reads += reads;
	if (reads && server->reads == server->cut_read) {
		server->deaf_until = now + server->away;
		smp_test_link_cut(link);
		return;
	}
	if (reads && server->lose_each && server->reads % server->lose_each == 0)
		return;
	if (reads && server->lose_read && server->reads >= server->lose_read &&
	    server->reads < server->lose_read + 2)
		return;
	gboolean opens = writes && !server->open;
	file_command(server, &header, &body, out);
	server->busy_until = MAX(server->busy_until, now) + (opens ? server->slow : 0) + 1000;
	if (!writes || server->writes != server->lose_reply)
		wire_answer(link, packet, out, server->busy_until + server->latency);
}

static GBytes *content_of(gsize size)
{
	guint8 *data = g_malloc(size);

	for (gsize i = 0; i < size; i++)
		data[i] = (guint8)(i * 7 + i / 256);
	return g_bytes_new_take(data, size);
}

static GBytes *content(void)
{
	return content_of(SIZE);
}

typedef struct {
	SmpLink *link;
	SmpSession *session;
} Client;

static void connect_to(Client *client, Server *server)
{
	static const SmpTestPeer peer = {.receive = receive};

	if (!server->file)
		server->file = g_byte_array_new();
	client->link = smp_test_link_new(&peer, server);
	g_assert_true(smp_link_open(client->link, NULL));
	client->session = smp_session_new(client->link);
}

static void leave(Client *client, Server *server)
{
	smp_session_free(client->session);
	smp_link_free(client->link);
	g_clear_pointer(&server->file, g_byte_array_unref);
	g_clear_pointer(&server->open, g_byte_array_unref);
}

static gboolean upload(Server *server, SmpFsFlags flags, SmpUploadResult *result, gboolean *checked,
		       GError **error)
{
	Client client;
	g_autoptr(GBytes) bytes = content();

	connect_to(&client, server);
	gboolean done =
		smp_fs_upload(client.session, PATH, bytes, flags, NULL, result, checked, error);
	if (server->no_close)
		close_file(server);
	if (done)
		g_assert_cmpmem(server->file->data, server->file->len,
				g_bytes_get_data(bytes, NULL), SIZE);
	leave(&client, server);
	return done;
}

static void assert_uploads(Server server, gboolean verified)
{
	g_autoptr(GError) error = NULL;
	SmpUploadResult result;
	gboolean checked;

	g_assert_true(upload(&server, 0, &result, &checked, &error));
	g_assert_no_error(error);
	g_assert_cmpint(checked, ==, verified);
	g_assert_cmpuint(result.window, >, 1);
}

static void test_upload(void)
{
	assert_uploads((Server){0}, TRUE);
	assert_uploads((Server){.v1 = TRUE}, TRUE);
	assert_uploads((Server){.no_hash = TRUE}, FALSE);
	/* Zephyr before 3.4 has no command to close a file, and before 3.1 no hashes. */
	assert_uploads((Server){.no_hash = TRUE, .no_close = TRUE}, FALSE);
}

static void test_lost(void)
{
	for (guint n = 1; n <= SIZE / 200; n++) {
		assert_uploads((Server){.lose_reply = n}, TRUE);
		assert_uploads((Server){.lose_request = n}, TRUE);
		assert_uploads((Server){.v1 = TRUE, .lose_reply = n}, TRUE);
		assert_uploads((Server){.v1 = TRUE, .lose_request = n}, TRUE);
	}
}

/* Each repeat waits longer, or none would ever be answered in time. */
static void test_slow(void)
{
	assert_uploads((Server){.slow = 7 * G_TIME_SPAN_SECOND}, TRUE);
	assert_uploads((Server){.slow = 12 * G_TIME_SPAN_SECOND, .v1 = TRUE}, TRUE);
}

static void assert_fails(Server server, int code, const char *text)
{
	g_autoptr(GError) error = NULL;
	gboolean checked;

	g_assert_false(upload(&server, 0, NULL, &checked, &error));
	g_assert_error(error, SMP_PROTOCOL_ERROR, code);
	g_assert_nonnull(strstr(error->message, text));
	g_assert_false(checked);
}

static void test_upload_fails(void)
{
	assert_fails((Server){.spoils = TRUE}, SMP_PROTOCOL_ERROR_MISMATCH, "is something else");
	assert_fails((Server){.stubborn = TRUE}, SMP_PROTOCOL_ERROR_STALLED, "does not move on");
	assert_fails((Server){.v1 = TRUE, .stubborn = TRUE}, SMP_PROTOCOL_ERROR_STALLED,
		     "does not move on");
	assert_fails((Server){.twice = TRUE}, SMP_PROTOCOL_ERROR_STALLED,
		     "loses its place again and again");
}

static void test_resume(void)
{
	static const struct {
		guint there;
		gboolean other, no_hash;
		guint64 sent;
	} cases[] = {{1000, FALSE, FALSE, SIZE - 1000},
		     {SIZE, FALSE, FALSE, 0},
		     {1000, TRUE, FALSE, SIZE},
		     {1000, FALSE, TRUE, SIZE},
		     {0, FALSE, FALSE, SIZE}};
	g_autoptr(GBytes) bytes = content();

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		Server server = {.file = g_byte_array_new(), .no_hash = cases[i].no_hash};
		SmpUploadResult result;
		gboolean checked;
		g_autoptr(GError) error = NULL;
		g_byte_array_append(server.file, g_bytes_get_data(bytes, NULL), cases[i].there);
		if (cases[i].other)
			server.file->data[10] ^= 1;
		g_assert_true(upload(&server, SMP_FS_RESUME, &result, &checked, &error));
		g_assert_cmpuint(result.sent, ==, cases[i].sent);
		g_assert_cmpuint(result.resumed_at, ==, SIZE - cases[i].sent);
	}
}

static gboolean sink(const guint8 *data, gsize size, gpointer user_data, GError **error)
{
	GByteArray *got = user_data;

	if (got->len + size > SIZE) {
		g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC, "full");
		return FALSE;
	}
	g_byte_array_append(got, data, (guint)size);
	return TRUE;
}

static gboolean download(Server *server, guint64 start, GByteArray *got, SmpUploadResult *result,
			 GError **error)
{
	Client client;
	g_autoptr(GBytes) bytes = content();

	server->file = g_bytes_unref_to_array(g_steal_pointer(&bytes));
	connect_to(&client, server);
	gboolean done =
		smp_fs_download(client.session, PATH, start, sink, got, NULL, result, error);
	g_assert_cmpuint(result->sent, ==, got->len);
	leave(&client, server);
	return done;
}

static SmpUploadResult assert_downloads(Server server, guint64 start)
{
	g_autoptr(GBytes) bytes = content();
	const guint8 *data = g_bytes_get_data(bytes, NULL);
	g_autoptr(GByteArray) got = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	SmpUploadResult result;

	gboolean done = download(&server, start, got, &result, &error);
	g_assert_no_error(error);
	g_assert_true(done);
	g_assert_cmpmem(got->data, got->len, data + start, SIZE - start);
	return result;
}

static void test_download(void)
{
	static const guint64 starts[] = {1, 500, SIZE - 1, SIZE};
	SmpUploadResult result = assert_downloads((Server){0}, 0);

	g_assert_cmpuint(result.window, ==, 2);
	g_assert_cmpuint(result.lost, ==, 0);
	for (guint i = 0; i < G_N_ELEMENTS(starts); i++)
		assert_downloads((Server){0}, starts[i]);
}

/* What is lost is asked for again, and what is not as long as expected, too. */
static void test_download_lost(void)
{
	for (guint i = 1; i <= SIZE / 500; i++) {
		SmpUploadResult result = assert_downloads((Server){.lose_read = i}, 0);
		g_assert_cmpint(result.lost > 0, ==, i > 1);
	}
	assert_downloads((Server){.uneven = TRUE}, 0);
}

static gboolean sink_all(const guint8 *data, gsize size, gpointer user_data,
			 GError **error G_GNUC_UNUSED)
{
	g_byte_array_append(user_data, data, (guint)size);
	return TRUE;
}

/* Returns: how long a file of @size bytes takes, in µs */
static gint64 time_download(Server server, gsize size)
{
	Client client;
	SmpUploadResult result;
	g_autoptr(GBytes) bytes = content_of(size);
	g_autoptr(GByteArray) got = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	server.file = g_bytes_unref_to_array(content_of(size));
	connect_to(&client, &server);
	gboolean done =
		smp_fs_download(client.session, PATH, 0, sink_all, got, NULL, &result, &error);
	g_assert_no_error(error);
	g_assert_true(done);
	leave(&client, &server);
	g_assert_cmpmem(got->data, got->len, g_bytes_get_data(bytes, NULL), size);
	return result.duration;
}

/* One loss or one reset costs its own time, and what comes after it goes as fast as before. */
static void test_download_speed(void)
{
	static const Server base = {.buffers = 10, .latency = 16 * G_TIME_SPAN_MILLISECOND};
	const gsize size = 400000;
	gint64 undisturbed = time_download(base, size);
	Server lossy = base;

	lossy.lose_each = 60;
	g_assert_cmpint(time_download(lossy, size), <,
			2 * undisturbed + 500 * G_TIME_SPAN_MILLISECOND);

	for (guint at = 2; at < 400; at += 57) {
		Server lost = base, cut = base;
		lost.lose_read = at;
		cut.cut_read = at;
		gint64 with_loss = time_download(lost, size), with_cut = time_download(cut, size);
		g_test_message("%u: %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
			       " µs",
			       at, with_loss, with_cut, undisturbed);
		g_assert_cmpint(with_loss, <, undisturbed + 500 * G_TIME_SPAN_MILLISECOND);
		g_assert_cmpint(with_cut, <, undisturbed + 500 * G_TIME_SPAN_MILLISECOND);
	}
}

/* A board that starts anew answers late. */
static void test_download_away(void)
{
	const Server server = {.cut_read = 3, .away = 20 * G_TIME_SPAN_SECOND};
	gint64 duration = time_download(server, SIZE);

	g_assert_cmpint(duration, >, server.away);
	g_assert_cmpint(duration, <, server.away + 6 * G_TIME_SPAN_SECOND);
}

static void assert_no_download(Server server, guint64 start, int code, const char *text)
{
	g_autoptr(GByteArray) got = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	SmpUploadResult result;

	g_assert_false(download(&server, start, got, &result, &error));
	g_assert_error(error, SMP_PROTOCOL_ERROR, code);
	g_assert_nonnull(strstr(error->message, text));
}

static void test_download_fails(void)
{
	assert_no_download((Server){.claims = 1}, 0, SMP_PROTOCOL_ERROR_STALLED,
			   "says that /a has 3001 bytes, and ends it after 3000");
	assert_no_download((Server){.sends_more = TRUE}, 0, SMP_PROTOCOL_ERROR_MALFORMED,
			   "says that /a has 2999 bytes, and sends more");
	assert_no_download((Server){.other_offset = TRUE}, 0, SMP_PROTOCOL_ERROR_MALFORMED,
			   "asked for offset 0 and answers with 1");
	assert_no_download((Server){0}, SIZE + 1, SMP_PROTOCOL_ERROR_MISMATCH,
			   "3001 bytes are here and /a has 3000");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/file/upload", test_upload);
	g_test_add_func("/file/lost", test_lost);
	g_test_add_func("/file/slow", test_slow);
	g_test_add_func("/file/upload-fails", test_upload_fails);
	g_test_add_func("/file/resume", test_resume);
	g_test_add_func("/file/download", test_download);
	g_test_add_func("/file/download-lost", test_download_lost);
	g_test_add_func("/file/download-speed", test_download_speed);
	g_test_add_func("/file/download-away", test_download_away);
	g_test_add_func("/file/download-fails", test_download_fails);
	return g_test_run();
}

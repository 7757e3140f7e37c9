/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The windowed upload against a server that does what servers, boards and lines were seen to do,
 * and what they should not. */

#include "image-server.h"

#include "protocol/cbor.h"

#include <smp/error.h>
#include <smp/upload.h>
#include <string.h>

#define MS  G_TIME_SPAN_MILLISECOND
#define SEC G_TIME_SPAN_SECOND

/* One upload to one server. */
typedef struct {
	ImageServer server;
	GBytes *image;
	guint number;
	gsize max_packet; /* of the link; 0 for what the server's buffer holds */
	guint max_outstanding;
	SmpUploadOptions options;
	gboolean without_hash;
	/* the outcome */
	gboolean done;
	GError *error;
	SmpUploadResult result;
	gint64 took;
	guint64 last_offset;
	GString *waits;
} Run;

static GBytes *make_bytes(gsize size)
{
	static const guint8 magic[] = {0x3d, 0xb8, 0xf3, 0x96};
	guint8 *data = g_malloc(size);

	for (gsize i = 0; i < size; i++)
		data[i] = i < 4 ? magic[i] : (guint8)(i ^ (i >> 8) * 7);
	return g_bytes_new_take(data, size);
}

static void run_init(Run *run, gsize size)
{
	*run = (Run){.image = make_bytes(size), .waits = g_string_new(NULL)};
	image_server_init(&run->server, run->image);
}

static void run_clear(Run *run)
{
	image_server_clear(&run->server);
	g_bytes_unref(run->image);
	g_clear_error(&run->error);
	g_string_free(run->waits, TRUE);
}

static void on_progress(const SmpUploadProgress *progress, gpointer user_data)
{
	Run *run = user_data;

	g_assert_cmpuint(progress->offset, <=, progress->size);
	g_assert_cmpuint(progress->size, ==, g_bytes_get_size(run->image));
	g_assert_true(progress->rate >= 0);
	run->last_offset = progress->offset;
	if (progress->waiting && !strstr(run->waits->str, progress->waiting))
		g_string_append_printf(run->waits, "%s|", progress->waiting);
}

/* May be called again: the server stays as it is. */
static void run_upload(Run *run)
{
	SmpLink *link = smp_test_link_new(&image_server_peer, &run->server);
	SmpSession *session = smp_session_new(link);

	run->server.line_up = run->server.line_down = run->server.free_at = 0;
	run->server.away_until = 0;
	g_array_set_size(run->server.held, 0);
	g_array_set_size(run->server.erases, 0);
	g_clear_error(&run->error);
	run->options.progress = on_progress;
	run->options.user_data = run;
	smp_test_link_set_limits(link, run->max_packet, run->max_outstanding);
	g_assert_true(smp_link_open(link, NULL));
	gint64 start = smp_link_now(link);
	run->done = smp_upload_image(session, run->image, run->number, FALSE,
				     run->without_hash ? NULL : &run->server.hash, &run->options,
				     &run->result, &run->error);
	run->took = smp_link_now(link) - start;
	g_assert_true(run->done == (run->error == NULL));
	smp_session_free(session);
	smp_link_free(link);
}

static void assert_done(const Run *run)
{
	g_assert_no_error(run->error);
	g_assert_true(run->done);
	g_assert_true(image_server_complete(&run->server));
	g_assert_cmpuint(run->last_offset, ==, g_bytes_get_size(run->image));
}

/* It ends with a sentence: what could not be done, and why. */
static void assert_failed(const Run *run, GQuark domain, int code, const char *text)
{
	g_assert_false(run->done);
	g_test_message("%.1f s: %s", (double)run->took / SEC, run->error->message);
	g_assert_error(run->error, domain, code);
	g_assert_nonnull(strstr(run->error->message, text));
}

/* Bytes of a head in front of a value (RFC 8949). */
static gsize head(guint64 value)
{
	return value < 24 ? 1 : value < 256 ? 2 : value < 65536 ? 3 : 5;
}

/* The most data bytes for which a request is no larger than @limit, counted as smp_group_1.rst has
 * the fields. */
static gsize expected_data(gsize limit, guint64 offset, guint64 length, guint image, gboolean sha)
{
	gsize fixed = 8 + 1 + 4 + head(offset) + 5;

	if (image)
		fixed += 6 + head(image);
	if (offset == 0)
		fixed += 4 + head(length) + (sha ? 4 + 2 + 32 : 0);
	gsize size = limit;
	while (fixed + head(size) + size > limit)
		size--;
	return size;
}

typedef struct {
	gsize limit;
	guint image;
	guint64 length;
	guint checked;
} Sizes;

static Sizes sizes;

static gboolean check_size(ImageServer *server, const UploadRequest *request, const guint8 *packet,
			   gint64 when)
{
	gsize wanted = expected_data(sizes.limit, request->offset, sizes.length, sizes.image,
				     request->sha != NULL);

	g_assert_cmpuint(request->image, ==, sizes.image);
	g_assert_cmpuint(request->packet_size, <=, sizes.limit);
	if (request->offset + request->size < sizes.length)
		g_assert_cmpuint(request->size, ==, wanted);
	sizes.checked++;
	return FALSE;
}

static void test_sizes(void)
{
	static const guint bufs[] = {96,  100, 128, 192, 256, 257, 278, 279, 280,  281,
				     282, 283, 284, 285, 286, 384, 400, 512, 1024, 2048};

	for (guint i = 0; i < G_N_ELEMENTS(bufs); i++) {
		for (guint image = 0; image < 2; image++) {
			Run run;
			run_init(&run, 80000);
			run.server.buf_size = bufs[i];
			run.server.intercept = check_size;
			run.number = image;
			sizes = (Sizes){bufs[i] - 4, image, 80000, 0};
			run_upload(&run);
			assert_done(&run);
			g_assert_cmpuint(sizes.checked, ==, run.server.uploads);
			g_assert_cmpuint(run.result.chunk, ==, run.server.largest_data);
			/* A byte of the limit stays free only where no length head would fit. */
			g_assert_cmpuint(run.server.largest, >=, bufs[i] - 5);
			run_clear(&run);
		}
	}
}

static void test_no_room(void)
{
	Run run;

	run_init(&run, 1000);
	run.max_packet = 26;
	run_upload(&run);
	assert_failed(&run, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_STALLED, "26 bytes");
	g_assert_cmpuint(run.server.uploads, ==, 0);
	run_clear(&run);
}

/* Sizes at which something is first or last. */
static void test_small(void)
{
	for (gsize size = 32; size < 1200; size += size < 700 ? 1 : 97) {
		Run run;
		run_init(&run, size);
		run_upload(&run);
		assert_done(&run);
		run_clear(&run);
	}
}

static void test_window(void)
{
	static const struct {
		guint buf_count, option, wanted;
	} cases[] = {{0, 0, 1}, {1, 0, 1}, {2, 0, 1}, {3, 0, 2}, {4, 0, 3},
		     {4, 1, 1}, {4, 2, 2}, {4, 9, 3}, {8, 0, 7}, {255, 0, 16}};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		Run run;
		run_init(&run, 60000);
		run.server.buf_count = cases[i].buf_count;
		run.options.window = cases[i].option;
		run_upload(&run);
		assert_done(&run);
		g_assert_cmpuint(run.result.window, ==, cases[i].wanted);
		g_assert_cmpuint(run.result.lost, ==, 0);
		g_assert_cmpuint(run.result.sent, ==, 60000);
		g_assert_cmpuint(run.server.restarts, ==, 1);
		run_clear(&run);
	}
}

/* One request, or one answer, is lost: each of them in turn. */
static void lose_each(guint window, gboolean answer, gboolean recovery)
{
	guint n = 1;

	for (guint i = 0; i < n; i++) {
		Run run;
		run_init(&run, 9000);
		run.options.window = window;
		run.server.recovery = recovery;
		run.server.buf_count = recovery ? 1 : 4;
		if (answer)
			run.server.lose_answer = (int)i;
		else
			run.server.lose_request = (int)i;
		run_upload(&run);
		assert_done(&run);
		g_assert_cmpuint(run.result.lost, >=, 1);
		g_assert_cmpint(run.took, <=, i == 0 ? 5 * SEC : 2 * SEC);
		g_assert_cmpuint(run.server.restarts, ==, recovery && answer && i == 0 ? 2 : 1);
		/* As many as without a loss, and the repeats: more may not come. */
		if (i == 0)
			n = run.server.uploads - 1;
		g_assert_cmpuint(run.server.uploads, <=, n + 4);
		run_clear(&run);
	}
	g_assert_cmpuint(n, >=, 26);
}

static void test_losses(void)
{
	for (guint window = 1; window <= 3; window++) {
		lose_each(window, FALSE, FALSE);
		lose_each(window, TRUE, FALSE);
	}
	lose_each(1, FALSE, TRUE);
	lose_each(1, TRUE, TRUE);
}

static guint last_request(Run *run)
{
	run_upload(run);
	assert_done(run);
	guint last = run->server.uploads - 1;
	gsize size = g_bytes_get_size(run->image);
	run_clear(run);
	run_init(run, size);
	return last;
}

/* The session is gone when the last chunk comes again: the list tells that all is there. */
static void test_last_answer_listed(void)
{
	Run run;

	run_init(&run, 20000);
	run.server.lose_answer = (int)last_request(&run);
	run_upload(&run);
	assert_done(&run);
	g_assert_cmpuint(run.server.restarts, ==, 1);
	g_assert_cmpuint(run.server.lists, ==, 1);
	run_clear(&run);
}

/* Nobody can tell: it starts over. */
static void test_last_answer_unknown(void)
{
	Run run;

	run_init(&run, 20000);
	guint last = last_request(&run);
	for (guint i = 0; i < 2; i++) {
		run.server.lose_answer = (int)last;
		run.without_hash = i == 0;
		run.server.no_list = i == 1;
		run_upload(&run);
		assert_done(&run);
		g_assert_cmpuint(run.server.restarts, ==, 2);
		run_clear(&run);
		run_init(&run, 20000);
	}
	run_clear(&run);
}

/* The image check of the server says what the list would. */
static void test_last_answer_checked(void)
{
	Run run;

	run_init(&run, 20000);
	guint last = last_request(&run);
	run.server.check = 1;
	run.without_hash = TRUE;
	run.server.lose_answer = (int)last;
	run_upload(&run);
	assert_done(&run);
	g_assert_cmpuint(run.server.restarts, ==, 1);
	run_clear(&run);
}

static void test_match(void)
{
	Run run;

	run_init(&run, 20000);
	run.server.check = 1;
	run_upload(&run);
	assert_done(&run);
	/* It is there already. */
	guint before = run.server.uploads;
	run_upload(&run);
	assert_done(&run);
	g_assert_cmpuint(run.server.uploads, ==, before + 1);
	g_assert_cmpuint(run.result.resumed_at, ==, 20000);
	run_clear(&run);

	run_init(&run, 20000);
	run.server.check = 0;
	run_upload(&run);
	assert_failed(&run, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MISMATCH, "check");
	run_clear(&run);
}

static gboolean die_in_middle(ImageServer *server, const UploadRequest *request,
			      const guint8 *packet, gint64 when)
{
	return request->nth >= 30 && request->nth < 200 && server->variant == 1;
}

/* Interrupted, and done again: it goes on where it was. */
static void test_resume(void)
{
	Run run;

	run_init(&run, 40000);
	run.server.intercept = die_in_middle;
	run.server.variant = 1;
	run_upload(&run);
	assert_failed(&run, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT, "no answer for 15 s");
	g_assert_cmpint(run.took, <=, 17 * SEC);
	guint64 there = run.server.offset;
	g_assert_cmpuint(there, >, 5000);
	run.server.variant = 0;
	run_upload(&run);
	assert_done(&run);
	g_assert_cmpuint(run.result.resumed_at, ==, there);
	g_assert_cmpuint(run.server.restarts, ==, 1);
	g_assert_cmpuint(run.result.sent, <, 40000 - there + 400);
	run_clear(&run);
}

static void test_erase(void)
{
	static const int seconds[] = {1, 3, 10, 30, 55};

	for (guint i = 0; i < G_N_ELEMENTS(seconds); i++) {
		for (guint recovery = 0; recovery < 2; recovery++) {
			Run run;
			run_init(&run, 20000);
			run.server.first_erase = seconds[i] * SEC;
			run.server.recovery = recovery;
			run.server.buf_count = recovery ? 1 : 4;
			run_upload(&run);
			assert_done(&run);
			g_test_message("erase of %d s%s: %.1f s, %u lost", seconds[i],
				       recovery ? " in recovery" : "", (double)run.took / SEC,
				       run.result.lost);
			/* Each copy of the first request makes recovery erase once more. */
			gint64 erases = !recovery || seconds[i] < 4 ? 1 : seconds[i] < 36 ? 2 : 3;
			gint64 most = seconds[i] * erases * SEC + 4 * SEC;
			g_assert_cmpint(run.took, <=, most);
			g_assert_nonnull(strstr(run.waits->str, "erase"));
			run_clear(&run);
		}
	}
}

static void test_erase_too_long(void)
{
	Run run;

	run_init(&run, 20000);
	run.server.first_erase = 200 * SEC;
	run_upload(&run);
	assert_failed(&run, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT, "no answer for 60 s");
	g_assert_cmpint(run.took, <=, 62 * SEC);
	run_clear(&run);
	run_init(&run, 20000);
	run.server.first_erase = 200 * SEC;
	run.options.first_timeout_ms = 240000;
	run_upload(&run);
	assert_done(&run);
	run_clear(&run);
}

/* Recovery stores whole units only. */
static void test_recovery(void)
{
	for (guint buf = 96; buf <= 1024; buf += 29) {
		Run run;
		run_init(&run, 30001);
		run.server.recovery = TRUE;
		run.server.buf_count = 1;
		run.server.buf_size = buf;
		run_upload(&run);
		assert_done(&run);
		g_assert_cmpuint(run.server.restarts, ==, 1);
		g_assert_cmpuint(run.result.window, ==, 1);
		/* One chunk tells; a tail of less than a unit each at most. */
		g_assert_cmpuint(run.result.sent, <, 30001 + 2 * 1024);
		run_clear(&run);
	}
}

/* What a server answers that lies about where it is. @variant: how */
static gboolean lie(ImageServer *server, const UploadRequest *request, const guint8 *packet,
		    gint64 when)
{
	guint64 end = request->offset + request->size;
	guint32 random = request->nth * 1103515245 + 12345;

	if (request->offset == 0)
		return FALSE;
	switch (server->variant) {
	case 0: /* beyond what was sent */
		end += 10000;
		break;
	case 1: /* beyond the end */
		end = 1 << 20;
		break;
	case 2: /* more than any number of bytes */
		end = G_MAXUINT64;
		break;
	case 3: /* always the same */
		end = 500;
		break;
	case 4: /* never more than one byte further */
		end = request->offset + 1;
		break;
	case 5: /* one byte back each time */
		end = request->offset - 1;
		break;
	case 6: /* there and back */
		end = request->nth % 2 ? end : 400;
		break;
	case 7:
		end = (random >> 8) % 40000;
		break;
	case 8: /* somewhere in what was sent */
		end = (random >> 8) % (guint32)end;
		break;
	case 9: /* the beginning */
		end = 0;
		break;
	default: /* where it was asked for */
		end = request->offset;
		break;
	}
	image_server_answer_offset(server, packet, end, when);
	return TRUE;
}

static void test_lies(void)
{
	for (int variant = 0; variant <= 10; variant++) {
		Run run;
		run_init(&run, 40000);
		run.server.intercept = lie;
		run.server.variant = variant;
		run_upload(&run);
		g_test_message("lie %d", variant);
		assert_failed(&run, SMP_PROTOCOL_ERROR,
			      variant <= 2 || variant == 7 ? SMP_PROTOCOL_ERROR_MALFORMED
							   : SMP_PROTOCOL_ERROR_STALLED,
			      "cannot upload the image: the board ");
		g_assert_cmpint(run.took, <=, 120 * SEC);
		run_clear(&run);
	}
}

/* It says once that it wants something else; what it says is done. */
static gboolean jump(ImageServer *server, const UploadRequest *request, const guint8 *packet,
		     gint64 when)
{
	if (request->nth != 20)
		return FALSE;
	if (server->variant == 0)
		server->offset = 1000;
	else if (server->variant == 1)
		image_server_forget(server);
	else
		return FALSE;
	image_server_answer_offset(server, packet, server->offset, when);
	return TRUE;
}

static void test_jumps(void)
{
	for (guint window = 1; window <= 3; window++) {
		for (int variant = 0; variant < 2; variant++) {
			Run run;
			run_init(&run, 20000);
			run.options.window = window;
			run.server.intercept = jump;
			run.server.variant = variant;
			run_upload(&run);
			assert_done(&run);
			g_assert_cmpuint(run.server.restarts, ==, variant == 1 ? 2 : 1);
			run_clear(&run);
		}
	}
}

/* The same offset again while the flash is busy (Nordic's bare-metal servers). */
static gboolean busy_flash(ImageServer *server, const UploadRequest *request, const guint8 *packet,
			   gint64 when)
{
	if (request->nth % 10 < 7 || request->nth == 0)
		return FALSE;
	image_server_answer_offset(server, packet, server->offset, when);
	return TRUE;
}

static void test_busy_flash(void)
{
	Run run;

	run_init(&run, 20000);
	run.server.intercept = busy_flash;
	run.server.buf_count = 1;
	run_upload(&run);
	assert_done(&run);
	run_clear(&run);
}

/* An error now and then, or always from some request on. */
static int error_code;
static gboolean error_always;

static gboolean refuse(ImageServer *server, const UploadRequest *request, const guint8 *packet,
		       gint64 when)
{
	gboolean now = error_always ? request->offset > 0 : request->nth % 20 == 19;

	if (!now)
		return FALSE;
	if (error_code != SMP_RC_ENOMEM)
		image_server_forget(server);
	wire_answer_rc(server->link, packet, (guint)error_code, when);
	return TRUE;
}

static void run_with_errors(Run *run, int code, gboolean always)
{
	run_init(run, 6000);
	run->server.intercept = refuse;
	error_code = code;
	error_always = always;
	run_upload(run);
}

static void test_errors(void)
{
	Run run;

	/* Out of buffers: the upload is still there. */
	run_with_errors(&run, SMP_RC_ENOMEM, FALSE);
	assert_done(&run);
	run_clear(&run);
	static const int codes[] = {SMP_RC_ENOMEM, SMP_RC_EBUSY,     SMP_RC_ECORRUPT,
				    SMP_RC_EINVAL, SMP_RC_EBADSTATE, SMP_RC_EACCESSDENIED};
	for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
		run_with_errors(&run, codes[i], TRUE);
		assert_failed(&run, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE,
			      "cannot upload the image: ");
		/* The server's own error, and soon. */
		g_assert_true(smp_error_is_device(run.error, SMP_GROUP_NONE, codes[i]));
		g_assert_cmpint(run.took, <=, 15 * SEC);
		run_clear(&run);
	}
}

static gboolean busy_at_first(ImageServer *server, const UploadRequest *request,
			      const guint8 *packet, gint64 when)
{
	if (request->nth >= 10)
		return FALSE;
	wire_answer_rc(server->link, packet, SMP_RC_EBUSY, when);
	return TRUE;
}

static void test_busy(void)
{
	Run run;

	run_init(&run, 6000);
	run.server.intercept = busy_at_first;
	run_upload(&run);
	assert_done(&run);
	run_clear(&run);
}

/* Zephyr before 3.1 and Mynewt take 512 bytes a chunk. */
static void test_small_chunks(void)
{
	Run run;

	run_init(&run, 30000);
	run.server.buf_size = 2048;
	run.server.max_data = 512;
	run_upload(&run);
	assert_done(&run);
	g_assert_cmpuint(run.server.restarts, <=, 2);
	run_clear(&run);
}

static gboolean too_long(ImageServer *server, const UploadRequest *request, const guint8 *packet,
			 gint64 when)
{
	if (request->packet_size <= 200)
		return FALSE;
	image_server_forget(server);
	wire_answer_rc(server->link, packet, SMP_RC_ECORRUPT, when);
	return TRUE;
}

/* A server that takes less than it says. */
static void test_corrupt(void)
{
	Run run;

	run_init(&run, 30000);
	run.server.intercept = too_long;
	run_upload(&run);
	assert_done(&run);
	run_clear(&run);
}

static gboolean refuse_group(ImageServer *server, const UploadRequest *request,
			     const guint8 *packet, gint64 when)
{
	wire_answer_error(server->link, packet, SMP_GROUP_IMAGE, SMP_IMAGE_RC_NO_FREE_SLOT, when);
	return TRUE;
}

static void test_refused(void)
{
	Run run;

	run_init(&run, 6000);
	run.server.intercept = refuse_group;
	run_upload(&run);
	assert_failed(&run, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE, "NO_FREE_SLOT");
	g_assert_cmpuint(run.server.uploads, ==, 1);
	run_clear(&run);
}

static void test_stall(void)
{
	for (guint window = 0; window <= 3; window++) {
		for (int at = 1; at < 26; at += 8) {
			Run run;
			run_init(&run, 9000);
			run.options.window = window;
			run.server.stall_at = at;
			run.server.stall_for = 4 * SEC;
			run_upload(&run);
			assert_done(&run);
			g_assert_cmpuint(run.server.restarts, ==, 1);
			g_assert_cmpint(run.took, <=, 7 * SEC);
			g_assert_nonnull(strstr(run.waits->str, "no answer"));
			run_clear(&run);
		}
	}
}

static void test_dies(void)
{
	for (int at = 0; at < 26; at += 5) {
		Run run;
		run_init(&run, 9000);
		run.server.die_at = at;
		run_upload(&run);
		assert_failed(&run, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT,
			      "cannot upload the image: no answer for");
		g_assert_cmpint(run.took, <=, at == 0 ? 62 * SEC : 32 * SEC);
		run_clear(&run);
	}
}

static void test_resets(void)
{
	for (int at = 1; at < 26; at += 5) {
		Run run;
		run_init(&run, 9000);
		run.server.reset_at = at;
		run.server.away_for = 3 * SEC;
		run_upload(&run);
		assert_done(&run);
		g_assert_cmpuint(run.server.restarts, ==, 2);
		g_assert_cmpint(run.took, <=, 12 * SEC);
		run_clear(&run);
	}
}

static void test_link_lost(void)
{
	for (int at = 0; at < 26; at += 5) {
		for (guint forgets = 0; forgets < 2; forgets++) {
			Run run;
			run_init(&run, 9000);
			run.server.cut_at = at;
			run.server.forgets = forgets;
			run.server.away_for = 20 * SEC;
			run_upload(&run);
			assert_done(&run);
			g_assert_cmpuint(run.server.restarts, ==, 1 + (forgets && at > 0));
			g_assert_cmpint(run.took, <=, 27 * SEC);
			g_assert_nonnull(strstr(run.waits->str, "connection lost"));
			run_clear(&run);
		}
	}
}

static void test_link_stays_lost(void)
{
	Run run;

	run_init(&run, 9000);
	run.server.cut_at = 9;
	run.server.away_for = -1;
	run_upload(&run);
	assert_failed(&run, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT, "did not come back");
	g_assert_cmpint(run.took, <=, 62 * SEC);
	run_clear(&run);
	run_init(&run, 9000);
	run.server.cut_at = 9;
	run.server.away_for = 20 * SEC;
	run.options.reconnect_ms = 5000;
	run_upload(&run);
	assert_failed(&run, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT, "did not come back");
	g_assert_cmpint(run.took, <=, 7 * SEC);
	run_clear(&run);
}

/* The link breaks at every request of a board with a bad cable. */
static gboolean cut_often(ImageServer *server, const UploadRequest *request, const guint8 *packet,
			  gint64 when)
{
	if (server->cut_at < (int)request->nth)
		server->cut_at = (int)request->nth + 2;
	return FALSE;
}

static void test_link_breaks_again(void)
{
	Run run;

	run_init(&run, 40000);
	run.server.intercept = cut_often;
	run.server.cut_at = 2;
	run.server.away_for = SEC;
	run_upload(&run);
	assert_failed(&run, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED, "went away");
	g_assert_cmpint(run.took, <=, 60 * SEC);
	run_clear(&run);
}

/* ---- speed ---- */

typedef struct {
	const char *name;
	guint rate;
	gint64 round_trip;
	gint64 process;
	gsize page;
	gint64 page_erase;
	gboolean deaf;
	guint rx_lines;
	guint buf_size;
	gboolean full; /* the default window comes near the line's limit */
} Speed;

static gint64 timed(const Speed *speed, guint window, SmpUploadResult *result)
{
	Run run;

	run_init(&run, 200000);
	run.server.rate = speed->rate;
	run.server.latency = speed->round_trip / 2;
	run.server.process = speed->process;
	run.server.page = speed->page;
	run.server.page_erase = speed->page_erase;
	run.server.deaf = speed->deaf;
	run.server.rx_lines = speed->rx_lines;
	run.server.buf_size = speed->buf_size;
	run.options.window = window;
	run_upload(&run);
	assert_done(&run);
	gint64 took = run.took;
	*result = run.result;
	run_clear(&run);
	return took;
}

/* µs that the bytes of the requests need on the line. */
static gint64 line_limit(const Speed *speed, gsize chunk)
{
	gsize packet = speed->buf_size - 4;
	gsize base64 = (packet + 4 + 2) / 3 * 4;
	gsize lines = (base64 + 123) / 124;
	gsize requests = (200000 + chunk - 1) / chunk;

	return (gint64)(requests * (base64 + 3 * lines) * SEC / speed->rate);
}

/* The window never costs: it is at most a little slower than one request at a time, whatever the
 * board does, and near the line's limit where the board lets it. */
static void compare(const Speed *speed)
{
	SmpUploadResult one, many;
	gint64 t1 = timed(speed, 1, &one);
	gint64 t = timed(speed, 0, &many);
	gint64 limit = line_limit(speed, many.chunk);

	g_test_message("%-28s %6u B/s, %4.1f ms, %4u B: %6.2f s alone, %6.2f s with %u (%u lost), "
		       "%3.0f %% of the line",
		       speed->name, speed->rate, (double)speed->round_trip / MS, speed->buf_size,
		       (double)t1 / SEC, (double)t / SEC, many.window, many.lost,
		       100.0 * (double)limit / (double)t);
	g_assert_cmpint(t, <=, (gint64)(1.03 * (double)t1) + 250 * MS);
	if (speed->full)
		g_assert_cmpint(limit, >=, (gint64)(0.97 * (double)t));
}

static void test_speed(void)
{
	static const Speed models[] = {
		{.name = "plain", .full = TRUE},
		{.name = "slow flash", .process = 20 * MS},
		{.name = "erases pages", .page = 4096, .page_erase = 85 * MS},
		{.name = "deaf while it erases", .page = 4096, .page_erase = 85 * MS, .deaf = TRUE},
		{.name = "deaf for a short while",
		 .page = 4096,
		 .page_erase = 3 * MS,
		 .deaf = TRUE},
		{.name = "2 lines", .process = 3 * MS, .rx_lines = 2},
		{.name = "4 lines", .process = 8 * MS, .rx_lines = 4},
		{.name = "deaf, 2 lines",
		 .process = 3 * MS,
		 .rx_lines = 2,
		 .page = 4096,
		 .page_erase = 85 * MS,
		 .deaf = TRUE},
	};
	static const guint rates[] = {11520, 92160};
	static const gint64 round_trips[] = {500, 2 * MS, 8 * MS, 20 * MS, 60 * MS};
	static const guint bufs[] = {128, 384, 1024};

	for (guint m = 0; m < G_N_ELEMENTS(models); m++) {
		for (guint r = 0; r < G_N_ELEMENTS(rates); r++) {
			for (guint t = 0; t < G_N_ELEMENTS(round_trips); t++) {
				for (guint b = 0; b < G_N_ELEMENTS(bufs); b++) {
					Speed speed = models[m];
					speed.rate = rates[r];
					speed.round_trip = round_trips[t];
					speed.buf_size = bufs[b];
					/* Three requests have to fill the round trip. */
					gint64 on_line = (gint64)bufs[b] * 4 / 3 * SEC / rates[r];
					speed.full = models[m].full &&
						     2 * on_line > speed.round_trip + 2 * MS;
					compare(&speed);
				}
			}
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/upload/sizes", test_sizes);
	g_test_add_func("/upload/no-room", test_no_room);
	g_test_add_func("/upload/small", test_small);
	g_test_add_func("/upload/window", test_window);
	g_test_add_func("/upload/losses", test_losses);
	g_test_add_func("/upload/last-answer/listed", test_last_answer_listed);
	g_test_add_func("/upload/last-answer/unknown", test_last_answer_unknown);
	g_test_add_func("/upload/last-answer/checked", test_last_answer_checked);
	g_test_add_func("/upload/match", test_match);
	g_test_add_func("/upload/resume", test_resume);
	g_test_add_func("/upload/erase", test_erase);
	g_test_add_func("/upload/erase-too-long", test_erase_too_long);
	g_test_add_func("/upload/recovery", test_recovery);
	g_test_add_func("/upload/lies", test_lies);
	g_test_add_func("/upload/jumps", test_jumps);
	g_test_add_func("/upload/busy-flash", test_busy_flash);
	g_test_add_func("/upload/errors", test_errors);
	g_test_add_func("/upload/busy", test_busy);
	g_test_add_func("/upload/small-chunks", test_small_chunks);
	g_test_add_func("/upload/corrupt", test_corrupt);
	g_test_add_func("/upload/refused", test_refused);
	g_test_add_func("/upload/stall", test_stall);
	g_test_add_func("/upload/dies", test_dies);
	g_test_add_func("/upload/resets", test_resets);
	g_test_add_func("/upload/link-lost", test_link_lost);
	g_test_add_func("/upload/link-stays-lost", test_link_stays_lost);
	g_test_add_func("/upload/link-breaks-again", test_link_breaks_again);
	g_test_add_func("/upload/speed", test_speed);
	return g_test_run();
}

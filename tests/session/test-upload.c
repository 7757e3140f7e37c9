/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The windowed upload: what is in its requests, and servers and lines as they are. */

#include "upload-run.h"

#include <smp/error.h>
#include <string.h>

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
	return g_test_run();
}

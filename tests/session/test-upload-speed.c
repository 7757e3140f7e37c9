/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long an upload takes, by the clock of the test: one request at a time and several. */

#include "upload-run.h"

typedef struct {
	const char *name;
	gsize size;
	guint rate;
	gint64 round_trip;
	gint64 process;
	gsize page;
	gint64 page_erase;
	gsize block;
	gboolean deaf;
	guint rx_lines;
	guint buf_size;
	gboolean full; /* the default window comes near the line's limit */
	gboolean pays; /* it saves 40 % of the time at least */
} Speed;

static void begin(Run *run, const Speed *speed)
{
	run_init(run, speed->size);
	run->server.rate = speed->rate;
	run->server.latency = speed->round_trip / 2;
	run->server.process = speed->process;
	run->server.page = speed->page;
	run->server.page_erase = speed->page_erase;
	run->server.block = MAX(speed->block, 1);
	run->server.deaf = speed->deaf;
	run->server.rx_lines = speed->rx_lines;
	run->server.buf_size = speed->buf_size;
}

static gint64 timed(const Speed *speed, guint window, SmpUploadResult *result)
{
	Run run;

	begin(&run, speed);
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
	gsize requests = (speed->size + chunk - 1) / chunk;

	return (gint64)(requests * (base64 + 3 * lines) * SEC / speed->rate);
}

/* All that are missed are of interest. */
static void expect(const char *what, gboolean met)
{
	if (met)
		return;
	g_test_message("missed: %s", what);
	g_test_fail();
}

/* The window never costs: it is at most a little slower than one request at a time, whatever the
 * board does, and near the line's limit where the board lets it. */
static void compare(const Speed *speed)
{
	SmpUploadResult one, many;
	gint64 t1 = timed(speed, 1, &one);
	gint64 t = timed(speed, 0, &many);
	gint64 limit = line_limit(speed, many.chunk);

	g_test_message(
		"%-24s %3zu KB %6u B/s, %4.1f ms, %4u B: %6.2f s alone, %6.2f s with %u (%u lost), "
		"%3.0f %% of the line",
		speed->name, speed->size / 1000, speed->rate, (double)speed->round_trip / MS,
		speed->buf_size, (double)t1 / SEC, (double)t / SEC, many.window, many.lost,
		100.0 * (double)limit / (double)t);
	/* It takes a loss or two to find out, each of which costs a request or two. */
	gint64 lesson = 250 * MS + limit * many.chunk / speed->size;
	expect("is not slower", t <= (gint64)(1.03 * (double)t1) + lesson);
	/* Where answers show erases, the first loss foretells the others, and pays for itself. */
	gboolean erases_long = speed->deaf && speed->page_erase >= 20 * MS;
	expect("is not slower for erases", !erases_long || (double)t <= 1.01 * (double)t1);
	/* A board that takes everything in is not asked twice. */
	expect("asks once", speed->deaf || speed->rx_lines || many.lost == 0);
	expect("fills the line", !speed->full || (double)limit >= 0.96 * (double)t);
	expect("pays", !speed->pays || 5 * t <= 3 * t1);
}

/* What a board that listens has to give. */
static void expect_more(Speed *speed)
{
	gint64 on_line = (gint64)speed->buf_size * 4 / 3 * SEC / speed->rate;
	gboolean listens = !speed->deaf && !speed->rx_lines;

	/* Three requests have to fill the round trip. */
	speed->full =
		speed->full && speed->size >= 200000 && 2 * on_line > speed->round_trip + 2 * MS;
	speed->pays = listens && !speed->process && speed->round_trip > 3 * on_line;
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
		{.name = "deaf, blocks of 512",
		 .page = 4096,
		 .page_erase = 85 * MS,
		 .block = 512,
		 .deaf = TRUE},
		{.name = "deaf, 16 KB sectors",
		 .page = 16 << 10,
		 .page_erase = 300 * MS,
		 .deaf = TRUE},
		{.name = "deaf, large sectors", .page = 128 << 10, .page_erase = SEC, .deaf = TRUE},
		{.name = "2 lines", .process = 3 * MS, .rx_lines = 2},
		{.name = "4 lines", .process = 8 * MS, .rx_lines = 4},
		{.name = "deaf, 2 lines",
		 .process = 3 * MS,
		 .rx_lines = 2,
		 .page = 4096,
		 .page_erase = 85 * MS,
		 .deaf = TRUE},
	};
	static const gsize sizes[] = {50000, 200000};
	static const guint rates[] = {11520, 92160};
	static const gint64 round_trips[] = {500, 2 * MS, 8 * MS, 20 * MS, 60 * MS};
	static const guint bufs[] = {128, 384, 1024, 2048};
	guint n = G_N_ELEMENTS(sizes) * G_N_ELEMENTS(rates) * G_N_ELEMENTS(round_trips) *
		  G_N_ELEMENTS(bufs);

	for (guint m = 0; m < G_N_ELEMENTS(models); m++) {
		for (guint i = 0; i < n; i++) {
			guint at = i;
			Speed speed = models[m];
			speed.buf_size = bufs[at % G_N_ELEMENTS(bufs)];
			at /= G_N_ELEMENTS(bufs);
			speed.round_trip = round_trips[at % G_N_ELEMENTS(round_trips)];
			at /= G_N_ELEMENTS(round_trips);
			speed.rate = rates[at % G_N_ELEMENTS(rates)];
			speed.size = sizes[at / G_N_ELEMENTS(rates)];
			expect_more(&speed);
			compare(&speed);
		}
	}
}

/* A request is lost on a board that listens. @stall: µs by which the answer to the one before it is
 * late. */
static gint64 timed_loss(int at, gint64 stall)
{
	const Speed speed = {.size = 200000, .rate = 92160, .round_trip = 16 * MS, .buf_size = 384};
	Run run;

	begin(&run, &speed);
	run.server.stall_at = at - 1;
	run.server.stall_for = stall;
	run.server.lose_request = at;
	run_upload(&run);
	assert_done(&run);
	gint64 took = run.took;
	run_clear(&run);
	return took;
}

/* By chance it looks as if it were deaf while it erases, but it is not taken for that for long. */
static void test_unlucky(void)
{
	for (int at = 5; at < 400; at += 36) {
		gint64 lost = timed_loss(at, 0);
		gint64 took = timed_loss(at, 100 * MS);
		g_test_message("%.2f s, where nothing was late %.2f s", (double)took / SEC,
			       (double)lost / SEC);
		expect("is not misled", took <= lost + 300 * MS);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/upload/speed", test_speed);
	g_test_add_func("/upload/speed-unlucky", test_unlucky);
	return g_test_run();
}

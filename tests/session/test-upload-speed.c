/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long an upload takes, by the clock of the test: one request at a time and several. */

#include "upload-run.h"

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
	/* A board that takes everything in is not asked twice. */
	if (!speed->deaf && speed->rx_lines == 0)
		g_assert_cmpuint(many.lost, ==, 0);
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
	g_test_add_func("/upload/speed", test_speed);
	return g_test_run();
}

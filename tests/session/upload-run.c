/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "upload-run.h"

#include <string.h>

static GBytes *make_bytes(gsize size)
{
	static const guint8 magic[] = {0x3d, 0xb8, 0xf3, 0x96};
	guint8 *data = g_malloc(size);

	for (gsize i = 0; i < size; i++)
		data[i] = i < 4 ? magic[i] : (guint8)(i ^ (i >> 8) * 7);
	return g_bytes_new_take(data, size);
}

void run_init(Run *run, gsize size)
{
	*run = (Run){.image = make_bytes(size), .waits = g_string_new(NULL)};
	image_server_init(&run->server, run->image);
}

void run_clear(Run *run)
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

void run_upload(Run *run)
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

void assert_done(const Run *run)
{
	g_assert_no_error(run->error);
	g_assert_true(run->done);
	g_assert_true(image_server_complete(&run->server));
	g_assert_cmpuint(run->last_offset, ==, g_bytes_get_size(run->image));
}

void assert_failed(const Run *run, GQuark domain, int code, const char *text)
{
	g_assert_false(run->done);
	g_test_message("%.1f s: %s", (double)run->took / SEC, run->error->message);
	g_assert_error(run->error, domain, code);
	g_assert_nonnull(strstr(run->error->message, text));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The windowed upload against servers, boards and lines that do what they should not. */

#include "upload-run.h"

#include <smp/error.h>
#include <string.h>

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
		end = request->nth % 3 ? 400 : end;
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

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
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
	return g_test_run();
}

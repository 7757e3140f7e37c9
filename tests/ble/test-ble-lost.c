/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The link goes away, and comes back: resets, other addresses, bluetoothd itself. */

#include "ble-test.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "tests/lib/make-image.h"

#define SECOND G_USEC_PER_SEC

static void check_lost(SmpSession *session)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(ble_test_try_echo(session, 5, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
}

static void check_back(SmpSession *session, gint64 within)
{
	SmpLink *link = smp_session_get_link(session);
	g_autoptr(GError) error = NULL;

	if (!smp_session_reconnect(session, smp_link_now(link) + within, &error))
		g_error("%s", error->message);
	ble_test_echo(session, 5);
}

typedef void (*Disturb)(BluezDouble *bluez);

static void drop(BluezDouble *bluez)
{
	bluez_double_drop(bluez, 0);
}

static void close_notify(BluezDouble *bluez)
{
	bluez_double_close_fd(bluez, 0, TRUE);
}

static void close_write(BluezDouble *bluez)
{
	bluez_double_close_fd(bluez, 0, FALSE);
}

static void move_services(BluezDouble *bluez)
{
	bluez_double_move_services(bluez, 0);
}

static void restart(BluezDouble *bluez)
{
	bluez_double_restart(bluez, 300);
}

static void take_adapter_away(BluezDouble *bluez)
{
	bluez_double_remove_adapter(bluez);
	bluez_double_add_adapter(bluez, "hci0", TRUE);
}

/* Whatever ended it, the link says so, and is the same board's again afterwards. */
static void test_disturbed(void)
{
	static const Disturb disturbances[] = {drop,	      close_notify, close_write,
					       move_services, restart,	    take_adapter_away};
	static const char *const targets[] = {"ble:C0:11:22:33:44:55", "ble:Sensor 12"};

	for (guint i = 0; i < G_N_ELEMENTS(disturbances) * G_N_ELEMENTS(targets); i++) {
		g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
		g_autoptr(SmpLink) link = ble_test_open(targets[i % 2]);
		g_autoptr(SmpSession) session = ble_test_session(link);
		DoubleCounts counts;

		ble_test_echo(session, 5);
		disturbances[i / 2](bluez);
		check_lost(session);
		check_back(session, 10 * SECOND);
		smp_link_close(link);
		bluez_double_get_counts(bluez, &counts);
		g_assert_cmpuint(counts.acquired, ==, 0);
		g_assert_cmpuint(counts.left_notify, ==, 0);
	}
}

static gpointer power_on_later(gpointer bluez)
{
	g_usleep(1500000);
	bluez_double_power(bluez, 0, TRUE);
	return NULL;
}

/* Out of range for a while: it is looked for until the deadline, in steps of a second as after a
 * reset. */
static void test_away(void)
{
	g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
	g_autoptr(SmpLink) link = ble_test_open("ble:");
	g_autoptr(SmpSession) session = ble_test_session(link);
	g_autoptr(GError) error = NULL;

	bluez_double_power(bluez, 0, FALSE);
	check_lost(session);
	g_assert_false(smp_session_reconnect(session, smp_link_now(link) + SECOND, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	g_autoptr(GThread) thread = g_thread_new("power", power_on_later, bluez);
	check_back(session, 5 * SECOND);
	g_thread_join(g_steal_pointer(&thread));
}

static void switch_adapter(BluezDouble *bluez)
{
	bluez_double_switch(bluez, "hci0", FALSE);
	bluez_double_switch(bluez, "hci0", TRUE);
}

static void end_scan(BluezDouble *bluez)
{
	bluez_double_end_scan(bluez);
}

typedef struct {
	BluezDouble *bluez;
	Disturb disturb;
} Later;

static gpointer disturb_later(gpointer data)
{
	const Later *later = data;

	g_usleep(SECOND / 2);
	later->disturb(later->bluez);
	g_usleep(SECOND / 2);
	bluez_double_power(later->bluez, 0, TRUE);
	return NULL;
}

/* While a board that is off is looked for, the scan ends with the adapter or bluetoothd, or by
 * itself; it is found all the same. */
static void test_scan_ends(void)
{
	static const Disturb disturbances[] = {switch_adapter, take_adapter_away, restart,
					       end_scan};
	static const char *const targets[] = {"ble:", "ble:?adapter=hci0"};

	for (guint i = 0; i < G_N_ELEMENTS(disturbances) * G_N_ELEMENTS(targets); i++) {
		g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
		g_autoptr(SmpLink) link = ble_test_open(targets[i % 2]);
		g_autoptr(SmpSession) session = ble_test_session(link);
		Later later = {bluez, disturbances[i / 2]};

		if (later.disturb == end_scan && i % 2 == 1)
			continue;
		bluez_double_power(bluez, 0, FALSE);
		check_lost(session);
		g_autoptr(GThread) thread = g_thread_new("disturb", disturb_later, &later);
		check_back(session, (later.disturb == end_scan ? 12 : 4) * SECOND);
		g_thread_join(g_steal_pointer(&thread));
	}
}

static void switch_on(BluezDouble *bluez)
{
	bluez_double_switch(bluez, "hci0", TRUE);
}

static void carry_to_other(BluezDouble *bluez)
{
	bluez_double_carry(bluez, 0, "hci1");
}

/* There is another adapter: it looks for the board until that one is back on which the link was,
 * and finds it where that stays off. */
static void test_two_adapters(void)
{
	static const Disturb later_on[] = {switch_on, carry_to_other};

	for (guint i = 0; i < G_N_ELEMENTS(later_on); i++) {
		g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
		bluez_double_add_adapter(bluez, "hci1", TRUE);
		g_autoptr(SmpLink) link = ble_test_open("ble:");
		g_autoptr(SmpSession) session = ble_test_session(link);
		Later later = {bluez, later_on[i]};

		bluez_double_power(bluez, 0, FALSE);
		bluez_double_switch(bluez, "hci0", FALSE);
		check_lost(session);
		g_autoptr(GThread) thread = g_thread_new("disturb", disturb_later, &later);
		check_back(session, 4 * SECOND);
		g_thread_join(g_steal_pointer(&thread));
	}
}

static gpointer drop_later(gpointer bluez)
{
	g_usleep(SECOND / 2);
	bluez_double_drop(bluez, 0);
	return NULL;
}

/* A connection that another program is just ending is over before ours begins. */
static void test_being_ended(void)
{
	static const DoubleRule ended = {"AcquireNotify", "org.bluez.Error.Failed", "Not connected",
					 0, 1};
	g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
	SmpLink *other = ble_test_open("ble:C0:11:22:33:44:55?keep=yes");

	smp_link_free(other);
	bluez_double_add_rule(bluez, &ended);
	gint64 began = g_get_monotonic_time();
	g_autoptr(GThread) thread = g_thread_new("drop", drop_later, bluez);
	g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55");
	g_assert_cmpint(g_get_monotonic_time() - began, >=, SECOND / 2);
	g_autoptr(SmpSession) session = ble_test_session(link);
	ble_test_echo(session, 5);
	g_thread_join(g_steal_pointer(&thread));
}

static void test_reset(gboolean new_address)
{
	DoubleBoard board = ble_test_board;

	board.new_address = new_address;
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
	g_autoptr(SmpLink) link = ble_test_open("ble:Sensor 12");
	g_autoptr(SmpSession) session = ble_test_session(link);
	g_autoptr(GError) error = NULL;

	g_assert_true(smp_os_reset(session, FALSE, SMP_BOOT_MODE_NORMAL, &error));
	if (!smp_wait_for_board(session, 20000, NULL, NULL, &error))
		g_error("%s", error->message);
	g_autofree char *identity = smp_link_identity(link);
	g_assert_cmpstr(identity, ==,
			new_address ? "ble:C0:11:22:33:44:51" : "ble:C0:11:22:33:44:55");
}

static void test_same_address(void)
{
	test_reset(FALSE);
}

static void test_new_address(void)
{
	test_reset(TRUE);
}

static SmpBundle *make_bundle(void)
{
	g_autoptr(GBytes) image =
		make_image(&(MakeImage){.version = {1, 1, 0, 0}, .payload_size = 20000, .seed = 3});
	g_autofree char *path = g_build_filename(g_get_tmp_dir(), "test-ble-XXXXXX", NULL);
	g_autoptr(GError) error = NULL;
	SmpBundle *bundle = smp_bundle_new();
	gsize size = 0;
	const char *data = g_bytes_get_data(image, &size);

	g_close(g_mkstemp(path), NULL);
	g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
	if (!smp_bundle_add(bundle, path, 0, &error))
		g_error("%s", error->message);
	unlink(path);
	return bundle;
}

/* The whole way over the air: upload, trial, reset, confirm. */
static void check_update(const DoubleBoard *board)
{
	g_autoptr(BluezDouble) bluez = ble_test_start(board);
	g_autoptr(SmpLink) link = ble_test_open("ble:Sensor 12");
	g_autoptr(SmpSession) session = ble_test_session(link);
	g_autoptr(SmpBundle) bundle = make_bundle();
	const SmpPolicy policy = {.mode = SMP_UPDATE_TEST_AND_CONFIRM,
				  .stop_before = SMP_ACTION_END};
	g_autoptr(SmpUpdate) update = smp_update_new(session, bundle, &policy);
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpUpdateResult) result = smp_update_run(update, &error);
	DoubleCounts counts;

	if (!result)
		g_error("%s", error->message);
	if (result->end != SMP_END_UPDATED)
		g_error("%s: %s", result->message, result->detail);
	smp_link_close(link);
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.acquired, ==, 0);
	g_assert_cmpuint(counts.left_notify, ==, 0);
}

static void test_update(void)
{
	check_update(&ble_test_board);
}

/* The link is lost in the middle of the upload, once. */
static void test_update_dropped(void)
{
	DoubleBoard board = ble_test_board;

	board.drop_at = 12;
	check_update(&board);
}

static void test_update_lost_piece(void)
{
	DoubleBoard board = ble_test_board;

	board.lose_piece = 17;
	check_update(&board);
}

static void test_update_no_reassembly(void)
{
	DoubleBoard board = ble_test_board;

	board.no_reassembly = TRUE;
	check_update(&board);
}

static void test_update_both(void)
{
	DoubleBoard board = ble_test_board;

	board.both = TRUE;
	board.new_address = TRUE;
	check_update(&board);
}

static void power_off(const SmpUploadProgress *progress, gpointer bluez)
{
	if (progress->offset > 5000 && !progress->waiting)
		bluez_double_power(bluez, 0, FALSE);
}

/* Out of range in the middle of an upload, and not back in time. */
static void test_upload_away(void)
{
	g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
	g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55");
	g_autoptr(SmpSession) session = ble_test_session(link);
	g_autoptr(GBytes) image =
		make_image(&(MakeImage){.version = {1, 1, 0, 0}, .payload_size = 20000, .seed = 3});
	const SmpUploadOptions options = {
		.reconnect_ms = 1000, .progress = power_off, .user_data = bluez};
	SmpUploadResult result = {0};
	g_autoptr(GError) error = NULL;

	g_assert_false(smp_upload_image(session, image, 0, FALSE, NULL, &options, &result, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	g_assert_nonnull(strstr(error->message, "did not come back in time"));
	g_assert_cmpuint(result.sent, >, 5000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ble/lost/disturbed", test_disturbed);
	g_test_add_func("/ble/lost/away", test_away);
	g_test_add_func("/ble/lost/scan-ends", test_scan_ends);
	g_test_add_func("/ble/lost/two-adapters", test_two_adapters);
	g_test_add_func("/ble/lost/being-ended", test_being_ended);
	g_test_add_func("/ble/lost/same-address", test_same_address);
	g_test_add_func("/ble/lost/new-address", test_new_address);
	g_test_add_func("/ble/lost/upload-away", test_upload_away);
	g_test_add_func("/ble/lost/update", test_update);
	g_test_add_func("/ble/lost/update-dropped", test_update_dropped);
	g_test_add_func("/ble/lost/update-lost-piece", test_update_lost_piece);
	g_test_add_func("/ble/lost/update-no-reassembly", test_update_no_reassembly);
	g_test_add_func("/ble/lost/update-both", test_update_both);
	return ble_test_run();
}

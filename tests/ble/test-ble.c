/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The link to a board on Bluetooth LE: finding, connecting, carrying packets, leaving. */

#include "ble-test.h"

#include <string.h>

static const DoubleBoard boards[] = {
	{.address = "C0:11:22:33:44:55", .name = "Sensor 12", .random = TRUE, .smp = TRUE},
	{.address = "C0:11:22:33:44:56", .name = "Sensor 13", .random = TRUE},
	{.address = "00:11:22:33:44:57", .name = "Phone"},
	{.address = "C0:11:22:33:44:58", .name = "Sensor 13", .random = TRUE},
};

static void check_opens(const char *target, const char *identity)
{
	g_autoptr(SmpLink) link = ble_test_open(target);
	g_autoptr(SmpSession) session = ble_test_session(link);
	g_autofree char *found = smp_link_identity(link);

	g_assert_cmpstr(found, ==, identity);
	ble_test_echo(session, 5);
}

static void test_targets(void)
{
	SimConfig config = ble_test_config();
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED =
		bluez_double_new(ble_test_bus(), &config, boards, 4);

	check_opens("ble:c0:11:22:33:44:55", "ble:C0:11:22:33:44:55");
	check_opens("ble:C0:11:22:33:44:55?address-type=random", "ble:C0:11:22:33:44:55");
	check_opens("ble:Sensor 12", "ble:C0:11:22:33:44:55");
	check_opens("ble:Sensor 12*", "ble:C0:11:22:33:44:55");
	check_opens("ble:", "ble:C0:11:22:33:44:55");
	check_opens("ble:?adapter=hci0", "ble:C0:11:22:33:44:55");
	ble_test_fails("ble:Sensor 13", SMP_LINK_ERROR_AMBIGUOUS, "ble:C0:11:22:33:44:58");
	ble_test_fails("ble:Sensor*", SMP_LINK_ERROR_AMBIGUOUS, "several boards match");
	ble_test_fails("ble:Sensor 1?connect-timeout=1", SMP_LINK_ERROR_NOT_FOUND,
		       "no board Sensor 1 was heard");
	ble_test_fails("ble:C0:11:22:33:44:55?address-type=public&connect-timeout=1",
		       SMP_LINK_ERROR_NOT_FOUND, "was heard");
}

static void test_adapters(void)
{
	g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);

	bluez_double_add_adapter(bluez, "hci1", FALSE);
	ble_test_fails("ble:?adapter=hci1", SMP_LINK_ERROR_NOT_FOUND, "hci1 is switched off");
	ble_test_fails("ble:?adapter=hci2", SMP_LINK_ERROR_NOT_FOUND,
		       "no adapter hci2; there is hci0, hci1");
	bluez_double_set(bluez, "/org/bluez/hci1", "org.bluez.Adapter1", "PowerState",
			 g_variant_new_string("off-blocked"));
	ble_test_fails("ble:?adapter=hci1", SMP_LINK_ERROR_NOT_FOUND, "rfkill unblock");
	bluez_double_set(bluez, "/org/bluez/hci1", "org.bluez.Adapter1", "Powered",
			 g_variant_new_boolean(TRUE));
	ble_test_fails("ble:?adapter=hci1&connect-timeout=1", SMP_LINK_ERROR_NOT_FOUND,
		       "no board that says");
	check_opens("ble:", "ble:C0:11:22:33:44:55");
}

static void test_no_bluetoothd(void)
{
	ble_test_fails("ble:", SMP_LINK_ERROR_NOT_FOUND, "bluetoothd is not running");
}

static void test_no_adapter(void)
{
	g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);

	bluez_double_remove_adapter(bluez);
	ble_test_fails("ble:", SMP_LINK_ERROR_NOT_FOUND, "no Bluetooth adapter");
}

/* Every MTU: pieces of MTU - 3, never more than what BlueZ hands on. */
static void test_mtu(void)
{
	static const guint16 mtus[] = {23, 24, 65, 104, 185, 247, 498, 512, 515, 516, 517};

	for (guint i = 0; i < G_N_ELEMENTS(mtus); i++) {
		DoubleBoard board = ble_test_board;
		DoubleCounts counts;

		board.mtu = mtus[i];
		g_autoptr(BluezDouble) bluez = ble_test_start(&board);
		g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55?reassembly=on");
		g_autoptr(SmpSession) session = ble_test_session(link);

		ble_test_echo(session, 900);
		bluez_double_get_counts(bluez, &counts);
		g_assert_cmpuint(counts.longest_write, ==, MIN(mtus[i] - 3, 510));
	}
}

static gsize max_packet(SmpSession *session)
{
	g_autoptr(GError) error = NULL;
	gsize size = 0;

	if (!smp_session_get_max_packet(session, &size, &error))
		g_error("%s", error->message);
	return size;
}

static void test_reassembly(void)
{
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&ble_test_board);
	g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55");
	g_autoptr(SmpSession) session = ble_test_session(link);
	g_autofree char *describe = NULL;

	g_assert_cmpuint(smp_link_max_packet(link, 1024), ==, 244);
	g_assert_cmpuint(max_packet(session), ==, 1024);
	describe = smp_link_describe(link);
	g_assert_cmpstr(describe, ==,
			"Bluetooth LE, MTU 247, reassembly, interval up to the board");
	ble_test_echo(session, 1000);
}

static void test_no_reassembly(void)
{
	DoubleBoard board = ble_test_board;

	board.no_reassembly = TRUE;
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
	g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55");
	g_autoptr(SmpSession) session = ble_test_session(link);

	g_assert_cmpuint(max_packet(session), ==, 244);
	ble_test_echo(session, 200);
}

static void test_reassembly_off(void)
{
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&ble_test_board);
	g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55?reassembly=off");
	g_autoptr(SmpSession) session = ble_test_session(link);

	g_assert_cmpuint(max_packet(session), ==, 244);
}

/* Answers in pieces of any size, and two in one notification. */
static void test_pieces(void)
{
	static const guint pieces[] = {1, 7, 8, 9, 20};

	for (guint i = 0; i < G_N_ELEMENTS(pieces); i++) {
		DoubleBoard board = ble_test_board;

		board.piece = pieces[i];
		g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
		g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55");
		g_autoptr(SmpSession) session = ble_test_session(link);

		for (gsize size = 1; size < 200; size += 37)
			ble_test_echo(session, size);
	}
}

/* A piece that is lost swallows the next request, until the subscription is renewed. */
static void test_lost_piece(void)
{
	DoubleBoard board = ble_test_board;

	board.lose_piece = 4;
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
	g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55?reassembly=on");
	g_autoptr(SmpSession) session = ble_test_session(link);

	for (guint i = 0; i < 5; i++)
		ble_test_echo(session, 600);
}

/* Slow, in another order, or not before BlueZ forgot what it knew. */
static void test_services(void)
{
	DoubleBoard slow = ble_test_board, odd = ble_test_board, cached = ble_test_board;
	DoubleBoard none = ble_test_board, empty = ble_test_board;
	DoubleCounts counts;

	slow.resolve_ms = 1500;
	odd.odd_order = TRUE;
	cached.known = cached.service_later = TRUE;
	none.no_service = none.paired = none.known = TRUE;
	empty.no_characteristic = TRUE;
	{
		g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&slow);
		check_opens("ble:C0:11:22:33:44:55", "ble:C0:11:22:33:44:55");
	}
	{
		g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&odd);
		check_opens("ble:C0:11:22:33:44:55", "ble:C0:11:22:33:44:55");
	}
	{
		g_autoptr(BluezDouble) bluez = ble_test_start(&cached);
		check_opens("ble:C0:11:22:33:44:55", "ble:C0:11:22:33:44:55");
		bluez_double_get_counts(bluez, &counts);
		g_assert_cmpuint(counts.removes, ==, 1);
	}
	{
		g_autoptr(BluezDouble) bluez = ble_test_start(&none);
		ble_test_fails("ble:C0:11:22:33:44:55", SMP_LINK_ERROR_UNSUPPORTED,
			       "offers no SMP");
		bluez_double_get_counts(bluez, &counts);
		/* A bond is not given up for that. */
		g_assert_cmpuint(counts.removes, ==, 0);
	}
	{
		g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&empty);
		ble_test_fails("ble:C0:11:22:33:44:55", SMP_LINK_ERROR_UNSUPPORTED,
			       "offers no SMP");
	}
}

static int count_fds(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	int n = 0;

	while (g_dir_read_name(dir))
		n++;
	return n;
}

static guint count_bus_names(void)
{
	g_autoptr(GDBusConnection) bus = g_dbus_connection_new_for_address_sync(
		ble_test_bus(),
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
			G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
		NULL, NULL, NULL);
	g_autoptr(GVariant) reply = g_dbus_connection_call_sync(bus, "org.freedesktop.DBus", "/",
								"org.freedesktop.DBus", "ListNames",
								NULL, NULL, 0, -1, NULL, NULL);
	g_autoptr(GVariant) names = g_variant_get_child_value(reply, 0);

	g_dbus_connection_close_sync(bus, NULL, NULL);
	return (guint)g_variant_n_children(names);
}

/* Nothing stays behind: no descriptor, no connection to the bus and with it no match, no scan; and
 * bluetoothd never sees a client leave with its notifications open, which crashes it. */
static void test_twenty_times(void)
{
	g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
	DoubleCounts counts;
	guint names = 0;
	int fds = 0;

	for (guint i = 0; i < 21; i++) {
		if (i == 1) {
			fds = count_fds();
			names = count_bus_names();
		}
		check_opens("ble:C0:11:22:33:44:55", "ble:C0:11:22:33:44:55");
	}
	/* GDBus closes its last one in another thread. */
	g_assert_cmpint(count_fds(), <=, fds + 3);
	g_assert_cmpuint(count_bus_names(), ==, names);
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.acquired, ==, 0);
	g_assert_cmpuint(counts.left_notify, ==, 0);
	g_assert_cmpuint(counts.disconnects, ==, 21);
	g_assert_false(counts.scanning);
}

/* BlueZ does not tell that it is connected: it is disconnected in the end all the same. */
static void test_mute(void)
{
	DoubleBoard board = ble_test_board;
	DoubleCounts counts;

	board.mute = TRUE;
	board.resolve_ms = 50;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	/* Waited for, or the next command finds a connection that is about to end. */
	bluez_double_add_rule(bluez, &(DoubleRule){.method = "Disconnect", .delay_ms = 500});
	gint64 start = g_get_monotonic_time();
	check_opens("ble:C0:11:22:33:44:55", "ble:C0:11:22:33:44:55");
	g_assert_cmpint(g_get_monotonic_time() - start, >=, 500 * G_TIME_SPAN_MILLISECOND);
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.disconnects, ==, 1);
	g_assert_cmpuint(counts.connects, ==, 1);
}

static void test_keep(void)
{
	g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
	DoubleCounts counts;

	check_opens("ble:?keep=yes", "ble:C0:11:22:33:44:55");
	/* Whoever finds it connected leaves it so. */
	check_opens("ble:", "ble:C0:11:22:33:44:55");
	bluez_double_get_counts(bluez, &counts);
	g_assert_cmpuint(counts.disconnects, ==, 0);
	g_assert_cmpuint(counts.acquired, ==, 0);
}

static gpointer cancel_soon(gpointer cancellable)
{
	g_usleep(200000);
	g_cancellable_cancel(cancellable);
	return NULL;
}

/* Ctrl-C, at each point: everything ends at once and in order. */
static void test_cancel(void)
{
	static const char *const methods[] = {"StartDiscovery", "Connect", "AcquireNotify",
					      "AcquireWrite", "Pair"};

	for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
		g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
		g_autoptr(GCancellable) cancellable = g_cancellable_new();
		g_autoptr(SmpLink) link = smp_link_new("ble:?pair=yes", NULL);
		g_autoptr(GError) error = NULL;
		DoubleCounts counts;

		bluez_double_add_rule(bluez, &(DoubleRule){.method = methods[i]});
		smp_link_set_cancellable(link, cancellable);
		g_autoptr(GThread) thread = g_thread_new("cancel", cancel_soon, cancellable);
		gint64 start = g_get_monotonic_time();
		g_assert_false(smp_link_open(link, &error));
		g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
		/* Settling for other boards takes a second. */
		g_assert_cmpint(g_get_monotonic_time() - start, <, 3 * G_USEC_PER_SEC);
		g_thread_join(g_steal_pointer(&thread));
		g_clear_pointer(&link, smp_link_free);
		bluez_double_get_counts(bluez, &counts);
		g_assert_cmpuint(counts.acquired, ==, 0);
		g_assert_cmpuint(counts.left_notify, ==, 0);
	}
}

static void test_scan(void)
{
	SimConfig config = ble_test_config();
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED =
		bluez_double_new(ble_test_bus(), &config, boards, 3);
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) found = smp_ble_scan(NULL, 300, NULL, &error);
	const SmpBleBoard *first = NULL;

	g_assert_no_error(error);
	g_assert_cmpuint(found->len, ==, 3);
	first = found->pdata[0];
	g_assert_true(first->smp);
	g_assert_cmpstr(first->target, ==, "ble:C0:11:22:33:44:55");
	g_assert_cmpstr(first->name, ==, "Sensor 12");
	g_assert_cmpint(first->rssi, ==, -60);
	g_assert_true(first->random);
	g_assert_null(smp_ble_scan("hci7", 300, NULL, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND);
}

/* What a board calls itself is shown without what moves a terminal's cursor, and kept as it is. */
static void test_strange_names(void)
{
	static const char name[] = "a\033[31m\nb\302\2332J\342\200\256c";
	static const char shown[] = "a?[31m?b?2J?c";
	const DoubleBoard strange[] = {
		{.address = "C0:11:22:33:44:55", .name = name, .smp = TRUE, .no_service = TRUE},
		{.address = "C0:11:22:33:44:56", .name = name, .smp = TRUE},
	};
	SimConfig config = ble_test_config();
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED =
		bluez_double_new(ble_test_bus(), &config, strange, 2);
	g_autoptr(GError) error = NULL;
	g_autofree char *one = g_strdup_printf("%s (C0:11:22:33:44:55) offers no SMP", shown);
	g_autofree char *both = g_strdup_printf(
		"ble:C0:11:22:33:44:55 (%s), ble:C0:11:22:33:44:56 (%s)", shown, shown);

	ble_test_fails("ble:C0:11:22:33:44:55", SMP_LINK_ERROR_UNSUPPORTED, one);
	ble_test_fails("ble:a*", SMP_LINK_ERROR_AMBIGUOUS, both);
	g_autoptr(GPtrArray) found = smp_ble_scan(NULL, 300, NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(((SmpBleBoard *)found->pdata[0])->name, ==, name);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ble/no-bluetoothd", test_no_bluetoothd);
	g_test_add_func("/ble/no-adapter", test_no_adapter);
	g_test_add_func("/ble/targets", test_targets);
	g_test_add_func("/ble/adapters", test_adapters);
	g_test_add_func("/ble/mtu", test_mtu);
	g_test_add_func("/ble/reassembly", test_reassembly);
	g_test_add_func("/ble/no-reassembly", test_no_reassembly);
	g_test_add_func("/ble/reassembly-off", test_reassembly_off);
	g_test_add_func("/ble/pieces", test_pieces);
	g_test_add_func("/ble/lost-piece", test_lost_piece);
	g_test_add_func("/ble/services", test_services);
	g_test_add_func("/ble/twenty-times", test_twenty_times);
	g_test_add_func("/ble/mute", test_mute);
	g_test_add_func("/ble/keep", test_keep);
	g_test_add_func("/ble/cancel", test_cancel);
	g_test_add_func("/ble/scan", test_scan);
	g_test_add_func("/ble/strange-names", test_strange_names);
	return ble_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ble-test.h"

static GTestDBus *bus;

const DoubleBoard ble_test_board = {
	.address = "C0:11:22:33:44:55",
	.name = "Sensor 12",
	.random = TRUE,
	.smp = TRUE,
	.mtu = 247,
};

SimConfig ble_test_config(void)
{
	SimConfig config;

	g_assert_true(sim_config_board(&config, "swap"));
	sim_config_scale(&config, 20);
	config.buf_size = 1024;
	return config;
}

const char *ble_test_bus(void)
{
	return g_test_dbus_get_bus_address(bus);
}

BluezDouble *ble_test_start(const DoubleBoard *board)
{
	SimConfig config = ble_test_config();

	return bluez_double_new(ble_test_bus(), &config, board, 1);
}

SmpLink *ble_test_open(const char *target)
{
	g_autoptr(GError) error = NULL;
	SmpLink *link = smp_link_new(target, &error);

	g_assert_no_error(error);
	if (!smp_link_open(link, &error))
		g_error("%s: %s", target, error->message);
	return link;
}

SmpSession *ble_test_session(SmpLink *link)
{
	return smp_session_new(link);
}

void ble_test_fails(const char *target, int code, const char *part)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpLink) link = smp_link_new(target, &error);

	g_assert_no_error(error);
	g_assert_false(smp_link_open(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, code);
	if (!strstr(error->message, part))
		g_error("\"%s\" is not in \"%s\"", part, error->message);
}

gboolean ble_test_try_echo(SmpSession *session, gsize size, GError **error)
{
	g_autofree char *text = g_strnfill(size, 'x');
	g_autofree char *answer = smp_os_echo(session, text, error);

	if (answer)
		g_assert_cmpstr(answer, ==, text);
	return answer != NULL;
}

void ble_test_echo(SmpSession *session, gsize size)
{
	g_autoptr(GError) error = NULL;

	if (!ble_test_try_echo(session, size, &error))
		g_error("echo of %zu: %s", size, error->message);
}

int ble_test_run(void)
{
	g_autofree char *daemon = g_find_program_in_path("dbus-daemon");
	int status = 0;

	if (!daemon) {
		g_print("1..0 # SKIP no dbus-daemon\n");
		return 0;
	}
	bus = g_test_dbus_new(G_TEST_DBUS_NONE);
	g_test_dbus_up(bus);
	g_setenv("DBUS_SYSTEM_BUS_ADDRESS", ble_test_bus(), TRUE);
	status = g_test_run();
	g_test_dbus_stop(bus);
	g_object_unref(bus);
	return status;
}

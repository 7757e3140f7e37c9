/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of ports, who holds one, and which one is meant. */

#include "transports/port-match.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
	const char *device, *vendor_id, *product_id, *serial, *interface, *usb_port;
} Row;

/* What a desk may have: two boards of one kind (one with two ports), an ESP32, two adapters without
 * a serial number, a port that is not on USB. */
static const Row desk[] = {
	{"/dev/ttyACM0", "1915", "520f", "10502", "00", "1-1"},
	{"/dev/ttyACM1", "1915", "520f", "10502", "02", "1-1"},
	{"/dev/ttyACM2", "1915", "520f", "10777", "00", "1-2"},
	{"/dev/ttyACM3", "303a", "1001", "F4:12:FA:40:B6:44", "00", "1-3"},
	{"/dev/ttyUSB0", "1a86", "7523", NULL, "00", "1-4.1"},
	{"/dev/ttyUSB1", "1a86", "7523", NULL, "00", "1-4.2"},
	{"/dev/ttyS0", NULL, NULL, NULL, NULL, NULL},
};

static SmpPort *port_new(const Row *row)
{
	SmpPort *port = g_new0(SmpPort, 1);

	port->device = g_strdup(row->device);
	port->vendor_id = g_strdup(row->vendor_id);
	port->product_id = g_strdup(row->product_id);
	port->serial = g_strdup(row->serial);
	port->interface = g_strdup(row->interface);
	port->usb_port = g_strdup(row->usb_port);
	return port;
}

static GPtrArray *desk_ports(void)
{
	GPtrArray *ports = g_ptr_array_new_with_free_func((GDestroyNotify)smp_port_free);

	for (guint i = 0; i < G_N_ELEMENTS(desk); i++)
		g_ptr_array_add(ports, port_new(&desk[i]));
	return ports;
}

static void test_usb(void)
{
	static const struct {
		const char *address;
		const char *device; /* NULL: an error */
		int code;
	} cases[] = {
		{"1915:520f:10777", "/dev/ttyACM2", 0},
		{"1915:520F:10777:00", "/dev/ttyACM2", 0},
		{"1915:520f:10502:02", "/dev/ttyACM1", 0},
		{"1915:520f::02", "/dev/ttyACM1", 0},
		{"303A:1001", "/dev/ttyACM3", 0},
		{"303a:1001:F4:12:FA:40:B6:44", "/dev/ttyACM3", 0},
		{"303a:1001:F4:12:FA:40:B6:44:00", "/dev/ttyACM3", 0},
		{"1915:520f", NULL, SMP_LINK_ERROR_AMBIGUOUS},
		{"1915:520f:10502", NULL, SMP_LINK_ERROR_AMBIGUOUS},
		{"1a86:7523::00", NULL, SMP_LINK_ERROR_AMBIGUOUS},
		{"1915:520f:10502:04", NULL, SMP_LINK_ERROR_NOT_FOUND},
		{"1915:520f:105", NULL, SMP_LINK_ERROR_NOT_FOUND},
		{"1915:5210", NULL, SMP_LINK_ERROR_NOT_FOUND},
	};
	g_autoptr(GPtrArray) ports = desk_ports();

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		const SmpPort *port = smp_ports_match_usb(ports, cases[i].address, &error);

		g_test_message("%s", cases[i].address);
		g_assert_cmpstr(port ? port->device : NULL, ==, cases[i].device);
		if (!cases[i].device)
			g_assert_error(error, SMP_LINK_ERROR, cases[i].code);
	}
}

static void test_ambiguous(void)
{
	g_autoptr(GPtrArray) ports = desk_ports();
	g_autoptr(GError) error = NULL;

	g_assert_null(smp_ports_match_usb(ports, "1915:520f:10502", &error));
	g_assert_cmpstr(error->message, ==,
			"usb:1915:520f:10502 matches 2 ports: "
			"/dev/ttyACM0 (usb:1915:520f:10502:00), "
			"/dev/ttyACM1 (usb:1915:520f:10502:02); name one of them");
}

static void test_again(void)
{
	static const struct {
		Row known;
		const char *device;
	} cases[] = {
		/* The same board, under another name and in another socket. */
		{{"/dev/ttyACM7", "1915", "520f", "10502", "02", "3-1"}, "/dev/ttyACM1"},
		/* In the same socket, as another product: the bootloader. */
		{{"/dev/ttyACM0", "2fe3", "0100", "777", "00", "1-2"}, "/dev/ttyACM2"},
		/* The only port of the bootloader, whatever its interface. */
		{{"/dev/ttyACM0", "2fe3", "0100", NULL, "04", "1-2"}, "/dev/ttyACM2"},
		/* Of two ports in the socket the one with the interface of before, or none. */
		{{"/dev/ttyACM0", "2fe3", "0100", NULL, "02", "1-1"}, "/dev/ttyACM1"},
		{{"/dev/ttyACM0", "2fe3", "0100", NULL, "04", "1-1"}, NULL},
		/* Another board of the same kind was plugged into the socket. */
		{{"/dev/ttyACM2", "1915", "520f", "10888", "00", "1-2"}, NULL},
		/* Without a serial number only the socket tells. */
		{{"/dev/ttyUSB0", "1a86", "7523", NULL, "00", "1-4.2"}, "/dev/ttyUSB1"},
		{{"/dev/ttyUSB0", "1a86", "7523", NULL, "00", "2-1"}, NULL},
	};
	g_autoptr(GPtrArray) ports = desk_ports();

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(SmpPort) known = port_new(&cases[i].known);
		const SmpPort *port = smp_ports_match_again(ports, known);

		g_test_message("case %u", i);
		g_assert_cmpstr(port ? port->device : NULL, ==, cases[i].device);
	}
}

/* Whatever hardware this machine has: each port is a device that is there. */
static void test_list(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) ports = smp_ports_list(&error);

	g_assert_no_error(error);
	for (guint i = 0; i < ports->len; i++) {
		const SmpPort *port = ports->pdata[i];

		g_assert_true(g_str_has_prefix(port->device, "/dev/"));
		g_assert_false(g_str_has_prefix(port->device, "/dev/pts/"));
		g_assert_cmpstr(port->device, !=, "/dev/tty1");
		g_assert_cmpint(port->accessible, ==, access(port->device, R_OK | W_OK) == 0);
		g_assert_true(!port->vendor_id == !port->usb_port);
		if (i > 0)
			g_assert_cmpint(
				strverscmp(((SmpPort *)ports->pdata[i - 1])->device, port->device),
				<, 0);
	}
}

static void test_holder(void)
{
	int pid = -1, ready[2];
	char byte = 0;
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	g_assert_cmpint(unlockpt(master), ==, 0);
	g_autofree char *path = g_strdup(ptsname(master));
	int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	g_autofree char *nobody = smp_port_holder(path, &pid);
	g_assert_null(nobody);
	g_assert_cmpint(pid, ==, 0);

	g_assert_cmpint(pipe(ready), ==, 0);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "picocom");
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	g_autofree char *holder = smp_port_holder(path, &pid);
	g_assert_cmpstr(holder, ==, "picocom");
	g_assert_cmpint(pid, ==, child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	close(slave);
	close(master);
}

static void test_lookup(void)
{
	/* Neither is a USB port. */
	g_assert_null(smp_port_lookup("/dev/null"));
	g_assert_null(smp_port_lookup("/dev"));
	g_assert_null(smp_port_lookup("/nonexistent"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ports/usb", test_usb);
	g_test_add_func("/ports/ambiguous", test_ambiguous);
	g_test_add_func("/ports/again", test_again);
	g_test_add_func("/ports/list", test_list);
	g_test_add_func("/ports/holder", test_holder);
	g_test_add_func("/ports/lookup", test_lookup);
	return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Targets and the Go tool's connection strings: what is understood, and what is said where not. */

#include <smp/link.h>

typedef struct {
	const char *text;
	const char *target;
	const char *describe;
	const char *identity;
	gsize mtu;
} Good;

typedef struct {
	const char *text;
	int code;
	const char *message; /* in the message */
} Bad;

static void check_link(SmpLink *link, const Good *good)
{
	g_autofree char *describe = smp_link_describe(link);
	g_autofree char *identity = smp_link_identity(link);

	g_assert_cmpstr(smp_link_get_target(link), ==, good->target);
	g_assert_cmpstr(describe, ==, good->describe);
	g_assert_cmpstr(identity, ==, good->identity);
	g_assert_cmpuint(smp_link_get_mtu(link), ==, good->mtu);
}

static void check_error(SmpLink *link, const GError *error, const Bad *bad)
{
	if (link)
		g_error("\"%s\" was understood", bad->text);
	g_assert_error(error, SMP_LINK_ERROR, bad->code);
	if (!strstr(error->message, bad->message))
		g_error("\"%s\" is not in \"%s\"", bad->message, error->message);
}

static const Good good_targets[] = {
	{"/dev/ttyACM0", "/dev/ttyACM0", "serial 115200", "tty:/dev/ttyACM0", 0},
	{"/dev/ttyACM0?baud=9600", "serial:/dev/ttyACM0?baud=9600", "serial 9600",
	 "tty:/dev/ttyACM0", 0},
	{"/dev/ttyS1?", "/dev/ttyS1", "serial 115200", "tty:/dev/ttyS1", 0},
	{"serial:/dev/ttyS1", "/dev/ttyS1", "serial 115200", "tty:/dev/ttyS1", 0},
	{"serial:/dev/ttyS1?baud=115200", "/dev/ttyS1", "serial 115200", "tty:/dev/ttyS1", 0},
	{"serial:/dev/serial/by-id/usb-X-if00?mtu=512&baud=921600&flow=rts-cts",
	 "serial:/dev/serial/by-id/usb-X-if00?baud=921600&flow=rts-cts&mtu=512", "serial 921600",
	 "tty:/dev/serial/by-id/usb-X-if00", 512},
	{"serial:/dev/ttyS1?dtr=off&rts=on&low-latency=off&pace=5",
	 "serial:/dev/ttyS1?dtr=off&low-latency=off&pace=5&rts=on", "serial 115200",
	 "tty:/dev/ttyS1", 0},
	{"serial:/dev/ttyS1?flow=xon-xoff&baud=31250", "serial:/dev/ttyS1?baud=31250&flow=xon-xoff",
	 "serial 31250", "tty:/dev/ttyS1", 0},
	{"raw:/dev/ttyACM0", "raw:/dev/ttyACM0", "raw serial 115200", "tty:/dev/ttyACM0", 0},
	{"cobs:/dev/ttyACM0", "cobs:/dev/ttyACM0", "COBS serial 115200", "tty:/dev/ttyACM0", 0},
	{"shell:/dev/ttyACM0", "shell:/dev/ttyACM0", "shell on serial 115200", "tty:/dev/ttyACM0",
	 0},
	{"usb:1915:520f", "usb:1915:520f", "serial 115200", "usb:1915:520f", 0},
	{"usb:1915:520F:10502:02?baud=1000000", "usb:1915:520F:10502:02?baud=1000000",
	 "serial 1000000", "usb:1915:520F:10502:02", 0},
	{"udp:192.0.2.7", "udp:192.0.2.7", "UDP", "udp:192.0.2.7:1337", 0},
	{"udp:192.0.2.7:1337", "udp:192.0.2.7", "UDP", "udp:192.0.2.7:1337", 0},
	{"udp:board.local:1338?mtu=900", "udp:board.local:1338?mtu=900", "UDP",
	 "udp:board.local:1338", 900},
	{"udp:[fe80::1%eth0]", "udp:[fe80::1%eth0]", "UDP", "udp:[fe80::1%eth0]:1337", 0},
	{"udp:[::1]:99", "udp:[::1]:99", "UDP", "udp:[::1]:99", 0},
	{"udp:[192.0.2.7]:99", "udp:192.0.2.7:99", "UDP", "udp:192.0.2.7:99", 0},
	{"ble:c0:11:22:33:44:55", "ble:C0:11:22:33:44:55", "Bluetooth LE", "ble:C0:11:22:33:44:55",
	 0},
	{"ble:Sensor 12", "ble:Sensor 12", "Bluetooth LE", "ble:Sensor 12", 0},
	{"ble:Sensor*", "ble:Sensor*", "Bluetooth LE", "ble:Sensor*", 0},
	{"ble:What%3F*", "ble:What%3F*", "Bluetooth LE", "ble:What%3F*", 0},
	{"ble:100%", "ble:100%25", "Bluetooth LE", "ble:100%25", 0},
	{"ble:C0:11:22:33:44", "ble:C0:11:22:33:44", "Bluetooth LE", "ble:C0:11:22:33:44", 0},
	{"ble:", "ble:", "Bluetooth LE", "ble:", 0},
	{"ble:?", "ble:", "Bluetooth LE", "ble:", 0},
	{"ble:?adapter=hci1&mtu=100", "ble:?adapter=hci1&mtu=100", "Bluetooth LE",
	 "ble:?adapter=hci1&mtu=100", 100},
	{"ble:x?interval=fast", "ble:x?interval=fast", "Bluetooth LE", "ble:x?interval=fast", 0},
	{"ble:x?reassembly=off&pair=no&keep=yes&connect-timeout=5&address-type=public",
	 "ble:x?address-type=public&connect-timeout=5&keep=yes&pair=no&reassembly=off",
	 "Bluetooth LE",
	 "ble:x?address-type=public&connect-timeout=5&keep=yes&pair=no&reassembly=off", 0},
	{"sim:swap", "sim:swap", "simulated board", "sim:swap", 0},
	{"sim:swap?fast&erase=2", "sim:swap?erase=2&fast", "simulated board",
	 "sim:swap?erase=2&fast", 0},
};

static const Bad bad_targets[] = {
	{"", SMP_LINK_ERROR_ADDRESS, "no target"},
	{"ttyACM0", SMP_LINK_ERROR_ADDRESS, "\"ttyACM0\" is no target: write a path"},
	{"COM6:", SMP_LINK_ERROR_ADDRESS, "\"COM6:\" is no target"},
	{":x", SMP_LINK_ERROR_ADDRESS, "no target"},
	{"\xff", SMP_LINK_ERROR_ADDRESS, "UTF-8"},
	{"serial:", SMP_LINK_ERROR_ADDRESS, "nothing stands behind the colon"},
	{"serial:?baud=9600", SMP_LINK_ERROR_ADDRESS, "nothing stands behind the colon"},
	{"tcp:192.0.2.7", SMP_LINK_ERROR_ADDRESS, "there is no scheme \"tcp\""},
	{"ble:*", SMP_LINK_ERROR_ADDRESS, "no name stands before the asterisk"},
	{"ble:x?adapter=1", SMP_LINK_ERROR_ADDRESS, "adapter=1: it takes hci0, hci1 and so on"},
	{"ble:x?adapter=hci", SMP_LINK_ERROR_ADDRESS, "it takes hci0"},
	{"ble:x?pair=maybe", SMP_LINK_ERROR_ADDRESS, "one of auto, yes, no"},
	{"ble:x?reassembly=yes", SMP_LINK_ERROR_ADDRESS, "one of auto, on, off"},
	{"ble:x?address-type=static", SMP_LINK_ERROR_ADDRESS, "it takes public or random"},
	{"ble:x?interval=7.5", SMP_LINK_ERROR_ADDRESS, "interval=7.5: it takes fast"},
	{"ble:x?keep=no", SMP_LINK_ERROR_ADDRESS, "keep=no: it takes yes"},
	{"ble:x?connect-timeout=0", SMP_LINK_ERROR_ADDRESS, "a number from 1 to 3600"},
	{"ble:x?mtu=20", SMP_LINK_ERROR_ADDRESS, "mtu=20"},
	{"ble:x?baud=1", SMP_LINK_ERROR_ADDRESS, "no option \"baud\"; known are adapter"},
	{"/dev/ttyS1?&baud=1", SMP_LINK_ERROR_ADDRESS, "an option after \"?\" is empty"},
	{"/dev/ttyS1?=1", SMP_LINK_ERROR_ADDRESS, "an option after \"?\" is empty"},
	{"/dev/ttyS1?baud=1&baud=2", SMP_LINK_ERROR_ADDRESS, "\"baud\" is given twice"},
	{"/dev/ttyS1?speed=1", SMP_LINK_ERROR_ADDRESS, "no option \"speed\"; known are baud"},
	{"/dev/ttyS1?baud", SMP_LINK_ERROR_ADDRESS, "a number from 1 to 20000000"},
	{"/dev/ttyS1?baud=0", SMP_LINK_ERROR_ADDRESS, "baud=0: it takes a number"},
	{"/dev/ttyS1?baud=fast", SMP_LINK_ERROR_ADDRESS, "baud=fast: it takes a number"},
	{"/dev/ttyS1?baud=-9600", SMP_LINK_ERROR_ADDRESS, "it takes a number"},
	{"/dev/ttyS1?baud=99999999999999999999", SMP_LINK_ERROR_ADDRESS, "it takes a number"},
	{"/dev/ttyS1?mtu=63", SMP_LINK_ERROR_ADDRESS, "mtu=63: it takes a number from 64 to 65535"},
	{"/dev/ttyS1?mtu=65536", SMP_LINK_ERROR_ADDRESS, "it takes a number"},
	{"/dev/ttyS1?pace=1001", SMP_LINK_ERROR_ADDRESS, "pace=1001: it takes a number"},
	{"/dev/ttyS1?flow=dtr", SMP_LINK_ERROR_ADDRESS, "one of none, rts-cts, xon-xoff"},
	{"/dev/ttyS1?dtr=1", SMP_LINK_ERROR_ADDRESS, "dtr=1: it takes one of keep, on, off"},
	{"/dev/ttyS1?rts=on&flow=rts-cts", SMP_LINK_ERROR_ADDRESS, "rts cannot be set with flow"},
	{"raw:/dev/ttyS1?flow=xon-xoff", SMP_LINK_ERROR_ADDRESS, "binary framing"},
	{"cobs:/dev/ttyS1?flow=xon-xoff", SMP_LINK_ERROR_ADDRESS, "binary framing"},
	{"usb:1915", SMP_LINK_ERROR_ADDRESS, "is written usb:VID:PID"},
	{"usb:1915:52", SMP_LINK_ERROR_ADDRESS, "is written usb:VID:PID"},
	{"usb:1915:520f0", SMP_LINK_ERROR_ADDRESS, "is written usb:VID:PID"},
	{"usb:19x5:520f", SMP_LINK_ERROR_ADDRESS, "is written usb:VID:PID"},
	{"udp:", SMP_LINK_ERROR_ADDRESS, "nothing stands behind the colon"},
	{"udp::1337", SMP_LINK_ERROR_ADDRESS, "the host is missing"},
	{"udp:[]:1337", SMP_LINK_ERROR_ADDRESS, "the host is missing"},
	{"udp:::1", SMP_LINK_ERROR_ADDRESS, "written in brackets: [::1]"},
	{"udp:[::1", SMP_LINK_ERROR_ADDRESS, "[ADDRESS]:PORT"},
	{"udp:[[::1]", SMP_LINK_ERROR_ADDRESS, "a bracket in the host"},
	{"udp:a]", SMP_LINK_ERROR_ADDRESS, "a bracket in the host"},
	{"udp:[::1]1337", SMP_LINK_ERROR_ADDRESS, "[ADDRESS]:PORT"},
	{"udp:host:", SMP_LINK_ERROR_ADDRESS, "a number from 1 to 65535"},
	{"udp:host:0", SMP_LINK_ERROR_ADDRESS, "a number from 1 to 65535"},
	{"udp:host:65536", SMP_LINK_ERROR_ADDRESS, "a number from 1 to 65535"},
	{"udp:host:smp", SMP_LINK_ERROR_ADDRESS, "a number from 1 to 65535"},
	{"udp:host?baud=1", SMP_LINK_ERROR_ADDRESS, "no option \"baud\"; known are mtu"},
	{"udp:host?mtu=big", SMP_LINK_ERROR_ADDRESS, "mtu=big"},
};

static void test_targets(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(good_targets); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link = smp_link_new(good_targets[i].text, &error);

		g_assert_no_error(error);
		check_link(link, &good_targets[i]);
	}
}

static void test_bad_targets(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(bad_targets); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link = smp_link_new(bad_targets[i].text, &error);

		check_error(link, error, &bad_targets[i]);
	}
}

/* What a link says it is called must mean the same link. */
static void test_round_trip(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(good_targets); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link = smp_link_new(good_targets[i].target, &error);

		g_assert_no_error(error);
		check_link(link, &good_targets[i]);
	}
}

static const Good good_serial[] = {
	{"dev=/dev/ttyUSB0,baud=115200,mtu=512", "serial:/dev/ttyUSB0?mtu=371", "serial 115200",
	 "tty:/dev/ttyUSB0", 371},
	{"dev=/dev/ttyUSB0,baud=9600", "serial:/dev/ttyUSB0?baud=9600", "serial 9600",
	 "tty:/dev/ttyUSB0", 0},
	{"/dev/ttyUSB0", "/dev/ttyUSB0", "serial 115200", "tty:/dev/ttyUSB0", 0},
	{"/dev/ttyUSB0,115200", "/dev/ttyUSB0", "serial 115200", "tty:/dev/ttyUSB0", 0},
	{"/dev/ttyUSB0,57600", "serial:/dev/ttyUSB0?baud=57600", "serial 57600", "tty:/dev/ttyUSB0",
	 0},
	{"/dev/ttyACM0,mtu=1024", "serial:/dev/ttyACM0?mtu=755", "serial 115200",
	 "tty:/dev/ttyACM0", 755},
	{"mtu=128,dev=/dev/ttyACM0", "serial:/dev/ttyACM0?mtu=83", "serial 115200",
	 "tty:/dev/ttyACM0", 83},
	{"/dev/ttyACM0,baud=9600,baud=19200", "serial:/dev/ttyACM0?baud=19200", "serial 19200",
	 "tty:/dev/ttyACM0", 0},
	{"/dev/ttyACM0,", "/dev/ttyACM0", "serial 115200", "tty:/dev/ttyACM0", 0},
};

static const Bad bad_serial[] = {
	{"", SMP_LINK_ERROR_ADDRESS, "Invalid serial connstring; No device"},
	{"baud=115200", SMP_LINK_ERROR_ADDRESS, "Invalid serial connstring; No device"},
	{"dev=/dev/ttyUSB0,speed=1", SMP_LINK_ERROR_ADDRESS,
	 "Invalid serial connstring; Unrecognized key: speed"},
	{"dev=/dev/ttyUSB0,baud=fast", SMP_LINK_ERROR_ADDRESS, "Invalid baud: fast"},
	{"dev=/dev/ttyUSB0,baud=", SMP_LINK_ERROR_ADDRESS, "Invalid baud"},
	{"dev=/dev/ttyUSB0,mtu=-1", SMP_LINK_ERROR_ADDRESS, "Invalid mtu: -1"},
	{"dev=/dev/ttyUSB0,mtu=102", SMP_LINK_ERROR_ADDRESS, "mtu too small for a packet: 102"},
	{"/dev/ttyUSB0,/dev/ttyUSB1", SMP_LINK_ERROR_ADDRESS, "More than one device"},
	{"/dev/ttyUSB0?baud,9600", SMP_LINK_ERROR_ADDRESS, "has no \"?\""},
	{"\xff", SMP_LINK_ERROR_ADDRESS, "UTF-8"},
	{"/dev/ttyUSB0,0", SMP_LINK_ERROR_ADDRESS, "baud=0"},
};

static const Good good_udp[] = {
	{"[127.0.0.1]:1337", "udp:127.0.0.1", "UDP", "udp:127.0.0.1:1337", 0},
	{"127.0.0.1:1338", "udp:127.0.0.1:1338", "UDP", "udp:127.0.0.1:1338", 0},
	{"[fe80::1%eth0]:1337", "udp:[fe80::1%eth0]", "UDP", "udp:[fe80::1%eth0]:1337", 0},
	{"host:1337", "udp:host", "UDP", "udp:host:1337", 0},
};

static const Good good_ble[] = {
	{"peer_name=Sensor 12", "ble:Sensor 12", "Bluetooth LE", "ble:Sensor 12", 0},
	{"peer_name=50%?", "ble:50%25%3F", "Bluetooth LE", "ble:50%25%3F", 0},
	{"peer_id=c0:11:22:33:44:55,ctlr_name=default", "ble:C0:11:22:33:44:55", "Bluetooth LE",
	 "ble:C0:11:22:33:44:55", 0},
	{"ctlr_name=hci1,peer_name=x,own_addr_type=random,conn_timeout=30",
	 "ble:x?adapter=hci1&connect-timeout=30&own-address-type=random", "Bluetooth LE",
	 "ble:x?adapter=hci1&connect-timeout=30&own-address-type=random", 0},
	{"peer_name=a,peer_id=c0:11:22:33:44:55", "ble:a", "Bluetooth LE", "ble:a", 0},
	{"peer_id=c0:11:22:33:44:55,peer_name=a", "ble:a", "Bluetooth LE", "ble:a", 0},
	{"peer_id=6BA7B810-9DAD-11D1-80B4-00C04FD430C8,peer_name=a", "ble:a", "Bluetooth LE",
	 "ble:a", 0},
	{",peer_name=a,peer_name=b,", "ble:b", "Bluetooth LE", "ble:b", 0},
};

static const Bad bad_ble[] = {
	{"", SMP_LINK_ERROR_ADDRESS, "no peer_name and no peer_id"},
	{"ctlr_name=hci1", SMP_LINK_ERROR_ADDRESS, "no peer_name and no peer_id"},
	{"peer_id=xyz", SMP_LINK_ERROR_ADDRESS, "peer_id takes an address (C0:11:22:33:44:55)"},
	{"peer_id=6BA7B810-9DAD-11D1-80B4-00C04FD430C8", SMP_LINK_ERROR_ADDRESS,
	 "peer_id takes an address"},
	{"x", SMP_LINK_ERROR_ADDRESS, "expected comma-separated key=value pairs: x"},
	{"peer_name=x,speed=1", SMP_LINK_ERROR_ADDRESS, "Unrecognized key: speed"},
	{"peer_name=x,ctlr_name=1", SMP_LINK_ERROR_ADDRESS, "adapter=1"},
	{"peer_name=x,conn_timeout=soon", SMP_LINK_ERROR_ADDRESS, "connect-timeout=soon"},
	{"peer_name=x,own_addr_type=static", SMP_LINK_ERROR_ADDRESS, "own-address-type=static"},
};

static void test_ble_connstrings(void)
{
	static const char *const types[] = {"ble", "blue"};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(good_ble); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link =
			smp_link_new_connstring(types[i % 2], good_ble[i / 2].text, &error);

		g_assert_no_error(error);
		check_link(link, &good_ble[i / 2]);
	}
	for (guint i = 0; i < 2 * G_N_ELEMENTS(bad_ble); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link =
			smp_link_new_connstring(types[i % 2], bad_ble[i / 2].text, &error);

		check_error(link, error, &bad_ble[i / 2]);
	}
}

static void test_connstrings(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(good_serial); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link =
			smp_link_new_connstring("serial", good_serial[i].text, &error);

		g_assert_no_error(error);
		check_link(link, &good_serial[i]);
	}
	for (guint i = 0; i < G_N_ELEMENTS(good_udp); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link = smp_link_new_connstring("udp", good_udp[i].text, &error);

		g_assert_no_error(error);
		check_link(link, &good_udp[i]);
	}
}

static void test_bad_connstrings(void)
{
	static const Bad types[] = {
		{"bhd", SMP_LINK_ERROR_UNSUPPORTED, "\"bhd\" is not supported"},
		{"oic_serial", SMP_LINK_ERROR_UNSUPPORTED, "\"oic_serial\" is not supported"},
		{"usb", SMP_LINK_ERROR_ADDRESS, "invalid conntype: \"usb\""},
		{"", SMP_LINK_ERROR_ADDRESS, "invalid conntype: \"\""},
	};

	for (guint i = 0; i < G_N_ELEMENTS(bad_serial); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link =
			smp_link_new_connstring("serial", bad_serial[i].text, &error);

		check_error(link, error, &bad_serial[i]);
	}
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpLink) link = smp_link_new_connstring(types[i].text, "x", &error);

		check_error(link, error, &types[i]);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/target/good", test_targets);
	g_test_add_func("/target/bad", test_bad_targets);
	g_test_add_func("/target/round-trip", test_round_trip);
	g_test_add_func("/connstring/good", test_connstrings);
	g_test_add_func("/connstring/ble", test_ble_connstrings);
	g_test_add_func("/connstring/bad", test_bad_connstrings);
	return g_test_run();
}

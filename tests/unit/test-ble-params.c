/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connection parameters on their way to the kernel and back, and as BlueZ keeps them. */

#include "transports/ble-params.h"

#include <glib/gstdio.h>
#include <string.h>

static const SmpBleParams boards[] = {
	{"C0:11:22:33:44:55", TRUE, 6, 12, 0, 42},
	{"00:AA:01:02:03:04", FALSE, 24, 40, 4, 0x1234},
};

/* Load Connection Parameters (BlueZ doc/mgmt-api.txt) of hci2. */
static const guint8 command[] = {
	0x35, 0x00, 0x02, 0x00, 32,   0x00, 2,	  0, /* code, index, length, count */
	0x55, 0x44, 0x33, 0x22, 0x11, 0xc0, 2,	     /* address, LE random */
	6,    0,    12,	  0,	0,    0,    42,	  0, /* interval, latency, timeout */
	0x04, 0x03, 0x02, 0x01, 0xaa, 0x00, 1,	     /* address, LE public */
	24,   0,    40,	  0,	4,    0,    0x34, 0x12,
};

static void test_encode(void)
{
	g_autoptr(GByteArray) bytes = smp_ble_params_encode(2, boards, 2);

	g_assert_cmpmem(bytes->data, bytes->len, command, sizeof(command));
}

/* More than the kernel takes at once: the first ones go. */
static void test_many(void)
{
	SmpBleParams many[SMP_BLE_PARAMS_MOST + 5];

	for (guint i = 0; i < G_N_ELEMENTS(many); i++)
		many[i] = boards[i > 0];
	g_autoptr(GByteArray) bytes = smp_ble_params_encode(0, many, G_N_ELEMENTS(many));
	g_assert_cmpuint(bytes->len, ==, 8 + SMP_BLE_PARAMS_MOST * 15);
	g_assert_cmpuint(bytes->len, <=, 1028);
	g_assert_cmpuint(bytes->data[6], ==, SMP_BLE_PARAMS_MOST);
	g_assert_cmpuint(bytes->data[8], ==, 0x55);
}

/* New Connection Parameter of hci1, 30 to 50 ms, as Linux 6.1 sends it. */
static const guint8 told[] = {
	0x1c, 0x00, 0x01, 0x00, 16,   0x00,	   /* code, index, length */
	0x55, 0x44, 0x33, 0x22, 0x11, 0xc0, 2,	1, /* address, LE random, to be stored */
	24,   0,    40,	  0,	0,    0,    42, 0,
};

static void test_decode(void)
{
	SmpBleParams params = {0};
	guint8 event[sizeof(told)];

	g_assert_true(smp_ble_params_decode(told, sizeof(told), 1, &params));
	g_assert_cmpstr(params.address, ==, "C0:11:22:33:44:55");
	g_assert_true(params.random);
	g_assert_cmpuint(params.min, ==, 24);
	g_assert_cmpuint(params.max, ==, 40);
	g_assert_cmpuint(params.latency, ==, 0);
	g_assert_cmpuint(params.timeout, ==, 42);
	/* Of another adapter, cut, of another kind, shorter than it says. */
	g_assert_false(smp_ble_params_decode(told, sizeof(told), 0, &params));
	for (gsize size = 0; size < sizeof(told); size++)
		g_assert_false(smp_ble_params_decode(told, size, 1, &params));
	memcpy(event, told, sizeof(told));
	event[0] = 0x1b;
	g_assert_false(smp_ble_params_decode(event, sizeof(event), 1, &params));
	memcpy(event, told, sizeof(told));
	event[4] = 15;
	g_assert_false(smp_ble_params_decode(event, sizeof(event), 1, &params));
}

static void test_answer(void)
{
	static const guint8 complete[] = {0x01, 0x00, 0x01, 0x00, 3, 0x00, 0x35, 0x00, 0};
	static const guint8 refused[] = {0x02, 0x00, 0x01, 0x00, 3, 0x00, 0x35, 0x00, 0x14};
	static const guint8 other[] = {0x01, 0x00, 0x01, 0x00, 3, 0x00, 0x33, 0x00, 0};
	guint8 status = 0xff;

	g_assert_true(smp_ble_params_is_answer(complete, sizeof(complete), 1, &status));
	g_assert_cmpuint(status, ==, 0);
	g_assert_true(smp_ble_params_is_answer(refused, sizeof(refused), 1, &status));
	g_assert_cmpuint(status, ==, 0x14);
	g_assert_false(smp_ble_params_is_answer(complete, sizeof(complete), 0, &status));
	g_assert_false(smp_ble_params_is_answer(other, sizeof(other), 1, &status));
	g_assert_false(smp_ble_params_is_answer(told, sizeof(told), 1, &status));
	for (gsize size = 0; size < sizeof(complete); size++)
		g_assert_false(smp_ble_params_is_answer(complete, size, 1, &status));
}

static void write_info(const char *folder, const char *name, const char *text)
{
	g_autofree char *device = g_build_filename(folder, name, NULL);
	g_autofree char *info = g_build_filename(device, "info", NULL);

	g_assert_cmpint(g_mkdir(device, 0700), ==, 0);
	g_assert_true(g_file_set_contents(info, text, -1, NULL));
}

static void remove_info(const char *folder, const char *name)
{
	g_autofree char *device = g_build_filename(folder, name, NULL);
	g_autofree char *info = g_build_filename(device, "info", NULL);

	g_assert_cmpint(g_remove(info), ==, 0);
	g_assert_cmpint(g_rmdir(device), ==, 0);
}

#define PARAMETERS "[ConnectionParameters]\nMinInterval=6\nMaxInterval=9\nLatency=44\nTimeout=216\n"

/* Devices without parameters, with odd ones, and what is no device are left out. */
static void test_remembered(void)
{
	static const char *const infos[][2] = {
		{"C0:11:22:33:44:55", "[General]\nAddressType=static\n" PARAMETERS},
		{"C0:11:22:33:44:66", "[General]\nAddressType=static\n"},
		{"C0:11:22:33:44:77", "[ConnectionParameters]\nMinInterval=70000\n"},
		{"C0:11:22:33:44:88", "no key file"},
		{"cache", PARAMETERS},
	};
	g_autofree char *folder = g_dir_make_tmp("test-ble-params-XXXXXX", NULL);

	for (guint i = 0; i < G_N_ELEMENTS(infos); i++)
		write_info(folder, infos[i][0], infos[i][1]);
	g_autoptr(GArray) list = smp_ble_params_remembered(folder);
	for (guint i = 0; i < G_N_ELEMENTS(infos); i++)
		remove_info(folder, infos[i][0]);
	g_assert_cmpint(g_rmdir(folder), ==, 0);
	g_autoptr(GArray) none = smp_ble_params_remembered(folder);

	g_assert_cmpuint(none->len, ==, 0);
	g_assert_cmpuint(list->len, ==, 1);
	const SmpBleParams *params = &g_array_index(list, SmpBleParams, 0);
	g_assert_cmpstr(params->address, ==, "C0:11:22:33:44:55");
	g_assert_true(params->random);
	g_assert_cmpuint(params->min, ==, 6);
	g_assert_cmpuint(params->max, ==, 9);
	g_assert_cmpuint(params->latency, ==, 44);
	g_assert_cmpuint(params->timeout, ==, 216);
}

static void test_interval(void)
{
	g_autofree char *range = smp_ble_params_interval(&boards[0]);
	g_autofree char *one = smp_ble_params_interval(&(SmpBleParams){.min = 6, .max = 6});

	g_assert_cmpstr(range, ==, "7.5 to 15 ms");
	g_assert_cmpstr(one, ==, "7.5 ms");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ble-params/encode", test_encode);
	g_test_add_func("/ble-params/many", test_many);
	g_test_add_func("/ble-params/decode", test_decode);
	g_test_add_func("/ble-params/answer", test_answer);
	g_test_add_func("/ble-params/remembered", test_remembered);
	g_test_add_func("/ble-params/interval", test_interval);
	return g_test_run();
}

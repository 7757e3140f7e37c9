/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The double as a program, for tests of other programs: three boards in the air,
 * and one that is off. Does what lines on
 * its standard input say, each answered by OK; ends with it, and then tells what it counted. */

#include "double.h"

#include <stdio.h>
#include <string.h>

static const DoubleBoard boards[] = {
	{.address = "C0:11:22:33:44:55",
	 .name = "Sensor 12",
	 .random = TRUE,
	 .smp = TRUE,
	 .mtu = 247},
	{.address = "C0:11:22:33:44:66",
	 .name = "Lock",
	 .random = TRUE,
	 .smp = TRUE,
	 .mtu = 247,
	 .security = DOUBLE_AUTHENTICATE,
	 .display = TRUE,
	 .passkey = 123456},
	{.address = "00:11:22:33:44:77", .name = "Phone", .no_service = TRUE},
	{.address = "C0:11:22:33:44:88", .name = "Sensor 12", .random = TRUE, .off = TRUE},
};

static void set_adapter(BluezDouble *bluez, const char *property, GVariant *value)
{
	bluez_double_set(bluez, DOUBLE_ADAPTER, "org.bluez.Adapter1", property, value);
}

/* adapter on, adapter off, adapter blocked, adapter none */
static void do_adapter(BluezDouble *bluez, char **words)
{
	if (g_str_equal(words[1], "none")) {
		bluez_double_remove_adapter(bluez);
		return;
	}
	bluez_double_switch(bluez, "hci0", g_str_equal(words[1], "on"));
	if (g_str_equal(words[1], "blocked"))
		set_adapter(bluez, "PowerState", g_variant_new_string("off-blocked"));
}

/* fail METHOD ERROR [MESSAGE]; the words are kept. */
static void do_fail(BluezDouble *bluez, char **words)
{
	const DoubleRule rule = {
		.method = words[1], .error = words[2], .message = words[3] ? words[3] : ""};

	bluez_double_add_rule(bluez, &rule);
}

static gboolean do_line(BluezDouble *bluez, char **words)
{
	guint n = g_strv_length(words);

	if (n == 2 && g_str_equal(words[0], "adapter"))
		do_adapter(bluez, words);
	else if (n == 3 && g_str_equal(words[0], "name"))
		bluez_double_rename(bluez, (guint)(words[1][0] - '0'), words[2]);
	else if (n >= 3 && g_str_equal(words[0], "fail"))
		do_fail(bluez, words);
	else if (n == 2 && (g_str_equal(words[0], "on") || g_str_equal(words[0], "off")))
		bluez_double_power(bluez, (guint)(words[1][0] - '0'), g_str_equal(words[0], "on"));
	else
		return FALSE;
	return TRUE;
}

static void do_lines(BluezDouble *bluez, GPtrArray *kept)
{
	char line[200];

	while (fgets(line, sizeof(line), stdin)) {
		char **words = g_strsplit(g_strchomp(line), " ", 4);

		g_ptr_array_add(kept, words);
		puts(do_line(bluez, words) ? "OK" : "what?");
		fflush(stdout);
	}
}

int main(void)
{
	SimConfig config;
	DoubleCounts counts;

	if (!sim_config_board(&config, "swap"))
		return 1;
	sim_config_scale(&config, 10);
	config.buf_size = 1024;
	g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
	g_autoptr(BluezDouble) bluez = bluez_double_new(g_getenv("DBUS_SYSTEM_BUS_ADDRESS"),
							&config, boards, G_N_ELEMENTS(boards));
	puts("READY");
	fflush(stdout);
	do_lines(bluez, kept);
	bluez_double_get_counts(bluez, &counts);
	printf("acquired=%u left_notify=%u agents=%u\n", counts.acquired, counts.left_notify,
	       counts.agents);
	return 0;
}

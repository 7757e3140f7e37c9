/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The double as a program, for tests of other programs: three boards in the air. Ends with its
 * standard input, and then tells what it counted. */

#include "double.h"

#include <stdio.h>

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
	{.address = "00:11:22:33:44:77", .name = "Phone"},
};

int main(void)
{
	SimConfig config;
	DoubleCounts counts;

	if (!sim_config_board(&config, "swap"))
		return 1;
	sim_config_scale(&config, 10);
	config.buf_size = 1024;
	g_autoptr(BluezDouble) bluez =
		bluez_double_new(g_getenv("DBUS_SYSTEM_BUS_ADDRESS"), &config, boards, 3);
	puts("READY");
	fflush(stdout);
	while (getchar() != EOF)
		continue;
	bluez_double_get_counts(bluez, &counts);
	printf("acquired=%u left_notify=%u agents=%u\n", counts.acquired, counts.left_notify,
	       counts.agents);
	return 0;
}

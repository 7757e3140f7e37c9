/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Called as mcumgr: what scripts written for the Go tool see, where that is not what a person is
 * told best (newtmgr/cli/usage.go), and what of it is not here. */

#include "cli.h"

#include <stdio.h>
#include <string.h>

static gboolean ignored;
static char *ignored_text;

/* newtmgr/cli/res.go */
const GOptionEntry smpctl_res_options[] = {
	{"details", 'd', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &ignored, NULL, NULL},
	{"jsonout", 'j', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &ignored, NULL, NULL},
	{"jsonfile", 'J', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &ignored_text, NULL, NULL},
	{"rawfile", 'R', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &ignored_text, NULL, NULL},
	{"binfile", 'B', G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &ignored_text, NULL, NULL},
	{"int", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &ignored, NULL, NULL},
	{NULL},
};

gboolean smpctl_is_go_tool(Smpctl *cli)
{
	return g_str_equal(cli->program, "mcumgr");
}

gboolean smpctl_cmd_coap(Smpctl *cli, char **args, GError **error)
{
	g_clear_pointer(&ignored_text, g_free);
	return smpctl_usage_error(
		error,
		"%s is not supported: it speaks OIC over CoAP, and smpctl speaks SMP "
		"only",
		cli->command->name);
}

/* The line that the Go tool prints on standard output where the board refuses. It speaks version 1
 * of SMP, whose numbers are the same for all groups; where the board tells a group's own number, it
 * is that. */
void smpctl_print_go_error(Smpctl *cli, const GError *error)
{
	SmpDeviceError device;
	const char *name = cli->command ? cli->command->name : "";
	gboolean log = g_str_has_prefix(name, "log ");

	if (!smp_error_get_device(error, &device))
		return;
	if (g_str_equal(name, "log show"))
		printf("Status: %" G_GINT64_FORMAT "\nNext index: 0\n(no logs retrieved)\n",
		       device.rc);
	else
		printf("%s: %" G_GINT64_FORMAT "\n", log ? "error" : "Error", device.rc);
}

/* What a message of the Go tool begins with, in front of ours. */
const char *smpctl_go_prefix(int status)
{
	return status == SMPCTL_EXIT_TIMEOUT ? "Error: NMP timeout;" : "Error:";
}

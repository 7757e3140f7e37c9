/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli.h"

#include <stdio.h>
#include <string.h>

static const char *const topics[] = {
	[SMPCTL_LOOK] = "Look",		  [SMPCTL_UPDATE] = "Update", [SMPCTL_BOARD] = "Board",
	[SMPCTL_CONNECTIONS] = "Connect", [SMPCTL_HIDDEN] = "",
};

static void print_row(const char *topic, const SmpctlCommand *command)
{
	g_autofree char *left = g_strdup_printf("%s %s", command->name, command->args);

	printf("%-9s%-24s %s\n", topic, command->max_args < 0 ? command->name : left,
	       command->help);
}

/* Commands that share a first word and are not worth a line each. */
static void print_family(const char *topic, const char *family)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		if (command->brief && g_str_has_prefix(command->name, family))
			g_string_append_printf(names, "%s%s", names->len ? ", " : "",
					       command->name + strlen(family));
	}
	/* The ellipsis is one column and three bytes. */
	printf("%-9s%-26s %s\n", topic, "os …", names->str);
}

void smpctl_help_main(void)
{
	SmpctlTopic topic = SMPCTL_HIDDEN;
	gboolean family = FALSE;

	puts("Usage: smpctl [-c BOARD] COMMAND [ARGUMENT…]");
	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		const char *heading = command->topic != topic ? topics[command->topic] : "";

		if (command->topic == SMPCTL_HIDDEN || (command->brief && family))
			continue;
		topic = command->topic;
		if (command->brief)
			print_family(heading, "os ");
		else
			print_row(heading, command);
		family |= command->brief;
	}
	puts("BOARD is /dev/ttyACM0, udp:HOST, usb:VID:PID, sim:swap or a saved name; see\n"
	     "smpctl-targets(7). Without -c it is $SMPCTL_CONN, or the only one saved.\n"
	     "smpctl COMMAND --help has options (--json, -v, …) and an example, smpctl(1) all.");
}

void smpctl_help_family(const char *family)
{
	printf("Usage: smpctl [OPTION…] %s COMMAND\n", family);
	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		if (g_str_has_prefix(command->name, family) && command->name[strlen(family)] == ' ')
			print_row("", command);
	}
}

char *smpctl_usage(const SmpctlCommand *command)
{
	if (!command)
		return g_strdup("smpctl [-c BOARD] COMMAND [ARGUMENT…]");
	return g_strdup_printf("smpctl [OPTION…] %s%s%s", command->name, *command->args ? " " : "",
			       command->args);
}

void smpctl_help_command(const SmpctlCommand *command)
{
	g_autoptr(GOptionContext) context = smpctl_options_context(command);
	g_autofree char *summary =
		g_strdup_printf("%c%s.", g_ascii_toupper(command->help[0]), command->help + 1);
	g_autofree char *example = g_strdup_printf("Example:\n  %s", command->example);
	g_autofree char *text = NULL;

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, example);
	text = g_option_context_get_help(context, FALSE, NULL);
	fputs(text, stdout);
}

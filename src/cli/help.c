/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli.h"

#include <stdio.h>
#include <string.h>

static const char *const topics[] = {
	[SMPCTL_LOOK] = "Look", [SMPCTL_UPDATE] = "Update",	  [SMPCTL_BOARD] = "Board",
	[SMPCTL_DATA] = "Data", [SMPCTL_CONNECTIONS] = "Connect", [SMPCTL_DAEMON] = "Daemon",
	[SMPCTL_HIDDEN] = "",
};

#define ROW_WIDTH   24
#define MAX_COLUMNS 80

static char *row_left(const SmpctlCommand *command)
{
	if (command->max_args < 0 || !*command->args)
		return g_strdup(command->name);
	return g_strdup_printf("%s %s", command->name, command->args);
}

static void print_row(const char *topic, const SmpctlCommand *command, int width)
{
	g_autofree char *left = row_left(command);

	printf("%-9s%-*s %s\n", topic, width, left, command->help);
}

/* The first word of "os info" with the blank behind it; "" where there is but one. */
static gsize family_length(const SmpctlCommand *command)
{
	const char *blank = strchr(command->name, ' ');

	return blank ? (gsize)(blank + 1 - command->name) : 0;
}

/* Commands that share a first word and are not worth a line each. */
static void print_family(const char *topic, const SmpctlCommand *first)
{
	gsize length = family_length(first);
	g_autoptr(GString) names = g_string_new(NULL);
	g_autofree char *left = g_strdup_printf("%.*s…", (int)length, first->name);

	for (const SmpctlCommand *command = first; command->name; command++) {
		if (command->brief && !strncmp(command->name, first->name, length))
			g_string_append_printf(names, "%s%s", names->len ? ", " : "",
					       command->name + length);
	}
	/* The ellipsis is one column and three bytes. */
	int width = MIN(ROW_WIDTH, MAX_COLUMNS - 10 - (int)names->len) + 2;
	printf("%-9s%-*s %s\n", topic, width, left, names->str);
}

/* Many commands that few need: their first words. */
static void print_words(SmpctlTopic topic)
{
	gsize last = 0;
	const char *word = "";

	printf("%-9s", topics[topic]);
	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		gsize length = strcspn(command->name, " ");

		if (command->topic != topic ||
		    (length == last && !strncmp(command->name, word, length)))
			continue;
		printf("%s%.*s", last ? "|" : "", (int)length, command->name);
		word = command->name;
		last = length;
	}
	putchar('\n');
}

/* Whether its family has its line already, or it is another name for something. */
static gboolean is_told(const SmpctlCommand *command)
{
	gsize length = family_length(command);

	if (command->topic == SMPCTL_HIDDEN || (command->brief && length == 0))
		return TRUE;
	for (const SmpctlCommand *before = smpctl_commands(); before != command; before++) {
		if (command->brief && before->brief &&
		    !strncmp(before->name, command->name, length))
			return TRUE;
	}
	return FALSE;
}

void smpctl_help_main(void)
{
	SmpctlTopic topic = SMPCTL_HIDDEN;

	printf("Usage: %s [-c BOARD] COMMAND [ARGUMENT…]\n", g_get_prgname());
	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		const char *heading = command->topic != topic ? topics[command->topic] : "";

		if (is_told(command) || (command->topic == SMPCTL_DATA && command->topic == topic))
			continue;
		topic = command->topic;
		if (topic == SMPCTL_DATA)
			print_words(topic);
		else if (command->brief)
			print_family(heading, command);
		else
			print_row(heading, command, ROW_WIDTH);
	}
	printf("BOARD is /dev/ttyACM0, udp:HOST, ble:NAME, sim:swap, a saved name; $SMPCTL_CONN\n"
	       "without -c. More: %s COMMAND --help, smpctl(1), smpctl-targets(7).\n",
	       g_get_prgname());
}

static gboolean in_family(const SmpctlCommand *command, const char *family)
{
	return command->topic != SMPCTL_HIDDEN && g_str_has_prefix(command->name, family) &&
	       command->name[strlen(family)] == ' ';
}

void smpctl_help_family(const char *family)
{
	int width = ROW_WIDTH;

	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		g_autofree char *left = row_left(command);

		if (in_family(command, family))
			width = MAX(width, (int)strlen(left));
	}
	printf("Usage: %s [OPTION…] %s COMMAND\n", g_get_prgname(), family);
	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		if (in_family(command, family))
			print_row("", command, width);
	}
}

char *smpctl_usage(const SmpctlCommand *command)
{
	if (!command)
		return g_strdup_printf("%s [-c BOARD] COMMAND [ARGUMENT…]", g_get_prgname());
	return g_strdup_printf("%s [OPTION…] %s%s%s", g_get_prgname(), command->name,
			       *command->args ? " " : "", command->args);
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

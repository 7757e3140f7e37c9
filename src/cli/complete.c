/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `smpctl __complete WORD…`: what the last word may become, for the shells' completion
 * (completion/). The words come from the table of commands and from the options. No device is
 * opened, nothing is asked of smpd or of the network: folders are listed, and our own files and
 * those of the kernel are read. Each line is a candidate, a tab and what it is; ":files" and a tab
 * stand for file names behind the text that follows. */

#include "cli.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

/**
 * Line: what is typed.
 * @args: the words in front of the last one that are no options
 * @pending: (nullable): the option whose value the last word is
 * @ended: options came to an end, by "--"
 * @prefix: of the last word, in front of what is completed: "--conn="
 * @current: the rest of it
 */
typedef struct {
	Smpctl *cli;
	const SmpctlCommand *command;
	guint n_words;
	GPtrArray *args;
	const GOptionEntry *pending;
	gboolean ended;
	gboolean files;
	char *prefix;
	const char *current;
} Line;

static void offer(const Line *line, const char *candidate, const char *what)
{
	g_autofree char *clean = smpctl_clean(what);

	/* One with a line feed or a tab cannot be told. */
	if (g_str_has_prefix(candidate, line->current) && !strpbrk(candidate, "\n\t"))
		printf("%s%s\t%s\n", line->prefix, candidate, clean);
}

/* File names behind so many characters of the last word. */
static void offer_files(Line *line, gsize behind)
{
	if (!line->files)
		printf(":files\t%s%.*s\n", line->prefix, (int)behind, line->current);
	line->files = TRUE;
}

/* ---- kinds of values ---- */

static void offer_profiles(const Line *line)
{
	g_autoptr(GPtrArray) profiles = smpctl_profiles_load(NULL);

	for (guint i = 0; profiles && i < profiles->len; i++) {
		const SmpctlProfile *profile = g_ptr_array_index(profiles, i);
		g_autofree char *what = g_strdup_printf(
			"%s %s", profile->type, profile->connstring ? profile->connstring : "");
		offer(line, profile->name, what);
	}
}

/* What `discover` lists. Stable names are also there where udev does not run. */
static void offer_ports(Line *line)
{
	g_autoptr(GPtrArray) ports = smp_ports_list(NULL);
	glob_t found;

	if (glob("/dev/serial/by-id/*", 0, NULL, &found) == 0) {
		for (gsize i = 0; i < found.gl_pathc; i++)
			offer(line, found.gl_pathv[i], "serial port");
		globfree(&found);
	}
	for (guint i = 0; ports && i < ports->len; i++) {
		const SmpPort *port = g_ptr_array_index(ports, i);
		g_autofree char *what = smpctl_port_text(ports, port);

		offer(line, port->device, what);
	}
	/* Another path: that is for the shell. */
	if (line->current[0] == '/' || line->current[0] == '.')
		offer_files(line, 0);
}

static void offer_targets(Line *line)
{
	offer_ports(line);
	offer(line, "ble:", "name or address on Bluetooth LE");
	offer(line, "udp:", "host on the network");
	offer(line, "usb:", "VID:PID of a serial port on USB");
	offer(line, "sim:", "a simulated board");
}

static void offer_boards(Line *line)
{
	offer_profiles(line);
	offer_targets(line);
}

/* Those of which something is known. */
static void offer_groups(const Line *line)
{
	for (int i = 0; i < SMP_GROUP_PERUSER; i++) {
		g_autofree char *name = smp_group_name(i);

		if (!g_str_has_prefix(name, "group "))
			offer(line, name, "");
	}
}

static void offer_hashes(Line *line)
{
	SmpLink *link = smpctl_link(line->cli, NULL);
	g_auto(GStrv) images = link ? smpctl_recall_images(link) : NULL;

	for (char **image = images; image && *image; image++) {
		char *blank = strchr(*image, ' ');

		if (blank)
			*blank = '\0';
		offer(line, *image, blank ? blank + 1 : "");
	}
}

/* "FILE", "HASH": what stands in capitals in a usage line. */
static void offer_kind(Line *line, const char *name)
{
	const char *command = line->command ? line->command->name : "";
	gsize digits = strspn(line->current, "0123456789");
	/* N:FILE */
	gboolean numbered = digits > 0 && line->current[digits] == ':' && line->command &&
			    strstr(line->command->args, "N:FILE");

	if (g_str_equal(name, "HASH"))
		offer_hashes(line);
	else if (g_str_equal(name, "PROFILE") ||
		 (g_str_equal(name, "NAME") && g_str_has_prefix(command, "conn ") &&
		  !g_str_equal(command, "conn add")))
		offer_profiles(line);
	else if (g_str_equal(name, "TARGET"))
		offer_targets(line);
	else if (g_str_equal(name, "BOARD"))
		offer_boards(line);
	else if (g_str_equal(name, "GROUP") && g_str_has_prefix(command, "raw "))
		offer_groups(line);
	else if (g_str_equal(name, "FILE") || g_str_equal(name, "PEM") ||
		 g_str_equal(name, "CORE") || g_str_equal(name, "ELF") ||
		 (g_str_equal(name, "SRC") && g_str_equal(command, "fs upload")) ||
		 (g_str_equal(name, "DST") && g_str_equal(command, "fs download")))
		offer_files(line, numbered ? digits + 1 : 0);
}

/* "auto|s0|s1", "PEM|DIRECTORY|keyhash:HEX": capitals are kinds, the rest is typed as it is. */
static void offer_alternatives(Line *line, const char *text)
{
	g_autofree char *plain = g_strdup(text);
	g_auto(GStrv) parts = NULL;

	/* Brackets and ellipses are for people. */
	g_strdelimit(plain, "[]", '|');
	parts = g_strsplit(plain, "|", -1);
	for (char **part = parts; *part; part++) {
		gsize literal = strcspn(*part, "ABCDEFGHIJKLMNOPQRSTUVWXYZ\xe2");
		g_autofree char *word = g_strndup(*part, literal);
		char *ellipsis = strstr(*part, "…");

		if (ellipsis)
			*ellipsis = '\0';
		if (g_str_equal(word, "@") && line->current[0] == '@')
			offer_files(line, 1);
		else if (literal > 0)
			offer(line, word, "");
		else
			offer_kind(line, *part);
	}
}

/* ---- options, commands and arguments ---- */

static void offer_option(const GOptionEntry *entry, gpointer user_data)
{
	Line *line = user_data;
	g_autofree char *name = g_strconcat("--", entry->long_name, NULL);

	if (!(entry->flags & G_OPTION_FLAG_HIDDEN))
		offer(line, name, entry->description);
}

/* First words, each once, or the second words behind @first. */
static void offer_words(Line *line, const char *first)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		g_auto(GStrv) words = g_strsplit(command->name, " ", 2);
		gboolean family = !first && words[1];
		char *word = first ? words[1] : words[0];

		if (command->topic == SMPCTL_HIDDEN || !word ||
		    (first && !g_str_equal(words[0], first)) ||
		    !g_hash_table_add(seen, g_strdup(word)))
			continue;
		offer(line, word, family ? "…" : command->help);
	}
}

/* What the usage line has at this place: "NAME VALUE", "FILE… | N:FILE…". */
static void offer_argument(Line *line)
{
	guint index = line->args->len - line->n_words;
	g_auto(GStrv) usages = g_strsplit(line->command->args, " | ", -1);

	for (char **usage = usages; *usage; usage++) {
		g_auto(GStrv) tokens = g_strsplit(*usage, " ", -1);
		guint n = g_strv_length(tokens);

		if (n > 0 && index >= n && line->command->max_args < 0)
			offer_alternatives(line, tokens[n - 1]);
		else if (index < n)
			offer_alternatives(line, tokens[index]);
	}
}

static void offer_word(Line *line)
{
	const char *first = line->args->len ? g_ptr_array_index(line->args, 0) : NULL;

	if (!first || g_str_equal(first, "help"))
		offer_words(line, line->args->len > 1 ? g_ptr_array_index(line->args, 1) : NULL);
	else if (line->args->len == 1)
		offer_words(line, first);
	if (line->command && !g_str_equal(first, "help"))
		offer_argument(line);
}

/* "--conn=…" */
static gboolean take_inline_value(Line *line)
{
	const char *value = NULL;
	const GOptionEntry *entry = smpctl_options_lookup(line->command, line->current, &value);

	if (!entry || !value)
		return FALSE;
	g_free(line->prefix);
	line->prefix = g_strndup(line->current, (gsize)(value - line->current));
	line->current = value;
	line->pending = entry;
	return TRUE;
}

static void complete(Line *line)
{
	gboolean option = !line->ended && !line->pending && line->current[0] == '-';

	if (option && !take_inline_value(line))
		smpctl_options_each(line->command, offer_option, line);
	else if (line->pending)
		offer_alternatives(
			line, line->pending->arg_description ? line->pending->arg_description : "");
	else
		offer_word(line);
}

/* ---- what is typed ---- */

static void take_option(Line *line, const char *word)
{
	const char *value = NULL;
	const GOptionEntry *entry = smpctl_options_lookup(line->command, word, &value);

	if (entry && value)
		smpctl_options_set(entry, value);
	else
		line->pending = entry;
}

static void take_word(Line *line, const char *word)
{
	guint n_words = 0;

	if (line->pending) {
		smpctl_options_set(line->pending, word);
		line->pending = NULL;
	} else if (!line->ended && g_str_equal(word, "--")) {
		line->ended = TRUE;
	} else if (!line->ended && word[0] == '-') {
		take_option(line, word);
	} else {
		g_ptr_array_add(line->args, (gpointer)word);
		line->command = smpctl_command_find(
			line->args->pdata[0], line->args->len > 1 ? line->args->pdata[1] : NULL,
			&n_words);
		line->n_words = n_words;
	}
}

/* A word as bash has it, in quotes. */
static char *unquoted(const char *word)
{
	char *text = *word == '"' || *word == '\'' ? g_shell_unquote(word, NULL) : NULL;

	return text ? text : g_strdup(word);
}

void smpctl_complete(Smpctl *cli, char **words)
{
	g_autoptr(GPtrArray) plain = g_ptr_array_new_with_free_func(g_free);
	Line line = {.cli = cli, .args = g_ptr_array_new(), .prefix = g_strdup("")};

	for (; *words; words++)
		g_ptr_array_add(plain, unquoted(*words));
	if (plain->len == 0)
		g_ptr_array_add(plain, g_strdup(""));
	for (guint i = 0; i + 1 < plain->len; i++)
		take_word(&line, g_ptr_array_index(plain, i));
	line.current = g_ptr_array_index(plain, plain->len - 1);
	complete(&line);
	g_free(line.prefix);
	g_ptr_array_unref(line.args);
}

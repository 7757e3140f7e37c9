/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options that every command takes. They may stand before and after the command's words. */

#include "cli.h"

#include <string.h>

#define NOT_GIVEN	-G_MAXDOUBLE
#define DEFAULT_TIMEOUT 10

static SmpctlOptions options = {.timeout = NOT_GIVEN, .tries = 1, .hci = -1, .passkey = -1};

/* Names, types and defaults as the Go tool has them, then ours. */
static const GOptionEntry entries[] = {
	{"conn", 'c', 0, G_OPTION_ARG_STRING, &options.conn, "the board: a profile or a target",
	 "PROFILE|TARGET"},
	{"conntype", 0, 0, G_OPTION_ARG_STRING, &options.conntype, "connection type",
	 "serial|udp|ble"},
	{"connstring", 0, 0, G_OPTION_ARG_STRING, &options.connstring,
	 "connection string: dev=/dev/ttyUSB0,baud=115200", "STRING"},
	{"connextra", 0, 0, G_OPTION_ARG_STRING, &options.connextra,
	 "more for the profile's connection string", "STRING"},
	{"name", 0, 0, G_OPTION_ARG_STRING, &options.name, "name of the board (Bluetooth)", "NAME"},
	{"hci", 'i', 0, G_OPTION_ARG_INT, &options.hci, "Bluetooth adapter", "N"},
	{"pair", 0, 0, G_OPTION_ARG_NONE, &options.pair, "pair before anything else (Bluetooth)",
	 NULL},
	{"passkey", 0, 0, G_OPTION_ARG_INT, &options.passkey, "the passkey for that", "N"},
	{"timeout", 't', 0, G_OPTION_ARG_DOUBLE, &options.timeout,
	 "how long to wait for an answer (10); writing and erasing may take longer", "SECONDS"},
	{"tries", 'r', 0, G_OPTION_ARG_INT, &options.tries, "how often to wait that long (1)", "N"},
	{"loglevel", 'l', 0, G_OPTION_ARG_STRING, &options.loglevel, "debug shows packets",
	 "debug|info|warn|error"},
	{"mtu-ovrd", 'm', 0, G_OPTION_ARG_INT, &options.mtu, "largest packet in bytes", "N"},
	{"write-rsp", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.write_rsp, NULL, NULL},
	{"ompres", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &options.ompres, NULL, NULL},
	{"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "output for programs", NULL},
	{"quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "no progress, no notes", NULL},
	{"verbose", 'v', 0, G_OPTION_ARG_NONE, &options.verbose,
	 "more, and what the board writes on its console", NULL},
	{"trace", 0, 0, G_OPTION_ARG_NONE, &options.trace, "show every packet", NULL},
	{"log-file", 0, 0, G_OPTION_ARG_FILENAME, &options.log_file,
	 "append what -v and --trace show to FILE, with the time", "FILE"},
	{"no-color", 0, 0, G_OPTION_ARG_NONE, &options.no_color, "no colours", NULL},
	{"version", 0, 0, G_OPTION_ARG_NONE, &options.version, "show the version", NULL},
	{"help", 'h', 0, G_OPTION_ARG_NONE, &options.help, "show help", NULL},
	{NULL},
};

SmpctlOptions *smpctl_options(void)
{
	return &options;
}

void smpctl_options_clear(void)
{
	g_clear_pointer(&options.conn, g_free);
	g_clear_pointer(&options.conntype, g_free);
	g_clear_pointer(&options.connstring, g_free);
	g_clear_pointer(&options.connextra, g_free);
	g_clear_pointer(&options.name, g_free);
	g_clear_pointer(&options.loglevel, g_free);
	g_clear_pointer(&options.ompres, g_free);
	g_clear_pointer(&options.log_file, g_free);
}

static const GOptionEntry *find_long(const GOptionEntry *list, const char *name)
{
	for (; list && list->long_name; list++) {
		if (g_str_equal(list->long_name, name))
			return list;
	}
	return NULL;
}

static const GOptionEntry *find_short(const GOptionEntry *list, char name)
{
	for (; list && list->long_name; list++) {
		if (list->short_name == name)
			return list;
	}
	return NULL;
}

static gboolean takes_value(const GOptionEntry *entry)
{
	return entry && entry->arg != G_OPTION_ARG_NONE && !(entry->flags & G_OPTION_FLAG_NO_ARG);
}

static const GOptionEntry *find_long_anywhere(const SmpctlCommand *command, const char *name)
{
	const GOptionEntry *entry = find_long(entries, name);

	return entry || !command ? entry : find_long(command->options, name);
}

static const GOptionEntry *find_short_anywhere(const SmpctlCommand *command, char name)
{
	const GOptionEntry *entry = find_short(entries, name);

	return entry || !command ? entry : find_short(command->options, name);
}

/* The short option in "-abc" that takes a value, NULL where none does. */
static const char *short_with_value(const SmpctlCommand *command, const char *arg)
{
	for (const char *name = arg + 1; *name; name++) {
		if (takes_value(find_short_anywhere(command, *name)))
			return name;
	}
	return NULL;
}

/* Whether the value of an option is the next argument. */
static gboolean value_follows(const SmpctlCommand *command, const char *arg)
{
	const char *name;

	if (g_str_has_prefix(arg, "--"))
		return takes_value(find_long_anywhere(command, arg + 2));
	name = short_with_value(command, arg);
	return name && !name[1];
}

const GOptionEntry *smpctl_options_lookup(const SmpctlCommand *command, const char *arg,
					  const char **value)
{
	const char *equals = strchr(arg, '=');
	const GOptionEntry *entry = NULL;
	const char *name;

	*value = NULL;
	if (g_str_has_prefix(arg, "--")) {
		g_autofree char *bare =
			g_strndup(arg + 2, equals ? (gsize)(equals - arg - 2) : strlen(arg + 2));
		entry = find_long_anywhere(command, bare);
		*value = equals ? equals + 1 : NULL;
		return takes_value(entry) ? entry : NULL;
	}
	name = short_with_value(command, arg);
	if (name && name[1])
		*value = name[1] == '=' ? name + 2 : name + 1;
	return name ? find_short_anywhere(command, *name) : NULL;
}

void smpctl_options_set(const GOptionEntry *entry, const char *value)
{
	if (entry != find_long(entries, entry->long_name))
		return;
	if (entry->arg == G_OPTION_ARG_STRING) {
		char **text = entry->arg_data;
		g_free(*text);
		*text = g_strdup(value);
	} else if (entry->arg == G_OPTION_ARG_INT) {
		*(int *)entry->arg_data = (int)g_ascii_strtoll(value, NULL, 10);
	}
}

void smpctl_options_each(const SmpctlCommand *command, SmpctlOptionFunc func, gpointer user_data)
{
	for (const GOptionEntry *entry = command ? command->options : NULL;
	     entry && entry->long_name; entry++)
		func(entry, user_data);
	for (const GOptionEntry *entry = entries; entry->long_name; entry++)
		func(entry, user_data);
}

void smpctl_options_find_words(char **argv, guint words[2], gboolean *json)
{
	guint found = 0;

	words[0] = words[1] = 0;
	*json = FALSE;
	for (guint i = 1; argv[i] && !g_str_equal(argv[i], "--"); i++) {
		if (g_str_equal(argv[i], "--json"))
			*json = TRUE;
		if (argv[i][0] != '-' && found < 2)
			words[found++] = i;
		else if (argv[i][0] == '-' && value_follows(NULL, argv[i]) && argv[i + 1])
			i++;
	}
}

/* The option that "--upgrade=false" or "-u=false" means, if it takes no value; GOption would take
 * it for "--upgrade". */
static const GOptionEntry *find_switch(const SmpctlCommand *command, const char *arg,
				       const char **value)
{
	const char *equals = strchr(arg, '=');
	const GOptionEntry *entry = NULL;
	gboolean is_long = g_str_has_prefix(arg, "--");
	const char *first = is_long ? arg + 2 : arg + 1;

	if (!equals || (!is_long && equals != arg + 2))
		return NULL;
	g_autofree char *name = g_strndup(first, (gsize)(equals - first));
	entry = is_long ? find_long_anywhere(command, name) : find_short_anywhere(command, *name);
	*value = equals + 1;
	return entry && !takes_value(entry) ? entry : NULL;
}

/* As strconv.ParseBool() of Go. */
static gboolean add_switch(GStrvBuilder *split, const GOptionEntry *entry, const char *value,
			   GError **error)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", NULL};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", NULL};
	/* What is TRUE by default there. */
	gboolean noerase = g_str_equal(entry->long_name, "noerase");
	g_autofree char *option = g_strconcat("--", entry->long_name, NULL);

	if (g_strv_contains(yes, value))
		g_strv_builder_add(split, option);
	else if (!g_strv_contains(no, value))
		return smpctl_usage_error(error, "%s takes no value, or true or false", option);
	else if (noerase)
		g_strv_builder_add(split, "--erase");
	return TRUE;
}

char **smpctl_options_split(char **argv, const SmpctlCommand *command, GError **error)
{
	g_autoptr(GStrvBuilder) split = g_strv_builder_new();
	gboolean options_end = FALSE, is_value = FALSE;

	for (char **arg = argv; *arg; arg++) {
		const char *name = NULL, *value;
		const GOptionEntry *entry = NULL;
		gboolean is_option = arg != argv && !options_end && !is_value && **arg == '-';

		options_end |= is_option && g_str_equal(*arg, "--");
		is_value = is_option && value_follows(command, *arg);
		entry = is_option ? find_switch(command, *arg, &value) : NULL;
		if (entry && !add_switch(split, entry, value, error))
			return NULL;
		if (entry)
			continue;
		if (is_option && (*arg)[1] != '-')
			name = short_with_value(command, *arg);
		if (!name || !name[1]) {
			g_strv_builder_add(split, *arg);
			continue;
		}
		g_autofree char *option = g_strndup(*arg, (gsize)(name + 1 - *arg));
		g_strv_builder_add(split, option);
		g_strv_builder_add(split, name[1] == '=' ? name + 2 : name + 1);
	}
	return g_strv_builder_end(split);
}

static void add_group(GOptionContext *context, const char *name, const char *heading,
		      const GOptionEntry *options_of_group)
{
	GOptionGroup *group = g_option_group_new(name, heading, "", NULL, NULL);

	g_option_group_add_entries(group, options_of_group);
	g_option_context_add_group(context, group);
}

GOptionContext *smpctl_options_context(const SmpctlCommand *command)
{
	g_autofree char *parameters =
		command ? g_strconcat(command->name, *command->args ? " " : "", command->args, NULL)
			: NULL;
	GOptionContext *context = g_option_context_new(parameters);

	g_option_context_set_help_enabled(context, FALSE);
	if (command && command->options)
		add_group(context, "command", "Options:", command->options);
	add_group(context, "every", "Options of every command:", entries);
	return context;
}

gboolean smpctl_options_check(GError **error)
{
	/* Those of the Go tool. */
	static const char *const levels[] = {"trace", "debug", "info",	"warn", "warning",
					     "error", "fatal", "panic", NULL};
	g_autofree char *level = options.loglevel ? g_ascii_strdown(options.loglevel, -1) : NULL;

	if (level && !g_strv_contains(levels, level))
		return smpctl_usage_error(
			error, "unknown log level “%s”; use debug, info, warn or error", level);
	options.timeout_given = options.timeout > NOT_GIVEN || options.tries > 1;
	if (options.timeout <= NOT_GIVEN)
		options.timeout = DEFAULT_TIMEOUT;
	if (!(options.timeout > 0 && options.timeout <= 86400))
		return smpctl_usage_error(error,
					  "--timeout takes seconds, above 0 and up to 86400");
	if (options.tries < 1 || options.tries > 1000)
		return smpctl_usage_error(error, "--tries takes a number from 1 to 1000");
	if (options.mtu < 0)
		return smpctl_usage_error(error, "--mtu-ovrd must not be negative");
	if (options.passkey < -1 || options.passkey > 999999)
		return smpctl_usage_error(error, "--passkey takes a number of up to six digits");
	if (options.hci < -1)
		return smpctl_usage_error(error, "--hci takes a number from 0");
	if (level && (g_str_equal(level, "debug") || g_str_equal(level, "trace")))
		options.trace = TRUE;
	return TRUE;
}

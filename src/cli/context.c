/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which board, and the way to it. */

#include "cli.h"

#include <stdio.h>
#include <string.h>

/* The board's colours and cursor movements (CSI sequences, ECMA-48) are not for this terminal. */
static gsize skip_escape(const char *text)
{
	gsize length = 1;

	if (text[0] != '\033' || text[1] != '[')
		return 0;
	do {
		length++;
	} while (text[length] >= 0x20 && text[length] < 0x40);
	return text[length] ? length + 1 : length;
}

char *smpctl_plain_text(const GString *line)
{
	g_autofree char *text = g_utf8_make_valid(line->str, (gssize)line->len);
	GString *shown = g_string_new(NULL);

	for (const char *c = text; *c;) {
		gsize escape = skip_escape(c);

		if (!escape)
			g_string_append_c(shown, g_ascii_iscntrl(*c) ? ' ' : *c);
		c += escape ? escape : 1;
	}
	return g_strchomp(g_string_free(shown, FALSE));
}

static void show_line(Smpctl *cli, const SmpctlHeard *heard)
{
	g_autofree char *text = smpctl_plain_text(heard->line);

	smpctl_log(cli, "board: %s", text);
	if (cli->options->verbose)
		fprintf(stderr, "board:%s%s\n", *text ? " " : "", text);
}

static gboolean is_text(guint8 byte)
{
	return byte >= 0x20 ? byte < 0x7f
			    : byte == '\n' || byte == '\r' || byte == '\t' || byte == 0x1b ||
				      byte == '\b';
}

/* Console text between the frames, in pieces of any size. */
static void on_text(const char *text, gsize length, gpointer user_data)
{
	Smpctl *cli = user_data;
	SmpctlHeard *heard = &cli->heard;

	if (!heard->line)
		heard->line = g_string_new(NULL);
	heard->bytes += length;
	for (gsize i = 0; i < length; i++) {
		heard->odd += !is_text((guint8)text[i]);
		if (text[i] != '\n')
			g_string_append_c(heard->line, text[i]);
		heard->prompt |= text[i] == ' ' && g_str_has_suffix(heard->line->str, "~$ ");
		if (text[i] == '\n' || heard->line->len > 500) {
			show_line(cli, heard);
			g_string_truncate(heard->line, 0);
		}
	}
}

static void on_packet(SmpTraceKind kind, const guint8 *packet, gsize size, const char *note,
		      gpointer user_data)
{
	static const char *const marks[] = {
		[SMP_TRACE_SENT] = ">",
		[SMP_TRACE_RECEIVED] = "<",
		[SMP_TRACE_DROPPED] = "!",
	};
	Smpctl *cli = user_data;
	g_autofree char *text = smp_packet_to_string(packet, size);
	g_autoptr(GString) shown = g_string_new(NULL);

	g_string_append_printf(shown, "%s %s%s%s%s\n ", marks[kind], text, note ? " (" : "",
			       note ? note : "", note ? ")" : "");
	for (gsize i = 0; i < size; i++)
		g_string_append_printf(shown, " %02x", packet[i]);
	smpctl_log_text(cli, shown->str);
	if (cli->options->trace)
		fprintf(stderr, "%s\n", shown->str);
}

void smpctl_session_setup(Smpctl *cli, SmpSession *session)
{
	const SmpctlOptions *options = cli->options;

	smp_session_set_timeout(
		session, (guint)MIN(options->timeout * 1000 * options->tries, (double)G_MAXINT));
	smp_session_insist_on_timeout(session, options->timeout_given);
	if (options->mtu)
		smp_session_set_mtu(session, (gsize)options->mtu);
	if (options->trace || smpctl_log_is_open())
		smp_session_set_trace(session, on_packet, cli);
}

static gboolean is_bluetooth(const char *type)
{
	return g_str_equal(type, "ble") || g_str_equal(type, "blue");
}

/* --name, as in the Go tool. */
static void append_bluetooth(GString *string, const SmpctlOptions *options)
{
	if (options->name)
		g_string_append_printf(string, "%speer_name=%s", string->len ? "," : "",
				       options->name);
}

/* Type and connection string as the Go tool puts them together: what is given on the command line
 * goes before the profile; --connextra comes behind either. */
static SmpLink *link_from_parts(const SmpctlOptions *options, const SmpctlProfile *profile,
				GError **error)
{
	const char *type = options->conntype;
	const char *base = options->connstring;
	g_autoptr(GString) string = NULL;

	if (!type && profile)
		type = profile->type;
	if (!type && options->name)
		type = "ble";
	if (!base && profile)
		base = profile->connstring;
	if (!type) {
		g_set_error_literal(error, SMPCTL_ERROR, SMPCTL_ERROR_USAGE,
				    "--connstring needs --conntype");
		return NULL;
	}
	string = g_string_new(base);
	if (options->connextra)
		g_string_append_printf(string, "%s%s", string->len ? "," : "", options->connextra);
	if (is_bluetooth(type))
		append_bluetooth(string, options);
	return smp_link_new_connstring(type, string->str, error);
}

static SmpLink *link_from_name(const SmpctlOptions *options, const char *name, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autoptr(GPtrArray) profiles = smpctl_profiles_load(&failed);
	const SmpctlProfile *profile = profiles ? smpctl_profiles_find(profiles, name, NULL) : NULL;
	gboolean is_target = strpbrk(name, ":/") != NULL;

	if (profile)
		return link_from_parts(options, profile, error);
	if (!profiles && !is_target) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return NULL;
	}
	if (options->conntype || options->connstring || options->connextra) {
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_USAGE,
			    "there is no connection profile “%s”, which --conntype, --connstring "
			    "and --connextra would change",
			    name);
		return NULL;
	}
	if (!is_target) {
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_USAGE,
			    "there is no connection profile “%s” and it is no target; `smpctl conn "
			    "show` lists the profiles, `smpctl discover` the ports",
			    name);
		return NULL;
	}
	return smp_link_new(name, error);
}

static SmpLink *link_from_only_profile(const SmpctlOptions *options, GError **error)
{
	g_autoptr(GPtrArray) profiles = smpctl_profiles_load(error);

	if (!profiles)
		return NULL;
	if (profiles->len == 1)
		return link_from_parts(options, g_ptr_array_index(profiles, 0), error);
	g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_USAGE,
		    "which board? Name it with -c or SMPCTL_CONN%s",
		    profiles->len ? "; several connections are saved" : "");
	return NULL;
}

/* -c, then the parts, then the environment, then the only profile. */
static SmpLink *make_link(const SmpctlOptions *options, GError **error)
{
	const char *environment = g_getenv("SMPCTL_CONN");

	if (options->conn)
		return link_from_name(options, options->conn, error);
	if (options->conntype || options->connstring || options->name)
		return link_from_parts(options, NULL, error);
	if (environment && *environment)
		return link_from_name(options, environment, error);
	return link_from_only_profile(options, error);
}

gboolean smpctl_has_target(const SmpctlOptions *options)
{
	const char *environment = g_getenv("SMPCTL_CONN");

	return options->conn || options->conntype || options->connstring || options->name ||
	       (environment && *environment);
}

/* Sets an option of a target, whatever it was. Returns: (transfer full): the target */
static char *set_option(const char *target, const char *key, const char *value)
{
	g_auto(GStrv) parts = g_strsplit(target, "?", 2);
	g_auto(GStrv) options = g_strsplit(parts[1] ? parts[1] : "", "&", -1);
	g_autofree char *prefix = g_strconcat(key, "=", NULL);
	GString *text = g_string_new(parts[0]);
	char separator = '?';

	for (char **option = options; *option; option++) {
		if (**option == '\0' || g_str_has_prefix(*option, prefix))
			continue;
		g_string_append_printf(text, "%c%s", separator, *option);
		separator = '&';
	}
	g_string_append_printf(text, "%c%s%s", separator, prefix, value);
	return g_string_free(text, FALSE);
}

static void replace_option(char **target, const char *key, const char *value)
{
	char *text = set_option(*target, key, value);

	g_free(*target);
	*target = text;
}

/* -i and --pair are options of the target: `ble:NAME?adapter=hciN&pair=yes`. */
static SmpLink *with_bluetooth(const SmpctlOptions *options, SmpLink *link, GError **error)
{
	g_autofree char *adapter =
		options->hci >= 0 ? g_strdup_printf("hci%d", options->hci) : NULL;
	g_autofree char *target = link ? g_strdup(smp_link_get_target(link)) : NULL;

	if (!link || !g_str_has_prefix(target, "ble:") || (!adapter && !options->pair))
		return link;
	smp_link_free(link);
	if (adapter)
		replace_option(&target, "adapter", adapter);
	if (options->pair)
		replace_option(&target, "pair", "yes");
	return smp_link_new(target, error);
}

SmpLink *smpctl_link(Smpctl *cli, GError **error)
{
	if (cli->link)
		return cli->link;
	cli->link = with_bluetooth(cli->options, make_link(cli->options, error), error);
	if (!cli->link)
		return NULL;
	smp_link_set_cancellable(cli->link, cli->cancellable);
	smp_link_set_text_func(cli->link, on_text, cli);
	smpctl_pairing_setup(cli, cli->link);
	return cli->link;
}

SmpLink *smpctl_link_of(Smpctl *cli, const char *board, GError **error)
{
	SmpctlOptions *options = smpctl_options();

	if (board) {
		g_free(options->conn);
		options->conn = g_strdup(board);
	}
	return smpctl_link(cli, error);
}

SmpSession *smpctl_session(Smpctl *cli, GError **error)
{
	if (cli->session)
		return cli->session;
	if (!smpctl_link(cli, error))
		return NULL;
	if (!smpctl_open_link(cli, error))
		return NULL;
	cli->session = smp_session_new(cli->link);
	smpctl_session_setup(cli, cli->session);
	return cli->session;
}

void smpctl_clear(Smpctl *cli)
{
	g_clear_pointer(&cli->session, smp_session_free);
	g_clear_pointer(&cli->link, smp_link_free);
	if (cli->heard.line) {
		if (cli->heard.line->len > 0)
			show_line(cli, &cli->heard);
		g_string_free(cli->heard.line, TRUE);
	}
	g_free(cli->state);
}

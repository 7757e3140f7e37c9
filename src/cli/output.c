/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Words and numbers for a person, JSON for a program. */

#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(Smpctl *cli, gboolean shown, const char *text)
{
	smpctl_log_text(cli, text);
	if (shown && !cli->options->quiet && !cli->options->json)
		fprintf(stderr, "%s\n", text);
}

void smpctl_say(Smpctl *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	say(cli, TRUE, text);
}

void smpctl_say_more(Smpctl *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	say(cli, cli->options->verbose, text);
}

gboolean smpctl_wants_more(Smpctl *cli)
{
	return smpctl_log_is_open() ||
	       (cli->options->verbose && !cli->options->quiet && !cli->options->json);
}

void smpctl_done_with(Smpctl *cli, const char *key, const char *name)
{
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		if (name)
			smpctl_json_text(json, key, name);
		else
			smpctl_json_bool(json, key, TRUE);
		smpctl_json_print(json);
	} else if (!cli->options->quiet) {
		puts("Done");
	}
}

void smpctl_done(Smpctl *cli, const char *key)
{
	smpctl_done_with(cli, key, NULL);
}

gboolean smpctl_utf8(void)
{
	return g_get_charset(NULL);
}

const char *smpctl_glyph(const char *utf8, const char *ascii)
{
	return smpctl_utf8() ? utf8 : ascii;
}

const char *smpctl_color(Smpctl *cli, int fd, SmpctlColor color)
{
	static const char *const sequences[] = {
		[SMPCTL_PLAIN] = "\033[0m",   [SMPCTL_BOLD] = "\033[1m",
		[SMPCTL_RED] = "\033[31m",    [SMPCTL_GREEN] = "\033[32m",
		[SMPCTL_YELLOW] = "\033[33m",
	};
	const char *no_color = g_getenv("NO_COLOR");
	const char *term = g_getenv("TERM");

	/* https://no-color.org: present and not empty. */
	if (cli->options->no_color || (no_color && *no_color) || !isatty(fd) || !term ||
	    g_str_equal(term, "dumb"))
		return "";
	return sequences[color];
}

static const char *const units[] = {"B", "KiB", "MiB", "GiB"};

static guint unit_of(guint64 bytes)
{
	guint unit = 0;

	while (unit < G_N_ELEMENTS(units) - 1 && bytes >> (10 * (unit + 1)))
		unit++;
	return unit;
}

static char *in_unit(guint64 bytes, guint unit)
{
	double value = (double)bytes / (double)(1ULL << (10 * unit));
	return g_strdup_printf(unit > 1 ? "%.2f" : "%.0f", value);
}

char *smpctl_size_text(guint64 bytes)
{
	guint unit = unit_of(bytes);
	g_autofree char *number = in_unit(bytes, unit);

	return g_strconcat(number, " ", units[unit], NULL);
}

char *smpctl_params_text(const SmpParams *params)
{
	return g_strdup_printf("buffers %u B %s %u", params->buf_size, smpctl_glyph("×", "x"),
			       params->buf_count);
}

char *smpctl_of_text(guint64 part, guint64 whole)
{
	guint unit = unit_of(whole);
	g_autofree char *first = in_unit(part, unit);
	g_autofree char *second = in_unit(whole, unit);

	return g_strdup_printf("%s of %s %s", first, second, units[unit]);
}

char *smpctl_rate_text(double rate)
{
	if (rate < 100000)
		return g_strdup_printf("%.1f kB/s", rate / 1000);
	return g_strdup_printf("%.0f kB/s", rate / 1000);
}

char *smpctl_time_text(gint64 us)
{
	gint64 seconds = (us + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC;

	if (us < 10 * G_USEC_PER_SEC)
		return g_strdup_printf("%.1f s", (double)us / G_USEC_PER_SEC);
	if (seconds < 100)
		return g_strdup_printf("%d s", (int)seconds);
	return g_strdup_printf("%d min %d s", (int)(seconds / 60), (int)(seconds % 60));
}

JsonBuilder *smpctl_json_begin(void)
{
	JsonBuilder *json = json_builder_new();
	json_builder_begin_object(json);
	return json;
}

void smpctl_json_text(JsonBuilder *json, const char *key, const char *value)
{
	if (!value)
		return;
	json_builder_set_member_name(json, key);
	json_builder_add_string_value(json, value);
}

void smpctl_json_int(JsonBuilder *json, const char *key, gint64 value)
{
	json_builder_set_member_name(json, key);
	json_builder_add_int_value(json, value);
}

void smpctl_json_count(JsonBuilder *json, const char *key, gint64 value)
{
	if (value >= 0)
		smpctl_json_int(json, key, value);
}

void smpctl_json_moment(JsonBuilder *json, const char *key, guint64 seconds)
{
	if (seconds)
		smpctl_json_int(json, key, (gint64)seconds);
}

void smpctl_json_bool(JsonBuilder *json, const char *key, gboolean value)
{
	json_builder_set_member_name(json, key);
	json_builder_add_boolean_value(json, value);
}

void smpctl_json_double(JsonBuilder *json, const char *key, double value)
{
	json_builder_set_member_name(json, key);
	json_builder_add_double_value(json, round(value * 1000) / 1000);
}

void smpctl_json_seconds(JsonBuilder *json, const char *key, gint64 us)
{
	smpctl_json_double(json, key, (double)us / G_USEC_PER_SEC);
}

void smpctl_json_hex(JsonBuilder *json, const char *key, const guint8 *data, gsize size)
{
	g_autofree char *hex = smp_hex_format(data, size);

	if (size)
		smpctl_json_text(json, key, hex);
}

void smpctl_json_texts(JsonBuilder *json, const char *key, char **texts)
{
	json_builder_set_member_name(json, key);
	json_builder_begin_array(json);
	for (; *texts; texts++)
		json_builder_add_string_value(json, *texts);
	json_builder_end_array(json);
}

static int compare_texts(const void *a, const void *b)
{
	const char *const *first = a, *const *second = b;
	return strcmp(*first, *second);
}

void smpctl_print_names(const char *title, char **names)
{
	qsort(names, g_strv_length(names), sizeof *names, compare_texts);
	printf("%s:\n", title);
	for (; *names; names++) {
		g_autofree char *shown = smpctl_clean(*names);
		printf("    %s\n", shown);
	}
}

/* What json-glib prints as 0.025999999999999999 is 0.026 to everybody else. */
static gboolean shorten(const GMatchInfo *match, GString *text, gpointer user_data)
{
	g_autofree char *word = g_match_info_fetch(match, 0);
	char number[G_ASCII_DTOSTR_BUF_SIZE];

	if (word[0] == '"')
		g_string_append(text, word);
	else
		g_string_append(text, g_ascii_formatd(number, sizeof number, "%.15g",
						      g_ascii_strtod(word, NULL)));
	return FALSE;
}

static char *shorten_numbers(const char *text)
{
	static GRegex *words;

	/* An update prints four lines a second. */
	if (!words)
		words = g_regex_new("\"(?:[^\"\\\\]|\\\\.)*+\"|-?\\d+\\.\\d+", 0, 0, NULL);
	return g_regex_replace_eval(words, text, -1, 0, 0, shorten, NULL, NULL);
}

void smpctl_json_params(JsonBuilder *json, const SmpParams *params)
{
	if (params->buf_size)
		smpctl_json_int(json, "buf_size", params->buf_size);
	if (params->buf_count)
		smpctl_json_int(json, "buf_count", params->buf_count);
}

void smpctl_json_array(JsonBuilder *json, const char *key, const GPtrArray *items,
		       SmpctlJsonFunc add)
{
	json_builder_set_member_name(json, key);
	json_builder_begin_array(json);
	for (guint i = 0; items && i < items->len; i++) {
		json_builder_begin_object(json);
		add(json, g_ptr_array_index(items, i));
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
}

void smpctl_json_print(JsonBuilder *json)
{
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *text = NULL;
	g_autofree char *shorter = NULL;

	json_builder_end_object(json);
	root = json_builder_get_root(json);
	text = json_to_string(root, FALSE);
	shorter = shorten_numbers(text);
	puts(shorter ? shorter : text);
	/* One object a line, at once: a program may be waiting for it. */
	fflush(stdout);
}

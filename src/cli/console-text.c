/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "console.h"

#include <stdio.h>
#include <unistd.h>

/* A line for a program is handed on when it has so many bytes, at the latest. */
#define MAX_LINE 4096

void smpctl_text_init(SmpctlText *text, gboolean stamps, gboolean json)
{
	*text = (SmpctlText){
		.stamps = stamps,
		.json = json,
		.terminal = isatty(STDOUT_FILENO) && !json,
		.line = g_string_new(NULL),
	};
}

char *smpctl_text_time(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *day = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
	g_autofree char *zone = g_date_time_format(now, "%:z");

	return g_strdup_printf("%s.%03d%s", day, g_date_time_get_microsecond(now) / 1000, zone);
}

/* ---- for a program ---- */

static void print_object(SmpctlText *text)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	g_autofree char *time = smpctl_text_time();
	g_autofree char *plain = smpctl_plain_text(text->line);

	smpctl_json_text(json, "event", "text");
	smpctl_json_text(json, "time", time);
	smpctl_json_text(json, "text", plain);
	smpctl_json_print(json);
	g_string_truncate(text->line, 0);
}

static void add_byte_to_object(SmpctlText *text, char byte)
{
	if (byte != '\n')
		g_string_append_c(text->line, byte);
	if (byte == '\n' || text->line->len >= MAX_LINE)
		print_object(text);
}

/* ---- for a person ---- */

static void put(SmpctlText *text, char byte)
{
	if (!text->inside && text->stamps) {
		g_autofree char *time = smpctl_text_time();
		fprintf(stdout, "%s ", time);
	}
	text->inside = byte != '\n';
	putchar(byte);
}

/* A file is to have the lines that text files have. */
static void add_byte(SmpctlText *text, char byte)
{
	if (text->cr && byte != '\n')
		put(text, '\r');
	text->cr = byte == '\r' && !text->terminal;
	if (!text->cr)
		put(text, byte);
}

void smpctl_text_add(const char *bytes, gsize length, gpointer user_data)
{
	SmpctlText *text = user_data;

	for (gsize i = 0; i < length; i++) {
		if (text->json)
			add_byte_to_object(text, bytes[i]);
		else
			add_byte(text, bytes[i]);
	}
	fflush(stdout);
}

void smpctl_text_end(SmpctlText *text)
{
	if (text->line->len > 0)
		print_object(text);
	g_string_free(text->line, TRUE);
	if (text->inside && text->terminal)
		putchar('\n');
	fflush(stdout);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Columns as wide as what stands in them. */

#include "cli.h"

#include <stdio.h>
#include <string.h>

/* Boards and other people write what they like; it stays in its cell. */
char *smpctl_clean(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
	GString *clean = g_string_new(NULL);

	for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
		gunichar character = g_utf8_get_char(c);
		g_string_append_unichar(clean, g_unichar_iscntrl(character) ? '?' : character);
	}
	return g_string_free(clean, FALSE);
}

void smpctl_table_add(GPtrArray *table, ...)
{
	g_autoptr(GStrvBuilder) row = g_strv_builder_new();
	const char *cell;
	va_list args;

	va_start(args, table);
	while ((cell = va_arg(args, const char *))) {
		g_autofree char *text = smpctl_clean(*cell ? cell : smpctl_glyph("–", "-"));
		g_strv_builder_add(row, text);
	}
	va_end(args);
	g_ptr_array_add(table, g_strv_builder_end(row));
}

GPtrArray *smpctl_table_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
}

static long width_of(const GPtrArray *table, guint column)
{
	long width = 0;

	for (guint i = 0; i < table->len; i++) {
		char **row = g_ptr_array_index(table, i);
		width = MAX(width, g_utf8_strlen(row[column], -1));
	}
	return width;
}

/* All but the last cell are filled up. */
static char *line_of(char **row, const long *widths)
{
	g_autoptr(GString) line = g_string_new(NULL);

	for (guint i = 0; row[i]; i++) {
		long pad = row[i + 1] ? widths[i] - g_utf8_strlen(row[i], -1) + 2 : 0;
		g_string_append_printf(line, "%s%*s", row[i], (int)pad, "");
	}
	return g_string_free(g_steal_pointer(&line), FALSE);
}

GPtrArray *smpctl_table_lines(const GPtrArray *table)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	guint columns = table->len ? g_strv_length(g_ptr_array_index(table, 0)) : 0;
	g_autofree long *widths = g_new0(long, columns + 1);

	for (guint i = 0; i < columns; i++)
		widths[i] = width_of(table, i);
	for (guint i = 0; i < table->len; i++)
		g_ptr_array_add(lines, line_of(g_ptr_array_index(table, i), widths));
	return lines;
}

void smpctl_table_print(const GPtrArray *table)
{
	g_autoptr(GPtrArray) lines = smpctl_table_lines(table);

	for (guint i = 0; i < lines->len; i++)
		puts(g_ptr_array_index(lines, i));
}

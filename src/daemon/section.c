/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/section.h"

#include <string.h>

/* A configuration has some kilobytes; what is larger is none. */
#define MAX_FILE_SIZE (1024 * 1024)

typedef struct {
	const char *path;
	guint line;
	GPtrArray *sections;
	GPtrArray *errors;
	SmpdSection *section;
} Reader;

static void value_free(gpointer data)
{
	SmpdValue *value = data;

	g_free(value->text);
	g_free(value->where);
	g_free(value);
}

void smpd_section_free(SmpdSection *section)
{
	g_free(section->kind);
	g_free(section->name);
	g_free(section->where);
	g_hash_table_unref(section->values);
	g_free(section);
}

void smpd_complain(GPtrArray *errors, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	/* A name may have been cut in the middle of a character. */
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_ptr_array_add(errors, g_strdup_printf("%s: %s", where, valid));
}

static char *here(const Reader *reader)
{
	return g_strdup_printf("%s:%u", reader->path, reader->line);
}

static void complain(Reader *reader, const char *text)
{
	g_autofree char *where = here(reader);

	smpd_complain(reader->errors, where, "%s", text);
	if (reader->section)
		reader->section->broken = TRUE;
}

/* `[kind]` or `[kind name]` */
static void read_header(Reader *reader, char *line)
{
	gsize length = strlen(line);

	reader->section = NULL;
	if (line[length - 1] != ']') {
		complain(reader, "a section ends with a bracket: [target NAME]");
		return;
	}
	line[length - 1] = '\0';
	char *kind = g_strstrip(line + 1);
	gsize end = strcspn(kind, " \t");
	SmpdSection *section = g_new0(SmpdSection, 1);
	section->kind = g_strndup(kind, end);
	if (kind[end])
		section->name = g_strdup(g_strstrip(kind + end));
	section->where = here(reader);
	section->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, value_free);
	g_ptr_array_add(reader->sections, section);
	reader->section = section;
}

static void read_value(Reader *reader, char *line)
{
	char *equals = strchr(line, '=');

	if (!equals) {
		complain(reader, "neither a section, a key=value, nor a comment");
		return;
	}
	if (!reader->section) {
		complain(reader, "stands in no section; [target NAME], [group NAME], [policy] or "
				 "[daemon] comes first");
		return;
	}
	*equals = '\0';
	const char *key = g_strstrip(line);
	if (g_hash_table_contains(reader->section->values, key)) {
		g_autofree char *text = g_strdup_printf("%s is given twice", key);
		complain(reader, text);
		return;
	}
	SmpdValue *value = g_new0(SmpdValue, 1);
	value->text = g_strdup(g_strstrip(equals + 1));
	value->where = here(reader);
	g_hash_table_insert(reader->section->values, g_strdup(key), value);
}

static void read_line(Reader *reader, char *line)
{
	g_strstrip(line);
	if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
		return;
	if (line[0] == '[')
		read_header(reader, line);
	else
		read_value(reader, line);
}

static gboolean check_text(Reader *reader, const char *text, gsize size)
{
	const char *end;

	if (size > MAX_FILE_SIZE) {
		complain(reader, "is too large for a configuration");
		return FALSE;
	}
	if (g_utf8_validate_len(text, size, &end))
		return TRUE;
	for (const char *c = text; c < end; c++)
		reader->line += *c == '\n';
	complain(reader, "is no UTF-8 text");
	return FALSE;
}

void smpd_sections_read(const char *path, GPtrArray *sections, GPtrArray *errors)
{
	Reader reader = {.path = path, .line = 1, .sections = sections, .errors = errors};
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	gsize size;

	if (!g_file_get_contents(path, &text, &size, &error)) {
		if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			smpd_complain(errors, path, "cannot be read: %s", error->message);
		return;
	}
	if (!check_text(&reader, text, size))
		return;
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++, reader.line++)
		read_line(&reader, *line);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of sections and keys. Unlike GKeyFile's, each key knows its line, and a bad line does not
 * cost the rest of the file. */

#include <gio/gio.h>

G_BEGIN_DECLS

/* @text: what stands behind the equals sign, without blanks around it */
typedef struct {
	char *text;
	char *where; /* "FILE:LINE" */
} SmpdValue;

/**
 * SmpdSection: `[kind name]` and its keys.
 * @name: (nullable): where only the kind is given
 * @values: (element-type utf8 SmpdValue)
 * @broken: a line of it was not understood
 */
typedef struct {
	char *kind;
	char *name;
	char *where;
	GHashTable *values;
	gboolean broken;
} SmpdSection;

void smpd_section_free(SmpdSection *section);

/**
 * smpd_sections_read:
 * @sections: (element-type SmpdSection): is added to
 * @errors: (element-type utf8): "FILE:LINE: what is wrong", is added to
 */
void smpd_sections_read(const char *path, GPtrArray *sections, GPtrArray *errors);

/* Adds "WHERE: what". */
void smpd_complain(GPtrArray *errors, const char *where, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of `smpctl console` share. */

#include "cli.h"

/* ---- console-terminal.c: the keyboard ---- */

/* Every key to the board, from now on; nothing where standard input is no terminal. */
gboolean smpctl_terminal_begin(GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* As it was. */
void smpctl_terminal_end(void);

/* ---- console-text.c: what the board writes ---- */

/**
 * SmpctlText: the board's text on its way to standard output.
 * @stamps: the time in front of each line
 * @json: an object a line
 * @terminal: the text goes to a screen, as it is
 * @line: the line in hand, for @json
 * @inside: in a line
 * @cr: a carriage return was held back, which may belong to a line end
 */
typedef struct {
	gboolean stamps;
	gboolean json;
	gboolean terminal;
	GString *line;
	gboolean inside;
	gboolean cr;
} SmpctlText;

void smpctl_text_init(SmpctlText *text, gboolean stamps, gboolean json);
/* An SmpLinkTextFunc. */
void smpctl_text_add(const char *bytes, gsize length, gpointer user_data);
/* What is left without a line end. */
void smpctl_text_end(SmpctlText *text);
/* Returns: (transfer full): "2026-11-21T18:03:07.241+01:00" */
char *smpctl_text_time(void);

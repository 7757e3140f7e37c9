/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What goes to a board from a client that sends lines, and from a person who types. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct SmpConsoleOut SmpConsoleOut;

SmpConsoleOut *smp_console_out_new(void);
void smp_console_out_free(SmpConsoleOut *out);
/* Another line. @shell: it is known that a shell reads what is typed */
void smp_console_out_reset(SmpConsoleOut *out, guint baud, gboolean shell);

/* From the client. */
gboolean smp_console_out_wants_lines(const SmpConsoleOut *out);
void smp_console_out_add_lines(SmpConsoleOut *out, const guint8 *data, gsize size);
/* It is gone: a line that it left unfinished is dropped. */
void smp_console_out_end_client(SmpConsoleOut *out);

void smp_console_out_type(SmpConsoleOut *out, const char *text, gsize length);
gsize smp_console_out_get_typed(const SmpConsoleOut *out);

/* The board wrote this: it may be the echo of what was typed. */
void smp_console_out_heard(SmpConsoleOut *out, const char *text, gsize length);

/* Whether something can be written now; in how many milliseconds, -1 for never. */
gboolean smp_console_out_is_ready(SmpConsoleOut *out);
int smp_console_out_get_wait(SmpConsoleOut *out);
/* Returns: FALSE with errno */
gboolean smp_console_out_write(SmpConsoleOut *out, int fd);

G_END_DECLS

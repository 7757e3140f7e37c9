/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/console-out.h"

#include "protocol/framing.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A shell takes what comes in one burst for one input (Zephyr smp_shell.c): a frame behind a key in
 * the same burst is typed into it. */
#define PAUSE (100 * G_TIME_SPAN_MILLISECOND)

/* More stays with the client; far more than a server has buffers. */
#define MAX_LINES (64 * 1024)

/* What became of that which was typed last. */
typedef enum {
	TYPED_NOTHING, /* or it was ended */
	TYPED_SILENT,  /* nothing came back: a receiver of lines may wait for their end */
	TYPED_ECHOED,  /* a shell has it, and keeps it apart from frames */
} Typed;

struct SmpConsoleOut {
	guint baud;
	gboolean shell;
	GByteArray *lines; /* from the client */
	guint done;	   /* bytes of them that were taken */
	GByteArray *keys;
	GByteArray *now;    /* being written: lines, or keys */
	gboolean now_keys;  /* which of them */
	gint64 line_free;   /* when what was written has left */
	gint64 quiet_until; /* no frames before */
	Typed typed;
	char last_key;
};

static void note_typed(SmpConsoleOut *out, char key)
{
	gboolean ended = key == '\n' || (key == '\r' && out->shell);

	out->last_key = key;
	if (ended)
		out->typed = TYPED_NOTHING;
	else
		out->typed = out->shell ? TYPED_ECHOED : TYPED_SILENT;
}

SmpConsoleOut *smp_console_out_new(void)
{
	SmpConsoleOut *out = g_new0(SmpConsoleOut, 1);

	out->lines = g_byte_array_new();
	out->keys = g_byte_array_new();
	out->now = g_byte_array_new();
	return out;
}

void smp_console_out_free(SmpConsoleOut *out)
{
	g_byte_array_unref(out->lines);
	g_byte_array_unref(out->keys);
	g_byte_array_unref(out->now);
	g_free(out);
}

/* A program before may have left half a line. */
void smp_console_out_reset(SmpConsoleOut *out, guint baud, gboolean shell)
{
	g_byte_array_set_size(out->lines, 0);
	g_byte_array_set_size(out->keys, 0);
	g_byte_array_set_size(out->now, 0);
	out->done = 0;
	out->baud = baud;
	out->shell = shell;
	out->line_free = out->quiet_until = 0;
	note_typed(out, '\r');
}

static const guint8 *first_line(const SmpConsoleOut *out)
{
	return out->lines->data + out->done;
}

/* Bytes of lines that were not taken. */
static guint waiting(const SmpConsoleOut *out)
{
	return out->lines->len - out->done;
}

gboolean smp_console_out_wants_lines(const SmpConsoleOut *out)
{
	return waiting(out) < MAX_LINES;
}

void smp_console_out_add_lines(SmpConsoleOut *out, const guint8 *data, gsize size)
{
	g_byte_array_remove_range(out->lines, 0, out->done);
	out->done = 0;
	g_byte_array_append(out->lines, data, (guint)size);
}

void smp_console_out_end_client(SmpConsoleOut *out)
{
	const guint8 *last = waiting(out) ? memrchr(first_line(out), '\n', waiting(out)) : NULL;

	g_byte_array_set_size(out->lines, last ? (guint)(last + 1 - out->lines->data) : out->done);
}

void smp_console_out_type(SmpConsoleOut *out, const char *text, gsize length)
{
	for (gsize i = 0; i < length; i++) {
		/* Halves of markers. */
		if (text[i] != 0x04 && text[i] != 0x06)
			g_byte_array_append(out->keys, (const guint8 *)text + i, 1);
	}
}

gsize smp_console_out_get_typed(const SmpConsoleOut *out)
{
	return out->keys->len + (out->now_keys ? out->now->len : 0);
}

/* A letter comes back as it is, other keys as something else. Enter comes back, too, and so does
 * much that is no echo: a line feed behind it does a shell no harm, which takes both for one. */
static gboolean is_echo(const SmpConsoleOut *out, const char *text, gsize length)
{
	if (g_ascii_isprint(out->last_key))
		return memchr(text, out->last_key, length) != NULL;
	return out->last_key != '\r';
}

void smp_console_out_heard(SmpConsoleOut *out, const char *text, gsize length)
{
	if (out->typed == TYPED_SILENT && is_echo(out, text, length))
		out->typed = TYPED_ECHOED;
}

/* The client's next line; 0 where it has none. */
static guint line_length(const SmpConsoleOut *out)
{
	const guint8 *end = waiting(out) ? memchr(first_line(out), '\n', waiting(out)) : NULL;

	if (end)
		return (guint)(end + 1 - first_line(out));
	return smp_console_out_wants_lines(out) ? 0 : waiting(out);
}

static gboolean is_frame(const guint8 *line, guint length)
{
	return length > 2 &&
	       ((line[0] == 0x06 && line[1] == 0x09) || (line[0] == 0x04 && line[1] == 0x14));
}

static void take_keys(SmpConsoleOut *out)
{
	note_typed(out, (char)out->keys->data[out->keys->len - 1]);
	g_byte_array_append(out->now, out->keys->data, out->keys->len);
	g_byte_array_set_size(out->keys, 0);
	out->now_keys = TRUE;
}

/* Ends what a receiver of lines would take for the beginning of the frame. */
static void end_typed(SmpConsoleOut *out)
{
	g_byte_array_append(out->now, (const guint8 *)"\n", 1);
	out->now_keys = TRUE;
	out->typed = TYPED_NOTHING;
}

/* What clients send besides frames is to end half a line. In a shell that would be Enter, behind
 * half a command. */
static void take_line(SmpConsoleOut *out, guint length)
{
	gboolean frame = is_frame(first_line(out), length);

	if (frame && out->typed == TYPED_SILENT) {
		end_typed(out);
		return;
	}
	if (frame || out->typed != TYPED_ECHOED) {
		g_byte_array_append(out->now, first_line(out), length);
		out->now_keys = FALSE;
	}
	if (!frame && out->typed != TYPED_ECHOED)
		out->typed = TYPED_NOTHING;
	out->done += length;
}

/* Chooses what is next, and whole: lines first, as a client never sends more than some packets
 * before it waits for an answer. */
static void choose(SmpConsoleOut *out)
{
	gint64 time = g_get_monotonic_time();
	guint length;

	while (out->now->len == 0 && (length = line_length(out)) > 0 && time >= out->quiet_until)
		take_line(out, length);
	if (out->now->len == 0 && line_length(out) == 0 && out->keys->len > 0)
		take_keys(out);
}

gboolean smp_console_out_is_ready(SmpConsoleOut *out)
{
	choose(out);
	return out->now->len > 0;
}

int smp_console_out_get_wait(SmpConsoleOut *out)
{
	gint64 left = out->quiet_until - g_get_monotonic_time();

	if (out->now->len > 0 || line_length(out) == 0)
		return -1;
	return (int)(MAX(left, 0) / 1000) + 1;
}

/* Ten bits a byte on a UART; USB takes it at once. */
static void note_written(SmpConsoleOut *out, gsize size)
{
	out->line_free = MAX(out->line_free, g_get_monotonic_time()) +
			 (gint64)size * 10 * G_USEC_PER_SEC / out->baud;
	if (out->now_keys)
		out->quiet_until = out->line_free + PAUSE;
}

gboolean smp_console_out_write(SmpConsoleOut *out, int fd)
{
	while (smp_console_out_is_ready(out)) {
		ssize_t n = write(fd, out->now->data, out->now->len);

		if (n < 0)
			return FALSE;
		note_written(out, (gsize)n);
		g_byte_array_remove_range(out->now, 0, (guint)n);
	}
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames as they come out of a board that logs on the same line: text before a frame, a line cut in
 * half by it, text between its lines and, rarely, inside one. */

#include "sim/internal-uart.h"

#include <string.h>

/* CONFIG_MCUMGR_TRANSPORT_..._MTU before Zephyr 3.2. */
#define OLD_MTU 256

static void put_text(GByteArray *out, const char *text)
{
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

static char *log_line(const SimUart *uart)
{
	guint64 ms = (guint64)uart->now / 1000;

	return g_strdup_printf("[%02u:%02u:%02u.%03u,%03u] <inf> smp_sample: frame %u\r\n",
			       (guint)(ms / 3600000 % 100), (guint)(ms / 60000 % 60),
			       (guint)(ms / 1000 % 60), (guint)(ms % 1000),
			       (guint)(uart->now % 1000), uart->frames);
}

static void put_frame(SimUart *uart, const guint8 *packet, gsize size, GByteArray *out)
{
	static const SmpFraming framings[] = {
		[SIM_LINE_CONSOLE] = SMP_FRAMING_CONSOLE,
		[SIM_LINE_SHELL] = SMP_FRAMING_CONSOLE,
		[SIM_LINE_RAW] = SMP_FRAMING_RAW,
		[SIM_LINE_COBS] = SMP_FRAMING_COBS,
	};
	gsize part = sim_board_config(uart->board)->cut_answers ? OLD_MTU : size;

	for (gsize at = 0; at < size; at += part)
		smp_frame(framings[uart->line], packet + at, MIN(part, size - at), out);
}

static void log_around(SimUart *uart, GByteArray *frame, GByteArray *out)
{
	g_autofree char *line = log_line(uart);
	const guint8 *end = memchr(frame->data, '\n', frame->len);
	gsize first = end ? (gsize)(end - frame->data) + 1 : frame->len;
	guint how = uart->frames++ % 4;

	if (how == 1)
		put_text(out, line);
	if (how == 2)
		g_byte_array_append(out, (const guint8 *)line, 7);
	g_byte_array_append(out, frame->data, (guint)first);
	if (how == 3)
		put_text(out, line);
	g_byte_array_append(out, frame->data + first, (guint)(frame->len - first));
	if (how == 2)
		put_text(out, line + 7);
}

/* Not in the first bytes, so that the reader takes it for a frame. */
static void log_inside(SimUart *uart, GByteArray *frame, GByteArray *out)
{
	g_autofree char *line = log_line(uart);
	gsize at = MIN(frame->len, 12);

	g_byte_array_append(out, frame->data, (guint)at);
	put_text(out, line);
	g_byte_array_append(out, frame->data + at, (guint)(frame->len - at));
}

void sim_uart_frame(SimUart *uart, const SimOutput *output, GByteArray *out)
{
	const SimConfig *config = sim_board_config(uart->board);
	gboolean text_line = uart->line == SIM_LINE_CONSOLE || uart->line == SIM_LINE_SHELL;
	g_autoptr(GByteArray) frame = g_byte_array_new();

	put_frame(uart, output->bytes->data, output->bytes->len, frame);
	if (output->damaged)
		frame->data[frame->len / 2] ^= 0x03;
	if (text_line && config->log_break > 0 && g_rand_double(uart->rand) < config->log_break)
		log_inside(uart, frame, out);
	else if (text_line && config->log)
		log_around(uart, frame, out);
	else
		g_byte_array_append(out, frame->data, frame->len);
}

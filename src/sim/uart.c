/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/internal-uart.h"

#include <string.h>

static void take_cobs(const guint8 *packet, gsize size, gpointer user_data)
{
	SimUart *uart = user_data;

	if (size <= sim_board_buf_size(uart->board))
		sim_board_receive(uart->board, packet, size, 0, uart->now);
}

static void free_line(gpointer line)
{
	g_byte_array_unref(line);
}

SimUart *sim_uart_new(SimBoard *board, SimLine line)
{
	SimUart *uart = g_new0(SimUart, 1);

	uart->board = board;
	uart->line = line;
	uart->input = g_byte_array_new();
	uart->frame = g_byte_array_new();
	uart->echo = g_byte_array_new();
	uart->command = g_string_new(NULL);
	uart->cobs = smp_decoder_new(SMP_FRAMING_COBS, take_cobs, NULL, uart);
	uart->rand = g_rand_new_with_seed(sim_board_config(board)->seed);
	g_queue_init(&uart->lines);
	return uart;
}

void sim_uart_free(SimUart *uart)
{
	if (!uart)
		return;
	g_queue_clear_full(&uart->lines, free_line);
	g_byte_array_unref(uart->input);
	g_byte_array_unref(uart->frame);
	g_byte_array_unref(uart->echo);
	g_string_free(uart->command, TRUE);
	smp_decoder_free(uart->cobs);
	g_rand_free(uart->rand);
	g_free(uart);
}

/* A processor that starts has forgotten what it was reading. */
static void forget(SimUart *uart)
{
	g_queue_clear_full(&uart->lines, free_line);
	g_byte_array_set_size(uart->input, 0);
	g_byte_array_set_size(uart->frame, 0);
	g_string_truncate(uart->command, 0);
	smp_decoder_reset(uart->cobs);
	uart->ignoring = uart->in_frame = uart->raw_lost = FALSE;
	uart->marker = 0;
}

static gboolean is_listening(SimUart *uart)
{
	SimState state = sim_board_state(uart->board, uart->now);

	if (state == SIM_STATE_APP || state == SIM_STATE_RECOVERY)
		return TRUE;
	forget(uart);
	return FALSE;
}

void sim_uart_feed(SimUart *uart, const guint8 *data, gsize size, gint64 now)
{
	uart->now = now;
	if (!is_listening(uart) || !sim_board_link_is_up(uart->board, now) ||
	    sim_board_is_deaf(uart->board, now))
		return;
	sim_console_drain(uart, now);
	switch (uart->line) {
	case SIM_LINE_CONSOLE:
		for (gsize i = 0; i < size; i++)
			sim_console_feed(uart, data[i]);
		break;
	case SIM_LINE_SHELL:
		sim_shell_feed(uart, data, size);
		break;
	case SIM_LINE_RAW:
		sim_raw_feed(uart, data, size);
		break;
	case SIM_LINE_COBS:
		smp_decoder_feed(uart->cobs, data, size);
		break;
	}
}

gint64 sim_uart_next_event(SimUart *uart)
{
	gint64 next = sim_board_next_event(uart->board);
	gint64 drain = sim_console_next_drain(uart);

	if (uart->echo->len > 0)
		return uart->now;
	return next < 0 || drain < 0 ? MAX(next, drain) : MIN(next, drain);
}

/* Text for a person is wanted on lines that carry it. */
static void take_text(SimUart *uart, const GByteArray *text, GByteArray *out)
{
	if (uart->line == SIM_LINE_RAW || uart->line == SIM_LINE_COBS)
		return;
	for (guint i = 0; i < text->len; i++) {
		if (text->data[i] == '\n')
			g_byte_array_append(out, (const guint8 *)"\r", 1);
		g_byte_array_append(out, &text->data[i], 1);
	}
}

void sim_uart_take(SimUart *uart, gint64 now, GByteArray *out, GPtrArray *other)
{
	uart->now = now;
	if (is_listening(uart))
		sim_console_drain(uart, now);
	g_byte_array_append(out, uart->echo->data, uart->echo->len);
	g_byte_array_set_size(uart->echo, 0);
	for (;;) {
		g_autoptr(SimOutput) output = sim_board_take_output(uart->board, now);
		if (!output)
			return;
		if (output->text)
			take_text(uart, output->bytes, out);
		else if (output->origin == 0)
			sim_uart_frame(uart, output, out);
		else if (other)
			g_ptr_array_add(other, g_steal_pointer(&output));
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Receiving console frames: lines into a small pool (Zephyr drivers/console/uart_mcumgr.c), lines
 * into packets (subsys/mgmt/mcumgr/transport/src/serial_util.c; MCUboot boot_serial.c). */

#include "sim/internal-uart.h"

#include "protocol/crc16.h"

#include <string.h>

#define LENGTH_SIZE 2
#define CRC_SIZE    2

/* BOOT_LINE_BUFS and BOOT_MAX_LINE_INPUT_LEN of MCUboot's Zephyr port. */
#define RECOVERY_LINES	   8
#define RECOVERY_LINE_SIZE 128

static gboolean in_recovery(const SimUart *uart)
{
	return sim_board_state(uart->board, uart->now) == SIM_STATE_RECOVERY;
}

static guint max_lines(const SimUart *uart)
{
	const SimConfig *config = sim_board_config(uart->board);

	if (config->rx_lines == 0)
		return G_MAXUINT;
	return in_recovery(uart) ? RECOVERY_LINES : config->rx_lines;
}

static gsize max_line_size(const SimUart *uart)
{
	return in_recovery(uart) ? RECOVERY_LINE_SIZE : sim_board_config(uart->board)->rx_line_size;
}

/* Decodes one line's base64, which has to be whole by itself; appends it to the frame. */
static gboolean decode(GByteArray *frame, const guint8 *text, gsize size)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	g_autofree char *line = g_strndup((const char *)text, size);
	gsize characters = strspn(line, alphabet);
	gsize padding = strspn(line + characters, "=");
	gsize length;

	if (characters + padding != size || size == 0 || size % 4 != 0 || padding > 2)
		return FALSE;
	g_base64_decode_inplace(line, &length);
	g_byte_array_append(frame, (const guint8 *)line, (guint)length);
	return TRUE;
}

static void check_frame(SimUart *uart)
{
	GByteArray *frame = uart->frame;

	if (frame->len < LENGTH_SIZE)
		return;
	gsize length = (gsize)frame->data[0] << 8 | frame->data[1];
	gsize size = frame->len - LENGTH_SIZE;
	/* Length and CRC share the buffer with the packet. */
	gboolean fits = frame->len <= sim_board_buf_size(uart->board);
	if (fits && size < length)
		return;
	if (fits && size == length && size > CRC_SIZE &&
	    smp_crc16(0, frame->data + LENGTH_SIZE, size) == 0)
		sim_board_receive(uart->board, frame->data + LENGTH_SIZE, size - CRC_SIZE, 0,
				  uart->now);
	g_byte_array_set_size(frame, 0);
}

static void take_line(SimUart *uart, const guint8 *line, gsize size)
{
	size--;
	/* Zephyr's base64 decoder tolerates it, MCUboot's input does not. */
	if (size > 0 && line[size - 1] == '\r' && !in_recovery(uart))
		size--;
	if (size < 2)
		return;
	gboolean first = line[0] == 0x06 && line[1] == 0x09;
	gboolean next = line[0] == 0x04 && line[1] == 0x14;
	if (first)
		g_byte_array_set_size(uart->frame, 0);
	if (!first && !(next && uart->frame->len > 0))
		return;
	if (decode(uart->frame, line + 2, size - 2))
		check_frame(uart);
	else
		g_byte_array_set_size(uart->frame, 0);
}

gint64 sim_console_next_drain(const SimUart *uart)
{
	const SimConfig *config = sim_board_config(uart->board);
	gint64 from = uart->drained;

	if (uart->lines.length == 0)
		return -1;
	if (sim_board_state(uart->board, uart->now) == SIM_STATE_RECOVERY)
		from = MAX(from, sim_board_busy_until(uart->board));
	return config->rx_lines ? from + config->rx_drain_time : from;
}

void sim_console_drain(SimUart *uart, gint64 now)
{
	gint64 next = sim_console_next_drain(uart);

	while (next >= 0 && next <= now) {
		g_autoptr(GByteArray) line = g_queue_pop_head(&uart->lines);
		uart->drained = next;
		take_line(uart, line->data, line->len);
		next = sim_console_next_drain(uart);
	}
}

static void end_line(SimUart *uart)
{
	if (uart->lines.length == 0)
		uart->drained = MAX(uart->drained, uart->now);
	g_queue_push_tail(&uart->lines, g_steal_pointer(&uart->input));
	uart->input = g_byte_array_new();
	sim_console_drain(uart, uart->now);
}

void sim_console_feed(SimUart *uart, guint8 byte)
{
	if (!uart->ignoring && uart->input->len == 0 && uart->lines.length >= max_lines(uart))
		uart->ignoring = TRUE;
	if (!uart->ignoring && uart->input->len >= max_line_size(uart)) {
		g_byte_array_set_size(uart->input, 0);
		uart->ignoring = TRUE;
	}
	if (!uart->ignoring)
		g_byte_array_append(uart->input, &byte, 1);
	if (byte != '\n')
		return;
	if (!uart->ignoring)
		end_line(uart);
	uart->ignoring = FALSE;
}

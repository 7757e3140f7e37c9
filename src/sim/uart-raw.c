/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packets as they are (Zephyr smp_raw_uart.c; MCUboot's raw protocol): nothing marks a beginning,
 * so after garbage the server is lost until input that began 3 s ago is thrown away. */

#include "sim/internal-uart.h"

#define TIMEOUT (3 * G_USEC_PER_SEC)

static void add_byte(SimUart *uart, guint8 byte)
{
	GByteArray *input = uart->input;
	SmpHeader header;

	g_byte_array_append(input, &byte, 1);
	if (input->len < SMP_HEADER_SIZE)
		return;
	smp_header_read(input->data, &header);
	gsize size = SMP_HEADER_SIZE + (gsize)header.length;
	if (header.op > SMP_OP_WRITE_RESPONSE || size > sim_board_buf_size(uart->board)) {
		uart->raw_lost = TRUE;
	} else if (input->len == size) {
		sim_board_receive(uart->board, input->data, size, 0, uart->now);
		g_byte_array_set_size(input, 0);
	}
}

void sim_raw_feed(SimUart *uart, const guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++) {
		if (uart->input->len > 0 && uart->now - uart->raw_since >= TIMEOUT) {
			g_byte_array_set_size(uart->input, 0);
			uart->raw_lost = FALSE;
		}
		if (uart->input->len == 0)
			uart->raw_since = uart->now;
		if (!uart->raw_lost)
			add_byte(uart, data[i]);
	}
}

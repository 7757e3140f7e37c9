/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A Zephyr shell that shares its line with SMP (subsys/mgmt/mcumgr/transport/src/smp_shell.c). Of
 * what is read at once, frames count only up to the first byte that is not part of one: the rest is
 * typed into the shell. */

#include "sim/internal-uart.h"

#include <string.h>

#define PROMPT "\033[1;32muart:~$ \033[m"

static void print(SimUart *uart, const char *text)
{
	g_byte_array_append(uart->echo, (const guint8 *)text, (guint)strlen(text));
}

static void run_command(SimUart *uart)
{
	char *command = g_strstrip(uart->command->str);

	print(uart, "\r\n");
	if (*command) {
		char *end = command + strcspn(command, " ");
		*end = '\0';
		print(uart, command);
		print(uart, ": command not found\r\n");
	}
	g_string_truncate(uart->command, 0);
	print(uart, PROMPT);
}

static void type(SimUart *uart, guint8 byte)
{
	if (byte == '\r' || byte == '\n') {
		run_command(uart);
	} else if (g_ascii_isprint((char)byte) && uart->command->len < 256) {
		g_string_append_c(uart->command, (char)byte);
		g_byte_array_append(uart->echo, &byte, 1);
	}
}

/* Returns: whether the byte belongs to a frame. One half of a marker waits for the other, as long
 * as it takes. */
static gboolean take(SimUart *uart, guint8 byte)
{
	if (uart->in_frame) {
		sim_console_feed(uart, byte);
		uart->in_frame = byte != '\n';
		return TRUE;
	}
	if (uart->marker &&
	    ((uart->marker == 0x06 && byte == 0x09) || (uart->marker == 0x04 && byte == 0x14))) {
		sim_console_feed(uart, uart->marker);
		sim_console_feed(uart, byte);
		uart->marker = 0;
		uart->in_frame = TRUE;
		return TRUE;
	}
	if (uart->marker || (byte != 0x06 && byte != 0x04))
		return FALSE;
	uart->marker = byte;
	return TRUE;
}

void sim_shell_feed(SimUart *uart, const guint8 *data, gsize size)
{
	gsize i = 0;

	while (i < size && take(uart, data[i]))
		i++;
	for (; i < size; i++)
		type(uart, data[i]);
}

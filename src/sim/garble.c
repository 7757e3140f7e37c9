/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a UART makes of bytes that come at another rate than its own: 8N1, each bit looked at in its
 * middle. Its header of termios2 cannot stand next to <termios.h>, hence a file of its own. */

#include "sim/garble.h"

#include <asm/termbits.h>
#include <sys/ioctl.h>

#define BITS 10

/* The line's level at @time, in bits of the sender: start bit, eight bits from the lowest, stop
 * bit; high before and after. */
static gboolean level(const guint8 *data, gsize size, double time)
{
	gsize bit = (gsize)time;
	gsize byte = bit / BITS, place = bit % BITS;

	if (byte >= size || place == BITS - 1)
		return TRUE;
	return place > 0 && (data[byte] >> (place - 1) & 1);
}

GByteArray *sim_garble(const guint8 *data, gsize size, guint from, guint to)
{
	GByteArray *heard = g_byte_array_new();
	double bit = (double)from / to; /* of the receiver, in bits of the sender */
	double time = 0;

	while (time < (double)(size * BITS)) {
		guint8 byte = 0;

		if (level(data, size, time)) {
			time += MIN(bit, 1) / 8;
			continue;
		}
		for (guint i = 0; i < 8; i++)
			byte |= (guint8)(level(data, size, time + (i + 1.5) * bit) << i);
		g_byte_array_append(heard, &byte, 1);
		time += (BITS - 0.5) * bit;
	}
	return heard;
}

guint sim_port_rate(int fd)
{
	struct termios2 tio;

	return ioctl(fd, TCGETS2, &tio) == 0 ? tio.c_ospeed : 0;
}

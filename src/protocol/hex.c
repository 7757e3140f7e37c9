/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/hex.h>
#include <string.h>

char *smp_hex_format(const guint8 *data, gsize size)
{
	GString *text = g_string_sized_new(2 * size);

	for (gsize i = 0; i < size; i++)
		g_string_append_printf(text, "%02x", data[i]);
	return g_string_free(text, FALSE);
}

GBytes *smp_hex_parse(const char *text)
{
	gsize length = strlen(text);

	if (length % 2 || strspn(text, "0123456789abcdefABCDEF") != length)
		return NULL;
	guint8 *data = g_malloc(length / 2 + 1);
	for (gsize i = 0; i < length / 2; i++)
		data[i] = (guint8)(g_ascii_xdigit_value(text[2 * i]) << 4 |
				   g_ascii_xdigit_value(text[2 * i + 1]));
	return g_bytes_new_take(data, length / 2);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes in tests, written as hex. */

#include <glib.h>

/* Takes hex digits in pairs; anything else between them is left out. */
static inline GByteArray *bytes_from_hex(const char *hex)
{
	GByteArray *bytes = g_byte_array_new();

	for (const char *p = hex; *p; p++) {
		if (!g_ascii_isxdigit(*p))
			continue;
		guint8 byte =
			(guint8)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
		g_byte_array_append(bytes, &byte, 1);
		p++;
	}
	return bytes;
}

static inline char *bytes_to_hex(const guint8 *data, gsize size)
{
	GString *hex = g_string_new(NULL);

	for (gsize i = 0; i < size; i++)
		g_string_append_printf(hex, "%02x", data[i]);
	return g_string_free(hex, FALSE);
}

/* @hex may have spaces. */
static inline void bytes_assert_hex(const GByteArray *bytes, const char *hex)
{
	g_autoptr(GByteArray) wanted = bytes_from_hex(hex);
	g_autofree char *a = bytes_to_hex(bytes->data, bytes->len);
	g_autofree char *b = bytes_to_hex(wanted->data, wanted->len);
	g_assert_cmpstr(a, ==, b);
}

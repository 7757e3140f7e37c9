/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values as people type them. */

#include "cli.h"

gboolean smpctl_parse_uint(const char *text, guint64 max, guint64 *value)
{
	gboolean hex = g_str_has_prefix(text, "0x");

	return g_ascii_string_to_unsigned(hex ? text + 2 : text, hex ? 16 : 10, 0, max, value,
					  NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An Intel HEX file. */

#include "firmware/hex.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	guint32 address = 0;
	g_autoptr(GBytes) bytes = smp_hex_decode("fuzz", data, size, &address, &error);

	if (!bytes) {
		g_assert_nonnull(error);
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
		return 0;
	}
	g_assert_no_error(error);
	g_assert_true(g_bytes_get_size(bytes) > 0);
	g_assert_true(address + (guint64)g_bytes_get_size(bytes) <= (guint64)G_MAXUINT32 + 1);
	return 0;
}

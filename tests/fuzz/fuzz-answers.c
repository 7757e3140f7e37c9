/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any answer to a typed call: the first byte says which call, the rest is the answer's payload. */

#include "tests/fuzz/fuzz.h"
#include "tests/session/typed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;

	if (size == 0 || size > G_MAXUINT16)
		return 0;
	g_autofree char *text = typed_call(data[0] % TYPED_N, data + 1, size - 1, NULL, &error);
	g_assert_true((text != NULL) == (error == NULL));
	if (error)
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "typed.h"

#include "tests/unit/bytes.h"

#include <smp/error.h>

char *typed_call_hex(TypedCall which, const char *payload, GByteArray *request, GError **error)
{
	g_autoptr(GByteArray) bytes = bytes_from_hex(payload);
	return typed_call(which, bytes->data, bytes->len, request, error);
}

void typed_assert_request(TypedCall which, const char *hex, const char *good)
{
	g_autoptr(GByteArray) request = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *text = typed_call_hex(which, good, request, &error);

	g_assert_no_error(error);
	g_assert_nonnull(text);
	g_auto(GStrv) parts = g_strsplit(hex, "XX", 2);
	g_autofree char *wanted = g_strdup_printf("%s%02x%s", parts[0], request->data[6], parts[1]);
	bytes_assert_hex(request, wanted);
}

void typed_assert_answer(TypedCall which, const char *payload, const char *wanted, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autofree char *text = typed_call_hex(which, payload, NULL, &local);

	g_test_message("%s", payload);
	g_assert_cmpstr(text, ==, wanted);
	if (text)
		return;
	g_assert_error(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED);
	/* What could not be done. */
	g_assert_true(g_str_has_prefix(local->message, "cannot "));
	g_propagate_error(error, g_steal_pointer(&local));
}

void typed_assert_damaged(TypedCall which, const guint8 *payload, gsize size, GRand *rand)
{
	g_autofree guint8 *copy = g_memdup2(payload, size);

	for (gsize cut = 1; cut < size; cut++) {
		g_autoptr(GError) error = NULL;
		g_assert_null(typed_call(which, payload, cut, NULL, &error));
		g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED);
	}
	for (gsize i = 0; i < size; i++) {
		g_autoptr(GError) error = NULL;
		guint8 kept = copy[i];
		copy[i] ^= (guint8)(1 << g_rand_int_range(rand, 0, 8));
		g_autofree char *text = typed_call(which, copy, size, NULL, &error);
		g_assert_true((text != NULL) == (error == NULL));
		copy[i] = kept;
	}
}

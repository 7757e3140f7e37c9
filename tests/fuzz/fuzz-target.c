/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a person, a profile or a script gives as target: a link or an error, nothing else; and what
 * a link says it is called must mean that link again. */

#include <smp/link.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void check(SmpLink *link, const GError *error)
{
	g_autoptr(GError) again_error = NULL;

	g_assert_true((link == NULL) == (error != NULL));
	if (!link)
		return;
	g_autofree char *describe = smp_link_describe(link);
	g_autofree char *identity = smp_link_identity(link);
	g_autoptr(SmpLink) again = smp_link_new(smp_link_get_target(link), &again_error);

	g_assert_no_error(again_error);
	g_assert_cmpstr(smp_link_get_target(again), ==, smp_link_get_target(link));
	g_assert_cmpuint(smp_link_get_mtu(again), ==, smp_link_get_mtu(link));
	g_assert_nonnull(describe);
	g_assert_nonnull(identity);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	static const char *const types[] = {"serial", "udp", "ble", "x"};
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpLink) link = smp_link_new(text, &error);

	check(link, error);
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autoptr(GError) go_error = NULL;
		g_autoptr(SmpLink) go = smp_link_new_connstring(types[i], text, &go_error);

		check(go, go_error);
	}
	return 0;
}

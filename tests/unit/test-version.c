/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/firmware.h>

static void test_version_order(void)
{
	static const SmpVersion rising[] = {
		{0, 0, 0, 9}, {0, 0, 1, 0}, {0, 0, 256, 0}, {0, 1, 0, 0},
		{1, 0, 0, 0}, {2, 0, 0, 0}, {10, 0, 0, 0},
	};
	SmpVersion built = {1, 0, 0, 1};

	for (guint i = 0; i < G_N_ELEMENTS(rising); i++)
		for (guint j = 0; j < G_N_ELEMENTS(rising); j++) {
			int order = smp_version_compare(&rising[i], &rising[j], FALSE);
			g_assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
		}
	g_assert_cmpint(smp_version_compare(&built, &rising[4], FALSE), ==, 0);
	g_assert_cmpint(smp_version_compare(&built, &rising[4], TRUE), >, 0);
	g_assert_cmpint(smp_version_compare(&rising[4], &built, TRUE), <, 0);
}

static void test_version_text(void)
{
	static const struct {
		const char *text;
		const char *wanted;
	} good[] = {
		{"0.0.0", "0.0.0"},	{"1.2.3", "1.2.3"},
		{"1.2.3+4", "1.2.3+4"}, {"1.2.3.4", "1.2.3+4"},
		{"1.2.3.0", "1.2.3"},	{"255.255.65535+4294967295", "255.255.65535+4294967295"},
	};
	static const char *const bad[] = {
		"",	    "1",       "1.2",	    "1.2.",
		"1.2.3.",   "1.2.3+",  "1.2+3",	    "1.2.3+4.5",
		"256.0.0",  "0.256.0", "0.0.65536", "0.0.0+4294967296",
		"<\?\?\?>", " 1.2.3",  "1.2.3 ",    "-1.2.3",
		"1.+2.3",   "a.b.c",   "1..2",	    "0.0.99999999999999999999999"};
	SmpVersion version;

	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		g_assert_true(smp_version_parse(good[i].text, &version));
		g_autofree char *text = smp_version_to_string(&version);
		g_assert_cmpstr(text, ==, good[i].wanted);
	}
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(smp_version_parse(bad[i], &version));
}
int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/version/order", test_version_order);
	g_test_add_func("/version/text", test_version_text);
	return g_test_run();
}

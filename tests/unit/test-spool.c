/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "firmware/spool.h"

#define SIZE (3 * SMP_SPOOL_PIECE + 12345)

static GBytes *fill(gsize size)
{
	g_autofree guint8 *data = g_malloc(size);
	g_auto(SmpSpool) spool;

	smp_spool_init(&spool);
	for (gsize i = 0; i < size; i++)
		data[i] = (guint8)(i * 7 + (i >> 11));
	for (gsize done = 0; done < size; done += MIN(size - done, 50000))
		g_assert_true(smp_spool_append(&spool, data + done, MIN(size - done, 50000)));
	GBytes *bytes = smp_spool_finish(&spool);
	g_assert_nonnull(bytes);
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), data, size);
	return bytes;
}

/* Bytes that rest are still there, wherever they are kept. */
static void check_rest(gsize size)
{
	g_autoptr(GBytes) bytes = fill(size);
	const guint8 *data = g_bytes_get_data(bytes, NULL);
	g_autoptr(GChecksum) plain = g_checksum_new(G_CHECKSUM_SHA256);

	g_checksum_update(plain, data, (gssize)size);
	g_autoptr(GChecksum) checksum = smp_spool_checksum(G_CHECKSUM_SHA256, data, size);
	g_assert_cmpstr(g_checksum_get_string(checksum), ==, g_checksum_get_string(plain));
	if (size > 1000)
		smp_spool_rest(data + 1000, size - 1000);
	for (gsize i = 0; i < size; i++)
		g_assert_cmpuint(data[i], ==, (guint8)(i * 7 + (i >> 11)));
}

static void test_sizes(void)
{
	static const gsize sizes[] = {0, 1, SMP_SPOOL_PIECE, SMP_SPOOL_PIECE + 1, SIZE};

	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
		check_rest(sizes[i]);
}

static void test_two(void)
{
	g_autoptr(GBytes) first = fill(SIZE);
	GBytes *second = fill(SIZE);

	g_assert_true(g_bytes_equal(first, second));
	g_bytes_unref(second);
	smp_spool_rest(g_bytes_get_data(first, NULL), SIZE);
	g_assert_cmpuint(*(const guint8 *)g_bytes_get_data(first, NULL), ==, 0);
}

/* Without a place for files it is all in memory. */
static void test_no_directory(void)
{
	if (g_test_subprocess()) {
		g_setenv("TMPDIR", "/nonexistent", TRUE);
		check_rest(SIZE);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/spool/sizes", test_sizes);
	g_test_add_func("/spool/two", test_two);
	g_test_add_func("/spool/no-directory", test_no_directory);
	return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Archives that nobody in their right mind would make. */

#include <string.h>

#include "firmware/package.h"
#include "tests/lib/make-zip.h"

static const char content[] = "The quick brown fox jumps over the lazy dog";

static void put(MakeZip *zip, const char *name)
{
	make_zip_add(zip, name, content, g_str_has_suffix(name, "/") ? 0 : sizeof content);
}

static GHashTable *read_archive(GBytes *bytes)
{
	g_autoptr(GError) error = NULL;
	GHashTable *members = smp_archive_read("p.zip", bytes, &error);

	g_assert_no_error(error);
	return members;
}

static void assert_refused(GBytes *bytes, const char *text)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(smp_archive_read("p.zip", bytes, &error));
	g_test_message("%s", error->message);
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_CORRUPT);
	g_assert_true(g_str_has_prefix(error->message, "p.zip "));
	g_assert_nonnull(strstr(error->message, text));
}

static void assert_content(GHashTable *members, const char *name)
{
	GBytes *bytes = g_hash_table_lookup(members, name);

	g_assert_nonnull(bytes);
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), content,
			sizeof content);
}

static void test_good(gconstpointer options)
{
	MakeZip *zip = make_zip_new(options);

	put(zip, "a");
	put(zip, "größe.bin");
	put(zip, "..a");
	make_zip_add(zip, "empty", NULL, 0);
	g_autoptr(GBytes) bytes = make_zip_finish(zip);
	g_autoptr(GHashTable) members = read_archive(bytes);

	g_assert_cmpuint(g_hash_table_size(members), ==, 4);
	assert_content(members, "a");
	assert_content(members, "größe.bin");
	assert_content(members, "..a");
	g_assert_cmpuint(g_bytes_get_size(g_hash_table_lookup(members, "empty")), ==, 0);
}

static const struct {
	const char *name;
	const char *member;
	const char *text;
} names[] = {
	{"directory", "folder/", "contains a directory"},
	{"in-directory", "folder/app.bin", "contains a directory"},
	{"above", "../app.bin", "contains a directory"},
	{"root", "/app.bin", "contains a directory"},
	{"backslash", "..\\app.bin", "contains a directory"},
	{"dots", "..", "contains a name that is a directory"},
	{"dot", ".", "contains a name that is a directory"},
	{"escape", "a\033[2J.bin", "contains a file whose name is no text"},
	{"twice", "app.bin", "contains app.bin twice"},
};

static void test_name(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	MakeZip *zip = make_zip_new(NULL);

	put(zip, "app.bin");
	put(zip, names[i].member);
	g_autoptr(GBytes) bytes = make_zip_finish(zip);
	assert_refused(bytes, names[i].text);
}

static GBytes *make_one(const char *options)
{
	MakeZip *zip = make_zip_new(options);

	put(zip, "a");
	return make_zip_finish(zip);
}

/* The offset of the archive's directory entry of a member. */
static gsize find_directory_entry(const guint8 *data, gsize size, const char *member)
{
	gsize length = strlen(member);

	for (gsize i = 0; i + 46 + length <= size; i++)
		if (memcmp(data + i, "PK\1\2", 4) == 0 && data[i + 28] == length &&
		    memcmp(data + i + 46, member, length) == 0)
			return i;
	g_assert_not_reached();
}

static GBytes *patch(GBytes *bytes, gsize at, guint32 value, gsize value_size)
{
	gsize size;
	guint8 *copy = g_bytes_unref_to_data(g_bytes_ref(bytes), &size);
	guint32 little = GUINT32_TO_LE(value);

	g_assert_cmpuint(at + value_size, <=, size);
	memcpy(copy + at, &little, value_size);
	return g_bytes_new_take(copy, size);
}

/* Small on disk, large in memory. */
static GBytes *make_bomb(guint files, gsize size)
{
	g_autofree guint8 *zeros = g_malloc0(size + 1);
	MakeZip *zip = make_zip_new(NULL);

	for (guint i = 0; i < files; i++) {
		g_autofree char *name = g_strdup_printf("%u", i);
		make_zip_add(zip, name, zeros, size);
	}
	return make_zip_finish(zip);
}

static void test_bomb(void)
{
	g_autoptr(GBytes) one = make_bomb(1, 64 * 1024 * 1024 + 1);
	g_autoptr(GBytes) several = make_bomb(3, 22 * 1024 * 1024);
	g_autoptr(GBytes) many = make_bomb(65, 1);
	g_autoptr(GBytes) enough = make_bomb(64, 1);
	gsize size;
	const guint8 *data = g_bytes_get_data(one, &size);
	/* One that says that it is small. */
	g_autoptr(GBytes) liar = patch(one, find_directory_entry(data, size, "0") + 24, 100, 4);

	g_assert_cmpuint(g_bytes_get_size(one), <, 100 * 1024);
	assert_refused(one, "unpacks to more than 64 MiB");
	assert_refused(several, "unpacks to more than 64 MiB");
	assert_refused(liar, "p.zip");
	assert_refused(many, "more than 64 files");
	g_autoptr(GHashTable) members = read_archive(enough);
	g_assert_cmpuint(g_hash_table_size(members), ==, 64);
}

/* What needs a password, or a method that would need gigabytes: 14 is LZMA. */
static void test_methods(void)
{
	g_autoptr(GBytes) secret = make_one("zip:encryption=traditional");
	g_autoptr(GBytes) stored = make_one("zip:compression=store");
	gsize size;
	const guint8 *data = g_bytes_get_data(stored, &size);
	gsize entry = find_directory_entry(data, size, "a");
	g_autoptr(GBytes) patched = patch(stored, entry + 10, 14, 2);
	/* The first member's own header is at the beginning. */
	g_autoptr(GBytes) lzma = patch(patched, 8, 14, 2);

	assert_refused(secret, "contains a file that needs a password");
	assert_refused(lzma, "contains a file packed in an unusual way");
}

/* Offsets in the archive's directory, and in the header before the data (PKWARE APPNOTE, 4.3.7 and
 * 4.3.12); where the first is right, libarchive goes by the second. */
static const struct {
	const char *name;
	gsize at;
	gsize header_at;
	guint32 value;
} lies[] = {
	{"crc", 16, 14, 0x12345678},
	{"size-less", 24, 22, sizeof content - 1},
	{"size-more", 24, 22, sizeof content + 1},
	{"size-bomb", 24, 22, 0x7fffffff},
	{"size-zero", 24, 22, 0},
	{"packed-less", 20, 18, sizeof content - 1},
	{"packed-more", 20, 18, 0x7fffffff},
	{"symlink", 38, 0, 0120777u << 16},
};

static void test_lie(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(GBytes) bytes = make_one("zip:compression=store");
	gsize size;
	const guint8 *raw = g_bytes_get_data(bytes, &size);
	gsize entry = find_directory_entry(raw, size, "a");
	g_autoptr(GBytes) patched = patch(bytes, entry + lies[i].at, lies[i].value, 4);
	g_autoptr(GBytes) both = lies[i].header_at
					 ? patch(patched, lies[i].header_at, lies[i].value, 4)
					 : g_bytes_ref(patched);

	assert_refused(both, "p.zip ");
}

/* Cut anywhere, an archive is refused, and nothing is read beyond it. */
static void test_cut(void)
{
	g_autoptr(GBytes) bytes = make_one(NULL);
	gsize size;
	const guint8 *data = g_bytes_get_data(bytes, &size);

	for (gsize i = 0; i < size; i++) {
		g_autoptr(GBytes) cut = g_bytes_new(data, i);
		g_autoptr(GError) error = NULL;
		g_assert_null(smp_archive_read("p.zip", cut, &error));
		g_assert_nonnull(error);
	}
}

/* Adds a test for each row of a table whose rows begin with their name. */
#define ADD_TABLE(prefix, table, test)                                                             \
	for (guint i = 0; i < G_N_ELEMENTS(table); i++) {                                          \
		g_autofree char *path = g_strconcat("/archive/" prefix "/", table[i].name, NULL);  \
		g_test_add_data_func(path, GUINT_TO_POINTER(i), test);                             \
	}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/archive/deflated", NULL, test_good);
	g_test_add_data_func("/archive/stored", "zip:compression=store", test_good);
	ADD_TABLE("name", names, test_name)
	g_test_add_func("/archive/bomb", test_bomb);
	g_test_add_func("/archive/methods", test_methods);
	ADD_TABLE("lie", lies, test_lie)
	g_test_add_func("/archive/cut", test_cut);
	return g_test_run();
}

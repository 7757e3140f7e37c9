/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packages: what is taken, and everything that is not. */

#include <glib/gstdio.h>
#include <string.h>

#include "firmware/package.h"
#include "tests/lib/make-image.h"
#include "tests/lib/make-zip.h"

/* The size of the images that put_image() makes. */
#define IMAGE_SIZE "172"

static void put_text(MakeZip *zip, const char *name, const char *text)
{
	make_zip_add(zip, name, text, strlen(text));
}

static void put_image(MakeZip *zip, const char *name, guint8 seed)
{
	g_autoptr(GBytes) image = make_image(&(MakeImage){.payload_size = 100, .seed = seed});

	make_zip_add(zip, name, g_bytes_get_data(image, NULL), g_bytes_get_size(image));
}

/* A package with four images, some text, and a manifest. */
static GBytes *make_package(const char *options, const char *manifest)
{
	MakeZip *zip = make_zip_new(options);

	put_image(zip, "app.bin", 1);
	put_image(zip, "net.bin", 2);
	put_image(zip, "app1.bin", 3);
	put_image(zip, "net1.bin", 4);
	put_text(zip, "text.txt", "hello, world\n");
	put_text(zip, "empty.bin", "");
	if (manifest)
		put_text(zip, "manifest.json", manifest);
	return make_zip_finish(zip);
}

/* The entries of `files` of a manifest of format 1. */
static GBytes *make_package_of(const char *files)
{
	g_autofree char *manifest =
		g_strdup_printf("{\"format-version\": 1, \"files\": [%s]}", files);

	return make_package(NULL, manifest);
}

static SmpBundle *parse(GBytes *bytes)
{
	g_autoptr(GError) error = NULL;
	SmpBundle *bundle = smp_package_parse("p.zip", bytes, 0, &error);

	g_assert_no_error(error);
	return bundle;
}

static const SmpBundleItem *item(const GPtrArray *items, guint i)
{
	g_assert_cmpuint(i, <, items->len);
	return g_ptr_array_index(items, i);
}

static void assert_item(const SmpBundleItem *item, guint image, int slot, const char *file)
{
	g_assert_cmpuint(item->image, ==, image);
	g_assert_cmpint(item->slot, ==, slot);
	g_assert_cmpstr(item->firmware->name, ==, file);
	g_assert_cmpstr(item->package, ==, "p.zip");
	g_assert_true(item->firmware->hash_checked);
}

static void assert_refused(GBytes *bytes, SmpUpdateError code, const char *text)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(smp_package_parse("p.zip", bytes, 0, &error));
	g_test_message("%s", error->message);
	g_assert_error(error, SMP_UPDATE_ERROR, (int)code);
	g_assert_nonnull(strstr(error->message, "p.zip"));
	g_assert_nonnull(strstr(error->message, text));
}

/* As the nRF Connect SDK 2.9 writes it for an nRF5340. */
static void test_sdk(gconstpointer options)
{
	g_autoptr(GBytes) bytes = make_package(
		options,
		"{\"format-version\": 1, \"time\": 1736937041, \"name\": \"demo\","
		" \"firmware\": {\"zephyr\": {\"revision\": \"beb733919d8d\"}, \"nrf\": {}},"
		" \"files\": ["
		"{\"type\": \"application\", \"board\": \"nrf5340dk/nrf5340/cpunet\","
		" \"soc\": \"nrf5340\", \"image_index\": \"1\", \"slot_index_primary\": \"3\","
		" \"slot_index_secondary\": \"4\", \"load_address\": 16812032,"
		" \"version\": \"1\", \"size\": " IMAGE_SIZE ", \"file\": \"net.bin\","
		" \"modtime\": 1736937041},"
		"{\"type\": \"application\", \"board\": \"nrf5340dk/nrf5340/cpuapp\","
		" \"soc\": \"nrf5340\", \"load_address\": 66048, \"image_index\": \"0\","
		" \"slot_index_primary\": \"1\", \"slot_index_secondary\": \"2\","
		" \"version_MCUBOOT\": \"1.2.3+4\", \"size\": " IMAGE_SIZE
		", \"file\": \"app.bin\", \"modtime\": 1736937041, \"other\": [{}]}]}");
	g_autoptr(SmpBundle) bundle = parse(bytes);

	g_assert_cmpstr(bundle->name, ==, "demo");
	g_assert_cmpint(bundle->time, ==, 1736937041);
	g_assert_cmpuint(bundle->items->len, ==, 2);
	g_assert_cmpuint(bundle->bootloaders->len, ==, 0);
	const SmpBundleItem *app = item(bundle->items, 0);
	assert_item(app, 0, -1, "app.bin");
	g_assert_cmpstr(app->type, ==, "application");
	g_assert_cmpstr(app->version, ==, "1.2.3+4");
	g_assert_cmpstr(app->board, ==, "nrf5340dk/nrf5340/cpuapp");
	g_assert_cmpstr(app->soc, ==, "nrf5340");
	g_assert_cmpint(app->load_address, ==, 66048);
	g_assert_false(app->network_core);
	const SmpBundleItem *net = item(bundle->items, 1);
	assert_item(net, 1, -1, "net.bin");
	g_assert_cmpstr(net->version, ==, "1");
	g_assert_true(net->network_core);
}

static const struct {
	const char *name;
	const char *manifest;
	guint image;
	gint64 load_address;
	gboolean network_core;
	const char *board;
	const char *version;
} variations[] = {
	{"least", "{\"files\": [{\"file\": \"app.bin\"}]}", 0, -1, FALSE, NULL, NULL},
	{"format-0",
	 "{\"format-version\": 0, \"time\": 1, \"files\": [{\"type\": \"application\", "
	 "\"board\": \"nrf52840dk_nrf52840\", \"soc\": \"nRF52840_QIAA\", \"load_address\": 49664, "
	 "\"version_MCUBOOT\": \"1.0.0\", \"size\": 172, \"file\": \"app.bin\"}]}",
	 0, 49664, FALSE, "nrf52840dk_nrf52840", "1.0.0"},
	{"numbers-as-texts",
	 "{\"format-version\": \"1\", \"time\": \"5\", \"files\": [{\"file\": \"app.bin\", "
	 "\"size\": \"172\", \"image_index\": \"15\", \"load_address\": \"0xC200\", \"slot\": "
	 "null}]}",
	 15, 0xc200, FALSE, NULL, NULL},
	{"texts-as-numbers",
	 "{\"name\": 7, \"files\": [{\"file\": \"app.bin\", \"board\": 52, \"version_MCUBOOT\": 3, "
	 "\"image_index\": 2}]}",
	 2, -1, FALSE, "52", "3"},
	{"bare-hexadecimal", "{\"files\": [{\"load_address\"\n:\t0x0c200, \"file\": \"app.bin\"}]}",
	 0, 0xc200, FALSE, NULL, NULL},
	{"bare-hexadecimal-at-end",
	 "{\"files\": [{\"file\": \"app.bin\", \"load_address\":0XFFFFFFFF}]}", 0, 0xffffffff,
	 FALSE, NULL, NULL},
	{"version-null",
	 "{\"files\": [{\"file\": \"app.bin\", \"version_MCUBOOT\": null, \"type\": \"bin\"}]}", 0,
	 -1, FALSE, NULL, NULL},
	{"image", "{\"files\": [{\"file\": \"app.bin\", \"image\": 3}]}", 3, -1, FALSE, NULL, NULL},
	{"image-twice",
	 "{\"files\": [{\"file\": \"app.bin\", \"image\": 3, \"image_index\": \"4\"}]}", 4, -1,
	 FALSE, NULL, NULL},
	{"network-core-board",
	 "{\"files\": [{\"file\": \"app.bin\", \"board\": \"nrf5340dk_nrf5340_cpunet\"}]}", 0, -1,
	 TRUE, "nrf5340dk_nrf5340_cpunet", NULL},
	{"network-core-start",
	 "{\"files\": [{\"file\": \"app.bin\", \"load_address\": 0x1000000}]}", 0, 0x1000000, TRUE,
	 NULL, NULL},
	{"network-core-end", "{\"files\": [{\"file\": \"app.bin\", \"load_address\": 0x103ffff}]}",
	 0, 0x103ffff, TRUE, NULL, NULL},
	{"behind-network-core",
	 "{\"files\": [{\"file\": \"app.bin\", \"load_address\": 0x1040000}]}", 0, 0x1040000, FALSE,
	 NULL, NULL},
	{"before-network-core",
	 "{\"files\": [{\"file\": \"app.bin\", \"load_address\": 0xffffff}]}", 0, 0xffffff, FALSE,
	 NULL, NULL},
};

static void test_variation(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(GBytes) bytes = make_package(NULL, variations[i].manifest);
	g_autoptr(SmpBundle) bundle = parse(bytes);
	const SmpBundleItem *app = item(bundle->items, 0);

	g_assert_cmpuint(bundle->items->len, ==, 1);
	assert_item(app, variations[i].image, -1, "app.bin");
	g_assert_cmpint(app->load_address, ==, variations[i].load_address);
	g_assert_cmpint(app->network_core, ==, variations[i].network_core);
	g_assert_cmpstr(app->board, ==, variations[i].board);
	g_assert_cmpstr(app->version, ==, variations[i].version);
}

/* The manifest counts slots over all images. */
static void test_direct_xip(void)
{
	g_autoptr(GBytes) bytes =
		make_package_of("{\"file\": \"net1.bin\", \"image_index\": \"1\", \"slot\": \"3\","
				" \"version_MCUBOOT+XIP\": \"2.0.0\"},"
				"{\"file\": \"app1.bin\", \"image_index\": \"0\", \"slot\": \"1\"},"
				"{\"file\": \"net.bin\", \"image_index\": \"1\", \"slot\": 2},"
				"{\"file\": \"app.bin\", \"image_index\": \"0\", \"slot\": 0}");
	g_autoptr(SmpBundle) bundle = parse(bytes);

	g_assert_cmpuint(bundle->items->len, ==, 4);
	assert_item(item(bundle->items, 0), 0, 0, "app.bin");
	assert_item(item(bundle->items, 1), 0, 1, "app1.bin");
	assert_item(item(bundle->items, 2), 1, 0, "net.bin");
	assert_item(item(bundle->items, 3), 1, 1, "net1.bin");
	g_assert_cmpstr(item(bundle->items, 3)->version, ==, "2.0.0");
}

/* Slots counted in the image. */
static void test_local_slots(void)
{
	g_autoptr(GBytes) bytes =
		make_package_of("{\"file\": \"net1.bin\", \"image_index\": 1, \"slot\": 1},"
				"{\"file\": \"net.bin\", \"image_index\": 1, \"slot\": 0}");
	g_autoptr(SmpBundle) bundle = parse(bytes);

	assert_item(item(bundle->items, 0), 1, 0, "net.bin");
	assert_item(item(bundle->items, 1), 1, 1, "net1.bin");
}

static void test_bootloader(void)
{
	g_autoptr(GBytes) bytes =
		make_package_of("{\"file\": \"net.bin\", \"type\": \"mcuboot\"},"
				"{\"file\": \"app.bin\", \"type\": \"mcuboot\"},"
				"{\"file\": \"app1.bin\", \"type\": \"application\"}");
	g_autoptr(GBytes) with_slots =
		make_package_of("{\"file\": \"net.bin\", \"type\": \"mcuboot\", \"slot\": \"1\"},"
				"{\"file\": \"app.bin\", \"type\": \"mcuboot\", \"slot\": \"0\"}");
	g_autoptr(SmpBundle) bundle = parse(bytes);
	g_autoptr(SmpBundle) slotted = parse(with_slots);

	g_assert_cmpuint(bundle->items->len, ==, 1);
	assert_item(item(bundle->items, 0), 0, -1, "app1.bin");
	g_assert_cmpuint(bundle->bootloaders->len, ==, 2);
	assert_item(item(bundle->bootloaders, 0), 0, 0, "net.bin");
	assert_item(item(bundle->bootloaders, 1), 0, 1, "app.bin");
	g_assert_cmpuint(slotted->items->len, ==, 0);
	assert_item(item(slotted->bootloaders, 0), 0, 0, "app.bin");
	assert_item(item(slotted->bootloaders, 1), 0, 1, "net.bin");
}

/* The manifest, or where it begins with a quote or a brace its `files`. */
static const struct {
	const char *name;
	SmpUpdateError code;
	const char *manifest;
	const char *text;
} refusals[] = {
	{"no-manifest", SMP_UPDATE_ERROR_CORRUPT, NULL, "without manifest.json"},
	{"empty", SMP_UPDATE_ERROR_CORRUPT, "", "is no manifest"},
	{"not-utf8", SMP_UPDATE_ERROR_CORRUPT, "{\"name\": \"\xff\"}", "is no manifest"},
	{"not-json", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": [}", "is not JSON"},
	{"array", SMP_UPDATE_ERROR_CORRUPT, "[]", "is no JSON object"},
	{"number", SMP_UPDATE_ERROR_CORRUPT, "1", "is no JSON object"},
	{"format-2", SMP_UPDATE_ERROR_CORRUPT, "{\"format-version\": 2}", "does not know"},
	{"format-text", SMP_UPDATE_ERROR_CORRUPT, "{\"format-version\": \"x\"}", "does not know"},
	{"format-negative", SMP_UPDATE_ERROR_CORRUPT, "{\"format-version\": -1}", "does not know"},
	{"time", SMP_UPDATE_ERROR_CORRUPT, "{\"time\": {}}", "time that is no number"},
	{"name", SMP_UPDATE_ERROR_CORRUPT, "{\"name\": []}", "name that is no text"},
	{"name-escape", SMP_UPDATE_ERROR_CORRUPT, "{\"name\": \"a\\u001b[2J\"}",
	 "name that is no text"},
	{"no-files", SMP_UPDATE_ERROR_CORRUPT, "{\"format-version\": 1}", "no list of files"},
	{"files-object", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": {}}", "no list of files"},
	{"files-empty", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": []}", "lists no files"},
	{"file-text", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": [\"app.bin\"]}", "no JSON object"},
	{"file-unnamed", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": [{\"type\": \"application\"}]}",
	 "“file” of file 1"},
	{"file-null", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\"}, {\"file\": null}]}", "“file” of file 2"},
	{"file-object", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": [{\"file\": {}}]}",
	 "“file” of file 1"},
	{"file-bool", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": [{\"file\": true}]}",
	 "“file” of file 1"},
	{"board-list", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"board\": []}]}", "“board” of file 1"},
	{"image-16", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"image_index\": 16}]}", "“image_index” of file 1"},
	{"image-negative", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"image_index\": \"-1\"}]}",
	 "“image_index” of file 1"},
	{"image-text", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"image_index\": \"one\"}]}",
	 "“image_index” of file 1"},
	{"image-empty", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"image_index\": \"\"}]}",
	 "“image_index” of file 1"},
	{"image-fraction", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"image_index\": 0.5}]}", "“image_index” of file 1"},
	{"image-list", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"image_index\": [0]}]}", "“image_index” of file 1"},
	{"address-large", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"load_address\": 0x100000000}]}",
	 "“load_address” of file 1"},
	{"slot-of-another", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"slot\": 2}]}", "slot 2, which image 0"},
	{"slot-between", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"image_index\": 2, \"slot\": 3}]}",
	 "slot 3, which image 2"},
	{"third-bootloader", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"type\": \"mcuboot\"}, "
	 "{\"file\": \"net.bin\", \"type\": \"mcuboot\"}, "
	 "{\"file\": \"net1.bin\", \"type\": \"mcuboot\"}]}",
	 "slot 2, which image 0"},
	{"member-missing", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": [{\"file\": \"other.bin\"}]}",
	 "lists other.bin, which is not in it"},
	{"member-elsewhere", SMP_UPDATE_ERROR_CORRUPT, "{\"files\": [{\"file\": \"../app.bin\"}]}",
	 "lists ../app.bin, which is not in it"},
	{"member-size", SMP_UPDATE_ERROR_CORRUPT,
	 "{\"files\": [{\"file\": \"app.bin\", \"size\": 171}]}", "has 171 bytes, and it has 172"},
	{"member-empty", SMP_UPDATE_ERROR_NOT_MCUBOOT, "{\"files\": [{\"file\": \"empty.bin\"}]}",
	 "p.zip: empty.bin is empty"},
	{"member-text", SMP_UPDATE_ERROR_NOT_MCUBOOT, "{\"files\": [{\"file\": \"text.txt\"}]}",
	 "p.zip: text.txt is a text file"},
	{"suit", SMP_UPDATE_ERROR_NOT_MCUBOOT,
	 "{\"files\": [{\"file\": \"text.txt\", \"type\": \"suit-envelope\"}]}",
	 "SUIT, not MCUboot: text.txt is a SUIT envelope"},
	{"suit-cache", SMP_UPDATE_ERROR_NOT_MCUBOOT,
	 "{\"files\": [{\"file\": \"text.txt\", \"type\": \"cache\", \"partition\": 2}]}",
	 "text.txt is a SUIT cache"},
	{"same-image", SMP_UPDATE_ERROR_FILE,
	 "{\"files\": [{\"file\": \"app.bin\"}, {\"file\": \"net.bin\"}]}",
	 "app.bin in p.zip and net.bin in p.zip are both for image 0; build the package again"},
	{"same-slot", SMP_UPDATE_ERROR_FILE,
	 "{\"files\": [{\"file\": \"app.bin\", \"image_index\": 1, \"slot\": 2}, "
	 "{\"file\": \"net.bin\", \"image_index\": 1, \"slot\": 0}]}",
	 "are both for image 1, slot 0; "},
	{"one-slot", SMP_UPDATE_ERROR_FILE,
	 "{\"files\": [{\"file\": \"app.bin\", \"slot\": 1}, {\"file\": \"net.bin\"}]}",
	 "are both for image 0; "},
	{"same-bootloader", SMP_UPDATE_ERROR_FILE,
	 "{\"files\": [{\"file\": \"app.bin\", \"type\": \"mcuboot\"}, "
	 "{\"file\": \"net.bin\", \"type\": \"mcuboot\", \"slot\": 0}]}",
	 "are both for image 0, slot 0; "},
};

static void test_refusal(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(GBytes) bytes = make_package(NULL, refusals[i].manifest);

	assert_refused(bytes, refusals[i].code, refusals[i].text);
}

static GBytes *repeat(const char *before, const char *middle, guint count, const char *after)
{
	GString *text = g_string_new(before);

	for (guint i = 0; i < count; i++)
		g_string_append(text, middle);
	g_string_append(text, after);
	GBytes *bytes = make_package(NULL, text->str);
	g_string_free(text, TRUE);
	return bytes;
}

static void test_large_manifest(void)
{
	g_autoptr(GBytes) deep = repeat("{\"files\": ", "[", 100000, "");
	g_autoptr(GBytes) many = repeat("{\"files\": [{}", ",{}", 64, "]}");
	g_autoptr(GBytes) large = repeat("{", " ", 256 * 1024, "}");

	assert_refused(deep, SMP_UPDATE_ERROR_CORRUPT, "is no manifest");
	assert_refused(many, SMP_UPDATE_ERROR_CORRUPT, "lists too many files");
	assert_refused(large, SMP_UPDATE_ERROR_CORRUPT, "is no manifest");
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
	{"manifest-twice", "manifest.json", "contains manifest.json twice"},
};

static void test_name(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	MakeZip *zip = make_zip_new(NULL);

	put_image(zip, "app.bin", 1);
	put_text(zip, "manifest.json", "{\"files\": [{\"file\": \"app.bin\"}]}");
	put_text(zip, names[i].member, g_str_has_suffix(names[i].member, "/") ? "" : "x");
	g_autoptr(GBytes) bytes = make_zip_finish(zip);
	assert_refused(bytes, SMP_UPDATE_ERROR_CORRUPT, names[i].text);
}

static void test_utf8_name(void)
{
	MakeZip *zip = make_zip_new(NULL);

	put_image(zip, "größe.bin", 1);
	put_text(zip, "manifest.json", "{\"files\": [{\"file\": \"größe.bin\"}]}");
	g_autoptr(GBytes) bytes = make_zip_finish(zip);
	g_autoptr(SmpBundle) bundle = parse(bytes);
	assert_item(item(bundle->items, 0), 0, -1, "größe.bin");
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

	put_text(zip, "manifest.json", "{\"files\": [{\"file\": \"0\"}]}");
	for (guint i = 0; i < files; i++) {
		g_autofree char *name = g_strdup_printf("%u", i);
		make_zip_add(zip, name, zeros, size);
	}
	return make_zip_finish(zip);
}

static void test_bomb(void)
{
	g_autoptr(GBytes) one = make_bomb(1, 64 * 1024 * 1024);
	g_autoptr(GBytes) several = make_bomb(3, 22 * 1024 * 1024);
	g_autoptr(GBytes) many = make_bomb(64, 1);
	g_autoptr(GBytes) enough = make_bomb(63, 1);
	gsize size;
	const guint8 *data = g_bytes_get_data(one, &size);
	/* One that says that it is small. */
	g_autoptr(GBytes) liar = patch(one, find_directory_entry(data, size, "0") + 24, 100, 4);

	g_assert_cmpuint(g_bytes_get_size(one), <, 100 * 1024);
	assert_refused(one, SMP_UPDATE_ERROR_CORRUPT, "unpacks to more than 64 MiB");
	assert_refused(several, SMP_UPDATE_ERROR_CORRUPT, "unpacks to more than 64 MiB");
	assert_refused(liar, SMP_UPDATE_ERROR_CORRUPT, "p.zip");
	assert_refused(many, SMP_UPDATE_ERROR_CORRUPT, "more than 64 files");
	assert_refused(enough, SMP_UPDATE_ERROR_NOT_MCUBOOT, "p.zip: 0 is ");
}

/* What needs a password, or a method that would need gigabytes: 14 is LZMA. */
static void test_methods(void)
{
	g_autoptr(GBytes) secret = make_package("zip:encryption=traditional",
						"{\"files\": [{\"file\": \"app.bin\"}]}");
	g_autoptr(GBytes) stored =
		make_package("zip:compression=store", "{\"files\": [{\"file\": \"app.bin\"}]}");
	gsize size;
	const guint8 *data = g_bytes_get_data(stored, &size);
	gsize entry = find_directory_entry(data, size, "app.bin");
	g_autoptr(GBytes) patched = patch(stored, entry + 10, 14, 2);
	/* The first member's own header is at the beginning. */
	g_autoptr(GBytes) lzma = patch(patched, 8, 14, 2);

	assert_refused(secret, SMP_UPDATE_ERROR_CORRUPT, "contains a file that needs a password");
	assert_refused(lzma, SMP_UPDATE_ERROR_CORRUPT, "contains a file packed in an unusual way");
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
	{"size-less", 24, 22, 171},
	{"size-more", 24, 22, 173},
	{"size-bomb", 24, 22, 0x7fffffff},
	{"size-zero", 24, 22, 0},
	{"packed-less", 20, 18, 100},
	{"packed-more", 20, 18, 0x7fffffff},
	{"symlink", 38, 0, 0120777u << 16},
};

static void test_lie(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(GBytes) bytes =
		make_package("zip:compression=store", "{\"files\": [{\"file\": \"app.bin\"}]}");
	gsize size;
	const guint8 *raw = g_bytes_get_data(bytes, &size);
	gsize entry = find_directory_entry(raw, size, "app.bin");
	g_autoptr(GBytes) patched = patch(bytes, entry + lies[i].at, lies[i].value, 4);
	g_autoptr(GBytes) both = lies[i].header_at
					 ? patch(patched, lies[i].header_at, lies[i].value, 4)
					 : g_bytes_ref(patched);

	assert_refused(both, SMP_UPDATE_ERROR_CORRUPT, "p.zip ");
}

/* Cut anywhere, a package is refused, and nothing is read beyond it. */
static void test_cut(void)
{
	g_autoptr(GBytes) bytes = make_package(NULL, "{\"files\": [{\"file\": \"app.bin\"}]}");
	gsize size;
	const guint8 *data = g_bytes_get_data(bytes, &size);

	for (gsize i = 0; i < size; i += 7) {
		g_autoptr(GBytes) cut = g_bytes_new(data, i);
		g_autoptr(GError) error = NULL;
		g_assert_null(smp_package_parse("p.zip", cut, 0, &error));
		g_assert_nonnull(error);
	}
}

static char *write_file(const char *folder, const char *name, GBytes *bytes)
{
	char *path = g_build_filename(folder, name, NULL);
	g_autoptr(GError) error = NULL;

	g_file_set_contents(path, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes),
			    &error);
	g_assert_no_error(error);
	return path;
}

static void assert_not_added(SmpBundle *bundle, const char *argument, const char *text)
{
	guint before = bundle->items->len;
	g_autoptr(GError) error = NULL;

	g_assert_false(smp_bundle_add(bundle, argument, 0, &error));
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE);
	g_test_message("%s", error->message);
	g_assert_nonnull(strstr(error->message, text));
	g_assert_cmpuint(bundle->items->len, ==, before);
}

/* Packages and files in one bundle. */
static void test_bundle(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *folder = g_dir_make_tmp("smp-package-XXXXXX", &error);
	g_autoptr(GBytes) both = make_package(NULL, "{\"name\": \"demo\", \"time\": 5, \"files\": ["
						    "{\"file\": \"net.bin\", \"image_index\": 1},"
						    "{\"file\": \"app.bin\"}]}");
	g_autoptr(GBytes) image = make_image(&(MakeImage){.payload_size = 10});
	g_autofree char *package = write_file(folder, "p.zip", both);
	g_autofree char *file = write_file(folder, "file.bin", image);
	g_autofree char *numbered = g_strconcat("1:", package, NULL);
	g_autofree char *file_as_1 = g_strconcat("1:", file, NULL);
	g_autoptr(SmpBundle) bundle = smp_bundle_new();

	assert_not_added(bundle, numbered, "is a package");
	g_assert_true(smp_bundle_add(bundle, file, 2, &error));
	/* The number is for those that have none. */
	g_assert_true(smp_bundle_add(bundle, package, 3, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(bundle->name, ==, "demo");
	g_assert_cmpint(bundle->time, ==, 5);
	g_assert_cmpuint(bundle->items->len, ==, 3);
	assert_item(item(bundle->items, 0), 1, -1, "net.bin");
	g_assert_cmpstr(item(bundle->items, 1)->firmware->name, ==, "file.bin");
	g_assert_null(item(bundle->items, 1)->package);
	g_assert_cmpint(item(bundle->items, 1)->slot, ==, -1);
	assert_item(item(bundle->items, 2), 3, -1, "app.bin");
	assert_not_added(bundle, file_as_1,
			 "net.bin in p.zip and file.bin are both for image 1; put");
	assert_not_added(bundle, package, "net.bin in p.zip and net.bin in p.zip are both");
	g_assert_cmpint(g_remove(package) | g_remove(file) | g_rmdir(folder), ==, 0);
}

/* Adds a test for each row of a table whose rows begin with their name. */
#define ADD_TABLE(prefix, table, test)                                                             \
	for (guint i = 0; i < G_N_ELEMENTS(table); i++) {                                          \
		g_autofree char *path = g_strconcat("/package/" prefix "/", table[i].name, NULL);  \
		g_test_add_data_func(path, GUINT_TO_POINTER(i), test);                             \
	}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/package/sdk/deflated", NULL, test_sdk);
	g_test_add_data_func("/package/sdk/stored", "zip:compression=store", test_sdk);
	ADD_TABLE("variation", variations, test_variation)
	g_test_add_func("/package/direct-xip", test_direct_xip);
	g_test_add_func("/package/local-slots", test_local_slots);
	g_test_add_func("/package/bootloader", test_bootloader);
	ADD_TABLE("refusal", refusals, test_refusal)
	g_test_add_func("/package/large-manifest", test_large_manifest);
	ADD_TABLE("name", names, test_name)
	g_test_add_func("/package/utf8-name", test_utf8_name);
	g_test_add_func("/package/bomb", test_bomb);
	g_test_add_func("/package/methods", test_methods);
	ADD_TABLE("lie", lies, test_lie)
	g_test_add_func("/package/cut", test_cut);
	g_test_add_func("/package/bundle", test_bundle);
	return g_test_run();
}

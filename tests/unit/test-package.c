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
	g_assert_cmpstr(bundle->zephyr_revision, ==, "beb733919d8d");
	g_assert_null(bundle->nrf_revision);
	g_assert_cmpuint(bundle->items->len, ==, 2);
	g_assert_cmpuint(bundle->bootloaders->len, ==, 0);
	const SmpBundleItem *app = item(bundle->items, 0);
	assert_item(app, 0, -1, "app.bin");
	g_assert_cmpstr(app->type, ==, "application");
	g_assert_cmpstr(app->package_version, ==, "1.2.3+4");
	g_assert_cmpstr(app->board, ==, "nrf5340dk/nrf5340/cpuapp");
	g_assert_cmpstr(app->soc, ==, "nrf5340");
	g_assert_cmpint(app->load_address, ==, 66048);
	g_assert_false(app->network_core);
	const SmpBundleItem *net = item(bundle->items, 1);
	assert_item(net, 1, -1, "net.bin");
	g_assert_cmpstr(net->package_version, ==, "1");
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
	g_assert_cmpstr(app->package_version, ==, variations[i].version);
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
	g_assert_cmpstr(item(bundle->items, 3)->package_version, ==, "2.0.0");
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
	{"firmware", SMP_UPDATE_ERROR_CORRUPT, "{\"firmware\": 1}", "revisions that are no texts"},
	{"revision", SMP_UPDATE_ERROR_CORRUPT, "{\"firmware\": {\"nrf\": {\"revision\": []}}}",
	 "revisions that are no texts"},
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

/* A file of its own is known by where it runs. */
static const struct {
	const char *name;
	guint32 stack;
	guint32 reset;
	guint32 flags;
	gsize payload_size;
	gboolean is_program;
	gboolean network_core;
} programs[] = {
	{"network-core", 0x21001000, 0x01008a01, 0, 100, TRUE, TRUE},
	{"network-core-end", 0x21001000, 0x0103ffff, 0, 44, TRUE, TRUE},
	{"application-core", 0x20001000, 0x00010201, 0, 100, TRUE, FALSE},
	{"behind-network-core", 0x20001000, 0x01040001, 0, 100, TRUE, FALSE},
	{"no-thumb", 0x21001000, 0x01008a00, 0, 100, FALSE, FALSE},
	{"no-stack", 0x01001000, 0x01008a01, 0, 100, FALSE, FALSE},
	{"no-program", 0, 0, 0, 100, FALSE, FALSE},
	{"no-payload", 0, 0, 0, 0, FALSE, FALSE},
	{"compressed", 0x21001000, 0x01008a01, SMP_IMAGE_FLAG_COMPRESSED_LZMA2, 100, FALSE, FALSE},
	{"encrypted-clear", 0x21001000, 0x01008a01, SMP_IMAGE_FLAG_ENCRYPTED_AES128, 100, TRUE,
	 TRUE},
};

static void test_program(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(GBytes) image = make_image(&(MakeImage){.payload_size = programs[i].payload_size,
							  .flags = programs[i].flags,
							  .stack = programs[i].stack,
							  .reset = programs[i].reset});
	g_autoptr(GError) error = NULL;
	SmpFirmware *firmware = smp_firmware_parse("image", image, &error);
	guint32 stack = 0, reset = 0;

	g_assert_no_error(error);
	g_assert_cmpint(smp_firmware_vectors(firmware, &stack, &reset), ==, programs[i].is_program);
	if (programs[i].is_program) {
		g_assert_cmphex(stack, ==, programs[i].stack);
		g_assert_cmphex(reset, ==, programs[i].reset);
	}
	g_autoptr(SmpBundleItem) file = smp_bundle_item_new(firmware, 0);
	g_assert_cmpint(file->network_core, ==, programs[i].network_core);
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
	g_test_add_func("/package/bundle", test_bundle);
	ADD_TABLE("program", programs, test_program)
	return g_test_run();
}

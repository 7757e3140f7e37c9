/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loading of files, one and several. */

#include <smp/bundle.h>
#include <smp/error.h>

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/make-image.h"

typedef struct {
	char *folder;
} Files;

static void files_set_up(Files *files, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	files->folder = g_dir_make_tmp("smp-firmware-XXXXXX", &error);
	g_assert_no_error(error);
}

static void files_tear_down(Files *files, gconstpointer data)
{
	g_autoptr(GDir) dir = g_dir_open(files->folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(files->folder, name, NULL);
		g_assert_cmpint(g_remove(path), ==, 0);
	}
	g_assert_cmpint(g_rmdir(files->folder), ==, 0);
	g_free(files->folder);
}

static char *write_image(Files *files, const char *name, guint8 seed)
{
	g_autoptr(GBytes) bytes = make_image(&(MakeImage){.payload_size = 100, .seed = seed});
	g_autoptr(GError) error = NULL;
	char *path = g_build_filename(files->folder, name, NULL);

	g_file_set_contents(path, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes),
			    &error);
	g_assert_no_error(error);
	return path;
}

static void assert_not_loaded(const char *path, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpFirmware) firmware = smp_firmware_load(path, &error);

	g_assert_null(firmware);
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE);
	g_test_message("%s", error->message);
	g_assert_nonnull(strstr(error->message, text));
}

static void test_load(Files *files, gconstpointer data)
{
	g_autofree char *path = write_image(files, "a b.bin", 1);
	g_autofree char *missing = g_build_filename(files->folder, "missing", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpFirmware) firmware = smp_firmware_load(path, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(firmware->name, ==, "a b.bin");
	g_assert_cmpuint(g_bytes_get_size(firmware->bytes), ==, 32 + 100 + 40);
	assert_not_loaded(missing, "missing: No such file");
	assert_not_loaded(files->folder, "Is a directory");
}

static void test_unreadable(Files *files, gconstpointer data)
{
	g_autofree char *path = write_image(files, "secret.bin", 1);

	if (geteuid() == 0) {
		g_test_skip("root can read everything");
		return;
	}
	g_assert_cmpint(g_chmod(path, 0), ==, 0);
	assert_not_loaded(path, "Permission denied");
}

static void test_too_large(Files *files, gconstpointer data)
{
	g_autofree char *path = write_image(files, "large.bin", 1);

	g_assert_cmpint(truncate(path, 64 * 1024 * 1024), ==, 0);
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpFirmware) firmware = smp_firmware_load(path, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(g_bytes_get_size(firmware->bytes), ==, 64 * 1024 * 1024);
	g_assert_cmpint(truncate(path, 64 * 1024 * 1024 + 1), ==, 0);
	assert_not_loaded(path, "larger than 64 MiB");
}

static const SmpBundleItem *item(const SmpBundle *bundle, guint i)
{
	g_assert_cmpuint(i, <, bundle->items->len);
	return g_ptr_array_index(bundle->items, i);
}

static void add(SmpBundle *bundle, const char *argument, guint image)
{
	g_autoptr(GError) error = NULL;
	gboolean ok = smp_bundle_add(bundle, argument, image, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
}

static void assert_not_added(SmpBundle *bundle, const char *argument, const char *text)
{
	g_autoptr(GError) error = NULL;
	guint before = bundle->items->len;

	g_assert_false(smp_bundle_add(bundle, argument, 0, &error));
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE);
	g_test_message("%s", error->message);
	g_assert_nonnull(strstr(error->message, text));
	g_assert_cmpuint(bundle->items->len, ==, before);
}

static void test_bundle(Files *files, gconstpointer data)
{
	g_autofree char *net = write_image(files, "net.bin", 1);
	g_autofree char *app = write_image(files, "app.bin", 2);
	g_autofree char *net_as_15 = g_strconcat("15:", net, NULL);
	g_autofree char *net_as_1 = g_strconcat("1:", net, NULL);
	g_autofree char *net_as_16 = g_strconcat("16:", net, NULL);
	g_autofree char *app_as_1 = g_strconcat("01:", app, NULL);
	g_autoptr(SmpBundle) bundle = smp_bundle_new();

	add(bundle, net_as_15, 0);
	add(bundle, app, 3);
	add(bundle, net_as_1, 0);
	g_assert_cmpuint(bundle->items->len, ==, 3);
	g_assert_cmpuint(item(bundle, 0)->image, ==, 1);
	g_assert_cmpuint(item(bundle, 1)->image, ==, 3);
	g_assert_cmpstr(item(bundle, 1)->firmware->name, ==, "app.bin");
	g_assert_cmpuint(item(bundle, 2)->image, ==, 15);
	assert_not_added(bundle, app_as_1, "net.bin and ");
	assert_not_added(bundle, app_as_1, "are both for image 1");
	assert_not_added(bundle, net_as_16, "image number 16 is above 15");
	assert_not_added(bundle, "4294967296:x", "image number 4294967296 is above 15");
	assert_not_added(bundle, "2:missing", "cannot read missing: No such file");
	assert_not_added(bundle, "2:", "No such file");
	assert_not_added(bundle, ":x", "cannot read :x: No such file");
}

/* A file of that whole name is meant, and a number behind a folder is none. */
static void test_bundle_names(Files *files, gconstpointer data)
{
	g_autofree char *old = g_get_current_dir();
	g_autoptr(SmpBundle) bundle = smp_bundle_new();

	g_free(write_image(files, "1:app.bin", 1));
	g_free(write_image(files, "app.bin", 2));
	g_assert_cmpint(g_chdir(files->folder), ==, 0);
	add(bundle, "./1:app.bin", 5);
	add(bundle, "1:app.bin", 6);
	add(bundle, "2:app.bin", 7);
	g_assert_cmpint(g_chdir(old), ==, 0);
	g_assert_cmpuint(item(bundle, 0)->image, ==, 2);
	g_assert_cmpstr(item(bundle, 0)->firmware->name, ==, "app.bin");
	g_assert_cmpuint(item(bundle, 1)->image, ==, 5);
	g_assert_cmpstr(item(bundle, 1)->firmware->name, ==, "1:app.bin");
	g_assert_cmpuint(item(bundle, 2)->image, ==, 6);
	g_assert_cmpstr(item(bundle, 2)->firmware->name, ==, "1:app.bin");
}
static void add_with_files(const char *path, void (*test)(Files *files, gconstpointer data))
{
	g_test_add(path, Files, NULL, files_set_up, test, files_tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add_with_files("/firmware/load", test_load);
	add_with_files("/firmware/unreadable", test_unreadable);
	add_with_files("/firmware/too-large", test_too_large);
	add_with_files("/bundle/items", test_bundle);
	add_with_files("/bundle/names", test_bundle_names);
	return g_test_run();
}

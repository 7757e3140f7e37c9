/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Configurations and what is said about them, as a table. */

#include "daemon/configuration.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
	char *folder;
	char *main;
	char *targets;
} Fixture;

static void setup(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *targets = NULL;

	f->folder = g_dir_make_tmp("smpd-conf-XXXXXX", NULL);
	targets = g_build_filename(f->folder, "targets.d", NULL);
	g_assert_cmpint(g_mkdir(targets, 0700), ==, 0);
	f->main = g_build_filename(f->folder, "smpd.conf", NULL);
	f->targets = g_build_filename(targets, "a.conf", NULL);
}

static void teardown(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *targets = g_path_get_dirname(f->targets);

	(void)g_unlink(f->main);
	(void)g_unlink(f->targets);
	(void)g_rmdir(targets);
	(void)g_rmdir(f->folder);
	g_free(f->folder);
	g_free(f->main);
	g_free(f->targets);
}

static SmpdConfiguration *load(Fixture *f, const char *main, const char *targets)
{
	g_assert_true(g_file_set_contents(f->main, main, -1, NULL));
	g_assert_true(g_file_set_contents(f->targets, targets, -1, NULL));
	return smpd_configuration_load(f->folder);
}

static const SmpdTarget *find(const SmpdConfiguration *configuration, const char *name)
{
	for (guint i = 0; i < configuration->targets->len; i++) {
		const SmpdTarget *target = g_ptr_array_index(configuration->targets, i);
		if (g_str_equal(target->name, name))
			return target;
	}
	return NULL;
}

/* Each has one target "t" and one error, which begins after the folder with @error; the other
 * target "ok" is served. */
static const struct {
	const char *main;
	const char *target;
	const char *error;
} errors[] = {
	{"", "[target t]\nudp=1.2.3.4\nnonsense", "targets.d/a.conf:3: neither a section"},
	{"", "[target t]\nudp=1.2.3.4\nwhat=1", "targets.d/a.conf:3: [target] has no key what"},
	{"", "[target t]\nudp=1.2.3.4\nmode=both", "targets.d/a.conf:3: mode: \"both\" is no mode"},
	{"", "[target t]\nudp=1.2.3.4\nretries=-1", "targets.d/a.conf:3: retries: \"-1\" is no"},
	{"", "[target t]\nudp=1.2.3.4\nretries=", "targets.d/a.conf:3: retries: \"\" is no number"},
	{"", "[target t]\nudp=1.2.3.4\nbackoff=1y",
	 "targets.d/a.conf:3: backoff: \"1y\" is no time"},
	{"", "[target t]\nudp=1.2.3.4\nbackoff=99999999999d", "targets.d/a.conf:3: backoff: "},
	{"", "[target t]\nudp=1.2.3.4\nwindow=soon", "targets.d/a.conf:3: window: \"soon\" is no"},
	{"", "[target t]\nudp=1.2.3.4\nfirmware=fw.bin", "targets.d/a.conf:3: firmware: "},
	{"", "[target t]\nudp=1.2.3.4\nkeys=key.pem", "targets.d/a.conf:3: keys: \"key.pem\" is"},
	{"", "[target t]\nudp=1.2.3.4\nallow=all", "targets.d/a.conf:3: allow: \"all\" is nothing"},
	{"", "[target t]\nudp=1.2.3.4\nallow=concurrent", "targets.d/a.conf:3: allow: "},
	{"", "[target t]\nudp=1.2.3.4\nudp=1.2.3.5", "targets.d/a.conf:3: udp is given twice"},
	{"", "[target t]\nudp=1.2.3.4\nusb-vendor=1915\nusb-product=520f",
	 "targets.d/a.conf:1: both an address and USB"},
	{"", "[target t]", "targets.d/a.conf:1: uri=, udp=, ble= or usb-vendor="},
	{"", "[target t]\nusb-vendor=1915", "targets.d/a.conf:1: usb-vendor= and usb-product="},
	{"", "[target t]\nusb-vendor=xyz", "targets.d/a.conf:2: usb-vendor: \"xyz\" is no number"},
	{"", "[target t]\nuri=sim:swap", "targets.d/a.conf:2: uri: sim:swap would start a program"},
	{"", "[target t]\nuri=what", "targets.d/a.conf:2: uri: "},
	{"", "[target t]\nudp=1.2.3.4\ngroup=g", "targets.d/a.conf:1: there is no [group g]"},
	{"", "[target t/u]\nudp=1.2.3.4", "targets.d/a.conf:1: \"t/u\" is no name"},
	{"", "[target]\nudp=1.2.3.4", "targets.d/a.conf:1: \"\" is no name"},
	{"", "[target t\nudp=1.2.3.4", "targets.d/a.conf:1: a section ends with a bracket"},
	{"", "[board t]\nudp=1.2.3.4", "targets.d/a.conf:1: [board] is none of"},
	{"[daemon]\nmax-parallel=0\n", "", "smpd.conf:2: max-parallel: \"0\" is no number"},
	{"[daemon]\nparallel=1\n", "", "smpd.conf:2: [daemon] has no key parallel"},
};

static void test_errors(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	gsize folder = strlen(f->folder) + 1;

	for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
		g_autofree char *targets =
			g_strconcat(errors[i].target, "\n[target ok]\nudp=192.0.2.1\n", NULL);
		g_autoptr(SmpdConfiguration) configuration = load(f, errors[i].main, targets);
		g_test_message("%s", errors[i].error);
		g_assert_cmpuint(configuration->errors->len, >=, 1);
		const char *error = g_ptr_array_index(configuration->errors, 0);
		g_test_message("%s", error);
		g_assert_true(g_str_has_prefix(error + folder, errors[i].error));
		g_assert_null(find(configuration, "t"));
		g_assert_nonnull(find(configuration, "ok"));
	}
}

/* The nearer rule wins. */
static void test_rules(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(SmpdConfiguration) configuration = load(
		f,
		"# comment\n[daemon]\nmax-parallel=5\nper-bus=2\nrate=10\nkeep-jobs=7\n"
		"[policy]\nretries=9\nbackoff=2h\nmode=confirm\nhealth-check=true\n",
		"[group g]\nmode=test-only\nfirmware=/fw\nkeys=/a.pem, /b\nmax-parallel=3\n"
		"window=Sat 01:00-02:00\n; comment\n"
		"[target a]\ngroup=g\nudp=192.0.2.7\nmode=upload-only\nallow=downgrade no-revert\n"
		"health-check=\n"
		"[target b]\nuri=serial:/dev/ttyS1?baud=921600\n"
		"[target c]\nusb-vendor=1915\nusb-product=520F\nusb-serial=AB:1\n"
		"[target d]\nusb-vendor=1915\nusb-product=520f\ngroup=g\npoll=10s\n");
	const SmpdTarget *a = find(configuration, "a"), *b = find(configuration, "b"),
			 *c = find(configuration, "c"), *d = find(configuration, "d");

	g_assert_cmpuint(configuration->errors->len, ==, 0);
	g_assert_cmpuint(configuration->max_parallel, ==, 5);
	g_assert_cmpuint(configuration->per_bus, ==, 2);
	g_assert_cmpuint(configuration->rate, ==, 10);
	g_assert_cmpuint(configuration->keep_jobs, ==, 7);
	g_assert_cmpstr(a->target, ==, "udp:192.0.2.7");
	g_assert_cmpint(a->rules.mode, ==, SMP_UPDATE_UPLOAD_ONLY);
	g_assert_cmpuint(a->rules.retries, ==, 9);
	g_assert_cmpuint(a->rules.backoff, ==, 7200);
	g_assert_cmpstr(a->rules.firmware, ==, "/fw");
	g_assert_cmpstr(a->rules.keys[1], ==, "/b");
	g_assert_cmpuint(a->rules.allow, ==, SMP_INTERLOCK_DOWNGRADE | SMP_INTERLOCK_NO_REVERT);
	g_assert_cmpuint(a->rules.windows->len, ==, 1);
	g_assert_null(a->rules.health_check);
	g_assert_cmpuint(a->group_parallel, ==, 3);
	g_assert_cmpuint(a->poll, ==, 60);
	g_assert_cmpstr(b->target, ==, "serial:/dev/ttyS1?baud=921600");
	g_assert_cmpint(b->rules.mode, ==, SMP_UPDATE_CONFIRM);
	g_assert_cmpstr(b->rules.health_check, ==, "true");
	g_assert_null(b->rules.firmware);
	g_assert_cmpuint(b->poll, ==, 0);
	g_assert_cmpstr(c->target, ==, "usb:1915:520f:AB:1");
	g_assert_null(d->target);
	g_assert_cmpuint(d->poll, ==, 10);
	g_assert_cmpint(configuration->marked->rules.mode, ==, SMP_UPDATE_CONFIRM);
}

/* A group that cannot be understood may have been there to keep its boards safe. */
static void test_broken_group(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(SmpdConfiguration) configuration =
		load(f, "",
		     "[group g]\nkeys=relative\n[target a]\ngroup=g\nudp=192.0.2.7\n"
		     "[target b]\nudp=192.0.2.8\n");

	g_assert_cmpuint(configuration->errors->len, ==, 2);
	g_assert_null(find(configuration, "a"));
	g_assert_nonnull(find(configuration, "b"));
}

static void test_broken_policy(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(SmpdConfiguration) configuration =
		load(f, "[policy]\nretires=1\n", "[target a]\nudp=192.0.2.7\n");

	g_assert_cmpuint(configuration->errors->len, ==, 2);
	g_assert_cmpuint(configuration->targets->len, ==, 0);
	g_assert_null(configuration->marked);
}

static void test_missing(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(SmpdConfiguration) configuration = smpd_configuration_load("/nonexistent");

	g_assert_cmpuint(configuration->errors->len, ==, 0);
	g_assert_cmpuint(configuration->targets->len, ==, 0);
	g_assert_cmpuint(configuration->max_parallel, ==, 16);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define CASE(path, func) g_test_add(path, Fixture, NULL, setup, func, teardown)
	CASE("/configuration/errors", test_errors);
	CASE("/configuration/rules", test_rules);
	CASE("/configuration/broken-group", test_broken_group);
	CASE("/configuration/broken-policy", test_broken_policy);
	CASE("/configuration/missing", test_missing);
	return g_test_run();
}

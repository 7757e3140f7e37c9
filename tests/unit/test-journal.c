/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a job means to do and has done, on disk. */

#include <glib/gstdio.h>
#include <signal.h>
#include <smp/error.h>
#include <smp/journal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/make-image.h"
#include "update/journal-private.h"

typedef struct {
	char *folder, *path;
	SmpBundle *bundle;
} World;

static const SmpPolicy policy = {
	.mode = SMP_UPDATE_TEST_ONLY,
	.allow = SMP_INTERLOCK_DOWNGRADE | SMP_INTERLOCK_UNSIGNED,
	.via_recovery = TRUE,
	.health_check = TRUE,
	.stop_before = SMP_ACTION_END,
};

/* An image with a security counter. */
static void add_image(World *world, SmpBundle *bundle, guint image, guint8 seed, guint8 counter)
{
	const guint8 value[4] = {counter};
	const SmpTlv tlv = {
		.type = SMP_TLV_SEC_CNT, .is_protected = TRUE, .size = sizeof value, .data = value};
	const MakeImage options = {.seed = seed, .payload_size = 64, .tlvs = &tlv, .n_tlvs = 1};
	g_autoptr(GBytes) bytes = make_image(&options);
	g_autofree char *path = g_build_filename(world->folder, "image.bin", NULL);
	g_autoptr(GError) error = NULL;
	gsize size;
	const char *data = g_bytes_get_data(bytes, &size);

	g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
	g_assert_true(smp_bundle_add(bundle, path, image, &error));
	g_assert_no_error(error);
}

static void set_up(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	world->folder = g_dir_make_tmp("smp-journal-XXXXXX", &error);
	g_assert_no_error(error);
	world->path = g_build_filename(world->folder, "usb:1915%2F520f.job", NULL);
	world->bundle = smp_bundle_new();
	add_image(world, world->bundle, 0, 1, 7);
	add_image(world, world->bundle, 1, 2, 3);
}

static void tear_down(World *world, gconstpointer data)
{
	g_autoptr(GDir) dir = g_dir_open(world->folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(world->folder, name, NULL);
		g_assert_cmpint(g_remove(path), ==, 0);
	}
	g_assert_cmpint(g_rmdir(world->folder), ==, 0);
	smp_bundle_free(world->bundle);
	g_free(world->path);
	g_free(world->folder);
}

static SmpJournal *open_journal(const World *world)
{
	g_autoptr(GError) error = NULL;
	SmpJournal *journal = smp_journal_open(world->folder, "usb:1915/520f", &error);

	g_assert_no_error(error);
	g_assert_nonnull(journal);
	return journal;
}

static void begin(SmpJournal *journal, const SmpBundle *bundle)
{
	static const char *const arguments[] = {"/srv/a b.bin", "1:/srv/c;d.bin", NULL};
	g_autoptr(GError) error = NULL;

	g_assert_true(smp_journal_begin(journal, bundle, &policy, arguments, &error));
	g_assert_no_error(error);
}

static void save(SmpJournal *journal, const SmpBundle *bundle, guint confirms)
{
	SmpAttemptItem items[] = {
		{.uploads = 1, .marks = 2, .confirms = confirms, .ran = TRUE},
		{.uploads = 1, .marks = 1},
	};
	const SmpAttempt attempt = {.resets = 3,
				    .undos = 1,
				    .recoveries = 2,
				    .confirm_denied = TRUE,
				    .health = SMP_HEALTH_GOOD,
				    .items = items};
	g_autoptr(GError) error = NULL;

	g_assert_true(smp_journal_save(journal, bundle, &attempt, SMP_ACTION_CONFIRM, &error));
	g_assert_no_error(error);
}

static void check_attempt(const SmpJournal *journal, const SmpBundle *bundle, gboolean fresh)
{
	SmpAttempt attempt;
	SmpAction intent;

	smp_journal_load(journal, bundle, &attempt, &intent);
	g_assert_cmpuint(attempt.resets, ==, fresh ? 0 : 3);
	g_assert_cmpuint(attempt.undos, ==, fresh ? 0 : 1);
	g_assert_cmpuint(attempt.recoveries, ==, fresh ? 0 : 2);
	g_assert_cmpint(attempt.confirm_denied, ==, !fresh);
	g_assert_cmpint(attempt.health, ==, fresh ? SMP_HEALTH_UNKNOWN : SMP_HEALTH_GOOD);
	g_assert_cmpint(intent, ==, fresh ? SMP_ACTION_END : SMP_ACTION_CONFIRM);
	g_assert_cmpuint(attempt.items[0].marks, ==, fresh ? 0 : 2);
	g_assert_cmpint(attempt.items[0].ran, ==, !fresh);
	g_assert_cmpuint(attempt.items[1].marks, ==, fresh ? 0 : 1);
	g_assert_false(attempt.items[1].ran);
	/* Whether it was uploaded is seen on the board. */
	g_assert_cmpuint(attempt.items[0].uploads, ==, 0);
	g_free(attempt.items);
}

static void test_round_trip(World *world, gconstpointer data)
{
	g_autoptr(SmpJournal) journal = open_journal(world);
	SmpPolicy known;

	g_assert_false(smp_journal_is_open(journal));
	begin(journal, world->bundle);
	save(journal, world->bundle, 0);
	smp_journal_free(g_steal_pointer(&journal));
	g_assert_true(g_file_test(world->path, G_FILE_TEST_IS_REGULAR));

	journal = open_journal(world);
	g_assert_true(smp_journal_is_open(journal));
	g_assert_true(smp_journal_matches(journal, world->bundle));
	check_attempt(journal, world->bundle, FALSE);
	smp_journal_get_policy(journal, &known);
	g_assert_cmpint(known.mode, ==, policy.mode);
	g_assert_cmpuint(known.allow, ==, policy.allow);
	g_assert_true(known.via_recovery && known.health_check);
	g_assert_cmpint(known.stop_before, ==, SMP_ACTION_END);
	g_auto(GStrv) arguments = smp_journal_get_arguments(journal);
	g_assert_cmpuint(g_strv_length(arguments), ==, 2);
	g_assert_cmpstr(arguments[0], ==, "/srv/a b.bin");
	g_assert_cmpstr(arguments[1], ==, "1:/srv/c;d.bin");
}

static void test_ended(World *world, gconstpointer data)
{
	g_autoptr(SmpJournal) journal = open_journal(world);
	g_autoptr(GError) error = NULL;

	g_autofree char *message = NULL;
	SmpEnd end;

	begin(journal, world->bundle);
	save(journal, world->bundle, 0);
	g_assert_false(smp_journal_get_end(journal, &end, &message));
	g_assert_true(smp_journal_end(journal, SMP_END_UPDATED, "it runs", &error));
	smp_journal_free(g_steal_pointer(&journal));

	journal = open_journal(world);
	g_assert_false(smp_journal_is_open(journal));
	g_assert_false(smp_journal_matches(journal, world->bundle));
	g_assert_true(smp_journal_get_end(journal, &end, &message));
	g_assert_cmpint(end, ==, SMP_END_UPDATED);
	g_assert_cmpstr(message, ==, "it runs");
	/* The same images once more are a new job. */
	begin(journal, world->bundle);
	g_assert_false(smp_journal_get_end(journal, &end, &message));
	check_attempt(journal, world->bundle, TRUE);
}

static void test_same_and_other_job(World *world, gconstpointer data)
{
	g_autoptr(SmpJournal) journal = open_journal(world);
	g_autoptr(SmpBundle) other = smp_bundle_new();

	begin(journal, world->bundle);
	save(journal, world->bundle, 0);
	begin(journal, world->bundle);
	check_attempt(journal, world->bundle, FALSE);

	add_image(world, other, 0, 9, 8);
	add_image(world, other, 1, 2, 3);
	g_assert_false(smp_journal_matches(journal, other));
	begin(journal, other);
	check_attempt(journal, other, TRUE);
	g_assert_false(smp_journal_matches(journal, world->bundle));
	begin(journal, world->bundle);
	check_attempt(journal, world->bundle, TRUE);
}

static void test_counters(World *world, gconstpointer data)
{
	g_autoptr(SmpJournal) journal = open_journal(world);
	g_autoptr(SmpBundle) older = smp_bundle_new();

	begin(journal, world->bundle);
	g_assert_cmpuint(smp_journal_get_window(journal), ==, 0);
	smp_journal_note_window(journal, 3);
	save(journal, world->bundle, 0);
	g_assert_cmpint(smp_journal_get_counter(journal, 0), ==, -1);
	/* Only what was confirmed counts. */
	save(journal, world->bundle, 1);
	g_assert_cmpint(smp_journal_get_counter(journal, 0), ==, 7);
	g_assert_cmpint(smp_journal_get_counter(journal, 1), ==, -1);
	smp_journal_free(g_steal_pointer(&journal));

	journal = open_journal(world);
	add_image(world, older, 0, 5, 4);
	add_image(world, older, 1, 6, 4);
	begin(journal, older);
	save(journal, older, 1);
	g_assert_cmpuint(smp_journal_get_window(journal), ==, 3);
	g_assert_cmpint(smp_journal_get_counter(journal, 0), ==, 7);
	/* What was installed without a trial needed no confirmation. */
	smp_journal_note_installed(journal, older);
	g_assert_cmpint(smp_journal_get_counter(journal, 0), ==, 7);
	g_assert_cmpint(smp_journal_get_counter(journal, 1), ==, 4);
}

/* A child process holds the journal until its end of the pipe is closed. */
static void test_locked(World *world, gconstpointer data)
{
	int ready[2], done[2], status;
	char byte;
	g_autoptr(GError) error = NULL;

	g_assert_true(pipe(ready) == 0 && pipe(done) == 0);
	pid_t child = fork();
	g_assert_cmpint(child, >=, 0);
	if (child == 0) {
		close(done[1]);
		SmpJournal *held = smp_journal_open(world->folder, "usb:1915/520f", NULL);
		gboolean told = held && write(ready[1], "", 1) == 1;
		gboolean waited = told && read(done[0], &byte, 1) == 0;
		smp_journal_free(held);
		_exit(waited ? 0 : 1);
	}
	close(ready[1]);
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	g_assert_null(smp_journal_open(world->folder, "usb:1915/520f", &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY);
	g_autofree char *holder = g_strdup_printf("process %d has locked", (int)child);
	g_assert_nonnull(strstr(error->message, holder));
	/* Another board is not held. */
	g_autoptr(SmpJournal) other = smp_journal_open(world->folder, "udp:192.0.2.7:1337", NULL);
	g_assert_nonnull(other);

	close(done[1]);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	smp_journal_free(open_journal(world));
	close(ready[0]);
	close(done[0]);
}

static void test_corrupt(World *world, gconstpointer data)
{
	g_autofree char *aside = g_strconcat(world->path, ".bad", NULL);
	g_autofree char *kept = NULL;

	g_assert_true(g_file_set_contents(world->path, "\x01[job\nno journal\n", -1, NULL));
	g_test_expect_message("smp", G_LOG_LEVEL_MESSAGE, "*cannot be read*begun anew*");
	g_autoptr(SmpJournal) journal = open_journal(world);
	g_test_assert_expected_messages();
	g_assert_false(smp_journal_is_open(journal));
	g_assert_true(g_file_get_contents(aside, &kept, NULL, NULL));
	g_assert_cmpstr(kept, ==, "\x01[job\nno journal\n");
	begin(journal, world->bundle);
	g_assert_true(smp_journal_matches(journal, world->bundle));
}

static void test_unreadable(World *world, gconstpointer data)
{
	g_assert_cmpint(g_mkdir(world->path, 0700), ==, 0);
	g_test_expect_message("smp", G_LOG_LEVEL_MESSAGE, "*cannot be read*begun anew*");
	g_autoptr(SmpJournal) journal = open_journal(world);
	g_test_assert_expected_messages();
	begin(journal, world->bundle);
	g_assert_true(g_file_test(world->path, G_FILE_TEST_IS_REGULAR));
}

static void test_no_folder(World *world, gconstpointer data)
{
	g_autofree char *file = g_build_filename(world->folder, "file", NULL);
	g_autofree char *below = g_build_filename(file, "journals", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_true(g_file_set_contents(file, "", 0, NULL));
	g_assert_null(smp_journal_open(below, "usb:1915/520f", &error));
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE);
	g_assert_nonnull(strstr(error->message, below));
}

static void test_read_only(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	if (geteuid() == 0) {
		g_test_skip("root may write everywhere");
		return;
	}
	g_assert_cmpint(g_chmod(world->folder, 0500), ==, 0);
	SmpJournal *journal = smp_journal_open(world->folder, "usb:1915/520f", &error);
	g_assert_cmpint(g_chmod(world->folder, 0700), ==, 0);
	g_assert_null(journal);
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE);
}

/* Every write of the process fails, as on a full disk. */
static void set_disk_full(gboolean full)
{
	static struct rlimit before;
	struct rlimit none;

	if (full) {
		g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
		none = (struct rlimit){0, before.rlim_max};
		signal(SIGXFSZ, SIG_IGN);
	}
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, full ? &none : &before), ==, 0);
	if (!full)
		signal(SIGXFSZ, SIG_DFL);
}

static void test_disk_full(World *world, gconstpointer data)
{
	g_autoptr(SmpJournal) journal = open_journal(world);
	SmpAttemptItem items[2] = {0};
	const SmpAttempt attempt = {.items = items};
	g_autoptr(GError) error = NULL;

	begin(journal, world->bundle);
	save(journal, world->bundle, 0);
	set_disk_full(TRUE);
	gboolean saved =
		smp_journal_save(journal, world->bundle, &attempt, SMP_ACTION_RESET, &error);
	set_disk_full(FALSE);
	g_assert_false(saved);
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE);
	g_assert_nonnull(strstr(error->message, world->path));
	smp_journal_free(g_steal_pointer(&journal));

	/* What was there before is there still. */
	journal = open_journal(world);
	check_attempt(journal, world->bundle, FALSE);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *path;
		void (*test)(World *world, gconstpointer data);
	} tests[] = {
		{"/journal/round-trip", test_round_trip},
		{"/journal/ended", test_ended},
		{"/journal/same-and-other-job", test_same_and_other_job},
		{"/journal/counters", test_counters},
		{"/journal/locked", test_locked},
		{"/journal/corrupt", test_corrupt},
		{"/journal/unreadable", test_unreadable},
		{"/journal/no-folder", test_no_folder},
		{"/journal/read-only", test_read_only},
		{"/journal/disk-full", test_disk_full},
	};

	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].path, World, NULL, set_up, tests[i].test, tear_down);
	return g_test_run();
}

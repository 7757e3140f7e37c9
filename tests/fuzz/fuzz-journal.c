/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A journal that something else wrote, or a failing disk: it is read or put aside, its values are
 * within bounds, and the next job can be written into it. */

#include "fuzz.h"

#include <glib/gstdio.h>
#include <smp/journal.h>
#include <stdlib.h>

#define HASH "931a9de11affc36160c2eeb83d1c58b9fbdb70ca4a0fcb9add584260b2135d4c"

static char *folder, *path, *aside;

static void remove_all(void)
{
	g_autofree char *lock = g_build_filename(folder, "board.lock", NULL);

	(void)g_remove(path);
	(void)g_remove(aside);
	(void)g_remove(lock);
	(void)g_rmdir(folder);
}

static void ignore(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
}

/* Each input is written out: in memory that is quick. */
static void set_up(void)
{
	const char *parent =
		g_file_test("/dev/shm", G_FILE_TEST_IS_DIR) ? "/dev/shm" : g_get_tmp_dir();

	folder = g_build_filename(parent, "smp-fuzz-XXXXXX", NULL);
	if (!g_mkdtemp(folder))
		abort();
	path = g_build_filename(folder, "board.job", NULL);
	aside = g_build_filename(folder, "board.job.bad", NULL);
	g_log_set_handler("smp", G_LOG_LEVEL_MESSAGE, ignore, NULL);
	atexit(remove_all);
}

static SmpBundle *make_bundle(void)
{
	SmpBundle *bundle = smp_bundle_new();
	SmpBundleItem *item = g_new0(SmpBundleItem, 1);

	item->slot = -1;
	item->version = g_strdup("1.1.0");
	item->name = g_strdup("1.1.0");
	item->installed_counter = -1;
	if (!smp_hash_parse(HASH, &item->hash, NULL))
		abort();
	g_ptr_array_add(bundle->items, item);
	return bundle;
}

static void check_values(SmpJournal *journal, const SmpBundle *bundle)
{
	g_auto(GStrv) arguments = smp_journal_get_arguments(journal);
	SmpAttempt attempt;
	SmpPolicy policy;
	SmpAction intent;

	smp_journal_get_policy(journal, &policy);
	g_assert_cmpint(policy.mode, <=, SMP_UPDATE_UPLOAD_ONLY);
	g_assert_cmpint(policy.stop_before, ==, SMP_ACTION_END);
	smp_journal_load(journal, bundle, &attempt, &intent);
	g_assert_cmpint(intent, <=, SMP_ACTION_END);
	g_assert_cmpint(attempt.health, <=, SMP_HEALTH_BAD);
	g_assert_cmpuint(attempt.items[0].uploads, ==, 0);
	g_assert_cmpuint(attempt.items[0].marks, <=, G_MAXUINT16);
	g_assert_cmpuint(attempt.resets, <=, G_MAXUINT16);
	g_assert_cmpint(smp_journal_get_counter(journal, 0), >=, -1);
	for (guint i = 0; arguments && arguments[i]; i++)
		g_assert_true(g_utf8_validate(arguments[i], -1, NULL));
	g_free(attempt.items);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	g_autoptr(GError) error = NULL;

	if (!folder)
		set_up();
	if (!g_file_set_contents_full(path, (const char *)data, (gssize)size,
				      G_FILE_SET_CONTENTS_NONE, 0600, NULL))
		abort();
	g_autoptr(SmpBundle) bundle = make_bundle();
	g_autoptr(SmpJournal) journal = smp_journal_open(folder, "board", &error);
	g_assert_no_error(error);
	gboolean open = smp_journal_is_open(journal);

	g_assert_true(open || !smp_journal_matches(journal, bundle));
	check_values(journal, bundle);
	const SmpPolicy policy = {.stop_before = SMP_ACTION_END};
	if (!smp_journal_begin(journal, bundle, &policy, NULL, &error))
		g_error("%s", error->message);
	g_assert_true(smp_journal_matches(journal, bundle));
	check_values(journal, bundle);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "update/journal-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define JOB	 "job"
#define ATTEMPT	 "attempt"
#define COUNTERS "security counters"
#define UPLOAD	 "upload"

struct SmpJournal {
	char *path;
	GKeyFile *file;
	int lock;
	SmpJournalHook hook;
	gpointer hook_data;
};

/* A file name that says which board it is and holds no slash. */
static char *file_name(const char *identity, const char *suffix)
{
	g_autofree char *escaped = g_uri_escape_string(identity, ":@", FALSE);
	return g_strconcat(escaped, suffix, NULL);
}

static gboolean state_error(GError **error, const char *what, const char *path, const char *why)
{
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE,
		    "cannot %s %s: %s; an update is noted there before each step, XDG_STATE_HOME "
		    "moves it",
		    what, path, why);
	return FALSE;
}

/* For the message of who comes second; that it cannot be written does no harm. */
static void sign_lock(int lock)
{
	g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());

	if (ftruncate(lock, 0) < 0 || write(lock, text, strlen(text)) < 0)
		g_debug("cannot write into the lock: %s", g_strerror(errno));
}

static char *lock_holder(const char *path)
{
	g_autofree char *text = NULL;
	guint64 pid;

	if (g_file_get_contents(path, &text, NULL, NULL) &&
	    g_ascii_string_to_unsigned(g_strchomp(text), 10, 1, G_MAXINT, &pid, NULL))
		return g_strdup_printf("process %d", (int)pid);
	return g_strdup("a process");
}

static gboolean lock_file(SmpJournal *journal, const char *folder, const char *identity,
			  GError **error)
{
	g_autofree char *name = file_name(identity, ".lock");
	g_autofree char *path = g_build_filename(folder, name, NULL);

	journal->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (journal->lock < 0)
		return state_error(error, "open", path, g_strerror(errno));
	if (flock(journal->lock, LOCK_EX | LOCK_NB) == 0) {
		sign_lock(journal->lock);
		return TRUE;
	}
	g_autofree char *holder = lock_holder(path);
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY,
		    "another update of this board is going on (%s has locked %s); wait for its end",
		    holder, path);
	return FALSE;
}

/* What cannot be read helps nobody, but somebody may want to look at it. */
static void put_aside(SmpJournal *journal, const char *why)
{
	g_autofree char *aside = g_strconcat(journal->path, ".bad", NULL);

	g_message("%s cannot be read (%s); it is kept as %s and begun anew", journal->path, why,
		  aside);
	if (rename(journal->path, aside) < 0)
		g_message("cannot rename %s: %s", journal->path, g_strerror(errno));
	g_key_file_unref(journal->file);
	journal->file = g_key_file_new();
}

static void read_file(SmpJournal *journal)
{
	g_autoptr(GError) error = NULL;

	if (!g_key_file_load_from_file(journal->file, journal->path, G_KEY_FILE_NONE, &error) &&
	    !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		put_aside(journal, error->message);
}

SmpJournal *smp_journal_open(const char *folder, const char *identity, GError **error)
{
	g_autoptr(SmpJournal) journal = g_new0(SmpJournal, 1);
	g_autofree char *name = file_name(identity, ".job");

	journal->path = g_build_filename(folder, name, NULL);
	journal->file = g_key_file_new();
	journal->lock = -1;
	if (g_mkdir_with_parents(folder, 0700) < 0) {
		state_error(error, "make", folder, g_strerror(errno));
		return NULL;
	}
	if (!lock_file(journal, folder, identity, error))
		return NULL;
	read_file(journal);
	return g_steal_pointer(&journal);
}

void smp_journal_free(SmpJournal *journal)
{
	if (!journal)
		return;
	if (journal->lock >= 0)
		close(journal->lock);
	g_key_file_unref(journal->file);
	g_free(journal->path);
	g_free(journal);
}

void smp_journal_set_hook(SmpJournal *journal, SmpJournalHook hook, gpointer user_data)
{
	journal->hook = hook;
	journal->hook_data = user_data;
}

static gboolean call_hook(SmpJournal *journal, gboolean written, GError **error)
{
	return !journal->hook || journal->hook(written, journal->hook_data, error);
}

static gboolean write_file(SmpJournal *journal, GError **error)
{
	gsize length;
	g_autofree char *text = g_key_file_to_data(journal->file, &length, NULL);
	g_autoptr(GError) local = NULL;

	if (!call_hook(journal, FALSE, error))
		return FALSE;
	if (g_file_set_contents_full(journal->path, text, (gssize)length,
				     G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
				     0600, &local))
		return call_hook(journal, TRUE, error);
	return state_error(error, "write", journal->path, local->message);
}

static char *item_group(const SmpBundle *bundle, guint index)
{
	const SmpBundleItem *item = g_ptr_array_index(bundle->items, index);
	g_autofree char *hash = smp_hash_to_string(&item->hash);

	return g_strdup_printf("image %u %s", item->image, hash);
}

/* The same images for the same places, in any order of the command line. */
static char *bundle_id(const SmpBundle *bundle)
{
	GString *id = g_string_new(NULL);

	for (guint i = 0; i < bundle->items->len; i++) {
		g_autofree char *group = item_group(bundle, i);
		g_string_append_printf(id, "%s%s", i ? "; " : "", group);
	}
	return g_string_free(id, FALSE);
}

static guint get_uint(const SmpJournal *journal, const char *group, const char *key)
{
	int value = g_key_file_get_integer(journal->file, group, key, NULL);
	return (guint)CLAMP(value, 0, G_MAXUINT16);
}

gboolean smp_journal_is_open(const SmpJournal *journal)
{
	return g_key_file_has_group(journal->file, JOB) &&
	       !g_key_file_has_key(journal->file, JOB, "end", NULL);
}

gboolean smp_journal_has_begun(const SmpJournal *journal)
{
	return g_key_file_has_key(journal->file, ATTEMPT, "intent", NULL);
}

gboolean smp_journal_matches(const SmpJournal *journal, const SmpBundle *bundle)
{
	g_autofree char *id = bundle_id(bundle);
	g_autofree char *known = g_key_file_get_string(journal->file, JOB, "images", NULL);

	return smp_journal_is_open(journal) && g_strcmp0(id, known) == 0;
}

/* What is known about the board outlives its jobs. */
static void clear_job(SmpJournal *journal)
{
	gsize n;
	g_auto(GStrv) groups = g_key_file_get_groups(journal->file, &n);

	for (gsize i = 0; i < n; i++) {
		if (!g_str_equal(groups[i], COUNTERS) && !g_str_equal(groups[i], UPLOAD))
			g_key_file_remove_group(journal->file, groups[i], NULL);
	}
}

static void set_policy(SmpJournal *journal, const SmpPolicy *policy)
{
	g_key_file_set_integer(journal->file, JOB, "mode", policy->mode);
	g_key_file_set_integer(journal->file, JOB, "allow", (int)policy->allow);
	g_key_file_set_boolean(journal->file, JOB, "via-recovery", policy->via_recovery);
	g_key_file_set_boolean(journal->file, JOB, "health-check", policy->health_check);
}

void smp_journal_get_policy(const SmpJournal *journal, SmpPolicy *policy)
{
	*policy = (SmpPolicy){
		.mode = (SmpUpdateMode)MIN(get_uint(journal, JOB, "mode"), SMP_UPDATE_UPLOAD_ONLY),
		.allow = get_uint(journal, JOB, "allow"),
		.via_recovery = g_key_file_get_boolean(journal->file, JOB, "via-recovery", NULL),
		.health_check = g_key_file_get_boolean(journal->file, JOB, "health-check", NULL),
		.stop_before = SMP_ACTION_END,
	};
}

gboolean smp_journal_begin(SmpJournal *journal, const SmpBundle *bundle, const SmpPolicy *policy,
			   const char *const *arguments, GError **error)
{
	g_autofree char *id = bundle_id(bundle);
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *started = g_date_time_format_iso8601(now);

	if (!smp_journal_matches(journal, bundle)) {
		clear_job(journal);
		g_key_file_set_string(journal->file, JOB, "images", id);
		g_key_file_set_string(journal->file, JOB, "started", started);
	}
	set_policy(journal, policy);
	if (arguments)
		g_key_file_set_string_list(journal->file, JOB, "arguments", arguments,
					   g_strv_length((char **)arguments));
	return write_file(journal, error);
}

char **smp_journal_get_arguments(const SmpJournal *journal)
{
	return g_key_file_get_string_list(journal->file, JOB, "arguments", NULL, NULL);
}

gboolean smp_journal_load(const SmpJournal *journal, const SmpBundle *bundle, SmpAttempt *attempt,
			  SmpAction *intent)
{
	g_autofree char *action = g_key_file_get_string(journal->file, ATTEMPT, "intent", NULL);

	*attempt = (SmpAttempt){
		.resets = get_uint(journal, ATTEMPT, "resets"),
		.undos = get_uint(journal, ATTEMPT, "undos"),
		.recoveries = get_uint(journal, ATTEMPT, "recoveries"),
		.confirm_denied =
			g_key_file_get_boolean(journal->file, ATTEMPT, "confirm-denied", NULL),
		.health = (SmpHealth)MIN(get_uint(journal, ATTEMPT, "health"), SMP_HEALTH_BAD),
		.items = g_new0(SmpAttemptItem, bundle->items->len),
	};
	*intent = SMP_ACTION_END;
	if (action)
		(void)smp_action_parse(action, intent);
	for (guint i = 0; i < bundle->items->len; i++) {
		g_autofree char *group = item_group(bundle, i);
		attempt->items[i] = (SmpAttemptItem){
			/* An upload that was cut off is no reason to give up. */
			.marks = get_uint(journal, group, "marks"),
			.confirms = get_uint(journal, group, "confirms"),
			.ran = g_key_file_get_boolean(journal->file, group, "ran", NULL),
			.ran_before =
				g_key_file_get_boolean(journal->file, group, "ran-before", NULL),
		};
	}
	return action != NULL;
}

static void set_item(SmpJournal *journal, const SmpBundle *bundle, guint index,
		     const SmpAttemptItem *tried)
{
	g_autofree char *group = item_group(bundle, index);

	g_key_file_set_integer(journal->file, group, "marks", (int)tried->marks);
	g_key_file_set_integer(journal->file, group, "confirms", (int)tried->confirms);
	g_key_file_set_boolean(journal->file, group, "ran", tried->ran);
	g_key_file_set_boolean(journal->file, group, "ran-before", tried->ran_before);
}

static void set_counter(SmpJournal *journal, const SmpBundleItem *item)
{
	/* A bootloader's says nothing of the application's. */
	gint64 counter = item->firmware && !item->bootloader
				 ? smp_firmware_security_counter(item->firmware)
				 : -1;
	g_autofree char *key = g_strdup_printf("image-%u", item->image);

	if (counter > smp_journal_get_counter(journal, item->image))
		g_key_file_set_int64(journal->file, COUNTERS, key, counter);
}

gboolean smp_journal_save(SmpJournal *journal, const SmpBundle *bundle, const SmpAttempt *attempt,
			  SmpAction intent, GError **error)
{
	GKeyFile *file = journal->file;

	g_key_file_set_integer(file, ATTEMPT, "resets", (int)attempt->resets);
	g_key_file_set_integer(file, ATTEMPT, "undos", (int)attempt->undos);
	g_key_file_set_integer(file, ATTEMPT, "recoveries", (int)attempt->recoveries);
	g_key_file_set_boolean(file, ATTEMPT, "confirm-denied", attempt->confirm_denied);
	g_key_file_set_integer(file, ATTEMPT, "health", attempt->health);
	g_key_file_set_string(file, ATTEMPT, "intent", smp_action_name(intent));
	for (guint i = 0; i < bundle->items->len; i++) {
		set_item(journal, bundle, i, &attempt->items[i]);
		if (attempt->items[i].confirms > 0)
			set_counter(journal, g_ptr_array_index(bundle->items, i));
	}
	return write_file(journal, error);
}

void smp_journal_note_installed(SmpJournal *journal, const SmpBundle *bundle)
{
	for (guint i = 0; i < bundle->items->len; i++)
		set_counter(journal, g_ptr_array_index(bundle->items, i));
}

guint smp_journal_get_window(const SmpJournal *journal)
{
	return MIN(get_uint(journal, UPLOAD, "window"), G_MAXUINT8);
}

void smp_journal_note_window(SmpJournal *journal, guint window)
{
	g_key_file_set_integer(journal->file, UPLOAD, "window", (int)window);
}

gboolean smp_journal_end(SmpJournal *journal, SmpEnd end, const char *message, GError **error)
{
	g_key_file_set_string(journal->file, JOB, "end", smp_end_name(end));
	g_key_file_set_string(journal->file, JOB, "message", message);
	return write_file(journal, error);
}

gboolean smp_journal_get_end(const SmpJournal *journal, SmpEnd *end, char **message)
{
	g_autofree char *name = g_key_file_get_string(journal->file, JOB, "end", NULL);
	g_autofree char *text = g_key_file_get_string(journal->file, JOB, "message", NULL);

	if (!name || !text || !smp_end_parse(name, end))
		return FALSE;
	*message = g_steal_pointer(&text);
	return TRUE;
}

gint64 smp_journal_get_counter(const SmpJournal *journal, guint image)
{
	g_autofree char *key = g_strdup_printf("image-%u", image);

	if (!g_key_file_has_key(journal->file, COUNTERS, key, NULL))
		return -1;
	gint64 counter = g_key_file_get_int64(journal->file, COUNTERS, key, NULL);
	return MAX(counter, -1);
}

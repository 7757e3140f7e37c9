/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an upload found out about a board is remembered for its next one, filed under the board's
 * identity. It is a convenience: that it cannot be read or written is no error. */

#include "cli.h"

#define FILE_NAME "boards"
#define WINDOW	  "window"
#define JOBS	  "jobs"

/* The next program behind a pty of this number is another board, and so is the one that is started
 * for the next command. */
static gboolean is_volatile(const char *identity)
{
	return g_str_has_prefix(identity, "tty:/dev/pts/") || g_str_has_prefix(identity, "sim:");
}

static char *memory_path(void)
{
	return g_build_filename(g_get_user_state_dir(), "smpctl", FILE_NAME, NULL);
}

guint smpctl_recall_window(SmpLink *link)
{
	g_autofree char *path = memory_path();
	g_autofree char *identity = smp_link_identity(link);
	g_autoptr(GKeyFile) file = g_key_file_new();

	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
		return 0;
	return (guint)CLAMP(g_key_file_get_integer(file, identity, WINDOW, NULL), 0, G_MAXUINT8);
}

void smpctl_remember_window(SmpLink *link, guint window)
{
	g_autofree char *path = memory_path();
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *identity = smp_link_identity(link);
	g_autoptr(GKeyFile) file = g_key_file_new();

	if (is_volatile(identity))
		return;
	g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_COMMENTS, NULL);
	if ((guint)g_key_file_get_integer(file, identity, WINDOW, NULL) == window)
		return;
	if (window > 0)
		g_key_file_set_integer(file, identity, WINDOW, (int)window);
	else
		g_key_file_remove_group(file, identity, NULL);
	if (g_mkdir_with_parents(folder, 0700) == 0)
		(void)g_key_file_save_to_file(file, path, NULL);
}

gboolean smpctl_journal(Smpctl *cli, SmpJournal **journal, GError **error)
{
	if (!smpctl_session(cli, error))
		return FALSE;
	g_autofree char *identity = smp_link_identity(cli->link);
	g_autofree char *folder = g_build_filename(g_get_user_state_dir(), "smpctl", JOBS, NULL);

	*journal = NULL;
	if (is_volatile(identity))
		return TRUE;
	*journal = smp_journal_open(folder, identity, error);
	return *journal != NULL;
}

gboolean smpctl_journal_alone(Smpctl *cli, gboolean allow_concurrent, SmpJournal **journal,
			      GError **error)
{
	g_autoptr(GError) failed = NULL;

	/* A port that is taken is no journal that is. */
	if (!smpctl_session(cli, error))
		return FALSE;
	if (smpctl_journal(cli, journal, &failed))
		return TRUE;
	if (!g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY)) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	if (allow_concurrent) {
		smpctl_say(cli, "note: %s", failed->message);
		return TRUE;
	}
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED,
		    "%s. Two at once write into the same slot, which then holds neither image, and "
		    "each resets the board under the other. `--allow-%s` does it all the same, "
		    "without a journal",
		    failed->message, smp_interlock_name(SMP_INTERLOCK_CONCURRENT));
	return FALSE;
}

void smpctl_recall_counters(const SmpBundle *bundle, const SmpJournal *journal)
{
	for (guint i = 0; i < bundle->items->len; i++) {
		SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		item->installed_counter = smp_journal_get_counter(journal, item->image);
	}
}

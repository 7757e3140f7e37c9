/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* update, ensure and resume: the whole way from a file to a board that runs it. */

#include "cli.h"

#include <stdio.h>
#include <string.h>

static int image_number;
static gboolean test_only;
static gboolean confirm;
static gboolean upload_only;
static gboolean dry_run;
static char *health;
static char *stop_before;
static char **key_files;
static char *bootloader; /* auto, s0 or s1 */
static SmpPolicy policy = {.stop_before = SMP_ACTION_END};
static int window;
static gboolean by_daemon;
static gboolean detach;

/* --allow-NAME for each interlock. */
static gboolean parse_allow(const char *option, const char *value G_GNUC_UNUSED,
			    gpointer data G_GNUC_UNUSED, GError **error)
{
	const char *name = option + strlen("--allow-");

	for (guint bit = 1; bit <= SMP_INTERLOCK_CONCURRENT; bit <<= 1) {
		if (g_str_equal(name, smp_interlock_name((SmpInterlock)bit))) {
			policy.allow |= bit;
			return TRUE;
		}
	}
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "Unknown option %s",
		    option);
	return FALSE;
}

#define ALLOW(name, help)                                                                          \
	{                                                                                          \
		"allow-" name, 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, parse_allow, help,  \
			NULL                                                                       \
	}

const GOptionEntry smpctl_update_options[] = {
	{"image", 'n', 0, G_OPTION_ARG_INT, &image_number,
	 "image number for files without N: in front (0)", "N"},
	{"test-only", 0, 0, G_OPTION_ARG_NONE, &test_only,
	 "leave it on trial: the next reset undoes it unless it is confirmed", NULL},
	{"confirm", 0, 0, G_OPTION_ARG_NONE, &confirm, "for good at once, without a trial", NULL},
	{"upload-only", 0, 0, G_OPTION_ARG_NONE, &upload_only, "only put it into its slot", NULL},
	{"via-recovery", 0, 0, G_OPTION_ARG_NONE, &policy.via_recovery,
	 "through MCUboot's serial recovery, entered from the application", NULL},
	{"health", 0, 0, G_OPTION_ARG_STRING, &health,
	 "run COMMAND once the new image runs; it stays only if that ends with 0", "COMMAND"},
	{"key", 'k', 0, G_OPTION_ARG_FILENAME_ARRAY, &key_files,
	 "the image must be signed with this key, or one of a folder's (more than once)", "PEM"},
	{"bootloader", 0, 0, G_OPTION_ARG_STRING, &bootloader,
	 "the package's bootloader instead: auto takes the variant that does not run",
	 "auto|s0|s1"},
	{"dry-run", 0, 0, G_OPTION_ARG_NONE, &dry_run, "say what would be done, and why", NULL},
	{"stop-before", 0, 0, G_OPTION_ARG_STRING, &stop_before, "stop before that; resume goes on",
	 "upload|test|reset|confirm"},
	ALLOW("downgrade", "also an older version than what runs"),
	ALLOW("no-revert", "also where the bootloader cannot undo it"),
	ALLOW("padded", "also a file made with imgtool sign --pad"),
	ALLOW("not-bootable", "also an image marked as not bootable"),
	ALLOW("too-large", "also an image larger than the slot"),
	ALLOW("wrong-slot", "also an image linked for another slot"),
	ALLOW("network-core", "also a network core's image where the bootloader swaps"),
	ALLOW("pending", "also in place of an image that waits for the next reset"),
	ALLOW("unsigned", "also an image that none of the keys signed"),
	ALLOW("wrong-board", "also an image built for another board"),
	ALLOW("unmet-dependency", "also an image that needs another one that is not there"),
	ALLOW("concurrent", "also while another update of the board is going on"),
	{"daemon", 0, 0, G_OPTION_ARG_NONE, &by_daemon,
	 "let smpd do it, and follow it; Ctrl-C leaves it alone", NULL},
	{"detach", 0, 0, G_OPTION_ARG_NONE, &detach, "with --daemon: do not wait for its end",
	 NULL},
	{"maxwinsize", 'w', 0, G_OPTION_ARG_INT, &window, "most requests in flight", "N"},
	{NULL},
};

static gboolean check_stop(GError **error)
{
	return !stop_before || smp_action_parse_stop(stop_before, &policy.stop_before) ||
	       smpctl_usage_error(error, "--stop-before takes upload, test, reset or confirm");
}

static gboolean check_options(GError **error)
{
	if (test_only + confirm + upload_only > 1)
		return smpctl_usage_error(error,
					  "only one of --test-only, --confirm and --upload-only");
	if (image_number < 0 || window < 0)
		return smpctl_usage_error(error, "--image and --maxwinsize must not be negative");
	if (bootloader && !smp_bootloader_parse(bootloader, NULL))
		return smpctl_usage_error(error, "--bootloader takes auto, s0 or s1");
	if (health && upload_only)
		return smpctl_usage_error(error,
					  "--health needs an image that runs; --upload-only starts "
					  "none");
	policy.mode = test_only	    ? SMP_UPDATE_TEST_ONLY
		      : confirm	    ? SMP_UPDATE_CONFIRM
		      : upload_only ? SMP_UPDATE_UPLOAD_ONLY
				    : SMP_UPDATE_TEST_AND_CONFIRM;
	policy.health_check = health != NULL;
	return check_stop(error);
}

static gboolean load_files(SmpBundle *bundle, char **files, GError **error)
{
	for (char **file = files; *file; file++) {
		if (!smp_bundle_add(bundle, *file, (guint)image_number, error))
			return FALSE;
	}
	int variant = -1;
	if (bootloader)
		smp_bootloader_parse(bootloader, &variant);
	if (bootloader && !smp_bundle_use_bootloaders(bundle, variant, error))
		return FALSE;
	if (bundle->items->len > 0)
		return smp_bundle_check_signatures(bundle, key_files, error);
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE,
		    "%s holds updates of the bootloader only; `--bootloader=auto` installs the "
		    "variant that does not run",
		    files[0]);
	return FALSE;
}

const char *smpctl_file_of(const char *argument, guint *image)
{
	gsize digits = strspn(argument, "0123456789");

	if (digits == 0 || argument[digits] != ':' || g_file_test(argument, G_FILE_TEST_EXISTS))
		return argument;
	*image = (guint)g_ascii_strtoull(argument, NULL, 10);
	return argument + digits + 1;
}

/* What resume needs, so that it works in another folder: paths absolute, the image number in
 * front. */
static char *absolute_file(const char *argument)
{
	guint image = (guint)image_number;
	const char *path = smpctl_file_of(argument, &image);
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);

	if (path == argument && image == 0)
		return g_steal_pointer(&absolute);
	return g_strdup_printf("%u:%s", image, absolute);
}

static char *absolute_key(const char *argument)
{
	g_autofree char *absolute = g_str_has_prefix(argument, "keyhash:")
					    ? g_strdup(argument)
					    : g_canonicalize_filename(argument, NULL);
	return g_strconcat("key=", absolute, NULL);
}

static char **journal_arguments(char **files)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_autofree char *health_line = g_strconcat("health=", health ? health : "", NULL);

	g_strv_builder_add(builder, health_line);
	if (bootloader) {
		g_autofree char *line = g_strconcat("bootloader=", bootloader, NULL);
		g_strv_builder_add(builder, line);
	}
	for (char **file = key_files; file && *file; file++) {
		g_autofree char *key = absolute_key(*file);
		g_strv_builder_add(builder, key);
	}
	for (char **file = files; *file; file++) {
		g_autofree char *absolute = absolute_file(*file);
		g_strv_builder_add(builder, absolute);
	}
	return g_strv_builder_end(builder);
}

static gboolean run(Smpctl *cli, SmpBundle *bundle, SmpJournal *journal, GError **error)
{
	const SmpctlRun options = {
		.policy = &policy,
		.window = (guint)window,
		.health = health,
		.journal = journal,
	};

	return smpctl_run_update(cli, bundle, &options, error);
}

static void tell_plan_json(const SmpPlanStep *step, const SmpBundle *bundle)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	const SmpBundleItem *item = g_ptr_array_index(bundle->items, step->item);

	smpctl_json_text(json, "event", "plan");
	smpctl_json_text(json, "step", smp_action_name(step->action));
	if (step->action == SMP_ACTION_END)
		smpctl_json_text(json, "result", smp_end_name(step->end));
	else if (smpctl_step_has_image(step->action))
		smpctl_json_int(json, "image", item->image);
	smpctl_json_text(json, "reason", step->reason);
	smpctl_json_text(json, "detail", step->detail);
	smpctl_json_print(json);
}

static void tell_plan(const SmpPlanStep *step, guint number)
{
	if (step->action != SMP_ACTION_END) {
		printf("%2u. %-14s %s\n", number, smp_action_name(step->action), step->reason);
		return;
	}
	printf("%s%s\n", step->end == SMP_END_REFUSED ? "refused: " : "", step->reason);
	if (step->detail)
		printf("  %s\n", step->detail);
}

static gboolean open_journal(Smpctl *cli, SmpJournal **journal, GError **error)
{
	return smpctl_journal_alone(cli, (policy.allow & SMP_INTERLOCK_CONCURRENT) != 0, journal,
				    error);
}

/* A plan is worth something without what the journal knows, too. */
static gboolean consult_journal(Smpctl *cli, const SmpBundle *bundle, GError **error)
{
	g_autoptr(SmpJournal) journal = NULL;
	g_autoptr(GError) failed = NULL;

	if (!open_journal(cli, &journal, &failed) &&
	    !g_error_matches(failed, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE)) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	if (journal)
		smpctl_recall_counters(bundle, journal);
	return TRUE;
}

static gboolean show_plan(Smpctl *cli, const SmpBundle *bundle, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !consult_journal(cli, bundle, error))
		return FALSE;
	g_autoptr(SmpBoard) board = bootloader ? smp_board_observe_b0(session, error)
					       : smp_board_observe(session, error);
	if (!board)
		return FALSE;
	g_autoptr(GPtrArray) steps = smp_plan_all(board, bundle, &policy);
	for (guint i = 0; i < steps->len; i++) {
		const SmpPlanStep *step = g_ptr_array_index(steps, i);
		if (cli->options->json)
			tell_plan_json(step, bundle);
		else
			tell_plan(step, i + 1);
		if (step->action == SMP_ACTION_END)
			cli->status = smpctl_end_status(step->end, TRUE);
	}
	return TRUE;
}

static void tell_given_up(Smpctl *cli, const SmpJournal *journal, const SmpBundle *bundle)
{
	if (smp_journal_is_open(journal) && !smp_journal_matches(journal, bundle))
		smpctl_say(cli, "note: another update of this board was interrupted and is given "
				"up; what it had uploaded is written over");
}

/* What smpd has from its own configuration, or cannot be told. */
static gboolean check_daemon(Smpctl *cli, GError **error)
{
	const SmpctlOptions *options = cli->options;

	if (detach && !by_daemon)
		return smpctl_usage_error(error, "--detach needs --daemon");
	if (!by_daemon)
		return TRUE;
	if (health || key_files)
		return smpctl_usage_error(error,
					  "smpd has checks and keys of its own (health-check "
					  "and keys, smpd.conf(5)); --%s is not for it",
					  health ? "health" : "key");
	if (dry_run)
		return smpctl_usage_error(error, "smpd has nothing like --dry-run; without "
						 "--daemon it works");
	if (policy.allow & SMP_INTERLOCK_CONCURRENT)
		return smpctl_usage_error(error, "smpd does one thing at a time with a board: "
						 "--allow-concurrent is not for it");
	if (options->mtu || options->trace)
		return smpctl_usage_error(error, "smpd talks to the board: --mtu-ovrd and --trace "
						 "are not for it");
	return TRUE;
}

static gboolean hand_over(Smpctl *cli, const SmpBundle *bundle, char **files, GError **error)
{
	const SmpctlHandOver update = {
		.policy = &policy,
		.image = (guint)image_number,
		.window = (guint)window,
		.bootloader = bootloader,
		.detach = detach,
	};

	return smpctl_update_by_daemon(cli, bundle, files, &update, error);
}

gboolean smpctl_cmd_update(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(SmpBundle) bundle = smp_bundle_new();

	if (!check_options(error) || !check_daemon(cli, error) || !load_files(bundle, args, error))
		return FALSE;
	if (by_daemon)
		return hand_over(cli, bundle, args, error);
	cli->concurrent = dry_run || (policy.allow & SMP_INTERLOCK_CONCURRENT);
	if (dry_run)
		return show_plan(cli, bundle, error);
	g_autoptr(SmpJournal) journal = NULL;
	if (!open_journal(cli, &journal, error))
		return FALSE;
	if (journal) {
		g_auto(GStrv) arguments = journal_arguments(args);
		smpctl_recall_counters(bundle, journal);
		tell_given_up(cli, journal, bundle);
		if (!smp_journal_begin(journal, bundle, &policy, (const char *const *)arguments,
				       error))
			return FALSE;
	}
	return run(cli, bundle, journal, error);
}

static gboolean nothing_to_resume(Smpctl *cli, GError **error)
{
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE,
		    "no update of %s was interrupted; `smpctl status` shows how it stands",
		    smp_link_get_target(cli->link));
	return FALSE;
}

static char **take_keys(char **arguments)
{
	g_autoptr(GStrvBuilder) keys = g_strv_builder_new();

	for (; *arguments && g_str_has_prefix(*arguments, "key="); arguments++)
		g_strv_builder_add(keys, *arguments + strlen("key="));
	g_strfreev(key_files);
	key_files = g_strv_builder_end(keys);
	return arguments;
}

/* Where the interrupted command had --bootloader. */
static char **take_bootloader(char **arguments)
{
	g_clear_pointer(&bootloader, g_free);
	if (!*arguments || !g_str_has_prefix(*arguments, "bootloader="))
		return arguments;
	bootloader = g_strdup(*arguments + strlen("bootloader="));
	return arguments + 1;
}

/* The arguments of the interrupted command: "health=COMMAND", "bootloader=VARIANT", "key=FILE"…,
 * then the files. */
static gboolean restore_command(const SmpJournal *journal, SmpBundle *bundle, GError **error)
{
	g_auto(GStrv) arguments = smp_journal_get_arguments(journal);

	if (!arguments || !arguments[0] || !g_str_has_prefix(arguments[0], "health=")) {
		g_set_error_literal(
			error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE,
			"what is remembered of the interrupted update does not name its "
			"files; give the update command again");
		return FALSE;
	}
	const char *command = arguments[0] + strlen("health=");
	g_free(health);
	health = *command ? g_strdup(command) : NULL;
	smp_journal_get_policy(journal, &policy);
	return load_files(bundle, take_keys(take_bootloader(arguments + 1)), error);
}

gboolean smpctl_cmd_resume(Smpctl *cli, char **args G_GNUC_UNUSED, GError **error)
{
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	g_autoptr(SmpJournal) journal = NULL;

	if (!smpctl_journal(cli, &journal, error))
		return FALSE;
	if (!journal || !smp_journal_is_open(journal))
		return nothing_to_resume(cli, error);
	if (smpctl_resumes_rollback(journal))
		return smpctl_resume_rollback(cli, journal, error);
	if (!restore_command(journal, bundle, error))
		return FALSE;
	if (!smp_journal_matches(journal, bundle)) {
		g_set_error_literal(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE,
				    "the files have changed since the update was interrupted; give "
				    "the update command again to begin a new one");
		return FALSE;
	}
	return smp_journal_begin(journal, bundle, &policy, NULL, error) &&
	       run(cli, bundle, journal, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of smpctl share. */

#include <json-glib/json-glib.h>
#include <smp/smp.h>
#include <termios.h>

typedef struct SmpctlCommand SmpctlCommand;

/* Options that every command takes. */
typedef struct {
	char *conn;
	char *conntype;
	char *connstring;
	char *connextra;
	char *name;
	int hci; /* -1 where it was not given */
	gboolean pair;
	int passkey; /* -1 where it was not given */
	double timeout;
	gboolean timeout_given;
	int tries;
	char *loglevel;
	int mtu;
	gboolean write_rsp;
	char *ompres; /* not used: of the Go tool, for CoAP */
	gboolean json;
	gboolean quiet;
	gboolean verbose;
	gboolean trace;
	char *log_file;
	gboolean no_color;
	gboolean version;
	gboolean help;
} SmpctlOptions;

/**
 * SmpctlHeard: console text that came over the link, for the diagnosis of silence.
 * @bytes: how much
 * @odd: how many of them are no text: a sign of a wrong baud rate
 * @prompt: a Zephyr shell's prompt was among them
 * @line: the line in hand, for --verbose
 */
typedef struct {
	gsize bytes;
	gsize odd;
	gboolean prompt;
	GString *line;
} SmpctlHeard;

/**
 * Smpctl: one run of the program.
 * @program: the name it was called by
 * @status: exit status where there is no error: an update may end in other ways than well
 * @concurrent: also beside what smpd does with the board
 * @answered: the board did, so that silence is none of the link's doing
 * @hint: (nullable): what the board's refusal means here, instead of what it means elsewhere
 * @state: (nullable): where a job did not end: how the board stands and how to go on
 */
typedef struct {
	const char *program;
	const SmpctlOptions *options;
	const SmpctlCommand *command;
	GCancellable *cancellable;
	SmpLink *link;
	SmpSession *session;
	SmpctlHeard heard;
	int status;
	gboolean concurrent;
	gboolean answered;
	const char *hint;
	char *state;
} Smpctl;

/* Headings of the help, as a person thinks. */
typedef enum {
	SMPCTL_LOOK,
	SMPCTL_UPDATE,
	SMPCTL_BOARD,
	SMPCTL_DATA,
	SMPCTL_CONNECTIONS,
	SMPCTL_DAEMON,
	SMPCTL_HIDDEN, /* names of other tools */
} SmpctlTopic;

/**
 * SmpctlCommand:
 * @name: one or two words
 * @args: what follows, for the usage line
 * @help: one line
 * @brief: not in the short help
 * @changes: what is on the board, or what it does: not beside a job of smpd
 * @max_args: -1 for any number
 * @example: a line that was run
 * @kconfig: (nullable): the firmware's option without which the board answers ENOTSUP
 * @unsupported: (nullable): what ENOTSUP means where no option is to blame
 * @run: returns FALSE with an error; otherwise Smpctl.status is the exit status
 */
struct SmpctlCommand {
	const char *name;
	const char *args;
	const char *help;
	SmpctlTopic topic;
	gboolean brief;
	gboolean changes;
	const GOptionEntry *options;
	int min_args;
	int max_args;
	const char *example;
	const char *kconfig;
	const char *unsupported;
	gboolean (*run)(Smpctl *cli, char **args, GError **error);
};

/* Exit statuses; the manual page explains them. */
enum {
	SMPCTL_EXIT_OK = 0,
	SMPCTL_EXIT_FAILED = 1,
	SMPCTL_EXIT_USAGE = 2,
	SMPCTL_EXIT_FILE = 3,
	SMPCTL_EXIT_CONNECTION = 4,
	SMPCTL_EXIT_TIMEOUT = 5,
	SMPCTL_EXIT_DEVICE = 6,
	SMPCTL_EXIT_REFUSED = 7,
	SMPCTL_EXIT_ROLLED_BACK = 8,
	SMPCTL_EXIT_INTACT = 9,
	SMPCTL_EXIT_ATTENTION = 10,
	SMPCTL_EXIT_INTERRUPTED = 130,
};

/* commands.c */
const SmpctlCommand *smpctl_commands(void);
const SmpctlCommand *smpctl_command_find(const char *first, const char *second, guint *n_words);
/* Whether commands "WORD …" exist. */
gboolean smpctl_command_is_family(const char *word);
/* Returns: (nullable): the command whose name is nearest to what was typed */
const char *smpctl_command_suggest(const char *typed);

/* help.c */
void smpctl_help_main(void);
void smpctl_help_family(const char *family);
void smpctl_help_command(const SmpctlCommand *command);
char *smpctl_usage(const SmpctlCommand *command);

/* options.c */
/**
 * smpctl_options_find_words:
 * @words: (out): indices of the first two arguments that are neither options nor their values; 0
 *   where there is none
 * @json: (out): whether --json was given, for errors in the other options
 */
void smpctl_options_find_words(char **argv, guint words[2], gboolean *json);
/* Makes "-t 5" of "-t5" and "-t=5", and "" of "--upgrade=false", which GOption does not know and
 * the Go tool does. Returns: (transfer full) */
char **smpctl_options_split(char **argv, const SmpctlCommand *command,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (nullable): the option that @arg gives a value to, or the next argument does
 * @value: (out): where it is in @arg; NULL where it is the next argument */
const GOptionEntry *smpctl_options_lookup(const SmpctlCommand *command, const char *arg,
					  const char **value);
/* Sets one of those that every command takes; not checked. */
void smpctl_options_set(const GOptionEntry *entry, const char *value);
typedef void (*SmpctlOptionFunc)(const GOptionEntry *entry, gpointer user_data);
void smpctl_options_each(const SmpctlCommand *command, SmpctlOptionFunc func, gpointer user_data);
GOptionContext *smpctl_options_context(const SmpctlCommand *command);
/* Checks what was parsed. */
gboolean smpctl_options_check(GError **error) G_GNUC_WARN_UNUSED_RESULT;
SmpctlOptions *smpctl_options(void);
void smpctl_options_clear(void);

/* complete.c */
/* @words: behind the program's name; the last one is completed */
void smpctl_complete(Smpctl *cli, char **words);

/* image-cache.c */
void smpctl_remember_images(SmpLink *link, const SmpImageState *state);
/* Returns: (transfer full) (nullable): "HASH what it is", as it was seen last */
char **smpctl_recall_images(SmpLink *link);

/* errors.c */
typedef enum {
	SMPCTL_ERROR_USAGE,
	SMPCTL_ERROR_FAILED,
} SmpctlError;
#define SMPCTL_ERROR smpctl_error_quark()
GQuark smpctl_error_quark(void);
/* Sets an error of the command line. Returns: FALSE */
gboolean smpctl_usage_error(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
int smpctl_error_status(const GError *error);
/* Returns: (transfer full): what stands in front of an error for a person */
char *smpctl_error_prefix(Smpctl *cli, int status);
/* Why a board may be silent, the likeliest first. */
const char *smpctl_silence_hint(Smpctl *cli);
int smpctl_end_status(SmpEnd end, gboolean trial_wanted);
/* Tells it, with hints, as text on stderr or as JSON on stdout. Returns: the exit status */
int smpctl_error_report(Smpctl *cli, const GError *error);

/* device-hint.c */
/* Returns: (transfer full) (nullable): of an error that the board answered with. Where it lacks a
 * command it may be asked what it is. */
char *smpctl_device_hint(Smpctl *cli, const GError *error);

/* daemon-error.c */
#define SMPCTL_DAEMON_ERROR smpctl_daemon_error_quark()
GQuark smpctl_daemon_error_quark(void);
/* Names of our own: there is no bus; the board has a job of smpd. */
#define SMPCTL_DAEMON_NO_BUS  "no bus"
#define SMPCTL_DAEMON_HAS_JOB "has job"
/* Returns: (transfer full): by the name of a D-Bus error, or one of these */
GError *smpctl_daemon_error_new(const char *name, const char *message);
/* Returns: (transfer full): what GDBus says, as an error of this domain */
GError *smpctl_daemon_error_translate(const GError *error);
gboolean smpctl_daemon_error_is(const GError *error, const char *name);
int smpctl_daemon_error_status(const GError *error);
/* Returns: (nullable) */
const char *smpctl_daemon_error_hint(const GError *error);

/* signals.c */
/* Ctrl-C once cancels, twice ends the program. */
gboolean smpctl_signals_init(GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the thread that waits for it. */
void smpctl_signals_end(void);
/* Makes the loss of the terminal cancel, too, and lets a second signal set the terminal @fd to what
 * it was; %NULL: no more. */
void smpctl_signals_restore(int fd, const struct termios *was);
/* The exit status that the signal that came asks for; 0 where none came. */
int smpctl_signals_status(void);

/* context.c */
/* Returns: (transfer none): the link to the board, made at the first call and not opened */
SmpLink *smpctl_link(Smpctl *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same where the board may stand behind the command as well as behind -c. @board: (nullable) */
SmpLink *smpctl_link_of(Smpctl *cli, const char *board, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer none): the session with the board, opened at the first call */
SmpSession *smpctl_session(Smpctl *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether a board was named, by an option or SMPCTL_CONN. */
gboolean smpctl_has_target(const SmpctlOptions *options);
/* Gives a session timeout, trace and so on as the options want them. */
void smpctl_session_setup(Smpctl *cli, SmpSession *session);
/* Returns: (transfer full): a line of the board's without what is for a terminal, in UTF-8 */
char *smpctl_plain_text(const GString *line);
void smpctl_clear(Smpctl *cli);

/* pairing.c */
/* The link asks the passkey of --passkey, or the person at the terminal. */
void smpctl_pairing_setup(Smpctl *cli, SmpLink *link);

/* profiles.c */
/**
 * SmpctlProfile: a connection as the Go tool saves it.
 * @other: (nullable): the whole object as it was read, keys included that mean nothing to us
 */
typedef struct {
	char *name;
	char *type;
	char *connstring;
	JsonObject *other;
} SmpctlProfile;

void smpctl_profile_free(SmpctlProfile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpctlProfile, smpctl_profile_free)
/* Returns: (transfer full) (element-type SmpctlProfile): empty where there is no file */
GPtrArray *smpctl_profiles_load(GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean smpctl_profiles_save(GPtrArray *profiles, GError **error) G_GNUC_WARN_UNUSED_RESULT;
SmpctlProfile *smpctl_profiles_find(GPtrArray *profiles, const char *name, guint *index);

/* log-file.c: does nothing where there is no --log-file */
void smpctl_log_open(Smpctl *cli, char **argv);
void smpctl_log_close(void);
gboolean smpctl_log_is_open(void);
void smpctl_log(Smpctl *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
void smpctl_log_text(Smpctl *cli, const char *text);

/* output.c */
/* A line on stderr that only a person wants: not with --quiet and --json. It is logged in any case.
 */
void smpctl_say(Smpctl *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same for what only --verbose says. */
void smpctl_say_more(Smpctl *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Whether somebody reads what smpctl_say_more() says. */
gboolean smpctl_wants_more(Smpctl *cli);
/* "Done", or an object that says KEY is true. */
void smpctl_done(Smpctl *cli, const char *key);
/* "Done", or an object that says KEY is @name. */
void smpctl_done_with(Smpctl *cli, const char *key, const char *name);
/* Whether characters outside ASCII can be shown. */
gboolean smpctl_utf8(void);
/* Either of the two, by what can be shown. */
const char *smpctl_glyph(const char *utf8, const char *ascii);
typedef enum {
	SMPCTL_PLAIN,
	SMPCTL_BOLD,
	SMPCTL_RED,
	SMPCTL_GREEN,
	SMPCTL_YELLOW,
} SmpctlColor;
/* Returns: the escape sequence, or "" where @fd is no terminal or colours are not wanted */
const char *smpctl_color(Smpctl *cli, int fd, SmpctlColor color);
/* Returns: (transfer full): "271 KiB"; "7.6 kB/s"; "43 s", "2 min 5 s" */
char *smpctl_size_text(guint64 bytes);
char *smpctl_rate_text(double rate);
char *smpctl_time_text(gint64 us);
/* "buffers 384 B × 4" */
char *smpctl_params_text(const SmpParams *params);
/* "179 of 271 KiB" */
char *smpctl_of_text(guint64 part, guint64 whole);

/* A list as the Go tool prints it: "TITLE:" and a name a line, sorted. */
void smpctl_print_names(const char *title, char **names);

/* JSON objects, member by member; what is absent is left out. */
JsonBuilder *smpctl_json_begin(void);
void smpctl_json_text(JsonBuilder *json, const char *key, const char *value);
void smpctl_json_int(JsonBuilder *json, const char *key, gint64 value);
/* Left out where negative. */
void smpctl_json_count(JsonBuilder *json, const char *key, gint64 value);
/* Seconds since 1970; left out where 0. */
void smpctl_json_moment(JsonBuilder *json, const char *key, guint64 seconds);
void smpctl_json_bool(JsonBuilder *json, const char *key, gboolean value);
void smpctl_json_seconds(JsonBuilder *json, const char *key, gint64 us);
void smpctl_json_double(JsonBuilder *json, const char *key, double value);
/* An array of texts. */
void smpctl_json_texts(JsonBuilder *json, const char *key, char **texts);
void smpctl_json_hex(JsonBuilder *json, const char *key, const guint8 *data, gsize size);
/* The buffers, as far as the board tells of them. */
void smpctl_json_params(JsonBuilder *json, const SmpParams *params);
/* An array of objects, each filled by @add; of nothing where @items is %NULL. */
typedef void (*SmpctlJsonFunc)(JsonBuilder *json, gconstpointer item);
void smpctl_json_array(JsonBuilder *json, const char *key, const GPtrArray *items,
		       SmpctlJsonFunc add);
/* Ends the object and prints it as one line on stdout. */
void smpctl_json_print(JsonBuilder *json);

/* table.c: rows of cells */
/* Returns: (transfer full): @text without what would spoil a screen; "" for %NULL */
char *smpctl_clean(const char *text);
GPtrArray *smpctl_table_new(void);
/* As many cells as the first row has, then %NULL. */
void smpctl_table_add(GPtrArray *table, ...) G_GNUC_NULL_TERMINATED;
/* Returns: (transfer full) (element-type utf8) */
GPtrArray *smpctl_table_lines(const GPtrArray *table);
void smpctl_table_print(const GPtrArray *table);

/* progress.c */
/**
 * SmpctlProgress: how far it is: one live line on a terminal, a line each 10 % elsewhere, an object
 * each quarter of a second with --json.
 */
typedef struct {
	Smpctl *cli;
	const char *label;
	gint64 drawn_at;
	gboolean drawn;
	int tenth;
	char *waiting;
} SmpctlProgress;

/* Whether lines can be drawn over. */
gboolean smpctl_is_live(int fd);
/* To be asked each time: people resize windows. */
void smpctl_screen_size(int fd, int *columns, int *rows);
void smpctl_append_bar(GString *line, double fraction, int width);
void smpctl_progress_init(SmpctlProgress *progress, Smpctl *cli);
void smpctl_progress_clear(SmpctlProgress *progress);
void smpctl_progress_upload(SmpctlProgress *progress, const SmpUploadProgress *upload);
void smpctl_progress_wait(SmpctlProgress *progress, const char *label, const char *what,
			  gint64 elapsed);
/* Takes the live line away. */
void smpctl_progress_end(SmpctlProgress *progress);
/* Whether the next object for --json is due, which it also is when something else is waited for;
 * counts as given. */
gboolean smpctl_progress_due(SmpctlProgress *progress, const char *waiting, gint64 interval_us);
void smpctl_progress_json(JsonBuilder *json, const SmpUploadProgress *upload);
/* With --json: prints that as an event of its own, where it is due. */
void smpctl_progress_event(SmpctlProgress *progress, const SmpUploadProgress *upload);
/* How a transfer went. */
void smpctl_result_json(JsonBuilder *json, const SmpUploadResult *result);
/* For --verbose and the log: over what @bytes of an image went, how fast, and why not faster. @link
 * is what the link was then. */
void smpctl_tell_speed(Smpctl *cli, SmpSession *session, const char *link,
		       const SmpUploadResult *result, guint64 bytes);

/* cmd-fs.c */
/* Returns: (transfer full): all that is in a file, however large */
GBytes *smpctl_read_file(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* go-tool.c */
/* Whether the program was called by the name of the Go tool, whose output scripts read. */
gboolean smpctl_is_go_tool(Smpctl *cli);
void smpctl_print_go_error(Smpctl *cli, const GError *error);
const char *smpctl_go_prefix(int status);

/* run.c */
/* Returns: (transfer full) (nullable): the versions that run and are not what is to be installed */
char *smpctl_versions_before(const SmpImageState *images, const SmpBundle *bundle);
/**
 * SmpctlRun: how an update is run.
 * @window: most requests in flight; 0 for what the board takes
 * @health: (nullable): command that the new image has to pass
 * @journal: (nullable)
 * @rollback: what is installed is what was there before: an update that worked is a rollback
 */
typedef struct {
	const SmpPolicy *policy;
	guint window;
	const char *health;
	SmpJournal *journal;
	gboolean rollback;
} SmpctlRun;

/**
 * SmpctlEnd: how an update ended.
 * @rollback: what is installed is what was there before
 * @was: (nullable): what ran before
 * @sent: bytes of images; -1 where that is not known
 * @duration: microseconds
 */
typedef struct {
	SmpEnd end;
	gboolean rollback;
	const char *message;
	const char *detail;
	const char *was;
	gint64 sent;
	gint64 duration;
} SmpctlEnd;

/* cli->status is what it comes to. */
void smpctl_tell_end(Smpctl *cli, const SmpctlEnd *end);
void smpctl_tell_files(Smpctl *cli, const SmpBundle *bundle);
/* What stands in front of the lines of a step. */
const char *smpctl_step_label(SmpAction action);
/* Whether it is done to one image, not to the board. */
gboolean smpctl_step_has_image(SmpAction action);
/* Runs it to its end and tells; cli->status says how it ended. */
gboolean smpctl_run_update(Smpctl *cli, const SmpBundle *bundle, const SmpctlRun *options,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* daemon-port.c: a board that smpd serves, too */
/* Opens cli->link. Waits while smpd has a short talk on it; fails with %SMPCTL_DAEMON_HAS_JOB where
 * it updates the board. */
gboolean smpctl_open_link(Smpctl *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Tells what smpd knows of the board, or of its images only, where @error says that it has a job
 * there, and clears it. Returns: FALSE with @error as it was */
gboolean smpctl_tell_served(Smpctl *cli, gboolean images_only, GError **error);

/* update-daemon.c */
/**
 * SmpctlHandOver: an update that smpd is to do.
 * @image: number for files that do not say
 * @window: most requests in flight; 0 for what the board takes
 * @bootloader: (nullable): the package's bootloader instead: auto, s0 or s1
 * @detach: do not wait for its end
 */
typedef struct {
	const SmpPolicy *policy;
	guint image;
	guint window;
	const char *bootloader;
	gboolean detach;
} SmpctlHandOver;

gboolean smpctl_update_by_daemon(Smpctl *cli, const SmpBundle *bundle, char **arguments,
				 const SmpctlHandOver *update,
				 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* cmd-update.c: what "N:FILE" names; @image stays where there is no number. */
const char *smpctl_file_of(const char *argument, guint *image);

/* cmd-trial.c: a rollback that was interrupted */
gboolean smpctl_resumes_rollback(const SmpJournal *journal);
gboolean smpctl_resume_rollback(Smpctl *cli, SmpJournal *journal,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* parse.c */
/* Decimal, or hexadecimal with "0x" in front. */
gboolean smpctl_parse_uint(const char *text, guint64 max, guint64 *value);

/* bridge-values.c */
/* Returns: (transfer full): the name of a type of values, or its number */
char *smpctl_bridge_type(guint64 type);
/* Whether all are KEY=VALUE. */
gboolean smpctl_bridge_check(char **arguments, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full) (element-type SmpBridgeValue): what such arguments say, in the types
 * that the board asks for */
GPtrArray *smpctl_bridge_values(SmpSession *session, guint32 transport, guint32 mode,
				char **arguments, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* health.c */
/* Returns: FALSE with what is wrong in a few words */
gboolean smpctl_health_check(Smpctl *cli, const char *command, const char *version,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* cmd-status.c: a line a slot */
void smpctl_print_slots(const SmpImageState *state);
/* Image bytes in a request that fills a packet. */
gsize smpctl_chunk_size(gsize max_packet);

/* cmd-image.c: as the Go tool does, and as JSON */
void smpctl_print_images(const SmpImageState *state);
void smpctl_image_json(JsonBuilder *json, const SmpImageState *state);

/* next-reset.c */
/* Returns: (transfer full) (element-type utf8): what a reset would do, a sentence an image */
GPtrArray *smpctl_next_reset(const SmpBoard *board);

/* inspect-board.c */
/* Asks the board that was named what would become of the bundle on it, and tells; into @json where
 * that is wanted. */
gboolean smpctl_inspect_board(Smpctl *cli, const SmpBundle *bundle, JsonBuilder *json,
			      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* cmd-inspect.c */
void smpctl_firmware_json(JsonBuilder *json, const SmpFirmware *firmware);

/* cmd-discover.c */
/* Returns: (transfer full): what is plugged in: "Nordic nRF52840 DK (1915:520f, 10502)". @ports:
 * all that there are */
char *smpctl_port_text(const GPtrArray *ports, const SmpPort *port);

/* cmd-ble.c */
/* Scans and prints a table; discover --ble does the same. */
gboolean smpctl_ble_list(Smpctl *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smpctl_journal:
 * @journal: (out): the journal of the board, locked; NULL for a board that is not known again (a
 *   simulated one behind a pty)
 */
gboolean smpctl_journal(Smpctl *cli, SmpJournal **journal,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, but refused while another update of the board is going on. With @allow_concurrent there
 * is then no journal. */
gboolean smpctl_journal_alone(Smpctl *cli, gboolean allow_concurrent, SmpJournal **journal,
			      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Tells the bundle what the journal knows of the security counters of this board. */
void smpctl_recall_counters(const SmpBundle *bundle, const SmpJournal *journal);
/* How many requests at once this board was found to take; 0 where it takes all that it says. */
guint smpctl_recall_window(SmpLink *link);
void smpctl_remember_window(SmpLink *link, guint window);

#include "commands.h"

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/options.h"

#include "sim/udp.h"

#include <stdlib.h>
#include <string.h>

typedef enum {
	KIND_ON,
	KIND_OFF,
	KIND_UINT,
	KIND_SIZE, /* with K or M */
	KIND_MS,   /* to µs */
	KIND_NS,
	KIND_PERCENT, /* to 0…1 */
	KIND_TEXT,
	KIND_MODE,
	KIND_BAD_IMAGE,
	KIND_FAULT,
} Kind;

typedef enum { GROUP_FLASH, GROUP_SERVER, GROUP_LINE, GROUP_FAULTS, N_GROUPS } Group;

#define FIELD(name) G_STRUCT_OFFSET(SimConfig, name)

/* What of a board can be said on the command line. */
static const struct {
	const char *name;
	Group group;
	Kind kind;
	gsize field;
	const char *argument, *help;
} settings[] = {
	{"mode", GROUP_FLASH, KIND_MODE, FIELD(mode), "MODE",
	 "swap-offset, swap-move, swap-scratch, overwrite, directxip, directxip-revert, ramload, "
	 "loader or single"},
	{"images", GROUP_FLASH, KIND_UINT, FIELD(images), "N", "Images, 1 to 4, two slots each"},
	{"slot-size", GROUP_FLASH, KIND_SIZE, FIELD(slot_size), "BYTES", "Size of each slot"},
	{"erase-size", GROUP_FLASH, KIND_SIZE, FIELD(erase_size), "BYTES", "Erase block"},
	{"write-size", GROUP_FLASH, KIND_UINT, FIELD(write_size), "BYTES", "Write block"},
	{"erase-time", GROUP_FLASH, KIND_MS, FIELD(erase_time), "MS",
	 "To erase a block (nRF52: 85)"},
	{"write-time", GROUP_FLASH, KIND_NS, FIELD(write_time_ns), "NS", "To write a byte"},
	{"boot-time", GROUP_FLASH, KIND_MS, FIELD(boot_time), "MS", "From a reset to an answer"},
	{"reset-time", GROUP_FLASH, KIND_MS, FIELD(reset_time), "MS",
	 "From the answer to the reset"},
	{"image-version", GROUP_FLASH, KIND_TEXT, FIELD(version), "VERSION",
	 "Of the images it is made with"},
	{"image-size", GROUP_FLASH, KIND_SIZE, FIELD(image_size), "BYTES", "Payload of these"},
	{"blank", GROUP_FLASH, KIND_ON, FIELD(blank), NULL, "No images at all"},
	{"no-downgrade", GROUP_FLASH, KIND_ON, FIELD(no_downgrade), NULL,
	 "The bootloader refuses older images"},
	{"recovery", GROUP_FLASH, KIND_ON, FIELD(recovery), NULL, "Has MCUboot's serial recovery"},
	{"start-in-recovery", GROUP_FLASH, KIND_ON, FIELD(start_in_recovery), NULL,
	 "Is in recovery at first"},
	{"recovery-old", GROUP_FLASH, KIND_ON, FIELD(recovery_old), NULL,
	 "As MCUboot 1.10: v2 requests are dropped"},
	{"recovery-echo", GROUP_FLASH, KIND_ON, FIELD(recovery_echo), NULL,
	 "Recovery answers echo"},

	{"buf-size", GROUP_SERVER, KIND_UINT, FIELD(buf_size), "BYTES", "Size of a packet buffer"},
	{"buf-count", GROUP_SERVER, KIND_UINT, FIELD(buf_count), "N", "Packet buffers"},
	{"recovery-buf-size", GROUP_SERVER, KIND_UINT, FIELD(recovery_buf_size), "BYTES",
	 "Buffer of the recovery"},
	{"process-time", GROUP_SERVER, KIND_MS, FIELD(process_time), "MS", "For each request"},
	{"ret-errors", GROUP_SERVER, KIND_ON, FIELD(ret_errors), NULL,
	 "Names v2 errors as Zephyr 3.4 did"},
	{"no-v1", GROUP_SERVER, KIND_ON, FIELD(no_v1), NULL, "Refuses SMP version 1"},
	{"no-params", GROUP_SERVER, KIND_ON, FIELD(no_params), NULL, "No parameters command"},
	{"no-bootloader-info", GROUP_SERVER, KIND_OFF, FIELD(bootloader_info), NULL,
	 "No bootloader information"},
	{"no-slot-info", GROUP_SERVER, KIND_OFF, FIELD(slot_info), NULL, "No slot information"},
	{"b0-untold", GROUP_SERVER, KIND_ON, FIELD(b0_untold), NULL,
	 "Does not tell which variant of MCUboot runs"},
	{"max-image-size", GROUP_SERVER, KIND_ON, FIELD(max_image_size), NULL,
	 "Slot information has the largest image"},
	{"frugal-list", GROUP_SERVER, KIND_ON, FIELD(frugal_list), NULL,
	 "Lists only flags that are set"},
	{"image-check", GROUP_SERVER, KIND_ON, FIELD(image_check), NULL,
	 "Checks the hash of an upload (match)"},
	{"progressive-erase", GROUP_SERVER, KIND_ON, FIELD(progressive), NULL,
	 "Erases while it writes"},
	{"keep-pending", GROUP_SERVER, KIND_ON, FIELD(keep_pending), NULL,
	 "A pending image cannot be overwritten"},
	{"confirm-active-only", GROUP_SERVER, KIND_ON, FIELD(confirm_active_only), NULL,
	 "Confirms only what runs"},
	{"confirm-any-image", GROUP_SERVER, KIND_ON, FIELD(confirm_any_image), NULL,
	 "Confirms a trial of any image, not only of image 0"},
	{"reset-needs-force", GROUP_SERVER, KIND_ON, FIELD(reset_needs_force), NULL,
	 "Refuses a reset without force"},
	{"rtc", GROUP_SERVER, KIND_ON, FIELD(rtc), NULL, "Has a clock"},
	{"pools", GROUP_SERVER, KIND_ON, FIELD(pools), NULL, "Has memory pool statistics"},

	{"log", GROUP_LINE, KIND_ON, FIELD(log), NULL,
	 "Boot and log text before and between the frames"},
	{"log-break", GROUP_LINE, KIND_PERCENT, FIELD(log_break), "PERCENT",
	 "Log text inside so many frames"},
	{"rx-lines", GROUP_LINE, KIND_UINT, FIELD(rx_lines), "N",
	 "Received lines that wait, further ones are dropped (Zephyr: 2; default: any)"},
	{"rx-line-size", GROUP_LINE, KIND_UINT, FIELD(rx_line_size), "BYTES",
	 "Longest line, with its end"},
	{"rx-drain-time", GROUP_LINE, KIND_MS, FIELD(rx_drain_time), "MS",
	 "To take one of these lines out"},
	{"deaf", GROUP_LINE, KIND_ON, FIELD(deaf), NULL,
	 "Loses bytes that come while it erases flash"},
	{"cut-answers", GROUP_LINE, KIND_ON, FIELD(cut_answers), NULL,
	 "Answers in packets of 256 bytes (before Zephyr 3.2)"},

	{"fault", GROUP_FAULTS, KIND_FAULT, 0, "FAULT", "Something goes wrong at the N-th request"},
	{"loss", GROUP_FAULTS, KIND_PERCENT, FIELD(loss), "PERCENT",
	 "So many requests, and so many answers, are lost"},
	{"seed", GROUP_FAULTS, KIND_UINT, FIELD(seed), "N", "Makes chance repeatable"},
	{"bad-image", GROUP_FAULTS, KIND_BAD_IMAGE, 0, "VERSION",
	 "That version starts, never answers, and its watchdog resets"},
	{"watchdog-time", GROUP_FAULTS, KIND_MS, FIELD(watchdog_time), "MS", "Until it does"},
	{"crash-on-overrun", GROUP_FAULTS, KIND_ON, FIELD(crash_on_overrun), NULL,
	 "Hangs when more requests come than there are buffers"},
};

static const struct {
	const char *name;
	SimMode mode;
} modes[] = {
	{"swap-offset", SIM_MODE_SWAP_OFFSET},	 {"swap-move", SIM_MODE_SWAP_MOVE},
	{"swap-scratch", SIM_MODE_SWAP_SCRATCH}, {"overwrite", SIM_MODE_OVERWRITE},
	{"directxip", SIM_MODE_DIRECT_XIP},	 {"directxip-revert", SIM_MODE_DIRECT_XIP_REVERT},
	{"ramload", SIM_MODE_RAM_LOAD},		 {"loader", SIM_MODE_FIRMWARE_LOADER},
	{"single", SIM_MODE_SINGLE_SLOT},
};

/* What was given, applied after the board is known. */
typedef struct {
	guint setting;
	char *value;
} Given;

static void free_given(gpointer data)
{
	Given *given = data;

	g_free(given->value);
	g_free(given);
}

static gboolean take_setting(const char *option, const char *value, gpointer data, GError **error)
{
	GPtrArray *all = data;
	Given given = {.value = g_strdup(value)};

	while (!g_str_equal(settings[given.setting].name, option + 2))
		given.setting++;
	g_ptr_array_add(all, g_memdup2(&given, sizeof given));
	return TRUE;
}

static gboolean parse_size(const char *text, guint64 *value)
{
	char *end;

	*value = g_ascii_strtoull(text, &end, 0);
	if (end != text && g_ascii_toupper(*end) == 'K')
		*value <<= 10, end++;
	else if (end != text && g_ascii_toupper(*end) == 'M')
		*value <<= 20, end++;
	return end != text && *end == '\0' && *value <= G_MAXINT32;
}

static gboolean parse_double(const char *text, double *value)
{
	char *end;

	*value = g_ascii_strtod(text, &end);
	return end != text && *end == '\0' && *value >= 0 && *value <= 1e9;
}

static gboolean parse_mode(const char *text, SimMode *mode)
{
	for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
		if (g_str_equal(modes[i].name, text)) {
			*mode = modes[i].mode;
			return TRUE;
		}
	}
	return FALSE;
}

static gboolean add_bad_image(SimConfig *config, const char *version)
{
	SimVersion parsed;

	if (config->n_bad_image == SIM_MAX_BAD || !sim_version_parse(version, &parsed))
		return FALSE;
	g_autofree char *text = sim_version_text(&parsed);
	config->bad_image[config->n_bad_image++] = g_intern_string(text);
	return TRUE;
}

static gboolean apply_value(SimConfig *config, Kind kind, gpointer field, const char *value)
{
	guint64 number = 0;
	double real = 0;

	switch (kind) {
	case KIND_ON:
	case KIND_OFF:
		*(gboolean *)field = kind == KIND_ON;
		return TRUE;
	case KIND_UINT:
	case KIND_SIZE:
		if (!parse_size(value, &number))
			return FALSE;
		*(guint *)field = (guint)number;
		return TRUE;
	case KIND_MS:
	case KIND_NS:
		if (!parse_double(value, &real))
			return FALSE;
		*(gint64 *)field = (gint64)(kind == KIND_MS ? real * 1000 : real);
		return TRUE;
	case KIND_PERCENT:
		if (!parse_double(value, &real) || real > 100)
			return FALSE;
		*(double *)field = real / 100;
		return TRUE;
	case KIND_TEXT:
		*(const char **)field = g_intern_string(value);
		return TRUE;
	case KIND_MODE:
		return parse_mode(value, field);
	case KIND_BAD_IMAGE:
		return add_bad_image(config, value);
	case KIND_FAULT:
		break;
	}
	return FALSE;
}

/* "lose-reply=7,reset-at=20" */
static gboolean add_faults(SimConfig *config, const char *text, GError **error)
{
	g_auto(GStrv) faults = g_strsplit(text, ",", -1);

	for (char **fault = faults; *fault; fault++) {
		if (!sim_config_add_fault(config, *fault, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean apply(SimConfig *config, const Given *given, GError **error)
{
	Kind kind = settings[given->setting].kind;
	gpointer field = (guint8 *)config + settings[given->setting].field;

	if (kind == KIND_FAULT)
		return add_faults(config, given->value, error);
	if (apply_value(config, kind, field, given->value))
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--%s does not take '%s'; see smpsim --help-all", settings[given->setting].name,
		    given->value);
	return FALSE;
}

static GOptionGroup *new_group(Group group, GPtrArray *given)
{
	static const char *const names[N_GROUPS][3] = {
		[GROUP_FLASH] = {"flash",
				 "Flash and bootloader:", "Options of flash and bootloader"},
		[GROUP_SERVER] = {"server", "SMP server:", "Options of the SMP server"},
		[GROUP_LINE] = {"line", "Serial line:", "Options of the serial line"},
		[GROUP_FAULTS] = {"faults", "What goes wrong:", "Options for faults"},
	};
	GOptionGroup *result =
		g_option_group_new(names[group][0], names[group][1], names[group][2], given, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
		GOptionEntry entries[2] = {{
			.long_name = settings[i].name,
			.flags = settings[i].argument ? 0 : G_OPTION_FLAG_NO_ARG,
			.arg = G_OPTION_ARG_CALLBACK,
			.arg_data = take_setting,
			.description = settings[i].help,
			.arg_description = settings[i].argument,
		}};
		if (settings[i].group == group)
			g_option_group_add_entries(result, entries);
	}
	return result;
}

static char *description(void)
{
	GString *text = g_string_new("Boards:\n");
	g_autofree char *faults = sim_config_fault_help("\n  ");
	const char *board, *summary;

	for (guint i = 0; (board = sim_config_nth_board(i, &summary)); i++)
		g_string_append_printf(text, "  %-12s %s\n", board, summary);
	g_string_append_printf(
		text,
		"\nFaults:\n  %s\n\n"
		"Examples:\n"
		"  smpsim                                    a board on a new pty, 1.0.0 runs\n"
		"  smpsim --link /tmp/board --state b.flash  under a name, and remembers its "
		"flash\n"
		"  smpsim --make-image 1.1.0 app.bin         an update for it\n"
		"  smpsim --baud 115200 --erase-time 85      as slow as a real one\n"
		"  smpsim --udp 0                            on a UDP port that is free\n"
		"  smpsim --ble --name board                 over Bluetooth LE\n"
		"  smpsim --bad-image 1.1.0                  1.1.0 does not answer: it is undone\n"
		"  smpsim --fault lose-reply=7 --fault reset-at=20\n",
		faults);
	return g_string_free(text, FALSE);
}

static gboolean parse_framing(const char *text, SimLine *line, GError **error)
{
	static const char *const names[] = {[SIM_LINE_CONSOLE] = "console",
					    [SIM_LINE_SHELL] = "shell",
					    [SIM_LINE_RAW] = "raw",
					    [SIM_LINE_COBS] = "cobs"};

	for (guint i = 0; text && i < G_N_ELEMENTS(names); i++) {
		if (g_str_equal(names[i], text)) {
			*line = i;
			return TRUE;
		}
	}
	if (!text)
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "there is no framing '%s'; there are console, raw, cobs and shell", text);
	return FALSE;
}

static gboolean configure(SimOptions *options, const char *board, const GPtrArray *given,
			  double scale, GError **error)
{
	SimConfig *config = &options->config;

	if (!sim_config_board(config, board ? board : "swap")) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "there is no board '%s'; smpsim --help lists them", board);
		return FALSE;
	}
	/* What Zephyr's defaults become when UDP is switched on; five writes of its samples with
	 * Bluetooth (smp_svr overlay-bt.conf). */
	if (options->udp && !options->pty) {
		config->buf_size = 2048;
		config->buf_count = 2;
	} else if (options->ble.adapter && !options->pty) {
		config->buf_size = 2475;
	}
	for (guint i = 0; i < given->len; i++) {
		if (!apply(config, given->pdata[i], error))
			return FALSE;
	}
	if (!(scale > 0)) { /* nor what is no number */
		g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
				    "--time-scale takes a number above 0");
		return FALSE;
	}
	sim_config_scale(config, scale);
	return sim_config_check(config, error);
}

static gboolean check_number(const char *option, double value, double most, GError **error)
{
	if (value >= 0 && value <= most)
		return TRUE;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--%s takes a number from 0 to %.0f", option, most);
	return FALSE;
}

/* @latency: ms */
static gboolean take_numbers(SimOptions *options, int baud, int only_baud, int image,
			     double latency, GError **error)
{
	if (!check_number("baud", baud, G_MAXINT, error) ||
	    !check_number("only-baud", only_baud, G_MAXINT, error) ||
	    !check_number("image", image, SIM_MAX_IMAGES - 1, error) ||
	    !check_number("latency", latency, G_MAXINT, error))
		return FALSE;
	options->baud = (guint)baud;
	options->only_baud = (guint)only_baud;
	options->image = (guint)image;
	options->latency = (gint64)(latency * 1000);
	return TRUE;
}

static gboolean parse_udp(SimOptions *options, GError **error)
{
	options->udp_address = options->udp ? sim_udp_parse(options->udp, error) : NULL;
	return !options->udp || options->udp_address;
}

static gboolean take_output(SimOptions *options, char **rest, GError **error)
{
	guint n = rest ? g_strv_length(rest) : 0;

	if (n == (options->make_image ? 1 : 0)) {
		options->output = n ? g_strdup(rest[0]) : NULL;
		return TRUE;
	}
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			    options->make_image ? "--make-image needs the name of one file to write"
						: "there are options only; see smpsim --help");
	return FALSE;
}

gboolean sim_options_parse(SimOptions *options, int *argc, char ***argv, GError **error)
{
	g_autoptr(GPtrArray) given = g_ptr_array_new_with_free_func(free_given);
	g_autofree char *board = NULL, *framing = NULL, *help = description();
	g_auto(GStrv) rest = NULL;
	double scale = 1, latency = 0;
	int baud = 0, only_baud = 0, image = 0;
	const GOptionEntry entries[] = {
		{"board", 'b', 0, G_OPTION_ARG_STRING, &board, "Kind of board (swap)", "NAME"},
		{"pty", 0, 0, G_OPTION_ARG_NONE, &options->pty, "On a pty (default)", NULL},
		{"link", 'l', 0, G_OPTION_ARG_FILENAME, &options->link,
		 "Make PATH a symbolic link to the pty", "PATH"},
		{"udp", 'u', 0, G_OPTION_ARG_STRING, &options->udp,
		 "On a UDP port (0: any that is free)", "[HOST:]PORT"},
		{"framing", 'f', 0, G_OPTION_ARG_STRING, &framing, "console, raw, cobs or shell",
		 "KIND"},
		{"baud", 0, 0, G_OPTION_ARG_INT, &baud, "Bytes take their time on the pty", "RATE"},
		{"only-baud", 0, 0, G_OPTION_ARG_INT, &only_baud,
		 "Garbage passes where the pty is set to another rate", "RATE"},
		{"latency", 0, 0, G_OPTION_ARG_DOUBLE, &latency,
		 "Answers come late as from an FTDI adapter", "MS"},
		{"hangup", 0, 0, G_OPTION_ARG_NONE, &options->hangup,
		 "The pty goes away while the board boots, as USB does", NULL},
		{"state", 's', 0, G_OPTION_ARG_FILENAME, &options->state,
		 "Keep flash, settings, files and statistics in FILE", "FILE"},
		{"time-scale", 0, 0, G_OPTION_ARG_DOUBLE, &scale,
		 "Flash, boot and server are X times as fast", "X"},
		{"exit-with-stdin", 0, 0, G_OPTION_ARG_NONE, &options->exit_with_stdin,
		 "Exit at the end of standard input", NULL},
		{"make-image", 0, 0, G_OPTION_ARG_STRING, &options->make_image,
		 "Write an image to the file named last, and exit", "VERSION[,BYTES]"},
		{"image", 0, 0, G_OPTION_ARG_INT, &image, "…one for image N", "N"},
		{"depends", 0, 0, G_OPTION_ARG_STRING, &options->depends,
		 "…that needs another image to have a version", "IMAGE:VERSION"},
		{"version", 'V', 0, G_OPTION_ARG_NONE, &options->version, "Print the version",
		 NULL},
		{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &rest, NULL, NULL},
		{NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- a simulated SMP board");

	g_option_context_add_main_entries(context, entries, NULL);
	for (Group group = 0; group < N_GROUPS; group++)
		g_option_context_add_group(context, new_group(group, given));
	g_option_context_add_group(context, sim_ble_option_group(&options->ble));
	g_option_context_set_description(context, help);
	if (!g_option_context_parse(context, argc, argv, error))
		return FALSE;
	options->pty = options->pty || options->link || !(options->udp || options->ble.adapter);
	return take_output(options, rest, error) && parse_framing(framing, &options->line, error) &&
	       take_numbers(options, baud, only_baud, image, latency, error) &&
	       parse_udp(options, error) && configure(options, board, given, scale, error) &&
	       (!options->make_image || sim_make_image_parse(options, error));
}

void sim_options_clear(SimOptions *options)
{
	g_free(options->state);
	g_free(options->link);
	g_free(options->udp);
	g_clear_object(&options->udp_address);
	sim_ble_options_clear(&options->ble);
	g_free(options->make_image);
	g_free(options->depends);
	g_free(options->output);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors for a person, for a program, and as an exit status. */

#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK(smpctl - error - quark, smpctl_error)

gboolean smpctl_usage_error(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_propagate_error(error,
			  g_error_new_valist(SMPCTL_ERROR, SMPCTL_ERROR_USAGE, format, args));
	va_end(args);
	return FALSE;
}

static int link_status(int code)
{
	switch (code) {
	case SMP_LINK_ERROR_ADDRESS:
		return SMPCTL_EXIT_USAGE;
	case SMP_LINK_ERROR_TIMEOUT:
		return SMPCTL_EXIT_TIMEOUT;
	case SMP_LINK_ERROR_TOO_LARGE:
		return SMPCTL_EXIT_FAILED;
	default:
		return SMPCTL_EXIT_CONNECTION;
	}
}

static int protocol_status(int code)
{
	switch (code) {
	case SMP_PROTOCOL_ERROR_TIMEOUT:
		return SMPCTL_EXIT_TIMEOUT;
	case SMP_PROTOCOL_ERROR_DEVICE:
		return SMPCTL_EXIT_DEVICE;
	default:
		return SMPCTL_EXIT_FAILED;
	}
}

static int update_status(int code)
{
	switch (code) {
	case SMP_UPDATE_ERROR_REFUSED:
		return SMPCTL_EXIT_REFUSED;
	case SMP_UPDATE_ERROR_STATE:
		return SMPCTL_EXIT_FAILED;
	default:
		return SMPCTL_EXIT_FILE;
	}
}

int smpctl_error_status(const GError *error)
{
	if (error->domain == G_OPTION_ERROR ||
	    g_error_matches(error, SMPCTL_ERROR, SMPCTL_ERROR_USAGE))
		return SMPCTL_EXIT_USAGE;
	if (error->domain == SMP_LINK_ERROR)
		return link_status(error->code);
	if (error->domain == SMP_PROTOCOL_ERROR)
		return protocol_status(error->code);
	if (error->domain == SMP_UPDATE_ERROR)
		return update_status(error->code);
	if (error->domain == SMPCTL_DAEMON_ERROR)
		return smpctl_daemon_error_status(error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return smpctl_signals_status() ? smpctl_signals_status() : SMPCTL_EXIT_INTERRUPTED;
	return SMPCTL_EXIT_FAILED;
}

int smpctl_end_status(SmpEnd end, gboolean trial_wanted)
{
	switch (end) {
	case SMP_END_UPDATED:
	case SMP_END_UPLOADED:
	case SMP_END_UP_TO_DATE:
		return SMPCTL_EXIT_OK;
	case SMP_END_ON_TRIAL:
		return trial_wanted ? SMPCTL_EXIT_OK : SMPCTL_EXIT_ATTENTION;
	case SMP_END_ROLLED_BACK:
		return SMPCTL_EXIT_ROLLED_BACK;
	case SMP_END_REFUSED:
		return SMPCTL_EXIT_REFUSED;
	case SMP_END_FAILED_INTACT:
		return SMPCTL_EXIT_INTACT;
	case SMP_END_NEEDS_ATTENTION:
		break;
	}
	return SMPCTL_EXIT_ATTENTION;
}

/* What stands for the status in JSON. */
static const char *error_class(int status)
{
	switch (status) {
	case SMPCTL_EXIT_USAGE:
		return "usage";
	case SMPCTL_EXIT_FILE:
		return "file";
	case SMPCTL_EXIT_CONNECTION:
		return "connection";
	case SMPCTL_EXIT_TIMEOUT:
		return "timeout";
	case SMPCTL_EXIT_DEVICE:
		return "device";
	case SMPCTL_EXIT_REFUSED:
		return "refused";
	case SMPCTL_EXIT_FAILED:
		return "failed";
	default:
		return "interrupted";
	}
}

/* The library says what it could not do, "cannot read the image list: no answer"; which of several
 * boards it was is known here. */
static char *message_of(Smpctl *cli, const GError *error)
{
	const char *colon = strstr(error->message, ": ");
	const char *target;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return g_strdup("interrupted");
	if (error->domain != SMP_PROTOCOL_ERROR || !cli->link)
		return g_strdup(error->message);
	target = smp_link_get_target(cli->link);
	if (!colon || !g_str_has_prefix(error->message, "cannot "))
		return g_strdup_printf("cannot talk to %s: %s", target, error->message);
	return g_strdup_printf("%.*s on %s%s", (int)(colon - error->message), error->message,
			       target, colon);
}

static gboolean has_scheme(Smpctl *cli, const char *scheme)
{
	return cli->link && g_str_has_prefix(smp_link_get_target(cli->link), scheme);
}

static gboolean is_serial(Smpctl *cli)
{
	return cli->link && !has_scheme(cli, "udp:") && !has_scheme(cli, "sim:") &&
	       !has_scheme(cli, "ble:");
}

const char *smpctl_silence_hint(Smpctl *cli)
{
	const SmpctlHeard *heard = &cli->heard;

	if (heard->odd * 5 > heard->bytes)
		return "Something came that is no text: probably the baud rate is wrong (?baud=N).";
	if (heard->bytes > 0)
		return "The board writes console text but does not answer SMP (-v shows the "
		       "text).\n"
		       "Likely: firmware without SMP on this port, wrong framing (raw:, shell:), "
		       "or it is still starting.";
	if (is_serial(cli))
		return "Nothing came at all. Likely, in this order: wrong port, wrong baud rate "
		       "(?baud=N),\n"
		       "firmware without SMP on this port, board in its bootloader, cable.";
	if (has_scheme(cli, "ble:"))
		return "The board is connected and says nothing. Likely: it wants a pairing "
		       "(`smpctl ble pair`),\n"
		       "requests are larger than it takes (?mtu=N), or its firmware hangs.";
	return "Nothing came at all. Likely, in this order: wrong address, board off or not on "
	       "the network,\n"
	       "firmware without SMP over UDP, another port (udp:HOST:PORT), firewall.";
}

static const char *link_hint(Smpctl *cli, const GError *error)
{
	if (error->domain != SMP_LINK_ERROR)
		return NULL;
	if (error->code == SMP_LINK_ERROR_ADDRESS)
		return "smpctl-targets(7) says how boards are named; `smpctl discover` lists the "
		       "ports.";
	if (error->code == SMP_LINK_ERROR_BUSY && has_scheme(cli, "ble:"))
		return "Close the other program, or end its connection: `bluetoothctl disconnect "
		       "ADDRESS`; `smpctl ble scan` lists what is connected.";
	if (error->code == SMP_LINK_ERROR_BUSY)
		return "Close the other program, or see who holds it: `smpctl discover`.";
	return NULL;
}

/* The link itself said what was not heard of. */
static gboolean is_away(Smpctl *cli, const GError *error)
{
	return error->domain == SMP_LINK_ERROR && has_scheme(cli, "ble:");
}

static gboolean has_answered(Smpctl *cli)
{
	return cli->answered || (cli->session && smp_session_get_version(cli->session) > 0);
}

#define DOCTOR " `smpctl doctor` finds out."

/* How the board stands, where that is known, and what may help. */
static char *error_hint(Smpctl *cli, const GError *error)
{
	int status = smpctl_error_status(error);
	g_autofree char *hint = NULL;

	if (error->domain == SMPCTL_DAEMON_ERROR)
		hint = g_strdup(smpctl_daemon_error_hint(error));
	else if (status == SMPCTL_EXIT_DEVICE)
		hint = cli->hint ? g_strdup(cli->hint) : smpctl_device_hint(cli, error);
	else if (status == SMPCTL_EXIT_TIMEOUT && has_answered(cli))
		hint = g_strdup(
			"The board answered before and may be busy; --timeout gives it longer.");
	else if (status == SMPCTL_EXIT_TIMEOUT && !is_away(cli, error))
		hint = g_strconcat(smpctl_silence_hint(cli), DOCTOR, NULL);
	else
		hint = g_strdup(link_hint(cli, error));
	if (!cli->state || !hint)
		return g_strdup(cli->state ? cli->state : hint);
	return g_strjoin("\n", cli->state, hint, NULL);
}

static void print_indented(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++)
		fprintf(stderr, "  %s\n", *line);
}

static void report_json(Smpctl *cli, const GError *error, const char *hint, int status)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	g_autofree char *one_line = hint ? g_strdelimit(g_strdup(hint), "\n", ' ') : NULL;
	g_autofree char *message = message_of(cli, error);
	SmpDeviceError device;

	json_builder_set_member_name(json, "error");
	json_builder_begin_object(json);
	smpctl_json_text(json, "class", error_class(status));
	if (smp_error_get_device(error, &device)) {
		g_autofree char *group = smp_group_name(device.group);

		smpctl_json_text(json, "group", group);
		smpctl_json_text(json, "code", smp_device_error_name(&device));
		smpctl_json_int(json, "rc", device.rc);
	}
	smpctl_json_text(json, "message", message);
	smpctl_json_text(json, "hint", one_line);
	json_builder_end_object(json);
	smpctl_json_print(json);
}

char *smpctl_error_prefix(Smpctl *cli, int status)
{
	return smpctl_is_go_tool(cli) ? g_strdup(smpctl_go_prefix(status))
				      : g_strconcat(cli->program, ":", NULL);
}

static void report_text(Smpctl *cli, const GError *error, const char *hint, int status)
{
	g_autofree char *message = message_of(cli, error);
	g_autofree char *prefix = smpctl_error_prefix(cli, status);

	if (smpctl_is_go_tool(cli))
		smpctl_print_go_error(cli, error);
	fflush(stdout);
	fprintf(stderr, "%s%s%s %s\n", smpctl_color(cli, STDERR_FILENO, SMPCTL_RED), prefix,
		smpctl_color(cli, STDERR_FILENO, SMPCTL_PLAIN), message);
	if (hint)
		print_indented(hint);
	if (status == SMPCTL_EXIT_USAGE && error->domain != SMP_LINK_ERROR &&
	    error->domain != SMPCTL_DAEMON_ERROR) {
		g_autofree char *usage = smpctl_usage(cli->command);
		fprintf(stderr, "Usage: %s\n", usage);
	}
}

int smpctl_error_report(Smpctl *cli, const GError *error)
{
	int status = smpctl_error_status(error);
	g_autofree char *hint = error_hint(cli, error);

	g_autofree char *message = message_of(cli, error);

	smpctl_log(cli, "%s%s%s", message, hint ? "\n" : "", hint ? hint : "");
	if (cli->options->json)
		report_json(cli, error, hint, status);
	else
		report_text(cli, error, hint, status);
	return status;
}

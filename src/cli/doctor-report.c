/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "doctor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Columns before the name of a check, and before what is said of it. */
#define STATE_WIDTH 9
#define NAME_WIDTH  10
#define INDENT	    (STATE_WIDTH + NAME_WIDTH)

static const char *const states[] = {
	[SMPCTL_CHECK_OK] = "ok",
	[SMPCTL_CHECK_NOTE] = "note",
	[SMPCTL_CHECK_PROBLEM] = "PROBLEM",
};

/* Breaks a line of prose where the terminal would; what is indented is meant to be copied. */
static void print_folded(const char *line, glong width)
{
	const char *start = line;

	while (*line != ' ' && g_utf8_strlen(start, -1) > width) {
		const char *end = g_utf8_offset_to_pointer(start, width);
		const char *blank = g_strrstr_len(start, end + 1 - start, " ");

		if (!blank)
			break;
		printf("%*s%.*s\n", INDENT, "", (int)(blank - start), start);
		start = blank + 1;
	}
	printf("%*s%s\n", INDENT, "", start);
}

static void print_hint(const char *hint)
{
	g_auto(GStrv) lines = g_strsplit(hint, "\n", -1);
	int columns = G_MAXINT, rows;

	if (isatty(STDOUT_FILENO))
		smpctl_screen_size(STDOUT_FILENO, &columns, &rows);
	for (char **line = lines; *line; line++)
		print_folded(*line, MAX(columns - INDENT, 40));
}

static void print_text(Smpctl *cli, const SmpctlCheck *check)
{
	static const SmpctlColor colors[] = {
		[SMPCTL_CHECK_OK] = SMPCTL_GREEN,
		[SMPCTL_CHECK_NOTE] = SMPCTL_YELLOW,
		[SMPCTL_CHECK_PROBLEM] = SMPCTL_RED,
	};
	if (cli->options->quiet)
		return;
	printf("%s%-*s%s%-*s%s\n", smpctl_color(cli, STDOUT_FILENO, colors[check->finding]),
	       STATE_WIDTH, states[check->finding], smpctl_color(cli, STDOUT_FILENO, SMPCTL_PLAIN),
	       NAME_WIDTH, check->name, check->text);
	if (check->hint)
		print_hint(check->hint);
	fflush(stdout);
}

static void print_json(const SmpctlCheck *check)
{
	g_autoptr(JsonBuilder) json = check->json ? g_object_ref(check->json) : smpctl_json_begin();
	g_autofree char *text = g_strdup(check->text);
	g_autofree char *hint = g_strdup(check->hint);

	smpctl_json_text(json, "check", check->name);
	smpctl_json_text(json, "state",
			 check->finding == SMPCTL_CHECK_PROBLEM ? "problem"
								: states[check->finding]);
	smpctl_json_text(json, "cause", check->cause);
	smpctl_json_text(json, "text", g_strdelimit(text, "\n", ' '));
	smpctl_json_text(json, "hint", hint ? g_strdelimit(hint, "\n", ' ') : NULL);
	smpctl_json_print(json);
}

/* The first problem is the one, unless it was a symptom of the next. */
static void note_problem(SmpctlDoctor *doctor, const SmpctlCheck *check)
{
	if (doctor->verdict && !doctor->symptom)
		return;
	g_free(doctor->verdict);
	doctor->verdict = g_strdup(check->text);
	doctor->cause = check->cause;
	doctor->status = check->status;
	doctor->symptom = check->symptom;
}

void smpctl_doctor_tell(SmpctlDoctor *doctor, const SmpctlCheck *check)
{
	smpctl_progress_end(&doctor->progress);
	if (check->finding == SMPCTL_CHECK_PROBLEM)
		note_problem(doctor, check);
	doctor->noted |= check->finding == SMPCTL_CHECK_NOTE;
	if (doctor->cli->options->json)
		print_json(check);
	else
		print_text(doctor->cli, check);
}

/* For programs: what kept the board from being talked to. */
static const char *cause_of(const SmpctlDoctor *doctor, const GError *error)
{
	if (error->domain == SMPCTL_DAEMON_ERROR)
		return "smpd";
	if (error->domain != SMP_LINK_ERROR)
		return smpctl_error_status(error) == SMPCTL_EXIT_TIMEOUT ? "silence" : "failed";
	switch (error->code) {
	case SMP_LINK_ERROR_ADDRESS:
	case SMP_LINK_ERROR_NOT_FOUND:
		return "not-found";
	case SMP_LINK_ERROR_AMBIGUOUS:
		return "ambiguous";
	case SMP_LINK_ERROR_BUSY:
		return "held";
	case SMP_LINK_ERROR_PERMISSION:
		return "permission";
	case SMP_LINK_ERROR_CLOSED:
		return g_str_has_prefix(doctor->given, "udp:") ? "refused" : "gone";
	case SMP_LINK_ERROR_TIMEOUT:
		return "silence";
	default:
		return "unreachable";
	}
}

void smpctl_doctor_tell_error(SmpctlDoctor *doctor, const char *name, const GError *error,
			      const char *hint, JsonBuilder *json)
{
	const SmpctlCheck check = {
		.name = name,
		.finding = SMPCTL_CHECK_PROBLEM,
		.text = error->message,
		.hint = hint,
		.cause = cause_of(doctor, error),
		.status = smpctl_error_status(error),
		.json = json,
	};

	if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		smpctl_doctor_tell(doctor, &check);
}

void smpctl_doctor_doing(SmpctlDoctor *doctor, const char *name, const char *what)
{
	if (smpctl_is_live(STDERR_FILENO))
		smpctl_progress_wait(&doctor->progress, name, what,
				     g_get_monotonic_time() - doctor->began);
}

void smpctl_doctor_end(SmpctlDoctor *doctor)
{
	Smpctl *cli = doctor->cli;
	const char *good = doctor->noted ? "it answers; the notes say what could be better"
					 : "it answers, and nothing is wrong";
	const char *verdict = doctor->verdict ? doctor->verdict : good;
	SmpctlColor color = doctor->verdict ? SMPCTL_RED : SMPCTL_GREEN;

	smpctl_progress_end(&doctor->progress);
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();

		smpctl_json_text(json, "verdict", verdict);
		smpctl_json_text(json, "cause", doctor->cause);
		smpctl_json_text(json, "target", doctor->given);
		smpctl_json_int(json, "exit", doctor->status);
		smpctl_json_print(json);
	} else {
		printf("%s%-*s%s%s\n", smpctl_color(cli, STDOUT_FILENO, color), INDENT, "verdict",
		       smpctl_color(cli, STDOUT_FILENO, SMPCTL_PLAIN), verdict);
	}
}

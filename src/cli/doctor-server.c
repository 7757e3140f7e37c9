/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What answers: an application or a bootloader, old or new, and what it can do. */

#include "doctor.h"

/* Old recovery says nothing to what it does not know, and is known by that. */
#define SILENT_MS 1500

static void append(GString *text, const char *part)
{
	if (part && *part)
		g_string_append_printf(text, "%s%s", text->len ? ", " : "", part);
}

static char *server_text(const SmpBoard *board)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *platform =
		board->platform ? g_strdup_printf("on %s", board->platform) : NULL;
	g_autofree char *application = smpctl_clean(board->application);
	g_autofree char *bootloader = smpctl_clean(board->bootloader);

	g_string_printf(text, "SMP v%d", board->version);
	append(text, application);
	if (platform)
		g_string_append_printf(text, " %s", platform);
	append(text, bootloader);
	if (board->mode != SMP_BOOTLOADER_MODE_UNKNOWN)
		append(text, smp_bootloader_mode_name(board->mode));
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Zephyr's servers answer version 2 since 3.4, MCUboot's recovery since 2.0 as it was asked. */
static void tell_application(SmpctlDoctor *doctor, const SmpBoard *board)
{
	gboolean old = board->version == 1;
	g_autofree char *text = server_text(board);
	const SmpctlCheck check = {
		.name = "server",
		.finding = old ? SMPCTL_CHECK_NOTE : SMPCTL_CHECK_OK,
		.text = text,
		.hint = old ? "It is older than Zephyr 3.4, or Mynewt: its errors say less, and "
			      "some commands are missing."
			    : NULL,
	};

	smpctl_doctor_tell(doctor, &check);
}

static void tell_recovery(SmpctlDoctor *doctor, const SmpBoard *board)
{
	gboolean empty = board->images->slots->len == 0;
	const SmpctlCheck check = {
		.name = "server",
		.finding = SMPCTL_CHECK_PROBLEM,
		.text = "the board is in MCUboot's serial recovery: no application runs",
		.hint = empty ? "It takes images and nothing else, and has none that starts: "
				"`smpctl update FILE` installs one."
			      : "It takes images and nothing else. `smpctl reset` starts what is "
				"there, if it is whole;\n"
				"`smpctl update FILE` installs anew.",
		.cause = "recovery",
		.status = SMPCTL_EXIT_DEVICE,
	};

	smpctl_doctor_tell(doctor, &check);
}

/* A session that knows the server already, or one that has only seen it answer something. */
static SmpBoard *observe(SmpctlDoctor *doctor, GError **error)
{
	SmpSession *session = smpctl_doctor_session(doctor, SILENT_MS);
	g_autoptr(GError) silent = NULL;
	SmpParams params;

	/* What checks hashes first may take its time. */
	if (smp_session_get_params(session, &params, &silent))
		session = smpctl_doctor_session(doctor, 0);
	return smp_board_observe(session, error);
}

gboolean smpctl_doctor_server(SmpctlDoctor *doctor)
{
	g_autoptr(GError) failed = NULL;

	smpctl_doctor_doing(doctor, "server", "asking what it is");
	g_autoptr(SmpBoard) board = observe(doctor, &failed);
	if (!board) {
		smpctl_doctor_tell_error(doctor, "server", failed, NULL, NULL);
		return FALSE;
	}
	if (board->recovery)
		tell_recovery(doctor, board);
	else
		tell_application(doctor, board);
	smpctl_doctor_speed(doctor, board);
	if (!board->recovery)
		smpctl_doctor_groups(doctor);
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Does a server answer at all, as it was asked for? */

#include "doctor.h"

#include <string.h>

/* What smp_raw_call() puts in front. */
#define SENDING "cannot send the request: "

/* The first request, which may meet half a line of somebody else's. */
#define FIRST_MS 700
/* Then in both versions. */
#define BOTH_MS 2000
/* For what MCUboot's recovery before 1.9 answers only; it may check signatures first. */
#define LIST_MS 1500

enum {
	OS_PARAMS = 6,
	IMAGE_STATE = 0,
};

SmpSession *smpctl_doctor_session(SmpctlDoctor *doctor, guint timeout_ms)
{
	Smpctl *cli = doctor->cli;

	g_clear_pointer(&cli->session, smp_session_free);
	cli->session = smp_session_new(cli->link);
	smpctl_session_setup(cli, cli->session);
	if (timeout_ms)
		smp_session_set_timeout(cli->session,
					MIN(timeout_ms, smp_session_get_timeout(cli->session)));
	return cli->session;
}

/* What was asked does not matter here. */
static GError *strip(const GError *failed)
{
	const char *message = failed->message;

	if (g_str_has_prefix(message, SENDING))
		message += strlen(SENDING);
	return g_error_new_literal(failed->domain, failed->code, message);
}

gboolean smpctl_doctor_ask(SmpSession *session, SmpOp op, guint16 group, guint8 command,
			   const char *json, guint timeout_ms, gboolean *answered, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autoptr(GBytes) payload = smp_raw_from_json(json, error);

	if (!payload)
		return FALSE;
	g_autofree char *answer =
		smp_raw_call(session, op, group, command, payload, timeout_ms, &failed);
	*answered = answer || (failed->domain == SMP_PROTOCOL_ERROR &&
			       failed->code != SMP_PROTOCOL_ERROR_TIMEOUT);
	if (answer || failed->domain == SMP_PROTOCOL_ERROR)
		return TRUE;
	g_propagate_error(error, strip(failed));
	return FALSE;
}

/* Version 1 is understood, or refused with words, by all. */
gboolean smpctl_doctor_is_there(SmpctlDoctor *doctor, guint each_ms, gboolean *answered,
				GError **error)
{
	SmpSession *session = smpctl_doctor_session(doctor, each_ms);

	smp_session_set_version(session, SMP_VERSION_1);
	if (!smpctl_doctor_ask(session, SMP_OP_READ, SMP_GROUP_OS, OS_PARAMS, "{}", 0, answered,
			       error))
		return FALSE;
	return *answered || smpctl_doctor_ask(session, SMP_OP_READ, SMP_GROUP_IMAGE, IMAGE_STATE,
					      "{}", 0, answered, error);
}

/* @lost: (out): the first request was for nothing, and not because of its version */
static gboolean ask_twice(SmpctlDoctor *doctor, gboolean *answered, gboolean *lost, GError **error)
{
	SmpSession *session = smpctl_doctor_session(doctor, FIRST_MS);
	g_autoptr(GError) failed = NULL;
	SmpParams params;

	*lost = FALSE;
	if (!smpctl_doctor_ask(session, SMP_OP_READ, SMP_GROUP_OS, OS_PARAMS, "{}", 0, answered,
			       error))
		return FALSE;
	if (*answered)
		return TRUE;
	if (!smp_link_recover(doctor->cli->link, error))
		return FALSE;
	session = smpctl_doctor_session(doctor, BOTH_MS);
	*answered = smp_session_get_params(session, &params, &failed);
	*lost = *answered && smp_session_get_version(session) == 2;
	if (*answered || failed->domain == SMP_PROTOCOL_ERROR)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

static gboolean ask_list(SmpctlDoctor *doctor, gboolean *answered, GError **error)
{
	SmpSession *session = smpctl_doctor_session(doctor, LIST_MS);

	smp_session_set_version(session, SMP_VERSION_1);
	return smpctl_doctor_ask(session, SMP_OP_READ, SMP_GROUP_IMAGE, IMAGE_STATE, "{}", 0,
				 answered, error);
}

static gboolean is_shell(SmpLink *link)
{
	return g_str_has_prefix(smp_link_get_target(link), "shell:");
}

/* Why the first request was lost. Half a marker stays in a shell until the other half comes (Zephyr
 * smp_shell.c). */
static void tell_loss(SmpctlDoctor *doctor)
{
	const SmpctlCheck check = {
		.name = "answer",
		.finding = SMPCTL_CHECK_NOTE,
		.text = "SMP answers; the first request was lost",
		.hint = is_shell(doctor->cli->link)
				? "The shell had been left with half a frame, and took every other "
				  "for commands.\n"
				  "It has been given the other half."
				: "Another program may have left half a line, or the board was "
				  "busy.",
	};

	smpctl_doctor_tell(doctor, &check);
}

/* A shell takes a frame for commands where text is read together with it (Zephyr smp_shell.c). */
static void tell_shell(SmpctlDoctor *doctor)
{
	const SmpctlCheck check = {
		.name = "shell",
		.finding = SMPCTL_CHECK_NOTE,
		.text = "a shell shares this line with SMP, and may take requests for commands",
		.hint = "Use shell:PATH, which sends them as a shell wants them.",
	};

	smpctl_doctor_tell(doctor, &check);
}

static void tell_answer(SmpctlDoctor *doctor, gboolean lost)
{
	Smpctl *cli = doctor->cli;
	const SmpctlCheck check = {.name = "answer", .text = "SMP answers"};

	if (lost)
		tell_loss(doctor);
	else
		smpctl_doctor_tell(doctor, &check);
	if (cli->heard.prompt && !is_shell(cli->link))
		tell_shell(doctor);
}

static void tell_silence(SmpctlDoctor *doctor)
{
	const SmpctlHeard *heard = &doctor->cli->heard;
	gboolean noise = heard->odd * 5 > heard->bytes;
	gboolean text = heard->bytes > 0 && !noise;
	const SmpctlCheck check = {
		.name = "answer",
		.finding = SMPCTL_CHECK_PROBLEM,
		.text = "no answer to SMP",
		.hint = smpctl_silence_hint(doctor->cli),
		.cause = noise	? "noise"
			 : text ? "text"
				: "silence",
		.status = SMPCTL_EXIT_TIMEOUT,
		.symptom = TRUE,
	};

	smpctl_doctor_tell(doctor, &check);
}

gboolean smpctl_doctor_answer(SmpctlDoctor *doctor)
{
	g_autoptr(GError) failed = NULL;
	gboolean answered = FALSE, lost = FALSE;

	smpctl_doctor_doing(doctor, "answer", "asking for SMP");
	if (!ask_twice(doctor, &answered, &lost, &failed) ||
	    (!answered && !ask_list(doctor, &answered, &failed))) {
		smpctl_doctor_tell_error(doctor, "answer", failed, NULL, NULL);
		/* Of a host that refuses another port may be the right one. */
		doctor->symptom = g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
		return FALSE;
	}
	if (answered)
		tell_answer(doctor, lost);
	else
		tell_silence(doctor);
	return answered;
}

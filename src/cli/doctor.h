/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of `doctor` share: checks, one after the other, each told as it ends. */

#include "cli.h"

typedef enum {
	SMPCTL_CHECK_OK,
	SMPCTL_CHECK_NOTE,
	SMPCTL_CHECK_PROBLEM,
} SmpctlFinding;

/**
 * SmpctlDoctor:
 * @given: the target as it was asked for
 * @cause: (nullable): the problem, for programs
 * @verdict: (nullable): the same for a person
 * @symptom: it is one of which a cause may still be found
 * @status: the exit status that it comes to
 * @noted: something could be better
 * @progress: what is being done
 */
typedef struct {
	Smpctl *cli;
	char *given;
	const char *cause;
	char *verdict;
	gboolean symptom;
	int status;
	gboolean noted;
	SmpctlProgress progress;
	gint64 began;
} SmpctlDoctor;

/**
 * SmpctlCheck: what came of one check.
 * @text: what was found; for a problem also the verdict
 * @hint: (nullable): what it means and what to do, in lines
 * @cause: (nullable): of a problem, for programs
 * @status: of a problem: exit status
 * @symptom: a cause of it is still looked for
 * @json: (nullable): more for programs: an object that was begun
 */
typedef struct {
	const char *name;
	SmpctlFinding finding;
	const char *text;
	const char *hint;
	const char *cause;
	int status;
	gboolean symptom;
	JsonBuilder *json;
} SmpctlCheck;

/* doctor-report.c */
void smpctl_doctor_tell(SmpctlDoctor *doctor, const SmpctlCheck *check);
/* An error ended a check; of a person who interrupted nothing is told. */
void smpctl_doctor_tell_error(SmpctlDoctor *doctor, const char *name, const GError *error,
			      const char *hint, JsonBuilder *json);
/* Shows what is being done, on a terminal. */
void smpctl_doctor_doing(SmpctlDoctor *doctor, const char *name, const char *what);
void smpctl_doctor_end(SmpctlDoctor *doctor);

/* All that follow return FALSE where what comes next cannot be done. */

/* doctor-port.c */
gboolean smpctl_doctor_port(SmpctlDoctor *doctor);

/* doctor-answer.c */
/* Begins a conversation, of which nothing is known yet. */
SmpSession *smpctl_doctor_session(SmpctlDoctor *doctor, guint timeout_ms);
/* Sends one request. @json: its payload. @answered: (out): an error is an answer, too. Returns:
 * FALSE where the link failed */
gboolean smpctl_doctor_ask(SmpSession *session, SmpOp op, guint16 group, guint8 command,
			   const char *json, guint timeout_ms, gboolean *answered,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether any server is there: asks for what each of them answers. */
gboolean smpctl_doctor_is_there(SmpctlDoctor *doctor, guint each_ms, gboolean *answered,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean smpctl_doctor_answer(SmpctlDoctor *doctor);

/* doctor-search.c: what else could be behind a port or host that does not answer */
gboolean smpctl_doctor_search(SmpctlDoctor *doctor);

/* doctor-server.c */
gboolean smpctl_doctor_server(SmpctlDoctor *doctor);

/* doctor-speed.c */
void smpctl_doctor_speed(SmpctlDoctor *doctor, const SmpBoard *board);

/* doctor-groups.c */
void smpctl_doctor_groups(SmpctlDoctor *doctor);

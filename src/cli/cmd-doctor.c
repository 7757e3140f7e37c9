/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: why a board cannot be talked to, or is slow. It asks, and changes nothing: what it sends
 * are requests that read, echoes, and what `status` sends. */

#include "doctor.h"

/* A port at another rate or a host's other port that answers is looked at like the one that was
 * asked for. */
static void examine(SmpctlDoctor *doctor)
{
	if (!smpctl_doctor_port(doctor))
		return;
	if (smpctl_doctor_answer(doctor) || smpctl_doctor_search(doctor))
		(void)smpctl_doctor_server(doctor);
}

gboolean smpctl_cmd_doctor(Smpctl *cli, char **args, GError **error)
{
	SmpctlDoctor doctor = {.cli = cli, .began = g_get_monotonic_time()};

	if (!smpctl_link_of(cli, args[0], error))
		return FALSE;
	doctor.given = g_strdup(smp_link_get_target(cli->link));
	smpctl_progress_init(&doctor.progress, cli);
	examine(&doctor);
	gboolean whole = !g_cancellable_set_error_if_cancelled(cli->cancellable, error);
	if (whole)
		smpctl_doctor_end(&doctor);
	cli->status = doctor.status;
	smpctl_progress_clear(&doctor.progress);
	g_free(doctor.verdict);
	g_free(doctor.given);
	return whole;
}

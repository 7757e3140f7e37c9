/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* In place of what has to do with smpd, where smpctl is built without it. */

#include "cli.h"

/* So that their help is the same. */
static gboolean ignored;

const GOptionEntry smpctl_device_list_options[] = {
	{"inventory", 0, 0, G_OPTION_ARG_NONE, &ignored,
	 "lines key=value, as mender-inventory takes them", NULL},
	{NULL},
};

const GOptionEntry smpctl_job_rollback_options[] = {
	{"detach", 0, 0, G_OPTION_ARG_NONE, &ignored, "do not wait for its end", NULL},
	{NULL},
};

static gboolean none(GError **error)
{
	g_set_error_literal(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED,
			    "this smpctl was built without what it needs to talk to smpd "
			    "(-Ddaemon=true)");
	return FALSE;
}

gboolean smpctl_update_by_daemon(Smpctl *cli G_GNUC_UNUSED, const SmpBundle *bundle G_GNUC_UNUSED,
				 char **arguments G_GNUC_UNUSED,
				 const SmpctlHandOver *update G_GNUC_UNUSED, GError **error)
{
	return none(error);
}

gboolean smpctl_open_link(Smpctl *cli, GError **error)
{
	return smp_link_open(cli->link, error);
}

gboolean smpctl_tell_served(Smpctl *cli G_GNUC_UNUSED, gboolean images_only G_GNUC_UNUSED,
			    GError **error G_GNUC_UNUSED)
{
	return FALSE;
}

#define NONE(name)                                                                                 \
	gboolean smpctl_cmd_##name(Smpctl *cli G_GNUC_UNUSED, char **args G_GNUC_UNUSED,           \
				   GError **error)                                                 \
	{                                                                                          \
		return none(error);                                                                \
	}

NONE(watch)
NONE(device_list)
NONE(device_show)
NONE(device_add)
NONE(device_remove)
NONE(device_refresh)
NONE(device_retry)
NONE(job_list)
NONE(job_show)
NONE(job_watch)
NONE(job_cancel)
NONE(job_confirm)
NONE(job_rollback)

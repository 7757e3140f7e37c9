/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may help where a board answered with an error: by the command, by what the board is, and by
 * what the code means anywhere. */

#include "cli.h"

#include <string.h>

#define SETTINGS_ROOT_KEY_NOT_FOUND 5 /* Zephyr settings_mgmt.h */

#define NO_SETTING                                                                                 \
	"Probably there is no such name, or it is too long; boards do not list them.\n"            \
	"Mynewt's values are written with `smpctl config`."

#define BAD_PATH                                                                                   \
	"Probably the path is too long for the board: CONFIG_MCUMGR_GRP_FS_PATH_LEN of its "       \
	"firmware,\n64 if nothing else was said."

#define BAD_TIME                                                                                   \
	"Boards take YYYY-MM-DDThh:mm:ss; behind that Mynewt takes a fraction and a zone "         \
	"(+01:00),\nZephyr no more than 6 characters, and of a fraction no more than 3 digits."

/* Codes that mean something more with one command. */
static const struct {
	gboolean (*run)(Smpctl *cli, char **args, GError **error);
	int group;
	gint64 rc;
	const char *hint;
} hints[] = {
	{smpctl_cmd_stat, SMP_GROUP_NONE, SMP_RC_ENOENT, "See `stat list`."},
	{smpctl_cmd_log_show, SMP_GROUP_NONE, SMP_RC_ENOENT, "See `log list`."},
	{smpctl_cmd_run_test, SMP_GROUP_NONE, SMP_RC_ENOENT, "See `run list`."},
	{smpctl_cmd_config, SMP_GROUP_NONE, SMP_RC_EINVAL,
	 "Probably there is no such name; boards do not list them.\n"
	 "Zephyr's settings are written with `smpctl settings write`."},
	{smpctl_cmd_settings_read, SMP_GROUP_NONE, SMP_RC_EINVAL, NO_SETTING},
	{smpctl_cmd_settings_write, SMP_GROUP_NONE, SMP_RC_EINVAL, NO_SETTING},
	{smpctl_cmd_settings_delete, SMP_GROUP_NONE, SMP_RC_EINVAL, NO_SETTING},
	/* What the handler says of a size is taken for what is said of a name (settings_mgmt.c). */
	{smpctl_cmd_settings_write, SMP_GROUP_SETTINGS, SETTINGS_ROOT_KEY_NOT_FOUND,
	 "The board says this also of a key that it has, where the value is longer or shorter than "
	 "it may be."},
	{smpctl_cmd_fs_upload, SMP_GROUP_NONE, SMP_RC_EINVAL, BAD_PATH},
	{smpctl_cmd_fs_download, SMP_GROUP_NONE, SMP_RC_EINVAL, BAD_PATH},
	{smpctl_cmd_fs_status, SMP_GROUP_NONE, SMP_RC_EINVAL, BAD_PATH},
	{smpctl_cmd_fs_hash, SMP_GROUP_NONE, SMP_RC_EINVAL, BAD_PATH},
	{smpctl_cmd_os_datetime, SMP_GROUP_NONE, SMP_RC_EINVAL, BAD_TIME},
	{smpctl_cmd_os_datetime, SMP_GROUP_NONE, SMP_RC_ECORRUPT, BAD_TIME},
};

static const char *find_hint(const SmpctlCommand *command, const SmpDeviceError *device)
{
	for (gsize i = 0; i < G_N_ELEMENTS(hints); i++) {
		if (hints[i].run == command->run && hints[i].group == device->group &&
		    hints[i].rc == device->rc)
			return hints[i].hint;
	}
	return NULL;
}

/* "CONFIG_MCUMGR_GRP_FS=y and CONFIG_MCUMGR_GRP_FS_FILE_STATUS=y": a group that is missing cannot
 * be told from one that lacks a command. */
static char *options_text(const char *kconfig)
{
	gsize name = strlen("CONFIG_MCUMGR_GRP_");
	gsize group = name + strcspn(kconfig + name, "_");

	if (!kconfig[group])
		return g_strdup_printf("%s=y", kconfig);
	return g_strdup_printf("%.*s=y and %s=y", (int)group, kconfig, kconfig);
}

/* Version 1 is what Mynewt speaks, which has no such options, and Zephyr before 3.4. */
static char *missing_hint(Smpctl *cli)
{
	const SmpctlCommand *command = cli->command;

	if (cli->session && smp_board_looks_like_recovery(cli->session))
		return g_strdup("The board is in MCUboot's serial recovery, which only takes "
				"images: image list, image upload, update, reset.\n"
				"`smpctl reset` starts the application, if it is whole; "
				"`smpctl update FILE` installs one.");
	if (command->unsupported)
		return g_strdup(command->unsupported);
	if (!command->kconfig)
		return NULL;
	g_autofree char *options = options_text(command->kconfig);
	if (cli->session && smp_session_get_version(cli->session) > 1)
		return g_strdup_printf("The firmware on the board needs %s for this.", options);
	return g_strdup_printf("The firmware on the board does not have this; Zephyr needs %s.",
			       options);
}

char *smpctl_device_hint(Smpctl *cli, const GError *error)
{
	g_autofree char *missing = NULL;
	SmpDeviceError device;
	const char *hint;

	if (!smp_error_get_device(error, &device))
		return NULL;
	if (smp_error_is_unsupported(error))
		missing = missing_hint(cli);
	hint = find_hint(cli->command, &device);
	if (missing || hint)
		return g_strdup(missing ? missing : hint);
	hint = smp_device_error_hint(&device);
	return hint ? g_strdup_printf("%c%s.", g_ascii_toupper(*hint), hint + 1) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* raw: any command of any group. */

#include "cli.h"

#include <stdio.h>

static gboolean parse_group(const char *text, guint16 *group, GError **error)
{
	guint64 number;

	if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT16, &number, NULL)) {
		*group = (guint16)number;
		return TRUE;
	}
	for (guint i = 0; i < SMP_GROUP_PERUSER; i++) {
		g_autofree char *name = smp_group_name((int)i);
		if (g_str_equal(name, text)) {
			*group = (guint16)i;
			return TRUE;
		}
	}
	return smpctl_usage_error(error,
				  "“%s” is no group: a number up to 65535, or a name as of "
				  "`smpctl group list`",
				  text);
}

/* JSON, CBOR in a file, or an empty map. */
static GBytes *parse_payload(const char *text, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (text && text[0] == '@')
		return smpctl_read_file(text + 1, error);
	GBytes *payload = smp_raw_from_json(text ? text : "{}", &local);
	if (!payload)
		(void)smpctl_usage_error(error, "%s", local->message);
	return payload;
}

static gboolean call(Smpctl *cli, SmpOp op, char **args, GError **error)
{
	guint16 group = 0;
	guint64 command = 0;

	if (!parse_group(args[0], &group, error))
		return FALSE;
	if (!g_ascii_string_to_unsigned(args[1], 10, 0, G_MAXUINT8, &command, NULL))
		return smpctl_usage_error(error, "“%s” is no command: a number up to 255", args[1]);
	g_autoptr(GBytes) payload = parse_payload(args[2], error);
	SmpSession *session = payload ? smpctl_session(cli, error) : NULL;
	g_autofree char *answer =
		session ? smp_raw_call(session, op, group, (guint8)command, payload, 0, error)
			: NULL;
	if (!answer)
		return FALSE;
	puts(answer);
	return TRUE;
}

gboolean smpctl_cmd_raw_read(Smpctl *cli, char **args, GError **error)
{
	return call(cli, SMP_OP_READ, args, error);
}

gboolean smpctl_cmd_raw_write(Smpctl *cli, char **args, GError **error)
{
	return call(cli, SMP_OP_WRITE, args, error);
}

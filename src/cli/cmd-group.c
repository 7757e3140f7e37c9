/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* group: which command groups the board has. */

#include "cli.h"

#include <stdio.h>

gboolean smpctl_cmd_group_count(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	guint count;

	if (!session || !smp_enumeration_count(session, &count, error))
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_int(json, "count", count);
		smpctl_json_print(json);
	} else {
		printf("%u\n", count);
	}
	return TRUE;
}

static void add_info(JsonBuilder *json, gconstpointer item)
{
	const SmpGroupInfo *info = item;
	g_autofree char *short_name = smp_group_name(info->id);

	smpctl_json_int(json, "group", info->id);
	smpctl_json_text(json, "name", short_name);
	if (*info->name)
		smpctl_json_text(json, "title", info->name);
	if (info->handlers)
		smpctl_json_int(json, "handlers", info->handlers);
}

static void print_infos(const GPtrArray *infos)
{
	for (guint i = 0; i < infos->len; i++) {
		const SmpGroupInfo *info = g_ptr_array_index(infos, i);
		g_autofree char *short_name = smp_group_name(info->id);
		g_autofree char *title = smpctl_clean(info->name);

		printf("%5u  %-12s", info->id, short_name);
		if (*title)
			printf("  %s", title);
		if (info->handlers)
			printf("  (%u command%s)", info->handlers, info->handlers == 1 ? "" : "s");
		putchar('\n');
	}
}

static void info_free(gpointer data)
{
	g_free(((SmpGroupInfo *)data)->name);
	g_free(data);
}

/* Where the firmware has no details, the bare numbers in their shape. */
static GPtrArray *bare_list(SmpSession *session, GError **error)
{
	g_autoptr(GArray) ids = smp_enumeration_list(session, error);

	if (!ids)
		return NULL;
	GPtrArray *infos = g_ptr_array_new_with_free_func(info_free);
	for (guint i = 0; i < ids->len; i++) {
		SmpGroupInfo *info = g_new(SmpGroupInfo, 1);
		*info = (SmpGroupInfo){.id = g_array_index(ids, guint16, i), .name = g_strdup("")};
		g_ptr_array_add(infos, info);
	}
	return infos;
}

gboolean smpctl_cmd_group_list(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GError) local = NULL;
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) infos = session ? smp_enumeration_details(session, &local) : NULL;

	if (!session)
		return FALSE;
	if (!infos && g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE))
		infos = bare_list(session, error);
	else if (!infos)
		g_propagate_error(error, g_steal_pointer(&local));
	if (!infos)
		return FALSE;
	if (!cli->options->json) {
		print_infos(infos);
		return TRUE;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_array(json, "groups", infos, add_info);
	smpctl_json_print(json);
	return TRUE;
}

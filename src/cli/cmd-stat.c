/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* stat: what the Go tool prints (newtmgr/cli/stats.go). */

#include "cli.h"

#include <stdio.h>
#include <string.h>

gboolean smpctl_cmd_stat_list(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_auto(GStrv) names = session ? smp_stat_list(session, error) : NULL;

	if (!names)
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_texts(json, "groups", names);
		smpctl_json_print(json);
		return TRUE;
	}
	if (*names)
		smpctl_print_names("stat groups", names);
	else
		puts("stat groups: none");
	return TRUE;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	const SmpStatField *const *first = a;
	const SmpStatField *const *second = b;

	return strcmp((*first)->name, (*second)->name);
}

static void print_group(const char *name)
{
	g_autofree char *shown = smpctl_clean(name);

	printf("stat group: %s\n", shown);
}

static void print_fields(const char *name, const GPtrArray *fields)
{
	print_group(name);
	if (fields->len == 0)
		puts("    (empty)");
	for (guint i = 0; i < fields->len; i++) {
		const SmpStatField *field = g_ptr_array_index(fields, i);
		g_autofree char *shown = smpctl_clean(field->name);
		printf("%10" G_GUINT64_FORMAT " %s\n", field->value, shown);
	}
}

/* One group: an object of its own, members by name. */
static gboolean show(Smpctl *cli, SmpSession *session, const char *name, GError **error)
{
	g_autoptr(GPtrArray) fields = smp_stat_read(session, name, error);

	if (!fields)
		return FALSE;
	g_ptr_array_sort(fields, compare_names);
	if (!cli->options->json) {
		print_fields(name, fields);
		return TRUE;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_text(json, "group", name);
	json_builder_set_member_name(json, "fields");
	json_builder_begin_object(json);
	for (guint i = 0; i < fields->len; i++) {
		const SmpStatField *field = g_ptr_array_index(fields, i);
		smpctl_json_int(json, field->name, (gint64)MIN(field->value, G_MAXINT64));
	}
	json_builder_end_object(json);
	smpctl_json_print(json);
	return TRUE;
}

/* What the board cannot tell of one group is said, and the others are shown all the same. */
static gboolean show_or_tell(Smpctl *cli, SmpSession *session, const char *name, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (show(cli, session, name, &local))
		return TRUE;
	if (!g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	cli->status = SMPCTL_EXIT_DEVICE;
	smpctl_log(cli, "%s", local->message);
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, "group", name);
		smpctl_json_text(json, "failure", local->message);
		smpctl_json_print(json);
		return TRUE;
	}
	g_autofree char *prefix = smpctl_error_prefix(cli, cli->status);
	print_group(name);
	fflush(stdout);
	fprintf(stderr, "%s %s\n", prefix, local->message);
	return TRUE;
}

/* stat [NAME]: one group, or all of them. */
gboolean smpctl_cmd_stat(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || args[0])
		return session && show(cli, session, args[0], error);
	g_auto(GStrv) names = smp_stat_list(session, error);
	if (!names)
		return FALSE;
	for (char **name = names; *name; name++) {
		if (!show_or_tell(cli, session, *name, error))
			return FALSE;
	}
	return TRUE;
}

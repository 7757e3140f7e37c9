/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* conn add, show, delete, with the Go tool's text (newtmgr/cli/connprofile.go). */

#include "cli.h"

#include <stdio.h>
#include <string.h>

/* Those of the Go tool, so that its file can hold what it understands; which of them this build
 * speaks is seen when the connection is used. */
static gboolean check_type(const char *type, GError **error)
{
	static const char *const types[] = {"serial",  "oic_serial", "ble",	"blue",
					    "oic_ble", "bhd",	     "oic_bhd", "udp",
					    "oic_udp", "oic_mtech",  NULL};

	if (g_strv_contains(types, type))
		return TRUE;
	return smpctl_usage_error(error, "unknown connection type “%s”", type);
}

static gboolean read_variable(SmpctlProfile *profile, const char *argument, GError **error)
{
	const char *equals = strchr(argument, '=');
	gsize length = equals ? (gsize)(equals - argument) : 0;

	if (equals && length == 4 && !strncmp(argument, "type", 4)) {
		g_free(profile->type);
		profile->type = g_strdup(equals + 1);
		return check_type(profile->type, error);
	}
	if (equals && length == 10 && !strncmp(argument, "connstring", 10)) {
		g_free(profile->connstring);
		profile->connstring = g_strdup(equals + 1);
		return TRUE;
	}
	return smpctl_usage_error(error, "want type=TYPE and connstring=STRING, not “%s”",
				  argument);
}

static void print_profile_json(const char *key, const char *name)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_text(json, key, name);
	smpctl_json_print(json);
}

/* A name that exists is replaced, with what we do not know of it kept. */
static void put_profile(GPtrArray *profiles, SmpctlProfile *profile)
{
	SmpctlProfile *old = smpctl_profiles_find(profiles, profile->name, NULL);

	if (!old) {
		g_ptr_array_add(profiles, profile);
		return;
	}
	g_free(old->type);
	g_free(old->connstring);
	old->type = g_steal_pointer(&profile->type);
	old->connstring = g_steal_pointer(&profile->connstring);
	smpctl_profile_free(profile);
}

gboolean smpctl_cmd_conn_add(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(SmpctlProfile) profile = g_new0(SmpctlProfile, 1);
	g_autoptr(GPtrArray) profiles = NULL;

	profile->name = g_strdup(args[0]);
	for (guint i = 1; args[i]; i++) {
		if (!read_variable(profile, args[i], error))
			return FALSE;
	}
	if (!profile->type)
		return smpctl_usage_error(error,
					  "conn add needs type=serial, type=udp or type=ble");
	profiles = smpctl_profiles_load(error);
	if (!profiles)
		return FALSE;
	put_profile(profiles, g_steal_pointer(&profile));
	if (!smpctl_profiles_save(profiles, error))
		return FALSE;
	if (cli->options->json)
		print_profile_json("added", args[0]);
	else if (!cli->options->quiet)
		printf("Connection profile %s successfully added\n", args[0]);
	return TRUE;
}

static void print_json(const GPtrArray *profiles, const char *name)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	json_builder_set_member_name(json, "connections");
	json_builder_begin_array(json);
	for (guint i = 0; i < profiles->len; i++) {
		const SmpctlProfile *profile = g_ptr_array_index(profiles, i);

		if (name && !g_str_equal(name, profile->name))
			continue;
		json_builder_begin_object(json);
		smpctl_json_text(json, "name", profile->name);
		smpctl_json_text(json, "type", profile->type);
		smpctl_json_text(json, "connstring", profile->connstring);
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
	smpctl_json_print(json);
}

static void print_text(const GPtrArray *profiles, const char *name)
{
	guint found = 0;

	for (guint i = 0; i < profiles->len; i++) {
		const SmpctlProfile *profile = g_ptr_array_index(profiles, i);

		if (name && !g_str_equal(name, profile->name))
			continue;
		if (found++ == 0)
			puts("Connection profiles: ");
		printf("  %s: type=%s, connstring='%s'\n", profile->name, profile->type,
		       profile->connstring ? profile->connstring : "");
	}
	if (found == 0 && name)
		printf("No connection profiles found matching %s\n", name);
	else if (found == 0)
		puts("No connection profiles found!");
}

gboolean smpctl_cmd_conn_show(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GPtrArray) profiles = smpctl_profiles_load(error);

	if (!profiles)
		return FALSE;
	if (cli->options->json)
		print_json(profiles, args[0]);
	else
		print_text(profiles, args[0]);
	return TRUE;
}

gboolean smpctl_cmd_conn_delete(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GPtrArray) profiles = smpctl_profiles_load(error);
	guint index;

	if (!profiles)
		return FALSE;
	if (!smpctl_profiles_find(profiles, args[0], &index)) {
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED,
			    "connection profile \"%s\" doesn't exist", args[0]);
		return FALSE;
	}
	g_ptr_array_remove_index(profiles, index);
	if (!smpctl_profiles_save(profiles, error))
		return FALSE;
	if (cli->options->json)
		print_profile_json("deleted", args[0]);
	else if (!cli->options->quiet)
		printf("Connection profile %s successfully deleted.\n", args[0]);
	return TRUE;
}

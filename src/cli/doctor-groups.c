/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which command groups the firmware has, what of smpctl each serves, and which Kconfig option
 * brings those that are missing. Boards without the enumeration group are asked for something that
 * each group can read; a group that can only write is not asked. */

#include "doctor.h"

typedef struct {
	guint16 id;
	const char *commands;
	const char *kconfig; /* NULL: Mynewt's, or too new to be missed */
	guint8 command;
	const char *probe; /* payload of @command; NULL: not asked */
} Group;

static const Group groups[] = {
	{SMP_GROUP_OS, "status, echo, reset, os", "CONFIG_MCUMGR_GRP_OS", 0, "{\"d\":\"\"}"},
	{SMP_GROUP_IMAGE, "update, confirm, rollback, image", "CONFIG_MCUMGR_GRP_IMG", 0, "{}"},
	{SMP_GROUP_STAT, "stat", "CONFIG_MCUMGR_GRP_STAT", 1, "{}"},
	{SMP_GROUP_SETTINGS, "settings", "CONFIG_MCUMGR_GRP_SETTINGS", 0, "{\"name\":\"-\"}"},
	{SMP_GROUP_LOG, "log", NULL, 5, "{}"},
	{SMP_GROUP_CRASH, "crash", NULL, 0, NULL},
	{SMP_GROUP_RUN, "run", NULL, 1, "{}"},
	{SMP_GROUP_FS, "fs", "CONFIG_MCUMGR_GRP_FS", 1, "{\"name\":\"/\"}"},
	{SMP_GROUP_SHELL, "shell, shell exec", "CONFIG_MCUMGR_GRP_SHELL", 0, NULL},
	{SMP_GROUP_ENUM, "group", "CONFIG_MCUMGR_GRP_ENUM", 0, "{}"},
	{SMP_GROUP_BRIDGE, "bridge", NULL, 0, NULL},
	{SMP_GROUP_ZEPHYR_BASIC, "storage erase", "CONFIG_MCUMGR_GRP_ZBASIC", 0, NULL},
};

typedef enum {
	GROUP_MISSING,
	GROUP_THERE,
	GROUP_UNKNOWN,
} Presence;

static const Group *find(guint16 id)
{
	for (guint i = 0; i < G_N_ELEMENTS(groups); i++) {
		if (groups[i].id == id)
			return &groups[i];
	}
	return NULL;
}

static gboolean lists(const GArray *ids, guint16 id)
{
	for (guint i = 0; i < ids->len; i++) {
		if (g_array_index(ids, guint16, i) == id)
			return TRUE;
	}
	return FALSE;
}

/* An error other than "not supported" comes from a group that is there. */
static gboolean probe(SmpSession *session, const Group *group, Presence *presence, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autoptr(GBytes) payload = group->probe ? smp_raw_from_json(group->probe, NULL) : NULL;

	*presence = GROUP_UNKNOWN;
	if (!payload)
		return TRUE;
	/* An echo is a write. */
	SmpOp op = group->id == SMP_GROUP_OS ? SMP_OP_WRITE : SMP_OP_READ;
	g_autofree char *answer =
		smp_raw_call(session, op, group->id, group->command, payload, 0, &failed);
	if (answer || g_error_matches(failed, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE))
		*presence = smp_error_is_unsupported(failed) ? GROUP_MISSING : GROUP_THERE;
	else if (failed->domain != SMP_PROTOCOL_ERROR) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	return TRUE;
}

/**
 * Found: what came of it.
 * @config: the commands for Mynewt's values, or what may be those
 */
typedef struct {
	GArray *there;
	GArray *missing;
	GArray *unknown;
	const char *config;
} Found;

/* Mynewt's values have Zephyr's number and a command of their own. A group of the application's own
 * is reached by its number. */
static const char *commands_of(const Found *found, const Group *group)
{
	if (!group)
		return "raw";
	return group->id == SMP_GROUP_SETTINGS ? found->config : group->commands;
}

typedef char *(*Describe)(const Group *group, const char *commands);

static char *describe_there(const Group *group G_GNUC_UNUSED, const char *commands)
{
	return g_strdup(commands);
}

static char *describe_missing(const Group *group, const char *commands)
{
	return g_strdup_printf("not built in, %s=y brings: %s", group->kconfig, commands);
}

static char *describe_unknown(const Group *group G_GNUC_UNUSED, const char *commands)
{
	return g_strdup_printf("not known, to ask would do something: %s", commands);
}

static void add_group(JsonBuilder *json, guint16 id, const char *commands, const char *kconfig)
{
	g_autofree char *name = smp_group_name(id);

	json_builder_begin_object(json);
	smpctl_json_int(json, "group", id);
	smpctl_json_text(json, "name", name);
	smpctl_json_text(json, "commands", commands);
	smpctl_json_text(json, "kconfig", kconfig);
	json_builder_end_object(json);
}

/* A line each for a person, an array for programs. */
static void add_section(GString *lines, JsonBuilder *json, const Found *found, const char *key,
			const GArray *ids, Describe describe)
{
	if (ids->len == 0)
		return;
	json_builder_set_member_name(json, key);
	json_builder_begin_array(json);
	for (guint i = 0; i < ids->len; i++) {
		guint16 id = g_array_index(ids, guint16, i);
		g_autofree char *name = smp_group_name(id);
		const Group *group = find(id);
		const char *commands = commands_of(found, group);
		g_autofree char *text = describe(group, commands);

		g_string_append_printf(lines, "%s%-10s %s", lines->len ? "\n" : "", name, text);
		add_group(json, id, commands, describe == describe_missing ? group->kconfig : NULL);
	}
	json_builder_end_array(json);
}

static void tell_groups(SmpctlDoctor *doctor, const Found *found)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	g_autoptr(GString) lines = g_string_new(NULL);
	g_autofree char *text =
		g_strdup_printf("the firmware has %u command group%s", found->there->len,
				found->there->len == 1 ? "" : "s");

	add_section(lines, json, found, "groups", found->there, describe_there);
	add_section(lines, json, found, "missing", found->missing, describe_missing);
	add_section(lines, json, found, "unknown", found->unknown, describe_unknown);
	const SmpctlCheck check = {
		.name = "groups",
		.text = text,
		.hint = doctor->cli->options->json ? NULL : lines->str,
		.json = json,
	};
	smpctl_doctor_tell(doctor, &check);
}

static int compare_ids(gconstpointer a, gconstpointer b)
{
	return *(const guint16 *)a - *(const guint16 *)b;
}

/* Where the board lists its groups. */
static void compare(Found *found)
{
	for (guint i = 0; i < G_N_ELEMENTS(groups); i++) {
		if (groups[i].kconfig && !lists(found->there, groups[i].id))
			g_array_append_val(found->missing, groups[i].id);
	}
}

/* Mynewt's groups are only told of boards that have its logs, and Zephyr's own only of others.
 * Zephyr has settings since 3.5, which speaks version 2, Mynewt version 1 only; but so does a board
 * whose first answers were lost. */
static gboolean probe_all(SmpSession *session, Found *found, GError **error)
{
	Presence log;

	if (!probe(session, find(SMP_GROUP_LOG), &log, error))
		return FALSE;
	gboolean mynewt = log == GROUP_THERE;
	if (smp_session_get_version(session) == 1)
		found->config = mynewt ? "config" : "settings, config";
	for (guint i = 0; i < G_N_ELEMENTS(groups); i++) {
		const Group *group = &groups[i];
		Presence presence = log;

		if ((!group->kconfig && !mynewt) ||
		    (mynewt && group->id >= SMP_GROUP_FS && group->id != SMP_GROUP_SHELL))
			continue;
		if (group->id != SMP_GROUP_LOG && !probe(session, group, &presence, error))
			return FALSE;
		if (presence == GROUP_THERE)
			g_array_append_val(found->there, group->id);
		else if (presence == GROUP_UNKNOWN)
			g_array_append_val(found->unknown, group->id);
		else if (!mynewt)
			g_array_append_val(found->missing, group->id);
	}
	return TRUE;
}

static GArray *new_list(void)
{
	return g_array_new(FALSE, FALSE, sizeof(guint16));
}

static void found_clear(Found *found)
{
	g_clear_pointer(&found->there, g_array_unref);
	g_clear_pointer(&found->missing, g_array_unref);
	g_clear_pointer(&found->unknown, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Found, found_clear)

void smpctl_doctor_groups(SmpctlDoctor *doctor)
{
	SmpSession *session = doctor->cli->session;
	g_autoptr(GError) failed = NULL;
	g_auto(Found) found = {
		.missing = new_list(),
		.unknown = new_list(),
		.config = find(SMP_GROUP_SETTINGS)->commands,
	};

	smpctl_doctor_doing(doctor, "groups", "asking what it can do");
	found.there = smp_enumeration_list(session, &failed);
	if (found.there) {
		compare(&found);
	} else if (failed->domain == SMP_PROTOCOL_ERROR) {
		g_clear_error(&failed);
		found.there = new_list();
		(void)!probe_all(session, &found, &failed);
	}
	if (failed) {
		smpctl_doctor_tell_error(doctor, "groups", failed, NULL, NULL);
		return;
	}
	g_array_sort(found.there, compare_ids);
	tell_groups(doctor, &found);
}

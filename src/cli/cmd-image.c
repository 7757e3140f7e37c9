/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* image list, slots, test, confirm, erase. The text is the Go tool's (newtmgr/cli/image.go), which
 * scripts parse. */

#include "cli.h"

#include <stdio.h>

static int erase_slot = SMP_SLOT_DEFAULT;

const GOptionEntry smpctl_erase_options[] = {
	{"slot", 's', 0, G_OPTION_ARG_INT, &erase_slot,
	 "which slot, counted over all images: image × 2 + slot", "N"},
	{NULL},
};

static void print_flags(const SmpImageSlot *slot)
{
	const char *names[5] = {NULL};
	guint n = 0;

	if (slot->active)
		names[n++] = "active";
	if (slot->confirmed)
		names[n++] = "confirmed";
	if (slot->pending)
		names[n++] = "pending";
	if (slot->permanent)
		names[n++] = "permanent";
	g_autofree char *text = g_strjoinv(" ", (char **)names);
	printf("    flags: %s\n", text);
}

static void print_slot(const SmpImageSlot *slot)
{
	g_autofree char *hash = smp_hash_to_string(&slot->hash);

	printf(" image=%u slot=%u\n", slot->image, slot->slot);
	printf("    version: %s\n", slot->version);
	printf("    bootable: %s\n", slot->bootable ? "true" : "false");
	print_flags(slot);
	printf("    hash: %s\n", slot->hash.size ? hash : "Unavailable");
}

static const char *split_name(int status)
{
	static const char *const names[] = {"N/A", "non-matching", "matching"};
	return status >= 0 && status < (int)G_N_ELEMENTS(names) ? names[status] : "unknown";
}

void smpctl_print_images(const SmpImageState *state)
{
	int split = MAX(state->split_status, 0);

	puts("Images:");
	for (guint i = 0; i < state->slots->len; i++)
		print_slot(g_ptr_array_index(state->slots, i));
	printf("Split status: %s (%d)\n", split_name(split), split);
}

static void add_slot(JsonBuilder *json, gconstpointer data)
{
	const SmpImageSlot *slot = data;

	smpctl_json_int(json, "image", slot->image);
	smpctl_json_int(json, "slot", slot->slot);
	smpctl_json_text(json, "version", slot->version);
	smpctl_json_hex(json, "hash", slot->hash.data, slot->hash.size);
	if (slot->has_flags) {
		smpctl_json_bool(json, "bootable", slot->bootable);
		smpctl_json_bool(json, "pending", slot->pending);
		smpctl_json_bool(json, "confirmed", slot->confirmed);
		smpctl_json_bool(json, "active", slot->active);
		smpctl_json_bool(json, "permanent", slot->permanent);
	}
}

void smpctl_image_json(JsonBuilder *json, const SmpImageState *state)
{
	smpctl_json_array(json, "images", state->slots, add_slot);
	smpctl_json_count(json, "split_status", state->split_status);
}

static gboolean print_list(Smpctl *cli, const SmpImageState *state)
{
	g_autoptr(JsonBuilder) json = NULL;

	smpctl_remember_images(cli->link, state);
	if (!cli->options->json) {
		smpctl_print_images(state);
		return TRUE;
	}
	json = smpctl_json_begin();
	smpctl_image_json(json, state);
	smpctl_json_print(json);
	return TRUE;
}

gboolean smpctl_cmd_image_list(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session)
		return smpctl_tell_served(cli, TRUE, error);
	g_autoptr(SmpImageState) state = smp_image_list(session, error);
	return state && print_list(cli, state);
}

static gboolean set_state(Smpctl *cli, const char *text, gboolean confirm, GError **error)
{
	g_autoptr(GError) failed = NULL;
	SmpHash hash;

	if (text && !smp_hash_parse(text, &hash, &failed))
		return smpctl_usage_error(error, "%s", failed->message);
	SmpSession *session = smpctl_session(cli, error);
	SmpParams params;
	/* Should a request be lost, it is one whose repeat as version 1 loses no reason. */
	if (!session || !smp_session_get_params(session, &params, error))
		return FALSE;
	g_autoptr(SmpImageState) state =
		smp_image_set_state(session, text ? &hash : NULL, confirm, error);
	return state && print_list(cli, state);
}

gboolean smpctl_cmd_image_test(Smpctl *cli, char **args, GError **error)
{
	return set_state(cli, args[0], FALSE, error);
}

gboolean smpctl_cmd_image_confirm(Smpctl *cli, char **args, GError **error)
{
	return set_state(cli, args[0], TRUE, error);
}

/* The board has one word for all slots that it does not erase. */
static void explain_refusal(Smpctl *cli, SmpSession *session)
{
	guint number = (guint)MAX(erase_slot, 0);
	g_autoptr(SmpImageState) state = smp_image_list(session, NULL);
	const SmpImageSlot *slot =
		state ? smp_image_state_find(state, number / 2, number % 2) : NULL;

	if (erase_slot != SMP_SLOT_DEFAULT && slot && slot->active)
		cli->hint = "The image in this slot is the one that runs.";
}

gboolean smpctl_cmd_image_erase(Smpctl *cli, char **args, GError **error)
{
	if (erase_slot < SMP_SLOT_DEFAULT)
		return smpctl_usage_error(error, "--slot must not be negative");
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GError) local = NULL;
	SmpParams params;

	/* Nobody has to wait for minutes to learn that there is no board. */
	if (!session || !smp_session_get_params(session, &params, error))
		return FALSE;
	if (smp_image_erase(session, erase_slot, 0, &local)) {
		smpctl_done(cli, "erased");
		return TRUE;
	}
	if (smp_error_is_device(local, SMP_GROUP_IMAGE, SMP_IMAGE_RC_NO_FREE_SLOT) ||
	    smp_error_is_device(local, SMP_GROUP_NONE, SMP_RC_EBADSTATE))
		explain_refusal(cli, session);
	if (smp_error_is_link_lost(local))
		cli->state = g_strdup("Whether the slot was erased is not known, see `smpctl image "
				      "list`; it does no harm to erase it again.");
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static void print_slot_info(const SmpSlotInfo *info)
{
	g_autofree char *size = smpctl_size_text(info->size);

	printf("%-7u %-6u ", info->image, info->slot);
	if (info->rc)
		printf("%-12s (error %" G_GINT64_FORMAT ")", "-", info->rc);
	else
		printf("%-12s %" G_GUINT64_FORMAT " bytes", size, info->size);
	if (info->upload_image_id >= 0)
		printf(", upload with -n %" G_GINT64_FORMAT, info->upload_image_id);
	if (info->max_image_size)
		printf(", images up to %" G_GUINT64_FORMAT " bytes", info->max_image_size);
	putchar('\n');
}

static void add_slot_info(JsonBuilder *json, gconstpointer data)
{
	const SmpSlotInfo *info = data;

	smpctl_json_int(json, "image", info->image);
	smpctl_json_int(json, "slot", info->slot);
	if (info->rc)
		smpctl_json_int(json, "rc", info->rc);
	else
		smpctl_json_int(json, "size", (gint64)info->size);
	smpctl_json_count(json, "upload_image_id", info->upload_image_id);
	if (info->max_image_size)
		smpctl_json_int(json, "max_image_size", (gint64)info->max_image_size);
}

static void print_slots_json(const GPtrArray *slots)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	smpctl_json_array(json, "slots", slots, add_slot_info);
	smpctl_json_print(json);
}

gboolean smpctl_cmd_image_slots(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) slots = session ? smp_image_slot_info(session, error) : NULL;

	if (!slots)
		return FALSE;
	if (cli->options->json) {
		print_slots_json(slots);
		return TRUE;
	}
	printf("%-7s %-6s %s\n", "IMAGE", "SLOT", "SIZE");
	for (guint i = 0; i < slots->len; i++)
		print_slot_info(g_ptr_array_index(slots, i));
	return TRUE;
}

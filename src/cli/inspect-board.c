/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* image inspect with a board: where the files would go, and what stands in the way. The planner of
 * `update` is asked, nothing is changed. */

#include "cli.h"

#include <stdio.h>

typedef struct {
	const SmpBoard *board;
	const SmpBundle *bundle;
	GPtrArray *obstacles; /* refusals, SmpPlanStep */
	GPtrArray *steps;     /* as if all of them were overridden */
	const char *busy;     /* (nullable): another update is going on */
} Outlook;

static const SmpBundleItem *item_at(const Outlook *outlook, guint index)
{
	return g_ptr_array_index(outlook->bundle->items, index);
}

static const SmpPlanStep *last_step(const Outlook *outlook)
{
	return g_ptr_array_index(outlook->steps, outlook->steps->len - 1);
}

/* Whether it would go on if all that can be overridden was. */
static gboolean is_possible(const Outlook *outlook)
{
	return last_step(outlook)->end != SMP_END_REFUSED;
}

static const char *present_text(const SmpBoard *board, const SmpBundleItem *item)
{
	const SmpImageSlot *slot =
		board->images ? smp_image_state_find_hash(board->images, item->image, &item->hash)
			      : NULL;

	if (!slot)
		return NULL;
	return slot->active ? "runs" : slot->pending ? "pending" : "in its slot";
}

static void print_place(const Outlook *outlook, guint index)
{
	const SmpBundleItem *item = item_at(outlook, index);
	guint slot = smp_board_target_slot(outlook->board, item->image);
	guint64 room = smp_board_slot_size(outlook->board, item->image, slot);
	gsize size = g_bytes_get_size(item->firmware->bytes);
	const char *present = present_text(outlook->board, item);
	g_autofree char *whole = smpctl_size_text(room);

	printf("%-11s %s to image %u, ", "goes:", item->name, item->image);
	if (!smp_plan_uses(outlook->board, outlook->bundle, index)) {
		printf("nowhere: the other variant is for the free slot\n");
		return;
	}
	printf("slot %u", slot);
	if (room)
		printf(" of %s, %s", whole, size <= room ? "fits" : "does not fit");
	else
		printf(", whose size the board does not tell");
	printf("%s%s\n", present ? "; the board has it: " : "", present ? present : "");
}

static void print_steps(const Outlook *outlook)
{
	const SmpPlanStep *end = last_step(outlook);

	if (!is_possible(outlook))
		return;
	printf("%-11s ", outlook->obstacles->len ? "otherwise:" : "update:");
	for (guint i = 0; i + 1 < outlook->steps->len; i++) {
		const SmpPlanStep *step = g_ptr_array_index(outlook->steps, i);
		const char *image = smpctl_step_has_image(step->action)
					    ? item_at(outlook, step->item)->name
					    : NULL;

		printf("%s%s", i ? smpctl_glyph(" → ", " > ") : "", smp_action_name(step->action));
		if (image && outlook->bundle->items->len > 1)
			printf(" %s", image);
	}
	printf("%s%s\n", outlook->steps->len > 1 ? ": " : "", end->reason);
}

static void print_obstacles(const Outlook *outlook)
{
	if (outlook->busy)
		printf("%-11s %s\n", "in the way:", outlook->busy);
	for (guint i = 0; i < outlook->obstacles->len; i++) {
		const SmpPlanStep *step = g_ptr_array_index(outlook->obstacles, i);
		printf("%-11s %s\n%-11s %s\n", "in the way:", step->reason, "", step->detail);
	}
	if (!outlook->busy && outlook->obstacles->len == 0)
		printf("%-11s nothing\n", "in the way:");
}

static void print_outlook(const Outlook *outlook)
{
	const SmpBoard *board = outlook->board;

	printf("\n%-11s %s, ", "board:", board->target);
	if (board->recovery)
		printf("in MCUboot's serial recovery\n");
	else if (board->mode == SMP_BOOTLOADER_MODE_UNKNOWN)
		printf("which does not tell how its bootloader installs images\n");
	else
		printf("%s: an update %s\n", smp_bootloader_mode_name(board->mode),
		       smp_board_can_revert(board) ? "can be undone" : "cannot be undone");
	for (guint i = 0; i < outlook->bundle->items->len; i++)
		print_place(outlook, i);
	print_obstacles(outlook);
	print_steps(outlook);
}

static void add_places(JsonBuilder *json, const Outlook *outlook)
{
	json_builder_set_member_name(json, "places");
	json_builder_begin_array(json);
	for (guint i = 0; i < outlook->bundle->items->len; i++) {
		const SmpBundleItem *item = item_at(outlook, i);
		guint slot = smp_board_target_slot(outlook->board, item->image);
		guint64 room = smp_board_slot_size(outlook->board, item->image, slot);
		gboolean used = smp_plan_uses(outlook->board, outlook->bundle, i);

		json_builder_begin_object(json);
		smpctl_json_text(json, "file", item->name);
		smpctl_json_int(json, "image", item->image);
		smpctl_json_bool(json, "used", used);
		if (used)
			smpctl_json_int(json, "slot", slot);
		if (used && room) {
			smpctl_json_int(json, "slot_size", (gint64)room);
			smpctl_json_bool(json, "fits",
					 g_bytes_get_size(item->firmware->bytes) <= room);
		}
		smpctl_json_text(json, "present", present_text(outlook->board, item));
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
}

static void add_obstacle(JsonBuilder *json, gconstpointer data)
{
	const SmpPlanStep *step = data;

	if (step->interlock)
		smpctl_json_text(json, "interlock", smp_interlock_name(step->interlock));
	smpctl_json_text(json, "reason", step->reason);
	smpctl_json_text(json, "detail", step->detail);
}

static void add_step(JsonBuilder *json, const Outlook *outlook, const SmpPlanStep *step)
{
	json_builder_begin_object(json);
	smpctl_json_text(json, "step", smp_action_name(step->action));
	if (step->action == SMP_ACTION_END)
		smpctl_json_text(json, "result", smp_end_name(step->end));
	else if (smpctl_step_has_image(step->action))
		smpctl_json_int(json, "image", item_at(outlook, step->item)->image);
	smpctl_json_text(json, "reason", step->reason);
	json_builder_end_object(json);
}

static void add_outlook(JsonBuilder *json, const Outlook *outlook)
{
	const SmpBoard *board = outlook->board;

	json_builder_set_member_name(json, "board");
	json_builder_begin_object(json);
	smpctl_json_text(json, "target", board->target);
	if (board->mode != SMP_BOOTLOADER_MODE_UNKNOWN) {
		smpctl_json_int(json, "mode", board->mode);
		smpctl_json_text(json, "mode_name", smp_bootloader_mode_name(board->mode));
		smpctl_json_bool(json, "can_revert", smp_board_can_revert(board));
	}
	smpctl_json_bool(json, "recovery", board->recovery);
	smpctl_json_text(json, "busy", outlook->busy);
	add_places(json, outlook);
	smpctl_json_array(json, "obstacles", outlook->obstacles, add_obstacle);
	json_builder_set_member_name(json, "plan");
	json_builder_begin_array(json);
	for (guint i = 0; i < outlook->steps->len && is_possible(outlook); i++)
		add_step(json, outlook, g_ptr_array_index(outlook->steps, i));
	json_builder_end_array(json);
	json_builder_end_object(json);
}

/* Returns: (transfer full) (nullable): who else updates the board; what the journal knows is told
 * to @bundle */
static char *ask_journal(Smpctl *cli, const SmpBundle *bundle)
{
	g_autoptr(SmpJournal) journal = NULL;
	g_autoptr(GError) failed = NULL;

	if (!smpctl_journal(cli, &journal, &failed))
		return g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY)
			       ? g_strdup(failed->message)
			       : NULL;
	if (journal)
		smpctl_recall_counters(bundle, journal);
	return NULL;
}

static guint all_interlocks(const GPtrArray *obstacles)
{
	guint mask = 0;

	for (guint i = 0; i < obstacles->len; i++)
		mask |= ((const SmpPlanStep *)g_ptr_array_index(obstacles, i))->interlock;
	return mask;
}

gboolean smpctl_inspect_board(Smpctl *cli, const SmpBundle *bundle, JsonBuilder *json,
			      GError **error)
{
	SmpPolicy policy = {.stop_before = SMP_ACTION_END};
	SmpSession *session = smpctl_session(cli, error);
	g_autofree char *busy = session ? ask_journal(cli, bundle) : NULL;
	g_autoptr(SmpBoard) board = session ? smp_board_observe(session, error) : NULL;

	if (!board)
		return FALSE;
	g_autoptr(GPtrArray) obstacles = smp_plan_obstacles(board, bundle, &policy);
	policy.allow = all_interlocks(obstacles);
	g_autoptr(GPtrArray) steps = smp_plan_all(board, bundle, &policy);
	const Outlook outlook = {board, bundle, obstacles, steps, busy};
	if (json)
		add_outlook(json, &outlook);
	else
		print_outlook(&outlook);
	return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The planner on every list that a board could show. */

#include "plan-players.h"

#include <string.h>

typedef struct {
	SmpBoard board;
	SmpImageState state;
	SmpImageSlot slots[4];
} List;

/* One of 192 entries. */
static void set_entry(SmpImageSlot *slot, guint n)
{
	guint player = n / 64 % 3;

	*slot = (SmpImageSlot){
		.slot = n & 1,
		.image = n >> 1 & 1,
		.active = n >> 2 & 1,
		.confirmed = n >> 3 & 1,
		.pending = n >> 4 & 1,
		.permanent = n >> 5 & 1,
		.has_flags = TRUE,
		.bootable = TRUE,
		.version = (char *)(player == NEW ? "1.3.0.7" : "1.2.0"),
	};
	if (player < THIRD)
		slot->hash = hash_of(player, slot->image);
}

static void plan_once(const List *list, const SmpBundle *bundle, guint variant)
{
	SmpAttemptItem items[2] = {0};
	SmpAttempt attempt = {
		.resets = variant & 1,
		.undos = variant >> 7 & 1,
		.recoveries = variant >> 8 & 1,
		.health = (SmpHealth)(variant % 3),
		.items = items,
	};
	SmpPolicy policy = {
		.mode = (SmpUpdateMode)(variant >> 1 & 3),
		.allow = variant >> 3 & 1 ? ~0u : 0,
		.health_check = variant >> 9 & 1,
		.via_recovery = variant >> 10 & 1,
		.stop_before = SMP_ACTION_END,
	};
	g_auto(SmpPlanStep) step = {0};

	for (guint i = 0; i < 2; i++)
		items[i] = (SmpAttemptItem){.uploads = variant >> 4 & 1,
					    .marks = variant >> 5 & 1 ? 2 : 0,
					    .confirms = variant >> 6 & 1 ? 2 : 0,
					    .ran = variant >> 4 & 1};
	attempt.confirm_denied = variant >> 5 & 1;
	smp_plan_next(&list->board, bundle, &policy, &attempt, &step);
	check_step(&step, &list->board, bundle);
}

static void set_kind(List *list, guint kind)
{
	/* Modes -1 to 9, then recovery, then without test and confirm. */
	list->board.mode = kind <= 10 ? (SmpBootloaderMode)kind - 1 : SMP_BOOTLOADER_MODE_UNKNOWN;
	list->board.recovery = kind == 11;
	list->board.no_marks = kind == 12;
}

static void init_list(List *list)
{
	*list = (List){.board.images = &list->state};
	list->state.slots = g_ptr_array_new();
}

static void test_no_images(void)
{
	g_autoptr(SmpBundle) bundle = make_bundle(1, &versions[NEW]);
	SmpAttemptItem item = {0};
	SmpAttempt attempt = {.items = &item};
	SmpPolicy policy = {.stop_before = SMP_ACTION_END};
	SmpBoard board = {0};
	g_auto(SmpPlanStep) step = {0};

	smp_plan_next(&board, bundle, &policy, &attempt, &step);
	g_assert_cmpint(step.action, ==, SMP_ACTION_END);
	g_assert_cmpint(step.end, ==, SMP_END_REFUSED);
	g_assert_nonnull(strstr(step.reason, "no image group"));
}

/* No entry, one, and all pairs, by all kinds of board and attempts. */
static void test_lists(void)
{
	g_autoptr(SmpBundle) one = make_bundle(1, &versions[NEW]);
	g_autoptr(SmpBundle) two = make_bundle(2, &versions[NEW]);
	List list;

	init_list(&list);
	for (guint n = 0; n <= 193u * 192; n++) {
		guint first = n % 193, second = n / 193;
		g_ptr_array_set_size(list.state.slots, 0);
		/* 0 is no entry. */
		if (first)
			set_entry(&list.slots[0], first - 1);
		if (second)
			set_entry(&list.slots[1], second - 1);
		if (first)
			g_ptr_array_add(list.state.slots, &list.slots[0]);
		if (second)
			g_ptr_array_add(list.state.slots, &list.slots[1]);
		for (guint kind = 0; kind < 13; kind++) {
			set_kind(&list, kind);
			/* Another choice of attempts for each, all of them in all. */
			plan_once(&list, one, (n * 13 + kind) * 37 % 2048);
			plan_once(&list, two, (n * 13 + kind) * 53 % 2048);
		}
	}
	g_ptr_array_unref(list.state.slots);
}

static void test_longer_lists(void)
{
	g_autoptr(SmpBundle) one = make_bundle(1, &versions[NEW]);
	g_autoptr(SmpBundle) two = make_bundle(2, &versions[NEW]);
	g_autoptr(GRand) rand = g_rand_new_with_seed(0x534d50);
	List list;

	init_list(&list);
	for (guint n = 0; n < 300000; n++) {
		g_ptr_array_set_size(list.state.slots, 0);
		for (gint32 i = 0; i < 3 + (gint32)(n & 1); i++) {
			set_entry(&list.slots[i], (guint)g_rand_int_range(rand, 0, 192));
			g_ptr_array_add(list.state.slots, &list.slots[i]);
		}
		set_kind(&list, (guint)g_rand_int_range(rand, 0, 13));
		plan_once(&list, n & 2 ? one : two, (guint)g_rand_int_range(rand, 0, 2048));
	}
	g_ptr_array_unref(list.state.slots);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/plan/no-images", test_no_images);
	g_test_add_func("/plan/lists", test_lists);
	g_test_add_func("/plan/longer-lists", test_longer_lists);
	return g_test_run();
}

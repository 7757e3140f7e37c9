/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "plan-players.h"

#include "firmware/package.h"
#include "tests/lib/make-image.h"

#include <string.h>

SmpVersion versions[N_PLAYERS] = {
	[OLD] = {1, 2, 0, 0},
	[NEW] = {1, 3, 0, 7},
	[THIRD] = {1, 1, 0, 0},
};

SmpHash hash_of(guint player, guint image)
{
	SmpHash hash = {.size = 32};
	memset(hash.data, (int)(0x10 * (image + 1) + player), 32);
	return hash;
}

BootSlot content_of(guint player, guint image)
{
	return (BootSlot){
		.present = TRUE,
		.hash = hash_of(player, image),
		.version = versions[player],
		.accepted = TRUE,
		.answers = TRUE,
	};
}

SmpBundle *make_bundle(guint images, const SmpVersion *version)
{
	SmpBundle *bundle = smp_bundle_new();

	for (guint i = 0; i < images; i++) {
		g_autofree char *name = g_strdup_printf("image%u.bin", i);
		g_autoptr(GBytes) bytes =
			make_image(&(MakeImage){.version = *version, .payload_size = 64});
		SmpFirmware *firmware = smp_firmware_parse(name, bytes, NULL);
		g_assert_nonnull(firmware);
		SmpBundleItem *item = smp_bundle_item_new(firmware, i);
		item->hash = hash_of(NEW, i);
		g_ptr_array_add(bundle->items, item);
	}
	return bundle;
}

void check_step(const SmpPlanStep *step, const SmpBoard *board, const SmpBundle *bundle)
{
	g_assert_cmpint(step->action, >=, SMP_ACTION_ENTER_RECOVERY);
	g_assert_cmpint(step->action, <=, SMP_ACTION_END);
	g_assert_nonnull(smp_action_name(step->action));
	g_assert_nonnull(step->reason);
	g_assert_cmpstr(step->reason, !=, "");
	g_assert_cmpuint(step->item, <, bundle->items->len);
	/* What is refused and can be allowed names the option. */
	if (step->interlock) {
		g_autofree char *option =
			g_strconcat("--allow-", smp_interlock_name(step->interlock), NULL);
		g_assert_cmpint(step->end, ==, SMP_END_REFUSED);
		g_assert_nonnull(strstr(step->detail, option));
	}
	if (step->action == SMP_ACTION_END) {
		g_assert_nonnull(smp_end_name(step->end));
		if (step->end != SMP_END_UPDATED && step->end != SMP_END_UP_TO_DATE &&
		    step->end != SMP_END_UPLOADED)
			g_assert_nonnull(step->detail);
		return;
	}
	const SmpBundleItem *item = bundle->items->pdata[step->item];
	const SmpImageSlot *active = smp_image_state_find_active(board->images, item->image);
	/* Nothing but what runs is confirmed, and only an application can be told. */
	if (step->action == SMP_ACTION_CONFIRM) {
		g_assert_nonnull(active);
		g_assert_true(smp_hash_equal(&active->hash, &item->hash));
	}
	if (step->action == SMP_ACTION_CONFIRM || step->action == SMP_ACTION_TEST ||
	    step->action == SMP_ACTION_MAKE_PENDING)
		g_assert_false(board->recovery || board->no_marks);
}

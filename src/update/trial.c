/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/trial.h>

#include <stdlib.h>
#include <string.h>

static void add_slot(SmpBundle *bundle, const SmpImageSlot *slot)
{
	SmpBundleItem *item = g_new(SmpBundleItem, 1);

	*item = (SmpBundleItem){
		.image = slot->image,
		.slot = -1,
		.hash = slot->hash,
		.version = g_strdup(slot->version),
		.name = g_strdup_printf("%s in slot %u", slot->version, slot->slot),
		.installed_counter = -1,
	};
	g_ptr_array_add(bundle->items, item);
}

static gboolean is_trial(const SmpBoard *board, const SmpImageSlot *slot)
{
	return slot->active && slot->has_flags && !slot->confirmed && smp_board_can_revert(board);
}

static void refuse(GError **error, const char *message)
{
	g_set_error_literal(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_REFUSED, message);
}

SmpBundle *smp_trial_running(const SmpBoard *board, GError **error)
{
	g_autoptr(SmpBundle) trials = smp_bundle_new();
	g_autoptr(SmpBundle) running = smp_bundle_new();

	for (guint i = 0; board->images && i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		if (slot->active)
			add_slot(is_trial(board, slot) ? trials : running, slot);
	}
	if (trials->items->len > 0)
		return g_steal_pointer(&trials);
	if (running->items->len > 0)
		return g_steal_pointer(&running);
	refuse(error, "the board does not say which image runs, so none can be confirmed");
	return NULL;
}

static void fail_no_fallback(const SmpBoard *board, GError **error)
{
	for (guint i = 0; board->images && i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		if (slot->active || !slot->pending)
			continue;
		g_autofree char *message =
			g_strdup_printf("%s has not run yet, it waits for the next reset: `smpctl "
					"image erase` takes it back",
					slot->version);
		refuse(error, message);
		return;
	}
	refuse(error, "the board holds no other image to go back to; install one with "
		      "`smpctl update --allow-downgrade FILE`");
}

SmpBundle *smp_trial_fallbacks(const SmpBoard *board, int image, GError **error)
{
	g_autoptr(SmpBundle) bundle = smp_bundle_new();
	gboolean any_trial = FALSE;

	for (guint i = 0; board->images && i < board->images->slots->len; i++)
		any_trial |= is_trial(board, g_ptr_array_index(board->images->slots, i));
	for (guint i = 0; board->images && i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		const SmpImageSlot *active =
			smp_image_state_find_active(board->images, slot->image);
		/* What waits for the next reset is new, not what ran before. */
		if (active && slot != active && slot->hash.size > 0 && !slot->pending &&
		    (!any_trial || is_trial(board, active)) &&
		    (image < 0 || slot->image == (guint)image))
			add_slot(bundle, slot);
	}
	if (bundle->items->len > 0)
		return g_steal_pointer(&bundle);
	fail_no_fallback(board, error);
	return NULL;
}

char **smp_trial_names(const SmpBundle *bundle)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (guint i = 0; i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		g_autofree char *hash = smp_hash_to_string(&item->hash);
		g_autofree char *name = g_strdup_printf("%u:%s", item->image, hash);
		g_strv_builder_add(builder, name);
	}
	return g_strv_builder_end(builder);
}

SmpBundle *smp_trial_find(const SmpBoard *board, const char *const *names, GError **error)
{
	g_autoptr(SmpBundle) bundle = smp_bundle_new();

	for (; *names; names++) {
		const char *colon = strchr(*names, ':');
		SmpHash hash;
		const SmpImageSlot *slot =
			board->images && colon && smp_hash_parse(colon + 1, &hash, NULL)
				? smp_image_state_find_hash(board->images, (guint)atoi(*names),
							    &hash)
				: NULL;
		if (!slot) {
			g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_STATE,
				    "the board does not have image %s any more; `smpctl status` "
				    "shows how it stands",
				    *names);
			return NULL;
		}
		add_slot(bundle, slot);
	}
	return g_steal_pointer(&bundle);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/device.h"
#include "daemon/wanted.h"

static GVariant *image_facts(const SmpImageSlot *slot)
{
	GVariantDict dict;
	g_autofree char *hash = smp_hash_to_string(&slot->hash);

	g_variant_dict_init(&dict, NULL);
	g_variant_dict_insert(&dict, "image", "u", slot->image);
	g_variant_dict_insert(&dict, "slot", "u", slot->slot);
	g_variant_dict_insert(&dict, "version", "s", slot->version);
	if (slot->hash.size > 0)
		g_variant_dict_insert(&dict, "hash", "s", hash);
	if (slot->has_flags) {
		g_variant_dict_insert(&dict, "active", "b", slot->active);
		g_variant_dict_insert(&dict, "confirmed", "b", slot->confirmed);
		g_variant_dict_insert(&dict, "pending", "b", slot->pending);
		g_variant_dict_insert(&dict, "permanent", "b", slot->permanent);
		g_variant_dict_insert(&dict, "bootable", "b", slot->bootable);
	}
	return g_variant_dict_end(&dict);
}

static GVariant *images_facts(const SmpBoard *board)
{
	GVariantBuilder builder;

	g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; board && board->images && i < board->images->slots->len; i++)
		g_variant_builder_add_value(
			&builder, image_facts(g_ptr_array_index(board->images->slots, i)));
	return g_variant_builder_end(&builder);
}

void smpd_device_show(SmpdDevice *device)
{
	const SmpBoard *board = device->board;
	gboolean mode_known = board && board->mode != SMP_BOOTLOADER_MODE_UNKNOWN;

	smpd_bus_device_set_present(device->bus, device->present);
	smpd_bus_device_set_application(device->bus, smpd_text(board ? board->application : NULL));
	smpd_bus_device_set_platform(device->bus, smpd_text(board ? board->platform : NULL));
	smpd_bus_device_set_bootloader(device->bus, smpd_text(board ? board->bootloader : NULL));
	smpd_bus_device_set_mode(
		device->bus, mode_known ? smpd_text(smp_bootloader_mode_name(board->mode)) : "");
	smpd_bus_device_set_recovery(device->bus, board && board->recovery);
	smpd_bus_device_set_images(device->bus, images_facts(board));
}

char *smpd_board_running(const SmpBoard *board)
{
	g_autoptr(GString) running = g_string_new(NULL);

	for (guint i = 0; board && board->images && i < board->images->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(board->images->slots, i);
		g_autofree char *hash = smp_hash_to_string(&slot->hash);
		if (slot->active && slot->hash.size > 0)
			g_string_append_printf(running, "%s%u:%s", running->len ? " " : "",
					       slot->image, hash);
	}
	return running->len ? g_string_free(g_steal_pointer(&running), FALSE) : NULL;
}

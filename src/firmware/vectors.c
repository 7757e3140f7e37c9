/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a program runs, by its vector table (Armv6-M, Armv7-M and Armv8-M architecture manuals). */

#include "firmware/le.h"
#include "firmware/parse.h"

#define NETWORK_CORE_FLASH     0x01000000
#define NETWORK_CORE_FLASH_END 0x01040000
#define COMPRESSED                                                                                 \
	(SMP_IMAGE_FLAG_COMPRESSED_LZMA1 | SMP_IMAGE_FLAG_COMPRESSED_LZMA2 |                       \
	 SMP_IMAGE_FLAG_COMPRESSED_ARM_THUMB)

static gboolean are_zero(const guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++)
		if (data[i] != 0)
			return FALSE;
	return TRUE;
}

gboolean smp_is_vector_table(const guint8 *data, gsize size)
{
	return size >= 44 && smp_le32(data) >> 29 == 1 && (smp_le32(data) & 3) == 0 &&
	       (data[4] & 1) == 1 && are_zero(data + 32, 12);
}

gboolean smp_firmware_vectors(const SmpFirmware *firmware, guint32 *stack, guint32 *reset)
{
	const guint8 *payload = g_bytes_get_data(firmware->bytes, NULL);

	payload += firmware->header_size;
	if (!firmware->hash_checked || (firmware->flags & COMPRESSED) ||
	    !smp_is_vector_table(payload, firmware->image_size))
		return FALSE;
	*stack = smp_le32(payload);
	*reset = smp_le32(payload + 4);
	return TRUE;
}

gboolean smp_address_is_network_core(gint64 address)
{
	return address >= NETWORK_CORE_FLASH && address < NETWORK_CORE_FLASH_END;
}

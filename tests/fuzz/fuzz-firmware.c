/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An MCUboot image, or whatever else somebody takes for one. */

#include <smp/firmware.h>

#include "tests/fuzz/fuzz.h"

static void check_tlv(const SmpFirmware *firmware, const SmpTlv *tlv)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(firmware->bytes, &size);

	g_assert_true(tlv->data >= data + firmware->header_size + firmware->image_size);
	g_assert_true(tlv->data + tlv->size <= data + size);
	g_assert_true(smp_firmware_find_tlv(firmware, tlv->type)->type == tlv->type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpFirmware) firmware = smp_firmware_parse("fuzz", bytes, &error);

	if (!firmware) {
		g_assert_nonnull(error);
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
		return 0;
	}
	g_assert_no_error(error);
	for (guint i = 0; i < firmware->tlvs->len; i++)
		check_tlv(firmware, &g_array_index(firmware->tlvs, SmpTlv, i));
	g_assert_true(firmware->hash.size >= 32);
	g_assert_true(firmware->hash_checked || smp_firmware_is_encrypted(firmware));
	g_assert_nonnull(smp_firmware_signature_name(firmware));
	return 0;
}

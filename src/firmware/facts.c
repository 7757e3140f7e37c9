/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a planner wants to know of an image besides its header. */

#include "firmware/le.h"

#include <smp/firmware.h>

/* Image number, 3 bytes of padding, version (MCUboot image.h, `struct image_dependency`). */
#define DEPENDENCY_SIZE 12

gboolean smp_tlv_dependency(const SmpTlv *tlv, guint *image, SmpVersion *least)
{
	const guint8 *data = tlv->data;

	if (tlv->type != SMP_TLV_DEPENDENCY || tlv->size != DEPENDENCY_SIZE)
		return FALSE;
	*image = data[0];
	*least = (SmpVersion){data[4], data[5], smp_le16(data + 6), smp_le32(data + 8)};
	return TRUE;
}

gint64 smp_firmware_security_counter(const SmpFirmware *firmware)
{
	const SmpTlv *tlv = smp_firmware_find_tlv(firmware, SMP_TLV_SEC_CNT);

	return tlv && tlv->size == 4 ? (gint64)smp_le32(tlv->data) : -1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What TLVs say (MCUboot docs/design.md, imgtool image.py create()). */

#include "firmware/le.h"
#include "firmware/parse.h"
#include "protocol/cbor.h"

#include <smp/hex.h>

/* Longer ones are no use to a person. */
#define MAX_SHOWN 64

/* Property ids of the PSA attestation's software components (imgtool boot_record.py). */
enum {
	BOOT_RECORD_TYPE = 1,
	BOOT_RECORD_VERSION = 4,
};

static char *hex_text(const SmpTlv *tlv)
{
	g_autofree char *text = smp_hex_format(tlv->data, MIN(tlv->size, MAX_SHOWN));

	return g_strconcat(text, tlv->size > MAX_SHOWN ? "..." : NULL, NULL);
}

static char *dependency_text(const SmpTlv *tlv)
{
	SmpVersion least;
	guint image;

	if (!smp_tlv_dependency(tlv, &image, &least))
		return NULL;
	g_autofree char *text = smp_version_to_string(&least);
	return g_strdup_printf("needs image %u at %s or newer", image, text);
}

static char *number_text(const SmpTlv *tlv, const char *unit)
{
	return tlv->size == 4 ? g_strdup_printf("%u%s", smp_le32(tlv->data), unit) : NULL;
}

static char *uuid_text(const SmpTlv *tlv)
{
	GString *text;

	if (tlv->size != 16)
		return NULL;
	text = g_string_new(NULL);
	for (guint i = 0; i < 16; i++)
		g_string_append_printf(text, "%s%02x",
				       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
				       tlv->data[i]);
	return g_string_free(text, FALSE);
}

static char *boot_record_text(const SmpTlv *tlv)
{
	SmpCbor record, key, value;
	SmpCborIter iter;
	guint64 id;
	g_autofree char *type = NULL;
	g_autofree char *version = NULL;

	if (!smp_cbor_check(tlv->data, tlv->size, &record) ||
	    smp_cbor_type(&record) != SMP_CBOR_MAP || !smp_cbor_iter_init(&iter, &record))
		return NULL;
	while (smp_cbor_iter_next(&iter, &key, &value)) {
		if (!smp_cbor_uint(&key, &id))
			continue;
		if (id == BOOT_RECORD_TYPE && !type)
			type = smp_cbor_dup_text(&value);
		if (id == BOOT_RECORD_VERSION && !version)
			version = smp_cbor_dup_text(&value);
	}
	if (!type || !version || !smp_is_printable(type) || !smp_is_printable(version))
		return NULL;
	return g_strdup_printf("%s %s", type, version);
}

char *smp_tlv_to_string(const SmpTlv *tlv)
{
	switch (tlv->type) {
	case SMP_TLV_DEPENDENCY:
		return dependency_text(tlv);
	case SMP_TLV_SEC_CNT:
		return number_text(tlv, "");
	case SMP_TLV_DECOMP_SIZE:
	case SMP_TLV_COMP_DEC_SIZE:
		return number_text(tlv, " bytes");
	case SMP_TLV_UUID_VID:
	case SMP_TLV_UUID_CID:
		return uuid_text(tlv);
	case SMP_TLV_BOOT_RECORD:
		return boot_record_text(tlv);
	case SMP_TLV_KEYHASH:
	case SMP_TLV_SHA256:
	case SMP_TLV_SHA384:
	case SMP_TLV_SHA512:
	case SMP_TLV_DECOMP_SHA:
		return hex_text(tlv);
	default:
		/* Vendors' own (MCUboot image.h, IMAGE_TLV_ANY and reserved ranges). */
		return smp_tlv_name(tlv->type) ? NULL : hex_text(tlv);
	}
}

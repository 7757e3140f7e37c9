/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The TLV areas behind the payload (MCUboot bootutil/image.h, docs/design.md). */

#include "firmware/le.h"
#include "firmware/parse.h"

#define TLV_PROTECTED_MAGIC 0x6908
#define TLV_HEADER_SIZE	    4

static const struct {
	guint16 type;
	const char *name;
} tlv_names[] = {
	{SMP_TLV_KEYHASH, "KEYHASH"},
	{SMP_TLV_PUBKEY, "PUBKEY"},
	{SMP_TLV_SHA256, "SHA256"},
	{SMP_TLV_SHA384, "SHA384"},
	{SMP_TLV_SHA512, "SHA512"},
	{SMP_TLV_RSA2048_PSS, "RSA2048_PSS"},
	{SMP_TLV_ECDSA224, "ECDSA224"},
	{SMP_TLV_ECDSA_SIG, "ECDSA_SIG"},
	{SMP_TLV_RSA3072_PSS, "RSA3072_PSS"},
	{SMP_TLV_ED25519, "ED25519"},
	{SMP_TLV_SIG_PURE, "SIG_PURE"},
	{SMP_TLV_ENC_RSA2048, "ENC_RSA2048"},
	{SMP_TLV_ENC_KW, "ENC_KW"},
	{SMP_TLV_ENC_EC256, "ENC_EC256"},
	{SMP_TLV_ENC_X25519, "ENC_X25519"},
	{SMP_TLV_ENC_X25519_SHA512, "ENC_X25519_SHA512"},
	{SMP_TLV_DEPENDENCY, "DEPENDENCY"},
	{SMP_TLV_SEC_CNT, "SEC_CNT"},
	{SMP_TLV_BOOT_RECORD, "BOOT_RECORD"},
	{SMP_TLV_DECOMP_SIZE, "DECOMP_SIZE"},
	{SMP_TLV_DECOMP_SHA, "DECOMP_SHA"},
	{SMP_TLV_DECOMP_SIGNATURE, "DECOMP_SIGNATURE"},
	{SMP_TLV_COMP_DEC_SIZE, "COMP_DEC_SIZE"},
	{SMP_TLV_UUID_VID, "UUID_VID"},
	{SMP_TLV_UUID_CID, "UUID_CID"},
};

const char *smp_tlv_name(guint16 type)
{
	for (guint i = 0; i < G_N_ELEMENTS(tlv_names); i++)
		if (tlv_names[i].type == type)
			return tlv_names[i].name;
	return NULL;
}

static gboolean refuse_magic(const SmpFirmware *firmware, guint16 magic, gboolean is_protected,
			     GError **error)
{
	if (is_protected)
		return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is damaged: its header announces %u bytes of protected "
				     "TLVs, and none follow the payload; build or copy it again",
				     firmware->protected_size);
	if (magic == TLV_PROTECTED_MAGIC)
		return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is damaged: it has protected TLVs that its header does "
				     "not announce; build or copy it again");
	return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
			     "is damaged: no TLVs follow its payload; sign it again with "
			     "imgtool, or copy it again");
}

/* Finds the bounds of the area at @offset, which is within the bytes. */
static gboolean read_info(const SmpFirmware *firmware, gsize offset, gboolean is_protected,
			  guint16 *total, GError **error)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(firmware->bytes, &size);
	gsize room = size - offset;

	if (room < SMP_TLV_INFO_SIZE)
		return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is cut short: it ends at byte %" G_GSIZE_FORMAT
				     ", where its TLVs should begin; copy it again",
				     size);
	guint16 magic = smp_le16(data + offset);
	if (magic != (is_protected ? TLV_PROTECTED_MAGIC : SMP_TLV_INFO_MAGIC))
		return refuse_magic(firmware, magic, is_protected, error);
	*total = smp_le16(data + offset + 2);
	if (is_protected && *total != firmware->protected_size)
		return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is damaged: its header announces %u bytes of protected "
				     "TLVs, and there are %u; build or copy it again",
				     firmware->protected_size, *total);
	if (*total > room)
		return smp_file_fail(
			firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
			"is cut short: its TLVs are %u bytes, and the file has %" G_GSIZE_FORMAT
			" of them; copy it again",
			*total, room);
	return TRUE;
}

/* Reads the TLV at @data, within @size bytes; returns what it takes, 0 where it does not fit. */
static gsize read_tlv(const guint8 *data, gsize size, SmpTlv *tlv)
{
	if (size < TLV_HEADER_SIZE)
		return 0;
	tlv->type = smp_le16(data);
	tlv->size = smp_le16(data + 2);
	tlv->data = data + TLV_HEADER_SIZE;
	if (tlv->size > size - TLV_HEADER_SIZE)
		return 0;
	return TLV_HEADER_SIZE + (gsize)tlv->size;
}

static gboolean read_area(SmpFirmware *firmware, gsize *offset, gboolean is_protected,
			  GError **error)
{
	const guint8 *data = g_bytes_get_data(firmware->bytes, NULL);
	gsize end = *offset;
	guint16 total = 0;

	if (!read_info(firmware, *offset, is_protected, &total, error))
		return FALSE;
	end += total;
	/* A total below its own size leaves no room: the first TLV does not fit. */
	gsize at = *offset + SMP_TLV_INFO_SIZE;
	while (at != end) {
		SmpTlv tlv = {.is_protected = is_protected};
		gsize used = at < end ? read_tlv(data + at, end - at, &tlv) : 0;
		if (used == 0)
			return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
					     "is damaged: the TLV at byte %" G_GSIZE_FORMAT
					     " reaches beyond its area; build or copy it again",
					     at);
		g_array_append_val(firmware->tlvs, tlv);
		at += used;
	}
	*offset = end;
	return TRUE;
}

gboolean smp_firmware_read_tlvs(SmpFirmware *firmware, gsize *end, GError **error)
{
	*end = (gsize)firmware->header_size + firmware->image_size;
	if (firmware->protected_size != 0 && !read_area(firmware, end, TRUE, error))
		return FALSE;
	return read_area(firmware, end, FALSE, error);
}

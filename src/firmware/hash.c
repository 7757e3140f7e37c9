/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The image hash (MCUboot bootutil_img_hash.c): over header, payload and protected TLVs. */

#include "firmware/parse.h"
#include "firmware/spool.h"

#include <smp/hex.h>
#include <string.h>

/* Digits of a hash that tell it from others. */
#define SHOWN 12

static const struct HashKind {
	guint16 type;
	GChecksumType checksum;
	const char *name;
	gsize size;
} hash_kinds[] = {
	{SMP_TLV_SHA256, G_CHECKSUM_SHA256, "SHA-256", 32},
	{SMP_TLV_SHA384, G_CHECKSUM_SHA384, "SHA-384", 48},
	{SMP_TLV_SHA512, G_CHECKSUM_SHA512, "SHA-512", 64},
};

static const struct HashKind *kind_of(const SmpTlv *tlv)
{
	for (guint i = 0; i < G_N_ELEMENTS(hash_kinds); i++)
		if (hash_kinds[i].type == tlv->type)
			return &hash_kinds[i];
	return NULL;
}

/* The one hash TLV; a hash among the protected ones would have to hash itself. */
static const SmpTlv *find_hash(const SmpFirmware *firmware, GError **error)
{
	const SmpTlv *found = NULL;

	for (guint i = 0; i < firmware->tlvs->len; i++) {
		const SmpTlv *tlv = &g_array_index(firmware->tlvs, SmpTlv, i);
		if (tlv->is_protected || !kind_of(tlv))
			continue;
		if (found) {
			smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				      "has two image hashes, %s and %s, and a board would not "
				      "list it; sign the unsigned image again with imgtool",
				      smp_tlv_name(found->type), smp_tlv_name(tlv->type));
			return NULL;
		}
		found = tlv;
	}
	if (!found)
		smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
			      "has no image hash, and a board would not list it; sign it again "
			      "with imgtool");
	return found;
}

static gboolean recompute(SmpFirmware *firmware, const struct HashKind *kind, GError **error)
{
	const guint8 *data = g_bytes_get_data(firmware->bytes, NULL);
	gsize hashed =
		(gsize)firmware->header_size + firmware->image_size + firmware->protected_size;
	g_autoptr(GChecksum) checksum = smp_spool_checksum(kind->checksum, data, hashed);
	guint8 digest[sizeof firmware->hash.data];
	gsize size = sizeof digest;

	g_checksum_get_digest(checksum, digest, &size);
	firmware->hash_checked = memcmp(digest, firmware->hash.data, size) == 0;
	/* The hash of an encrypted image is that of its plain text. (With imgtool's --clear the
	 * flag is set and the payload plain: then it agrees.) */
	if (firmware->hash_checked || smp_firmware_is_encrypted(firmware))
		return TRUE;
	g_autofree char *wanted = smp_hex_format(firmware->hash.data, firmware->hash.size);
	const char *is = g_checksum_get_string(checksum);
	/* Two that begin alike are shown whole. */
	int digits = strncmp(is, wanted, SHOWN) ? SHOWN : (int)strlen(wanted);
	const char *more = digits == SHOWN ? "…" : "";
	return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
			     "is damaged: its %s is %.*s%s and should be %.*s%s; build or copy it "
			     "again",
			     kind->name, digits, is, more, digits, wanted, more);
}

gboolean smp_firmware_read_hash(SmpFirmware *firmware, GError **error)
{
	const SmpTlv *tlv = find_hash(firmware, error);

	if (!tlv)
		return FALSE;
	const struct HashKind *kind = kind_of(tlv);
	if (tlv->size != kind->size)
		return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is damaged: its %s has %u bytes; build or copy it again",
				     kind->name, tlv->size);
	memcpy(firmware->hash.data, tlv->data, tlv->size);
	firmware->hash.size = tlv->size;
	return recompute(firmware, kind, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/lib/make-image.h"

#include <string.h>

static void put(GByteArray *out, guint64 value, guint size)
{
	guint64 bytes = GUINT64_TO_LE(value);

	g_byte_array_append(out, (const guint8 *)&bytes, size);
}

static void put_tlv(GByteArray *out, guint16 type, const guint8 *data, guint16 size)
{
	put(out, type, 2);
	put(out, size, 2);
	g_byte_array_append(out, data, size);
}

static guint16 area_size(const MakeImage *options, gboolean is_protected)
{
	guint size = 0;

	for (guint i = 0; i < options->n_tlvs; i++)
		if (options->tlvs[i].is_protected == is_protected)
			size += 4u + options->tlvs[i].size;
	return (guint16)size;
}

static void put_area(GByteArray *out, const MakeImage *options, gboolean is_protected)
{
	for (guint i = 0; i < options->n_tlvs; i++) {
		const SmpTlv *tlv = &options->tlvs[i];
		if (tlv->is_protected == is_protected)
			put_tlv(out, tlv->type, tlv->data, tlv->size);
	}
}

static void put_header(GByteArray *out, const MakeImage *options, guint16 protected_size)
{
	guint16 header_size = options->header_size ? options->header_size : 32;

	put(out, 0x96f3b83d, 4);
	put(out, options->load_addr, 4);
	put(out, header_size, 2);
	put(out, protected_size, 2);
	put(out, options->payload_size, 4);
	put(out, options->flags, 4);
	put(out, options->version.major, 1);
	put(out, options->version.minor, 1);
	put(out, options->version.revision, 2);
	put(out, options->version.build, 4);
	while (out->len < header_size)
		put(out, 0, 1);
}

static void put_vectors(guint8 *payload, const MakeImage *options)
{
	guint32 vectors[] = {GUINT32_TO_LE(options->stack), GUINT32_TO_LE(options->reset)};

	g_assert_cmpuint(options->payload_size, >=, 44);
	memcpy(payload, vectors, sizeof vectors);
	memset(payload + 32, 0, 12);
}

/* Counts up, and differently in each 256 bytes, so that a piece in a wrong place is noticed. */
static void put_payload(GByteArray *out, const MakeImage *options)
{
	guint at = out->len;

	g_byte_array_set_size(out, at + (guint)options->payload_size);
	for (gsize i = 0; i < options->payload_size; i++)
		out->data[at + i] = (guint8)(options->seed + i + (i >> 8) * 167 + (i >> 16) * 59);
	if (options->stack)
		put_vectors(out->data + at, options);
}

static void put_hash_area(GByteArray *out, const MakeImage *options)
{
	guint16 type = options->hash_type ? options->hash_type : SMP_TLV_SHA256;
	g_autoptr(GChecksum) checksum =
		g_checksum_new(type == SMP_TLV_SHA256	? G_CHECKSUM_SHA256
			       : type == SMP_TLV_SHA384 ? G_CHECKSUM_SHA384
							: G_CHECKSUM_SHA512);
	guint8 digest[64];
	gsize size = sizeof digest;

	g_checksum_update(checksum, out->data, out->len);
	g_checksum_get_digest(checksum, digest, &size);
	put(out, 0x6907, 2);
	put(out, 4 + 4 + size + area_size(options, FALSE), 2);
	put_tlv(out, type, digest, (guint16)size);
	put_area(out, options, FALSE);
}

static void put_trailer(GByteArray *out, const MakeImage *options)
{
	static const guint8 magic_8[] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
					 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};
	static const guint8 magic_other[] = {0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
					     0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a};
	guint alignment = options->alignment ? options->alignment : 8;

	g_assert_cmpuint(out->len + 128, <=, options->slot_size);
	guint at = out->len;
	g_byte_array_set_size(out, (guint)options->slot_size - 16);
	memset(out->data + at, 0xff, out->len - at);
	if (alignment == 8) {
		g_byte_array_append(out, magic_8, sizeof magic_8);
	} else {
		put(out, alignment, 2);
		g_byte_array_append(out, magic_other, sizeof magic_other);
	}
	if (options->confirmed)
		out->data[out->len - MAX(16, alignment) - alignment] = 0x01;
}

GBytes *make_image(const MakeImage *options)
{
	GByteArray *out = g_byte_array_new();
	guint16 protected_size = area_size(options, TRUE);

	if (protected_size > 0)
		protected_size = (guint16)(protected_size + 4);
	put_header(out, options, protected_size);
	put_payload(out, options);
	if (protected_size > 0) {
		put(out, 0x6908, 2);
		put(out, protected_size, 2);
		put_area(out, options, TRUE);
	}
	put_hash_area(out, options);
	if (options->slot_size > 0)
		put_trailer(out, options);
	return g_byte_array_free_to_bytes(out);
}

void make_image_hash(GBytes *image, SmpHash *hash)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpFirmware) firmware = smp_firmware_parse("test image", image, &error);

	g_assert_no_error(error);
	*hash = firmware->hash;
}

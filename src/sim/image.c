/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Header and TLVs: MCUboot boot/bootutil/include/bootutil/image.h. */

#include "sim/image.h"

#include <string.h>

#define TLV_INFO_MAGIC	    0x6907
#define TLV_PROT_INFO_MAGIC 0x6908
#define TLV_SHA256	    0x10
#define TLV_DEPENDENCY	    0x40
#define TLV_HEADER_SIZE	    4
#define DEPENDENCY_SIZE	    12

static guint16 get16(const guint8 *data)
{
	return (guint16)(data[0] | data[1] << 8);
}

static guint32 get32(const guint8 *data)
{
	return get16(data) | (guint32)get16(data + 2) << 16;
}

static SimVersion get_version(const guint8 *data)
{
	return (SimVersion){data[0], data[1], get16(data + 2), get32(data + 4)};
}

gboolean sim_image_read_header(const guint8 *data, gsize size, SimImage *image)
{
	if (size < SIM_IMAGE_HEADER_SIZE || get32(data) != SIM_IMAGE_MAGIC)
		return FALSE;
	*image = (SimImage){.version = get_version(data + 20),
			    .flags = get32(data + 16),
			    .load_addr = get32(data + 4),
			    .header_size = get16(data + 8)};
	return TRUE;
}

/* Bytes of the TLV area at @at, 0 where there is none or it does not fit. */
static gsize area_size(const guint8 *data, gsize size, gsize at, guint16 magic)
{
	if (at + TLV_HEADER_SIZE > size || get16(data + at) != magic)
		return 0;
	gsize total = get16(data + at + 2);
	return total >= TLV_HEADER_SIZE && at + total <= size ? total : 0;
}

/* The first TLV of @type in the area. */
static const guint8 *find_tlv(const guint8 *area, gsize size, guint16 type, gsize *length)
{
	gsize at = TLV_HEADER_SIZE;

	while (at + TLV_HEADER_SIZE <= size) {
		*length = get16(area + at + 2);
		if (at + TLV_HEADER_SIZE + *length > size)
			return NULL;
		if (get16(area + at) == type)
			return area + at + TLV_HEADER_SIZE;
		at += TLV_HEADER_SIZE + *length;
	}
	return NULL;
}

gboolean sim_image_read(const guint8 *data, gsize size, SimImage *image)
{
	if (!sim_image_read_header(data, size, image))
		return FALSE;
	gsize end = (gsize)get16(data + 8) + get32(data + 12);
	gsize protected_size = get16(data + 10);
	if (end > size || protected_size > size - end)
		return FALSE;
	if (protected_size > 0) {
		if (area_size(data, size, end, TLV_PROT_INFO_MAGIC) != protected_size)
			return FALSE;
		image->dependencies = data + end;
		image->dependencies_size = protected_size;
		end += protected_size;
	}
	gsize total = area_size(data, size, end, TLV_INFO_MAGIC);
	gsize length = 0;
	const guint8 *hash = total ? find_tlv(data + end, total, TLV_SHA256, &length) : NULL;
	if (!hash || length != SIM_IMAGE_HASH_SIZE)
		return FALSE;
	image->hash = hash;
	image->hashed = end;
	image->size = end + total;
	return TRUE;
}

static void sha256(const guint8 *data, gsize size, guint8 *hash)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	gsize length = SIM_IMAGE_HASH_SIZE;

	g_checksum_update(checksum, data, (gssize)size);
	g_checksum_get_digest(checksum, hash, &length);
}

gboolean sim_image_check(const guint8 *data, gsize size, SimImage *image)
{
	guint8 hash[SIM_IMAGE_HASH_SIZE];

	if (!sim_image_read(data, size, image))
		return FALSE;
	sha256(data, image->hashed, hash);
	return memcmp(hash, image->hash, sizeof hash) == 0;
}

gboolean sim_image_next_dependency(const SimImage *image, gsize *position, guint *number,
				   SimVersion *minimum)
{
	const guint8 *area = image->dependencies;
	gsize at = MAX(*position, TLV_HEADER_SIZE);

	while (area && at + TLV_HEADER_SIZE <= image->dependencies_size) {
		guint16 type = get16(area + at);
		gsize length = get16(area + at + 2);
		const guint8 *value = area + at + TLV_HEADER_SIZE;
		at += TLV_HEADER_SIZE + length;
		if (at > image->dependencies_size)
			return FALSE;
		if (type != TLV_DEPENDENCY || length != DEPENDENCY_SIZE)
			continue;
		*number = value[0];
		*minimum = get_version(value + 4);
		*position = at;
		return TRUE;
	}
	return FALSE;
}

int sim_version_compare(const SimVersion *a, const SimVersion *b)
{
	guint64 x = (guint64)a->major << 24 | (guint64)a->minor << 16 | a->revision;
	guint64 y = (guint64)b->major << 24 | (guint64)b->minor << 16 | b->revision;

	return (x > y) - (x < y);
}

gboolean sim_version_parse(const char *text, SimVersion *version)
{
	static const guint64 limits[] = {G_MAXUINT8, G_MAXUINT8, G_MAXUINT16, G_MAXUINT32};
	g_auto(GStrv) parts = g_strsplit_set(text, ".+", -1);
	guint n = g_strv_length(parts);
	guint64 numbers[G_N_ELEMENTS(limits)] = {0};

	if (n < 1 || n > G_N_ELEMENTS(limits))
		return FALSE;
	for (guint i = 0; i < n; i++) {
		if (!g_ascii_string_to_unsigned(parts[i], 10, 0, limits[i], &numbers[i], NULL))
			return FALSE;
	}
	*version = (SimVersion){(guint8)numbers[0], (guint8)numbers[1], (guint16)numbers[2],
				(guint32)numbers[3]};
	return TRUE;
}

char *sim_version_text(const SimVersion *version)
{
	if (version->build)
		return g_strdup_printf("%u.%u.%u.%u", version->major, version->minor,
				       version->revision, version->build);
	return g_strdup_printf("%u.%u.%u", version->major, version->minor, version->revision);
}

static void put16(GByteArray *out, guint16 value)
{
	guint8 bytes[] = {value & 0xff, (guint8)(value >> 8)};
	g_byte_array_append(out, bytes, sizeof bytes);
}

static void put32(GByteArray *out, guint32 value)
{
	put16(out, (guint16)value);
	put16(out, (guint16)(value >> 16));
}

static void put_version(GByteArray *out, const SimVersion *version)
{
	put16(out, (guint16)(version->major | version->minor << 8));
	put16(out, version->revision);
	put32(out, version->build);
}

/* Bytes that look like code to a compressor: the same ones for the same version and salt. */
static void put_payload(GByteArray *out, gsize size, const SimVersion *version, guint32 salt)
{
	guint32 state = salt * 2654435761u + version->major * 16777619u + version->minor * 65599u +
			version->revision * 257u + version->build + 1;

	for (gsize i = 0; i < size; i++) {
		guint8 byte;
		state = state * 1664525u + 1013904223u;
		byte = (guint8)(state >> 24);
		g_byte_array_append(out, &byte, 1);
	}
}

#define MADE_HEADER_SIZE 0x200

GByteArray *sim_image_make(const SimVersion *version, gsize size, guint32 salt,
			   const SimVersion *dependency, guint dependency_image)
{
	GByteArray *out = g_byte_array_new();
	guint16 protected_size = dependency ? 2 * TLV_HEADER_SIZE + DEPENDENCY_SIZE : 0;
	guint8 hash[SIM_IMAGE_HASH_SIZE];

	put32(out, SIM_IMAGE_MAGIC);
	put32(out, 0);
	put16(out, MADE_HEADER_SIZE);
	put16(out, protected_size);
	put32(out, (guint32)size);
	put32(out, 0);
	put_version(out, version);
	while (out->len < MADE_HEADER_SIZE)
		put32(out, out->len < SIM_IMAGE_HEADER_SIZE ? 0 : G_MAXUINT32);
	put_payload(out, size, version, salt);
	if (dependency) {
		put16(out, TLV_PROT_INFO_MAGIC);
		put16(out, protected_size);
		put16(out, TLV_DEPENDENCY);
		put16(out, DEPENDENCY_SIZE);
		put32(out, dependency_image);
		put_version(out, dependency);
	}
	sha256(out->data, out->len, hash);
	put16(out, TLV_INFO_MAGIC);
	put16(out, 2 * TLV_HEADER_SIZE + sizeof hash);
	put16(out, TLV_SHA256);
	put16(out, sizeof hash);
	g_byte_array_append(out, hash, sizeof hash);
	return out;
}

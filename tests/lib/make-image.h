/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/firmware.h>

/**
 * MakeImage: what an image for tests is like. All zeros is good: version 0.0.0, a 32-byte header,
 * no payload, a SHA-256.
 * @header_size: 0 for 32
 * @seed: the payload's first byte; another seed makes another image
 * @stack, @reset: not 0 makes the payload begin with a Cortex-M vector table of these; it must have
 *   room for one (44 bytes)
 * @tlvs: more TLVs, by their `is_protected` in the protected area (before everything else) or the
 *   other one (behind the hash)
 * @hash_type: the hash TLV: SMP_TLV_SHA256 (or 0), _SHA384, _SHA512
 * @slot_size: as `imgtool sign --pad -S`: not 0 pads to it and puts the trailer's magic at its end
 * @alignment: of the trailer: 8 (or 0), 16, 32
 * @confirmed: as `--confirm`: sets image_ok in the trailer
 */
typedef struct {
	SmpVersion version;
	guint32 flags;
	guint32 load_addr;
	guint16 header_size;
	gsize payload_size;
	guint8 seed;
	guint32 stack;
	guint32 reset;
	const SmpTlv *tlvs;
	guint n_tlvs;
	guint16 hash_type;
	gsize slot_size;
	guint alignment;
	gboolean confirmed;
} MakeImage;

/* Returns: (transfer full): a whole, valid, unsigned MCUboot image */
GBytes *make_image(const MakeImage *options);

/* Sets @hash to what make_image() put into its hash TLV. */
void make_image_hash(GBytes *image, SmpHash *hash);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* MCUboot images as the board's bootloader and server see them. Written apart from src/firmware on
 * purpose: a mistake in one shows against the other. */

#include <glib.h>

G_BEGIN_DECLS

#define SIM_IMAGE_HEADER_SIZE  32
#define SIM_IMAGE_MAGIC	       0x96f3b83du
#define SIM_IMAGE_NON_BOOTABLE 0x10u
#define SIM_IMAGE_ROM_FIXED    0x100u
#define SIM_IMAGE_HASH_SIZE    32

typedef struct {
	guint8 major, minor;
	guint16 revision;
	guint32 build;
} SimVersion;

/**
 * SimImage:
 * @size: header, payload and TLVs
 * @hashed: bytes that the hash covers
 * @hash: (nullable): the SHA-256 TLV, in the data that was read
 */
typedef struct {
	SimVersion version;
	guint32 flags;
	guint32 load_addr;
	guint16 header_size;
	gsize size;
	gsize hashed;
	const guint8 *hash;
	const guint8 *dependencies;
	gsize dependencies_size;
} SimImage;

/* Only the header. @image then has version, flags and load address. */
gboolean sim_image_read_header(const guint8 *data, gsize size, SimImage *image);

/* Header and TLVs; FALSE where one of them is not there or the hash is missing. Whether the hash is
 * right is not looked at: a Zephyr application lists such an image. */
gboolean sim_image_read(const guint8 *data, gsize size, SimImage *image);

/* What the bootloader checks: sim_image_read(), and the hash is that of the bytes. */
gboolean sim_image_check(const guint8 *data, gsize size, SimImage *image);

/**
 * sim_image_next_dependency:
 * @position: 0 at first
 *
 * Returns: whether there is one more: @number has to be of @minimum or newer
 */
gboolean sim_image_next_dependency(const SimImage *image, gsize *position, guint *number,
				   SimVersion *minimum);

/* The build number does not count (MCUboot, unless told otherwise). */
int sim_version_compare(const SimVersion *a, const SimVersion *b);
gboolean sim_version_parse(const char *text, SimVersion *version);
/* As servers print it: "1.2.3", "1.2.3.4" with a build number. */
char *sim_version_text(const SimVersion *version);

/**
 * sim_image_make:
 * @size: bytes of payload
 * @salt: makes another payload out of the same version and size
 * @dependency: (nullable): minimum version of image @dependency_image
 *
 * Returns: (transfer full): a valid, unsigned image
 */
GByteArray *sim_image_make(const SimVersion *version, gsize size, guint32 salt,
			   const SimVersion *dependency, guint dependency_image);

G_END_DECLS

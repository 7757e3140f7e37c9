/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What follows an image in its file. `imgtool sign --pad` makes the file as large as the slot and
 * ends it with MCUboot's trailer (imgtool image.py pad_to(); MCUboot bootutil_public.c). */

#include "firmware/le.h"
#include "firmware/parse.h"
#include "firmware/spool.h"

#define MAGIC_SIZE 16

static const guint8 magic_align_8[MAGIC_SIZE] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
						 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};
/* Behind the alignment, 16 bits. */
static const guint8 magic_other[MAGIC_SIZE - 2] = {0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
						   0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a};

/* The alignment of the trailer whose magic these 16 bytes are, 0 where they are none. */
static guint magic_alignment(const guint8 *magic)
{
	if (memcmp(magic, magic_align_8, MAGIC_SIZE) == 0)
		return 8;
	guint alignment = smp_le16(magic);
	if (memcmp(magic + 2, magic_other, sizeof magic_other) != 0)
		return 0;
	return alignment == 16 || alignment == 32 ? alignment : 0;
}

static gboolean refuse_rest(const SmpFirmware *firmware, gsize end, gsize rest, GError **error)
{
	gsize second = smp_firmware_find_image(firmware, end);

	if (second > 0)
		return smp_file_fail(
			firmware->name, error, SMP_UPDATE_ERROR_NOT_MCUBOOT,
			"holds several images, the next at byte %" G_GSIZE_FORMAT
			": a merged file for a programmer; give each image as a file of its own",
			second);
	return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
			     "has %" G_GSIZE_FORMAT
			     " bytes behind the image that are neither padding nor a trailer; "
			     "build or copy it again",
			     rest);
}

/* Erased flash reads 0xff, on a few chips 0x00. */
static gboolean is_padding(const guint8 *data, gsize size)
{
	for (gsize i = 0; i < size; i++) {
		if (data[i] != 0xff && data[i] != 0x00)
			return FALSE;
		if (i % SMP_SPOOL_PIECE == 0)
			smp_spool_rest(data, i);
	}
	return TRUE;
}

gboolean smp_firmware_read_trailer(SmpFirmware *firmware, gsize end, GError **error)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(firmware->bytes, &size);
	const guint8 *rest = data + end;
	gsize rest_size = size - end;
	gsize padding = rest_size;
	guint alignment = rest_size < MAGIC_SIZE ? 0 : magic_alignment(data + size - MAGIC_SIZE);
	/* The magic takes whole units of the alignment, and image_ok one before them. */
	gsize image_ok = MAX(MAGIC_SIZE, alignment) + alignment;

	if (alignment > 0 && image_ok <= rest_size) {
		firmware->padded = TRUE;
		firmware->confirmed_trailer = data[size - image_ok] == 0x01;
		padding -= firmware->confirmed_trailer ? image_ok : MAGIC_SIZE;
	}
	if (!is_padding(rest, padding))
		return refuse_rest(firmware, end, rest_size, error);
	return TRUE;
}

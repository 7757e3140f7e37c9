/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The image header (MCUboot bootutil/image.h, `struct image_header`). */

#include "firmware/le.h"
#include "firmware/parse.h"

#define MAGIC_BEFORE_1_0 0x96f3b83c

static void fill(SmpFirmware *firmware, const guint8 *header)
{
	firmware->load_addr = smp_le32(header + 4);
	firmware->header_size = smp_le16(header + 8);
	firmware->protected_size = smp_le16(header + 10);
	firmware->image_size = smp_le32(header + 12);
	firmware->flags = smp_le32(header + 16);
	firmware->version = (SmpVersion){
		.major = header[20],
		.minor = header[21],
		.revision = smp_le16(header + 22),
		.build = smp_le32(header + 24),
	};
}

static gboolean check_magic(const SmpFirmware *firmware, const guint8 *data, gsize size,
			    GError **error)
{
	guint32 magic = size < 4 ? 0 : smp_le32(data);

	if (magic == SMP_IMAGE_MAGIC)
		return TRUE;
	if (magic == MAGIC_BEFORE_1_0)
		return smp_file_fail(
			firmware->name, error, SMP_UPDATE_ERROR_NOT_MCUBOOT,
			"is an image for MCUboot before 1.0, which today's MCUboot does not start; "
			"sign it again with a current imgtool");
	if (magic == GUINT32_SWAP_LE_BE(SMP_IMAGE_MAGIC))
		return smp_file_fail(
			firmware->name, error, SMP_UPDATE_ERROR_NOT_MCUBOOT,
			"is a big-endian MCUboot image, which this program does not support; sign "
			"it with imgtool's --endian little if the board is little-endian");
	return smp_firmware_refuse_foreign(firmware, error);
}

gboolean smp_firmware_read_header(SmpFirmware *firmware, GError **error)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(firmware->bytes, &size);

	if (!check_magic(firmware, data, size, error))
		return FALSE;
	if (size < SMP_IMAGE_HEADER_SIZE)
		return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is cut short: it has %" G_GSIZE_FORMAT
				     " bytes, less than an image header; copy it again",
				     size);
	fill(firmware, data);
	if (firmware->header_size < SMP_IMAGE_HEADER_SIZE)
		return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is damaged: its header says that it is %u bytes long, and "
				     "%u is the least; build or copy it again",
				     firmware->header_size, SMP_IMAGE_HEADER_SIZE);
	guint64 end = (guint64)firmware->header_size + firmware->image_size;
	if (end > size)
		return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_CORRUPT,
				     "is cut short: header and payload are %" G_GUINT64_FORMAT
				     " bytes, and the file has %" G_GSIZE_FORMAT "; copy it again",
				     end, size);
	return TRUE;
}

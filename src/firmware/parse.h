/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/error.h>
#include <smp/firmware.h>

/* The parts of smp_firmware_parse(): each reads its part of @firmware->bytes and fills its fields.
 */

/* No microcontroller's slot is larger. */
#define SMP_FILE_MAX_MIB 64
#define SMP_FILE_MAX	 ((gsize)SMP_FILE_MAX_MIB * 1024 * 1024)

#define SMP_IMAGE_HEADER_SIZE 32
#define SMP_IMAGE_MAGIC	      0x96f3b83d
#define SMP_TLV_INFO_SIZE     4
#define SMP_TLV_INFO_MAGIC    0x6907

/* Sets @error to the file's @name and then @format; returns FALSE. */
gboolean smp_file_fail(const char *name, GError **error, SmpUpdateError code, const char *format,
		       ...) G_GNUC_PRINTF(4, 5);

/* Leaves header and payload known to lie within the bytes. */
gboolean smp_firmware_read_header(SmpFirmware *firmware, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads both TLV areas; @end is the first byte behind them. */
gboolean smp_firmware_read_tlvs(SmpFirmware *firmware, gsize *end,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Looks at what lies behind the image: nothing, padding, or padding with a trailer. */
gboolean smp_firmware_read_trailer(SmpFirmware *firmware, gsize end,
				   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes the image hash from its TLV and recomputes it. */
gboolean smp_firmware_read_hash(SmpFirmware *firmware, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Says what the bytes are, if they are no MCUboot image; returns FALSE. */
gboolean smp_firmware_refuse_foreign(const SmpFirmware *firmware, GError **error);

/* Returns: offset of the first whole image at or behind @from, 0 where there is none */
gsize smp_firmware_find_image(const SmpFirmware *firmware, gsize from);

/* The beginning of a program for an Arm Cortex-M: stack in RAM, reset vector in Thumb mode, vectors
 * 8 to 10 reserved in all architectures. */
gboolean smp_is_vector_table(const guint8 *data, gsize size);

/* Whether a text from a file can be shown on a terminal. */
gboolean smp_is_printable(const char *text);

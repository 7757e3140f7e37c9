/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names files that are no MCUboot image, so that the message can say what to take instead. */

#include "firmware/le.h"
#include "firmware/parse.h"

#define WANTED "give the signed image, in Zephyr zephyr.signed.bin; was it signed with imgtool?"

/* Where slots begin: flash pages are no smaller. */
#define PAGE_SIZE 256

static const struct {
	const char *magic;
	gsize size;
	const char *what;
	const char *advice;
} foreign_magics[] = {
	{"\x7f"
	 "ELF",
	 4, "an ELF program", WANTED},
	{"PK\3\4", 4, "a ZIP archive",
	 "as a package it is for an update as a whole; here give one signed image of those in it"},
	{"\x1f\x8b", 2, "gzip-compressed", "unpack it first"},
	{"\xfd"
	 "7zXZ",
	 5, "xz-compressed", "unpack it first"},
	{"BZh", 3, "bzip2-compressed", "unpack it first"},
	{"\x28\xb5\x2f\xfd", 4, "zstd-compressed", "unpack it first"},
	{"UF2\n", 4, "a UF2 file for a USB-drive bootloader", WANTED},
	{"DfuSe", 5, "a DfuSe file for ST's USB bootloader", WANTED},
	{"\xd8\x6b", 2, "a SUIT envelope", "boards that take it do not start through MCUboot"},
	{"S0", 2, "a Motorola S-record file",
	 "give the signed image as binary or Intel HEX (zephyr.signed.bin)"},
	{"version https://git-lfs", 23, "a Git LFS pointer", "fetch the file itself: git lfs pull"},
	{"-----BEGIN", 10, "a PEM key or certificate", WANTED},
	{"<", 1, "an HTML or XML text", "perhaps a download went wrong; " WANTED},
};

static gboolean all_bytes(const guint8 *data, gsize size, guint8 value)
{
	for (gsize i = 0; i < size; i++)
		if (data[i] != value)
			return FALSE;
	return TRUE;
}

static gboolean is_text(const guint8 *data, gsize size)
{
	for (gsize i = 0; i < MIN(size, 4096); i++)
		if (data[i] < 0x20 && !g_ascii_isspace(data[i]))
			return FALSE;
	return g_utf8_validate_len((const char *)data, size, NULL);
}

static gboolean refuse(const SmpFirmware *firmware, GError **error, const char *what,
		       const char *advice)
{
	return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_NOT_MCUBOOT,
			     "is %s, not an MCUboot image; %s", what, advice);
}

static gboolean refuse_merged(const SmpFirmware *firmware, gsize offset, GError **error)
{
	return smp_file_fail(
		firmware->name, error, SMP_UPDATE_ERROR_NOT_MCUBOOT,
		"is a merged file for a programmer: an MCUboot image begins only at %s "
		"0x%" G_GINT64_MODIFIER
		"x, behind something else; give the application's signed image alone "
		"(zephyr.signed.bin)",
		firmware->from_hex ? "address" : "byte", (guint64)firmware->hex_address + offset);
}

static gboolean refuse_by_look(const SmpFirmware *firmware, const guint8 *data, gsize size,
			       GError **error)
{
	if (all_bytes(data, size, 0xff))
		return refuse(firmware, error, "erased flash, all 0xff", WANTED);
	if (smp_is_vector_table(data, size) ||
	    (size >= SMP_IMAGE_HEADER_SIZE && all_bytes(data, SMP_IMAGE_HEADER_SIZE, 0)))
		return refuse(firmware, error, "a program without MCUboot's header", WANTED);
	if (is_text(data, size))
		return refuse(firmware, error, "a text file", WANTED);
	return refuse(firmware, error, "a file of unknown format", WANTED);
}

gboolean smp_firmware_refuse_foreign(const SmpFirmware *firmware, GError **error)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(firmware->bytes, &size);

	if (size == 0)
		return refuse(firmware, error, "empty", WANTED);
	for (guint i = 0; i < G_N_ELEMENTS(foreign_magics); i++)
		if (size >= foreign_magics[i].size &&
		    memcmp(data, foreign_magics[i].magic, foreign_magics[i].size) == 0)
			return refuse(firmware, error, foreign_magics[i].what,
				      foreign_magics[i].advice);
	gsize image = smp_firmware_find_image(firmware, 0);
	if (image > 0)
		return refuse_merged(firmware, image, error);
	return refuse_by_look(firmware, data, size, error);
}

/* The magic alone also lies in every MCUboot binary: its TLVs must be there, too. */
static gboolean is_image(const guint8 *data, gsize size)
{
	if (size < SMP_IMAGE_HEADER_SIZE || smp_le32(data) != SMP_IMAGE_MAGIC)
		return FALSE;
	guint64 tlvs = (guint64)smp_le16(data + 8) + smp_le16(data + 10) + smp_le32(data + 12);
	return tlvs + SMP_TLV_INFO_SIZE <= size && smp_le16(data + tlvs) == SMP_TLV_INFO_MAGIC;
}

gsize smp_firmware_find_image(const SmpFirmware *firmware, gsize from)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(firmware->bytes, &size);

	/* Of a HEX file, pages are counted from the address, not from the first byte. */
	gsize skew = -(gsize)firmware->hex_address & (PAGE_SIZE - 1);
	gsize at = (from + PAGE_SIZE - 1 - skew) / PAGE_SIZE * PAGE_SIZE + skew;
	for (; at < size; at += PAGE_SIZE)
		if (at > 0 && is_image(data + at, size - at))
			return at;
	return 0;
}

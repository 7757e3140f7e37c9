/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/firmware.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/hex.h"
#include "firmware/parse.h"
#include "firmware/spool.h"

gboolean smp_file_fail(const char *name, GError **error, SmpUpdateError code, const char *format,
		       ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error(error, SMP_UPDATE_ERROR, (int)code, "%s %s", name, message);
	return FALSE;
}

void smp_firmware_free(SmpFirmware *firmware)
{
	if (!firmware)
		return;
	g_free(firmware->name);
	g_clear_pointer(&firmware->bytes, g_bytes_unref);
	g_clear_pointer(&firmware->tlvs, g_array_unref);
	g_free(firmware);
}

/* Puts in place of a HEX file what it stands for. */
static gboolean decode_hex(SmpFirmware *firmware, GError **error)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(firmware->bytes, &size);

	if (!smp_hex_detect(data, size))
		return TRUE;
	GBytes *decoded = smp_hex_decode(firmware->name, data, size, &firmware->hex_address, error);
	if (!decoded)
		return FALSE;
	g_bytes_unref(firmware->bytes);
	firmware->bytes = decoded;
	firmware->from_hex = TRUE;
	return TRUE;
}

static void compute_sha(SmpFirmware *firmware)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(firmware->bytes, &size);
	g_autoptr(GChecksum) checksum = smp_spool_checksum(G_CHECKSUM_SHA256, data, size);
	gsize sha_size = sizeof firmware->sha;

	g_checksum_get_digest(checksum, firmware->sha, &sha_size);
}

static gboolean refuse_size(const SmpFirmware *firmware, GError **error)
{
	return smp_file_fail(firmware->name, error, SMP_UPDATE_ERROR_FILE,
			     "is larger than %d MiB, more than any slot; is it the right file?",
			     SMP_FILE_MAX_MIB);
}

SmpFirmware *smp_firmware_parse(const char *name, GBytes *bytes, GError **error)
{
	g_autoptr(SmpFirmware) firmware = g_new0(SmpFirmware, 1);
	gsize end;

	firmware->name = g_strdup(name);
	firmware->bytes = g_bytes_ref(bytes);
	firmware->tlvs = g_array_new(FALSE, FALSE, sizeof(SmpTlv));
	if (g_bytes_get_size(bytes) > SMP_FILE_MAX) {
		refuse_size(firmware, error);
		return NULL;
	}
	if (!decode_hex(firmware, error) || !smp_firmware_read_header(firmware, error) ||
	    !smp_firmware_read_tlvs(firmware, &end, error) ||
	    !smp_firmware_read_trailer(firmware, end, error) ||
	    !smp_firmware_read_hash(firmware, error))
		return NULL;
	compute_sha(firmware);
	return g_steal_pointer(&firmware);
}

/* Reads to the end, or one byte more than is allowed. NULL with errno. */
static GBytes *read_all(int fd)
{
	g_auto(SmpSpool) all;
	guint8 chunk[16 * 1024];

	smp_spool_init(&all);
	while (all.size <= SMP_FILE_MAX) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		if (!smp_spool_append(&all, chunk, (gsize)n))
			return NULL;
	}
	return smp_spool_finish(&all);
}

GBytes *smp_firmware_read_file(const char *path, GError **error)
{
	g_autofree char *display = g_filename_display_name(path);
	GBytes *bytes = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		bytes = read_all(fd);
	if (!bytes)
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE, "cannot read %s: %s",
			    display, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return bytes;
}

SmpFirmware *smp_firmware_load(const char *path, GError **error)
{
	g_autofree char *name = g_filename_display_basename(path);
	g_autoptr(GBytes) bytes = smp_firmware_read_file(path, error);

	return bytes ? smp_firmware_parse(name, bytes, error) : NULL;
}

const SmpTlv *smp_firmware_find_tlv(const SmpFirmware *firmware, guint16 type)
{
	for (guint i = 0; i < firmware->tlvs->len; i++) {
		const SmpTlv *tlv = &g_array_index(firmware->tlvs, SmpTlv, i);
		if (tlv->type == type)
			return tlv;
	}
	return NULL;
}

gboolean smp_firmware_is_encrypted(const SmpFirmware *firmware)
{
	return (firmware->flags &
		(SMP_IMAGE_FLAG_ENCRYPTED_AES128 | SMP_IMAGE_FLAG_ENCRYPTED_AES256)) != 0;
}

/* In DER a P-256 signature has 72 bytes at most, a P-384 one hardly ever less than 96. */
static const char *ecdsa_name(const SmpTlv *signature)
{
	return signature->size > 80 ? "ECDSA P-384" : "ECDSA P-256";
}

const char *smp_firmware_signature_name(const SmpFirmware *firmware)
{
	for (guint i = 0; i < firmware->tlvs->len; i++) {
		const SmpTlv *tlv = &g_array_index(firmware->tlvs, SmpTlv, i);
		switch (tlv->type) {
		case SMP_TLV_RSA2048_PSS:
			return "RSA-2048";
		case SMP_TLV_RSA3072_PSS:
			return "RSA-3072";
		case SMP_TLV_ECDSA224:
			return "ECDSA P-224";
		case SMP_TLV_ECDSA_SIG:
			return ecdsa_name(tlv);
		case SMP_TLV_ED25519:
			return smp_firmware_find_tlv(firmware, SMP_TLV_SIG_PURE) ? "Ed25519 (pure)"
										 : "Ed25519";
		default:
			break;
		}
	}
	return "none";
}

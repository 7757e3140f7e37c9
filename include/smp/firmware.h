/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/image.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* What is to be installed: an MCUboot image (MCUboot image.h, docs/design.md). No device I/O. */

typedef struct {
	guint8 major;
	guint8 minor;
	guint16 revision;
	guint32 build;
} SmpVersion;

/* Compares as MCUboot does: the build number only with @with_build. <0, 0, >0. */
int smp_version_compare(const SmpVersion *a, const SmpVersion *b, gboolean with_build);
/* Returns: (transfer full): "1.2.3" or "1.2.3+4"; what a server lists as "1.2.3.4" */
char *smp_version_to_string(const SmpVersion *version);
/* Accepts "1.2.3", "1.2.3+4" and "1.2.3.4". FALSE for anything else, "<???>" included. */
gboolean smp_version_parse(const char *text, SmpVersion *version);

/* Flags of the image header. */
enum {
	SMP_IMAGE_FLAG_PIC = 0x00000001,
	SMP_IMAGE_FLAG_ENCRYPTED_AES128 = 0x00000004,
	SMP_IMAGE_FLAG_ENCRYPTED_AES256 = 0x00000008,
	SMP_IMAGE_FLAG_NON_BOOTABLE = 0x00000010,
	SMP_IMAGE_FLAG_RAM_LOAD = 0x00000020,
	SMP_IMAGE_FLAG_ROM_FIXED = 0x00000100,
	SMP_IMAGE_FLAG_COMPRESSED_LZMA1 = 0x00000200,
	SMP_IMAGE_FLAG_COMPRESSED_LZMA2 = 0x00000400,
	SMP_IMAGE_FLAG_COMPRESSED_ARM_THUMB = 0x00000800,
};

/* TLV types. */
enum {
	SMP_TLV_KEYHASH = 0x01,
	SMP_TLV_PUBKEY = 0x02,
	SMP_TLV_SHA256 = 0x10,
	SMP_TLV_SHA384 = 0x11,
	SMP_TLV_SHA512 = 0x12,
	SMP_TLV_RSA2048_PSS = 0x20,
	SMP_TLV_ECDSA224 = 0x21,
	SMP_TLV_ECDSA_SIG = 0x22,
	SMP_TLV_RSA3072_PSS = 0x23,
	SMP_TLV_ED25519 = 0x24,
	SMP_TLV_SIG_PURE = 0x25,
	SMP_TLV_ENC_RSA2048 = 0x30,
	SMP_TLV_ENC_KW = 0x31,
	SMP_TLV_ENC_EC256 = 0x32,
	SMP_TLV_ENC_X25519 = 0x33,
	SMP_TLV_ENC_X25519_SHA512 = 0x34,
	SMP_TLV_DEPENDENCY = 0x40,
	SMP_TLV_SEC_CNT = 0x50,
	SMP_TLV_BOOT_RECORD = 0x60,
	SMP_TLV_DECOMP_SIZE = 0x70,
	SMP_TLV_DECOMP_SHA = 0x71,
	SMP_TLV_DECOMP_SIGNATURE = 0x72,
	SMP_TLV_COMP_DEC_SIZE = 0x73,
	SMP_TLV_UUID_VID = 0x74,
	SMP_TLV_UUID_CID = 0x75,
};

/* One TLV; @data points into the firmware's bytes. */
typedef struct {
	guint16 type;
	gboolean is_protected;
	const guint8 *data;
	guint16 size;
} SmpTlv;

/* Returns: (nullable): MCUboot's name of a TLV type ("ECDSA_SIG"), %NULL where unknown */
const char *smp_tlv_name(guint16 type);

/* Returns: (transfer full) (nullable): what a TLV says, in words: "needs image 1 at 1.0.0 or
 * newer"; %NULL where there is nothing to say beyond its name */
char *smp_tlv_to_string(const SmpTlv *tlv);

/**
 * SmpFirmware: one image, immutable once loaded.
 * @name: file name without directories, for messages
 * @bytes: what is uploaded; of a HEX file the binary it stands for
 * @sha: SHA-256 of @bytes: the `sha` of an upload request
 * @hash: the image hash (SHA-2 TLV): how the image list names it. A compressed image that was
 *   installed goes by the hash in its DECOMP_SHA TLV instead (by MCUboot's design)
 * @hash_checked: the hash was recomputed and agrees; FALSE for encrypted images, where that is
 *   impossible without the key
 * @from_hex: the file was Intel HEX; @hex_address is where it starts
 * @padded: made with `imgtool sign --pad`: slot-sized, with a trailer that makes it pending by
 * itself
 * @confirmed_trailer: ... and with `--confirm`
 * @tlvs: (element-type SmpTlv): both areas, in file order
 */
typedef struct {
	char *name;
	GBytes *bytes;
	guint8 sha[32];
	SmpHash hash;
	gboolean hash_checked;
	gboolean from_hex;
	guint32 hex_address;
	gboolean padded;
	gboolean confirmed_trailer;
	guint32 load_addr;
	guint16 header_size;
	guint16 protected_size;
	guint32 image_size;
	guint32 flags;
	SmpVersion version;
	GArray *tlvs;
} SmpFirmware;

/**
 * smp_firmware_load:
 * @path: an MCUboot image, binary or Intel HEX
 *
 * Reads and checks it: sizes, TLV bounds, the hash recomputed, what follows the image (nothing,
 * padding, or the trailer of `--pad`). Files above 64 MiB are refused. An error's message names the
 * file, what is wrong with it and what to take instead: it needs no prefix.
 *
 * Returns: (transfer full): the image; %NULL with %SMP_UPDATE_ERROR_FILE, _NOT_MCUBOOT, _CORRUPT
 */
SmpFirmware *smp_firmware_load(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for bytes that are at hand; @name is for messages. */
SmpFirmware *smp_firmware_parse(const char *name, GBytes *bytes,
				GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the bytes of a file unchecked, at most a few more than are allowed;
 * many of them are kept on disk */
GBytes *smp_firmware_read_file(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void smp_firmware_free(SmpFirmware *firmware);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpFirmware, smp_firmware_free)

/* The image number and least version that a DEPENDENCY TLV names; FALSE where it is malformed. */
gboolean smp_tlv_dependency(const SmpTlv *tlv, guint *image, SmpVersion *least);
/* The security counter; -1 where the image has none. */
gint64 smp_firmware_security_counter(const SmpFirmware *firmware);
/* Returns: (nullable): the first TLV of a type */
const SmpTlv *smp_firmware_find_tlv(const SmpFirmware *firmware, guint16 type);
/* Whether the payload cannot be read without a key. */
gboolean smp_firmware_is_encrypted(const SmpFirmware *firmware);

/**
 * smp_firmware_vectors:
 * @stack: (out): initial stack pointer
 * @reset: (out): where the program starts; bit 0 says Thumb
 *
 * Returns: FALSE where the payload does not begin with the vector table of an Arm Cortex-M:
 * another architecture, no program, encrypted, compressed
 */
gboolean smp_firmware_vectors(const SmpFirmware *firmware, guint32 *stack, guint32 *reset);

/* Whether an address is in the flash of an nRF5340's network core (nRF5340 Product Specification,
 * memory map). */
gboolean smp_address_is_network_core(gint64 address);
/* "Ed25519", "ECDSA P-256"…, "Ed25519 (pure)" where the image itself is signed instead of its hash,
 * "none"; by its TLVs, nothing is verified. */
const char *smp_firmware_signature_name(const SmpFirmware *firmware);

G_END_DECLS
#pragma GCC visibility pop

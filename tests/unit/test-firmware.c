/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/error.h>
#include <smp/firmware.h>

#include <string.h>

#include "tests/lib/make-image.h"

/* protocol.md 9.5: payload 00..0f, version 1.2.3+4. */
static const char vector_a[] =
	"3db8f396000000002000000010000000000000000102030004000000"
	"00000000000102030405060708090a0b0c0d0e0f076928001000200004cbb04cff0327ca1d27929d4af2c825fb"
	"1d13bdb48fd5fdd935263b6e42d4b3";
static const char vector_b[] =
	"3db8f3960000000020000c0010000000000000000102030004000000"
	"00000000000102030405060708090a0b0c0d0e0f08690c005000040007000000"
	"0769280010002000125b4e265b50c261a2a5e942d9f0863fa696295617a8db87ad2849edbed9a219";

static const guint8 counter_7[] = {7, 0, 0, 0};
static const SmpTlv sec_cnt = {SMP_TLV_SEC_CNT, TRUE, counter_7, sizeof counter_7};

static const MakeImage image_a = {.version = {1, 2, 3, 4}, .payload_size = 16};
static const MakeImage image_b = {
	.version = {1, 2, 3, 4}, .payload_size = 16, .tlvs = &sec_cnt, .n_tlvs = 1};

static char *to_hex(const guint8 *data, gsize size)
{
	GString *text = g_string_new(NULL);

	for (gsize i = 0; i < size; i++)
		g_string_append_printf(text, "%02x", data[i]);
	return g_string_free(text, FALSE);
}

static void assert_bytes(const guint8 *data, gsize size, const char *wanted)
{
	g_autofree char *hex = to_hex(data, size);

	g_assert_cmpstr(hex, ==, wanted);
}

static SmpFirmware *parse(GBytes *bytes)
{
	g_autoptr(GError) error = NULL;
	SmpFirmware *firmware = smp_firmware_parse("app.bin", bytes, &error);

	g_assert_no_error(error);
	g_assert_nonnull(firmware);
	return firmware;
}

static SmpFirmware *make(const MakeImage *options)
{
	g_autoptr(GBytes) bytes = make_image(options);

	return parse(bytes);
}

/* Each message names the file. */
static void assert_refused(GBytes *bytes, SmpUpdateError code, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpFirmware) firmware = smp_firmware_parse("app.bin", bytes, &error);

	g_assert_null(firmware);
	g_assert_error(error, SMP_UPDATE_ERROR, (int)code);
	g_test_message("%s", error->message);
	g_assert_true(g_str_has_prefix(error->message, "app.bin "));
	g_assert_nonnull(strstr(error->message, text));
}

static void test_vectors(void)
{
	g_autoptr(GBytes) a = make_image(&image_a);
	g_autoptr(GBytes) b = make_image(&image_b);
	g_autoptr(SmpFirmware) firmware_a = parse(a);
	g_autoptr(SmpFirmware) firmware_b = parse(b);

	assert_bytes(g_bytes_get_data(a, NULL), g_bytes_get_size(a), vector_a);
	assert_bytes(g_bytes_get_data(b, NULL), g_bytes_get_size(b), vector_b);
	assert_bytes(firmware_a->hash.data, firmware_a->hash.size,
		     "04cbb04cff0327ca1d27929d4af2c825fb1d13bdb48fd5fdd935263b6e42d4b3");
	assert_bytes(firmware_a->sha, sizeof firmware_a->sha,
		     "0898b398c2999332b1bcb9e49a3659ddb780f361ca06973d2b789bcd84e6d2f2");
	assert_bytes(firmware_b->hash.data, firmware_b->hash.size,
		     "125b4e265b50c261a2a5e942d9f0863fa696295617a8db87ad2849edbed9a219");
	assert_bytes(firmware_b->sha, sizeof firmware_b->sha,
		     "cbd7eb94e4e8c1ae83e3d2234f705215e87fd90fa4473dc97bd7e263a9eee775");
}

static void test_fields(void)
{
	g_autoptr(SmpFirmware) firmware = make(&image_b);

	g_assert_cmpstr(firmware->name, ==, "app.bin");
	g_assert_true(firmware->hash_checked);
	g_assert_false(firmware->from_hex);
	g_assert_false(firmware->padded);
	g_assert_false(firmware->confirmed_trailer);
	g_assert_cmpuint(firmware->header_size, ==, 32);
	g_assert_cmpuint(firmware->protected_size, ==, 12);
	g_assert_cmpuint(firmware->image_size, ==, 16);
	g_assert_cmpuint(firmware->version.major, ==, 1);
	g_assert_cmpuint(firmware->version.minor, ==, 2);
	g_assert_cmpuint(firmware->version.revision, ==, 3);
	g_assert_cmpuint(firmware->version.build, ==, 4);
	g_assert_cmpstr(smp_firmware_signature_name(firmware), ==, "none");
}

static void test_tlvs(void)
{
	g_autoptr(SmpFirmware) firmware = make(&image_b);

	g_assert_cmpuint(firmware->tlvs->len, ==, 2);
	const SmpTlv *counter = smp_firmware_find_tlv(firmware, SMP_TLV_SEC_CNT);
	g_assert_true(counter == &g_array_index(firmware->tlvs, SmpTlv, 0));
	g_assert_true(counter->is_protected);
	g_assert_cmpmem(counter->data, counter->size, counter_7, sizeof counter_7);
	const SmpTlv *hash = smp_firmware_find_tlv(firmware, SMP_TLV_SHA256);
	g_assert_false(hash->is_protected);
	g_assert_cmpuint(hash->size, ==, 32);
	g_assert_null(smp_firmware_find_tlv(firmware, SMP_TLV_KEYHASH));
	g_assert_cmpstr(smp_tlv_name(SMP_TLV_SEC_CNT), ==, "SEC_CNT");
	g_assert_cmpstr(smp_tlv_name(SMP_TLV_UUID_CID), ==, "UUID_CID");
	g_assert_null(smp_tlv_name(0xa0));
}

static void test_header(void)
{
	g_autoptr(SmpFirmware) firmware =
		make(&(MakeImage){.version = {255, 254, 65533, 4294967292},
				  .flags = SMP_IMAGE_FLAG_ROM_FIXED,
				  .load_addr = 0x10020000,
				  .header_size = 0x200,
				  .payload_size = 70001});

	g_assert_cmpuint(firmware->version.revision, ==, 65533);
	g_assert_cmpuint(firmware->version.build, ==, 4294967292);
	g_assert_cmpuint(firmware->flags, ==, SMP_IMAGE_FLAG_ROM_FIXED);
	g_assert_cmpuint(firmware->load_addr, ==, 0x10020000);
	g_assert_cmpuint(firmware->header_size, ==, 0x200);
	g_assert_cmpuint(firmware->image_size, ==, 70001);
}

static void test_hash_kinds(void)
{
	static const struct {
		guint16 type;
		guint size;
	} kinds[] = {{SMP_TLV_SHA256, 32}, {SMP_TLV_SHA384, 48}, {SMP_TLV_SHA512, 64}};

	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		MakeImage options = image_b;
		options.hash_type = kinds[i].type;
		g_autoptr(SmpFirmware) firmware = make(&options);
		g_assert_cmpuint(firmware->hash.size, ==, kinds[i].size);
		g_assert_true(firmware->hash_checked);
	}
}

static void test_signatures(void)
{
	static const guint8 bytes[384] = {0};
	static const struct {
		guint16 type;
		guint16 size;
		gboolean pure;
		const char *name;
	} kinds[] = {
		{SMP_TLV_RSA2048_PSS, 256, FALSE, "RSA-2048"},
		{SMP_TLV_RSA3072_PSS, 384, FALSE, "RSA-3072"},
		{SMP_TLV_ECDSA224, 64, FALSE, "ECDSA P-224"},
		{SMP_TLV_ECDSA_SIG, 71, FALSE, "ECDSA P-256"},
		{SMP_TLV_ECDSA_SIG, 103, FALSE, "ECDSA P-384"},
		{SMP_TLV_ED25519, 64, FALSE, "Ed25519"},
		{SMP_TLV_ED25519, 64, TRUE, "Ed25519 (pure)"},
		{SMP_TLV_KEYHASH, 32, FALSE, "none"},
	};

	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		SmpTlv tlvs[] = {{kinds[i].type, FALSE, bytes, kinds[i].size},
				 {SMP_TLV_SIG_PURE, FALSE, bytes, 1}};
		MakeImage options = {.tlvs = tlvs, .n_tlvs = kinds[i].pure ? 2 : 1};
		g_autoptr(SmpFirmware) firmware = make(&options);
		g_assert_cmpstr(smp_firmware_signature_name(firmware), ==, kinds[i].name);
	}
}

/* The hash of an encrypted image is that of its plain text, which is not to be had. */
static void test_encrypted(void)
{
	MakeImage options = image_b;
	options.flags = SMP_IMAGE_FLAG_ENCRYPTED_AES128;
	g_autoptr(GBytes) plain = make_image(&options);
	g_autoptr(GByteArray) array = g_byte_array_new();
	g_byte_array_append(array, g_bytes_get_data(plain, NULL), (guint)g_bytes_get_size(plain));
	array->data[32] ^= 0x55;
	g_autoptr(GBytes) cipher = g_bytes_new(array->data, array->len);
	g_autoptr(SmpFirmware) clear = parse(plain);
	g_autoptr(SmpFirmware) encrypted = parse(cipher);
	g_autoptr(SmpFirmware) other = make(&image_b);

	g_assert_true(smp_firmware_is_encrypted(clear));
	g_assert_true(clear->hash_checked);
	g_assert_true(smp_firmware_is_encrypted(encrypted));
	g_assert_false(encrypted->hash_checked);
	g_assert_cmpuint(encrypted->hash.size, ==, 32);
	g_assert_false(smp_firmware_is_encrypted(other));
}

static void test_padded(void)
{
	for (guint alignment = 8; alignment <= 32; alignment *= 2) {
		for (gboolean confirmed = FALSE; confirmed <= TRUE; confirmed++) {
			MakeImage options = image_b;
			options.slot_size = 4096;
			options.alignment = alignment;
			options.confirmed = confirmed;
			g_autoptr(SmpFirmware) firmware = make(&options);
			g_assert_true(firmware->padded);
			g_assert_cmpint(firmware->confirmed_trailer, ==, confirmed);
			g_assert_cmpuint(g_bytes_get_size(firmware->bytes), ==, 4096);
		}
	}
}

/* A copy of an image with @size bytes of @data behind it. */
static GBytes *append(const MakeImage *options, const void *data, gsize size)
{
	g_autoptr(GBytes) image = make_image(options);
	GByteArray *array = g_byte_array_new();

	g_byte_array_append(array, g_bytes_get_data(image, NULL), (guint)g_bytes_get_size(image));
	g_byte_array_append(array, data, (guint)size);
	return g_byte_array_free_to_bytes(array);
}

static void test_padding_only(void)
{
	static const guint8 zeros[100] = {0};
	g_autofree guint8 *erased = g_malloc(1000);
	memset(erased, 0xff, 1000);
	g_autoptr(GBytes) with_zeros = append(&image_b, zeros, sizeof zeros);
	g_autoptr(GBytes) with_erased = append(&image_b, erased, 1000);
	g_autoptr(SmpFirmware) first = parse(with_zeros);
	g_autoptr(SmpFirmware) second = parse(with_erased);

	g_assert_false(first->padded);
	g_assert_false(second->padded);
	g_assert_cmpuint(g_bytes_get_size(second->bytes), ==, 1100);
}

/* Image B lies so: header 0, payload 32, protected area 48 (TLV at 52), other area 60 (hash TLV at
 * 64, its value at 68), end 100. */
static const struct {
	const char *name;
	gsize size; /* what is left of it; 0 for all */
	gsize at;
	gsize n;
	const char *bytes;
	SmpUpdateError code;
	const char *text;
} damages[] = {
	{"header-cut", 31, 0, 0, "", SMP_UPDATE_ERROR_CORRUPT, "less than an image header"},
	{"payload-cut", 40, 0, 0, "", SMP_UPDATE_ERROR_CORRUPT,
	 "header and payload are 48 bytes, and the file has 40"},
	{"tlvs-missing", 48, 0, 0, "", SMP_UPDATE_ERROR_CORRUPT, "where its TLVs should begin"},
	{"protected-cut", 56, 0, 0, "", SMP_UPDATE_ERROR_CORRUPT,
	 "its TLVs are 12 bytes, and the file has 8"},
	{"tlvs-cut", 99, 0, 0, "", SMP_UPDATE_ERROR_CORRUPT,
	 "its TLVs are 40 bytes, and the file has 39"},
	{"old-magic", 0, 0, 1, "\x3c", SMP_UPDATE_ERROR_NOT_MCUBOOT, "MCUboot before 1.0"},
	{"big-endian", 0, 0, 4, "\x96\xf3\xb8\x3d", SMP_UPDATE_ERROR_NOT_MCUBOOT, "big-endian"},
	{"header-size", 0, 8, 2, "\x1f\x00", SMP_UPDATE_ERROR_CORRUPT, "31 bytes long"},
	{"header-size-large", 0, 8, 2, "\xff\xff", SMP_UPDATE_ERROR_CORRUPT,
	 "header and payload are 65551"},
	{"image-size", 0, 12, 4, "\xff\xff\xff\xff", SMP_UPDATE_ERROR_CORRUPT,
	 "header and payload are 4294967327"},
	{"protected-size", 0, 10, 2, "\x0d\x00", SMP_UPDATE_ERROR_CORRUPT,
	 "announces 13 bytes of protected TLVs, and there are 12"},
	{"protected-unannounced", 0, 10, 2, "\x00\x00", SMP_UPDATE_ERROR_CORRUPT,
	 "that its header does not announce"},
	{"protected-magic", 0, 48, 2, "\x07\x69", SMP_UPDATE_ERROR_CORRUPT, "none follow"},
	{"tlv-magic", 0, 60, 2, "\x09\x69", SMP_UPDATE_ERROR_CORRUPT, "no TLVs follow its payload"},
	{"tlv-total-0", 0, 62, 2, "\x00\x00", SMP_UPDATE_ERROR_CORRUPT, "beyond its area"},
	{"tlv-total-4", 0, 62, 2, "\x04\x00", SMP_UPDATE_ERROR_CORRUPT, "neither padding nor"},
	{"tlv-total-6", 0, 62, 2, "\x06\x00", SMP_UPDATE_ERROR_CORRUPT, "TLV at byte 64 reaches"},
	{"tlv-size", 0, 66, 2, "\x21\x00", SMP_UPDATE_ERROR_CORRUPT, "TLV at byte 64 reaches"},
	{"protected-tlv-size", 0, 54, 2, "\xff\xff", SMP_UPDATE_ERROR_CORRUPT,
	 "TLV at byte 52 reaches"},
	{"hash-missing", 0, 64, 2, "\x01\x00", SMP_UPDATE_ERROR_CORRUPT, "has no image hash"},
	{"hash-size", 0, 64, 2, "\x12\x00", SMP_UPDATE_ERROR_CORRUPT, "its SHA-512 has 32 bytes"},
	{"hash-flipped", 0, 68, 1, "\x13", SMP_UPDATE_ERROR_CORRUPT,
	 "is 125b4e265b50… and should be 135b4e265b50…"},
	{"hash-flipped-late", 0, 99, 1, "\x13", SMP_UPDATE_ERROR_CORRUPT,
	 "9a219 and should be 125b4e265b50c261a2a5e942d9f0863fa696295617a8db87ad2849edbed9a213;"},
	{"payload-flipped", 0, 40, 1, "\x18", SMP_UPDATE_ERROR_CORRUPT,
	 "and should be 125b4e265b50…"},
	{"version-flipped", 0, 20, 1, "\x02", SMP_UPDATE_ERROR_CORRUPT, "its SHA-256 is"},
	{"counter-flipped", 0, 56, 1, "\x08", SMP_UPDATE_ERROR_CORRUPT, "its SHA-256 is"},
};

static void test_damage(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(GBytes) image = make_image(&image_b);
	gsize size = damages[i].size ? damages[i].size : g_bytes_get_size(image);
	g_autofree guint8 *copy = g_memdup2(g_bytes_get_data(image, NULL), size);

	memcpy(copy + damages[i].at, damages[i].bytes, damages[i].n);
	g_autoptr(GBytes) damaged = g_bytes_new(copy, size);
	assert_refused(damaged, damages[i].code, damages[i].text);
}

static void test_every_cut(void)
{
	g_autoptr(GBytes) image = make_image(&image_b);

	for (gsize size = 4; size < g_bytes_get_size(image); size++) {
		g_autoptr(GBytes) start = g_bytes_new_from_bytes(image, 0, size);
		g_autoptr(GBytes) cut =
			g_bytes_new(g_bytes_get_data(start, NULL), g_bytes_get_size(start));
		assert_refused(cut, SMP_UPDATE_ERROR_CORRUPT, "is cut short");
	}
}

/* No flipped bit goes unnoticed, but for those that say that the payload is encrypted. */
static void test_every_flip(void)
{
	g_autoptr(GBytes) image = make_image(&image_b);
	gsize size = g_bytes_get_size(image);

	for (gsize bit = 0; bit < size * 8; bit++) {
		g_autofree guint8 *copy = g_memdup2(g_bytes_get_data(image, NULL), size);
		copy[bit / 8] ^= (guint8)(1u << (bit % 8));
		g_autoptr(GBytes) flipped = g_bytes_new(copy, size);
		g_autoptr(GError) error = NULL;
		g_autoptr(SmpFirmware) firmware = smp_firmware_parse("app.bin", flipped, &error);
		if (firmware)
			g_assert_true(smp_firmware_is_encrypted(firmware) &&
				      !firmware->hash_checked);
		else
			g_assert_true(error->domain == SMP_UPDATE_ERROR);
		g_assert_true(!firmware || bit == 16 * 8 + 2 || bit == 16 * 8 + 3);
	}
}

static void test_two_hashes(void)
{
	static const guint8 bytes[64] = {0};
	SmpTlv second = {SMP_TLV_SHA512, FALSE, bytes, sizeof bytes};
	SmpTlv hidden = {SMP_TLV_SHA512, TRUE, bytes, sizeof bytes};
	g_autoptr(GBytes) two = make_image(&(MakeImage){.tlvs = &second, .n_tlvs = 1});
	g_autoptr(SmpFirmware) one = make(&(MakeImage){.tlvs = &hidden, .n_tlvs = 1});

	assert_refused(two, SMP_UPDATE_ERROR_CORRUPT, "two image hashes, SHA256 and SHA512");
	g_assert_cmpuint(one->hash.size, ==, 32);
}

static void test_rest(void)
{
	MakeImage padded = image_b;
	padded.slot_size = 512;
	g_autoptr(GBytes) second = make_image(&image_a);
	gsize second_size;
	gconstpointer second_data = g_bytes_get_data(second, &second_size);
	g_autoptr(GBytes) line = append(&image_b, "\r\n", 2);
	g_autoptr(GBytes) two = append(&padded, second_data, second_size);
	g_autoptr(GBytes) slot = make_image(&padded);
	g_autofree guint8 *dump = g_memdup2(g_bytes_get_data(slot, NULL), 512);

	assert_refused(line, SMP_UPDATE_ERROR_CORRUPT, "has 2 bytes behind the image");
	assert_refused(two, SMP_UPDATE_ERROR_NOT_MCUBOOT, "the next at byte 512");
	dump[300] = 0x2a;
	g_autoptr(GBytes) junk = g_bytes_new(dump, 512);
	assert_refused(junk, SMP_UPDATE_ERROR_CORRUPT, "neither padding nor a trailer");
}

#define CORTEX_M                                                                                   \
	"\x88\x53\x00\x20\xd9\x20\x00\x00\x99\x1c\x00\x00\xc5\x20\x00\x00"                         \
	"\xc5\x20\x00\x00\xc5\x20\x00\x00\xc5\x20\x00\x00\x00\x00\x00\x00"                         \
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc5\x20\x00\x00"
#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *name;
	const char *bytes;
	gsize size;
	const char *text;
} foreign[] = {
	{"empty", BYTES(""), "is empty"},
	{"elf",
	 BYTES("\x7f"
	       "ELF\1\1\1"),
	 "is an ELF program, not an MCUboot image; give the signed image, in Zephyr "
	 "zephyr.signed.bin; was it signed with imgtool?"},
	{"zip", BYTES("PK\3\4\24"), "is a ZIP archive"},
	{"gzip", BYTES("\x1f\x8b\x08"), "is gzip-compressed"},
	{"uf2", BYTES("UF2\n\x57\x51\x5d\x9e"), "is a UF2 file"},
	{"suit", BYTES("\xd8\x6b\xa2\x02"), "is a SUIT envelope"},
	{"srec", BYTES("S00F000068656C6C6F20202020200000\n"), "S-record"},
	{"lfs", BYTES("version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"},
	{"html", BYTES("<!DOCTYPE html><html>"), "download went wrong"},
	{"pem", BYTES("-----BEGIN PRIVATE KEY-----\n"), "PEM key"},
	{"text", BYTES("hello: world\n"), "is a text file"},
	{"colon", BYTES(": no hex\n"), "is a text file"},
	{"cortex-m", BYTES(CORTEX_M), "is a program without MCUboot's header"},
	{"unsigned", BYTES(CORTEX_M CORTEX_M), "was it signed with imgtool?"},
	{"zero-header", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x77", 33,
	 "is a program without MCUboot's header"},
	{"erased", BYTES("\xff\xff\xff\xff\xff"), "is erased flash"},
	{"random", BYTES("\x9e\x12\x81\xf0\x77\x0b\xd3\x01\xaa"), "is a file of unknown format"},
	{"one-byte", BYTES("\x3d"), "is a text file"},
};

static void test_foreign(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autoptr(GBytes) bytes = g_bytes_new(foreign[i].bytes, foreign[i].size);

	assert_refused(bytes, SMP_UPDATE_ERROR_NOT_MCUBOOT, foreign[i].text);
}

static void test_merged(void)
{
	g_autoptr(GBytes) image = make_image(&image_b);
	g_autoptr(GByteArray) flash = g_byte_array_new();

	g_byte_array_append(flash, (const guint8 *)CORTEX_M, sizeof CORTEX_M - 1);
	g_byte_array_set_size(flash, 0x400);
	/* The bootloader itself has the magic in its code: that alone makes no image. */
	memset(flash->data + 48, 0x3d, 0x400 - 48);
	memcpy(flash->data + 0x200, g_bytes_get_data(image, NULL), 4);
	g_byte_array_append(flash, g_bytes_get_data(image, NULL), (guint)g_bytes_get_size(image));
	g_autoptr(GBytes) merged = g_bytes_new(flash->data, flash->len);
	assert_refused(merged, SMP_UPDATE_ERROR_NOT_MCUBOOT,
		       "an MCUboot image begins only at byte 0x400");
}

static void add_tables(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
		g_autofree char *path = g_strconcat("/firmware/damage/", damages[i].name, NULL);
		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_damage);
	}
	for (guint i = 0; i < G_N_ELEMENTS(foreign); i++) {
		g_autofree char *path = g_strconcat("/firmware/foreign/", foreign[i].name, NULL);
		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_foreign);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/firmware/vectors", test_vectors);
	g_test_add_func("/firmware/fields", test_fields);
	g_test_add_func("/firmware/tlvs", test_tlvs);
	g_test_add_func("/firmware/header", test_header);
	g_test_add_func("/firmware/hash-kinds", test_hash_kinds);
	g_test_add_func("/firmware/signatures", test_signatures);
	g_test_add_func("/firmware/encrypted", test_encrypted);
	g_test_add_func("/firmware/padded", test_padded);
	g_test_add_func("/firmware/padding-only", test_padding_only);
	g_test_add_func("/firmware/every-cut", test_every_cut);
	g_test_add_func("/firmware/every-flip", test_every_flip);
	g_test_add_func("/firmware/two-hashes", test_two_hashes);
	g_test_add_func("/firmware/rest", test_rest);
	g_test_add_func("/firmware/merged", test_merged);
	add_tables();
	return g_test_run();
}

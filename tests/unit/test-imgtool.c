/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loads and verifies what MCUboot's own imgtool makes. IMGTOOL says where it is. */

#include <smp/key.h>

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

static char *folder;

/* Runs imgtool with @arguments, in the folder of the files. */
static void imgtool(const char *arguments)
{
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
		G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
	g_autofree char *command = g_strconcat("imgtool ", arguments, NULL);
	g_auto(GStrv) argv = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *output = NULL;

	g_assert_true(g_shell_parse_argv(command, NULL, &argv, &error));
	g_free(argv[0]);
	argv[0] = g_strdup(g_getenv("IMGTOOL"));
	g_subprocess_launcher_set_cwd(launcher, folder);
	g_autoptr(GSubprocess) process =
		g_subprocess_launcher_spawnv(launcher, (const char *const *)argv, &error);
	g_assert_no_error(error);
	g_subprocess_communicate_utf8(process, NULL, NULL, &output, NULL, &error);
	g_assert_no_error(error);
	if (!g_subprocess_get_successful(process))
		g_error("imgtool %s: %s", arguments, output);
}

static SmpFirmware *load(const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autoptr(GError) error = NULL;
	SmpFirmware *firmware = smp_firmware_load(path, &error);

	g_assert_no_error(error);
	return firmware;
}

/* Signs the payload with the given options and loads the result. */
static SmpFirmware *sign(const char *options, const char *out)
{
	g_autofree char *arguments =
		g_strdup_printf("sign --pad-header -H 0x200 --align 4 -S 0x20000 -v 1.2.3+4 %s "
				"payload.bin %s",
				options, out);

	imgtool(arguments);
	return load(out);
}

static void make_key(const char *type, const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autofree char *arguments = g_strdup_printf("keygen -t %s -k %s", type, name);

	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		imgtool(arguments);
}

static const struct {
	const char *name;
	const char *key; /* type */
	const char *options;
	guint hash_size;
	const char *signature;
} signings[] = {
	{"unsigned", NULL, "", 32, "none"},
	{"unsigned-384", NULL, "--sha 384", 48, "none"},
	{"unsigned-512", NULL, "--sha 512", 64, "none"},
	{"rsa-2048", "rsa-2048", "", 32, "RSA-2048"},
	{"rsa-3072", "rsa-3072", "", 32, "RSA-3072"},
	{"p256", "ecdsa-p256", "", 32, "ECDSA P-256"},
	{"p384", "ecdsa-p384", "", 48, "ECDSA P-384"},
	{"ed25519", "ed25519", "", 32, "Ed25519"},
	{"ed25519-512", "ed25519", "--sha 512", 64, "Ed25519"},
	{"ed25519-pure", "ed25519", "--pure", 64, "Ed25519 (pure)"},
	{"public-key", "ecdsa-p256", "--public-key-format full", 32, "ECDSA P-256"},
};

static void test_signing(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autofree char *options = NULL;

	if (signings[i].key)
		make_key(signings[i].key, signings[i].key);
	options = signings[i].key
			  ? g_strdup_printf("-k %s %s", signings[i].key, signings[i].options)
			  : g_strdup(signings[i].options);
	g_autoptr(SmpFirmware) firmware = sign(options, "signed.bin");
	g_assert_true(firmware->hash_checked);
	g_assert_cmpuint(firmware->hash.size, ==, signings[i].hash_size);
	g_assert_cmpstr(smp_firmware_signature_name(firmware), ==, signings[i].signature);
	g_assert_cmpuint(firmware->header_size, ==, 0x200);
	g_assert_cmpuint(firmware->image_size, ==, 20000);
	g_autofree char *version = smp_version_to_string(&firmware->version);
	g_assert_cmpstr(version, ==, "1.2.3+4");
}

/* Whether the key, as a file that imgtool writes, has the given verdict. */
static void assert_verdict(const SmpFirmware *firmware, const char *argument,
			   SmpSignature signature)
{
	g_autoptr(SmpKeySet) keys = smp_key_set_new();
	g_auto(SmpVerdict) verdict = {0};
	g_autoptr(GError) error = NULL;

	g_assert_true(smp_key_set_add(keys, argument, &error));
	g_assert_no_error(error);
	gboolean good = smp_firmware_verify(firmware, keys, &verdict, &error);
	g_test_message("%s: %s", argument, error ? error->message : "good");
	g_assert_cmpint(verdict.signature, ==, signature);
	g_assert_cmpint(good, ==, error == NULL);
	g_assert_cmpint(verdict.payload_checked, ==, firmware->hash_checked);
}

static void assert_key(const SmpFirmware *firmware, const char *name, SmpSignature signature)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	assert_verdict(firmware, path, signature);
}

/* Whether imgtool says the same of a file and a key. */
static gboolean imgtool_verifies(const char *key, const char *file)
{
	g_autofree char *path = g_build_filename(folder, key, NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
		G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
	g_subprocess_launcher_set_cwd(launcher, folder);
	g_autoptr(GSubprocess) process = g_subprocess_launcher_spawn(
		launcher, &error, g_getenv("IMGTOOL"), "verify", "-k", path, file, NULL);

	g_assert_no_error(error);
	g_subprocess_wait(process, NULL, &error);
	g_assert_no_error(error);
	return g_subprocess_get_successful(process);
}

static void get_public(const char *key)
{
	g_autofree char *arguments = g_strdup_printf("getpub -k %s -e pem -o %s.pub", key, key);

	imgtool(arguments);
}

/* With the private key, the public key, and another one of the same type. */
static void test_verifying(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	const char *key = signings[i].key;

	if (!key) {
		g_autoptr(SmpFirmware) unsigned_image = sign(signings[i].options, "signed.bin");
		make_key("ecdsa-p256", "ecdsa-p256");
		assert_key(unsigned_image, "ecdsa-p256", SMP_SIGNATURE_NONE);
		return;
	}
	g_autofree char *public = g_strconcat(key, ".pub", NULL);
	g_autofree char *other = g_strconcat("other-", key, NULL);
	g_autofree char *options = g_strdup_printf("-k %s %s", key, signings[i].options);
	make_key(key, key);
	make_key(key, other);
	get_public(key);
	g_autoptr(SmpFirmware) firmware = sign(options, "signed.bin");
	assert_key(firmware, key, SMP_SIGNATURE_GOOD);
	assert_key(firmware, public, SMP_SIGNATURE_GOOD);
	assert_key(firmware, other, SMP_SIGNATURE_OTHER_KEY);
	g_assert_true(imgtool_verifies(key, "signed.bin"));
	g_assert_false(imgtool_verifies(other, "signed.bin"));
}

static void test_pad_sig(void)
{
	make_key("ecdsa-p256", "ecdsa-p256");
	g_autoptr(SmpFirmware) firmware = sign("-k ecdsa-p256 --pad-sig", "signed.bin");
	assert_key(firmware, "ecdsa-p256", SMP_SIGNATURE_GOOD);
}

/* What imgtool prints as the hash of a key is what its images name. */
static void test_key_hash(gconstpointer data)
{
	const char *key = data;
	g_autofree char *options = g_strdup_printf("-k %s", key);
	g_autofree char *get_hash = g_strdup_printf("getpubhash -k %s -e raw -o key.hash", key);
	g_autofree char *path = g_build_filename(folder, "key.hash", NULL);
	g_autofree char *hash = NULL;
	SmpHash parsed;
	gsize size;

	make_key(key, key);
	imgtool(get_hash);
	g_assert_true(g_file_get_contents(path, &hash, &size, NULL));
	smp_hash_set(&parsed, (const guint8 *)hash, size);
	g_autofree char *hex = smp_hash_to_string(&parsed);
	g_autofree char *argument = g_strconcat("keyhash:", hex, NULL);
	g_autoptr(SmpFirmware) firmware = sign(options, "signed.bin");
	assert_verdict(firmware, argument, SMP_SIGNATURE_NAMED);
}

/* imgtool wants both keys to be of one kind. */
static const struct {
	const char *name;
	const char *key; /* type */
	const char *encryption_key;
	const char *options;
	gboolean pure;
} signed_encryptions[] = {
	{"rsa-2048", "rsa-2048", "rsa-2048", "", FALSE},
	{"p256", "ecdsa-p256", "ecdsa-p256", "", FALSE},
	{"ed25519", "ed25519", "x25519", "", FALSE},
	{"ed25519-512", "ed25519", "x25519", "--sha 512", FALSE},
	{"ed25519-pure", "ed25519", "x25519", "--pure", TRUE},
};

/* The signature of an encrypted image is over what it is decrypted; `--clear` leaves it so. */
static void test_signed_encrypted(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	const char *key = signed_encryptions[i].key;
	const char *encryption_key = signed_encryptions[i].encryption_key;
	g_autofree char *options = g_strdup_printf("-k %s %s -E %s.pub", key,
						   signed_encryptions[i].options, encryption_key);
	g_autofree char *clear_options = g_strconcat(options, " --clear", NULL);

	make_key(key, key);
	make_key(encryption_key, encryption_key);
	get_public(encryption_key);
	g_autoptr(SmpFirmware) firmware = sign(options, "encrypted.bin");
	g_autoptr(SmpFirmware) clear = sign(clear_options, "clear.bin");
	g_assert_true(smp_firmware_is_encrypted(clear));
	g_assert_false(firmware->hash_checked);
	g_assert_true(clear->hash_checked);
	assert_key(firmware, key,
		   signed_encryptions[i].pure ? SMP_SIGNATURE_UNCHECKED : SMP_SIGNATURE_GOOD);
	assert_key(clear, key, SMP_SIGNATURE_GOOD);
}

static const struct {
	const char *name;
	const char *options;
	gboolean padded;
	gboolean confirmed;
} paddings[] = {
	{"pad", "--pad", TRUE, FALSE},
	{"test", "--test", TRUE, FALSE},
	{"confirm", "--confirm", TRUE, TRUE},
	{"confirm-16", "--confirm --max-align 16", TRUE, TRUE},
	{"confirm-32", "--confirm --max-align 32", TRUE, TRUE},
	{"confirm-erased-0", "--confirm -R 0", TRUE, TRUE},
	{"pad-overwrite", "--pad --overwrite-only", TRUE, FALSE},
	{"no-pad", "", FALSE, FALSE},
};

/* Binary and HEX must say the same. */
static void test_padding(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autofree char *hex_options = g_strconcat("-x 0x0800c000 ", paddings[i].options, NULL);
	g_autoptr(SmpFirmware) binary = sign(paddings[i].options, "padded.bin");
	g_autoptr(SmpFirmware) hex = sign(hex_options, "padded.hex");

	g_assert_cmpint(binary->padded, ==, paddings[i].padded);
	g_assert_cmpint(binary->confirmed_trailer, ==, paddings[i].confirmed);
	g_assert_true(hex->from_hex);
	g_assert_cmphex(hex->hex_address, ==, 0x0800c000);
	g_assert_cmpint(hex->padded, ==, paddings[i].padded);
	g_assert_cmpint(hex->confirmed_trailer, ==, paddings[i].confirmed);
	/* What HEX leaves out is taken for 0xff. */
	if (!strstr(paddings[i].options, "-R 0"))
		g_assert_true(g_bytes_equal(binary->bytes, hex->bytes));
}

static const struct {
	const char *name;
	const char *key; /* type */
	const char *options;
	guint32 flag;
	guint16 tlv;
} encryptions[] = {
	{"rsa", "rsa-2048", "", SMP_IMAGE_FLAG_ENCRYPTED_AES128, SMP_TLV_ENC_RSA2048},
	{"p256", "ecdsa-p256", "", SMP_IMAGE_FLAG_ENCRYPTED_AES128, SMP_TLV_ENC_EC256},
	{"x25519", "x25519", "", SMP_IMAGE_FLAG_ENCRYPTED_AES128, SMP_TLV_ENC_X25519},
	{"x25519-512", "x25519", "--hmac-sha 512", SMP_IMAGE_FLAG_ENCRYPTED_AES128,
	 SMP_TLV_ENC_X25519_SHA512},
	{"aes-256", "ecdsa-p256", "--encrypt-keylen 256", SMP_IMAGE_FLAG_ENCRYPTED_AES256,
	 SMP_TLV_ENC_EC256},
};

static void test_encryption(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	g_autofree char *options =
		g_strdup_printf("-E %s.pub %s", encryptions[i].key, encryptions[i].options);

	make_key(encryptions[i].key, encryptions[i].key);
	get_public(encryptions[i].key);
	g_autoptr(SmpFirmware) firmware = sign(options, "encrypted.bin");
	g_assert_true(smp_firmware_is_encrypted(firmware));
	g_assert_false(firmware->hash_checked);
	g_assert_cmpuint(firmware->flags, ==, encryptions[i].flag);
	g_assert_nonnull(smp_firmware_find_tlv(firmware, encryptions[i].tlv));
}

static void test_compression(void)
{
	g_autoptr(SmpFirmware) firmware = sign("--compression lzma2armthumb", "compressed.bin");

	g_assert_true(firmware->hash_checked);
	g_assert_cmpuint(firmware->flags, ==,
			 SMP_IMAGE_FLAG_COMPRESSED_LZMA2 | SMP_IMAGE_FLAG_COMPRESSED_ARM_THUMB);
	g_assert_cmpuint(firmware->image_size, <, 20000);
	g_assert_nonnull(smp_firmware_find_tlv(firmware, SMP_TLV_DECOMP_SIZE));
	const SmpTlv *sha = smp_firmware_find_tlv(firmware, SMP_TLV_DECOMP_SHA);
	g_assert_true(sha->is_protected);
	g_assert_cmpuint(sha->size, ==, 32);
}

static void test_protected(void)
{
	static const guint8 dependency[] = {1, 0, 0, 0, 2, 3, 4, 0, 5, 0, 0, 0};
	g_autoptr(SmpFirmware) firmware =
		sign("-s 7 -d '(1, 2.3.4+5)(2, 0.1.0)' --boot-record app --vid example.com "
		     "--cid board --custom-tlv 0x00a0 0x01020304",
		     "protected.bin");
	const SmpTlv *tlv = smp_firmware_find_tlv(firmware, SMP_TLV_DEPENDENCY);

	g_assert_true(firmware->hash_checked);
	g_assert_cmpmem(tlv->data, tlv->size, dependency, sizeof dependency);
	g_assert_cmpuint(tlv[1].type, ==, SMP_TLV_DEPENDENCY);
	tlv = smp_firmware_find_tlv(firmware, SMP_TLV_SEC_CNT);
	g_assert_cmpmem(tlv->data, tlv->size, "\7\0\0\0", 4);
	g_assert_nonnull(smp_firmware_find_tlv(firmware, SMP_TLV_BOOT_RECORD));
	g_assert_nonnull(smp_firmware_find_tlv(firmware, SMP_TLV_UUID_VID));
	g_assert_nonnull(smp_firmware_find_tlv(firmware, SMP_TLV_UUID_CID));
	g_assert_nonnull(smp_firmware_find_tlv(firmware, 0xa0));
}

static void test_flags(void)
{
	g_autoptr(SmpFirmware) ram = sign("-L 0x21000000", "ram.bin");
	g_autoptr(SmpFirmware) fixed = sign("-F 0x10020000 --non-bootable", "fixed.bin");

	g_assert_cmpuint(ram->flags, ==, SMP_IMAGE_FLAG_RAM_LOAD);
	g_assert_cmphex(ram->load_addr, ==, 0x21000000);
	g_assert_cmpuint(fixed->flags, ==, SMP_IMAGE_FLAG_ROM_FIXED | SMP_IMAGE_FLAG_NON_BOOTABLE);
	g_assert_cmphex(fixed->load_addr, ==, 0x10020000);
}

static void test_big_endian(void)
{
	g_autofree char *path = g_build_filename(folder, "big.bin", NULL);
	g_autoptr(GError) error = NULL;

	imgtool("sign --pad-header -H 0x200 -S 0x20000 -v 1.2.3 -e big payload.bin big.bin");
	g_assert_null(smp_firmware_load(path, &error));
	g_assert_nonnull(strstr(error->message, "big.bin is a big-endian MCUboot image"));
}

/* Adds a test for each row of a table whose rows begin with their name. */
#define ADD_TABLE(prefix, table, test)                                                             \
	for (guint i = 0; i < G_N_ELEMENTS(table); i++) {                                          \
		g_autofree char *path = g_strconcat("/imgtool/" prefix "/", table[i].name, NULL);  \
		g_test_add_data_func(path, GUINT_TO_POINTER(i), test);                             \
	}

static void make_files(void)
{
	g_autoptr(GError) error = NULL;
	folder = g_dir_make_tmp("smp-imgtool-XXXXXX", &error);
	g_assert_no_error(error);
	g_autofree char *path = g_build_filename(folder, "payload.bin", NULL);
	g_autofree char *payload = g_malloc(20000);

	for (guint i = 0; i < 20000; i++)
		payload[i] = (char)(i % 200);
	g_file_set_contents(path, payload, 20000, &error);
	g_assert_no_error(error);
}

static void remove_files(void)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		g_remove(path);
	}
	g_rmdir(folder);
	g_free(folder);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (!g_getenv("IMGTOOL")) {
		g_print("1..0 # SKIP environment variable IMGTOOL does not say where imgtool is\n");
		return 0;
	}
	ADD_TABLE("signing", signings, test_signing)
	ADD_TABLE("verifying", signings, test_verifying)
	ADD_TABLE("signed-encrypted", signed_encryptions, test_signed_encrypted)
	g_test_add_func("/imgtool/pad-sig", test_pad_sig);
	g_test_add_data_func("/imgtool/key-hash/rsa", "rsa-2048", test_key_hash);
	g_test_add_data_func("/imgtool/key-hash/p256", "ecdsa-p256", test_key_hash);
	g_test_add_data_func("/imgtool/key-hash/ed25519", "ed25519", test_key_hash);
	ADD_TABLE("padding", paddings, test_padding)
	ADD_TABLE("encryption", encryptions, test_encryption)
	g_test_add_func("/imgtool/compression", test_compression);
	g_test_add_func("/imgtool/protected", test_protected);
	g_test_add_func("/imgtool/flags", test_flags);
	g_test_add_func("/imgtool/big-endian", test_big_endian);
	make_files();
	int result = g_test_run();
	remove_files();
	return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signatures of every kind, made here with OpenSSL as imgtool makes them. */

#include <smp/error.h>
#include <smp/key.h>

#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "tests/lib/make-image.h"
#include "tests/lib/sign-image.h"

static char *folder;

static char *key_hash_of(const SignKind *kind, guint which)
{
	g_autoptr(GBytes) public = sign_public_key(sign_key(kind->type, which));

	return g_compute_checksum_for_bytes(sign_checksum(kind->hash_type), public);
}

typedef enum {
	PUBLIC,
	PRIVATE,
	CERTIFICATE,
	ENCRYPTED,
} Form;

static void write_certificate(FILE *file, EVP_PKEY *pkey)
{
	X509 *certificate = X509_new();

	g_assert_nonnull(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
	g_assert_nonnull(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
	g_assert_cmpint(X509_set_pubkey(certificate, pkey), ==, 1);
	g_assert_cmpint(
		X509_sign(certificate, pkey, EVP_PKEY_is_a(pkey, "ED25519") ? NULL : EVP_sha256()),
		>, 0);
	g_assert_cmpint(PEM_write_X509(file, certificate), ==, 1);
	X509_free(certificate);
}

/* Returns: (transfer full): the path */
static char *write_key(EVP_PKEY *pkey, Form form, const char *name)
{
	char *path = g_build_filename(folder, name, NULL);
	FILE *file = g_fopen(path, "w");
	char password[] = "secret";

	g_assert_nonnull(file);
	if (form == PUBLIC)
		g_assert_cmpint(PEM_write_PUBKEY(file, pkey), ==, 1);
	else if (form == CERTIFICATE)
		write_certificate(file, pkey);
	else
		g_assert_cmpint(PEM_write_PKCS8PrivateKey(
					file, pkey, form == ENCRYPTED ? EVP_aes_128_cbc() : NULL,
					form == ENCRYPTED ? password : NULL,
					form == ENCRYPTED ? 6 : 0, NULL, NULL),
				==, 1);
	fclose(file);
	return path;
}

static void write_text(const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autoptr(GError) error = NULL;

	g_file_set_contents(path, text, -1, &error);
	g_assert_no_error(error);
}

static void add_key(SmpKeySet *keys, const char *argument)
{
	g_autoptr(GError) error = NULL;
	gboolean added = smp_key_set_add(keys, argument, &error);

	g_assert_no_error(error);
	g_assert_true(added);
}

/* The keys of a type, public: of @which bit 0 is the first, bit 1 the second. */
static SmpKeySet *key_set(KeyType type, guint which)
{
	static const char *const names[] = {"first.pem", "second.pem"};
	SmpKeySet *keys = smp_key_set_new();

	for (guint i = 0; i < 2; i++) {
		if (!(which & 1u << i))
			continue;
		g_autofree char *path = write_key(sign_key(type, i), PUBLIC, names[i]);
		add_key(keys, path);
		g_assert_cmpint(g_remove(path), ==, 0);
	}
	return keys;
}

/* @key: (nullable): of the verdict; @text: (nullable): in its words */
static void assert_verdict(const SmpFirmware *firmware, const SmpKeySet *keys,
			   SmpSignature signature, const char *key, const char *text)
{
	g_auto(SmpVerdict) verdict = {0};
	g_autoptr(GError) error = NULL;
	gboolean good = smp_firmware_verify(firmware, keys, &verdict, &error);
	g_autofree char *words = smp_verdict_to_string(&verdict);

	g_test_message("%s", error ? error->message : words);
	g_assert_cmpint(verdict.signature, ==, signature);
	g_assert_cmpint(good, ==,
			signature == SMP_SIGNATURE_GOOD || signature == SMP_SIGNATURE_NAMED);
	g_assert_cmpstr(verdict.key, ==, key);
	g_assert_cmpint(verdict.payload_checked, ==, firmware->hash_checked);
	if (text)
		g_assert_nonnull(strstr(words, text));
	if (good) {
		g_assert_no_error(error);
	} else {
		g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE);
		g_assert_true(g_str_has_prefix(error->message, "image: signature "));
	}
}

static void test_good(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpFirmware) firmware = sign_image(kind, &(SignOptions){0});
	g_autoptr(SmpKeySet) first = key_set(kind->type, 1);
	g_autoptr(SmpKeySet) both = key_set(kind->type, 3);

	assert_verdict(firmware, first, SMP_SIGNATURE_GOOD, "first.pem", "good, by first.pem");
	assert_verdict(firmware, both, SMP_SIGNATURE_GOOD, "first.pem", NULL);
}

static void test_key_forms(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpFirmware) firmware = sign_image(kind, &(SignOptions){0});

	for (Form form = PUBLIC; form <= CERTIFICATE; form++) {
		g_autofree char *path = write_key(sign_key(kind->type, 0), form, "key.pem");
		g_autoptr(SmpKeySet) keys = smp_key_set_new();
		add_key(keys, path);
		assert_verdict(firmware, keys, SMP_SIGNATURE_GOOD, "key.pem", NULL);
		g_assert_cmpint(g_remove(path), ==, 0);
	}
}

/* The image names its key, and it is not there. */
static void test_other_key(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpFirmware) firmware = sign_image(kind, &(SignOptions){0});
	g_autoptr(SmpFirmware) whole = sign_image(kind, &(SignOptions){.whole_key = TRUE});
	g_autoptr(SmpKeySet) second = key_set(kind->type, 2);
	g_autoptr(SmpKeySet) of_another_type = key_set((kind->type + 2) % N_KEY_TYPES, 3);
	g_autofree char *key_hash = key_hash_of(kind, 0);
	g_autoptr(GBytes) public = sign_public_key(sign_key(kind->type, 0));
	g_autofree char *whole_hash = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, public);

	assert_verdict(firmware, second, SMP_SIGNATURE_OTHER_KEY, NULL, key_hash);
	assert_verdict(firmware, of_another_type, SMP_SIGNATURE_OTHER_KEY, NULL, key_hash);
	assert_verdict(whole, second, SMP_SIGNATURE_OTHER_KEY, NULL, whole_hash);
}

static void test_bad(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpKeySet) both = key_set(kind->type, 3);
	const SignOptions hows[] = {
		{.flip = TRUE}, {.cut = 1},	      {.cut = 40},
		{.cut = 1000},	{.other_hash = TRUE}, {.pad = 300},
	};

	for (guint i = 0; i < G_N_ELEMENTS(hows); i++) {
		/* Zeros behind an ECDSA signature are imgtool's --pad-sig, however many. */
		if (hows[i].pad && kind->tlv == SMP_TLV_ECDSA_SIG)
			continue;
		g_autoptr(SmpFirmware) firmware = sign_image(kind, &hows[i]);
		assert_verdict(firmware, both, SMP_SIGNATURE_BAD,
			       hows[i].other_hash ? "second.pem" : "first.pem",
			       "should verify it, and does not");
	}
}

static void test_unnamed(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpFirmware) firmware = sign_image(kind, &(SignOptions){.no_key_hash = TRUE});
	g_autoptr(SmpKeySet) both = key_set(kind->type, 3);
	g_autoptr(SmpKeySet) second = key_set(kind->type, 2);
	g_autoptr(SmpKeySet) of_another_type = key_set((kind->type + 2) % N_KEY_TYPES, 1);

	assert_verdict(firmware, both, SMP_SIGNATURE_GOOD, "first.pem", NULL);
	assert_verdict(firmware, second, SMP_SIGNATURE_BAD, "second.pem",
		       "verified by none of the keys");
	/* Both ECDSA curves have the same TLV. */
	if (kind->tlv != SMP_TLV_ECDSA_SIG)
		assert_verdict(firmware, of_another_type, SMP_SIGNATURE_OTHER_KEY, NULL,
			       "by a key of another kind");
}

static void test_whole_key(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpFirmware) firmware = sign_image(kind, &(SignOptions){.whole_key = TRUE});
	g_autoptr(SmpKeySet) both = key_set(kind->type, 3);

	assert_verdict(firmware, both, SMP_SIGNATURE_GOOD, "first.pem", NULL);
}

/* Each signature goes with the hash before it, and one good one is enough. */
static void test_two(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpFirmware) firmware = sign_image(kind, &(SignOptions){.other_first = TRUE});
	g_autoptr(SmpFirmware) one_bad =
		sign_image(kind, &(SignOptions){.other_first = TRUE, .flip = TRUE});
	g_autoptr(SmpKeySet) first = key_set(kind->type, 1);
	g_autoptr(SmpKeySet) second = key_set(kind->type, 2);

	assert_verdict(firmware, first, SMP_SIGNATURE_GOOD, "first.pem", NULL);
	assert_verdict(firmware, second, SMP_SIGNATURE_GOOD, "second.pem", NULL);
	assert_verdict(one_bad, first, SMP_SIGNATURE_BAD, "first.pem", NULL);
	assert_verdict(one_bad, second, SMP_SIGNATURE_GOOD, "second.pem", NULL);
}

static void test_hash_only(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpFirmware) firmware = sign_image(kind, &(SignOptions){0});
	g_autoptr(SmpFirmware) bad = sign_image(kind, &(SignOptions){.flip = TRUE});
	g_autofree char *first = key_hash_of(kind, 0);
	g_autofree char *second = key_hash_of(kind, 1);
	g_autofree char *right = g_strconcat("keyhash:", first, NULL);
	g_autofree char *wrong = g_strconcat("keyhash:", second, NULL);
	g_autoptr(SmpKeySet) named = smp_key_set_new();
	g_autoptr(SmpKeySet) other = smp_key_set_new();
	g_autoptr(SmpKeySet) with_key = key_set(kind->type, 1);

	add_key(named, right);
	add_key(other, wrong);
	add_key(with_key, right);
	assert_verdict(firmware, named, SMP_SIGNATURE_NAMED, right, "not verified without the key");
	assert_verdict(firmware, other, SMP_SIGNATURE_OTHER_KEY, NULL, first);
	/* The key itself is what counts. */
	assert_verdict(firmware, with_key, SMP_SIGNATURE_GOOD, "first.pem", NULL);
	assert_verdict(bad, with_key, SMP_SIGNATURE_BAD, "first.pem", NULL);
}

/* The payload is not what was hashed, as that of an encrypted image. */
static void test_encrypted(gconstpointer data)
{
	const SignKind *kind = data;
	g_autoptr(SmpFirmware) clear =
		sign_image(kind, &(SignOptions){.flags = SMP_IMAGE_FLAG_ENCRYPTED_AES128});
	g_autoptr(SmpKeySet) both = key_set(kind->type, 3);
	g_autoptr(SmpKeySet) second = key_set(kind->type, 2);
	g_autoptr(GError) error = NULL;
	gsize size;
	guint8 *bytes = g_bytes_unref_to_data(g_bytes_ref(clear->bytes), &size);

	assert_verdict(clear, both, SMP_SIGNATURE_GOOD, "first.pem", NULL);
	bytes[500] ^= 1;
	g_autoptr(GBytes) changed = g_bytes_new_take(bytes, size);
	g_autoptr(SmpFirmware) encrypted = smp_firmware_parse("image", changed, &error);
	g_assert_no_error(error);
	if (kind->pure)
		assert_verdict(encrypted, both, SMP_SIGNATURE_UNCHECKED, "first.pem",
			       "cannot be verified: it covers what is encrypted");
	else
		assert_verdict(encrypted, both, SMP_SIGNATURE_GOOD, "first.pem",
			       "the payload is encrypted and could not be checked");
	assert_verdict(encrypted, second, SMP_SIGNATURE_OTHER_KEY, NULL, NULL);
}

static void test_no_keys(gconstpointer data)
{
	g_autoptr(SmpFirmware) firmware = sign_image(data, &(SignOptions){0});
	g_autoptr(SmpKeySet) empty = smp_key_set_new();

	assert_verdict(firmware, NULL, SMP_SIGNATURE_UNCHECKED, NULL, "not verified");
	assert_verdict(firmware, empty, SMP_SIGNATURE_UNCHECKED, NULL, "not verified");
}

static void test_unsigned(void)
{
	g_autoptr(GBytes) image = make_image(&(MakeImage){.payload_size = 10});
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpFirmware) firmware = smp_firmware_parse("image", image, &error);
	g_autoptr(SmpKeySet) keys = key_set(P256, 1);

	assert_verdict(firmware, keys, SMP_SIGNATURE_NONE, NULL, "missing");
	assert_verdict(firmware, NULL, SMP_SIGNATURE_NONE, NULL, "missing");
}

/* imgtool's --pad-sig. */
static void test_pad_sig(void)
{
	g_autoptr(SmpKeySet) keys = key_set(P256, 1);

	for (guint pad = 1; pad <= 2; pad++) {
		g_autoptr(SmpFirmware) firmware =
			sign_image(&sign_kinds[2], &(SignOptions){.pad = pad});
		assert_verdict(firmware, keys, SMP_SIGNATURE_GOOD, "first.pem", NULL);
	}
}

static void assert_no_key(const char *argument, const char *text)
{
	g_autoptr(SmpKeySet) keys = smp_key_set_new();
	g_autoptr(GError) error = NULL;

	g_assert_false(smp_key_set_add(keys, argument, &error));
	g_test_message("%s", error->message);
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE);
	g_assert_nonnull(strstr(error->message, text));
	g_assert_cmpuint(smp_key_set_size(keys), ==, 0);
}

static void test_not_keys(void)
{
	EVP_PKEY *x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	EVP_PKEY *p521 = EVP_EC_gen("P-521");
	EVP_PKEY *rsa = EVP_RSA_gen(1024);
	g_autofree char *for_encryption = write_key(x25519, PUBLIC, "x25519.pem");
	g_autofree char *large = write_key(p521, PRIVATE, "p521.pem");
	g_autofree char *small = write_key(rsa, PUBLIC, "small.pem");
	g_autofree char *encrypted = write_key(sign_key(P256, 0), ENCRYPTED, "encrypted.pem");
	g_autofree char *text = g_build_filename(folder, "text.pem", NULL);
	g_autofree char *empty = g_build_filename(folder, "empty.pem", NULL);

	write_text("text.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
	write_text("empty.pem", "");
	assert_no_key(for_encryption, "is not a key that MCUboot images are signed with");
	assert_no_key(large, "is not a key that MCUboot images are signed with");
	assert_no_key(small, "is not a key that MCUboot images are signed with");
	assert_no_key(encrypted, "holds no key that can be read");
	assert_no_key(text, "holds no key that can be read");
	assert_no_key(empty, "holds no key that can be read");
	assert_no_key("/nonexistent.pem", "cannot read key: ");
	assert_no_key("keyhash:", "is not the hash of a key");
	assert_no_key("keyhash:0123", "is not the hash of a key");
	assert_no_key(folder, "holds no key that can be read");
	g_assert_cmpint(g_remove(encrypted) | g_remove(text) | g_remove(empty), ==, 0);
	assert_no_key(folder, "has no keys that images are signed with");
	g_assert_cmpint(g_remove(for_encryption) | g_remove(large) | g_remove(small), ==, 0);
	EVP_PKEY_free(x25519);
	EVP_PKEY_free(p521);
	EVP_PKEY_free(rsa);
}

static void test_directory(void)
{
	EVP_PKEY *x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	g_autofree char *first = write_key(sign_key(P256, 0), PRIVATE, "a.pem");
	g_autofree char *second = write_key(sign_key(ED25519, 1), PUBLIC, "b.pub");
	g_autofree char *other = write_key(x25519, PRIVATE, "enc.pem");
	g_autofree char *note = g_build_filename(folder, "README", NULL);
	g_autoptr(SmpKeySet) keys = smp_key_set_new();
	g_autoptr(SmpFirmware) by_first = sign_image(&sign_kinds[2], &(SignOptions){0});
	g_autoptr(SmpFirmware) by_other = sign_image(&sign_kinds[4], &(SignOptions){0});

	write_text("README", "keys");
	add_key(keys, folder);
	g_assert_cmpuint(smp_key_set_size(keys), ==, 2);
	assert_verdict(by_first, keys, SMP_SIGNATURE_GOOD, "a.pem", NULL);
	assert_verdict(by_other, keys, SMP_SIGNATURE_OTHER_KEY, NULL, NULL);
	g_assert_cmpint(g_remove(first) | g_remove(second) | g_remove(other) | g_remove(note), ==,
			0);
	EVP_PKEY_free(x25519);
}

/* Adds a test for each kind of signature. */
static void add_kinds(const char *name, GTestDataFunc test)
{
	for (guint i = 0; i < G_N_ELEMENTS(sign_kinds); i++) {
		g_autofree char *path =
			g_strdup_printf("/signature/%s/%s", name, sign_kinds[i].name);
		g_test_add_data_func(path, &sign_kinds[i], test);
	}
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	g_test_init(&argc, &argv, NULL);
	add_kinds("good", test_good);
	add_kinds("key-forms", test_key_forms);
	add_kinds("other-key", test_other_key);
	add_kinds("bad", test_bad);
	add_kinds("unnamed", test_unnamed);
	add_kinds("whole-key", test_whole_key);
	add_kinds("two", test_two);
	add_kinds("hash-only", test_hash_only);
	add_kinds("encrypted", test_encrypted);
	add_kinds("no-keys", test_no_keys);
	g_test_add_func("/signature/unsigned", test_unsigned);
	g_test_add_func("/signature/pad-sig", test_pad_sig);
	g_test_add_func("/signature/not-keys", test_not_keys);
	g_test_add_func("/signature/directory", test_directory);
	folder = g_dir_make_tmp("smp-signature-XXXXXX", &error);
	g_assert_no_error(error);
	int result = g_test_run();
	g_assert_cmpint(g_rmdir(folder), ==, 0);
	g_free(folder);
	sign_keys_free();
	return result;
}

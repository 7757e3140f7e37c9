/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys from PEM files. */

#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include <smp/error.h>

#include "firmware/keys.h"

#define HASH_PREFIX "keyhash:"
#define MAX_SIZE    (64 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_DECODER_CTX, OSSL_DECODER_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)

static void key_free(gpointer data)
{
	SmpKey *key = data;

	g_free(key->name);
	EVP_PKEY_free(key->pkey);
	g_clear_pointer(&key->public, g_bytes_unref);
	g_free(key);
}

SmpKeySet *smp_key_set_new(void)
{
	SmpKeySet *keys = g_new(SmpKeySet, 1);

	keys->keys = g_ptr_array_new_with_free_func(key_free);
	return keys;
}

void smp_key_set_free(SmpKeySet *keys)
{
	if (!keys)
		return;
	g_ptr_array_unref(keys->keys);
	g_free(keys);
}

guint smp_key_set_size(const SmpKeySet *keys)
{
	return keys->keys->len;
}

gboolean smp_hash_compute(SmpHash *hash, gsize size, const guint8 *data, gsize data_size)
{
	if (size != 32 && size != 48 && size != 64)
		return FALSE;
	g_autoptr(GChecksum) checksum = g_checksum_new(size == 32   ? G_CHECKSUM_SHA256
						       : size == 48 ? G_CHECKSUM_SHA384
								    : G_CHECKSUM_SHA512);
	hash->size = (guint)size;
	g_checksum_update(checksum, data, (gssize)data_size);
	g_checksum_get_digest(checksum, hash->data, &size);
	return TRUE;
}

gboolean smp_key_has_hash(const SmpKey *key, const SmpHash *hash)
{
	SmpHash own = key->hash;

	if (key->public && !smp_hash_compute(&own, hash->size, g_bytes_get_data(key->public, NULL),
					     g_bytes_get_size(key->public)))
		return FALSE;
	return smp_hash_equal(&own, hash);
}

static gboolean refuse(GError **error, const char *name, const char *what)
{
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE, "%s %s", name, what);
	return FALSE;
}

/* The TLV type of the signatures of a key; 0 where MCUboot knows none. */
static guint16 signature_type(const EVP_PKEY *pkey)
{
	char group[16] = "";

	if (EVP_PKEY_is_a(pkey, "RSA"))
		return EVP_PKEY_get_bits(pkey) == 2048	 ? SMP_TLV_RSA2048_PSS
		       : EVP_PKEY_get_bits(pkey) == 3072 ? SMP_TLV_RSA3072_PSS
							 : 0;
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return SMP_TLV_ED25519;
	if (!EVP_PKEY_is_a(pkey, "EC") ||
	    EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1)
		return 0;
	return g_str_equal(group, "prime256v1") || g_str_equal(group, "secp384r1")
		       ? SMP_TLV_ECDSA_SIG
		       : 0;
}

/* RSA keys as PKCS #1, the others as SubjectPublicKeyInfo, in DER. */
static GBytes *encode_public(const EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int size = EVP_PKEY_is_a(pkey, "RSA") ? i2d_PublicKey(pkey, &der) : i2d_PUBKEY(pkey, &der);

	if (size <= 0)
		return NULL;
	GBytes *bytes = g_bytes_new(der, (gsize)size);
	OPENSSL_free(der);
	return bytes;
}

static EVP_PKEY *decode(const char *pem, gsize size, int selection)
{
	g_autoptr(BIO) bio = BIO_new_mem_buf(pem, (int)size);
	EVP_PKEY *pkey = NULL;
	/* Without a callback for passwords: nothing is ever asked on a terminal. */
	g_autoptr(OSSL_DECODER_CTX) decoder =
		OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM", NULL, NULL, selection, NULL, NULL);

	if (bio && decoder && OSSL_DECODER_from_bio(decoder, bio) == 1)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

static EVP_PKEY *decode_certificate(const char *pem, gsize size)
{
	g_autoptr(BIO) bio = BIO_new_mem_buf(pem, (int)size);
	g_autoptr(X509) certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	return certificate ? X509_get_pubkey(certificate) : NULL;
}

static EVP_PKEY *decode_any(const char *pem, gsize size)
{
	EVP_PKEY *pkey = decode(pem, size, EVP_PKEY_PUBLIC_KEY);

	if (!pkey)
		pkey = decode(pem, size, EVP_PKEY_KEYPAIR);
	if (!pkey)
		pkey = decode_certificate(pem, size);
	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *read_key(const char *path, const char *name, GError **error)
{
	g_autoptr(GError) reason = NULL;
	char *pem;
	gsize size;

	if (!g_file_get_contents(path, &pem, &size, &reason)) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE, "cannot read key: %s",
			    reason->message);
		return NULL;
	}
	EVP_PKEY *pkey = size <= MAX_SIZE ? decode_any(pem, size) : NULL;
	/* It may be a private key. */
	OPENSSL_cleanse(pem, size);
	g_free(pem);
	if (!pkey)
		refuse(error, name,
		       "holds no key that can be read: a public key, a private key without "
		       "password or a certificate in PEM is needed (imgtool getpub -e pem)");
	return pkey;
}

/* Adds the key of a file; with @any, one of a kind that is not for images is left out. */
static gboolean add_file(SmpKeySet *keys, const char *path, gboolean any, GError **error)
{
	g_autofree char *name = g_filename_display_name(path);
	g_autoptr(EVP_PKEY) pkey = read_key(path, name, error);

	if (!pkey)
		return FALSE;
	guint16 type = signature_type(pkey);
	g_autoptr(GBytes) public = type ? encode_public(pkey) : NULL;
	if (!public)
		return any || refuse(error, name,
				     "is not a key that MCUboot images are signed with: those are "
				     "RSA-2048, RSA-3072, ECDSA P-256, ECDSA P-384 and Ed25519");
	SmpKey *key = g_new0(SmpKey, 1);
	key->name = g_filename_display_basename(path);
	key->pkey = g_steal_pointer(&pkey);
	key->signature = type;
	key->public = g_steal_pointer(&public);
	g_ptr_array_add(keys->keys, key);
	return TRUE;
}

static gboolean add_directory(SmpKeySet *keys, const char *path, GError **error)
{
	g_autoptr(GError) reason = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &reason);
	guint before = keys->keys->len;
	const char *name;

	if (!dir) {
		g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE, "cannot read keys: %s",
			    reason->message);
		return FALSE;
	}
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		if (!g_str_has_suffix(name, ".pem") && !g_str_has_suffix(name, ".pub"))
			continue;
		if (!add_file(keys, file, TRUE, error))
			return FALSE;
	}
	if (keys->keys->len > before)
		return TRUE;
	g_autofree char *display = g_filename_display_name(path);
	return refuse(error, display, "has no keys that images are signed with (*.pem, *.pub)");
}

static gboolean add_hash(SmpKeySet *keys, const char *argument, GError **error)
{
	SmpHash hash;

	if (!smp_hash_parse(argument + strlen(HASH_PREFIX), &hash, NULL))
		return refuse(error, argument,
			      "is not the hash of a key: 64, 96 or 128 hexadecimal digits are "
			      "needed");
	SmpKey *key = g_new0(SmpKey, 1);
	key->name = g_strdup(argument);
	key->hash = hash;
	g_ptr_array_add(keys->keys, key);
	return TRUE;
}

gboolean smp_key_set_add(SmpKeySet *keys, const char *argument, GError **error)
{
	if (g_str_has_prefix(argument, HASH_PREFIX))
		return add_hash(keys, argument, error);
	if (g_file_test(argument, G_FILE_TEST_IS_DIR))
		return add_directory(keys, argument, error);
	return add_file(keys, argument, FALSE, error);
}

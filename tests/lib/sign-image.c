/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/lib/sign-image.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "tests/lib/make-image.h"

const SignKind sign_kinds[N_SIGN_KINDS] = {
	{"rsa-2048", RSA_2048, SMP_TLV_RSA2048_PSS, SMP_TLV_SHA256, FALSE},
	{"rsa-3072", RSA_3072, SMP_TLV_RSA3072_PSS, SMP_TLV_SHA256, FALSE},
	{"ecdsa-p256", P256, SMP_TLV_ECDSA_SIG, SMP_TLV_SHA256, FALSE},
	{"ecdsa-p384", P384, SMP_TLV_ECDSA_SIG, SMP_TLV_SHA384, FALSE},
	{"ed25519", ED25519, SMP_TLV_ED25519, SMP_TLV_SHA256, FALSE},
	{"ed25519-512", ED25519, SMP_TLV_ED25519, SMP_TLV_SHA512, FALSE},
	{"ed25519-pure", ED25519, SMP_TLV_ED25519, SMP_TLV_SHA512, TRUE},
};

static EVP_PKEY *pkeys[N_KEY_TYPES][2];

static EVP_PKEY *generate(KeyType type)
{
	switch (type) {
	case RSA_2048:
		return EVP_RSA_gen(2048);
	case RSA_3072:
		return EVP_RSA_gen(3072);
	case P256:
		return EVP_EC_gen("P-256");
	case P384:
		return EVP_EC_gen("P-384");
	default:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	}
}

EVP_PKEY *sign_key(KeyType type, guint which)
{
	if (!pkeys[type][which])
		pkeys[type][which] = generate(type);
	g_assert_nonnull(pkeys[type][which]);
	return pkeys[type][which];
}

GBytes *sign_public_key(EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int size = EVP_PKEY_is_a(pkey, "RSA") ? i2d_PublicKey(pkey, &der) : i2d_PUBKEY(pkey, &der);

	g_assert_cmpint(size, >, 0);
	GBytes *bytes = g_bytes_new(der, (gsize)size);
	OPENSSL_free(der);
	return bytes;
}

GChecksumType sign_checksum(guint16 hash_type)
{
	return hash_type == SMP_TLV_SHA256   ? G_CHECKSUM_SHA256
	       : hash_type == SMP_TLV_SHA384 ? G_CHECKSUM_SHA384
					     : G_CHECKSUM_SHA512;
}

static void hash(GChecksumType type, const void *data, gsize size, SmpHash *hash)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(type);
	gsize hash_size = sizeof hash->data;

	g_checksum_update(checksum, data, (gssize)size);
	g_checksum_get_digest(checksum, hash->data, &hash_size);
	hash->size = (guint)hash_size;
}

/* The signature over what is hashed: of the bytes themselves with RSA and ECDSA, which hash them
 * once more, of their hash with Ed25519. */
static GBytes *sign(const SignKind *kind, EVP_PKEY *pkey, const guint8 *data, gsize size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	SmpHash digest;
	guint8 signature[512];
	gsize signature_size = sizeof signature;
	const char *md = kind->type == ED25519 ? NULL : kind->type == P384 ? "SHA384" : "SHA256";

	if (kind->type == ED25519 && !kind->pure) {
		hash(sign_checksum(kind->hash_type), data, size, &digest);
		data = digest.data;
		size = digest.size;
	}
	g_assert_cmpint(EVP_DigestSignInit_ex(context, &options, md, NULL, NULL, pkey, NULL), ==,
			1);
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		g_assert_cmpint(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), ==,
				1);
		g_assert_cmpint(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32), ==, 1);
	}
	g_assert_cmpint(EVP_DigestSign(context, signature, &signature_size, data, size), ==, 1);
	EVP_MD_CTX_free(context);
	return g_bytes_new(signature, signature_size);
}

/* TLVs and what they point to. */
typedef struct {
	GArray *list;
	GPtrArray *owned;
} Tlvs;

static void put(Tlvs *tlvs, guint16 type, gconstpointer data, gsize size)
{
	SmpTlv tlv = {type, type == SMP_TLV_SEC_CNT, g_memdup2(data, size), (guint16)size};

	g_ptr_array_add(tlvs->owned, (gpointer)tlv.data);
	g_array_append_val(tlvs->list, tlv);
}

/* Names a key as the options want it. */
static void put_key(Tlvs *tlvs, const SignKind *kind, guint which, const SignOptions *how)
{
	g_autoptr(GBytes) public = sign_public_key(sign_key(kind->type, which));
	const void *data = g_bytes_get_data(public, NULL);
	gsize size = g_bytes_get_size(public);
	SmpHash key_hash;

	hash(sign_checksum(kind->hash_type), data, size, &key_hash);
	if (how->whole_key)
		put(tlvs, SMP_TLV_PUBKEY, data, size);
	else if (!how->no_key_hash)
		put(tlvs, SMP_TLV_KEYHASH, key_hash.data, key_hash.size);
}

static void put_signature(Tlvs *tlvs, const SignKind *kind, guint which, const guint8 *data,
			  gsize size, const SignOptions *how)
{
	g_autoptr(GBytes) signature = sign(kind, sign_key(kind->type, which), data, size);
	gsize whole = g_bytes_get_size(signature);
	g_autofree guint8 *copy = g_malloc0(whole + how->pad);

	memcpy(copy, g_bytes_get_data(signature, NULL), whole);
	if (how->flip)
		copy[whole / 2] ^= 0x10;
	put(tlvs, kind->tlv, copy, whole - MIN(how->cut, whole) + how->pad);
}

SmpFirmware *sign_image(const SignKind *kind, const SignOptions *how)
{
	static const guint8 counter[] = {1, 0, 0, 0};
	static const guint8 yes[] = {1};
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(SmpTlv));
	g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func(g_free);
	Tlvs tlvs = {list, owned};
	MakeImage options = {
		.payload_size = 1000, .flags = how->flags, .hash_type = kind->hash_type};
	/* Header, payload, and the protected TLVs: their header and one TLV. */
	gsize hashed = 32 + 1000 + 4 + 4 + sizeof counter;
	g_autoptr(GError) error = NULL;

	put(&tlvs, SMP_TLV_SEC_CNT, counter, sizeof counter);
	options.tlvs = (const SmpTlv *)(gpointer)list->data;
	options.n_tlvs = list->len;
	g_autoptr(GBytes) plain = make_image(&options);
	const guint8 *data = g_bytes_get_data(plain, NULL);
	if (kind->pure)
		put(&tlvs, SMP_TLV_SIG_PURE, yes, sizeof yes);
	if (how->other_first) {
		put_key(&tlvs, kind, 1, &(SignOptions){0});
		put_signature(&tlvs, kind, 1, data, hashed, &(SignOptions){0});
	}
	put_key(&tlvs, kind, how->other_hash, how);
	put_signature(&tlvs, kind, 0, data, hashed, how);
	options.tlvs = (const SmpTlv *)(gpointer)list->data;
	options.n_tlvs = list->len;
	g_autoptr(GBytes) image = make_image(&options);
	SmpFirmware *firmware = smp_firmware_parse("image", image, &error);
	g_assert_no_error(error);
	return firmware;
}

void sign_keys_free(void)
{
	for (guint i = 0; i < N_KEY_TYPES; i++) {
		g_clear_pointer(&pkeys[i][0], EVP_PKEY_free);
		g_clear_pointer(&pkeys[i][1], EVP_PKEY_free);
	}
}

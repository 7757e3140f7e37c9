/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signatures are over the image hash, or with SIG_PURE over what is hashed. As MCUboot does it
 * (image_validate.c, bootutil_img_validate()), a signature goes with the KEYHASH or PUBKEY before
 * it, and one good signature is enough. */

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include <smp/error.h>

#include "firmware/keys.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

typedef struct {
	const guint8 *data;
	gsize size;
} Span;

void smp_verdict_clear(SmpVerdict *verdict)
{
	g_clear_pointer(&verdict->key, g_free);
}

static gboolean is_signature(const SmpTlv *tlv)
{
	return tlv->type == SMP_TLV_RSA2048_PSS || tlv->type == SMP_TLV_RSA3072_PSS ||
	       tlv->type == SMP_TLV_ECDSA224 || tlv->type == SMP_TLV_ECDSA_SIG ||
	       tlv->type == SMP_TLV_ED25519;
}

static gboolean is_pure(const SmpFirmware *firmware)
{
	const SmpTlv *tlv = smp_firmware_find_tlv(firmware, SMP_TLV_SIG_PURE);

	return tlv && tlv->size == 1 && tlv->data[0] == 1;
}

static Span signed_span(const SmpFirmware *firmware)
{
	if (!is_pure(firmware))
		return (Span){firmware->hash.data, firmware->hash.size};
	return (Span){g_bytes_get_data(firmware->bytes, NULL), (gsize)firmware->header_size +
								       firmware->image_size +
								       firmware->protected_size};
}

/* Takes off what `imgtool sign --pad-sig` puts behind an ECDSA signature: up to two zeros. */
static Span trim_der(const SmpTlv *tlv)
{
	Span der = {tlv->data, tlv->size};

	if (der.size < 2 || der.data[1] >= 0x80 || der.data[1] + 2u > der.size)
		return der;
	for (gsize i = der.data[1] + 2u; i < der.size; i++)
		if (der.data[i] != 0)
			return der;
	return (Span){der.data, der.data[1] + 2u};
}

static gboolean verify_ed25519(EVP_PKEY *pkey, const SmpTlv *tlv, Span message)
{
	g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();

	return context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
	       EVP_DigestVerify(context, tlv->data, tlv->size, message.data, message.size) == 1;
}

static gboolean set_pss(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, 32) == 1;
}

static gboolean verify_digest(EVP_PKEY *pkey, const SmpTlv *tlv, Span digest)
{
	g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	gboolean is_rsa = tlv->type != SMP_TLV_ECDSA_SIG;
	Span signature = is_rsa ? (Span){tlv->data, tlv->size} : trim_der(tlv);

	return context && EVP_PKEY_verify_init(context) == 1 && (!is_rsa || set_pss(context)) &&
	       EVP_PKEY_verify(context, signature.data, signature.size, digest.data, digest.size) ==
		       1;
}

static gboolean verify(const SmpFirmware *firmware, const SmpTlv *tlv, const SmpKey *key)
{
	Span message = signed_span(firmware);
	gboolean good = tlv->type == SMP_TLV_ED25519 ? verify_ed25519(key->pkey, tlv, message)
						     : verify_digest(key->pkey, tlv, message);

	ERR_clear_error();
	return good;
}

/* Reads the key that a signature goes with; FALSE where the TLV is about something else. */
static gboolean read_key_hash(const SmpTlv *tlv, SmpHash *hash)
{
	if (tlv->type == SMP_TLV_PUBKEY)
		return smp_hash_compute(hash, 32, tlv->data, tlv->size);
	if (tlv->type != SMP_TLV_KEYHASH || (tlv->size != 32 && tlv->size != 48 && tlv->size != 64))
		return FALSE;
	smp_hash_set(hash, tlv->data, tlv->size);
	return TRUE;
}

/* Whether a key may have made the signature, as far as the image says. */
static gboolean is_candidate(const SmpKey *key, const SmpTlv *tlv, const SmpHash *key_hash)
{
	if (key->pkey && key->signature != tlv->type)
		return FALSE;
	return key_hash->size > 0 ? smp_key_has_hash(key, key_hash) : key->pkey != NULL;
}

static SmpSignature judge(const SmpFirmware *firmware, const SmpTlv *tlv, const SmpHash *key_hash,
			  const SmpKeySet *keys, const char **by)
{
	gboolean hidden = is_pure(firmware) && !firmware->hash_checked;
	SmpSignature signature = SMP_SIGNATURE_OTHER_KEY;

	for (guint i = 0; i < keys->keys->len; i++) {
		const SmpKey *key = g_ptr_array_index(keys->keys, i);
		if (!is_candidate(key, tlv, key_hash))
			continue;
		gboolean good = key->pkey && !hidden && verify(firmware, tlv, key);
		if (good || signature != SMP_SIGNATURE_BAD)
			*by = key->name;
		if (good || (key->pkey && hidden))
			return good ? SMP_SIGNATURE_GOOD : SMP_SIGNATURE_UNCHECKED;
		if (signature != SMP_SIGNATURE_BAD)
			signature = key->pkey ? SMP_SIGNATURE_BAD : SMP_SIGNATURE_NAMED;
	}
	return signature;
}

/* Which of the verdicts on two signatures counts. */
static guint rank(SmpSignature signature)
{
	static const guint ranks[] = {
		[SMP_SIGNATURE_NONE] = 0,      [SMP_SIGNATURE_OTHER_KEY] = 1,
		[SMP_SIGNATURE_UNCHECKED] = 2, [SMP_SIGNATURE_BAD] = 3,
		[SMP_SIGNATURE_NAMED] = 4,     [SMP_SIGNATURE_GOOD] = 5,
	};
	return ranks[signature];
}

static void judge_all(const SmpFirmware *firmware, const SmpKeySet *keys, SmpVerdict *verdict)
{
	SmpHash key_hash = {.size = 0};

	for (guint i = 0; i < firmware->tlvs->len; i++) {
		const SmpTlv *tlv = &g_array_index(firmware->tlvs, SmpTlv, i);
		const char *by = NULL;
		if (tlv->is_protected || read_key_hash(tlv, &key_hash) || !is_signature(tlv))
			continue;
		SmpSignature signature = keys && keys->keys->len > 0
						 ? judge(firmware, tlv, &key_hash, keys, &by)
						 : SMP_SIGNATURE_UNCHECKED;
		if (rank(signature) <= rank(verdict->signature))
			continue;
		verdict->signature = signature;
		verdict->key_hash = key_hash;
		g_free(verdict->key);
		verdict->key = g_strdup(by);
	}
}

static const char *payload_text(const SmpVerdict *verdict)
{
	return verdict->payload_checked ? ""
					: "; the payload is encrypted and could not be checked";
}

char *smp_verdict_to_string(const SmpVerdict *verdict)
{
	g_autofree char *hash =
		verdict->key_hash.size > 0 ? smp_hash_to_string(&verdict->key_hash) : NULL;

	switch (verdict->signature) {
	case SMP_SIGNATURE_NONE:
		return g_strdup("missing");
	case SMP_SIGNATURE_GOOD:
		return g_strdup_printf("good, by %s%s", verdict->key, payload_text(verdict));
	case SMP_SIGNATURE_NAMED:
		return g_strdup_printf("names the key %s; not verified without the key itself",
				       hash);
	case SMP_SIGNATURE_OTHER_KEY:
		return hash ? g_strdup_printf("by another key, whose hash is %s", hash)
			    : g_strdup("by a key of another kind than those given");
	case SMP_SIGNATURE_BAD:
		return hash ? g_strdup_printf("bad: %s should verify it, and does not",
					      verdict->key)
			    : g_strdup("verified by none of the keys");
	case SMP_SIGNATURE_UNCHECKED:
	default:
		return g_strdup(verdict->key ? "cannot be verified: it covers what is encrypted"
					     : "not verified");
	}
}

static const char *advice(SmpSignature signature)
{
	switch (signature) {
	case SMP_SIGNATURE_NONE:
		return "sign it with imgtool sign --key";
	case SMP_SIGNATURE_BAD:
		return "build or copy it again";
	case SMP_SIGNATURE_OTHER_KEY:
		return "give that key, or an image that is signed with a key of yours";
	default:
		return "give the key that it was signed with";
	}
}

gboolean smp_firmware_verify(const SmpFirmware *firmware, const SmpKeySet *keys,
			     SmpVerdict *verdict, GError **error)
{
	*verdict = (SmpVerdict){.signature = SMP_SIGNATURE_NONE,
				.payload_checked = firmware->hash_checked};
	judge_all(firmware, keys, verdict);
	if (verdict->signature == SMP_SIGNATURE_GOOD || verdict->signature == SMP_SIGNATURE_NAMED)
		return TRUE;
	g_autofree char *text = smp_verdict_to_string(verdict);
	g_set_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_FILE, "%s: signature %s; %s",
		    firmware->name, text, advice(verdict->signature));
	return FALSE;
}

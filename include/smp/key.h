/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/firmware.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* Whose firmware it is: MCUboot's signatures (MCUboot bootutil image_validate.c, imgtool). */

/* The keys that images may be signed with. */
typedef struct SmpKeySet SmpKeySet;

SmpKeySet *smp_key_set_new(void);
void smp_key_set_free(SmpKeySet *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpKeySet, smp_key_set_free)

/**
 * smp_key_set_add:
 * @argument: a PEM file with a public key, a private key without password, or an X.509 certificate;
 *   a directory of such files, *.pem and *.pub; or `keyhash:` and the SHA-2 of a key in hexadecimal
 *   (`imgtool getpubhash`), where the key itself is not at hand
 *
 * Keys are RSA-2048, RSA-3072, ECDSA P-256, P-384, and Ed25519. Of a directory other keys are left
 * out: keys for encryption lie there, too.
 *
 * Returns: FALSE with %SMP_UPDATE_ERROR_FILE
 */
gboolean smp_key_set_add(SmpKeySet *keys, const char *argument,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How many keys and hashes of keys. */
guint smp_key_set_size(const SmpKeySet *keys);

/**
 * SmpSignature:
 * @SMP_SIGNATURE_UNCHECKED: there is one, and it was not verified: no keys were given, or it is of
 * a kind that cannot be
 * @SMP_SIGNATURE_NONE: the image is not signed
 * @SMP_SIGNATURE_GOOD: one of the keys verifies it
 * @SMP_SIGNATURE_NAMED: the image names a key by a hash that was given as `keyhash:`. That guards
 *   against mistakes only: anybody can write a hash
 * @SMP_SIGNATURE_OTHER_KEY: made with a key that is not among the keys
 * @SMP_SIGNATURE_BAD: the key that should verify it does not
 */
typedef enum {
	SMP_SIGNATURE_UNCHECKED,
	SMP_SIGNATURE_NONE,
	SMP_SIGNATURE_GOOD,
	SMP_SIGNATURE_NAMED,
	SMP_SIGNATURE_OTHER_KEY,
	SMP_SIGNATURE_BAD,
} SmpSignature;

/**
 * SmpVerdict: what smp_firmware_verify() found.
 * @key: (nullable): which key it was: its file, or the argument that named its hash
 * @key_hash: the hash of the key that the image names; size 0 where it names none
 * @payload_checked: FALSE for an encrypted image: its hash is signed, and whether its payload is
 * what was hashed is known only to who can decrypt it
 */
typedef struct {
	SmpSignature signature;
	char *key;
	SmpHash key_hash;
	gboolean payload_checked;
} SmpVerdict;

void smp_verdict_clear(SmpVerdict *verdict);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SmpVerdict, smp_verdict_clear)

/* Returns: (transfer full): "good, by release.pem", "by another key, whose hash is 1f…" */
char *smp_verdict_to_string(const SmpVerdict *verdict);

/**
 * smp_firmware_verify:
 * @keys: (nullable): keys; %NULL or none leave the signature unverified
 * @verdict: (out caller-allocates): always filled; smp_verdict_clear() it
 *
 * Returns: whether the image may be taken for one of the keys' owners': %SMP_SIGNATURE_GOOD or
 * %SMP_SIGNATURE_NAMED. FALSE with %SMP_UPDATE_ERROR_FILE
 */
gboolean smp_firmware_verify(const SmpFirmware *firmware, const SmpKeySet *keys,
			     SmpVerdict *verdict, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/key.h>

#include <openssl/evp.h>

/**
 * SmpKey: one key, or only its hash.
 * @name: file or argument, for messages
 * @pkey: (nullable): %NULL where only the hash is known
 * @signature: the TLV type of its signatures; 0 for a key that MCUboot's images are not signed with
 * @public: the public key as MCUboot embeds and hashes it (imgtool keys/: get_public_bytes())
 * @hash: where only the hash is known
 */
typedef struct {
	char *name;
	EVP_PKEY *pkey;
	guint16 signature;
	GBytes *public;
	SmpHash hash;
} SmpKey;

/* @keys: (element-type SmpKey) */
struct SmpKeySet {
	GPtrArray *keys;
};

/* Whether @hash is that of the key, with whichever SHA-2 it is. */
gboolean smp_key_has_hash(const SmpKey *key, const SmpHash *hash);

/* Hashes with the SHA-2 of @size bytes. FALSE where there is none. */
gboolean smp_hash_compute(SmpHash *hash, gsize size, const guint8 *data, gsize data_size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/firmware.h>

#include <openssl/evp.h>

typedef enum {
	RSA_2048,
	RSA_3072,
	P256,
	P384,
	ED25519,
	N_KEY_TYPES,
} KeyType;

/* A kind of signature, as imgtool makes them. */
typedef struct {
	const char *name;
	KeyType type;
	guint16 tlv;
	guint16 hash_type;
	gboolean pure;
} SignKind;

#define N_SIGN_KINDS 7
extern const SignKind sign_kinds[N_SIGN_KINDS];

/**
 * SignOptions: what is different from a well signed image.
 * @flags: of the header
 * @flip: a bit of the signature's middle
 * @cut: bytes of the signature that are missing
 * @pad: zeros behind it
 * @no_key_hash: neither KEYHASH nor PUBKEY
 * @whole_key: PUBKEY instead of KEYHASH
 * @other_first: the signature of the other key stands before it
 * @other_hash: names the other key
 */
typedef struct {
	guint32 flags;
	gboolean flip;
	guint cut;
	guint pad;
	gboolean no_key_hash;
	gboolean whole_key;
	gboolean other_first;
	gboolean other_hash;
} SignOptions;

/* Returns: (transfer full): an image of 1000 bytes, signed with the first key of its type */
SmpFirmware *sign_image(const SignKind *kind, const SignOptions *how);

/* One of the two keys of a type. Generated once: large RSA keys take a while. */
EVP_PKEY *sign_key(KeyType type, guint which);
void sign_keys_free(void);

/* Returns: (transfer full): the public key as the bootloader embeds and hashes it */
GBytes *sign_public_key(EVP_PKEY *pkey);
GChecksumType sign_checksum(guint16 hash_type);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How deep maps and arrays may nest in what we read. Servers need 4; the rest is an attack. */
#define SMP_CBOR_MAX_DEPTH 16

/**
 * SmpCbor:
 * @data: first byte of the item; borrowed from the buffer that was checked
 * @size: bytes of the item
 *
 * A view of one CBOR item that smp_cbor_check() found well-formed. Everything below takes such a
 * view, never bytes from outside. Maps and arrays may be of definite or indefinite length, integers
 * of any width, keys in any order: that is what Zephyr, MCUboot and Mynewt send.
 */
typedef struct {
	const guint8 *data;
	gsize size;
} SmpCbor;

typedef enum {
	SMP_CBOR_UINT,
	SMP_CBOR_NEGATIVE,
	SMP_CBOR_BYTES,
	SMP_CBOR_TEXT,
	SMP_CBOR_ARRAY,
	SMP_CBOR_MAP,
	SMP_CBOR_TAG,
	SMP_CBOR_BOOL,
	SMP_CBOR_NULL,
	SMP_CBOR_FLOAT,
	SMP_CBOR_OTHER,
} SmpCborType;

/* A walk through the items of an array or the pairs of a map. */
typedef struct {
	const guint8 *data;
	gsize size;
	guint64 left;
	gboolean indefinite;
	gboolean map;
} SmpCborIter;

/**
 * smp_cbor_check:
 * @data: bytes from outside
 * @size: how many
 * @item: (out): the first item; bytes behind it are left alone
 *
 * Returns: FALSE where the bytes do not begin with one whole, well-formed item
 * (cut short, reserved encodings, nested deeper than %SMP_CBOR_MAX_DEPTH).
 */
gboolean smp_cbor_check(const guint8 *data, gsize size, SmpCbor *item) G_GNUC_WARN_UNUSED_RESULT;

SmpCborType smp_cbor_type(const SmpCbor *item);

/* Each returns FALSE, and leaves the output alone, where the item is of another type or too big. */
gboolean smp_cbor_uint(const SmpCbor *item, guint64 *value);
gboolean smp_cbor_int(const SmpCbor *item, gint64 *value);
gboolean smp_cbor_bool(const SmpCbor *item, gboolean *value);
gboolean smp_cbor_double(const SmpCbor *item, double *value);
gboolean smp_cbor_bytes(const SmpCbor *item, const guint8 **data, gsize *size);
gboolean smp_cbor_text(const SmpCbor *item, const char **text, gsize *length);
gboolean smp_cbor_tag(const SmpCbor *item, guint64 *tag, SmpCbor *content);

/**
 * smp_cbor_dup_bytes:
 *
 * Returns: (transfer full) (nullable): a string of bytes or text, in one piece where it is sent in
 * chunks (Mynewt's log entries); %NULL where the item is none
 */
GBytes *smp_cbor_dup_bytes(const SmpCbor *item);

/**
 * smp_cbor_dup_text:
 *
 * Returns: (transfer full) (nullable): the text as valid UTF-8, what is not replaced by U+FFFD
 * (shell output and version strings are raw device bytes); %NULL where the item is no text
 */
char *smp_cbor_dup_text(const SmpCbor *item);

gboolean smp_cbor_iter_init(SmpCborIter *iter, const SmpCbor *container);
/* @key is set for maps only and may be NULL. */
gboolean smp_cbor_iter_next(SmpCborIter *iter, SmpCbor *key, SmpCbor *value);

/* Look-ups by text key; FALSE where the key is missing or its value of another type. */
gboolean smp_cbor_get(const SmpCbor *map, const char *key, SmpCbor *value);
gboolean smp_cbor_get_uint(const SmpCbor *map, const char *key, guint64 *value);
gboolean smp_cbor_get_int(const SmpCbor *map, const char *key, gint64 *value);
gboolean smp_cbor_get_bytes(const SmpCbor *map, const char *key, const guint8 **data, gsize *size);
/* Absent means false: servers leave false flags out. */
gboolean smp_cbor_get_bool(const SmpCbor *map, const char *key);
char *smp_cbor_get_text(const SmpCbor *map, const char *key);

/* The writer appends to @out in canonical form: shortest integers, definite lengths. */
void smp_cbor_put_uint(GByteArray *out, guint64 value);
void smp_cbor_put_int(GByteArray *out, gint64 value);
void smp_cbor_put_bool(GByteArray *out, gboolean value);
void smp_cbor_put_bytes(GByteArray *out, const void *data, gsize size);
void smp_cbor_put_text(GByteArray *out, const char *text);
void smp_cbor_put_text_sized(GByteArray *out, const char *text, gsize length);
void smp_cbor_put_map(GByteArray *out, gsize pairs);
void smp_cbor_put_array(GByteArray *out, gsize items);
/* As zcbor and TinyCBOR write them; for the simulated board. */
void smp_cbor_put_array_begin(GByteArray *out);
void smp_cbor_put_map_begin(GByteArray *out);
void smp_cbor_put_end(GByteArray *out);

/* Bytes of the head of a string, array or map of @length, or of an integer of that value. */
gsize smp_cbor_head_size(guint64 length);

G_END_DECLS

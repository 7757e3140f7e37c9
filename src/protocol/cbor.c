/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CBOR (RFC 8949) on buffers. libcbor's streaming decoder reads one head at a time without
 * allocating; what is ours is the walk over a whole item with bounds on size and depth. */

#include "protocol/cbor.h"

#include <cbor.h>
#include <string.h>

/* One decoded head: an atom with its value, or the start of a container. */
typedef struct {
	SmpCborType type;
	gboolean indefinite;
	gboolean end;
	guint64 value; /* of an integer, tag or bool; the number of items of a container */
	double number;
	const guint8 *bytes;
	gsize size; /* of a string */
} Head;

static void on_uint(Head *head, SmpCborType type, guint64 value)
{
	head->type = type;
	head->value = value;
}

#define INTEGER(name, ctype, smp_type)                                                             \
	static void name(void *context, ctype value)                                               \
	{                                                                                          \
		on_uint(context, smp_type, value);                                                 \
	}

INTEGER(on_uint8, uint8_t, SMP_CBOR_UINT)
INTEGER(on_uint16, uint16_t, SMP_CBOR_UINT)
INTEGER(on_uint32, uint32_t, SMP_CBOR_UINT)
INTEGER(on_uint64, uint64_t, SMP_CBOR_UINT)
INTEGER(on_negint8, uint8_t, SMP_CBOR_NEGATIVE)
INTEGER(on_negint16, uint16_t, SMP_CBOR_NEGATIVE)
INTEGER(on_negint32, uint32_t, SMP_CBOR_NEGATIVE)
INTEGER(on_negint64, uint64_t, SMP_CBOR_NEGATIVE)
INTEGER(on_array, size_t, SMP_CBOR_ARRAY)
INTEGER(on_map, size_t, SMP_CBOR_MAP)
INTEGER(on_tag, uint64_t, SMP_CBOR_TAG)
INTEGER(on_bool, bool, SMP_CBOR_BOOL)

static void on_string(Head *head, SmpCborType type, const guint8 *data, gsize size)
{
	head->type = type;
	head->bytes = data;
	head->size = size;
}

static void on_bytes(void *context, cbor_data data, size_t size)
{
	on_string(context, SMP_CBOR_BYTES, data, size);
}

static void on_text(void *context, cbor_data data, size_t size)
{
	on_string(context, SMP_CBOR_TEXT, data, size);
}

static void on_start(Head *head, SmpCborType type)
{
	head->type = type;
	head->indefinite = TRUE;
}

#define START(name, smp_type)                                                                      \
	static void name(void *context)                                                            \
	{                                                                                          \
		on_start(context, smp_type);                                                       \
	}

START(on_bytes_start, SMP_CBOR_BYTES)
START(on_text_start, SMP_CBOR_TEXT)
START(on_array_start, SMP_CBOR_ARRAY)
START(on_map_start, SMP_CBOR_MAP)

static void on_float(void *context, float value)
{
	((Head *)context)->type = SMP_CBOR_FLOAT;
	((Head *)context)->number = value;
}

static void on_double(void *context, double value)
{
	((Head *)context)->type = SMP_CBOR_FLOAT;
	((Head *)context)->number = value;
}

static void on_null(void *context)
{
	((Head *)context)->type = SMP_CBOR_NULL;
}

static void on_undefined(void *context)
{
	((Head *)context)->type = SMP_CBOR_OTHER;
}

static void on_break(void *context)
{
	((Head *)context)->end = TRUE;
}

static const struct cbor_callbacks head_callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string = on_bytes,
	.byte_string_start = on_bytes_start,
	.string = on_text,
	.string_start = on_text_start,
	.array_start = on_array,
	.indef_array_start = on_array_start,
	.map_start = on_map,
	.indef_map_start = on_map_start,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_undefined,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_break,
};

/* Returns the bytes of the head, for a definite string of the whole string; 0 where there is no
 * whole valid head. */
static gsize read_head(const guint8 *data, gsize size, Head *head)
{
	*head = (Head){.type = SMP_CBOR_OTHER};
	if (size == 0)
		return 0;
	struct cbor_decoder_result result = cbor_stream_decode(data, size, &head_callbacks, head);
	return result.status == CBOR_DECODER_FINISHED ? result.read : 0;
}

static gsize item_size(const guint8 *data, gsize size, guint depth);

/* Bytes of @count items; 0 where they are not all there. @count is above 0. */
static gsize definite_size(const guint8 *data, gsize size, guint64 count, guint depth)
{
	gsize used = 0;

	for (guint64 i = 0; i < count; i++) {
		gsize n = item_size(data + used, size - used, depth);
		if (n == 0)
			return 0;
		used += n;
	}
	return used;
}

/* Bytes up to and with the break, which may follow only a multiple of @step items; 0 if bad. */
static gsize indefinite_size(const guint8 *data, gsize size, guint step, guint depth)
{
	gsize used = 0;

	for (guint i = 0;; i = (i + 1) % step) {
		Head head;
		gsize n = read_head(data + used, size - used, &head);
		if (n > 0 && head.end)
			return i == 0 ? used + n : 0;
		n = item_size(data + used, size - used, depth);
		if (n == 0)
			return 0;
		used += n;
	}
}

/* The same for a string in chunks, which are whole strings of its own type. */
static gsize chunks_size(const guint8 *data, gsize size, SmpCborType type)
{
	gsize used = 0;

	for (;;) {
		Head head;
		gsize n = read_head(data + used, size - used, &head);
		if (n == 0 || (!head.end && (head.type != type || head.indefinite)))
			return 0;
		used += n;
		if (head.end)
			return used;
	}
}

/* Bytes behind the head of an item of indefinite length, 0 if bad. */
static gsize indefinite_content(const Head *head, const guint8 *data, gsize size, guint depth)
{
	if (head->type == SMP_CBOR_BYTES || head->type == SMP_CBOR_TEXT)
		return chunks_size(data, size, head->type);
	return indefinite_size(data, size, head->type == SMP_CBOR_MAP ? 2 : 1, depth);
}

/* Bytes of the whole item at @data, 0 where it is not whole and well-formed. */
static gsize item_size(const guint8 *data, gsize size, guint depth)
{
	Head head;
	gsize used = read_head(data, size, &head);
	gsize content;

	if (used == 0 || head.end || depth > SMP_CBOR_MAX_DEPTH)
		return 0;
	if (head.indefinite) {
		content = indefinite_content(&head, data + used, size - used, depth + 1);
	} else if (head.type == SMP_CBOR_TAG) {
		content = item_size(data + used, size - used, depth + 1);
	} else if ((head.type == SMP_CBOR_MAP || head.type == SMP_CBOR_ARRAY) && head.value > 0) {
		/* Each item takes a byte at least: a count beyond the buffer is a lie. */
		if (head.value > size)
			return 0;
		content = definite_size(data + used, size - used,
					head.type == SMP_CBOR_MAP ? head.value * 2 : head.value,
					depth + 1);
	} else {
		return used;
	}
	return content ? used + content : 0;
}

gboolean smp_cbor_check(const guint8 *data, gsize size, SmpCbor *item)
{
	gsize used = item_size(data, size, 0);

	if (used == 0)
		return FALSE;
	*item = (SmpCbor){data, used};
	return TRUE;
}

SmpCborType smp_cbor_type(const SmpCbor *item)
{
	Head head;
	read_head(item->data, item->size, &head);
	return head.type;
}

/* Reads the head of a checked item and says whether it is a definite item of @type. */
static gboolean head_of(const SmpCbor *item, SmpCborType type, Head *head)
{
	return read_head(item->data, item->size, head) > 0 && head->type == type;
}

gboolean smp_cbor_uint(const SmpCbor *item, guint64 *value)
{
	Head head;

	if (!head_of(item, SMP_CBOR_UINT, &head))
		return FALSE;
	*value = head.value;
	return TRUE;
}

gboolean smp_cbor_int(const SmpCbor *item, gint64 *value)
{
	Head head;

	read_head(item->data, item->size, &head);
	if ((head.type != SMP_CBOR_UINT && head.type != SMP_CBOR_NEGATIVE) ||
	    head.value > G_MAXINT64)
		return FALSE;
	*value = head.type == SMP_CBOR_UINT ? (gint64)head.value : -1 - (gint64)head.value;
	return TRUE;
}

gboolean smp_cbor_bool(const SmpCbor *item, gboolean *value)
{
	Head head;

	if (!head_of(item, SMP_CBOR_BOOL, &head))
		return FALSE;
	*value = head.value != 0;
	return TRUE;
}

gboolean smp_cbor_double(const SmpCbor *item, double *value)
{
	Head head;

	if (!head_of(item, SMP_CBOR_FLOAT, &head))
		return FALSE;
	*value = head.number;
	return TRUE;
}

gboolean smp_cbor_bytes(const SmpCbor *item, const guint8 **data, gsize *size)
{
	Head head;

	if (!head_of(item, SMP_CBOR_BYTES, &head) || head.indefinite)
		return FALSE;
	*data = head.bytes;
	*size = head.size;
	return TRUE;
}

gboolean smp_cbor_text(const SmpCbor *item, const char **text, gsize *length)
{
	Head head;

	if (!head_of(item, SMP_CBOR_TEXT, &head) || head.indefinite)
		return FALSE;
	*text = (const char *)head.bytes;
	*length = head.size;
	return TRUE;
}

GBytes *smp_cbor_dup_bytes(const SmpCbor *item)
{
	Head head;
	const guint8 *data = item->data;
	const guint8 *end = item->data + item->size;
	gsize used = read_head(data, item->size, &head);
	SmpCborType type = head.type;

	if (used == 0 || (type != SMP_CBOR_BYTES && type != SMP_CBOR_TEXT))
		return NULL;
	if (!head.indefinite)
		return g_bytes_new(head.bytes, head.size);
	GByteArray *bytes = g_byte_array_new();
	do {
		g_byte_array_append(bytes, head.bytes, (guint)head.size);
		data += used;
		used = read_head(data, (gsize)(end - data), &head);
	} while (used > 0 && !head.end);
	return g_byte_array_free_to_bytes(bytes);
}

gboolean smp_cbor_tag(const SmpCbor *item, guint64 *tag, SmpCbor *content)
{
	Head head;
	gsize used = read_head(item->data, item->size, &head);

	if (used == 0 || head.type != SMP_CBOR_TAG)
		return FALSE;
	*tag = head.value;
	*content = (SmpCbor){item->data + used, item->size - used};
	return TRUE;
}

char *smp_cbor_dup_text(const SmpCbor *item)
{
	gsize length;

	if (smp_cbor_type(item) != SMP_CBOR_TEXT)
		return NULL;
	g_autoptr(GBytes) bytes = smp_cbor_dup_bytes(item);
	const char *text = g_bytes_get_data(bytes, &length);
	return length ? g_utf8_make_valid(text, (gssize)length) : g_strdup("");
}

gboolean smp_cbor_iter_init(SmpCborIter *iter, const SmpCbor *container)
{
	Head head;
	gsize used = read_head(container->data, container->size, &head);

	if (used == 0 || (head.type != SMP_CBOR_ARRAY && head.type != SMP_CBOR_MAP))
		return FALSE;
	*iter = (SmpCborIter){
		.data = container->data + used,
		.size = container->size - used,
		.left = head.value,
		.indefinite = head.indefinite,
		.map = head.type == SMP_CBOR_MAP,
	};
	return TRUE;
}

static gboolean iter_take(SmpCborIter *iter, SmpCbor *item)
{
	gsize used = item_size(iter->data, iter->size, 0);

	if (used == 0)
		return FALSE;
	*item = (SmpCbor){iter->data, used};
	iter->data += used;
	iter->size -= used;
	return TRUE;
}

gboolean smp_cbor_iter_next(SmpCborIter *iter, SmpCbor *key, SmpCbor *value)
{
	SmpCbor ignored;

	if (!iter->indefinite && iter->left-- == 0) {
		iter->left = 0;
		return FALSE;
	}
	if (iter->map && !iter_take(iter, key ? key : &ignored))
		return FALSE;
	return iter_take(iter, value);
}

gboolean smp_cbor_get(const SmpCbor *map, const char *key, SmpCbor *value)
{
	SmpCborIter iter;
	SmpCbor name, found;
	gsize wanted = strlen(key);

	if (!smp_cbor_iter_init(&iter, map) || !iter.map)
		return FALSE;
	while (smp_cbor_iter_next(&iter, &name, &found)) {
		const char *text;
		gsize length;
		if (smp_cbor_text(&name, &text, &length) && length == wanted &&
		    memcmp(text, key, length) == 0) {
			*value = found;
			return TRUE;
		}
	}
	return FALSE;
}

gboolean smp_cbor_get_uint(const SmpCbor *map, const char *key, guint64 *value)
{
	SmpCbor item;
	return smp_cbor_get(map, key, &item) && smp_cbor_uint(&item, value);
}

gboolean smp_cbor_get_int(const SmpCbor *map, const char *key, gint64 *value)
{
	SmpCbor item;
	return smp_cbor_get(map, key, &item) && smp_cbor_int(&item, value);
}

gboolean smp_cbor_get_bytes(const SmpCbor *map, const char *key, const guint8 **data, gsize *size)
{
	SmpCbor item;
	return smp_cbor_get(map, key, &item) && smp_cbor_bytes(&item, data, size);
}

gboolean smp_cbor_get_bool(const SmpCbor *map, const char *key)
{
	SmpCbor item;
	gboolean value = FALSE;
	return smp_cbor_get(map, key, &item) && smp_cbor_bool(&item, &value) && value;
}

char *smp_cbor_get_text(const SmpCbor *map, const char *key)
{
	SmpCbor item;
	return smp_cbor_get(map, key, &item) ? smp_cbor_dup_text(&item) : NULL;
}

typedef size_t (*EncodeHead)(size_t, unsigned char *, size_t);

static void put_head(GByteArray *out, EncodeHead encode, gsize value)
{
	guint8 head[9];
	g_byte_array_append(out, head, encode(value, head, sizeof head));
}

void smp_cbor_put_uint(GByteArray *out, guint64 value)
{
	guint8 head[9];
	g_byte_array_append(out, head, cbor_encode_uint(value, head, sizeof head));
}

void smp_cbor_put_int(GByteArray *out, gint64 value)
{
	guint8 head[9];
	gsize size = value < 0 ? cbor_encode_negint(-1 - value, head, sizeof head)
			       : cbor_encode_uint(value, head, sizeof head);
	g_byte_array_append(out, head, size);
}

void smp_cbor_put_bool(GByteArray *out, gboolean value)
{
	guint8 head[1];
	g_byte_array_append(out, head, cbor_encode_bool(value, head, sizeof head));
}

void smp_cbor_put_bytes(GByteArray *out, const void *data, gsize size)
{
	put_head(out, cbor_encode_bytestring_start, size);
	g_byte_array_append(out, data, size);
}

void smp_cbor_put_text_sized(GByteArray *out, const char *text, gsize length)
{
	put_head(out, cbor_encode_string_start, length);
	g_byte_array_append(out, (const guint8 *)text, length);
}

void smp_cbor_put_text(GByteArray *out, const char *text)
{
	smp_cbor_put_text_sized(out, text, strlen(text));
}

void smp_cbor_put_map(GByteArray *out, gsize pairs)
{
	put_head(out, cbor_encode_map_start, pairs);
}

void smp_cbor_put_array(GByteArray *out, gsize items)
{
	put_head(out, cbor_encode_array_start, items);
}

void smp_cbor_put_array_begin(GByteArray *out)
{
	guint8 head[1];
	g_byte_array_append(out, head, cbor_encode_indef_array_start(head, sizeof head));
}

void smp_cbor_put_map_begin(GByteArray *out)
{
	guint8 head[1];
	g_byte_array_append(out, head, cbor_encode_indef_map_start(head, sizeof head));
}

void smp_cbor_put_end(GByteArray *out)
{
	guint8 head[1];
	g_byte_array_append(out, head, cbor_encode_break(head, sizeof head));
}

gsize smp_cbor_head_size(guint64 length)
{
	guint8 head[9];
	return cbor_encode_uint(length, head, sizeof head);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <smp/error.h>
#include <smp/fs.h>

enum {
	FILE_DATA = 0,
	STATUS = 1,
	HASH = 2,
	HASH_TYPES = 3,
	CLOSE = 4,
};

/* It may wait behind what a slow flash has to do first. */
#define CLOSE_TIMEOUT_MS 30000

/* A large file is read through a slow hash. */
#define HASH_TIMEOUT_MS 60000

gboolean smp_fs_status(SmpSession *session, const char *path, guint64 *size, GError **error)
{
	SmpCbor body;
	const char *doing = "look for the file";
	g_autoptr(SmpResponse) response = smp_group_call(
		session, smp_group_text_request(SMP_OP_READ, SMP_GROUP_FS, STATUS, "name", path), 0,
		SMP_REPEAT_SAFE, doing, &body, error);

	if (!response)
		return FALSE;
	if (smp_cbor_get_uint(&body, "len", size))
		return TRUE;
	smp_group_missing(error, doing, "len");
	return FALSE;
}

void smp_fs_hash_free(SmpFsHash *hash)
{
	if (!hash)
		return;
	g_free(hash->type);
	g_clear_pointer(&hash->value, g_bytes_unref);
	g_free(hash);
}

static GByteArray *hash_request(const char *path, const char *type, guint64 offset, guint64 length)
{
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_FS, HASH);

	smp_cbor_put_map(request, 1u + (type != NULL) + (offset > 0) + (length > 0));
	smp_cbor_put_text(request, "name");
	smp_cbor_put_text(request, path);
	if (type) {
		smp_cbor_put_text(request, "type");
		smp_cbor_put_text(request, type);
	}
	if (offset) {
		smp_cbor_put_text(request, "off");
		smp_cbor_put_uint(request, offset);
	}
	if (length) {
		smp_cbor_put_text(request, "len");
		smp_cbor_put_uint(request, length);
	}
	return request;
}

/* A number, or bytes. */
static GBytes *get_output(const SmpCbor *body)
{
	SmpCbor item;
	guint64 number;

	if (!smp_cbor_get(body, "output", &item))
		return NULL;
	if (!smp_cbor_uint(&item, &number))
		return smp_cbor_type(&item) == SMP_CBOR_BYTES ? smp_cbor_dup_bytes(&item) : NULL;
	guint64 big = GUINT64_TO_BE(number);
	gsize size = number > G_MAXUINT32 ? 8 : 4;
	return g_bytes_new((const guint8 *)&big + sizeof big - size, size);
}

SmpFsHash *smp_fs_hash(SmpSession *session, const char *path, const char *type, guint64 offset,
		       guint64 length, GError **error)
{
	SmpCbor body;
	const char *doing = "hash the file";
	g_autoptr(SmpResponse) response = smp_group_call(
		session, hash_request(path, type, offset, length),
		smp_group_unless_given(session, smp_group_at_least(session, HASH_TIMEOUT_MS)),
		SMP_REPEAT_SAFE, doing, &body, error);

	if (!response)
		return NULL;
	g_autoptr(SmpFsHash) hash = g_new0(SmpFsHash, 1);
	hash->type = smp_cbor_get_text(&body, "type");
	hash->value = get_output(&body);
	smp_cbor_get_uint(&body, "off", &hash->offset);
	if (!hash->type || !hash->value || !smp_cbor_get_uint(&body, "len", &hash->length)) {
		smp_group_missing(error, doing,
				  !hash->type	 ? "type"
				  : !hash->value ? "output"
						 : "len");
		return NULL;
	}
	return g_steal_pointer(&hash);
}

static void type_free(gpointer data)
{
	g_free(((SmpFsHashType *)data)->name);
	g_free(data);
}

static void add_type(GPtrArray *types, const SmpCbor *name, const SmpCbor *map)
{
	char *text = smp_cbor_dup_text(name);
	guint64 format = 0, size = 0;

	if (!text)
		return;
	smp_cbor_get_uint(map, "format", &format);
	smp_cbor_get_uint(map, "size", &size);
	SmpFsHashType *type = g_new(SmpFsHashType, 1);
	*type = (SmpFsHashType){text, format == 0, (guint)MIN(size, G_MAXUINT16)};
	g_ptr_array_add(types, type);
}

GPtrArray *smp_fs_hash_types(SmpSession *session, GError **error)
{
	SmpCbor body, name, value;
	SmpCborIter iter;
	const char *doing = "list the hashes";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_FS, HASH_TYPES, doing, &body, error);

	if (!response || !smp_group_get_items(&body, "types", TRUE, &iter, doing, error))
		return NULL;
	GPtrArray *types = g_ptr_array_new_with_free_func(type_free);
	while (smp_cbor_iter_next(&iter, &name, &value)) {
		if (smp_cbor_type(&value) == SMP_CBOR_MAP)
			add_type(types, &name, &value);
	}
	return types;
}

gboolean smp_fs_close(SmpSession *session, GError **error)
{
	return smp_group_order(session, smp_group_empty_request(SMP_OP_WRITE, SMP_GROUP_FS, CLOSE),
			       smp_group_at_least(session, CLOSE_TIMEOUT_MS), SMP_REPEAT_SAFE,
			       "close the file", error);
}

GByteArray *smp_fs_read_encode(const char *path, guint64 offset)
{
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_FS, FILE_DATA);

	smp_cbor_put_map(request, 2);
	smp_cbor_put_text(request, "off");
	smp_cbor_put_uint(request, offset);
	smp_cbor_put_text(request, "name");
	smp_cbor_put_text(request, path);
	return request;
}

GBytes *smp_fs_read_decode(const SmpResponse *response, guint64 offset, guint64 *size,
			   GError **error)
{
	SmpCbor item, body = smp_response_body(response);
	guint64 there = offset;
	const char *doing = "read the file";

	if (!smp_cbor_get(&body, "data", &item) || smp_cbor_type(&item) != SMP_CBOR_BYTES) {
		smp_group_missing(error, doing, "data");
		return NULL;
	}
	if (smp_cbor_get_uint(&body, "off", &there) && there != offset) {
		g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED,
			    "cannot %s: the board was asked for offset %" G_GUINT64_FORMAT
			    " and answers with %" G_GUINT64_FORMAT,
			    doing, offset, there);
		return NULL;
	}
	*size = G_MAXUINT64;
	smp_cbor_get_uint(&body, "len", size);
	return smp_cbor_dup_bytes(&item);
}

GBytes *smp_fs_read(SmpSession *session, const char *path, guint64 offset, guint64 *size,
		    GError **error)
{
	SmpCbor body;
	g_autoptr(SmpResponse) response =
		smp_group_call(session, smp_fs_read_encode(path, offset), 0, SMP_REPEAT_SAFE,
			       "read the file", &body, error);

	return response ? smp_fs_read_decode(response, offset, size, error) : NULL;
}

void smp_fs_write_encode(const char *path, guint64 length, GByteArray *packet, guint64 offset,
			 const guint8 *data, gsize size)
{
	smp_packet_reset(packet, SMP_OP_WRITE, SMP_GROUP_FS, FILE_DATA);
	smp_cbor_put_map(packet, offset ? 3 : 4);
	smp_cbor_put_text(packet, "off");
	smp_cbor_put_uint(packet, offset);
	smp_cbor_put_text(packet, "name");
	smp_cbor_put_text(packet, path);
	if (!offset) {
		smp_cbor_put_text(packet, "len");
		smp_cbor_put_uint(packet, length);
	}
	smp_cbor_put_text(packet, "data");
	smp_cbor_put_bytes(packet, data, size);
}

gboolean smp_fs_write_decode(const SmpResponse *response, guint64 *offset, GError **error)
{
	SmpCbor body = smp_response_body(response);

	if (smp_cbor_get_uint(&body, "off", offset))
		return TRUE;
	smp_group_missing(error, "write the file", "off");
	return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/server.h"

#include <string.h>

static gboolean read_field(const SmpCbor *value, SimField *field)
{
	const char *text;

	switch (field->type) {
	case SIM_FIELD_UINT:
		return smp_cbor_uint(value, &field->uint) && field->uint <= G_MAXUINT32;
	case SIM_FIELD_INT:
		return smp_cbor_int(value, &field->integer);
	case SIM_FIELD_BOOL:
		return smp_cbor_bool(value, &field->boolean);
	case SIM_FIELD_TEXT:
		if (!smp_cbor_text(value, &text, &field->size))
			return FALSE;
		field->data = (const guint8 *)text;
		return TRUE;
	case SIM_FIELD_BYTES:
		return smp_cbor_bytes(value, &field->data, &field->size);
	case SIM_FIELD_ARRAY:
		field->item = *value;
		return smp_cbor_type(value) == SMP_CBOR_ARRAY;
	}
	return FALSE;
}

static SimField *find_field(SimField *fields, guint n, const char *key, gsize length)
{
	for (guint i = 0; i < n; i++) {
		if (strlen(fields[i].key) == length && memcmp(fields[i].key, key, length) == 0)
			return &fields[i];
	}
	return NULL;
}

gboolean sim_decode_map(const guint8 *data, gsize size, SimField *fields, guint n_fields)
{
	SmpCbor map, key, value;
	SmpCborIter iter;

	if (!smp_cbor_check(data, size, &map) || smp_cbor_type(&map) != SMP_CBOR_MAP ||
	    !smp_cbor_iter_init(&iter, &map))
		return FALSE;
	while (smp_cbor_iter_next(&iter, &key, &value)) {
		const char *text;
		gsize length;

		if (!smp_cbor_text(&key, &text, &length))
			return FALSE;
		SimField *field = find_field(fields, n_fields, text, length);
		if (!field)
			continue;
		if (field->found || !read_field(&value, field))
			return FALSE;
		field->found = TRUE;
	}
	return TRUE;
}

gboolean sim_request_decode(const SimRequest *request, SimField *fields, guint n_fields)
{
	return sim_decode_map(request->body, request->body_size, fields, n_fields);
}

void sim_put_uint(GByteArray *out, const char *key, guint64 value)
{
	smp_cbor_put_text(out, key);
	smp_cbor_put_uint(out, value);
}

void sim_put_int(GByteArray *out, const char *key, gint64 value)
{
	smp_cbor_put_text(out, key);
	smp_cbor_put_int(out, value);
}

void sim_put_bool(GByteArray *out, const char *key, gboolean value)
{
	smp_cbor_put_text(out, key);
	smp_cbor_put_bool(out, value);
}

void sim_put_text(GByteArray *out, const char *key, const char *value)
{
	smp_cbor_put_text(out, key);
	smp_cbor_put_text(out, value);
}

void sim_put_bytes(GByteArray *out, const char *key, const void *data, gsize size)
{
	smp_cbor_put_text(out, key);
	smp_cbor_put_bytes(out, data, size);
}

GByteArray *sim_answer_new(const SmpHeader *request, guint8 version, const GByteArray *out)
{
	GByteArray *answer = g_byte_array_new();
	SmpHeader header = {
		.version = version,
		.op = request->op == SMP_OP_READ ? SMP_OP_READ_RESPONSE : SMP_OP_WRITE_RESPONSE,
		.length = (guint16)out->len,
		.group = request->group,
		.sequence = request->sequence,
		.command = request->command,
	};

	g_byte_array_set_size(answer, SMP_HEADER_SIZE);
	smp_header_write(&header, answer->data);
	g_byte_array_append(answer, out->data, out->len);
	return answer;
}

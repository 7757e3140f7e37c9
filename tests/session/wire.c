/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "wire.h"

#include "protocol/cbor.h"
#include "tests/unit/bytes.h"

void wire_answer(SmpLink *link, const guint8 *request, const GByteArray *payload, gint64 when)
{
	g_autoptr(GByteArray) packet = g_byte_array_new();
	SmpHeader header;
	guint8 head[SMP_HEADER_SIZE];

	smp_header_read(request, &header);
	header.op++;
	header.length = (guint16)payload->len;
	smp_header_write(&header, head);
	g_byte_array_append(packet, head, sizeof head);
	g_byte_array_append(packet, payload->data, payload->len);
	smp_test_link_reply(link, packet->data, packet->len, when);
}

void wire_answer_hex(SmpLink *link, const guint8 *request, const char *hex, gint64 when)
{
	g_autoptr(GByteArray) payload = bytes_from_hex(hex);
	wire_answer(link, request, payload, when);
}

void wire_answer_rc(SmpLink *link, const guint8 *request, guint rc, gint64 when)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();

	smp_cbor_put_map_begin(payload);
	smp_cbor_put_text(payload, "rc");
	smp_cbor_put_uint(payload, rc);
	smp_cbor_put_end(payload);
	wire_answer(link, request, payload, when);
}

void wire_answer_error(SmpLink *link, const guint8 *request, guint group, guint rc, gint64 when)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();

	smp_cbor_put_map_begin(payload);
	smp_cbor_put_text(payload, "err");
	smp_cbor_put_map_begin(payload);
	smp_cbor_put_text(payload, "group");
	smp_cbor_put_uint(payload, group);
	smp_cbor_put_text(payload, "rc");
	smp_cbor_put_uint(payload, rc);
	smp_cbor_put_end(payload);
	smp_cbor_put_end(payload);
	wire_answer(link, request, payload, when);
}

void wire_answer_params(SmpLink *link, const guint8 *request, guint size, guint count, gint64 when)
{
	g_autoptr(GByteArray) payload = g_byte_array_new();

	smp_cbor_put_map_begin(payload);
	smp_cbor_put_text(payload, "buf_size");
	smp_cbor_put_uint(payload, size);
	smp_cbor_put_text(payload, "buf_count");
	smp_cbor_put_uint(payload, count);
	smp_cbor_put_end(payload);
	wire_answer(link, request, payload, when);
}

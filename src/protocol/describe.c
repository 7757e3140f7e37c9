/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A packet in words, for traces. CBOR is shown in its diagnostic notation (RFC 8949, 8). */

#include "protocol/cbor.h"

#include <smp/error.h>
#include <smp/hex.h>
#include <smp/packet.h>

/* Image data is not worth more of a line. */
#define BYTES_SHOWN 32

static void append_item(GString *text, const SmpCbor *item);

static void append_bytes(GString *text, const guint8 *data, gsize size)
{
	g_autofree char *hex = smp_hex_format(data, MIN(size, BYTES_SHOWN));

	g_string_append_printf(text, "h'%s%s'", hex, size > BYTES_SHOWN ? "…" : "");
	if (size > BYTES_SHOWN)
		g_string_append_printf(text, " (%" G_GSIZE_FORMAT " bytes)", size);
}

static void append_text(GString *text, const SmpCbor *item)
{
	g_autofree char *value = smp_cbor_dup_text(item);

	g_string_append_c(text, '"');
	for (const char *c = value ? value : ""; *c; c++) {
		if (*c == '"' || *c == '\\')
			g_string_append_printf(text, "\\%c", *c);
		else if (g_ascii_iscntrl(*c))
			g_string_append_printf(text, "\\u%04x", (guint)*c);
		else
			g_string_append_c(text, *c);
	}
	g_string_append_c(text, '"');
}

/* Depth is bounded by smp_cbor_check(). */
static void append_container(GString *text, const SmpCbor *item, gboolean map)
{
	const char *separator = "";
	SmpCborIter iter;
	SmpCbor key, value;

	g_string_append_c(text, map ? '{' : '[');
	if (smp_cbor_iter_init(&iter, item)) {
		while (smp_cbor_iter_next(&iter, &key, &value)) {
			g_string_append(text, separator);
			separator = ", ";
			if (map) {
				append_item(text, &key);
				g_string_append(text, ": ");
			}
			append_item(text, &value);
		}
	}
	g_string_append_c(text, map ? '}' : ']');
}

static void append_number(GString *text, const SmpCbor *item)
{
	guint64 natural;
	gint64 number;
	double real;

	if (smp_cbor_uint(item, &natural))
		g_string_append_printf(text, "%" G_GUINT64_FORMAT, natural);
	else if (smp_cbor_int(item, &number))
		g_string_append_printf(text, "%" G_GINT64_FORMAT, number);
	else if (smp_cbor_double(item, &real))
		g_string_append_printf(text, "%g", real);
	else
		g_string_append(text, "?");
}

static void append_tag(GString *text, const SmpCbor *item)
{
	SmpCbor content;
	guint64 tag;

	if (!smp_cbor_tag(item, &tag, &content))
		return;
	g_string_append_printf(text, "%" G_GUINT64_FORMAT "(", tag);
	append_item(text, &content);
	g_string_append_c(text, ')');
}

static void append_item(GString *text, const SmpCbor *item)
{
	const guint8 *data;
	gboolean value;
	gsize size;

	switch (smp_cbor_type(item)) {
	case SMP_CBOR_UINT:
	case SMP_CBOR_NEGATIVE:
	case SMP_CBOR_FLOAT:
		append_number(text, item);
		break;
	case SMP_CBOR_BYTES:
		if (smp_cbor_bytes(item, &data, &size))
			append_bytes(text, data, size);
		else
			g_string_append(text, "h'…'");
		break;
	case SMP_CBOR_TEXT:
		append_text(text, item);
		break;
	case SMP_CBOR_ARRAY:
	case SMP_CBOR_MAP:
		append_container(text, item, smp_cbor_type(item) == SMP_CBOR_MAP);
		break;
	case SMP_CBOR_TAG:
		append_tag(text, item);
		break;
	case SMP_CBOR_BOOL:
		g_string_append(text, smp_cbor_bool(item, &value) && value ? "true" : "false");
		break;
	case SMP_CBOR_NULL:
		g_string_append(text, "null");
		break;
	case SMP_CBOR_OTHER:
		g_string_append(text, "?");
		break;
	}
}

char *smp_packet_to_string(const guint8 *packet, gsize size)
{
	static const char *const ops[] = {"read", "read answer", "write", "write answer"};
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *group = NULL;
	SmpHeader header;
	SmpCbor body;

	if (size < SMP_HEADER_SIZE)
		return g_strdup_printf("%" G_GSIZE_FORMAT " bytes that are no SMP packet", size);
	smp_header_read(packet, &header);
	group = smp_group_name(header.group);
	g_string_append_printf(text, "%s %s/%u, v%u, sequence %u, %" G_GSIZE_FORMAT " bytes: ",
			       header.op < G_N_ELEMENTS(ops) ? ops[header.op] : "unknown op", group,
			       header.command, header.version + 1u, header.sequence, size);
	if (smp_cbor_check(packet + SMP_HEADER_SIZE, size - SMP_HEADER_SIZE, &body))
		append_item(text, &body);
	else
		append_bytes(text, packet + SMP_HEADER_SIZE, size - SMP_HEADER_SIZE);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

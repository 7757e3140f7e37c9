/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The CBOR reader on any bytes: what it finds well-formed can be walked to the last item, and no
 * look-up reads outside. */

#include "protocol/cbor.h"
#include "protocol/error.h"
#include "tests/fuzz/fuzz.h"

static void read_atom(const SmpCbor *item)
{
	const guint8 *data;
	const char *text;
	gsize size;
	guint64 u;
	gint64 i;
	gboolean b;
	double d;

	if (smp_cbor_uint(item, &u) && u <= G_MAXINT64) {
		g_assert_true(smp_cbor_int(item, &i));
		g_assert_cmpint(i, ==, (gint64)u);
	}
	if (smp_cbor_bool(item, &b))
		g_assert_cmpint(smp_cbor_type(item), ==, SMP_CBOR_BOOL);
	if (smp_cbor_double(item, &d))
		g_assert_cmpint(smp_cbor_type(item), ==, SMP_CBOR_FLOAT);
	if (smp_cbor_bytes(item, &data, &size))
		g_assert_true(data + size == item->data + item->size);
	if (smp_cbor_text(item, &text, &size)) {
		g_autofree char *copy = smp_cbor_dup_text(item);
		g_assert_true(g_utf8_validate(copy, -1, NULL));
	}
}

static void look_up(const SmpCbor *map, const SmpCbor *key)
{
	g_autofree char *name = smp_cbor_dup_text(key);
	SmpDeviceError device;
	SmpCbor value;

	if (name && smp_cbor_get(map, name, &value))
		g_assert_true(value.data > map->data &&
			      value.data + value.size <= map->data + map->size);
	if (smp_device_error_read(map, &device))
		g_assert_cmpint(device.rc, !=, 0);
}

static void walk(const SmpCbor *item);

static void walk_items(const SmpCbor *container, SmpCborIter *iter)
{
	const guint8 *end = container->data + container->size;
	SmpCbor key, value;

	while (smp_cbor_iter_next(iter, &key, &value)) {
		if (iter->map) {
			walk(&key);
			look_up(container, &key);
		}
		walk(&value);
		g_assert_true(value.data + value.size <= end);
	}
	/* To the end, or to the break before it. */
	g_assert_true(iter->data + (iter->indefinite ? 1 : 0) == end);
}

static void walk(const SmpCbor *item)
{
	SmpCbor content, again;
	SmpCborIter iter;
	guint64 tag;

	g_assert_true(smp_cbor_check(item->data, item->size, &again));
	g_assert_cmpuint(again.size, ==, item->size);
	read_atom(item);
	if (smp_cbor_tag(item, &tag, &content))
		walk(&content);
	else if (smp_cbor_iter_init(&iter, item))
		walk_items(item, &iter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Look-ups of every key in every map: more would only be slow. */
	gsize most = 4096;
	SmpCbor item;

	if (smp_cbor_check(data, MIN(size, most), &item))
		walk(&item);
	return 0;
}

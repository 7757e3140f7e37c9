/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The CBOR reader takes what servers send and nothing that lies; the writer is canonical. */

#include "bytes.h"
#include "protocol/cbor.h"

static gboolean well_formed(const char *hex)
{
	g_autoptr(GByteArray) bytes = bytes_from_hex(hex);
	SmpCbor item;
	return smp_cbor_check(bytes->data, bytes->len, &item);
}

/* Checks the item in @bytes, which must be well-formed to its last byte. */
static SmpCbor item_of(const GByteArray *bytes)
{
	SmpCbor item = {0};

	g_assert_true(smp_cbor_check(bytes->data, bytes->len, &item));
	g_assert_cmpuint(item.size, ==, bytes->len);
	return item;
}

static void test_integers(void)
{
	/* The same number in every width: a field is u32 in one build and u64 in another. */
	static const char *const five[] = {"05", "18 05", "19 0005", "1a 00000005",
					   "1b 0000000000000005"};
	guint64 u;
	gint64 i;

	for (gsize n = 0; n < G_N_ELEMENTS(five); n++) {
		g_autoptr(GByteArray) bytes = bytes_from_hex(five[n]);
		SmpCbor item = item_of(bytes);
		g_assert_cmpint(smp_cbor_type(&item), ==, SMP_CBOR_UINT);
		g_assert_true(smp_cbor_uint(&item, &u));
		g_assert_true(smp_cbor_int(&item, &i));
		g_assert_cmpuint(u, ==, 5);
		g_assert_cmpint(i, ==, 5);
	}
}

static void test_integer_limits(void)
{
	static const struct {
		const char *hex;
		gboolean is_uint, is_int;
		guint64 u;
		gint64 i;
	} cases[] = {
		{"17", TRUE, TRUE, 23, 23},
		{"1b 7fffffffffffffff", TRUE, TRUE, G_MAXINT64, G_MAXINT64},
		{"1b 8000000000000000", TRUE, FALSE, G_GUINT64_CONSTANT(1) << 63, 0},
		{"1b ffffffffffffffff", TRUE, FALSE, G_MAXUINT64, 0},
		{"20", FALSE, TRUE, 0, -1},
		{"38 63", FALSE, TRUE, 0, -100},
		{"39 0063", FALSE, TRUE, 0, -100},
		{"3b 7fffffffffffffff", FALSE, TRUE, 0, G_MININT64},
		{"3b 8000000000000000", FALSE, FALSE, 0, 0},
		{"f5", FALSE, FALSE, 0, 0},
		{"41 05", FALSE, FALSE, 0, 0},
	};

	for (gsize n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_autoptr(GByteArray) bytes = bytes_from_hex(cases[n].hex);
		SmpCbor item = item_of(bytes);
		guint64 u = 0;
		gint64 i = 0;
		g_test_message("%s", cases[n].hex);
		g_assert_cmpint(smp_cbor_uint(&item, &u), ==, cases[n].is_uint);
		g_assert_cmpint(smp_cbor_int(&item, &i), ==, cases[n].is_int);
		g_assert_cmpuint(u, ==, cases[n].u);
		g_assert_cmpint(i, ==, cases[n].i);
	}
}

static void test_types(void)
{
	static const struct {
		const char *hex;
		SmpCborType type;
	} cases[] = {
		{"00", SMP_CBOR_UINT},	    {"20", SMP_CBOR_NEGATIVE},
		{"40", SMP_CBOR_BYTES},	    {"60", SMP_CBOR_TEXT},
		{"80", SMP_CBOR_ARRAY},	    {"a0", SMP_CBOR_MAP},
		{"9fff", SMP_CBOR_ARRAY},   {"bfff", SMP_CBOR_MAP},
		{"c000", SMP_CBOR_TAG},	    {"f4", SMP_CBOR_BOOL},
		{"f6", SMP_CBOR_NULL},	    {"f7", SMP_CBOR_OTHER},
		{"f90000", SMP_CBOR_FLOAT}, {"fa00000000", SMP_CBOR_FLOAT},
		{"5fff", SMP_CBOR_BYTES},   {"7fff", SMP_CBOR_TEXT},
	};

	for (gsize n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_autoptr(GByteArray) bytes = bytes_from_hex(cases[n].hex);
		SmpCbor item = item_of(bytes);
		g_test_message("%s", cases[n].hex);
		g_assert_cmpint(smp_cbor_type(&item), ==, cases[n].type);
	}
}

static void test_double(void)
{
	static const char *const halves[] = {"f9 3e00", "fa 3fc00000", "fb 3ff8000000000000"};
	g_autoptr(GByteArray) other = bytes_from_hex("01");
	SmpCbor one = item_of(other);
	double value = 0;

	for (gsize n = 0; n < G_N_ELEMENTS(halves); n++) {
		g_autoptr(GByteArray) bytes = bytes_from_hex(halves[n]);
		SmpCbor item = item_of(bytes);
		g_assert_true(smp_cbor_double(&item, &value));
		g_assert_cmpfloat(value, ==, 1.5);
	}
	g_assert_false(smp_cbor_double(&one, &value));
}

static void test_tag(void)
{
	g_autoptr(GByteArray) bytes = bytes_from_hex("d8 20 63 612f62"); /* tag 32, "a/b" */
	SmpCbor item = item_of(bytes), content;
	guint64 tag;

	g_assert_true(smp_cbor_tag(&item, &tag, &content));
	g_assert_cmpuint(tag, ==, 32);
	g_autofree char *text = smp_cbor_dup_text(&content);
	g_assert_cmpstr(text, ==, "a/b");
	g_assert_false(smp_cbor_tag(&content, &tag, &content));
	g_assert_null(smp_cbor_dup_text(&item));
}

static void test_text(void)
{
	g_autoptr(GByteArray) bytes = bytes_from_hex("65 61 ff 62 00 63");
	SmpCbor item = item_of(bytes);
	const char *text;
	gsize length;

	/* Shell output is raw device bytes. */
	g_assert_true(smp_cbor_text(&item, &text, &length));
	g_assert_cmpmem(text, length,
			"a\xff"
			"b\0c",
			5);
	g_autofree char *valid = smp_cbor_dup_text(&item);
	g_assert_true(g_utf8_validate(valid, -1, NULL));
	g_assert_true(g_str_has_prefix(valid, "a\xef\xbf\xbd"
					      "b"));
}

static void assert_bytes(const SmpCbor *map, const char *key, const char *wanted)
{
	SmpCbor item;

	g_assert_true(smp_cbor_get(map, key, &item));
	g_autoptr(GBytes) bytes = smp_cbor_dup_bytes(&item);
	if (!wanted) {
		g_assert_null(bytes);
		return;
	}
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), wanted,
			strlen(wanted));
}

/* Mynewt sends log entries so. They are put together; those that borrow the bytes cannot. */
static void test_chunked_strings(void)
{
	g_autoptr(GByteArray) bytes = bytes_from_hex(
		"a5 6178 7f 6161 6162 ff 6179 5f 4101 43 020304 ff 6176 5f ff 6177 7f ff 617a 07");
	SmpCbor map = item_of(bytes);
	const guint8 *data;
	gsize size;
	guint64 z;

	g_autofree char *text = smp_cbor_get_text(&map, "x");
	g_autofree char *nothing = smp_cbor_get_text(&map, "w");
	g_assert_cmpstr(text, ==, "ab");
	g_assert_cmpstr(nothing, ==, "");
	assert_bytes(&map, "x", "ab");
	assert_bytes(&map, "y", "\1\2\3\4");
	assert_bytes(&map, "v", "");
	assert_bytes(&map, "z", NULL);
	g_assert_false(smp_cbor_get_bytes(&map, "y", &data, &size));
	g_assert_true(smp_cbor_get_uint(&map, "z", &z));
	g_assert_cmpuint(z, ==, 7);
	g_assert_true(well_formed("7f ff"));
	g_assert_false(well_formed("7f 6161"));		/* no break */
	g_assert_false(well_formed("7f 4101 ff"));	/* bytes in a text */
	g_assert_false(well_formed("5f 6161 ff"));	/* text in bytes */
	g_assert_false(well_formed("5f 01 ff"));	/* a number in bytes */
	g_assert_false(well_formed("5f 5f 4101 ffff")); /* chunks in a chunk */
}

static void test_look_up(void)
{
	static const char *const maps[] = {
		"a3 6161 01 6162 f5 6163 42 0102",    /* definite */
		"bf 6161 01 6162 f5 6163 42 0102 ff", /* indefinite */
		"bf 6163 42 0102 6162 f5 6161 01 ff", /* other order */
		/* unknown keys, wide numbers */
		"a5 6162 f5 657878787878 81a0 6161 1a00000001 01 02 6163 42 0102",
		"a4 6161 01 6161 02 6162 f5 6163 42 0102", /* a key twice: the first counts */
	};

	for (gsize n = 0; n < G_N_ELEMENTS(maps); n++) {
		g_autoptr(GByteArray) bytes = bytes_from_hex(maps[n]);
		SmpCbor map = item_of(bytes), value;
		const guint8 *data;
		gsize size;
		guint64 a;
		g_test_message("%s", maps[n]);
		g_assert_true(smp_cbor_get_uint(&map, "a", &a));
		g_assert_cmpuint(a, ==, 1);
		g_assert_true(smp_cbor_get_bool(&map, "b"));
		g_assert_true(smp_cbor_get_bytes(&map, "c", &data, &size));
		g_assert_cmpmem(data, size, "\1\2", 2);
		g_assert_false(smp_cbor_get(&map, "ab", &value));
		g_assert_false(smp_cbor_get(&map, "", &value));
	}
}

static void test_look_up_of_wrong_type(void)
{
	g_autoptr(GByteArray) bytes = bytes_from_hex("a4 6161 20 6162 01 6163 6101 6164 4101");
	SmpCbor map = item_of(bytes), value;
	const guint8 *data;
	gsize size;
	guint64 u = 77;
	gint64 i = 0;

	g_assert_false(smp_cbor_get_uint(&map, "a", &u));
	g_assert_cmpuint(u, ==, 77);
	g_assert_true(smp_cbor_get_int(&map, "a", &i));
	g_assert_cmpint(i, ==, -1);
	g_assert_false(smp_cbor_get_bool(&map, "b"));
	g_assert_false(smp_cbor_get_bool(&map, "absent"));
	g_assert_false(smp_cbor_get_bytes(&map, "c", &data, &size));
	g_assert_null(smp_cbor_get_text(&map, "d"));
	g_assert_true(smp_cbor_get(&map, "a", &value));
	g_assert_false(smp_cbor_get(&value, "a", &value));
}

static void test_empty_map(void)
{
	static const char *const maps[] = {"a0", "bfff", "b8 00"};

	for (gsize n = 0; n < G_N_ELEMENTS(maps); n++) {
		g_autoptr(GByteArray) bytes = bytes_from_hex(maps[n]);
		SmpCbor map = item_of(bytes), key, value;
		SmpCborIter iter;
		g_assert_true(smp_cbor_iter_init(&iter, &map));
		g_assert_false(smp_cbor_iter_next(&iter, &key, &value));
		g_assert_false(smp_cbor_iter_next(&iter, &key, &value));
		g_assert_false(smp_cbor_get(&map, "rc", &value));
	}
}

static void test_iterate(void)
{
	static const char *const arrays[] = {"83 01 82 02 03 04", "9f 01 9f 02 03 ff 04 ff"};

	for (gsize n = 0; n < G_N_ELEMENTS(arrays); n++) {
		g_autoptr(GByteArray) bytes = bytes_from_hex(arrays[n]);
		SmpCbor array = item_of(bytes), value;
		SmpCborIter iter;
		guint64 number;
		g_assert_true(smp_cbor_iter_init(&iter, &array));
		g_assert_true(smp_cbor_iter_next(&iter, NULL, &value));
		g_assert_false(smp_cbor_iter_init(&(SmpCborIter){0}, &value));
		g_assert_true(smp_cbor_iter_next(&iter, NULL, &value));
		g_assert_cmpint(smp_cbor_type(&value), ==, SMP_CBOR_ARRAY);
		g_assert_true(smp_cbor_iter_next(&iter, NULL, &value));
		g_assert_true(smp_cbor_uint(&value, &number));
		g_assert_cmpuint(number, ==, 4);
		g_assert_false(smp_cbor_iter_next(&iter, NULL, &value));
	}
}

/* An item that ends early anywhere is no item; what follows a whole one is left alone. */
static void test_truncation(void)
{
	g_autoptr(GByteArray) bytes = bytes_from_hex(
		"bf 66696d61676573 9f bf 64736c6f74 00 6776657273696f6e 65312e322e33 6468617368 "
		"44 01020304 68626f6f7461626c65 f5 ff ff 61 78 1b 0000000000000001 61 79 a1 20 c1 "
		"fb 3ff8000000000000 61 7a 7f 6161 ff ff");
	SmpCbor item = item_of(bytes);

	for (gsize size = 0; size < bytes->len; size++) {
		g_autofree guint8 *part = g_memdup2(bytes->data, size); /* for the sanitizer */
		g_assert_false(smp_cbor_check(part, size, &item));
	}
	g_byte_array_append(bytes, (const guint8 *)"\xff\x01", 2);
	g_assert_true(smp_cbor_check(bytes->data, bytes->len, &item));
	g_assert_cmpuint(item.size, ==, bytes->len - 2);
}

static void test_malformed(void)
{
	static const char *const cases[] = {
		"",
		"ff", /* nothing; a break alone */
		"1c",
		"1d",
		"1e", /* reserved lengths */
		"1f",
		"3f",
		"df", /* no indefinite integers, tags */
		"5c",
		"7d",
		"9e",
		"bc",
		"fc",
		"fd",
		"fe",
		"bf 61 61 ff", /* a key without value */
		"a1 6161",     /* the same */
		"9f 01",       /* no break */
		"82 01 ff",    /* a break for an item */
		"a1 ff 01",    /* a break for a key */
		"c0 ff",       /* a break under a tag */
		"9a ffffffff", /* counts that lie */
		"9b ffffffffffffffff 01",
		"bb 7fffffffffffffff 01 02",
		"bb 8000000000000001 01 02", /* doubled it would be 2 */
		"5a ffffffff 00",
		"5b ffffffffffffffff 00",
		"7b fffffffffffffff7 00",
	};

	for (gsize n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_test_message("%s", cases[n]);
		g_assert_false(well_formed(cases[n]));
	}
}

static gboolean nested_well_formed(const char *open, const char *inside, const char *close,
				   guint depth)
{
	g_autoptr(GString) hex = g_string_new(NULL);

	for (guint i = 0; i < depth; i++)
		g_string_append(hex, open);
	g_string_append(hex, inside);
	for (guint i = 0; i < depth; i++)
		g_string_append(hex, close);
	return well_formed(hex->str);
}

static void test_nesting(void)
{
	static const struct {
		const char *open, *inside, *close;
		guint levels;
	} nests[] = {
		{"81", "00", "", 1}, {"9f", "00", "ff", 1},   {"a100", "00", "", 1},
		{"c0", "00", "", 1}, {"bf00", "00", "ff", 1}, {"9f81", "80", "ff", 2},
	};

	for (gsize n = 0; n < G_N_ELEMENTS(nests); n++) {
		const char *open = nests[n].open, *inside = nests[n].inside;
		const char *close = nests[n].close;
		guint most = SMP_CBOR_MAX_DEPTH / nests[n].levels;
		g_test_message("%s", open);
		g_assert_true(nested_well_formed(open, inside, close, most));
		g_assert_false(nested_well_formed(open, inside, close, most + 1));
		g_assert_false(nested_well_formed(open, inside, close, 20000));
	}
}

static void test_write(void)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	smp_cbor_put_map(out, 5);
	smp_cbor_put_text(out, "off");
	smp_cbor_put_uint(out, 0);
	smp_cbor_put_text_sized(out, "data!", 4);
	smp_cbor_put_bytes(out, "\1\2", 2);
	smp_cbor_put_text(out, "x");
	smp_cbor_put_bool(out, TRUE);
	smp_cbor_put_text(out, "y");
	smp_cbor_put_bool(out, FALSE);
	smp_cbor_put_text(out, "z");
	smp_cbor_put_bytes(out, NULL, 0);
	bytes_assert_hex(out, "a5 636f6666 00 6464617461 420102 6178 f5 6179 f4 617a 40");
	item_of(out);
}

static void test_write_indefinite(void)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	smp_cbor_put_map_begin(out);
	smp_cbor_put_text(out, "a");
	smp_cbor_put_array_begin(out);
	smp_cbor_put_end(out);
	smp_cbor_put_end(out);
	bytes_assert_hex(out, "bf 6161 9f ff ff");
}

/* Canonical: the shortest form of every number and length. */
static void test_write_shortest(void)
{
	static const struct {
		gint64 value;
		const char *hex;
	} cases[] = {
		{0, "00"},
		{23, "17"},
		{24, "1818"},
		{255, "18ff"},
		{256, "190100"},
		{65535, "19ffff"},
		{65536, "1a00010000"},
		{G_MAXUINT32, "1affffffff"},
		{G_MAXUINT32 + G_GINT64_CONSTANT(1), "1b0000000100000000"},
		{-1, "20"},
		{-24, "37"},
		{-25, "3818"},
		{-256, "38ff"},
		{-257, "390100"},
		{G_MININT64, "3b7fffffffffffffff"},
	};

	for (gsize n = 0; n < G_N_ELEMENTS(cases); n++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		gint64 value;
		smp_cbor_put_int(out, cases[n].value);
		bytes_assert_hex(out, cases[n].hex);
		SmpCbor item = item_of(out);
		g_assert_true(smp_cbor_int(&item, &value));
		g_assert_cmpint(value, ==, cases[n].value);
		if (value >= 0)
			g_assert_cmpuint(smp_cbor_head_size((guint64)value), ==, out->len);
	}
}

static void test_write_heads(void)
{
	static const gsize sizes[] = {0, 23, 24, 255, 256, 65535, 65536};
	g_autofree char *zeros = g_malloc0(65536);

	for (gsize n = 0; n < G_N_ELEMENTS(sizes); n++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		const guint8 *data;
		gsize size;
		smp_cbor_put_bytes(out, zeros, sizes[n]);
		g_assert_cmpuint(out->len, ==, smp_cbor_head_size(sizes[n]) + sizes[n]);
		SmpCbor item = item_of(out);
		g_assert_true(smp_cbor_bytes(&item, &data, &size));
		g_assert_cmpuint(size, ==, sizes[n]);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cbor/integers", test_integers);
	g_test_add_func("/cbor/integer-limits", test_integer_limits);
	g_test_add_func("/cbor/types", test_types);
	g_test_add_func("/cbor/double", test_double);
	g_test_add_func("/cbor/tag", test_tag);
	g_test_add_func("/cbor/text", test_text);
	g_test_add_func("/cbor/chunked-strings", test_chunked_strings);
	g_test_add_func("/cbor/look-up", test_look_up);
	g_test_add_func("/cbor/look-up-of-wrong-type", test_look_up_of_wrong_type);
	g_test_add_func("/cbor/empty-map", test_empty_map);
	g_test_add_func("/cbor/iterate", test_iterate);
	g_test_add_func("/cbor/truncation", test_truncation);
	g_test_add_func("/cbor/malformed", test_malformed);
	g_test_add_func("/cbor/nesting", test_nesting);
	g_test_add_func("/cbor/write", test_write);
	g_test_add_func("/cbor/write-indefinite", test_write_indefinite);
	g_test_add_func("/cbor/write-shortest", test_write_shortest);
	g_test_add_func("/cbor/write-heads", test_write_heads);
	return g_test_run();
}

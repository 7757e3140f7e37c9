/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What TLVs say, in words. */

#include <smp/firmware.h>

#include <string.h>

#define TLV(type, bytes) type, (const guint8 *)(bytes), sizeof(bytes) - 1

static const struct {
	const char *name;
	guint16 type;
	const guint8 *data;
	gsize size;
	const char *text;
} tlvs[] = {
	{"dependency", TLV(SMP_TLV_DEPENDENCY, "\1\0\0\0\2\3\4\1\5\0\0\0"),
	 "needs image 1 at 2.3.260+5 or newer"},
	{"dependency-short", TLV(SMP_TLV_DEPENDENCY, "\1\0\0\0\2\3\4\1\5\0\0"), NULL},
	{"dependency-empty", TLV(SMP_TLV_DEPENDENCY, ""), NULL},
	{"counter", TLV(SMP_TLV_SEC_CNT, "\0\1\0\0"), "256"},
	{"counter-short", TLV(SMP_TLV_SEC_CNT, "\0\1\0"), NULL},
	{"size", TLV(SMP_TLV_DECOMP_SIZE, "\xff\xff\xff\xff"), "4294967295 bytes"},
	{"uuid", TLV(SMP_TLV_UUID_VID, "\x12\x34\x56\x78\x9a\xbc\xde\xf0\0\1\2\3\4\5\6\7"),
	 "12345678-9abc-def0-0001-020304050607"},
	{"uuid-short", TLV(SMP_TLV_UUID_CID, "\x12"), NULL},
	{"key-hash", TLV(SMP_TLV_KEYHASH, "\xab\0\1"), "ab0001"},
	{"custom", TLV(0xa0, "\1\2"), "0102"},
	{"custom-empty", TLV(0xa0, ""), ""},
	{"signature", TLV(SMP_TLV_ED25519, "abc"), NULL},
	/* {1: "app", 4: "1.2.3", 2: h'00'} */
	{"boot-record",
	 TLV(SMP_TLV_BOOT_RECORD, "\xa3\1\x63"
				  "app"
				  "\4\x65"
				  "1.2.3"
				  "\2\x41\0"),
	 "app 1.2.3"},
	{"boot-record-twice",
	 TLV(SMP_TLV_BOOT_RECORD, "\xa3\1\x61"
				  "a"
				  "\1\x61"
				  "b"
				  "\4\x61"
				  "1"),
	 "a 1"},
	{"boot-record-half",
	 TLV(SMP_TLV_BOOT_RECORD, "\xa1\1\x63"
				  "app"),
	 NULL},
	{"boot-record-number", TLV(SMP_TLV_BOOT_RECORD, "\xa2\1\5\4\6"), NULL},
	{"boot-record-escape",
	 TLV(SMP_TLV_BOOT_RECORD, "\xa2\1\x61\x1b\4\x61"
				  "1"),
	 NULL},
	{"boot-record-cut",
	 TLV(SMP_TLV_BOOT_RECORD, "\xa2\1\x63"
				  "ap"),
	 NULL},
	{"boot-record-list", TLV(SMP_TLV_BOOT_RECORD, "\x80"), NULL},
	{"boot-record-empty", TLV(SMP_TLV_BOOT_RECORD, ""), NULL},
};

static void test_text(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	/* A block of its own of exactly this size: reading beyond it shows. */
	g_autofree guint8 *exact = g_memdup2(tlvs[i].data, tlvs[i].size);
	SmpTlv tlv = {tlvs[i].type, FALSE, exact, (guint16)tlvs[i].size};
	g_autofree char *text = smp_tlv_to_string(&tlv);

	g_assert_cmpstr(text, ==, tlvs[i].text);
}

static void test_long(void)
{
	static const guint8 bytes[1000] = {0x12};
	SmpTlv tlv = {0xa1, FALSE, bytes, sizeof bytes};
	g_autofree char *text = smp_tlv_to_string(&tlv);

	g_assert_true(g_str_has_prefix(text, "1200"));
	g_assert_true(g_str_has_suffix(text, "00..."));
	g_assert_cmpuint(strlen(text), ==, 2 * 64 + 3);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(tlvs); i++) {
		g_autofree char *path = g_strconcat("/tlv/text/", tlvs[i].name, NULL);
		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_text);
	}
	g_test_add_func("/tlv/long", test_long);
	return g_test_run();
}

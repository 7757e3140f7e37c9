/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <smp/error.h>
#include <smp/firmware.h>

#include <string.h>

#include "firmware/hex.h"
#include "tests/lib/make-image.h"

#define END ":00000001FF\n"

static GBytes *decode(const char *text, guint32 *address)
{
	g_autoptr(GError) error = NULL;
	/* Without the final 0, so that a read beyond the end is seen. */
	g_autofree guint8 *exact = g_memdup2(text, strlen(text));
	GBytes *bytes = smp_hex_decode("app.hex", exact, strlen(text), address, &error);

	g_assert_no_error(error);
	return bytes;
}

static const struct {
	const char *name;
	const char *text;
	guint32 address;
	gsize size;
	const char *bytes;
} good[] = {
	{"one", ":0300300002337A1E\n" END, 0x30, 3, "\x02\x33\x7a"},
	{"crlf", ":0300300002337A1E\r\n:00000001FF\r\n", 0x30, 3, "\x02\x33\x7a"},
	{"lower-case", ":0300300002337a1e\n:00000001ff\n", 0x30, 3, "\x02\x33\x7a"},
	{"no-last-newline", ":0300300002337A1E\n:00000001FF", 0x30, 3, "\x02\x33\x7a"},
	{"blank-lines", ":0300300002337A1E  \n\n \t\r\n" END "\n\n", 0x30, 3, "\x02\x33\x7a"},
	{"linear", ":0200000408C032\n:01100000559A\n" END, 0x08c01000, 1, "\x55"},
	{"segment", ":020000021200EA\n:01100000559A\n" END, 0x13000, 1, "\x55"},
	{"top", ":02000004FFFFFC\n:01FFFF0055AC\n" END, 0xffffffff, 1, "\x55"},
	{"start-linear", ":0100000055AA\n:040000050001A0EC6A\n" END, 0, 1, "\x55"},
	{"start-segment", ":0400000300003800C1\n:0100000055AA\n" END, 0, 1, "\x55"},
	{"gap", ":0100000055AA\n:010003006696\n" END, 0, 4, "\x55\xff\xff\x66"},
	{"out-of-order", ":010001006698\n:0100000055AA\n" END, 0, 2, "\x55\x66"},
	{"empty-data", ":0100000055AA\n:00010000FF\n" END, 0, 1, "\x55"},
	{"64k-border", ":02FFFF00556645\n:020000040001F9\n:010001007787\n" END, 0xffff, 3,
	 "\x55\x66\x77"},
};

static void test_good(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	guint32 address;
	g_autoptr(GBytes) bytes = decode(good[i].text, &address);

	g_assert_cmphex(address, ==, good[i].address);
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), good[i].bytes,
			good[i].size);
}

static const struct {
	const char *name;
	const char *text;
	SmpUpdateError code;
	const char *message;
} bad[] = {
	{"checksum", ":0100000055AA\n:0300300002337A1F\n" END, SMP_UPDATE_ERROR_CORRUPT,
	 "line 2 has a wrong checksum"},
	{"short-line", ":0300300002337A\n" END, SMP_UPDATE_ERROR_CORRUPT,
	 "line 1 has the wrong length"},
	{"odd", ":0300300002337A1\n" END, SMP_UPDATE_ERROR_CORRUPT, "line 1 has the wrong length"},
	{"tiny", ":00\n" END, SMP_UPDATE_ERROR_CORRUPT, "line 1 has the wrong length"},
	{"long-line", ":0300300002337A1E00\n" END, SMP_UPDATE_ERROR_CORRUPT,
	 "line 1 has the wrong length"},
	{"no-digit", ":03003000023G7A1E\n" END, SMP_UPDATE_ERROR_CORRUPT,
	 "line 1 has a character that is no hex digit"},
	{"no-colon", ":0100000055AA\nhello\n" END, SMP_UPDATE_ERROR_CORRUPT,
	 "line 2 does not begin with a colon"},
	{"type-6", ":00000006FA\n" END, SMP_UPDATE_ERROR_CORRUPT, "line 1 is of an unknown type"},
	{"linear-size", ":0100000408F3\n" END, SMP_UPDATE_ERROR_CORRUPT,
	 "line 1 has the wrong length for its type"},
	{"no-end", ":0100000055AA\n", SMP_UPDATE_ERROR_CORRUPT, "without end record"},
	{"behind-end", END "\n:0100000055AA\n", SMP_UPDATE_ERROR_CORRUPT,
	 "line 3 comes behind the end record"},
	{"no-data", END, SMP_UPDATE_ERROR_NOT_MCUBOOT, "without data"},
	{"twice", ":0100000055AA\n:0100010055A9\n:0100000055AA\n" END, SMP_UPDATE_ERROR_CORRUPT,
	 "line 3 writes where another line does"},
	{"beyond-32-bits", ":02000004FFFFFC\n:02FFFF00556645\n" END, SMP_UPDATE_ERROR_CORRUPT,
	 "line 2 goes beyond 32-bit addresses"},
	{"uicr", ":0100000055AA\n:020000041000EA\n:01100000559A\n" END,
	 SMP_UPDATE_ERROR_NOT_MCUBOOT, "nothing lies between addresses 0x1 and 0x10001000"},
	/* Four gaps, each one bearable. */
	{"span",
	 ":0100000055AA\n:020000040100F9\n:0100000055AA\n:020000040200F8\n:0100000055AA\n"
	 ":020000040300F7\n:0100000055AA\n:020000040400F6\n:0100000055AA\n" END,
	 SMP_UPDATE_ERROR_NOT_MCUBOOT, "merged file"},
};

static void test_bad(gconstpointer data)
{
	guint i = GPOINTER_TO_UINT(data);
	gsize size = strlen(bad[i].text);
	g_autofree guint8 *exact = g_memdup2(bad[i].text, size);
	g_autoptr(GError) error = NULL;
	guint32 address;

	g_assert_null(smp_hex_decode("app.hex", exact, size, &address, &error));
	g_assert_error(error, SMP_UPDATE_ERROR, (int)bad[i].code);
	g_test_message("%s", error->message);
	g_assert_true(g_str_has_prefix(error->message, "app.hex is "));
	g_assert_nonnull(strstr(error->message, bad[i].message));
}

static void put_record(GString *out, guint8 type, guint16 address, const guint8 *data, guint8 size)
{
	guint8 sum = (guint8)(size + (address >> 8) + address + type);

	g_string_append_printf(out, ":%02X%04X%02X", size, address, type);
	for (guint i = 0; i < size; i++) {
		g_string_append_printf(out, "%02X", data[i]);
		sum = (guint8)(sum + data[i]);
	}
	g_string_append_printf(out, "%02X\r\n", (guint8)-sum);
}

/* Writes a piece of memory as 16-byte records, a linear address first. */
static void put_memory(GString *out, guint32 address, GBytes *bytes)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(bytes, &size);

	for (gsize at = 0; at < size; at += 16) {
		guint32 where = address + (guint32)at;
		guint8 high[] = {(guint8)(where >> 24), (guint8)(where >> 16)};
		put_record(out, 4, 0, high, 2);
		put_record(out, 0, (guint16)where, data + at, (guint8)MIN(16, size - at));
	}
}

static SmpFirmware *parse_text(const char *text, GError **error)
{
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));

	return smp_firmware_parse("app.hex", bytes, error);
}

static void test_firmware(void)
{
	g_autoptr(GBytes) image = make_image(&(MakeImage){.payload_size = 100000, .seed = 7});
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	put_memory(text, 0x0800c200, image);
	g_string_append(text, END);
	g_autoptr(SmpFirmware) firmware = parse_text(text->str, &error);
	g_assert_no_error(error);
	g_assert_true(firmware->from_hex);
	g_assert_cmphex(firmware->hex_address, ==, 0x0800c200);
	g_assert_true(g_bytes_equal(firmware->bytes, image));
}

static void assert_not_parsed(const char *text, const char *message)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(parse_text(text, &error));
	g_assert_error(error, SMP_UPDATE_ERROR, SMP_UPDATE_ERROR_NOT_MCUBOOT);
	g_test_message("%s", error->message);
	g_assert_nonnull(strstr(error->message, message));
}

static void test_merged(void)
{
	g_autoptr(GBytes) image = make_image(&(MakeImage){.payload_size = 100});
	g_autoptr(GBytes) bootloader = g_bytes_new_static("bootloader", 10);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GString) two = g_string_new(NULL);

	/* A first byte that is at no page's start must not hide the image that is. */
	put_memory(text, 0x8004, bootloader);
	put_memory(text, 0x1c200, image);
	g_string_append(text, END);
	assert_not_parsed(text->str, "an MCUboot image begins only at address 0x1c200");
	put_memory(two, 0xc000, image);
	put_memory(two, 0x80000, image);
	g_string_append(two, END);
	assert_not_parsed(two->str, "holds several images, the next at byte 475136");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autofree char *path = g_strconcat("/hex/good/", good[i].name, NULL);
		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_good);
	}
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *path = g_strconcat("/hex/bad/", bad[i].name, NULL);
		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_bad);
	}
	g_test_add_func("/hex/firmware", test_firmware);
	g_test_add_func("/hex/merged", test_merged);
	return g_test_run();
}

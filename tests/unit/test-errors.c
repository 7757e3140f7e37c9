/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A server's error in all its shapes, and its names. */

#include "bytes.h"
#include "protocol/error.h"

#include <smp/packet.h>

#define GOOD -2 /* in place of a group: the answer is no error */

static const struct {
	const char *json;
	const char *hex;
	int group;
	gint64 rc;
} shapes[] = {
	{"{}", "a0", GOOD, 0},
	{"{_ }", "bfff", GOOD, 0},
	{"{rc: 0}", "a1 627263 00", GOOD, 0},
	{"{rc: 0, off: 3}", "a2 627263 00 636f6666 03", GOOD, 0},
	{"{ret: 0}", "a1 63726574 00", GOOD, 0},
	{"{o: \"\", ret: -22}", "bf 616f 60 63726574 35 ff", GOOD, 0},
	{"{err: 3}", "a1 63657272 03", GOOD, 0},
	{"{err: {group: 1, rc: 0}}", "a1 63657272 a2 6567726f7570 01 627263 00", GOOD, 0},
	{"{rc: 8}", "a1 627263 08", SMP_GROUP_NONE, 8},
	{"{_ rc: 8}", "bf 627263 1a00000008 ff", SMP_GROUP_NONE, 8},
	{"{rc: -5}", "a1 627263 24", SMP_GROUP_NONE, -5},
	{"{rc: 3, rsn: \"no\"}", "a2 627263 03 6372736e 626e6f", SMP_GROUP_NONE, 3},
	{"{rc: 300}", "a1 627263 19012c", SMP_GROUP_NONE, 300},
	{"{rc: 1, ret: 5}", "a2 627263 01 63726574 05", SMP_GROUP_NONE, 1},
	{"{err: {group: 1, rc: 27}}", "bf 63657272 bf 6567726f7570 01 627263 181b ff ff", 1, 27},
	{"{err: {rc: 27, group: 1}}", "a1 63657272 a2 627263 181b 6567726f7570 01", 1, 27},
	{"{rc: 0, err: {group: 8, rc: 3}}", "a2 627263 00 63657272 a2 6567726f7570 08 627263 03", 8,
	 3},
	{"{rc: 7, err: {group: 8, rc: 3}}", "a2 627263 07 63657272 a2 6567726f7570 08 627263 03", 8,
	 3},
	{"{ret: {group: 1, rc: 9}}", "a1 63726574 a2 6567726f7570 01 627263 09", 1, 9},
	{"{ret: 0, err: {group: 9, rc: 2}}", "a2 63726574 00 63657272 a2 6567726f7570 09 627263 02",
	 9, 2},
	{"{ret: {group: 0, rc: 2}, rc: 1}", "a2 63726574 a2 6567726f7570 00 627263 02 627263 01", 0,
	 2},
	{"{err: {group: 1, rc: 0}, rc: 6}", "a2 63657272 a2 6567726f7570 01 627263 00 627263 06",
	 SMP_GROUP_NONE, 6},
	{"{len: 7, err: {group: 64, rc: 1000, x: []}}",
	 "a2 636c656e 07 63657272 a3 6567726f7570 1840 627263 1903e8 6178 80", 64, 1000},
	/* What is called an error is never taken for success, whatever is missing in it. */
	{"{err: {rc: 5}}", "a1 63657272 a1 627263 05", SMP_GROUP_NONE, 5},
	{"{err: {group: 1}}", "a1 63657272 a1 6567726f7570 01", 1, SMP_RC_EUNKNOWN},
	{"{err: {}}", "a1 63657272 a0", SMP_GROUP_NONE, SMP_RC_EUNKNOWN},
	{"{err: {group: 2^64-1, rc: 2^64-1}}",
	 "a1 63657272 a2 6567726f7570 1bffffffffffffffff 627263 1bffffffffffffffff", 65535,
	 G_MAXINT64},
	{"{rc: 2^64-1}", "a1 627263 1bffffffffffffffff", SMP_GROUP_NONE, SMP_RC_EUNKNOWN},
};

static void test_shapes(void)
{
	for (gsize n = 0; n < G_N_ELEMENTS(shapes); n++) {
		g_autoptr(GByteArray) bytes = bytes_from_hex(shapes[n].hex);
		SmpDeviceError device = {GOOD, 0};
		SmpCbor body;
		g_test_message("%s", shapes[n].json);
		g_assert_true(smp_cbor_check(bytes->data, bytes->len, &body));
		g_assert_cmpint(smp_device_error_read(&body, &device), ==, shapes[n].group != GOOD);
		g_assert_cmpint(device.group, ==, shapes[n].group);
		g_assert_cmpint(device.rc, ==, shapes[n].rc);
	}
}

/* Names from 1 on, as Zephyr's headers have them. */
static const struct {
	int group;
	const char *group_name;
	const char *const *names;
} tables[] = {
	{SMP_GROUP_NONE, "SMP",
	 (const char *const[]){"EUNKNOWN", "ENOMEM", "EINVAL", "ETIMEOUT", "ENOENT", "EBADSTATE",
			       "EMSGSIZE", "ENOTSUP", "ECORRUPT", "EBUSY", "EACCESSDENIED",
			       "UNSUPPORTED_TOO_OLD", "UNSUPPORTED_TOO_NEW",
			       "BRIDGED_CONNECTION_UNAVAILABLE", NULL}},
	{SMP_GROUP_OS, "os",
	 (const char *const[]){"UNKNOWN", "INVALID_FORMAT", "QUERY_YIELDS_NO_ANSWER", "RTC_NOT_SET",
			       "RTC_COMMAND_FAILED", "QUERY_RESPONSE_VALUE_NOT_VALID",
			       "HEAP_STATS_FETCH_FAILED", NULL}},
	{SMP_GROUP_IMAGE, "image",
	 (const char *const[]){"UNKNOWN",
			       "FLASH_CONFIG_QUERY_FAIL",
			       "NO_IMAGE",
			       "NO_TLVS",
			       "INVALID_TLV",
			       "TLV_MULTIPLE_HASHES_FOUND",
			       "TLV_INVALID_SIZE",
			       "HASH_NOT_FOUND",
			       "NO_FREE_SLOT",
			       "FLASH_OPEN_FAILED",
			       "FLASH_READ_FAILED",
			       "FLASH_WRITE_FAILED",
			       "FLASH_ERASE_FAILED",
			       "INVALID_SLOT",
			       "NO_FREE_MEMORY",
			       "FLASH_CONTEXT_ALREADY_SET",
			       "FLASH_CONTEXT_NOT_SET",
			       "FLASH_AREA_DEVICE_NULL",
			       "INVALID_PAGE_OFFSET",
			       "INVALID_OFFSET",
			       "INVALID_LENGTH",
			       "INVALID_IMAGE_HEADER",
			       "INVALID_IMAGE_HEADER_MAGIC",
			       "INVALID_HASH",
			       "INVALID_FLASH_ADDRESS",
			       "VERSION_GET_FAILED",
			       "CURRENT_VERSION_IS_NEWER",
			       "IMAGE_ALREADY_PENDING",
			       "INVALID_IMAGE_VECTOR_TABLE",
			       "INVALID_IMAGE_TOO_LARGE",
			       "INVALID_IMAGE_DATA_OVERRUN",
			       "IMAGE_CONFIRMATION_DENIED",
			       "IMAGE_SETTING_TEST_TO_ACTIVE_DENIED",
			       "ACTIVE_SLOT_NOT_KNOWN",
			       NULL}},
	{SMP_GROUP_STAT, "stat",
	 (const char *const[]){"UNKNOWN", "INVALID_GROUP", "INVALID_STAT_NAME", "INVALID_STAT_SIZE",
			       "WALK_ABORTED", NULL}},
	{SMP_GROUP_SETTINGS, "settings",
	 (const char *const[]){"UNKNOWN", "KEY_TOO_LONG", "KEY_NOT_FOUND", "READ_NOT_SUPPORTED",
			       "ROOT_KEY_NOT_FOUND", "WRITE_NOT_SUPPORTED", "DELETE_NOT_SUPPORTED",
			       "SAVE_NOT_SUPPORTED", NULL}},
	{SMP_GROUP_LOG, "log", (const char *const[]){NULL}},
	{SMP_GROUP_CRASH, "crash", (const char *const[]){NULL}},
	{SMP_GROUP_SPLIT, "split", (const char *const[]){NULL}},
	{SMP_GROUP_RUN, "run", (const char *const[]){NULL}},
	{SMP_GROUP_FS, "fs",
	 (const char *const[]){
		 "UNKNOWN", "FILE_INVALID_NAME", "FILE_NOT_FOUND", "FILE_IS_DIRECTORY",
		 "FILE_OPEN_FAILED", "FILE_SEEK_FAILED", "FILE_READ_FAILED", "FILE_TRUNCATE_FAILED",
		 "FILE_DELETE_FAILED", "FILE_WRITE_FAILED", "FILE_OFFSET_NOT_VALID",
		 "FILE_OFFSET_LARGER_THAN_FILE", "CHECKSUM_HASH_NOT_FOUND", "MOUNT_POINT_NOT_FOUND",
		 "READ_ONLY_FILESYSTEM", "FILE_EMPTY", NULL}},
	{SMP_GROUP_SHELL, "shell",
	 (const char *const[]){"UNKNOWN", "COMMAND_TOO_LONG", "EMPTY_COMMAND", NULL}},
	{SMP_GROUP_ENUM, "enum",
	 (const char *const[]){"UNKNOWN", "TOO_MANY_GROUP_ENTRIES", "INSUFFICIENT_HEAP_FOR_ENTRIES",
			       "INDEX_TOO_LARGE", NULL}},
	{SMP_GROUP_BRIDGE, "bridge",
	 (const char *const[]){
		 "UNKNOWN", "TRANSPORT_MISSING_REQUIRED_FUNCTIONS",
		 "TRANSPORT_MISSING_INFO_FUNCTIONS", "INVALID_TRANSPORT", "INVALID_MODE",
		 "ALL_CONTEXTS_USED", "BOTH_TRANSPORT_AND_ALL_PARAMETERS", "NOT_BRIDGED",
		 "SAME_BRIDGE_DEVICE_DISALLOWED", "TRANSPORT_INGOING_NOT_SUPPORTED",
		 "TRANSPORT_OUTGOING_NOT_SUPPORTED", "TRANSPORT_INCOMING_TRANSPORT_ALREADY_BRIDGED",
		 "TRANSPORT_OUTGOING_TRANSPORT_ALREADY_BRIDGED", "CONNECT_MISSING_PARAMETER",
		 "CONNECT_INVALID_PARAMETER", "CONNECT_UNSUPPORTED_PARAMETER", "CONNECT_FAILED",
		 NULL}},
	{SMP_GROUP_ZEPHYR_BASIC, "zephyr",
	 (const char *const[]){"UNKNOWN", "FLASH_OPEN_FAILED", "FLASH_CONFIG_QUERY_FAIL",
			       "FLASH_ERASE_FAILED", NULL}},
};

static void assert_nameless(int group, gint64 rc)
{
	SmpDeviceError device = {group, rc};

	g_assert_null(smp_device_error_name(&device));
	g_assert_null(smp_device_error_hint(&device));
}

/* What it means in words, before its name. */
static void assert_told(const SmpDeviceError *device, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *in_brackets = g_strdup_printf(": %s ", name);

	smp_device_error_set(&error, device, NULL);
	g_assert_false(g_str_has_prefix(error->message, "("));
	g_assert_false(g_str_has_prefix(error->message, "error "));
	g_assert_nonnull(strstr(error->message, in_brackets));
}

static void test_names(void)
{
	for (gsize n = 0; n < G_N_ELEMENTS(tables); n++) {
		g_autofree char *group = smp_group_name(tables[n].group);
		gint64 rc = 1;
		g_assert_cmpstr(group, ==, tables[n].group_name);
		for (; tables[n].names[rc - 1]; rc++) {
			SmpDeviceError device = {tables[n].group, rc};
			g_assert_cmpstr(smp_device_error_name(&device), ==,
					tables[n].names[rc - 1]);
			assert_told(&device, tables[n].names[rc - 1]);
		}
		assert_nameless(tables[n].group, rc);
		assert_nameless(tables[n].group, 0);
		assert_nameless(tables[n].group, -1);
		assert_nameless(tables[n].group, G_MAXINT64);
		assert_nameless(tables[n].group, G_MININT64);
	}
	g_autofree char *unknown = smp_group_name(64);
	g_assert_cmpstr(unknown, ==, "group 64");
	assert_nameless(64, 1);
}

static void assert_message(int group, gint64 rc, const char *rsn, const char *message)
{
	SmpDeviceError device = {group, rc}, back = {GOOD, 0};
	g_autoptr(GError) error = NULL;

	smp_device_error_set(&error, &device, rsn);
	g_assert_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE);
	g_assert_cmpstr(error->message, ==, message);

	/* Group and code survive what callers do with an error. */
	g_prefix_error(&error, "cannot do it: ");
	g_autoptr(GError) copy = g_error_copy(error);
	g_assert_true(smp_error_get_device(copy, &back));
	g_assert_cmpint(back.group, ==, group);
	g_assert_cmpint(back.rc, ==, rc);
	g_assert_true(smp_error_is_device(copy, group, rc));
	g_assert_false(smp_error_is_device(copy, group, rc + 1));
	g_assert_false(smp_error_is_device(copy, group + 1, rc));
	g_assert_cmpint(smp_error_is_unsupported(copy), ==,
			group == SMP_GROUP_NONE && rc == SMP_RC_ENOTSUP);
}

static void test_messages(void)
{
	assert_message(SMP_GROUP_IMAGE, 9, NULL, "no slot is free (image: NO_FREE_SLOT 1/9)");
	assert_message(SMP_GROUP_NONE, 8, NULL, "not built into the firmware (SMP: ENOTSUP 8)");
	assert_message(SMP_GROUP_IMAGE, 8, "gone",
		       "no image on the board has this hash (image: HASH_NOT_FOUND 1/8), it says "
		       "“gone”");
	assert_message(SMP_GROUP_IMAGE, 99, NULL, "error 99 (image 1/99)");
	assert_message(SMP_GROUP_NONE, -5, NULL, "error -5 (SMP -5)");
	assert_message(70, 2, NULL, "error 2 (group 70 70/2)");
	smp_device_error_set(NULL, &(SmpDeviceError){1, 1}, NULL);
}

static void test_other_errors(void)
{
	g_autoptr(GError) error =
		g_error_new_literal(SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT, "no answer");
	SmpDeviceError device;

	g_assert_false(smp_error_get_device(error, &device));
	g_assert_false(smp_error_is_device(error, SMP_GROUP_NONE, 0));
	g_assert_false(smp_error_is_unsupported(error));
	g_assert_false(smp_error_is_unsupported(NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/errors/shapes", test_shapes);
	g_test_add_func("/errors/names", test_names);
	g_test_add_func("/errors/messages", test_messages);
	g_test_add_func("/errors/other-errors", test_other_errors);
	return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors of servers by name and meaning. Names: Zephyr include/zephyr/mgmt/mcumgr (mgmt_defines.h
 * and grp/<group>/<group>.h); numbers are append-only there. */

#include "protocol/error.h"

#include <smp/packet.h>

G_DEFINE_QUARK(smp - link - error - quark, smp_link_error)
G_DEFINE_QUARK(smp - update - error - quark, smp_update_error)

/* What a GError of SMP_PROTOCOL_ERROR carries besides code and message. */
typedef struct {
	SmpDeviceError device;
	gint64 length; /* of a file; -1 where it is not told */
} SmpProtocolErrorPrivate;

static void smp_protocol_error_private_init(SmpProtocolErrorPrivate *priv)
{
	priv->device.group = SMP_GROUP_NONE;
	priv->length = -1;
}

static void smp_protocol_error_private_copy(const SmpProtocolErrorPrivate *from,
					    SmpProtocolErrorPrivate *to)
{
	*to = *from;
}

static void smp_protocol_error_private_clear(SmpProtocolErrorPrivate *priv G_GNUC_UNUSED)
{
}

/* GLib's macro casts from bytes; it places them with the alignment of any type. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-align"
G_DEFINE_EXTENDED_ERROR(SmpProtocolError, smp_protocol_error)
#pragma GCC diagnostic pop

typedef struct {
	const char *name;
	const char *text;
	const char *hint;
} Code;

static const Code smp_codes[] = {
	[1] = {"EUNKNOWN", "unknown error", NULL},
	[2] = {"ENOMEM", "out of memory or buffers",
	       "too many requests at once, or too small buffers: raise "
	       "CONFIG_MCUMGR_TRANSPORT_NETBUF_COUNT in the firmware"},
	[3] = {"EINVAL", "the request was not understood", NULL},
	[4] = {"ETIMEOUT", "timed out on the board", NULL},
	[5] = {"ENOENT", "no such entry", NULL},
	[6] = {"EBADSTATE", "the board's state forbids it",
	       "an image may be pending or on trial: see the image list"},
	[7] = {"EMSGSIZE", "the answer does not fit the board's buffer",
	       "raise CONFIG_MCUMGR_TRANSPORT_NETBUF_SIZE in the firmware"},
	[8] = {"ENOTSUP", "not built into the firmware", NULL},
	[9] = {"ECORRUPT", "the request was cut short or longer than the board's buffer",
	       "try a smaller mtu"},
	[10] = {"EBUSY", "the board is busy", "try again, or force it"},
	[11] = {"EACCESSDENIED", "the application on the board does not allow it", NULL},
	[12] = {"UNSUPPORTED_TOO_OLD", "the board wants SMP version 2", NULL},
	[13] = {"UNSUPPORTED_TOO_NEW", "the board does not know this SMP version", NULL},
	[14] = {"BRIDGED_CONNECTION_UNAVAILABLE", "the bridged transport is not connected",
		"try again, or end the bridge with `bridge disconnect`"},
};

static const Code os_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"INVALID_FORMAT", "unknown format letter", NULL},
	[3] = {"QUERY_YIELDS_NO_ANSWER", "the bootloader information has no such entry", NULL},
	[4] = {"RTC_NOT_SET", "the board's clock is not set", "set it with `os datetime now`"},
	[5] = {"RTC_COMMAND_FAILED", "the board's clock failed", NULL},
	[6] = {"QUERY_RESPONSE_VALUE_NOT_VALID", "the bootloader information is not valid", NULL},
	[7] = {"HEAP_STATS_FETCH_FAILED", "the heap statistics cannot be read", NULL},
};

static const Code image_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"FLASH_CONFIG_QUERY_FAIL", "the flash layout cannot be read", NULL},
	[3] = {"NO_IMAGE", "there is no image in the slot", NULL},
	[4] = {"NO_TLVS", "the image has no TLVs", NULL},
	[5] = {"INVALID_TLV", "the image has a bad TLV", NULL},
	[6] = {"TLV_MULTIPLE_HASHES_FOUND", "the image has more than one hash", NULL},
	[7] = {"TLV_INVALID_SIZE", "the image has a TLV of a wrong size", NULL},
	[8] = {"HASH_NOT_FOUND", "no image on the board has this hash", "see the image list"},
	[9] = {"NO_FREE_SLOT", "no slot is free",
	       "the other slot holds an image that is pending, on trial or the fallback: confirm "
	       "the running image, reset, or erase the pending one"},
	[10] = {"FLASH_OPEN_FAILED", "the slot cannot be opened", NULL},
	[11] = {"FLASH_READ_FAILED", "the flash cannot be read", NULL},
	[12] = {"FLASH_WRITE_FAILED", "the flash cannot be written", NULL},
	[13] = {"FLASH_ERASE_FAILED", "the flash cannot be erased", NULL},
	[14] = {"INVALID_SLOT", "there is no such slot", NULL},
	[15] = {"NO_FREE_MEMORY", "out of memory", NULL},
	[16] = {"FLASH_CONTEXT_ALREADY_SET", "an upload is going on already", NULL},
	[17] = {"FLASH_CONTEXT_NOT_SET", "no upload was begun", NULL},
	[18] = {"FLASH_AREA_DEVICE_NULL", "the slot has no flash device", NULL},
	[19] = {"INVALID_PAGE_OFFSET", "bad flash page", NULL},
	[20] = {"INVALID_OFFSET", "the offset is missing", NULL},
	[21] = {"INVALID_LENGTH", "the length is missing", NULL},
	[22] = {"INVALID_IMAGE_HEADER", "the image header is too short",
		"upload the signed image, zephyr.signed.bin"},
	[23] = {"INVALID_IMAGE_HEADER_MAGIC", "this is not an MCUboot image",
		"upload the signed image, zephyr.signed.bin"},
	[24] = {"INVALID_HASH", "the hash is missing or of the wrong length", NULL},
	[25] = {"INVALID_FLASH_ADDRESS", "the image was built for another slot",
		"direct XIP needs the file that is linked for the free slot"},
	[26] = {"VERSION_GET_FAILED", "the running version cannot be read", NULL},
	[27] = {"CURRENT_VERSION_IS_NEWER", "the running version is newer or the same",
		"leave out --upgrade to install it all the same"},
	[28] = {"IMAGE_ALREADY_PENDING", "an image is pending already", "reset the board first"},
	[29] = {"INVALID_IMAGE_VECTOR_TABLE", "the image's vector table is not valid", NULL},
	[30] = {"INVALID_IMAGE_TOO_LARGE", "the image is larger than the slot", NULL},
	[31] = {"INVALID_IMAGE_DATA_OVERRUN", "more data than announced", NULL},
	[32] = {"IMAGE_CONFIRMATION_DENIED", "this image may not be confirmed now",
		"only a running image can be confirmed: test, reset, then confirm"},
	[33] = {"IMAGE_SETTING_TEST_TO_ACTIVE_DENIED", "the image is running already", NULL},
	[34] = {"ACTIVE_SLOT_NOT_KNOWN", "the board does not know which slot runs", NULL},
};

static const Code stat_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"INVALID_GROUP", "no such statistics group", "see `stat list`"},
	[3] = {"INVALID_STAT_NAME", "no such statistics group", "see `stat list`"},
	[4] = {"INVALID_STAT_SIZE", "a statistic has an unknown size", NULL},
	[5] = {"WALK_ABORTED", "the statistics cannot be read", NULL},
};

static const Code settings_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"KEY_TOO_LONG", "the key is too long for the board", NULL},
	[3] = {"KEY_NOT_FOUND", "no such key", NULL},
	[4] = {"READ_NOT_SUPPORTED", "this key cannot be read", NULL},
	[5] = {"ROOT_KEY_NOT_FOUND", "no such root key", NULL},
	[6] = {"WRITE_NOT_SUPPORTED", "this key cannot be written", NULL},
	[7] = {"DELETE_NOT_SUPPORTED", "this key cannot be deleted", NULL},
	[8] = {"SAVE_NOT_SUPPORTED", "the settings cannot be saved", NULL},
};

static const Code fs_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"FILE_INVALID_NAME", "bad file name", NULL},
	[3] = {"FILE_NOT_FOUND", "no such file", NULL},
	[4] = {"FILE_IS_DIRECTORY", "it is a directory", NULL},
	[5] = {"FILE_OPEN_FAILED", "the file cannot be opened", NULL},
	[6] = {"FILE_SEEK_FAILED", "cannot seek in the file", NULL},
	[7] = {"FILE_READ_FAILED", "the file cannot be read", NULL},
	[8] = {"FILE_TRUNCATE_FAILED", "the file cannot be truncated", NULL},
	[9] = {"FILE_DELETE_FAILED", "the file cannot be deleted", NULL},
	[10] = {"FILE_WRITE_FAILED", "the file cannot be written", "the file system may be full"},
	[11] = {"FILE_OFFSET_NOT_VALID", "the offset is not where the file ends", NULL},
	[12] = {"FILE_OFFSET_LARGER_THAN_FILE", "the offset is beyond the file's end", NULL},
	[13] = {"CHECKSUM_HASH_NOT_FOUND", "the board does not know this hash or checksum", NULL},
	[14] = {"MOUNT_POINT_NOT_FOUND", "no file system is mounted there", NULL},
	[15] = {"READ_ONLY_FILESYSTEM", "the file system is read-only", NULL},
	[16] = {"FILE_EMPTY", "the file is empty", NULL},
};

static const Code shell_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"COMMAND_TOO_LONG", "the command is too long for the board", NULL},
	[3] = {"EMPTY_COMMAND", "the command is empty", NULL},
};

static const Code enum_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"TOO_MANY_GROUP_ENTRIES", "too many groups were asked for", NULL},
	[3] = {"INSUFFICIENT_HEAP_FOR_ENTRIES", "out of memory", NULL},
	[4] = {"INDEX_TOO_LARGE", "there are not that many groups", NULL},
};

/* Zephyr transport_mgmt.h. */
static const Code bridge_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"TRANSPORT_MISSING_REQUIRED_FUNCTIONS", "the transport cannot be bridged", NULL},
	[3] = {"TRANSPORT_MISSING_INFO_FUNCTIONS", "the transport tells nothing of itself", NULL},
	[4] = {"INVALID_TRANSPORT", "no such transport", "see `bridge list`"},
	[5] = {"INVALID_MODE", "the transport has no such mode", "see `bridge modes`"},
	[6] = {"ALL_CONTEXTS_USED", "no more bridges are possible at a time",
	       "`bridge disconnect all` ends those that there are"},
	[7] = {"BOTH_TRANSPORT_AND_ALL_PARAMETERS", "one transport or all, not both", NULL},
	[8] = {"NOT_BRIDGED", "there is no bridge", NULL},
	[9] = {"SAME_BRIDGE_DEVICE_DISALLOWED", "the transport cannot be bridged to itself", NULL},
	[10] = {"TRANSPORT_INGOING_NOT_SUPPORTED", "requests cannot come from this transport",
		NULL},
	[11] = {"TRANSPORT_OUTGOING_NOT_SUPPORTED", "requests cannot go to this transport", NULL},
	[12] = {"TRANSPORT_INCOMING_TRANSPORT_ALREADY_BRIDGED", "this link is bridged already",
		"end that with `bridge disconnect`"},
	[13] = {"TRANSPORT_OUTGOING_TRANSPORT_ALREADY_BRIDGED",
		"the other transport is bridged already", NULL},
	[14] = {"CONNECT_MISSING_PARAMETER", "the transport has to be told more",
		"see `bridge config`"},
	[15] = {"CONNECT_INVALID_PARAMETER", "a value for the transport is not valid", NULL},
	[16] = {"CONNECT_UNSUPPORTED_PARAMETER", "the board cannot do what a value asks for", NULL},
	[17] = {"CONNECT_FAILED", "the other device cannot be connected to", NULL},
};

static const Code basic_codes[] = {
	[1] = {"UNKNOWN", "unknown error", NULL},
	[2] = {"FLASH_OPEN_FAILED", "the storage partition cannot be opened", NULL},
	[3] = {"FLASH_CONFIG_QUERY_FAIL", "the flash layout cannot be read", NULL},
	[4] = {"FLASH_ERASE_FAILED", "the storage partition cannot be erased", NULL},
};

static const struct {
	int group;
	const char *name;
	const Code *codes;
	gsize n_codes;
} groups[] = {
	{SMP_GROUP_NONE, "SMP", smp_codes, G_N_ELEMENTS(smp_codes)},
	{SMP_GROUP_OS, "os", os_codes, G_N_ELEMENTS(os_codes)},
	{SMP_GROUP_IMAGE, "image", image_codes, G_N_ELEMENTS(image_codes)},
	{SMP_GROUP_STAT, "stat", stat_codes, G_N_ELEMENTS(stat_codes)},
	{SMP_GROUP_SETTINGS, "settings", settings_codes, G_N_ELEMENTS(settings_codes)},
	{SMP_GROUP_LOG, "log", NULL, 0},
	{SMP_GROUP_CRASH, "crash", NULL, 0},
	{SMP_GROUP_SPLIT, "split", NULL, 0},
	{SMP_GROUP_RUN, "run", NULL, 0},
	{SMP_GROUP_FS, "fs", fs_codes, G_N_ELEMENTS(fs_codes)},
	{SMP_GROUP_SHELL, "shell", shell_codes, G_N_ELEMENTS(shell_codes)},
	{SMP_GROUP_ENUM, "enum", enum_codes, G_N_ELEMENTS(enum_codes)},
	{SMP_GROUP_BRIDGE, "bridge", bridge_codes, G_N_ELEMENTS(bridge_codes)},
	{SMP_GROUP_ZEPHYR_BASIC, "zephyr", basic_codes, G_N_ELEMENTS(basic_codes)},
};

char *smp_group_name(int group)
{
	for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
		if (groups[i].group == group)
			return g_strdup(groups[i].name);
	}
	return g_strdup_printf("group %d", group);
}

static const Code *find_code(const SmpDeviceError *device)
{
	for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
		if (groups[i].group == device->group && device->rc > 0 &&
		    (guint64)device->rc < groups[i].n_codes && groups[i].codes[device->rc].name)
			return &groups[i].codes[device->rc];
	}
	return NULL;
}

const char *smp_device_error_name(const SmpDeviceError *device)
{
	const Code *code = find_code(device);
	return code ? code->name : NULL;
}

const char *smp_device_error_hint(const SmpDeviceError *device)
{
	const Code *code = find_code(device);
	return code ? code->hint : NULL;
}

/* What is called an error is one, whatever is missing in it. */
static gboolean read_error_map(const SmpCbor *body, const char *key, SmpDeviceError *device)
{
	SmpCbor map;
	guint64 group, rc = SMP_RC_EUNKNOWN;
	gboolean known;

	if (!smp_cbor_get(body, key, &map) || smp_cbor_type(&map) != SMP_CBOR_MAP)
		return FALSE;
	known = smp_cbor_get_uint(&map, "group", &group);
	if (smp_cbor_get_uint(&map, "rc", &rc) && rc == 0)
		return FALSE;
	device->group = known ? (int)MIN(group, G_MAXUINT16) : SMP_GROUP_NONE;
	device->rc = (gint64)MIN(rc, G_MAXINT64);
	return TRUE;
}

gboolean smp_device_error_read(const SmpCbor *body, SmpDeviceError *device)
{
	SmpCbor item;
	gint64 rc = SMP_RC_EUNKNOWN;

	if (read_error_map(body, "err", device) || read_error_map(body, "ret", device))
		return TRUE;
	if (!smp_cbor_get(body, "rc", &item) || (smp_cbor_int(&item, &rc) && rc == 0))
		return FALSE;
	*device = (SmpDeviceError){SMP_GROUP_NONE, rc};
	return TRUE;
}

void smp_device_error_set(GError **error, const SmpDeviceError *device, const char *rsn)
{
	const Code *code = find_code(device);
	g_autofree char *group = smp_group_name(device->group);
	g_autoptr(GString) message = g_string_new(NULL);

	if (!error)
		return;
	if (code)
		g_string_append_printf(message, "%s (%s: %s", code->text, group, code->name);
	else
		g_string_append_printf(message, "error %" G_GINT64_FORMAT " (%s", device->rc,
				       group);
	if (device->group != SMP_GROUP_NONE)
		g_string_append_printf(message, " %d/%" G_GINT64_FORMAT ")", device->group,
				       device->rc);
	else
		g_string_append_printf(message, " %" G_GINT64_FORMAT ")", device->rc);
	if (rsn)
		g_string_append_printf(message, ", it says “%s”", rsn);

	*error = g_error_new_literal(SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE, message->str);
	smp_protocol_error_get_private(*error)->device = *device;
}

void smp_device_error_set_length(GError **error, guint64 length)
{
	if (error && length <= G_MAXINT64)
		smp_protocol_error_get_private(*error)->length = (gint64)length;
}

gboolean smp_error_get_length(const GError *error, guint64 *length)
{
	if (!g_error_matches(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE) ||
	    smp_protocol_error_get_private(error)->length < 0)
		return FALSE;
	*length = (guint64)smp_protocol_error_get_private(error)->length;
	return TRUE;
}

gboolean smp_error_get_device(const GError *error, SmpDeviceError *device)
{
	if (!g_error_matches(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE))
		return FALSE;
	*device = smp_protocol_error_get_private(error)->device;
	return TRUE;
}

gboolean smp_error_is_device(const GError *error, int group, gint64 rc)
{
	SmpDeviceError device;
	return smp_error_get_device(error, &device) && device.group == group && device.rc == rc;
}

gboolean smp_error_is_unsupported(const GError *error)
{
	return smp_error_is_device(error, SMP_GROUP_NONE, SMP_RC_ENOTSUP);
}

gboolean smp_error_is_link_lost(const GError *error)
{
	return g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED) ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT) ||
	       g_error_matches(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_TIMEOUT);
}

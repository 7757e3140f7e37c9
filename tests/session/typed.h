/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Each typed call of the groups by a number, and its result as text, so that tests can hold it
 * against any answer of a board. */

#include <smp/session.h>

typedef enum {
	TYPED_PARAMS,
	TYPED_ECHO,
	TYPED_RESET,
	TYPED_RESET_FORCE,
	TYPED_RESET_BOOTLOADER,
	TYPED_INFO,
	TYPED_BOOTLOADER,
	TYPED_MODE,
	TYPED_B0_SLOT,
	TYPED_TASKS,
	TYPED_POOLS,
	TYPED_DATETIME,
	TYPED_DATETIME_SET,
	TYPED_LIST,
	TYPED_TEST,
	TYPED_MAKE_PENDING,
	TYPED_CONFIRM,
	TYPED_ERASE,
	TYPED_ERASE_SLOT,
	TYPED_SLOTS,
	TYPED_UPLOAD,
	TYPED_CAN_MARK,
	TYPED_MORE, /* typed-more.c */
	TYPED_STAT_LIST = TYPED_MORE,
	TYPED_STAT,
	TYPED_SETTINGS_READ,
	TYPED_SETTINGS_READ_SOME,
	TYPED_SETTINGS_WRITE,
	TYPED_SETTINGS_DELETE,
	TYPED_SETTINGS_COMMIT,
	TYPED_SETTINGS_LOAD,
	TYPED_SETTINGS_SAVE,
	TYPED_SETTINGS_SAVE_NAME,
	TYPED_CONFIG_READ,
	TYPED_CONFIG_WRITE,
	TYPED_CONFIG_SAVE,
	TYPED_SHELL,
	TYPED_ENUM_COUNT,
	TYPED_ENUM_LIST,
	TYPED_ENUM_SINGLE,
	TYPED_ENUM_DETAILS,
	TYPED_LOG_LIST,
	TYPED_LOG_MODULES,
	TYPED_LOG_LEVELS,
	TYPED_LOG_SHOW,
	TYPED_LOG_CLEAR,
	TYPED_CRASH,
	TYPED_RUN_LIST,
	TYPED_RUN_TEST,
	TYPED_RUN_TEST_TOKEN,
	TYPED_STORAGE_ERASE,
	TYPED_FS_STATUS,
	TYPED_FS_HASH,
	TYPED_FS_HASH_PART,
	TYPED_FS_TYPES,
	TYPED_FS_CLOSE,
	TYPED_FS_READ,
	TYPED_FS_WRITE,
	TYPED_CORE_LIST,
	TYPED_CORE_READ,
	TYPED_CORE_ERASE,
	TYPED_RAW,
	TYPED_BRIDGE, /* typed-bridge.c */
	TYPED_BRIDGE_STATUS = TYPED_BRIDGE,
	TYPED_BRIDGE_LIST,
	TYPED_BRIDGE_MODES,
	TYPED_BRIDGE_CONFIG,
	TYPED_BRIDGE_CONNECT,
	TYPED_BRIDGE_CONNECT_VALUES,
	TYPED_BRIDGE_DISCONNECT,
	TYPED_BRIDGE_DISCONNECT_ONE,
	TYPED_BRIDGE_DISCONNECT_ALL,
	TYPED_N,
} TypedCall;

/**
 * typed_call:
 * @payload: what the board answers every request with, behind a good header
 * @request: (nullable): gets the last request, header and payload
 *
 * Returns: (transfer full): the result in words; %NULL with an error
 */
char *typed_call(TypedCall which, const guint8 *payload, gsize size, GByteArray *request,
		 GError **error);

/* The same of a board that takes @seconds to answer, for a session that has more patience. */
char *typed_call_slow(TypedCall which, const guint8 *payload, gsize size, guint seconds,
		      GError **error);

/* Those from %TYPED_MORE on. */
char *typed_more(TypedCall which, SmpSession *session, GError **error);
/* Those from %TYPED_BRIDGE on. */
char *typed_bridge(TypedCall which, SmpSession *session, GError **error);

/* ---- typed-assert.c: the payloads in hexadecimal, with blanks where they help ---- */

char *typed_call_hex(TypedCall which, const char *payload, GByteArray *request, GError **error);

/* The call asks @hex, with XX for the sequence number, and takes the answer @good. */
void typed_assert_request(TypedCall which, const char *hex, const char *good);

/* The call makes @wanted of an answer; %NULL: it is malformed, with @error (nullable) set. */
void typed_assert_answer(TypedCall which, const char *payload, const char *wanted, GError **error);

/* Cut anywhere an answer is refused; with a byte changed it is refused or understood, never a
 * crash. */
void typed_assert_damaged(TypedCall which, const guint8 *payload, gsize size, GRand *rand);

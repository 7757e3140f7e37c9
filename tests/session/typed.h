/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Each typed call of the groups by a number, and its result as text, so that tests can hold it
 * against any answer of a board. */

#include <glib.h>

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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* Three error domains, by who can act. Cancelling gives %G_IO_ERROR_CANCELLED everywhere. */

/**
 * SmpLinkError: the way to the board: cable, port, adapter, network.
 * @SMP_LINK_ERROR_ADDRESS: the target was not understood
 * @SMP_LINK_ERROR_NOT_FOUND: no such port, host, adapter or board
 * @SMP_LINK_ERROR_AMBIGUOUS: several boards match
 * @SMP_LINK_ERROR_BUSY: another program holds it; the message names the program
 * @SMP_LINK_ERROR_PERMISSION: this user may not open it
 * @SMP_LINK_ERROR_UNSUPPORTED: this build, driver or device cannot do it
 * @SMP_LINK_ERROR_CLOSED: it was there and went away (cable pulled, board reset, port unreachable)
 * @SMP_LINK_ERROR_TOO_LARGE: a packet larger than the link carries
 * @SMP_LINK_ERROR_TIMEOUT: nothing came until the deadline
 * @SMP_LINK_ERROR_IO: any other error of the operating system
 */
typedef enum {
	SMP_LINK_ERROR_ADDRESS,
	SMP_LINK_ERROR_NOT_FOUND,
	SMP_LINK_ERROR_AMBIGUOUS,
	SMP_LINK_ERROR_BUSY,
	SMP_LINK_ERROR_PERMISSION,
	SMP_LINK_ERROR_UNSUPPORTED,
	SMP_LINK_ERROR_CLOSED,
	SMP_LINK_ERROR_TOO_LARGE,
	SMP_LINK_ERROR_TIMEOUT,
	SMP_LINK_ERROR_IO,
} SmpLinkError;

/**
 * SmpProtocolError: the conversation with the server.
 * @SMP_PROTOCOL_ERROR_TIMEOUT: no answer in time
 * @SMP_PROTOCOL_ERROR_MALFORMED: an answer that is no SMP, no CBOR, or lacks what it must have
 * @SMP_PROTOCOL_ERROR_DEVICE: the server answered with an error; see smp_error_get_device()
 * @SMP_PROTOCOL_ERROR_STALLED: the server answers, but the transfer does not move
 * @SMP_PROTOCOL_ERROR_MISMATCH: the server's check of the finished transfer failed
 */
typedef enum {
	SMP_PROTOCOL_ERROR_TIMEOUT,
	SMP_PROTOCOL_ERROR_MALFORMED,
	SMP_PROTOCOL_ERROR_DEVICE,
	SMP_PROTOCOL_ERROR_STALLED,
	SMP_PROTOCOL_ERROR_MISMATCH,
} SmpProtocolError;

/**
 * SmpUpdateError: the firmware and the decision to install it.
 * @SMP_UPDATE_ERROR_FILE: the file cannot be read
 * @SMP_UPDATE_ERROR_NOT_MCUBOOT: it is no MCUboot image
 * @SMP_UPDATE_ERROR_CORRUPT: it is cut short or its hash is wrong
 * @SMP_UPDATE_ERROR_REFUSED: a safety rule forbids it; the message names the option that overrides
 * @SMP_UPDATE_ERROR_STATE: what was remembered of an update cannot be used
 */
typedef enum {
	SMP_UPDATE_ERROR_FILE,
	SMP_UPDATE_ERROR_NOT_MCUBOOT,
	SMP_UPDATE_ERROR_CORRUPT,
	SMP_UPDATE_ERROR_REFUSED,
	SMP_UPDATE_ERROR_STATE,
} SmpUpdateError;

#define SMP_LINK_ERROR	   smp_link_error_quark()
#define SMP_PROTOCOL_ERROR smp_protocol_error_quark()
#define SMP_UPDATE_ERROR   smp_update_error_quark()
GQuark smp_link_error_quark(void);
GQuark smp_protocol_error_quark(void);
GQuark smp_update_error_quark(void);

/* The group of an SMP-level code (`rc` alone), as against a group's own code. */
#define SMP_GROUP_NONE -1

/* SMP-level codes (Zephyr mgmt_defines.h, `enum mcumgr_err_t`). */
enum {
	SMP_RC_EOK = 0,
	SMP_RC_EUNKNOWN = 1,
	SMP_RC_ENOMEM = 2,
	SMP_RC_EINVAL = 3,
	SMP_RC_ETIMEOUT = 4,
	SMP_RC_ENOENT = 5,
	SMP_RC_EBADSTATE = 6,
	SMP_RC_EMSGSIZE = 7,
	SMP_RC_ENOTSUP = 8,
	SMP_RC_ECORRUPT = 9,
	SMP_RC_EBUSY = 10,
	SMP_RC_EACCESSDENIED = 11,
	SMP_RC_UNSUPPORTED_TOO_OLD = 12,
	SMP_RC_UNSUPPORTED_TOO_NEW = 13,
	SMP_RC_BRIDGED_CONNECTION_UNAVAILABLE = 14,
};

/* The image group's codes that a client acts on (Zephyr img_mgmt.h). */
enum {
	SMP_IMAGE_RC_HASH_NOT_FOUND = 8,
	SMP_IMAGE_RC_NO_FREE_SLOT = 9,
	SMP_IMAGE_RC_INVALID_HASH = 24,
	SMP_IMAGE_RC_CURRENT_VERSION_IS_NEWER = 27,
	SMP_IMAGE_RC_IMAGE_ALREADY_PENDING = 28,
	SMP_IMAGE_RC_INVALID_IMAGE_TOO_LARGE = 30,
	SMP_IMAGE_RC_IMAGE_CONFIRMATION_DENIED = 32,
	SMP_IMAGE_RC_IMAGE_SETTING_TEST_TO_ACTIVE_DENIED = 33,
};

/**
 * SmpDeviceError: an error that the server answered.
 * @group: the group whose code it is, or %SMP_GROUP_NONE for an SMP-level code
 * @rc: the code
 */
typedef struct {
	int group;
	gint64 rc;
} SmpDeviceError;

/**
 * smp_error_get_device:
 *
 * Returns: whether @error is an answer of the server (%SMP_PROTOCOL_ERROR_DEVICE), given in @device
 */
gboolean smp_error_get_device(const GError *error, SmpDeviceError *device);

/**
 * smp_error_is_device:
 * @group: a group or %SMP_GROUP_NONE
 *
 * Returns: whether @error is the server's code @rc of @group
 */
gboolean smp_error_is_device(const GError *error, int group, gint64 rc);

/**
 * smp_error_get_length:
 * @length: (out): how long the file is, which a board tells beside FILE_OFFSET_NOT_VALID
 *
 * Returns: whether it is told
 */
gboolean smp_error_get_length(const GError *error, guint64 *length);

/* Shorthand for the SMP-level ENOTSUP: the command is not built into the firmware. */
gboolean smp_error_is_unsupported(const GError *error);

/* Whether the board went away or fell silent, so that it may come back: %SMP_LINK_ERROR_CLOSED,
 * %SMP_LINK_ERROR_TIMEOUT, %SMP_PROTOCOL_ERROR_TIMEOUT. */
gboolean smp_error_is_link_lost(const GError *error);

/**
 * smp_device_error_name:
 *
 * Returns: (nullable): the standard name of the code ("NO_FREE_SLOT"), %NULL where there is none
 */
const char *smp_device_error_name(const SmpDeviceError *device);

/**
 * smp_device_error_hint:
 *
 * Returns: (nullable): what a person can do about it, one sentence
 */
const char *smp_device_error_hint(const SmpDeviceError *device);

/**
 * smp_group_name:
 *
 * Returns: (transfer full): the short name of a group ("image"), or "group N"
 */
char *smp_group_name(int group);

G_END_DECLS
#pragma GCC visibility pop

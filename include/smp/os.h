/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The OS group (0). Facts: Zephyr smp_group_0.rst and grp/os_mgmt. A command that the firmware does
 * not have fails with the device's ENOTSUP; see smp_error_is_unsupported(). */

/* Returns: (transfer full): the text as the server echoed it */
char *smp_os_echo(SmpSession *session, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
	SMP_BOOT_MODE_KEEP = -1, /* the field is not sent */
	SMP_BOOT_MODE_NORMAL = 0,
	SMP_BOOT_MODE_BOOTLOADER = 1, /* serial recovery or firmware loader */
} SmpBootMode;

/**
 * smp_os_reset:
 * @force: ask a board that refuses (EBUSY) to do it all the same
 * @boot_mode: what to start; servers without the option ignore it
 *
 * The board resets about 250 ms after it answered. A connection that breaks counts as success.
 *
 * Returns: FALSE also with %SMP_PROTOCOL_ERROR_TIMEOUT where no answer came within 3 s: whether the
 * board restarted is seen by looking
 */
gboolean smp_os_reset(SmpSession *session, gboolean force, SmpBootMode boot_mode,
		      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_os_info:
 * @format: letters as `uname` has them: s n r v b m p i o, or a for all
 *
 * Returns: (transfer full): the text
 */
char *smp_os_info(SmpSession *session, const char *format,
		  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* MCUboot's modes (boot_status.h `enum mcuboot_mode`); what a client may expect of a reset. */
typedef enum {
	SMP_BOOTLOADER_MODE_UNKNOWN = -1,
	SMP_BOOTLOADER_MODE_SINGLE_SLOT = 0,
	SMP_BOOTLOADER_MODE_SWAP_SCRATCH = 1,
	SMP_BOOTLOADER_MODE_OVERWRITE_ONLY = 2,
	SMP_BOOTLOADER_MODE_SWAP_MOVE = 3,
	SMP_BOOTLOADER_MODE_DIRECT_XIP = 4,
	SMP_BOOTLOADER_MODE_DIRECT_XIP_REVERT = 5,
	SMP_BOOTLOADER_MODE_RAM_LOAD = 6,
	SMP_BOOTLOADER_MODE_FIRMWARE_LOADER = 7,
	SMP_BOOTLOADER_MODE_SINGLE_SLOT_RAM_LOAD = 8,
	SMP_BOOTLOADER_MODE_SWAP_OFFSET = 9,
} SmpBootloaderMode;

/* "swap using offset"; "unknown" where it is */
const char *smp_bootloader_mode_name(SmpBootloaderMode mode);

/* Returns: (transfer full): the bootloader's name, normally "MCUboot" */
char *smp_os_bootloader_name(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_os_b0_slot:
 * @slot: (out): the variant of MCUboot that the immutable bootloader below it (b0, NSIB of the nRF
 *   Connect SDK) starts: 0 or 1; -1 where the server does not say
 *
 * Source: nrfconnect/sdk-nrf subsys/mgmt/mcumgr/grp/os_mgmt/src/os_mgmt_b0_active_slot.c, which
 * takes the one with the higher version.
 */
gboolean smp_os_b0_slot(SmpSession *session, int *slot, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_os_bootloader_mode:
 * @no_downgrade: (out) (optional): the bootloader is said to refuse older versions; FALSE proves
 *   nothing
 *
 * @mode is what the application was built to assume; %SMP_BOOTLOADER_MODE_UNKNOWN where the server
 * does not say.
 */
gboolean smp_os_bootloader_mode(SmpSession *session, SmpBootloaderMode *mode,
				gboolean *no_downgrade, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpTask: a thread of the board. Fields that a server leaves out are -1.
 * @stack_used, @stack_size: in 4-byte words
 * @runtime: in cycles
 * @last_checkin, @next_checkin, @context_switches: Mynewt only
 */
typedef struct {
	char *name;
	gint64 priority;
	gint64 id;
	gint64 state;
	gint64 stack_used;
	gint64 stack_size;
	gint64 context_switches;
	gint64 runtime;
	gint64 last_checkin;
	gint64 next_checkin;
} SmpTask;

/* Returns: (transfer full) (element-type SmpTask): sorted by name */
GPtrArray *smp_os_task_statistics(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A memory pool; block size in bytes, counts of blocks. */
typedef struct {
	char *name;
	gint64 block_size;
	gint64 blocks;
	gint64 free;
	gint64 min_free;
} SmpMemoryPool;

/* Returns: (transfer full) (element-type SmpMemoryPool): sorted by name */
GPtrArray *smp_os_memory_pools(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the board's clock as it wrote it (RFC 3339, Zephyr without a zone) */
char *smp_os_datetime_get(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @datetime: "YYYY-MM-DDThh:mm:ss", with a zone for Mynewt. Sent as it is. */
gboolean smp_os_datetime_set(SmpSession *session, const char *datetime,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

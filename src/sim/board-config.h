/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How the bootloader installs images; numbers as MCUboot's enum mcuboot_mode (boot_status.h). */
typedef enum {
	SIM_MODE_SINGLE_SLOT = 0,
	SIM_MODE_SWAP_SCRATCH = 1,
	SIM_MODE_OVERWRITE = 2,
	SIM_MODE_SWAP_MOVE = 3,
	SIM_MODE_DIRECT_XIP = 4,
	SIM_MODE_DIRECT_XIP_REVERT = 5,
	SIM_MODE_RAM_LOAD = 6,
	SIM_MODE_FIRMWARE_LOADER = 7,
	SIM_MODE_SWAP_OFFSET = 9,
} SimMode;

/* What goes wrong, at the n-th request that reaches the board. */
typedef enum {
	SIM_FAULT_LOSE_REQUEST,
	SIM_FAULT_LOSE_REPLY,
	SIM_FAULT_CORRUPT_REPLY,
	SIM_FAULT_DUPLICATE_REPLY,
	SIM_FAULT_STALL,	      /* @value: ms the server thinks */
	SIM_FAULT_CUT_LINK,	      /* @value: ms nothing gets through, either way */
	SIM_FAULT_RESET_AT,	      /* instead of an answer */
	SIM_FAULT_POWER_CUT_AT,	      /* @value: ms without power */
	SIM_FAULT_DIE,		      /* silent for good */
	SIM_FAULT_LIE_OFFSET,	      /* an upload answer names an offset @value bytes off */
	SIM_FAULT_ANSWER,	      /* answers {"rc": @value} and does nothing */
	SIM_FAULT_POWER_CUT_AT_WRITE, /* n counts flash writes and block erases instead */
	SIM_N_FAULTS,
} SimFaultKind;

typedef struct {
	SimFaultKind kind;
	guint64 at; /* 1 is the first */
	gint64 value;
} SimFault;

#define SIM_MAX_IMAGES 4
#define SIM_MAX_FAULTS 32
#define SIM_MAX_GROUPS 16
#define SIM_MAX_BAD    4

/**
 * SimConfig: everything that one simulated board differs in from another.
 *
 * A plain value: copy it, change it. Strings are static or interned. Times are in µs of the board's
 * clock unless said otherwise.
 */
typedef struct {
	const char *name;

	/* flash and bootloader */
	SimMode mode;
	guint images;
	guint slot_size;
	guint erase_size;
	guint write_size;
	gint64 erase_time;    /* one block */
	gint64 write_time_ns; /* one byte */
	gboolean no_downgrade;
	gboolean b0; /* MCUboot itself has two variants below an immutable bootloader (NSIB) */
	gboolean b0_untold; /* ... and the application does not tell which one runs */
	int net_core; /* image that is handed to another core: no read back, no revert; -1 none */

	/* what is in it at first */
	const char *version;
	guint image_size;		    /* payload */
	gboolean blank;			    /* no application */
	const char *bad_image[SIM_MAX_BAD]; /* versions that start and never answer */
	guint n_bad_image;
	gint64 watchdog_time;

	/* life */
	gint64 reset_time; /* from the answer to the reset */
	gint64 boot_time;
	gint64 process_time; /* of one request */

	/* SMP server of the application */
	guint buf_size;
	guint buf_count;
	guint16 groups[SIM_MAX_GROUPS]; /* in the order of the enumeration */
	guint n_groups;
	gboolean old;		  /* before Zephyr 3.1: v1 only, rc 0 in every success, no params */
	gboolean ret_errors;	  /* Zephyr 3.4: v2 errors are in `ret` */
	gboolean no_v1;		  /* built without the original protocol */
	gboolean frugal_list;	  /* CONFIG_MCUMGR_GRP_IMG_FRUGAL_LIST */
	gboolean no_params;	  /* no CONFIG_MCUMGR_GRP_OS_MCUMGR_PARAMS */
	gboolean bootloader_info; /* CONFIG_MCUMGR_GRP_OS_BOOTLOADER_INFO */
	gboolean slot_info;
	gboolean max_image_size;      /* slot info tells the largest image */
	gboolean image_check;	      /* CONFIG_IMG_ENABLE_IMAGE_CHECK: `match` */
	gboolean progressive;	      /* CONFIG_IMG_ERASE_PROGRESSIVELY */
	gboolean keep_pending;	      /* no CONFIG_MCUMGR_GRP_IMG_ALLOW_ERASE_PENDING */
	gboolean confirm_active_only; /* no ..._ALLOW_CONFIRM_NON_ACTIVE_SLOT */
	gboolean confirm_any_image;   /* ..._ALLOW_CONFIRM_NON_ACTIVE_IMAGE_ANY */
	gboolean reset_needs_force;   /* a hook answers "busy" to a reset without it */
	gboolean rtc;		      /* date and time */
	gboolean pools;		      /* memory pool statistics */
	gboolean named_threads;
	gboolean volatile_settings; /* no settings back end: nothing is saved */
	gboolean more_stats;	    /* groups of statistics besides the application's */
	gboolean mynewt;	    /* Apache Mynewt's server: v1, its own groups */
	gboolean
		crash_on_overrun; /* more requests than buffers: hangs, as Zephyr 4.4's UART does */
	const char *kernel_version;
	const char *machine, *processor, *platform;

	/* MCUboot serial recovery */
	gboolean recovery;
	gboolean start_in_recovery;
	gboolean recovery_echo;
	gboolean recovery_old;	       /* MCUboot 1.10: v2 requests are dropped */
	gboolean recovery_erases_slot; /* the whole slot at offset 0, not block by block */
	guint recovery_buf_size;

	/* what goes wrong */
	SimFault faults[SIM_MAX_FAULTS];
	guint n_faults;
	double loss; /* of requests and of replies, 0 to 1 */
	guint32 seed;

	/* line of the console */
	guint rx_lines; /* received lines that wait; 0: no limit */
	guint rx_line_size;
	gint64 rx_drain_time; /* the work queue takes a line out */
	gboolean deaf;	      /* bytes that come while flash is erased are lost */
	gboolean log;	      /* boot banner and log text between the frames */
	double log_break;     /* of the frames, log text lands inside, 0 to 1 */
	gboolean cut_answers; /* before Zephyr 3.2: answers in packets of 256 bytes */
} SimConfig;

/**
 * sim_config_board:
 * @config: (out): that of the board named @name
 *
 * Returns: FALSE where there is no such board
 */
gboolean sim_config_board(SimConfig *config, const char *name) G_GNUC_WARN_UNUSED_RESULT;

/* Boards by number: the name, %NULL after the last one. */
const char *sim_config_nth_board(guint n, const char **summary);

/* Makes flash, boot and reset @scale times as fast. */
void sim_config_scale(SimConfig *config, double scale);

/**
 * sim_config_add_fault:
 * @text: "lose-reply=7", "cut-link=7:500", …
 */
gboolean sim_config_add_fault(SimConfig *config, const char *text,
			      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The forms that sim_config_add_fault() takes, four to a line. */
char *sim_config_fault_help(const char *line_break);

gboolean sim_config_check(const SimConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean sim_mode_swaps(SimMode mode);
/* Images run where they are; the bootloader chooses a slot. */
gboolean sim_mode_chooses(SimMode mode);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of commands, in the order of the help. */

#include "cli.h"

#include <string.h>

#define IMAGE_GROUP "CONFIG_MCUMGR_GRP_IMG"

/* Zephyr img_mgmt_state.c, MCUboot boot_serial.c. */
#define NO_MARKS                                                                                   \
	"Boards with RAM load or direct XIP, and serial recovery, have no test and confirm:\n"     \
	"they start the highest version at a reset. Others lack " IMAGE_GROUP "=y."

#define NO_POOLS "Mynewt has this command; Zephyr up to 4.4 has not."

#define NO_CORE "Mynewt has this where it was built with core dumps; Zephyr has not."

static const SmpctlCommand others[] = {
	{
		.name = "discover",
		.args = "",
		.help = "list the serial ports and who holds them",
		.topic = SMPCTL_LOOK,
		.options = smpctl_discover_options,
		.example = "smpctl discover --probe",
		.run = smpctl_cmd_discover,
	},
	{
		.name = "status",
		.args = "",
		.help = "what runs, what waits, what a reset would do",
		.topic = SMPCTL_LOOK,
		.example = "smpctl -c /dev/ttyACM0 status",
		.kconfig = IMAGE_GROUP,
		.run = smpctl_cmd_status,
	},
	{
		.name = "doctor",
		.args = "[BOARD]",
		.help = "why a board does not answer, or is slow",
		.topic = SMPCTL_LOOK,
		.max_args = 1,
		.example = "smpctl doctor /dev/ttyACM0",
		.run = smpctl_cmd_doctor,
	},
	{
		.name = "image list",
		.args = "",
		.help = "the images on the board",
		.topic = SMPCTL_LOOK,
		.example = "smpctl -c /dev/ttyACM0 image list",
		.kconfig = IMAGE_GROUP,
		.run = smpctl_cmd_image_list,
	},
	{
		.name = "image inspect",
		.args = "FILE",
		.help = "what a firmware file is; with -c, on a board",
		.topic = SMPCTL_LOOK,
		.options = smpctl_inspect_options,
		.min_args = 1,
		.max_args = 1,
		.example = "smpctl image inspect app.signed.bin",
		.run = smpctl_cmd_image_inspect,
	},
	{
		.name = "os info",
		.args = "[LETTERS]",
		.help = "what system runs; LETTERS as of uname (default a)",
		.topic = SMPCTL_LOOK,
		.brief = TRUE,
		.max_args = 1,
		.example = "smpctl -c /dev/ttyACM0 os info nr",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_INFO",
		.run = smpctl_cmd_os_info,
	},
	{
		.name = "os params",
		.args = "",
		.help = "the board's SMP buffers",
		.topic = SMPCTL_LOOK,
		.brief = TRUE,
		.example = "smpctl -c /dev/ttyACM0 os params",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_MCUMGR_PARAMS",
		.run = smpctl_cmd_os_params,
	},
	{
		.name = "os bootloader",
		.args = "",
		.help = "the bootloader and how it installs images",
		.topic = SMPCTL_LOOK,
		.brief = TRUE,
		.example = "smpctl -c /dev/ttyACM0 os bootloader",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_BOOTLOADER_INFO",
		.run = smpctl_cmd_os_bootloader,
	},
	{
		.name = "os tasks",
		.args = "",
		.help = "threads, their stacks and run time",
		.topic = SMPCTL_LOOK,
		.brief = TRUE,
		.example = "smpctl -c /dev/ttyACM0 os tasks",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_TASKSTAT",
		.run = smpctl_cmd_os_tasks,
	},
	{
		.name = "os pools",
		.args = "",
		.help = "memory pools",
		.topic = SMPCTL_LOOK,
		.brief = TRUE,
		.example = "smpctl -c /dev/ttyACM0 os pools",
		.unsupported = NO_POOLS,
		.run = smpctl_cmd_os_pools,
	},
	{
		.name = "update",
		.args = "FILE… | N:FILE…",
		.help = "install new firmware: upload, try, check, keep",
		.topic = SMPCTL_UPDATE,
		.changes = TRUE,
		.options = smpctl_update_options,
		.min_args = 1,
		.max_args = -1,
		.example = "smpctl -c /dev/ttyACM0 update app.signed.bin",
		.kconfig = IMAGE_GROUP,
		.run = smpctl_cmd_update,
	},
	{
		.name = "ensure",
		.args = "FILE… | N:FILE…",
		.help = "as update; done where the board runs it already",
		.topic = SMPCTL_UPDATE,
		.brief = TRUE,
		.changes = TRUE,
		.options = smpctl_update_options,
		.min_args = 1,
		.max_args = -1,
		.example = "smpctl -c /dev/ttyACM0 ensure app.signed.bin",
		.kconfig = IMAGE_GROUP,
		.run = smpctl_cmd_update,
	},
	{
		.name = "resume",
		.args = "",
		.help = "go on with an update that was interrupted",
		.topic = SMPCTL_UPDATE,
		.changes = TRUE,
		.example = "smpctl -c /dev/ttyACM0 resume",
		.kconfig = IMAGE_GROUP,
		.run = smpctl_cmd_resume,
	},
	{
		.name = "confirm",
		.args = "[HASH]",
		.help = "keep what is on trial",
		.topic = SMPCTL_UPDATE,
		.changes = TRUE,
		.max_args = 1,
		.example = "smpctl -c /dev/ttyACM0 confirm",
		.unsupported = NO_MARKS,
		.run = smpctl_cmd_confirm,
	},
	{
		.name = "rollback",
		.args = "",
		.help = "go back to the image that ran before",
		.topic = SMPCTL_UPDATE,
		.changes = TRUE,
		.example = "smpctl -c /dev/ttyACM0 rollback",
		.unsupported = NO_MARKS,
		.run = smpctl_cmd_rollback,
	},
	{
		.name = "image upload",
		.args = "FILE",
		.help = "only send an image",
		.topic = SMPCTL_UPDATE,
		.changes = TRUE,
		.options = smpctl_upload_options,
		.min_args = 1,
		.max_args = 1,
		.example = "smpctl -c /dev/ttyACM0 image upload app.signed.bin",
		.kconfig = IMAGE_GROUP,
		.run = smpctl_cmd_image_upload,
	},
	{
		.name = "image slots",
		.args = "",
		.help = "the slots and their sizes",
		.topic = SMPCTL_UPDATE,
		.brief = TRUE,
		.example = "smpctl -c /dev/ttyACM0 image slots",
		.kconfig = "CONFIG_MCUMGR_GRP_IMG_SLOT_INFO",
		.run = smpctl_cmd_image_slots,
	},
	{
		.name = "image test",
		.args = "HASH",
		.help = "start an image once at the next reset",
		.topic = SMPCTL_UPDATE,
		.brief = TRUE,
		.changes = TRUE,
		.min_args = 1,
		.max_args = 1,
		.example = "smpctl -c /dev/ttyACM0 image test $HASH",
		.unsupported = NO_MARKS,
		.run = smpctl_cmd_image_test,
	},
	{
		.name = "image confirm",
		.args = "[HASH]",
		.help = "keep the running image, or another for good",
		.topic = SMPCTL_UPDATE,
		.brief = TRUE,
		.changes = TRUE,
		.max_args = 1,
		.example = "smpctl -c /dev/ttyACM0 image confirm",
		.unsupported = NO_MARKS,
		.run = smpctl_cmd_image_confirm,
	},
	{
		.name = "image erase",
		.args = "",
		.help = "erase the slot that does not run",
		.topic = SMPCTL_UPDATE,
		.brief = TRUE,
		.changes = TRUE,
		.options = smpctl_erase_options,
		.example = "smpctl -c /dev/ttyACM0 image erase",
		.kconfig = IMAGE_GROUP,
		.run = smpctl_cmd_image_erase,
	},
	{
		.name = "image corelist",
		.args = "",
		.help = "whether a crash left a core dump (Mynewt)",
		.topic = SMPCTL_UPDATE,
		.brief = TRUE,
		.example = "smpctl -c /dev/ttyACM0 image corelist",
		.unsupported = NO_CORE,
		.run = smpctl_cmd_core_list,
	},
	{
		.name = "image coredownload",
		.args = "FILE",
		.help = "read it",
		.topic = SMPCTL_UPDATE,
		.brief = TRUE,
		.options = smpctl_core_options,
		.min_args = 1,
		.max_args = 1,
		.example = "smpctl -c /dev/ttyACM0 image coredownload core.bin",
		.unsupported = NO_CORE,
		.run = smpctl_cmd_core_download,
	},
	{
		.name = "image coreerase",
		.args = "",
		.help = "erase it",
		.topic = SMPCTL_UPDATE,
		.brief = TRUE,
		.example = "smpctl -c /dev/ttyACM0 image coreerase",
		.unsupported = NO_CORE,
		.changes = TRUE,
		.run = smpctl_cmd_core_erase,
	},
	{
		.name = "echo",
		.args = "TEXT",
		.help = "let the board say TEXT: does it answer?",
		.topic = SMPCTL_BOARD,
		.min_args = 1,
		.max_args = 1,
		.example = "smpctl -c udp:192.0.2.7 echo hello",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_ECHO",
		.run = smpctl_cmd_echo,
	},
	{
		.name = "reset",
		.args = "",
		.help = "restart the board",
		.topic = SMPCTL_BOARD,
		.changes = TRUE,
		.options = smpctl_reset_options,
		.example = "smpctl -c /dev/ttyACM0 reset",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_RESET",
		.run = smpctl_cmd_reset,
	},
	{
		.name = "os datetime",
		.args = "[TIME|now]",
		.help = "read or set the clock",
		.topic = SMPCTL_BOARD,
		.brief = TRUE,
		.max_args = 1,
		.example = "smpctl -c /dev/ttyACM0 os datetime now",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_DATETIME",
		.changes = TRUE,
		.run = smpctl_cmd_os_datetime,
	},
	{
		.name = "console",
		.args = "[BOARD]",
		.help = "its console, shared with other commands",
		.topic = SMPCTL_BOARD,
		.options = smpctl_console_options,
		.max_args = 1,
		.example = "smpctl console /dev/ttyACM0",
		.run = smpctl_cmd_console,
	},
	{
		.name = "conn add",
		.args = "NAME type=TYPE connstring=STRING",
		.help = "save a connection under a name",
		.topic = SMPCTL_CONNECTIONS,
		.brief = TRUE,
		.min_args = 1,
		.max_args = -1,
		.example =
			"smpctl conn add esp type=serial connstring=dev=/dev/ttyUSB0,baud=115200",
		.run = smpctl_cmd_conn_add,
	},
	{
		.name = "conn show",
		.args = "[NAME]",
		.help = "show the saved connections",
		.topic = SMPCTL_CONNECTIONS,
		.brief = TRUE,
		.max_args = 1,
		.example = "smpctl conn show",
		.run = smpctl_cmd_conn_show,
	},
	{
		.name = "conn delete",
		.args = "NAME",
		.help = "forget one",
		.topic = SMPCTL_CONNECTIONS,
		.brief = TRUE,
		.min_args = 1,
		.max_args = 1,
		.example = "smpctl conn delete esp",
		.run = smpctl_cmd_conn_delete,
	},
	{
		.name = "ble scan",
		.args = "",
		.help = "boards near by on Bluetooth",
		.topic = SMPCTL_CONNECTIONS,
		.brief = TRUE,
		.example = "smpctl ble scan -t 10",
		.run = smpctl_cmd_ble_scan,
	},
	{
		.name = "ble pair",
		.args = "[BOARD]",
		.help = "pair with a board on Bluetooth",
		.topic = SMPCTL_CONNECTIONS,
		.brief = TRUE,
		.max_args = 1,
		.example = "smpctl ble pair 'ble:Sensor 12'",
		.run = smpctl_cmd_ble_pair,
	},
	{
		.name = "ble forget",
		.args = "[BOARD]",
		.help = "forget a board and its pairing",
		.topic = SMPCTL_CONNECTIONS,
		.brief = TRUE,
		.max_args = 1,
		.example = "smpctl ble forget ble:C0:11:22:33:44:55",
		.run = smpctl_cmd_ble_forget,
	},
	{NULL},
};

#define MOST 128

/* The last one stays empty and ends the table. */
static SmpctlCommand all[MOST];

static void append(const SmpctlCommand *command)
{
	static guint n;

	g_assert(n < MOST - 1);
	all[n++] = *command;
}

static void append_all(const SmpctlCommand *table)
{
	for (; table->name; table++)
		append(table);
}

/* Those for data come behind those for the board. */
static void fill(void)
{
	const SmpctlCommand *other = others;

	for (; other->topic < SMPCTL_DATA; other++)
		append(other);
	append_all(smpctl_data_commands);
	append_all(other);
	append_all(smpctl_daemon_commands);
	append_all(smpctl_go_commands);
}

const SmpctlCommand *smpctl_commands(void)
{
	if (!all[0].name)
		fill();
	return all;
}

static const SmpctlCommand *find_name(const char *name)
{
	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		if (g_str_equal(command->name, name))
			return command;
	}
	return NULL;
}

const SmpctlCommand *smpctl_command_find(const char *first, const char *second, guint *n_words)
{
	const SmpctlCommand *command;

	if (second) {
		g_autofree char *name = g_strconcat(first, " ", second, NULL);

		*n_words = 2;
		command = find_name(name);
		if (command)
			return command;
	}
	*n_words = 1;
	return find_name(first);
}

gboolean smpctl_command_is_family(const char *word)
{
	gsize length = strlen(word);

	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		if (g_str_has_prefix(command->name, word) && command->name[length] == ' ')
			return TRUE;
	}
	return FALSE;
}

/* How many letters have to be put in, left out or changed to make one of the other. */
static guint distance(const char *a, const char *b)
{
	gsize n = strlen(b);
	g_autofree guint *row = g_new(guint, n + 1);

	for (gsize j = 0; j <= n; j++)
		row[j] = (guint)j;
	for (gsize i = 0; a[i]; i++) {
		guint diagonal = row[0];

		row[0] = (guint)i + 1;
		for (gsize j = 0; j < n; j++) {
			guint change = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = MIN(change, MIN(row[j], diagonal) + 1);
		}
	}
	return row[n];
}

const char *smpctl_command_suggest(const char *typed)
{
	const char *nearest = NULL;
	guint least = 4;

	if (strlen(typed) > 40)
		return NULL;
	for (const SmpctlCommand *command = smpctl_commands(); command->name; command++) {
		const char *last = strrchr(command->name, ' ');
		guint whole = distance(typed, command->name);
		/* "upload" for "image upload". */
		guint part = last ? distance(typed, last + 1) + 1 : whole;
		guint edits = MIN(whole, part);

		if (edits < least && edits < strlen(typed)) {
			least = edits;
			nearest = command->name;
		}
	}
	return nearest;
}

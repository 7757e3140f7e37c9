/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the Go tool names otherwise, or has and smpctl has not. None of it is in the help. */

#include "cli.h"

#define ONLY_MYNEWT "Mynewt has this group; Zephyr has not."

#define NO_POOLS "Mynewt has this command; Zephyr up to 4.4 has not."

const SmpctlCommand smpctl_go_commands[] = {
	{
		.name = "version",
		.args = "",
		.help = "show the version",
		.topic = SMPCTL_HIDDEN,
		.example = "smpctl version",
		.run = smpctl_cmd_version,
	},
	{
		.name = "log module_list",
		.args = "",
		.help = "as log modules",
		.topic = SMPCTL_HIDDEN,
		.example = "smpctl -c /dev/ttyACM0 log module_list",
		.unsupported = ONLY_MYNEWT,
		.run = smpctl_cmd_log_modules,
	},
	{
		.name = "log level_list",
		.args = "",
		.help = "as log levels",
		.topic = SMPCTL_HIDDEN,
		.example = "smpctl -c /dev/ttyACM0 log level_list",
		.unsupported = ONLY_MYNEWT,
		.run = smpctl_cmd_log_levels,
	},
	{
		.name = "image coreconvert",
		.args = "CORE ELF",
		.help = "make an ELF file of a core dump (Mynewt)",
		.topic = SMPCTL_HIDDEN,
		.min_args = 2,
		.max_args = 2,
		.example = "smpctl image coreconvert core.bin core.elf",
		.run = smpctl_cmd_core_convert,
	},
	{
		.name = "res",
		.args = "…",
		.help = "not supported: CoAP resources",
		.topic = SMPCTL_HIDDEN,
		.options = smpctl_res_options,
		.max_args = -1,
		.example = "smpctl res --help",
		.run = smpctl_cmd_coap,
	},
	{
		.name = "interactive",
		.args = "",
		.help = "not supported: CoAP conversation",
		.topic = SMPCTL_HIDDEN,
		.max_args = -1,
		.example = "smpctl interactive --help",
		.run = smpctl_cmd_coap,
	},
	{
		.name = "taskstat",
		.args = "",
		.help = "as os tasks",
		.topic = SMPCTL_HIDDEN,
		.example = "smpctl -c /dev/ttyACM0 taskstat",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_TASKSTAT",
		.run = smpctl_cmd_os_tasks,
	},
	{
		.name = "mpstat",
		.args = "",
		.help = "as os pools",
		.topic = SMPCTL_HIDDEN,
		.example = "smpctl -c /dev/ttyACM0 mpstat",
		.unsupported = NO_POOLS,
		.run = smpctl_cmd_os_pools,
	},
	{
		.name = "datetime",
		.args = "[TIME|now]",
		.help = "as os datetime",
		.topic = SMPCTL_HIDDEN,
		.max_args = 1,
		.example = "smpctl -c /dev/ttyACM0 datetime",
		.kconfig = "CONFIG_MCUMGR_GRP_OS_DATETIME",
		.changes = TRUE,
		.run = smpctl_cmd_os_datetime,
	},
	{NULL},
};

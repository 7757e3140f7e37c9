/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/board-config.h"

#include "sim/image.h"

#include <gio/gio.h>
#include <smp/packet.h>
#include <string.h>

#define KIB 1024u
#define MS  1000

/* A Zephyr 4.4 application as its defaults make it, on a flash that is quicker than most. */
static const SimConfig zephyr = {
	.mode = SIM_MODE_SWAP_OFFSET,
	.images = 1,
	.slot_size = 472 * KIB,
	.erase_size = 4 * KIB,
	.write_size = 4,
	.erase_time = 2 * MS,
	.write_time_ns = 500,
	.net_core = -1,
	.version = "1.0.0",
	.image_size = 48 * KIB,
	.watchdog_time = 3000 * MS,
	.reset_time = 250 * MS,
	.boot_time = 200 * MS,
	.process_time = 1 * MS,
	.buf_size = 384,
	.buf_count = 4,
	.groups = {SMP_GROUP_ENUM, SMP_GROUP_IMAGE, SMP_GROUP_OS, SMP_GROUP_STAT},
	.n_groups = 4,
	.bootloader_info = TRUE,
	.slot_info = TRUE,
	.named_threads = TRUE,
	.kernel_version = "4.4.0",
	.machine = "arm",
	.processor = "cortex-m4",
	.recovery_buf_size = 1024,
	.rx_line_size = 128,
	.rx_drain_time = 300,
};

/* In the order in which Zephyr's linker puts them. */
static const guint16 all_groups[] = {SMP_GROUP_ENUM, SMP_GROUP_FS,	    SMP_GROUP_IMAGE,
				     SMP_GROUP_OS,   SMP_GROUP_SETTINGS,    SMP_GROUP_SHELL,
				     SMP_GROUP_STAT, SMP_GROUP_ZEPHYR_BASIC};

static void set_groups(SimConfig *config, const guint16 *groups, guint n)
{
	memcpy(config->groups, groups, n * sizeof *groups);
	config->n_groups = n;
}

static void make_overwrite(SimConfig *config)
{
	config->mode = SIM_MODE_OVERWRITE;
}

static void make_recovery(SimConfig *config)
{
	config->recovery = TRUE;
	config->start_in_recovery = TRUE;
	config->recovery_erases_slot = TRUE;
}

static void make_directxip(SimConfig *config)
{
	config->mode = SIM_MODE_DIRECT_XIP_REVERT;
}

static void make_ramload(SimConfig *config)
{
	config->mode = SIM_MODE_RAM_LOAD;
	config->recovery = TRUE;
}

static void make_nrf5340(SimConfig *config)
{
	config->mode = SIM_MODE_OVERWRITE;
	config->images = 2;
	config->net_core = 1;
	config->buf_size = 512;
	config->processor = "cortex-m33";
	config->platform = "nrf5340dk/nrf5340/cpuapp";
}

static void make_nsib(SimConfig *config)
{
	config->mode = SIM_MODE_SWAP_MOVE;
	config->b0 = TRUE;
}

static void make_threeimage(SimConfig *config)
{
	config->mode = SIM_MODE_SWAP_SCRATCH;
	config->images = 3;
	config->slot_size = 192 * KIB;
	config->buf_size = 1024;
	config->confirm_any_image = TRUE;
}

static void make_old(SimConfig *config)
{
	static const guint16 groups[] = {SMP_GROUP_IMAGE, SMP_GROUP_OS, SMP_GROUP_STAT};

	config->mode = SIM_MODE_SWAP_MOVE;
	config->n_groups = G_N_ELEMENTS(groups);
	memcpy(config->groups, groups, sizeof groups);
	config->old = TRUE;
	config->no_params = TRUE;
	config->bootloader_info = FALSE;
	config->slot_info = FALSE;
	config->keep_pending = TRUE;
	config->cut_answers = TRUE;
	config->kernel_version = "3.0.0";
}

static void make_fixture(SimConfig *config)
{
	config->erase_time = 0;
	config->write_time_ns = 0;
	config->version = "0.0.0";
	config->bootloader_info = FALSE;
}

static void make_m0(SimConfig *config)
{
	make_fixture(config);
	config->slot_size = 106496;
	config->erase_size = 1 * KIB;
	config->named_threads = FALSE;
	config->progressive = TRUE;
	config->processor = "cortex-m0";
	config->platform = "qemu_cortex_m0/nrf51822";
}

static void make_mps2(SimConfig *config)
{
	make_fixture(config);
	make_ramload(config);
	set_groups(config, all_groups, G_N_ELEMENTS(all_groups));
	config->more_stats = TRUE;
	config->volatile_settings = TRUE;
	config->slot_size = 524288;
	config->processor = "cortex-m3";
	config->platform = "mps2/an385";
}

static void make_full(SimConfig *config)
{
	set_groups(config, all_groups, G_N_ELEMENTS(all_groups));
	config->buf_size = 1024;
	config->more_stats = TRUE;
	config->rtc = TRUE;
	config->pools = TRUE;
	/* Newer than the others: no recorded board has it. */
	config->groups[config->n_groups++] = SMP_GROUP_BRIDGE;
}

static void make_native(SimConfig *config)
{
	static const guint16 groups[] = {SMP_GROUP_ENUM,	SMP_GROUP_FS,	 SMP_GROUP_OS,
					 SMP_GROUP_SETTINGS,	SMP_GROUP_SHELL, SMP_GROUP_STAT,
					 SMP_GROUP_ZEPHYR_BASIC};

	make_fixture(config);
	set_groups(config, groups, G_N_ELEMENTS(groups));
	config->more_stats = TRUE;
	config->volatile_settings = TRUE;
	config->machine = "posix";
	config->processor = "x86";
	config->platform = "native_sim/native";
}

static void make_mynewt(SimConfig *config)
{
	static const guint16 groups[] = {SMP_GROUP_OS,	     SMP_GROUP_IMAGE, SMP_GROUP_STAT,
					 SMP_GROUP_SETTINGS, SMP_GROUP_LOG,   SMP_GROUP_CRASH,
					 SMP_GROUP_RUN};

	config->mode = SIM_MODE_SWAP_MOVE;
	set_groups(config, groups, G_N_ELEMENTS(groups));
	config->mynewt = TRUE;
	config->no_params = TRUE;
	config->bootloader_info = FALSE;
	config->slot_info = FALSE;
	config->rtc = TRUE;
	config->buf_size = 2048;
	config->kernel_version = "1.13.0";
}

static const struct {
	const char *name, *summary;
	void (*make)(SimConfig *config);
} boards[] = {
	{"swap", "Zephyr 4.4, MCUboot swap using offset: trial and revert", NULL},
	{"overwrite", "MCUboot overwrites the old image: no way back", make_overwrite},
	{"recovery", "waits in MCUboot's serial recovery; an application is there", make_recovery},
	{"directxip", "direct XIP with revert: images run where they are", make_directxip},
	{"ramload", "RAM load: the highest version runs; with serial recovery", make_ramload},
	{"nrf5340", "two images, overwrite only; image 1 is the network core", make_nrf5340},
	{"nsib", "MCUboot can be updated, too: two variants below Nordic's b0", make_nsib},
	{"threeimage", "three images updated together, swap using scratch", make_threeimage},
	{"old", "Zephyr 3.0: SMP v1, rc 0 in each answer, no parameters", make_old},
	{"full", "all groups of Zephyr: files, settings, shell, statistics", make_full},
	{"mynewt", "Apache Mynewt: SMP v1, configuration, logs, tests", make_mynewt},
	{"native", "like the public fixture for native_sim: no images", make_native},
	{"m0", "like the public smp-server fixture for QEMU's Cortex-M0", make_m0},
	{"mps2", "like the public fixture for QEMU's MPS2: RAM load, recovery", make_mps2},
};

const char *sim_config_nth_board(guint n, const char **summary)
{
	if (n >= G_N_ELEMENTS(boards))
		return NULL;
	*summary = boards[n].summary;
	return boards[n].name;
}

gboolean sim_config_board(SimConfig *config, const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(boards); i++) {
		if (!g_str_equal(boards[i].name, name))
			continue;
		*config = zephyr;
		config->name = boards[i].name;
		config->platform = "smpsim";
		if (boards[i].make)
			boards[i].make(config);
		return TRUE;
	}
	return FALSE;
}

void sim_config_scale(SimConfig *config, double scale)
{
	gint64 *times[] = {&config->erase_time,	  &config->write_time_ns, &config->watchdog_time,
			   &config->reset_time,	  &config->boot_time,	  &config->process_time,
			   &config->rx_drain_time};

	for (guint i = 0; i < G_N_ELEMENTS(times); i++)
		*times[i] = (gint64)((double)*times[i] / scale);
}

gboolean sim_mode_swaps(SimMode mode)
{
	return mode == SIM_MODE_SWAP_SCRATCH || mode == SIM_MODE_SWAP_MOVE ||
	       mode == SIM_MODE_SWAP_OFFSET;
}

gboolean sim_mode_chooses(SimMode mode)
{
	return mode == SIM_MODE_DIRECT_XIP || mode == SIM_MODE_DIRECT_XIP_REVERT ||
	       mode == SIM_MODE_RAM_LOAD;
}

gboolean sim_config_check(const SimConfig *config, GError **error)
{
	const char *problem = NULL;
	SimVersion version;

	if (!sim_version_parse(config->version, &version))
		problem = "the version of the images looks like 1.2.3 or 1.2.3+4";
	else if (config->images < 1 || config->images > SIM_MAX_IMAGES)
		problem = "a board has 1 to 4 images";
	else if (config->erase_size < 256 || config->slot_size % config->erase_size != 0 ||
		 config->slot_size / config->erase_size < 4)
		problem = "a slot has at least 4 erase blocks of 256 bytes or more, and only "
			  "whole ones";
	else if (config->slot_size > 64 * KIB * KIB)
		problem = "a slot has at most 64 MiB";
	else if (config->write_size < 1 || config->write_size > 32 ||
		 config->erase_size % config->write_size != 0)
		problem = "the write size is 1 to 32 and divides the erase block";
	else if (config->image_size > config->slot_size - 3 * config->erase_size)
		problem = "the image does not fit into its slot";
	else if (config->buf_size < 64 || config->buf_size > G_MAXUINT16 || config->buf_count < 1)
		problem = "a server has buffers of 64 to 65535 bytes, and at least one";
	if (!problem)
		return TRUE;
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, problem);
	return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/firmware.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/**
 * SmpBundleItem: one image of an update, where it is to go, and what its package says of it.
 * @firmware: (nullable): the file; %NULL for an image that is in a slot of the board already
 * @image: number of the image pair it is for
 * @slot: the only slot of the image that it runs in, 0 or 1: one variant of a direct-XIP image, or
 *   of a bootloader; -1 where any will do
 * @hash, @version, @name: of the image, for a person the name
 * @network_core: it is for the network core of an nRF5340, whose old image cannot be brought back:
 *   by the package's board or load address, or by where its reset vector points
 * @bootloader: it is a variant of MCUboot itself, s0 or s1 by @slot: it goes into the free slot of
 *   the application, from where MCUboot copies it over the variant that does not run
 * @picked: which variant runs need not be known: a person says that this one does not
 * @signature_problem: (nullable): why none of the given keys signed it; %NULL also where none is
 *   given
 * @installed_counter: security counter of what the board was given before; -1 where not known
 * @package: (nullable): name of the package it came in, without directories; %NULL for a file of
 * its own, which has none of the following either
 * @type: (nullable): "application", "bin" or "mcuboot"
 * @package_version: (nullable): what the package says; @version is what the image says
 * @board: (nullable): as the build names it: "nrf52840dk_nrf52840", "nrf5340dk/nrf5340/cpuapp"
 * @soc: (nullable): "nrf5340"
 * @load_address: -1 where the package does not say
 */
typedef struct {
	SmpFirmware *firmware;
	guint image;
	int slot;
	SmpHash hash;
	char *version;
	char *name;
	gboolean network_core;
	gboolean bootloader;
	gboolean picked;
	char *signature_problem;
	gint64 installed_counter;
	char *package;
	char *type;
	char *package_version;
	char *board;
	char *soc;
	gint64 load_address;
} SmpBundleItem;

/**
 * SmpBundle: the images of one update.
 * @items: (element-type SmpBundleItem): by image number, then slot. Each number once, or twice
 *   where both have a slot: then only the one for the slot that is free is to be installed
 * @bootloaders: (element-type SmpBundleItem): variants of MCUboot itself (slot 0 or 1), of which
 *   only that one may be installed that does not run. Kept apart from @items: they replace no
 *   application
 * @name: (nullable): what a package says that this update is
 * @time: when that was built, seconds since 1970; 0 where no package says
 * @zephyr_revision, @nrf_revision: (nullable): what it says it was built from: commits of Zephyr
 * and of the nRF Connect SDK
 */
typedef struct {
	GPtrArray *items;
	GPtrArray *bootloaders;
	char *name;
	gint64 time;
	char *zephyr_revision;
	char *nrf_revision;
} SmpBundle;

SmpBundle *smp_bundle_new(void);
void smp_bundle_free(SmpBundle *bundle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBundle, smp_bundle_free)

/**
 * smp_bundle_add:
 * @argument: FILE, or N:FILE with the image number (0 to 15) in front; where a file has that whole
 *   name, the file is meant. A file is an MCUboot image, binary or Intel HEX, or a package of the
 *   nRF Connect SDK (dfu_application.zip), which brings its image numbers with it: no N: then
 * @image: image number where neither @argument nor the package has one
 *
 * Returns: FALSE, with @bundle as it was, and an error of smp_firmware_load(), or
 * %SMP_UPDATE_ERROR_FILE where the image number is taken or too large, or
 * %SMP_UPDATE_ERROR_CORRUPT, %SMP_UPDATE_ERROR_NOT_MCUBOOT for a package that cannot be used
 */
gboolean smp_bundle_add(SmpBundle *bundle, const char *argument, guint image,
			GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_bundle_use_bootloaders:
 * @variant: 0 or 1: the one that a person picked; -1 for the one that does not run
 *
 * Makes the bundle an update of the bootloader: its bootloaders become its items.
 *
 * Returns: FALSE with %SMP_UPDATE_ERROR_FILE where there are none, or not the one
 */
gboolean smp_bundle_use_bootloaders(SmpBundle *bundle, int variant,
				    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_bootloader_parse:
 * @text: "auto", "s0", "s1"
 * @variant: (out) (optional): for smp_bundle_use_bootloaders()
 *
 * Returns: FALSE for anything else
 */
gboolean smp_bootloader_parse(const char *text, int *variant);

/**
 * smp_bundle_check_signatures:
 * @keys: (nullable): as smp_key_set_add() takes them; none: nothing is checked
 *
 * Fills in @signature_problem of the items that none of the keys signed: the plan refuses them,
 * unless that is allowed.
 *
 * Returns: FALSE with %SMP_UPDATE_ERROR_FILE where a key cannot be read
 */
gboolean smp_bundle_check_signatures(SmpBundle *bundle, char *const *keys,
				     GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

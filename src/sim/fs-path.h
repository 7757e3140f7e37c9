/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
	SIM_PATH_INVALID,   /* not absolute, or above the mount point */
	SIM_PATH_ROOT,	    /* "/" */
	SIM_PATH_ELSEWHERE, /* not on the mount point */
	SIM_PATH_MOUNT,	    /* the directory there, by any of its names */
	SIM_PATH_FILE,
	SIM_PATH_AS_DIRECTORY, /* a slash follows what would be a file */
	SIM_PATH_BELOW,	       /* a name follows that */
} SimPathKind;

/**
 * sim_fs_path:
 * @file: (out) (nullable): where there is or would be a file, its only path: /lfs1/NAME; for what
 * is behind a file's name, that file
 *
 * What a path means to Zephyr's file system, which finds the mount point by its name only, and to
 * littlefs behind that, in which there are no directories: SMP makes none.
 */
SimPathKind sim_fs_path(const char *path, char **file);

G_END_DECLS

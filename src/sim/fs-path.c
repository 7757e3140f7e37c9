/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* As recorded from Zephyr 4.4 with littlefs (tests/data/transcripts/fs.paths.jsonl). */

#include "sim/fs-path.h"

#define MOUNT "lfs1"

static gboolean is_nothing(const char *part)
{
	return *part == '\0' || g_str_equal(part, ".");
}

/* Where it goes on behind the ".." that takes back the part before @parts. Returns: (nullable) */
static char **taken_back(char **parts)
{
	guint depth = 1;

	for (; *parts; parts++) {
		if (g_str_equal(*parts, ".."))
			depth--;
		else if (!is_nothing(*parts))
			depth++;
		if (depth == 0)
			return parts + 1;
	}
	return NULL;
}

/* What is behind the name of a file. */
static SimPathKind kind_with_rest(char **rest)
{
	SimPathKind kind = *rest ? SIM_PATH_AS_DIRECTORY : SIM_PATH_FILE;

	for (; *rest; rest++) {
		if (**rest)
			kind = SIM_PATH_BELOW;
	}
	return kind;
}

SimPathKind sim_fs_path(const char *path, char **file)
{
	*file = NULL;
	if (path[0] != '/')
		return SIM_PATH_INVALID;
	if (path[1] == '\0')
		return SIM_PATH_ROOT;
	g_auto(GStrv) parts = g_strsplit(path + 1, "/", -1);
	if (!g_str_equal(parts[0], MOUNT))
		return SIM_PATH_ELSEWHERE;
	for (char **part = parts + 1; *part;) {
		char **behind = taken_back(part + 1);
		if (g_str_equal(*part, ".."))
			return SIM_PATH_INVALID;
		if (is_nothing(*part)) {
			part++;
		} else if (behind) {
			part = behind;
		} else {
			*file = g_strconcat("/" MOUNT "/", *part, NULL);
			return kind_with_rest(part + 1);
		}
	}
	return SIM_PATH_MOUNT;
}

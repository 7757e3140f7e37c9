/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who has a port: the program that has it open, by the descriptors below /proc, and the group. */

#include "transports/serial-port.h"

#include <fcntl.h>
#include <grp.h>
#include <smp/ports.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether descriptor @fd of a process holds the lock that smp_serial_port_open() takes. */
static gboolean has_lock(const char *pid, const char *fd)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/fdinfo/%s", pid, fd);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "FLOCK");
}

/* Returns: 0 where the process does not have @device open, 1 where it has, 2 with a lock on it */
static int holds(const char *pid, const char *device)
{
	g_autofree char *folder = g_strdup_printf("/proc/%s/fd", pid);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *fd = NULL;
	int found = 0;

	while (dir && found < 2 && (fd = g_dir_read_name(dir))) {
		g_autofree char *link = g_build_filename(folder, fd, NULL);
		g_autofree char *open = g_file_read_link(link, NULL);

		if (g_strcmp0(open, device) == 0)
			found = has_lock(pid, fd) ? 2 : 1;
	}
	return found;
}

char *smp_process_name(int pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/comm", pid);
	char *name = NULL;

	if (!g_file_get_contents(path, &name, NULL, NULL))
		return g_strdup("a program");
	return g_strchomp(name);
}

char *smp_port_holder(const char *device, int *pid)
{
	g_autofree char *real = realpath(device, NULL);
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *entry = NULL;
	int best = 0;

	*pid = 0;
	while (real && dir && best < 2 && (entry = g_dir_read_name(dir))) {
		int number = atoi(entry);
		int found = number > 0 && number != getpid() ? holds(entry, real) : 0;

		if (found > best) {
			best = found;
			*pid = number;
		}
	}
	return best > 0 ? smp_process_name(*pid) : NULL;
}

char *smp_port_group(const char *device)
{
	struct stat info;

	if (stat(device, &info) < 0 || !(info.st_mode & S_IWGRP) || info.st_gid == 0)
		return NULL;
	const struct group *group = getgrgid(info.st_gid);
	return g_strdup(group ? group->gr_name : NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Preloaded into smpd by test_sweep.py: ends it with SIGKILL at the N-th thing that it does and
 * that outlives it. These are writes to terminals (what boards get), and what changes the state
 * folder. Syncs are none: a kill does not undo what was not synced.
 *
 * KILL_STATE=FOLDER	the state folder
 * KILL_ARMED=FILE	nothing counts before this file exists
 * KILL_AT=N		0: never. A write to a terminal is two: before it and after it.
 * KILL_LOG=FILE	what was done, a line each: how many there were, what it was, bytes in
 * hexadecimal */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) real(&real_##name, #name)

static atomic_ulong count;

static int (*real_rename)(const char *, const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_unlink)(const char *);
static int (*real_rmdir)(const char *);
static ssize_t (*real_write)(int, const void *, size_t);

static void real(void *where, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	memcpy(where, &found, sizeof(found));
}

static const char *setting(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

static int is_state(const char *path)
{
	const char *state = setting("KILL_STATE");
	size_t length = strlen(state);

	return length > 0 && strncmp(path, state, length) == 0 && path[length] == '/';
}

static int is_armed(void)
{
	const char *path = setting("KILL_ARMED");
	return *path && access(path, F_OK) == 0;
}

static void note(unsigned long number, const char *what, const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char line[16384];
	size_t length = (size_t)snprintf(line, sizeof(line), "%lu %.300s ", number, what);
	const unsigned char *bytes = data;
	int fd = open(setting("KILL_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	for (size_t i = 0; i < size && length + 3 < sizeof(line); i++) {
		line[length++] = digits[bytes[i] >> 4];
		line[length++] = digits[bytes[i] & 15];
	}
	line[length++] = '\n';
	(void)!real_write(fd, line, length);
	close(fd);
}

/* One more. What was killed wakes up no more. */
static void reached(const char *what, const void *data, size_t size)
{
	if (!real_write)
		REAL(write);
	unsigned long number = atomic_fetch_add(&count, 1) + 1;
	if (number == strtoul(setting("KILL_AT"), NULL, 10)) {
		kill(getpid(), SIGKILL);
		pause();
	}
	note(number, what, data, size);
}

static void touched(const char *what, const char *path)
{
	if (is_armed() && is_state(path))
		reached(what, path, strlen(path));
}

int rename(const char *from, const char *to)
{
	touched("rename", to);
	REAL(rename);
	return real_rename(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	touched("mkdir", path);
	REAL(mkdir);
	return real_mkdir(path, mode);
}

int unlink(const char *path)
{
	touched("unlink", path);
	REAL(unlink);
	return real_unlink(path);
}

int rmdir(const char *path)
{
	touched("rmdir", path);
	REAL(rmdir);
	return real_rmdir(path);
}

static int path_of(int fd, char *path, size_t size)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, size - 1);
	path[length > 0 ? length : 0] = '\0';
	return length > 0;
}

ssize_t write(int fd, const void *data, size_t size)
{
	char path[PATH_MAX];
	int terminal = 0;

	if (is_armed() && path_of(fd, path, sizeof(path))) {
		terminal = strncmp(path, "/dev/pts/", 9) == 0;
		if (is_state(path))
			reached("write", path, strlen(path));
		else if (terminal)
			reached("send", data, size);
	}
	REAL(write);
	ssize_t done = real_write(fd, data, size);
	int code = errno;
	if (terminal && done > 0)
		reached("sent", NULL, 0);
	errno = code;
	return done;
}

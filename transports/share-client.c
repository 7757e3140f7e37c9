/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A port through the program that has it. */

#include "transports/link.h"
#include "transports/share.h"

#include <errno.h>
#include <smp/ports.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A console answers in microseconds, unless somebody stopped it (Ctrl-Z). */
#define HELLO_TIME (2 * G_USEC_PER_SEC)
#define HELLO_SIZE 80

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Nobody else is believed to be the console. */
static gboolean is_of(int fd, uid_t user, pid_t *pid)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != user)
		return FALSE;
	*pid = peer.pid;
	return TRUE;
}

static int find(uid_t user, dev_t tty, pid_t *pid)
{
	g_auto(GStrv) folders = smp_share_folders(user);

	for (char **folder = folders; *folder; folder++) {
		g_autofree char *path = smp_share_path(*folder, tty);
		int fd = smp_share_is_private(*folder, user) ? connect_to(path) : -1;

		if (fd >= 0 && is_of(fd, user, pid))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/* Root may use the consoles of others: of whoever has the port. */
static int find_for_root(const char *path, dev_t tty, pid_t *pid)
{
	int holder = 0;
	g_autofree char *name = smp_port_holder(path, &holder);
	g_autofree char *process = g_strdup_printf("/proc/%d", holder);
	struct stat info;

	return name && stat(process, &info) == 0 ? find(info.st_uid, tty, pid) : -1;
}

/* Byte by byte: what follows is the line's. */
static gboolean read_hello(SmpLink *link, int fd, char *hello, GError **error)
{
	gint64 deadline = smp_link_now(link) + HELLO_TIME;
	gsize length = 0;

	while (length < HELLO_SIZE - 1) {
		if (!smp_link_poll(link, fd, POLLIN, deadline, error))
			return FALSE;
		if (recv(fd, hello + length, 1, 0) != 1 || hello[length] == '\n')
			break;
		length++;
	}
	hello[length] = '\0';
	return TRUE;
}

static gboolean refuse(const SmpSharing *sharing, const char *path, const char *reason,
		       GError **error)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY,
		    "%s is shared by a console (pid %d), %s", path, (int)sharing->pid, reason);
	return FALSE;
}

static gboolean check_baud(const SmpSharing *sharing, const char *path,
			   const SmpSerialConfig *config, GError **error)
{
	if (!config->baud_given || config->baud == sharing->baud)
		return TRUE;
	g_autofree char *reason =
		g_strdup_printf("which has it at %u baud, not %u; ask for that, or end the console",
				sharing->baud, config->baud);
	return refuse(sharing, path, reason, error);
}

static gboolean understand(SmpSharing *sharing, const char *path, const char *hello,
			   const SmpSerialConfig *config, GError **error)
{
	const char *said =
		g_str_has_prefix(hello, SMP_SHARE_HELLO) ? hello + strlen(SMP_SHARE_HELLO) : hello;
	char name[32] = "another program";
	int pid = 0;

	if (sscanf(said, "ready %u", &sharing->baud) == 1)
		return check_baud(sharing, path, config, error);
	if (sscanf(said, "busy %d %31[^\n]", &pid, name) < 1)
		return refuse(sharing, path, "which does not let this program use it", error);
	g_autofree char *reason =
		g_strdup_printf("and in use by %s (pid %d); wait for that to end", name, pid);
	return refuse(sharing, path, reason, error);
}

static gboolean greet(SmpSharing *sharing, SmpLink *link, int fd, const char *path,
		      const SmpSerialConfig *config, GError **error)
{
	g_autoptr(GError) failed = NULL;
	char hello[HELLO_SIZE];

	if (read_hello(link, fd, hello, &failed))
		return understand(sharing, path, hello, config, error);
	if (g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT))
		return refuse(sharing, path, "which does not answer; it may be stopped", error);
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

static void forget_console(SmpSharing *sharing)
{
	if (sharing->console >= 0)
		close(sharing->console);
	sharing->console = -1;
}

/* Returns: -1 with %SMP_LINK_ERROR_NOT_FOUND where nobody shares it */
static int open_shared(SmpSharing *sharing, SmpLink *link, const char *path,
		       const SmpSerialConfig *config, GError **error)
{
	struct stat info = {0};
	int fd = -1;

	if (stat(path, &info) == 0)
		fd = find(geteuid(), info.st_rdev, &sharing->pid);
	if (fd < 0 && info.st_rdev && geteuid() == 0)
		fd = find_for_root(path, info.st_rdev, &sharing->pid);
	if (fd < 0) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND, "nobody shares %s",
			    path);
		return -1;
	}
	if (!greet(sharing, link, fd, path, config, error)) {
		close(fd);
		return -1;
	}
	forget_console(sharing);
	sharing->console = pidfd_open(sharing->pid, 0);
	sharing->active = TRUE;
	return fd;
}

/* A pidfd can be read from when its process has ended. */
static gboolean console_runs(const SmpSharing *sharing)
{
	struct pollfd state = {.fd = sharing->console, .events = POLLIN};

	return sharing->console >= 0 && poll(&state, 1, 0) == 0;
}

/* Whoever is first after a reset has the port: it is left to the console, which waits, too. */
static int open_again(SmpSharing *sharing, SmpLink *link, const char *path,
		      const SmpSerialConfig *config, GError **error)
{
	g_autoptr(GError) failed = NULL;
	int fd = open_shared(sharing, link, path, config, &failed);

	if (fd < 0 && g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND))
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED,
			    "the console that shared it (pid %d) does not have it again",
			    (int)sharing->pid);
	else if (fd < 0)
		g_propagate_error(error, g_steal_pointer(&failed));
	return fd;
}

int smp_sharing_open(SmpSharing *sharing, SmpLink *link, const char *path,
		     const SmpSerialConfig *config, SmpSerialBefore *before, GError **error)
{
	g_autoptr(GError) busy = NULL;
	g_autoptr(GError) failed = NULL;

	*before = (SmpSerialBefore){.latency = SMP_SWITCH_KEEP};
	if (console_runs(sharing))
		return open_again(sharing, link, path, config, error);
	forget_console(sharing);
	sharing->active = FALSE;
	sharing->baud = config->baud;
	int fd = smp_serial_port_open(path, config, before, &busy);
	if (fd < 0 && sharing->wanted && g_error_matches(busy, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY))
		fd = open_shared(sharing, link, path, config, &failed);
	if (fd < 0 && failed && !g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND))
		g_propagate_error(error, g_steal_pointer(&failed));
	else if (fd < 0)
		g_propagate_error(error, g_steal_pointer(&busy));
	return fd;
}

ssize_t smp_sharing_write(const SmpSharing *sharing, int fd, const guint8 *data, gsize size)
{
	return sharing->active ? send(fd, data, size, MSG_NOSIGNAL) : write(fd, data, size);
}

void smp_sharing_close(SmpSharing *sharing, int fd, const SmpSerialBefore *before)
{
	if (sharing->active)
		close(fd);
	else
		smp_serial_port_close(fd, before);
	sharing->active = FALSE;
}

void smp_sharing_clear(SmpSharing *sharing)
{
	forget_console(sharing);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The socket of a tty that is shared: where it is, and who may come. */

#include "transports/share.h"

#include "transports/link.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <smp/ports.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 8

struct SmpShare {
	int fd;
	guint baud;
	char *path;
};

char *smp_share_path(const char *folder, dev_t tty)
{
	return g_strdup_printf("%s/smp-console-%u:%u", folder, major(tty), minor(tty));
}

/* The first is that of the session, which cron and su do not set; the last is made where there is
 * no other. */
GStrv smp_share_folders(uid_t user)
{
	g_autoptr(GStrvBuilder) folders = g_strv_builder_new();
	const char *runtime = g_getenv("XDG_RUNTIME_DIR");
	g_autofree char *run = g_strdup_printf("/run/user/%u", user);
	g_autofree char *made = g_strdup_printf("/tmp/smp-console-%u", user);

	if (user == geteuid() && runtime && g_path_is_absolute(runtime))
		g_strv_builder_add(folders, runtime);
	g_strv_builder_add(folders, run);
	g_strv_builder_add(folders, made);
	return g_strv_builder_end(folders);
}

gboolean smp_share_is_private(const char *folder, uid_t user)
{
	struct stat info;

	return lstat(folder, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == user &&
	       !(info.st_mode & (S_IWGRP | S_IWOTH));
}

/* A socket that is there already is one whose program was killed: the tty is ours now. */
static gboolean bind_socket(int fd, const char *path, GError **error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
		return smp_link_error_errno(error, ENAMETOOLONG, "cannot make %s", path);
	g_unlink(path);
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return smp_link_error_errno(error, errno, "cannot make %s", path);
	return TRUE;
}

static char *choose_path(dev_t tty, GError **error)
{
	g_auto(GStrv) folders = smp_share_folders(geteuid());
	guint last = g_strv_length(folders) - 1;

	for (guint i = 0; i <= last; i++) {
		if (i == last)
			(void)g_mkdir(folders[i], 0700);
		if (smp_share_is_private(folders[i], geteuid()))
			return smp_share_path(folders[i], tty);
	}
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION,
		    "no folder for sockets: XDG_RUNTIME_DIR is not set, and %s is not only yours",
		    folders[last]);
	return NULL;
}

SmpShare *smp_share_new(dev_t tty, guint baud, GError **error)
{
	g_autofree char *path = choose_path(tty, error);
	int fd = path ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;

	if (!path)
		return NULL;
	if (fd < 0 || !bind_socket(fd, path, error)) {
		if (fd < 0)
			smp_link_error_errno(error, errno, "cannot make a socket");
		else
			close(fd);
		return NULL;
	}
	SmpShare *share = g_new(SmpShare, 1);
	*share = (SmpShare){.fd = fd, .baud = baud, .path = g_steal_pointer(&path)};
	return share;
}

void smp_share_free(SmpShare *share)
{
	if (!share)
		return;
	g_unlink(share->path);
	close(share->fd);
	g_free(share->path);
	g_free(share);
}

int smp_share_get_fd(const SmpShare *share)
{
	return share->fd;
}

static void say(int fd, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Fits the buffer of a new socket. */
static void say(int fd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static gboolean admit(const SmpShare *share, int fd, pid_t busy, pid_t *pid)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	gboolean known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;

	*pid = peer.pid;
	if (!known || (peer.uid != geteuid() && peer.uid != 0)) {
		say(fd, SMP_SHARE_HELLO "denied\n");
		return FALSE;
	}
	if (busy) {
		g_autofree char *name = smp_process_name(busy);
		say(fd, SMP_SHARE_HELLO "busy %d %s\n", (int)busy, name);
		return FALSE;
	}
	say(fd, SMP_SHARE_HELLO "ready %u\n", share->baud);
	return TRUE;
}

int smp_share_accept(SmpShare *share, pid_t busy, pid_t *pid)
{
	int fd = accept4(share->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 || admit(share, fd, busy, pid))
		return fd;
	close(fd);
	return -1;
}

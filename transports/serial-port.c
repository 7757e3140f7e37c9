/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/serial-port.h"

#include "transports/link.h"

#include <errno.h>
#include <fcntl.h>
#include <smp/ports.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

/* Unix98 pseudo terminals (Linux devices.txt). Simulators and bridges keep the other side open. */
#define PTY_MAJOR_FIRST 136
#define PTY_MAJOR_LAST	143

/* Long enough for what is on its way to a board that reads. */
#define CLOSE_TIME (G_USEC_PER_SEC / 2)

static gboolean is_pty(const struct stat *info)
{
	return major(info->st_rdev) >= PTY_MAJOR_FIRST && major(info->st_rdev) <= PTY_MAJOR_LAST;
}

static gboolean busy(const char *path, GError **error)
{
	int pid = 0;
	g_autofree char *holder = smp_port_holder(path, &pid);

	if (holder)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY,
			    "%s is held by %s (pid %d); end that program or wait for it", path,
			    holder, pid);
	else
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY,
			    "%s is held by another user's program; `sudo fuser -v %s` names it",
			    path, path);
	return FALSE;
}

static gboolean no_permission(const char *path, GError **error)
{
	g_autofree char *group = smp_port_group(path);

	if (group)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION,
			    "you may not open %s: it is for the group %s. Join it with "
			    "`sudo usermod -aG %s %s` and log in again",
			    path, group, group, g_get_user_name());
	else
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION,
			    "you may not open %s: it is for its owner only; a udev rule can give "
			    "it to a group",
			    path);
	return FALSE;
}

static gboolean not_a_port(const char *path, GError **error)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
		    "%s is not a serial port; `smpctl discover` lists those that are there", path);
	return FALSE;
}

static gboolean no_port(const char *path, int saved_errno, GError **error)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
		    saved_errno == ENOENT || saved_errno == ENOTDIR
			    ? "%s does not exist; `smpctl discover` lists the ports that are there"
			    : "%s has no hardware behind it; `smpctl discover` lists the ports "
			      "that have",
		    path);
	return FALSE;
}

static gboolean open_error(const char *path, int saved_errno, GError **error)
{
	switch (saved_errno) {
	case ENOENT:
	case ENOTDIR:
	case ENODEV:
	case ENXIO:
	case EIO:
		return no_port(path, saved_errno, error);
	case EBUSY:
		return busy(path, error);
	case EACCES:
	case EPERM:
		return no_permission(path, error);
	default:
		return smp_link_error_errno(error, saved_errno, "cannot open %s", path);
	}
}

/* sysfs knows every tty but ptys; opening another device to see what it is could have effects. */
static gboolean is_other_device(const struct stat *info)
{
	g_autofree char *path = g_strdup_printf("/sys/dev/char/%u:%u/subsystem",
						major(info->st_rdev), minor(info->st_rdev));
	g_autofree char *subsystem = g_file_read_link(path, NULL);

	return subsystem && !g_str_has_suffix(subsystem, "/tty");
}

/* Opening a tty that someone uses may move its modem lines, and root is not kept out by TIOCEXCL:
 * so others are looked for before. */
static gboolean check_port(const char *path, struct stat *info, GError **error)
{
	int pid = 0;

	if (stat(path, info) < 0)
		return open_error(path, errno, error);
	if (!S_ISCHR(info->st_mode) || is_other_device(info))
		return not_a_port(path, error);
	if (is_pty(info))
		return TRUE;
	g_autofree char *holder = smp_port_holder(path, &pid);
	return holder ? busy(path, error) : TRUE;
}

/* The exclusive mode of a pty would outlive us where its maker has it open too. */
static gboolean take(int fd, const char *path, const struct stat *info, GError **error)
{
	if (!isatty(fd))
		return errno == EIO ? no_port(path, errno, error) : not_a_port(path, error);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? busy(path, error)
			       : smp_link_error_errno(error, errno, "cannot lock %s", path);
	if (!is_pty(info))
		(void)ioctl(fd, TIOCEXCL);
	return TRUE;
}

/* A pty whose other side is closed opens all the same. */
static gboolean check_alive(int fd, const char *path, GError **error)
{
	struct pollfd state = {.fd = fd};

	if (poll(&state, 1, 0) <= 0 || !(state.revents & (POLLHUP | POLLERR)))
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED, "nothing is behind %s any more",
		    path);
	return FALSE;
}

int smp_serial_port_open(const char *path, const SmpSerialConfig *config, SmpSerialBefore *before,
			 GError **error)
{
	struct stat info = {0};

	if (!check_port(path, &info, error))
		return -1;
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		open_error(path, errno, error);
		return -1;
	}
	if (!take(fd, path, &info, error) || !check_alive(fd, path, error) ||
	    !smp_serial_port_configure(fd, path, config, before, error)) {
		close(fd);
		return -1;
	}
	tcflush(fd, TCIFLUSH);
	return fd;
}

typedef struct {
	int fd;
	GAsyncQueue *closed;
} Closing;

static gpointer close_in_thread(gpointer data)
{
	g_autofree Closing *closing = data;

	close(closing->fd);
	g_async_queue_push(closing->closed, closing->closed);
	g_async_queue_unref(closing->closed);
	return NULL;
}

/* The kernel waits 30 s for a board that has stopped to read, also when the output was dropped:
 * cdc_acm cannot take back what USB has (tty_port_close_start()). An ordinary user may not set that
 * time. So a thread waits; the end of the program ends it. */
static void close_patiently(int fd)
{
	g_autoptr(GAsyncQueue) closed = g_async_queue_new();
	Closing *closing = g_new(Closing, 1);

	*closing = (Closing){.fd = fd, .closed = g_async_queue_ref(closed)};
	g_autoptr(GThread) thread = g_thread_try_new("close", close_in_thread, closing, NULL);
	if (thread)
		g_async_queue_timeout_pop(closed, CLOSE_TIME);
	else
		close_in_thread(closing);
}

void smp_serial_port_close(int fd, const SmpSerialBefore *before)
{
	tcflush(fd, TCOFLUSH);
	smp_serial_port_restore(fd, before);
	/* Whoever opens it next, this program too, does not wait for the close. */
	(void)ioctl(fd, TIOCNXCL);
	(void)flock(fd, LOCK_UN);
	close_patiently(fd);
}

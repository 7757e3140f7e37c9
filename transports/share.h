/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tty that one program has, shared with others of the same user through a Unix socket, which is
 * to them as the tty itself: they write lines and read frames. */

#include "transports/serial-port.h"

G_BEGIN_DECLS

/* What the program that has the tty says to one that comes, a line:
 *     smp-console 1 ready BAUD      the socket is the tty from now on
 *     smp-console 1 busy PID NAME   another program is using it; the socket is closed
 *     smp-console 1 denied          another user's; the socket is closed
 */
#define SMP_SHARE_HELLO "smp-console 1 "

/* The socket's address in one of the folders. */
char *smp_share_path(const char *folder, dev_t tty);
/* Returns: (transfer full): where sockets of a user may be, the best first */
GStrv smp_share_folders(uid_t user);
/* Whether nobody but @user can have put something into it. */
gboolean smp_share_is_private(const char *folder, uid_t user);

/* ---- the program that has the tty ---- */

typedef struct SmpShare SmpShare;

SmpShare *smp_share_new(dev_t tty, guint baud, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_share_free(SmpShare *share);
/* Readable when somebody comes. */
int smp_share_get_fd(const SmpShare *share);

/**
 * smp_share_accept:
 * @busy: who uses it already, 0 for nobody
 * @pid: (out): who came
 *
 * Returns: a non-blocking descriptor; -1 where it was refused or went away
 */
int smp_share_accept(SmpShare *share, pid_t busy, pid_t *pid);

/* ---- the program that wants it ---- */

/**
 * SmpSharing: how a link has its port.
 * @wanted: by a console, too
 * @active: by a console now
 * @console: that program, also after it closed the port: a pidfd; -1 for none
 * @pid: its number
 * @baud: of the line
 */
typedef struct {
	gboolean wanted;
	gboolean active;
	int console;
	pid_t pid;
	guint baud;
} SmpSharing;

/* As smp_serial_port_open(); where the port is busy with a console that shares it, through that.
 * A console that shared it before is waited for (%SMP_LINK_ERROR_CLOSED) as long as it runs. */
int smp_sharing_open(SmpSharing *sharing, SmpLink *link, const char *path,
		     const SmpSerialConfig *config, SmpSerialBefore *before,
		     GError **error) G_GNUC_WARN_UNUSED_RESULT;
ssize_t smp_sharing_write(const SmpSharing *sharing, int fd, const guint8 *data, gsize size);
void smp_sharing_close(SmpSharing *sharing, int fd, const SmpSerialBefore *before);
void smp_sharing_clear(SmpSharing *sharing);

G_END_DECLS

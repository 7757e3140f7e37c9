/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One datagram: no need for libsystemd (sd_notify(3), "Notes" tells that the protocol is stable).
 */

#include "daemon/notify.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <unistd.h>

static GSocketAddress *notify_address(void)
{
	const char *path = g_getenv("NOTIFY_SOCKET");

	if (!path || (path[0] != '/' && path[0] != '@'))
		return NULL;
	if (path[0] == '@')
		return g_unix_socket_address_new_with_type(path + 1, -1,
							   G_UNIX_SOCKET_ADDRESS_ABSTRACT);
	return g_unix_socket_address_new(path);
}

void smpd_notify(const char *format, ...)
{
	g_autoptr(GSocketAddress) address = notify_address();
	g_autoptr(GError) error = NULL;
	va_list args;

	if (!address)
		return;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM,
						 G_SOCKET_PROTOCOL_DEFAULT, &error);
	if (socket)
		g_socket_set_blocking(socket, FALSE);
	if (!socket || g_socket_send_to(socket, address, text, strlen(text), NULL, &error) < 0)
		g_debug("cannot tell systemd \"%s\": %s", text, error->message);
}

static gboolean pat(gpointer user_data G_GNUC_UNUSED)
{
	smpd_notify("WATCHDOG=1");
	return G_SOURCE_CONTINUE;
}

static gboolean is_for_us(void)
{
	const char *text = g_getenv("WATCHDOG_PID");
	guint64 pid;

	return !text || (g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &pid, NULL) &&
			 (pid_t)pid == getpid());
}

void smpd_notify_watchdog(void)
{
	const char *text = g_getenv("WATCHDOG_USEC");
	guint64 usec;

	if (!text || !is_for_us() ||
	    !g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, &usec, NULL))
		return;
	g_timeout_add((guint)CLAMP(usec / 2000, 1, G_MAXUINT), pat, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* D-Bus errors of smpd and of the bus: as sentences and exit statuses. */

#include "cli.h"

#include <string.h>

G_DEFINE_QUARK(smpctl - daemon - error - quark, smpctl_daemon_error)

#define SMPD "org.smpd1.Error."
#define DBUS "org.freedesktop.DBus.Error."

#define MAY                                                                                        \
	"Join the group smp (`sudo usermod -aG smp $USER`, then log in again), or use sudo.\n"     \
	"polkit decides who may, see smpd(8)."
#define START "`sudo systemctl start smpd` starts it; `journalctl -u smpd` says why it ended."
#define WATCH "`smpctl job list` shows what smpd does."

/* The first one is for all that are not here; what ends with a dot is for all that begin so. */
static const struct {
	const char *name;
	int status;
	const char *message; /* instead of the bus's own */
	const char *hint;
} errors[] = {
	{DBUS "", SMPCTL_EXIT_CONNECTION, NULL, NULL},
	{SMPD "InvalidArgs", SMPCTL_EXIT_USAGE, NULL, NULL},
	{SMPD "NotAuthorized", SMPCTL_EXIT_CONNECTION, NULL, MAY},
	{SMPD "NotFound", SMPCTL_EXIT_CONNECTION, NULL, NULL},
	{SMPD "Exists", SMPCTL_EXIT_FAILED, NULL, NULL},
	{SMPD "Busy", SMPCTL_EXIT_CONNECTION, NULL, WATCH},
	{SMPD "Refused", SMPCTL_EXIT_REFUSED, NULL, NULL},
	{SMPD "File", SMPCTL_EXIT_FILE, NULL, NULL},
	{SMPD "Link", SMPCTL_EXIT_CONNECTION, NULL, NULL},
	{SMPD "Timeout", SMPCTL_EXIT_TIMEOUT, NULL, NULL},
	{SMPD "Device", SMPCTL_EXIT_DEVICE, NULL, NULL},
	{SMPD "NoSpace", SMPCTL_EXIT_FAILED, NULL, NULL},
	{SMPD "Cancelled", SMPCTL_EXIT_FAILED, NULL, NULL},
	{SMPD "Failed", SMPCTL_EXIT_FAILED, NULL, NULL},
	{DBUS "ServiceUnknown", SMPCTL_EXIT_CONNECTION, "smpd does not run", START},
	{DBUS "NameHasNoOwner", SMPCTL_EXIT_CONNECTION, "smpd does not run", START},
	{DBUS "NoReply", SMPCTL_EXIT_CONNECTION, "smpd ended, or did not answer", START},
	{DBUS "Timeout", SMPCTL_EXIT_TIMEOUT, "smpd did not answer", START},
	{DBUS "Spawn.", SMPCTL_EXIT_CONNECTION, "smpd could not be started", START},
	{DBUS "AccessDenied", SMPCTL_EXIT_CONNECTION, NULL,
	 "The bus does not let you talk to smpd: is its configuration org.smpd1.conf "
	 "installed?"},
	{SMPCTL_DAEMON_NO_BUS, SMPCTL_EXIT_CONNECTION, NULL,
	 "smpd is reached over the system bus: is dbus-daemon or dbus-broker running?"},
	{SMPCTL_DAEMON_HAS_JOB, SMPCTL_EXIT_CONNECTION, NULL, NULL},
};

static guint find(const char *name)
{
	for (guint i = 1; name && i < G_N_ELEMENTS(errors); i++) {
		gboolean family = g_str_has_suffix(errors[i].name, ".");
		if (family ? g_str_has_prefix(name, errors[i].name)
			   : g_str_equal(name, errors[i].name))
			return i;
	}
	return 0;
}

GError *smpctl_daemon_error_new(const char *name, const char *message)
{
	guint index = find(name);
	const char *text = errors[index].message ? errors[index].message : message;

	return g_error_new_literal(SMPCTL_DAEMON_ERROR, (int)index, text);
}

GError *smpctl_daemon_error_translate(const GError *error)
{
	g_autofree char *name = g_dbus_error_get_remote_error(error);
	g_autoptr(GError) copy = g_error_copy(error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return g_steal_pointer(&copy);
	g_dbus_error_strip_remote_error(copy);
	if (!name && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
		name = g_strdup(DBUS "Timeout");
	if (!name) {
		g_prefix_error(&copy, "cannot reach smpd: ");
		return smpctl_daemon_error_new(SMPCTL_DAEMON_NO_BUS, copy->message);
	}
	return smpctl_daemon_error_new(name, copy->message);
}

gboolean smpctl_daemon_error_is(const GError *error, const char *name)
{
	return error && error->domain == SMPCTL_DAEMON_ERROR &&
	       g_str_equal(errors[error->code].name, name);
}

int smpctl_daemon_error_status(const GError *error)
{
	return errors[error->code].status;
}

const char *smpctl_daemon_error_hint(const GError *error)
{
	/* What the group may not do; smpd names polkit's action. */
	if (strstr(error->message, "org.smpd1.update-unsafe"))
		return "What a safety rule forbids is for administrators: use sudo.";
	return errors[error->code].hint;
}

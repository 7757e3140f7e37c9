/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What BlueZ's errors mean to a person. Their names are those of BlueZ 5.66: src/error.c,
 * src/agent.c, src/device.c (errors of pairing), src/gatt-client.c. */

#include "transports/bluez.h"

#include <smp/error.h>
#include <stdlib.h>
#include <string.h>

#define FAILED	    "org.bluez.Error.Failed"
#define PAIR_ANEW   "`smpctl ble forget BOARD`, then `smpctl ble pair BOARD`"
#define PAIR_BETTER "pair with its passkey: `smpctl ble pair BOARD`, or --pair --passkey N"

typedef struct {
	const char *name;
	const char *part; /* what the message must contain; NULL for any */
	SmpLinkError code;
	const char *text;
} Meaning;

static const Meaning meanings[] = {
	{"org.freedesktop.DBus.Error.ServiceUnknown", NULL, SMP_LINK_ERROR_NOT_FOUND,
	 "bluetoothd is not running; start it with `systemctl start bluetooth` (it does not start "
	 "without a Bluetooth adapter)"},
	{"org.freedesktop.DBus.Error.NameHasNoOwner", NULL, SMP_LINK_ERROR_NOT_FOUND,
	 "bluetoothd is not running; start it with `systemctl start bluetooth` (it does not start "
	 "without a Bluetooth adapter)"},
	{"org.freedesktop.DBus.Error.AccessDenied", NULL, SMP_LINK_ERROR_PERMISSION,
	 "the bus does not let this user talk to bluetoothd; log in at this computer, or join the "
	 "group bluetooth"},
	{"org.freedesktop.DBus.Error.UnknownObject", NULL, SMP_LINK_ERROR_CLOSED,
	 "bluetoothd does not know the board any more; it was removed, or the board started anew"},
	{"org.freedesktop.DBus.Error.UnknownMethod", NULL, SMP_LINK_ERROR_CLOSED,
	 "bluetoothd does not know the board any more; it was removed, or the board started anew"},
	{"org.freedesktop.DBus.Error.NoReply", NULL, SMP_LINK_ERROR_CLOSED,
	 "bluetoothd did not answer; it may have been started anew"},
	{"org.freedesktop.DBus.Error.LimitsExceeded", NULL, SMP_LINK_ERROR_BUSY,
	 "the bus has no room for more connections or calls of this user"},
	{"org.bluez.Error.Blocked", NULL, SMP_LINK_ERROR_NOT_FOUND,
	 "Bluetooth is blocked by rfkill; `rfkill unblock bluetooth`, or the switch for flight "
	 "mode"},
	{"org.bluez.Error.NotReady", NULL, SMP_LINK_ERROR_NOT_FOUND,
	 "the Bluetooth adapter is switched off; `bluetoothctl power on`"},
	{FAILED, "adapter-not-powered", SMP_LINK_ERROR_NOT_FOUND,
	 "the Bluetooth adapter is switched off; `bluetoothctl power on`"},
	{"org.bluez.Error.AuthenticationFailed", NULL, SMP_LINK_ERROR_PERMISSION,
	 "pairing failed: the passkey was wrong, or one side remembers a pairing that the other "
	 "has forgotten; try again, else " PAIR_ANEW},
	{"org.bluez.Error.AuthenticationCanceled", NULL, SMP_LINK_ERROR_PERMISSION,
	 "pairing was given up on this side or by the board; try again"},
	{"org.bluez.Error.AuthenticationRejected", NULL, SMP_LINK_ERROR_PERMISSION,
	 "pairing was rejected: the passkey was not given or not confirmed, or the board takes no "
	 "new pairing now"},
	{"org.bluez.Error.AuthenticationTimeout", NULL, SMP_LINK_ERROR_TIMEOUT,
	 "pairing was not finished in time; try again and answer within 30 s"},
	{"org.bluez.Error.ConnectionAttemptFailed", NULL, SMP_LINK_ERROR_NOT_FOUND,
	 "it does not take the connection; it is off, out of range, or connected to another "
	 "computer"},
	{"org.bluez.Error.NotConnected", NULL, SMP_LINK_ERROR_CLOSED, "the connection was lost"},
	{"org.bluez.Error.DoesNotExist", NULL, SMP_LINK_ERROR_NOT_FOUND,
	 "bluetoothd does not know the board"},
	{"org.bluez.Error.InProgress", NULL, SMP_LINK_ERROR_BUSY,
	 "bluetoothd is busy with the same for somebody else; try again"},
	{"org.bluez.Error.NotPermitted", "acquired", SMP_LINK_ERROR_BUSY,
	 "another program talks to this board"},
	{"org.bluez.Error.NotPermitted", "notifying", SMP_LINK_ERROR_BUSY,
	 "another program talks to this board"},
	{"org.bluez.Error.NotAuthorized", NULL, SMP_LINK_ERROR_PERMISSION,
	 "the board does not allow it; " PAIR_BETTER},
	{"org.bluez.Error.NotSupported", NULL, SMP_LINK_ERROR_UNSUPPORTED,
	 "the adapter or the board's characteristic cannot do it"},
	{FAILED, "concurrent-connection-limit", SMP_LINK_ERROR_BUSY,
	 "the adapter holds as many connections as it can; disconnect another device"},
	{FAILED, "connection-busy", SMP_LINK_ERROR_BUSY,
	 "the adapter is busy with another connection; try again"},
	{FAILED, "connection-memory-allocation", SMP_LINK_ERROR_BUSY,
	 "the adapter holds as many connections as it can; disconnect another device"},
	{FAILED, "connection-", SMP_LINK_ERROR_NOT_FOUND,
	 "it does not take the connection; it is off, out of range, or connected to another "
	 "computer"},
	/* BlueZ before 5.62 told the errors of connect(). */
	{FAILED, "caused connection abort", SMP_LINK_ERROR_NOT_FOUND,
	 "it does not take the connection; it is off, out of range, or connected to another "
	 "computer"},
	{FAILED, "Input/output error", SMP_LINK_ERROR_NOT_FOUND,
	 "it does not take the connection; it is off, out of range, or connected to another "
	 "computer"},
	{FAILED, "Not connected", SMP_LINK_ERROR_CLOSED, "the connection was lost"},
};

/* Bluetooth Core, Vol 3 Part F, 3.4.1.1. */
static const struct {
	guint att;
	const char *text;
} refusals[] = {
	{0x05, "the board wants a pairing with authentication; " PAIR_BETTER},
	{0x08, "the board does not allow it to this computer; it may take another pairing: "
	       "" PAIR_ANEW},
	{0x0c, "the key of the pairing is too short for the board; " PAIR_ANEW},
	{0x0e, "the board wants a pairing, and BlueZ could not make one; " PAIR_BETTER},
	{0x0f, "the board wants an encrypted connection; pair with it: `smpctl ble pair BOARD`"},
};

guint smp_bluez_error_att(const GError *cause)
{
	static const char mark[] = "ATT error: 0x";
	const char *at = cause ? strstr(cause->message, mark) : NULL;

	return at ? (guint)strtoul(at + strlen(mark), NULL, 16) : 0;
}

static const char *refusal_text(guint att)
{
	for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
		if (refusals[i].att == att)
			return refusals[i].text;
	}
	return NULL;
}

gboolean smp_bluez_error_is(const GError *cause, const char *name)
{
	g_autofree char *remote = cause ? g_dbus_error_get_remote_error(cause) : NULL;

	return remote && g_str_equal(remote, name);
}

gboolean smp_bluez_error_is_security(const GError *cause)
{
	return refusal_text(smp_bluez_error_att(cause)) != NULL ||
	       smp_bluez_error_is(cause, "org.bluez.Error.NotAuthorized");
}

gboolean smp_bluez_error_is_silence(const GError *cause)
{
	return g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
	       smp_bluez_error_is(cause, "org.freedesktop.DBus.Error.NoReply");
}

GError *smp_bluez_error_blame(GError *error, const char *path)
{
	if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) || strstr(path, "/dev_"))
		return error;
	g_error_free(error);
	return g_error_new_literal(SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT,
				   "cannot use Bluetooth: bluetoothd does not answer; `systemctl "
				   "restart bluetooth`");
}

static const Meaning *find_meaning(const GError *cause)
{
	g_autofree char *name = g_dbus_error_get_remote_error(cause);

	for (guint i = 0; name && i < G_N_ELEMENTS(meanings); i++) {
		const Meaning *meaning = &meanings[i];

		if (g_str_equal(meaning->name, name) &&
		    (!meaning->part || strstr(cause->message, meaning->part)))
			return meaning;
	}
	return NULL;
}

static void set_text(GError **error, SmpLinkError code, const char *doing, const char *text)
{
	g_set_error(error, SMP_LINK_ERROR, (int)code, "%s: %s", doing, text);
}

/* Errors of GDBus itself, and those that have no meaning of ours, in their own words. */
static void set_other(GError **error, const GError *cause, const char *doing)
{
	g_autoptr(GError) copy = g_error_copy(cause);

	g_dbus_error_strip_remote_error(copy);
	if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
		set_text(error, SMP_LINK_ERROR_TIMEOUT, doing,
			 "it did not happen in time; the board may be out of range");
	else if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CLOSED))
		set_text(error, SMP_LINK_ERROR_CLOSED, doing, "the system bus went away");
	else
		set_text(error, SMP_LINK_ERROR_IO, doing, copy->message);
}

gboolean smp_bluez_error_set(GError **error, const GError *cause, const char *format, ...)
{
	g_autofree char *doing = NULL;
	va_list args;

	if (cause->domain == SMP_LINK_ERROR ||
	    g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_propagate_error(error, g_error_copy(cause));
		return FALSE;
	}
	va_start(args, format);
	doing = g_strdup_vprintf(format, args);
	va_end(args);

	const Meaning *meaning = find_meaning(cause);
	const char *refusal = refusal_text(smp_bluez_error_att(cause));

	if (refusal)
		set_text(error, SMP_LINK_ERROR_PERMISSION, doing, refusal);
	else if (meaning)
		set_text(error, meaning->code, doing, meaning->text);
	else
		set_other(error, cause, doing);
	return FALSE;
}

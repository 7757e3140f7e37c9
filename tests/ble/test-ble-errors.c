/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each error of BlueZ at each call: what is said, what passes by itself. */

#include "ble-test.h"

#define BLUEZ "org.bluez.Error."
#define DBUS  "org.freedesktop.DBus.Error."
#define ATT   "Operation failed with ATT error: "

typedef struct {
	const char *method;
	const char *error;
	const char *message;
	int code;
	const char *part;
} Refusal;

static const Refusal refusals[] = {
	{"GetManagedObjects", DBUS "AccessDenied", "", SMP_LINK_ERROR_PERMISSION,
	 "does not let this user"},
	{"GetManagedObjects", DBUS "NoReply", "", SMP_LINK_ERROR_CLOSED, "did not answer"},
	{"GetManagedObjects", DBUS "ServiceUnknown", "", SMP_LINK_ERROR_NOT_FOUND, "not running"},
	{"GetManagedObjects", DBUS "UnknownMethod", "", SMP_LINK_ERROR_CLOSED, "any more"},
	{"StartDiscovery", BLUEZ "NotReady", "Resource Not Ready", SMP_LINK_ERROR_NOT_FOUND,
	 "switched off"},
	{"StartDiscovery", BLUEZ "InProgress", "", SMP_LINK_ERROR_BUSY, "busy"},
	{"StartDiscovery", BLUEZ "NotAuthorized", "", SMP_LINK_ERROR_PERMISSION,
	 "bluetoothd does not allow it to this user"},
	{"StartDiscovery", BLUEZ "Failed", "No discovery started", SMP_LINK_ERROR_IO,
	 "No discovery started"},
	{"Connect", BLUEZ "NotReady", "Resource Not Ready", SMP_LINK_ERROR_NOT_FOUND,
	 "switched off"},
	{"Connect", BLUEZ "Blocked", "", SMP_LINK_ERROR_NOT_FOUND, "rfkill"},
	{"Connect", BLUEZ "Failed", "le-connection-adapter-not-powered", SMP_LINK_ERROR_NOT_FOUND,
	 "switched off"},
	{"Connect", BLUEZ "Failed", "le-connection-abort-by-local", SMP_LINK_ERROR_NOT_FOUND,
	 "or want a pairing that is not there any more: `smpctl ble pair BOARD`"},
	{"Connect", BLUEZ "Failed", "Software caused connection abort", SMP_LINK_ERROR_NOT_FOUND,
	 "or want a pairing that is not there any more: `smpctl ble pair BOARD`"},
	{"Connect", BLUEZ "Failed", "Input/output error", SMP_LINK_ERROR_NOT_FOUND,
	 "it does not take the connection; it is off, out of range"},
	{"Connect", BLUEZ "Failed", "le-connection-concurrent-connection-limit",
	 SMP_LINK_ERROR_BUSY, "as many connections as it can"},
	{"Connect", BLUEZ "ConnectionAttemptFailed", "Page Timeout", SMP_LINK_ERROR_NOT_FOUND,
	 "out of range"},
	{"Connect", BLUEZ "AuthenticationFailed", "", SMP_LINK_ERROR_PERMISSION, "ble forget"},
	{"Connect", BLUEZ "AuthenticationCanceled", "", SMP_LINK_ERROR_PERMISSION, "given up"},
	{"Connect", BLUEZ "AuthenticationRejected", "", SMP_LINK_ERROR_PERMISSION, "rejected"},
	{"Connect", BLUEZ "AuthenticationTimeout", "", SMP_LINK_ERROR_TIMEOUT, "in time"},
	{"Connect", BLUEZ "InProgress", "", SMP_LINK_ERROR_BUSY, "busy"},
	{"Connect", BLUEZ "NotSupported", "", SMP_LINK_ERROR_UNSUPPORTED, "cannot do it"},
	{"Connect", BLUEZ "DoesNotExist", "", SMP_LINK_ERROR_NOT_FOUND, "does not know"},
	{"Connect", DBUS "UnknownObject", "", SMP_LINK_ERROR_CLOSED, "any more"},
	{"Connect", DBUS "NoReply", "", SMP_LINK_ERROR_CLOSED, "did not answer"},
	{"Connect", DBUS "LimitsExceeded", "", SMP_LINK_ERROR_BUSY, "no room"},
	{"AcquireNotify", BLUEZ "NotPermitted", "Notify acquired", SMP_LINK_ERROR_BUSY,
	 "another program"},
	{"AcquireNotify", BLUEZ "NotPermitted", "Already notifying", SMP_LINK_ERROR_BUSY,
	 "another program"},
	{"AcquireNotify", BLUEZ "NotSupported", "", SMP_LINK_ERROR_UNSUPPORTED, "cannot do it"},
	{"AcquireNotify", BLUEZ "Failed", "Not connected", SMP_LINK_ERROR_CLOSED, "lost"},
	{"AcquireNotify", BLUEZ "NotConnected", "", SMP_LINK_ERROR_CLOSED, "lost"},
	{"AcquireNotify", DBUS "UnknownObject", "", SMP_LINK_ERROR_CLOSED, "any more"},
	{"AcquireNotify", BLUEZ "NotAuthorized", "", SMP_LINK_ERROR_PERMISSION, "not allow"},
	{"AcquireNotify", BLUEZ "Failed", ATT "0x05", SMP_LINK_ERROR_PERMISSION, "authentication"},
	{"AcquireNotify", BLUEZ "Failed", ATT "0x08", SMP_LINK_ERROR_PERMISSION, "not allow"},
	{"AcquireNotify", BLUEZ "Failed", ATT "0x0c", SMP_LINK_ERROR_PERMISSION, "too short"},
	{"AcquireNotify", BLUEZ "Failed", ATT "0x0e", SMP_LINK_ERROR_PERMISSION, "wants a pairing"},
	{"AcquireNotify", BLUEZ "Failed", ATT "0x0f", SMP_LINK_ERROR_PERMISSION, "encrypted"},
	{"AcquireNotify", BLUEZ "Failed", ATT "0x80", SMP_LINK_ERROR_IO, "0x80"},
	{"AcquireWrite", BLUEZ "NotPermitted", "Write acquired", SMP_LINK_ERROR_BUSY,
	 "another program"},
	{"AcquireWrite", BLUEZ "NotSupported", "", SMP_LINK_ERROR_UNSUPPORTED, "cannot do it"},
	{"Pair", BLUEZ "AuthenticationFailed", "", SMP_LINK_ERROR_PERMISSION, "passkey was wrong"},
	{"Pair", BLUEZ "AuthenticationCanceled", "", SMP_LINK_ERROR_PERMISSION, "given up"},
	{"Pair", BLUEZ "AuthenticationRejected", "", SMP_LINK_ERROR_PERMISSION, "rejected"},
	{"Pair", BLUEZ "AuthenticationTimeout", "", SMP_LINK_ERROR_TIMEOUT, "in time"},
	{"Pair", BLUEZ "ConnectionAttemptFailed", "", SMP_LINK_ERROR_NOT_FOUND, "out of range"},
	{"Pair", DBUS "NoReply", "", SMP_LINK_ERROR_CLOSED, "did not answer"},
	{"RegisterAgent", BLUEZ "AlreadyExists", "", SMP_LINK_ERROR_IO, "cannot pair"},
};

/* Whatever goes wrong, nothing stays behind. */
static void test_refusals(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
		const Refusal *refusal = &refusals[i];
		gboolean pairs = g_str_equal(refusal->method, "Pair") ||
				 g_str_equal(refusal->method, "RegisterAgent");
		g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
		g_autofree char *target = g_strdup_printf(
			"ble:C0:11:22:33:44:55?connect-timeout=2&pair=%s", pairs ? "yes" : "no");
		DoubleCounts counts;

		g_test_message("%s: %s %s", refusal->method, refusal->error, refusal->message);
		bluez_double_add_rule(bluez, &(DoubleRule){.method = refusal->method,
							   .error = refusal->error,
							   .message = refusal->message});
		ble_test_fails(target, refusal->code, refusal->part);
		bluez_double_get_counts(bluez, &counts);
		g_assert_cmpuint(counts.acquired, ==, 0);
		g_assert_cmpuint(counts.left_notify, ==, 0);
		g_assert_cmpuint(counts.agents, ==, 0);
		g_assert_false(counts.scanning);
	}
}

/* What passes when it is tried again. */
static void test_retries(void)
{
	static const DoubleRule rules[] = {
		{"Connect", BLUEZ "Failed", "le-connection-abort-by-local", 0, 3},
		{"Connect", BLUEZ "InProgress", "Operation already in progress", 0, 2},
		{"Connect", BLUEZ "ConnectionAttemptFailed", "Page Timeout", 0, 2},
		{"Connect", NULL, NULL, 700, 1},
		{"StartDiscovery", BLUEZ "InProgress", "Operation already in progress", 0, 3},
		{"AcquireNotify", BLUEZ "NotPermitted", "Notify acquired", 0, 3},
		{"AcquireNotify", NULL, NULL, 700, 1},
		{"AcquireWrite", BLUEZ "NotPermitted", "Write acquired", 0, 3},
		{"StopDiscovery", BLUEZ "Failed", "No discovery started", 0, 1},
	};

	for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
		g_test_message("%s: %s", rules[i].method, rules[i].error ? rules[i].error : "late");
		g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);
		bluez_double_add_rule(bluez, &rules[i]);
		g_autoptr(SmpLink) link = ble_test_open("ble:C0:11:22:33:44:55");
		g_autoptr(SmpSession) session = ble_test_session(link);
		ble_test_echo(session, 5);
	}
}

/* Also of a board that is tried before it is listened for, and in little time. */
static void test_known_aborts(void)
{
	DoubleBoard board = ble_test_board;

	board.known = TRUE;
	g_autoptr(BluezDouble) bluez = ble_test_start(&board);
	bluez_double_add_rule(bluez, &(DoubleRule){.method = "Connect",
						   .error = BLUEZ "Failed",
						   .message = "le-connection-abort-by-local"});
	ble_test_fails("ble:C0:11:22:33:44:55?connect-timeout=4", SMP_LINK_ERROR_NOT_FOUND,
		       "or want a pairing that is not there any more");
}

/* A board that was not heard is not said to be there, whatever the errors are like. */
static void test_not_heard(void)
{
	DoubleBoard board = ble_test_board;

	board.known = board.off = TRUE;
	g_autoptr(BluezDouble) bluez G_GNUC_UNUSED = ble_test_start(&board);
	ble_test_fails("ble:C0:11:22:33:44:55?connect-timeout=2", SMP_LINK_ERROR_NOT_FOUND,
		       "no board C0:11:22:33:44:55 was heard");
}

/* A bluetoothd that hangs is not a board's fault. */
static void test_hung(void)
{
	static const char *const methods[] = {"GetManagedObjects", "RegisterAgent"};

	for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
		g_autoptr(BluezDouble) bluez = ble_test_start(&ble_test_board);

		bluez_double_add_rule(bluez, &(DoubleRule){.method = methods[i]});
		ble_test_fails("ble:?pair=yes", SMP_LINK_ERROR_TIMEOUT,
			       "bluetoothd does not answer; `systemctl restart bluetooth`");
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ble/errors/refusals", test_refusals);
	g_test_add_func("/ble/errors/retries", test_retries);
	g_test_add_func("/ble/errors/known-aborts", test_known_aborts);
	g_test_add_func("/ble/errors/not-heard", test_not_heard);
	g_test_add_func("/ble/errors/hung", test_hung);
	return ble_test_run();
}

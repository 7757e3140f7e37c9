/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may: root, and whom polkit allows it
 * (https://www.freedesktop.org/software/polkit/docs/latest/eggdbus-interface-org.freedesktop.PolicyKit1.Authority.html).
 * Without polkit only root. */

#include "daemon/call.h"
#include "daemon/device.h"
#include "daemon/error.h"
#include "daemon/job.h"

#define POLKIT_NAME	 "org.freedesktop.PolicyKit1"
#define POLKIT_PATH	 "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_INTERACT	 1u

#define TIMEOUT_MS 20000

/* @watch: of the caller's name: who leaves the bus need not be asked for a password any more */
typedef struct {
	SmpdCall *call;
	const char *action;
	char *cancel_id;
	guint watch;
	gboolean gone;
} Request;

static void request_free(Request *request)
{
	if (request->watch)
		g_bus_unwatch_name(request->watch);
	g_free(request->cancel_id);
	g_free(request);
}

static void allow(Request *request)
{
	SmpdCall *call = request->call;

	request_free(request);
	call->run(call);
}

static void deny(Request *request, const char *why)
{
	g_autoptr(GError) error =
		g_error_new(SMPD_ERROR, SMPD_ERROR_NOT_AUTHORIZED, "not authorized%s%s%s%s",
			    request->action ? " for " : "", request->action ? request->action : "",
			    why ? ": " : "", why ? why : "");

	smpd_call_fail(request->call, error);
	request_free(request);
}

static void on_checked(GObject *bus, GAsyncResult *result, gpointer user_data)
{
	Request *request = user_data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
	gboolean allowed = FALSE, challenge = FALSE;

	if (!answer) {
		g_dbus_error_strip_remote_error(error);
		deny(request, error->message);
		return;
	}
	g_variant_get(answer, "((bb@a{ss}))", &allowed, &challenge, NULL);
	if (allowed && !request->gone)
		allow(request);
	else
		deny(request, request->gone ? "the caller has gone"
			      : challenge   ? "a password is needed; allow interactive "
					      "authorization, or let an administrator grant it"
					    : NULL);
}

static void on_caller_gone(GDBusConnection *bus, const char *name G_GNUC_UNUSED, gpointer user_data)
{
	Request *request = user_data;

	request->gone = TRUE;
	g_dbus_connection_call(bus, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
			       "CancelCheckAuthorization", g_variant_new("(s)", request->cancel_id),
			       NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
}

/* For rules that look at more than the action. */
static GVariant *details(const SmpdCall *call)
{
	GVariantBuilder builder;
	const char *device = call->device ? smpd_device_name(call->device)
			     : call->job  ? smpd_job_device(call->job)
					  : NULL;

	g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
	if (device)
		g_variant_builder_add(&builder, "{ss}", "device", device);
	return g_variant_builder_end(&builder);
}

static void ask_polkit(Request *request)
{
	static guint last_id;
	GDBusMethodInvocation *invocation = request->call->invocation;
	const char *sender = g_dbus_method_invocation_get_sender(invocation);
	GDBusConnection *bus = request->call->daemon->bus;
	gboolean interactive =
		g_dbus_message_get_flags(g_dbus_method_invocation_get_message(invocation)) &
		G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION;
	GVariantBuilder subject;

	g_variant_builder_init(&subject, G_VARIANT_TYPE("a{sv}"));
	g_variant_builder_add(&subject, "{sv}", "name", g_variant_new_string(sender));
	request->cancel_id = g_strdup_printf("smpd-%u", ++last_id);
	request->watch = g_bus_watch_name_on_connection(bus, sender, G_BUS_NAME_WATCHER_FLAGS_NONE,
							NULL, on_caller_gone, request, NULL);
	g_dbus_connection_call(
		bus, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization",
		g_variant_new("((sa{sv})s@a{ss}us)", "system-bus-name", &subject, request->action,
			      details(request->call), interactive ? POLKIT_INTERACT : 0u,
			      request->cancel_id),
		G_VARIANT_TYPE("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE,
		interactive ? G_MAXINT : TIMEOUT_MS, NULL, on_checked, request);
}

static void on_user(GObject *bus, GAsyncResult *result, gpointer user_data)
{
	Request *request = user_data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);

	if (!answer) {
		g_dbus_error_strip_remote_error(error);
		deny(request, error->message);
		return;
	}
	g_variant_get(answer, "(u)", &request->call->uid);
	if (request->call->uid == 0)
		allow(request);
	else if (request->action)
		ask_polkit(request);
	else
		deny(request, "root only");
}

void smpd_authorize(SmpdCall *call, const char *action)
{
	Request *request = g_new0(Request, 1);

	request->call = call;
	request->action = action;
	g_dbus_connection_call(
		call->daemon->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus", "GetConnectionUnixUser",
		g_variant_new("(s)", g_dbus_method_invocation_get_sender(call->invocation)),
		G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, TIMEOUT_MS, NULL, on_user, request);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.freedesktop.LogControl1(5). Its properties are written by root only, which a skeleton of
 * gdbus-codegen could not ask first. */

#include "daemon/log-control.h"
#include "daemon/call.h"
#include "daemon/log.h"

#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"

static const char interfaces[] = "<node>"
				 "<interface name='org.freedesktop.LogControl1'>"
				 "<property name='LogLevel' type='s' access='readwrite'/>"
				 "<property name='LogTarget' type='s' access='readwrite'/>"
				 "<property name='SyslogIdentifier' type='s' access='read'/>"
				 "</interface>"
				 "</node>";

static GVariant *get_property(GDBusConnection *bus G_GNUC_UNUSED, const char *sender G_GNUC_UNUSED,
			      const char *path G_GNUC_UNUSED, const char *interface G_GNUC_UNUSED,
			      const char *name, GError **error G_GNUC_UNUSED,
			      gpointer user_data G_GNUC_UNUSED)
{
	if (g_str_equal(name, "LogLevel"))
		return g_variant_new_string(smpd_log_get_level());
	if (g_str_equal(name, "LogTarget"))
		return g_variant_new_string(smpd_log_get_target());
	return g_variant_new_string("smpd");
}

/* call->text is what call->target is to be. */
static void set(SmpdCall *call)
{
	gboolean level = g_str_equal(call->target, "LogLevel");

	if (level ? smpd_log_set_level(call->text) : smpd_log_set_target(call->text)) {
		smpd_call_done(call, NULL);
		return;
	}
	g_autoptr(GError) error =
		g_error_new(SMPD_ERROR, SMPD_ERROR_INVALID_ARGS, "%s is one of %s", call->target,
			    level ? "emerg, alert, crit, err, warning, notice, info, debug"
				  : "auto, journal, console, null");
	smpd_call_fail(call, error);
}

/* Without a set_property() GLib has checked name and type and leaves
 * org.freedesktop.DBus.Properties .Set to us. */
static void on_method(GDBusConnection *bus G_GNUC_UNUSED, const char *sender G_GNUC_UNUSED,
		      const char *path G_GNUC_UNUSED, const char *interface G_GNUC_UNUSED,
		      const char *method G_GNUC_UNUSED, GVariant *arguments,
		      GDBusMethodInvocation *invocation, gpointer user_data)
{
	SmpdCall *call = smpd_call_new(user_data, invocation, set);
	g_autoptr(GVariant) value = NULL;

	g_variant_get(arguments, "(ssv)", NULL, &call->target, &value);
	call->text = g_variant_dup_string(value, NULL);
	smpd_authorize(call, NULL);
}

void smpd_log_control_export(SmpdDaemon *daemon)
{
	static const GDBusInterfaceVTable vtable = {on_method, get_property, NULL, {0}};
	g_autoptr(GError) error = NULL;
	g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(interfaces, &error);

	if (!node ||
	    g_dbus_connection_register_object(daemon->bus, LOG_CONTROL_PATH, node->interfaces[0],
					      &vtable, daemon, NULL, &error) == 0)
		g_warning("cannot export %s: %s", LOG_CONTROL_PATH, error->message);
}

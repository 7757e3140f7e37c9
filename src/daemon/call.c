/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/call.h"
#include "daemon/device.h"
#include "daemon/error.h"
#include "daemon/job.h"

SmpdCall *smpd_call_new(SmpdDaemon *daemon, GDBusMethodInvocation *invocation, SmpdCallFunc run)
{
	SmpdCall *call = g_new0(SmpdCall, 1);

	call->daemon = daemon;
	call->invocation = invocation;
	call->run = run;
	return call;
}

void smpd_call_free(SmpdCall *call)
{
	if (!call)
		return;
	g_clear_pointer(&call->device, smpd_device_unref);
	g_clear_pointer(&call->job, smpd_job_unref);
	smpd_order_free(call->order);
	g_clear_object(&call->fds);
	g_strfreev(call->names);
	g_free(call->text);
	g_free(call->target);
	g_clear_pointer(&call->packet, g_byte_array_unref);
	g_clear_pointer(&call->answer, g_variant_unref);
	g_free(call);
}

void smpd_fail(GDBusMethodInvocation *invocation, const GError *error)
{
	g_dbus_method_invocation_take_error(invocation, smpd_error_translate(error));
}

void smpd_call_fail(SmpdCall *call, const GError *error)
{
	smpd_fail(call->invocation, error);
	smpd_call_free(call);
}

void smpd_call_refuse(SmpdCall *call, SmpdError code, const char *message)
{
	g_autoptr(GError) error = g_error_new_literal(SMPD_ERROR, (int)code, message);
	smpd_call_fail(call, error);
}

void smpd_call_done(SmpdCall *call, GVariant *answer)
{
	g_dbus_method_invocation_return_value(call->invocation, answer);
	smpd_call_free(call);
}

static const SmpdOption *find_option(const SmpdOption *known, const char *name)
{
	for (; known && known->name; known++) {
		if (g_str_equal(known->name, name))
			return known;
	}
	return NULL;
}

static void take_option(const SmpdOption *option, GVariant *value)
{
	if (g_str_equal(option->type, "b"))
		*(gboolean *)option->where = g_variant_get_boolean(value);
	else if (g_str_equal(option->type, "u"))
		*(guint32 *)option->where = g_variant_get_uint32(value);
	else if (g_str_equal(option->type, "s"))
		*(char **)option->where = g_variant_dup_string(value, NULL);
	else if (g_str_equal(option->type, "as"))
		*(char ***)option->where = g_variant_dup_strv(value, NULL);
	else
		*(GVariant **)option->where = g_variant_ref(value);
}

gboolean smpd_options_parse(GVariant *options, const SmpdOption *known, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	const char *name;
	GVariant *value;
	GVariantIter iter;

	g_variant_iter_init(&iter, options);
	while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
		const SmpdOption *option = find_option(known, name);
		const char *problem = NULL;

		if (!option)
			problem = "is not known";
		else if (!g_variant_is_of_type(value, G_VARIANT_TYPE(option->type)))
			problem = "has the wrong type";
		else if (!g_hash_table_add(seen, (gpointer)option->name))
			problem = "is given twice";
		if (!problem)
			take_option(option, value);
		g_variant_unref(value);
		if (!problem)
			continue;
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS, "option \"%.64s\" %s", name,
			    problem);
		return FALSE;
	}
	return TRUE;
}

gboolean smpd_call_begin(SmpdCall *call, GVariant *options, const SmpdOption *known,
			 const char *action)
{
	g_autoptr(GError) error = NULL;

	if (smpd_options_parse(options, known, &error))
		smpd_authorize(call, action);
	else
		smpd_call_fail(call, error);
	return G_DBUS_METHOD_INVOCATION_HANDLED;
}

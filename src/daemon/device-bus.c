/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.smpd1.Device: the methods. */

#include "daemon/call.h"
#include "daemon/create.h"
#include "daemon/device.h"
#include "daemon/error.h"
#include "daemon/job.h"
#include "daemon/names.h"
#include "daemon/supervise.h"
#include "daemon/update-options.h"

#define MAX_TIMEOUT_MS 120000

static SmpdCall *new_call(SmpdDevice *device, GDBusMethodInvocation *invocation, SmpdCallFunc run)
{
	SmpdCall *call = smpd_call_new(device->daemon, invocation, run);

	call->device = smpd_device_ref(device);
	return call;
}

/* While it was asked for a password much can have happened. */
static gboolean is_free(const SmpdCall *call, GError **error)
{
	const SmpdDevice *device = call->device;

	if (call->daemon->stopping)
		g_set_error_literal(error, SMPD_ERROR, SMPD_ERROR_FAILED, "smpd is stopping");
	else if (device->gone)
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_NOT_FOUND, "%s is not served any more",
			    smpd_device_name(device));
	else if (device->job)
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_BUSY, "%s has a job: %s",
			    smpd_device_name(device), smpd_job_path(device->job));
	else if (device->reserved)
		g_set_error(error, SMPD_ERROR, SMPD_ERROR_BUSY, "a job of %s is being made",
			    smpd_device_name(device));
	else
		return TRUE;
	return FALSE;
}

/* ---- short talks ---- */

static void answer(SmpdAct *act, const GError *error)
{
	SmpdCall *call = act->data;

	if (error)
		smpd_call_fail(call, error);
	else
		smpd_call_done(call, g_steal_pointer(&call->answer));
}

static void talk(SmpdCall *call, gboolean (*run)(SmpdAct *, SmpSession *, GError **))
{
	g_autoptr(GError) error = NULL;

	if (is_free(call, &error))
		smpd_device_act(call->device, run, answer, call);
	else
		smpd_call_fail(call, error);
}

static gboolean do_refresh(SmpdAct *act, SmpSession *session, GError **error)
{
	act->board = smp_board_observe(session, error);
	return act->board != NULL;
}

static void refresh(SmpdCall *call)
{
	talk(call, do_refresh);
}

static gboolean on_refresh(SmpdBusDevice *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			   GVariant *options, gpointer user_data)
{
	return smpd_call_begin(new_call(user_data, invocation, refresh), options, NULL,
			       SMPD_ACTION_INSPECT);
}

static gboolean do_reset(SmpdAct *act, SmpSession *session, GError **error)
{
	const SmpdCall *call = act->data;
	return smp_os_reset(session, call->force, SMP_BOOT_MODE_KEEP, error);
}

static void reset(SmpdCall *call)
{
	talk(call, do_reset);
}

static gboolean on_reset(SmpdBusDevice *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			 GVariant *options, gpointer user_data)
{
	SmpdCall *call = new_call(user_data, invocation, reset);
	const SmpdOption known[] = {{"force", "b", &call->force}, {NULL}};

	return smpd_call_begin(call, options, known, SMPD_ACTION_CONTROL);
}

static gboolean do_confirm(SmpdAct *act, SmpSession *session, GError **error)
{
	return smpd_confirm_running(act, session, NULL, error);
}

static void confirm(SmpdCall *call)
{
	talk(call, do_confirm);
}

static gboolean on_confirm(SmpdBusDevice *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			   GVariant *options, gpointer user_data)
{
	return smpd_call_begin(new_call(user_data, invocation, confirm), options, NULL,
			       SMPD_ACTION_UPDATE);
}

static gboolean do_call(SmpdAct *act, SmpSession *session, GError **error)
{
	SmpdCall *call = act->data;
	g_autoptr(SmpResponse) response =
		smp_session_call(session, call->packet, call->timeout,
				 call->repeat ? SMP_REPEAT_SAFE : SMP_REPEAT_NEVER, error);

	if (!response)
		return FALSE;
	GVariant *bytes = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE,
						    response->packet->data + SMP_HEADER_SIZE,
						    response->packet->len - SMP_HEADER_SIZE, 1);
	call->answer = g_variant_ref_sink(g_variant_new("(@ay)", bytes));
	return TRUE;
}

static void raw_call(SmpdCall *call)
{
	talk(call, do_call);
}

static gboolean check_raw(guchar operation, gsize size, guint32 timeout, GError **error)
{
	const char *problem = NULL;

	if (operation != SMP_OP_READ && operation != SMP_OP_WRITE)
		problem = "the operation is neither 0 (read) nor 2 (write)";
	else if (size > G_MAXUINT16)
		problem = "the payload is larger than SMP can say";
	else if (timeout > MAX_TIMEOUT_MS)
		problem = "the timeout is longer than 120000 ms";
	if (problem)
		g_set_error_literal(error, SMPD_ERROR, SMPD_ERROR_INVALID_ARGS, problem);
	return problem == NULL;
}

static gboolean on_call(SmpdBusDevice *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			guchar operation, guint16 group, guchar command, GVariant *payload,
			GVariant *options, gpointer user_data)
{
	SmpdCall *call = new_call(user_data, invocation, raw_call);
	const SmpdOption known[] = {
		{"timeout", "u", &call->timeout}, {"repeat", "b", &call->repeat}, {NULL}};
	g_autoptr(GError) error = NULL;
	gsize size;
	const guint8 *data = g_variant_get_fixed_array(payload, &size, 1);

	if (!smpd_options_parse(options, known, &error) ||
	    !check_raw(operation, size, call->timeout, &error)) {
		smpd_call_fail(call, error);
		return G_DBUS_METHOD_INVOCATION_HANDLED;
	}
	call->packet = smp_packet_new((SmpOp)operation, group, command);
	g_byte_array_append(call->packet, data, (guint)size);
	smpd_authorize(call, SMPD_ACTION_RAW);
	return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void retry(SmpdCall *call)
{
	smpd_supervise_retry(call->device);
	smpd_call_done(call, NULL);
}

static gboolean on_retry(SmpdBusDevice *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			 GVariant *options, gpointer user_data)
{
	return smpd_call_begin(new_call(user_data, invocation, retry), options, NULL,
			       SMPD_ACTION_UPDATE);
}

/* ---- jobs ---- */

static void created(SmpdJob *job, const GError *error, gpointer data)
{
	SmpdCall *call = data;

	if (job && g_str_equal(job->order->kind, SMPD_KIND_ROLLBACK)) {
		g_autofree char *why = g_strdup_printf("%s rolled it back", job->order->started_by);
		smpd_supervise_hold(call->device, why);
	}
	if (job)
		smpd_call_done(call, g_variant_new("(o)", smpd_job_path(job)));
	else
		smpd_call_fail(call, error);
}

static void start_job(SmpdCall *call)
{
	g_autoptr(GError) error = NULL;
	SmpdOrder *order;

	if (!is_free(call, &error)) {
		smpd_call_fail(call, error);
		return;
	}
	order = g_steal_pointer(&call->order);
	order->uid = call->uid;
	smpd_job_create(call->device, order, g_steal_pointer(&call->fds),
			g_steal_pointer(&call->names), NULL, created, call);
}

void smpd_device_roll_back(SmpdDevice *device, SmpdCall *call, int image)
{
	call->run = start_job;
	call->order = smpd_order_new(SMPD_KIND_ROLLBACK, smpd_device_name(device),
				     smpd_device_target(device));
	call->order->rollback_image = image;
	smpd_authorize(call, SMPD_ACTION_UPDATE);
}

static gboolean on_rollback(SmpdBusDevice *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			    GVariant *options, gpointer user_data)
{
	SmpdCall *call = new_call(user_data, invocation, start_job);
	guint32 image = G_MAXUINT32;
	const SmpdOption known[] = {{"image", "u", &image}, {NULL}};
	g_autoptr(GError) error = NULL;

	if (smpd_options_parse(options, known, &error))
		smpd_device_roll_back(user_data, call,
				      image == G_MAXUINT32 ? -1 : (int)MIN(image, 256));
	else
		smpd_call_fail(call, error);
	return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean update(SmpdDevice *device, const char *kind, GDBusMethodInvocation *invocation,
		       GUnixFDList *fds, GVariant *files, GVariant *options)
{
	SmpdCall *call = new_call(device, invocation, start_job);
	g_autoptr(GError) error = NULL;

	call->order = smpd_order_new(kind, smpd_device_name(device), smpd_device_target(device));
	if (smpd_update_parse(call, fds, files, options, &error) && is_free(call, &error))
		smpd_authorize(call, call->order->policy.allow ? SMPD_ACTION_UPDATE_UNSAFE
							       : SMPD_ACTION_UPDATE);
	else
		smpd_call_fail(call, error);
	return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean on_update(SmpdBusDevice *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			  GUnixFDList *fds, GVariant *files, GVariant *options, gpointer user_data)
{
	return update(user_data, SMPD_KIND_UPDATE, invocation, fds, files, options);
}

static gboolean on_ensure(SmpdBusDevice *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			  GUnixFDList *fds, GVariant *files, GVariant *options, gpointer user_data)
{
	return update(user_data, SMPD_KIND_ENSURE, invocation, fds, files, options);
}

void smpd_device_connect(SmpdDevice *device)
{
	const struct {
		const char *signal;
		GCallback handler;
	} methods[] = {
		{"handle-refresh", G_CALLBACK(on_refresh)},
		{"handle-update", G_CALLBACK(on_update)},
		{"handle-ensure", G_CALLBACK(on_ensure)},
		{"handle-reset", G_CALLBACK(on_reset)},
		{"handle-confirm", G_CALLBACK(on_confirm)},
		{"handle-rollback", G_CALLBACK(on_rollback)},
		{"handle-retry", G_CALLBACK(on_retry)},
		{"handle-call", G_CALLBACK(on_call)},
	};

	for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
		g_signal_connect(device->bus, methods[i].signal, methods[i].handler, device);
}

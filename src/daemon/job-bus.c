/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.smpd1.Job: the methods. */

#include "daemon/call.h"
#include "daemon/device.h"
#include "daemon/job.h"
#include "daemon/names.h"

static SmpdCall *new_call(SmpdJob *job, GDBusMethodInvocation *invocation, SmpdCallFunc run)
{
	SmpdCall *call = smpd_call_new(job->daemon, invocation, run);

	call->job = smpd_job_ref(job);
	return call;
}

/* Who may begin such a job may end it. */
static const char *action_of(const SmpdJob *job)
{
	return job->order->policy.allow ? SMPD_ACTION_UPDATE_UNSAFE : SMPD_ACTION_UPDATE;
}

/* ---- Cancel ---- */

static void cancel(SmpdCall *call)
{
	if (call->job->state == SMPD_JOB_DONE) {
		smpd_call_refuse(call, SMPD_ERROR_NOT_FOUND, "the job has ended already");
		return;
	}
	g_autofree char *who = g_strdup_printf("user %u", call->uid);
	smpd_job_stop(call->job, who);
	smpd_call_done(call, NULL);
}

static gboolean on_cancel(SmpdBusJob *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			  GVariant *options, gpointer user_data)
{
	SmpdCall *call = new_call(user_data, invocation, cancel);

	return smpd_call_begin(call, options, NULL, action_of(call->job));
}

/* ---- Confirm and Rollback: what becomes of a trial ---- */

/* Returns: (transfer none): the device, if there is nothing against it; %NULL, the call answered */
static SmpdDevice *find_device(SmpdCall *call)
{
	SmpdDevice *device = smpd_device_find(call->daemon, call->job->order->device);

	if (call->job->state != SMPD_JOB_DONE)
		smpd_call_refuse(call, SMPD_ERROR_BUSY, "the job has not ended");
	else if (!device)
		smpd_call_refuse(call, SMPD_ERROR_NOT_FOUND,
				 "the job's device is not served any more");
	else if (device->job || device->reserved)
		smpd_call_refuse(call, SMPD_ERROR_BUSY, "the device has another job");
	else
		return device;
	return NULL;
}

static void note(gpointer data)
{
	SmpdCall *call = data;
	SmpdOrder *order = call->job->order;
	g_autoptr(GError) error = NULL;

	if (!smpd_store_save(call->daemon->store, order, &error))
		g_warning("job %s: %s", order->id, error->message);
}

static void noted(gpointer data)
{
	smpd_call_done(data, NULL);
}

static void confirmed(SmpdAct *act, const GError *error)
{
	SmpdCall *call = act->data;
	SmpdOrder *order = call->job->order;

	if (error) {
		smpd_call_fail(call, error);
		return;
	}
	g_free(order->result);
	g_free(order->message);
	g_clear_pointer(&order->detail, g_free);
	order->result = g_strdup(smp_end_name(SMP_END_UPDATED));
	order->message = g_strdup_printf("confirmed by user %u", call->uid);
	smpd_job_show(call->job);
	smpd_task_run(call->daemon, SMPD_TASK_DISK, note, noted, call);
}

static gboolean do_confirm(SmpdAct *act, SmpSession *session, GError **error)
{
	const SmpdCall *call = act->data;

	return smpd_confirm_running(act, session, call->job->order->firmware, error);
}

static void confirm(SmpdCall *call)
{
	SmpdDevice *device = find_device(call);

	if (!device)
		return;
	if (g_strcmp0(call->job->order->result, smp_end_name(SMP_END_ON_TRIAL)) != 0)
		smpd_call_refuse(call, SMPD_ERROR_REFUSED, "the job left no image on trial");
	else
		smpd_device_act(device, do_confirm, confirmed, call);
}

static gboolean on_confirm(SmpdBusJob *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			   GVariant *options, gpointer user_data)
{
	SmpdCall *call = new_call(user_data, invocation, confirm);

	return smpd_call_begin(call, options, NULL, SMPD_ACTION_UPDATE);
}

static gboolean on_rollback(SmpdBusJob *bus G_GNUC_UNUSED, GDBusMethodInvocation *invocation,
			    GVariant *options, gpointer user_data)
{
	SmpdCall *call = new_call(user_data, invocation, NULL);
	g_autoptr(GError) error = NULL;

	if (!smpd_options_parse(options, NULL, &error)) {
		smpd_call_fail(call, error);
		return G_DBUS_METHOD_INVOCATION_HANDLED;
	}
	SmpdDevice *device = find_device(call);
	if (device) {
		call->device = smpd_device_ref(device);
		smpd_device_roll_back(device, call, -1);
	}
	return G_DBUS_METHOD_INVOCATION_HANDLED;
}

void smpd_job_connect(SmpdJob *job)
{
	g_signal_connect(job->bus, "handle-cancel", G_CALLBACK(on_cancel), job);
	g_signal_connect(job->bus, "handle-confirm", G_CALLBACK(on_confirm), job);
	g_signal_connect(job->bus, "handle-rollback", G_CALLBACK(on_rollback), job);
}

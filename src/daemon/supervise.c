/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/supervise.h"
#include "daemon/create.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/names.h"
#include "daemon/queue.h"
#include "daemon/wanted.h"

#define AN_HOUR	      3600
#define AFTER_TROUBLE 60 /* seconds until a job that could not even be made is made again */

static gint64 now(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

/* ---- the record on disk ---- */

typedef struct {
	SmpdStore *store;
	char *device;
	SmpdRecord record;
} Saving;

static void save(gpointer data)
{
	Saving *saving = data;
	g_autoptr(GError) error = NULL;

	if (!smpd_store_save_record(saving->store, saving->device, &saving->record, &error))
		g_warning("%s: %s", saving->device, error->message);
}

static void saved(gpointer data)
{
	Saving *saving = data;

	smpd_record_clear(&saving->record);
	g_free(saving->device);
	g_free(saving);
}

static void save_record(SmpdDevice *device)
{
	const SmpdRecord *record = &device->record;
	Saving *saving = g_new0(Saving, 1);

	*saving = (Saving){
		.store = device->daemon->store,
		.device = g_strdup(smpd_device_name(device)),
		.record = *record,
	};
	saving->record.firmware = g_strdup(record->firmware);
	saving->record.refused = g_strdup(record->refused);
	saving->record.settled = g_strdup(record->settled);
	saving->record.job = g_strdup(record->job);
	smpd_task_run(device->daemon, SMPD_TASK_DISK, save, saved, saving);
}

void smpd_supervise_retry(SmpdDevice *device)
{
	smpd_record_clear(&device->record);
	save_record(device);
	smpd_device_look(device);
	smpd_supervise(device);
}

void smpd_supervise_hold(SmpdDevice *device, const char *why)
{
	const char *path = device->config->rules.firmware;
	const SmpdWanted *wanted = path ? smpd_wanted_get(device->daemon->wanted, path) : NULL;

	if (!wanted || !wanted->id)
		return;
	smpd_record_clear(&device->record);
	device->record.firmware = g_strdup(wanted->id);
	device->record.refused = g_strdup(why);
	save_record(device);
}

/* A job has ended well and the board was looked at since: that is how it looks with it. */
static void learn(SmpdDevice *device)
{
	if (!device->counted || !device->board || !smpd_device_is_idle(device) || device->job)
		return;
	device->counted = FALSE;
	if (device->record.failures > 0 || device->record.refused)
		return;
	g_free(device->record.settled);
	device->record.settled = smpd_board_running(device->board);
	save_record(device);
}

/* ---- how many updates it begins ---- */

/* Returns: 0 where one more may begin, or when */
static gint64 rate_limit(SmpdDaemon *daemon)
{
	guint rate = daemon->configuration->rate;

	while (daemon->begun->len > 0 && g_array_index(daemon->begun, gint64, 0) + AN_HOUR <= now())
		g_array_remove_index(daemon->begun, 0);
	if (rate == 0 || daemon->begun->len < rate)
		return 0;
	return g_array_index(daemon->begun, gint64, 0) + AN_HOUR;
}

/* ---- beginning ---- */

static void created(SmpdJob *job G_GNUC_UNUSED, const GError *error, gpointer data)
{
	SmpdDevice *device = data;

	if (error) {
		g_autofree char *text = g_strdup_printf("problem: %s", error->message);
		smpd_log_event(LOG_WARNING, SMPD_MESSAGE_FAILED, smpd_device_name(device), NULL,
			       "the update cannot begin: %s", error->message);
		smpd_bus_device_set_policy(device->bus, text);
		device->trouble_until = now() + AFTER_TROUBLE;
	}
	smpd_supervise(device);
	smpd_device_unref(device);
}

static void begin(SmpdDevice *device, const SmpdWanted *wanted)
{
	const SmpdRules *rules = &device->config->rules;
	SmpdOrder *order = smpd_order_new(SMPD_KIND_ENSURE, smpd_device_name(device),
					  smpd_device_target(device));
	gint64 time = now();
	guint image = 0;

	order->started_by = g_strdup(SMPD_STARTED_BY_POLICY);
	order->policy.mode = rules->mode;
	order->policy.allow = rules->allow;
	g_array_append_val(order->images, image);
	g_array_append_val(device->daemon->begun, time);
	smpd_job_create(device, order, NULL, NULL, g_strdup(wanted->file), created,
			smpd_device_ref(device));
}

/* ---- deciding ---- */

static gboolean on_timer(gpointer data)
{
	SmpdDaemon *daemon = data;

	daemon->supervise_timer = 0;
	daemon->supervise_at = 0;
	smpd_supervise_all(daemon);
	return G_SOURCE_REMOVE;
}

/* One timer for all devices, at the earliest of their times. */
static void wake_at(SmpdDaemon *daemon, gint64 time)
{
	if (time == 0 || (daemon->supervise_timer && daemon->supervise_at <= time))
		return;
	g_clear_handle_id(&daemon->supervise_timer, g_source_remove);
	daemon->supervise_at = time;
	daemon->supervise_timer =
		g_timeout_add_seconds((guint)CLAMP(time - now() + 1, 1, AN_HOUR), on_timer, daemon);
}

static void decide(SmpdDevice *device, const SmpdWanted *wanted, SmpdDecision *decision)
{
	const SmpdRules *rules = &device->config->rules;
	g_autoptr(GDateTime) time = g_date_time_new_now_local();
	g_autofree char *running = smpd_board_running(device->board);
	const SmpdSituation situation = {
		.rules = rules,
		.record = &device->record,
		.wanted = wanted ? wanted->id : NULL,
		.problem = wanted ? wanted->problem : NULL,
		.busy = device->job || device->reserved,
		.present = device->present && device->board,
		.runs = wanted && smpd_wanted_runs(wanted, device->board, rules->mode),
		.running = running,
		.inhibited = device->daemon->leases > 0,
		.now = time,
	};

	smpd_decide(&situation, decision);
	gint64 later = decision->kind == SMPD_DECISION_START
			       ? MAX(rate_limit(device->daemon), device->trouble_until)
			       : 0;
	if (later <= now())
		return;
	g_free(decision->text);
	*decision = (SmpdDecision){.kind = SMPD_DECISION_LATER, .again = later};
	decision->text = device->trouble_until == later
				 ? g_strdup(smpd_bus_device_get_policy(device->bus))
				 : g_strdup("waits: as many updates as may begin in an hour have");
}

static void tell(SmpdDevice *device, const SmpdDecision *decision)
{
	const char *before = smpd_bus_device_get_policy(device->bus);

	if (decision->kind == SMPD_DECISION_HELD && g_strcmp0(before, decision->text) != 0)
		smpd_log_event(LOG_WARNING, SMPD_MESSAGE_HELD, smpd_device_name(device), NULL, "%s",
			       decision->text);
	smpd_bus_device_set_policy(device->bus, decision->text);
}

void smpd_supervise(SmpdDevice *device)
{
	SmpdDaemon *daemon = device->daemon;
	const char *path = device->config->rules.firmware;
	const SmpdWanted *wanted = path ? smpd_wanted_get(daemon->wanted, path) : NULL;
	SmpdDecision decision;

	if (device->gone || daemon->stopping)
		return;
	learn(device);
	decide(device, wanted, &decision);
	smpd_bus_device_set_wanted(device->bus, wanted && wanted->version ? wanted->version : "");
	tell(device, &decision);
	wake_at(daemon, decision.again);
	/* What is being looked at may look otherwise in a moment. */
	if (decision.kind == SMPD_DECISION_START && smpd_device_is_idle(device) &&
	    !device->look_wanted)
		begin(device, wanted);
	g_free(decision.text);
}

void smpd_supervise_all(SmpdDaemon *daemon)
{
	g_autoptr(GList) devices = g_hash_table_get_values(daemon->devices);

	for (GList *device = devices; device; device = device->next)
		smpd_supervise(device->data);
}

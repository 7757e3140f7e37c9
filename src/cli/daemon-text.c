/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Devices and jobs of smpd in words and as JSON. */

#include "daemon.h"

#include <stdio.h>
#include <string.h>

const char *smpctl_known(const char *text)
{
	return text && *text ? text : NULL;
}

const char *smpctl_words(const char *text)
{
	return text ? text : "";
}

char *smpctl_time_at(guint64 seconds)
{
	g_autoptr(GDateTime) time =
		seconds ? g_date_time_new_from_unix_local((gint64)MIN(seconds, G_MAXINT32)) : NULL;

	return time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : g_strdup("");
}

/* ---- jobs ---- */

const char *smpctl_path_id(const char *path)
{
	return strrchr(path, '/') + 1;
}

const char *smpctl_job_id(SmpctlBusJob *job)
{
	return smpctl_path_id(g_dbus_proxy_get_object_path(G_DBUS_PROXY(job)));
}

static gboolean is(SmpctlBusJob *job, const char *state)
{
	return g_strcmp0(smpctl_bus_job_get_state(job), state) == 0;
}

gboolean smpctl_job_ended(SmpctlBusJob *job)
{
	return is(job, "done");
}

gint64 smpctl_job_duration(SmpctlBusJob *job)
{
	guint64 started = smpctl_bus_job_get_started(job);
	guint64 ended = smpctl_bus_job_get_ended(job);

	return started && ended > started ? (gint64)(ended - started) * G_USEC_PER_SEC : 0;
}

char *smpctl_job_what(SmpctlBusJob *job)
{
	const char *kind = smpctl_words(smpctl_bus_job_get_kind(job));
	const char *version = smpctl_words(smpctl_bus_job_get_version(job));

	return g_strdup_printf("%s%s%s", kind, *version ? " to " : "", version);
}

static char *running_text(SmpctlBusJob *job)
{
	const char *step = smpctl_words(smpctl_bus_job_get_step(job));
	guint64 done = smpctl_bus_job_get_bytes_done(job);
	guint64 total = smpctl_bus_job_get_bytes_total(job);

	if (!*step)
		return g_strdup("begins");
	if (!g_str_equal(step, smp_action_name(SMP_ACTION_UPLOAD)) || total == 0)
		return g_strdup(step);
	return g_strdup_printf("%s %d %%", step, (int)(100. * (double)done / (double)total));
}

/* Ends that say it all. */
static gboolean is_plain(const char *result)
{
	static const char *const plain[] = {"updated",	  "on-trial",	 "uploaded",
					    "up-to-date", "rolled-back", NULL};
	return g_strv_contains(plain, result);
}

static char *end_text(SmpctlBusJob *job)
{
	const char *result = smpctl_words(smpctl_bus_job_get_result(job));
	g_autofree char *text = g_strdelimit(g_strdup(result), "-", ' ');

	if (is_plain(result))
		return g_steal_pointer(&text);
	return g_strdup_printf("%s: %s", text, smpctl_words(smpctl_bus_job_get_message(job)));
}

char *smpctl_job_state(SmpctlBusJob *job)
{
	if (is(job, "running"))
		return running_text(job);
	if (is(job, "interrupted"))
		return g_strdup_printf("interrupted: %s",
				       smpctl_words(smpctl_bus_job_get_message(job)));
	return smpctl_job_ended(job) ? end_text(job) : g_strdup("waits for its turn");
}

void smpctl_job_json(JsonBuilder *json, gconstpointer data)
{
	SmpctlBusJob *job = (SmpctlBusJob *)data;
	const char *const *files = smpctl_bus_job_get_files(job);

	smpctl_json_text(json, "job", smpctl_job_id(job));
	smpctl_json_text(json, "device", smpctl_bus_job_get_device_name(job));
	smpctl_json_text(json, "kind", smpctl_bus_job_get_kind(job));
	smpctl_json_text(json, "started_by", smpctl_known(smpctl_bus_job_get_started_by(job)));
	json_builder_set_member_name(json, "files");
	json_builder_begin_array(json);
	for (; files && *files; files++)
		json_builder_add_string_value(json, *files);
	json_builder_end_array(json);
	smpctl_json_text(json, "version", smpctl_known(smpctl_bus_job_get_version(job)));
	smpctl_json_text(json, "state", smpctl_bus_job_get_state(job));
	smpctl_json_text(json, "step", smpctl_known(smpctl_bus_job_get_step(job)));
	smpctl_json_text(json, "step_text", smpctl_known(smpctl_bus_job_get_step_text(job)));
	smpctl_json_text(json, "result", smpctl_known(smpctl_bus_job_get_result(job)));
	smpctl_json_text(json, "message", smpctl_known(smpctl_bus_job_get_message(job)));
	smpctl_json_text(json, "detail", smpctl_known(smpctl_bus_job_get_detail(job)));
	smpctl_json_text(json, "error", smpctl_known(smpctl_bus_job_get_error(job)));
	smpctl_json_int(json, "bytes_done", (gint64)smpctl_bus_job_get_bytes_done(job));
	smpctl_json_int(json, "bytes_total", (gint64)smpctl_bus_job_get_bytes_total(job));
	smpctl_json_int(json, "rate", (gint64)smpctl_bus_job_get_rate(job));
	smpctl_json_double(json, "fraction", smpctl_bus_job_get_fraction(job));
	smpctl_json_count(json, "time_left", smpctl_bus_job_get_time_left(job));
	smpctl_json_moment(json, "started", smpctl_bus_job_get_started(job));
	smpctl_json_moment(json, "ended", smpctl_bus_job_get_ended(job));
	smpctl_json_bool(json, "cancellable", smpctl_bus_job_get_cancellable(job));
}

/* ---- devices ---- */

static void slot_free(gpointer data)
{
	g_free(((SmpImageSlot *)data)->version);
	g_free(data);
}

static SmpImageSlot *slot_of(GVariant *facts)
{
	SmpImageSlot *slot = g_new0(SmpImageSlot, 1);
	const char *version = "", *hash = "";

	g_variant_lookup(facts, "image", "u", &slot->image);
	g_variant_lookup(facts, "slot", "u", &slot->slot);
	g_variant_lookup(facts, "version", "&s", &version);
	slot->version = smpctl_clean(version);
	if (g_variant_lookup(facts, "hash", "&s", &hash) &&
	    !smp_hash_parse(hash, &slot->hash, NULL))
		slot->hash.size = 0;
	slot->has_flags = g_variant_lookup(facts, "active", "b", &slot->active);
	g_variant_lookup(facts, "confirmed", "b", &slot->confirmed);
	g_variant_lookup(facts, "pending", "b", &slot->pending);
	g_variant_lookup(facts, "permanent", "b", &slot->permanent);
	g_variant_lookup(facts, "bootable", "b", &slot->bootable);
	return slot;
}

SmpImageState *smpctl_device_images(SmpctlBusDevice *device)
{
	SmpImageState *state = g_new0(SmpImageState, 1);
	GVariant *images = smpctl_bus_device_get_images(device);
	gsize count = images ? g_variant_n_children(images) : 0;

	state->split_status = -1;
	state->slots = g_ptr_array_new_with_free_func(slot_free);
	for (gsize i = 0; i < count; i++) {
		g_autoptr(GVariant) facts = g_variant_get_child_value(images, i);
		g_ptr_array_add(state->slots, slot_of(facts));
	}
	return state;
}

char *smpctl_device_runs(SmpctlBusDevice *device)
{
	g_autoptr(SmpImageState) state = smpctl_device_images(device);
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < state->slots->len; i++) {
		const SmpImageSlot *slot = g_ptr_array_index(state->slots, i);
		if (!slot->active)
			continue;
		if (text->len)
			g_string_append_printf(text, ", %u: ", slot->image);
		g_string_append_printf(text, "%s%s", slot->version,
				       slot->confirmed ? "" : " on trial");
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *policy_text(SmpctlBusDevice *device)
{
	const char *policy = smpctl_words(smpctl_bus_device_get_policy(device));

	if (g_str_equal(policy, "away"))
		return g_strdup("waits for the board");
	if (g_str_equal(policy, "none") || g_str_equal(policy, "satisfied"))
		return g_strdup("");
	return g_strdup(policy);
}

SmpctlBusJob *smpctl_device_job(GDBusObjectManager *objects, SmpctlBusDevice *device)
{
	const char *path = smpctl_words(smpctl_bus_device_get_job(device));

	return g_variant_is_object_path(path) ? smpctl_daemon_get_job(objects, path) : NULL;
}

char *smpctl_device_state(GDBusObjectManager *objects, SmpctlBusDevice *device)
{
	g_autoptr(SmpctlBusJob) job = smpctl_device_job(objects, device);

	if (!job)
		return policy_text(device);
	g_autofree char *state = smpctl_job_state(job);
	return g_strdup_printf("job %s, %s", smpctl_job_id(job), state);
}

void smpctl_device_json(JsonBuilder *json, gconstpointer data)
{
	SmpctlBusDevice *device = (SmpctlBusDevice *)data;
	g_autoptr(SmpImageState) state = smpctl_device_images(device);
	const char *job = smpctl_words(smpctl_bus_device_get_job(device));

	smpctl_json_text(json, "device", smpctl_bus_device_get_name(device));
	smpctl_json_text(json, "target", smpctl_bus_device_get_target(device));
	smpctl_json_text(json, "transport", smpctl_bus_device_get_transport(device));
	smpctl_json_text(json, "identity", smpctl_known(smpctl_bus_device_get_identity(device)));
	smpctl_json_bool(json, "present", smpctl_bus_device_get_present(device));
	smpctl_json_moment(json, "seen", smpctl_bus_device_get_seen(device));
	smpctl_json_text(json, "problem", smpctl_known(smpctl_bus_device_get_problem(device)));
	smpctl_json_text(json, "application",
			 smpctl_known(smpctl_bus_device_get_application(device)));
	smpctl_json_text(json, "platform", smpctl_known(smpctl_bus_device_get_platform(device)));
	smpctl_json_text(json, "bootloader",
			 smpctl_known(smpctl_bus_device_get_bootloader(device)));
	smpctl_json_text(json, "mode_name", smpctl_known(smpctl_bus_device_get_mode(device)));
	smpctl_json_bool(json, "recovery", smpctl_bus_device_get_recovery(device));
	smpctl_image_json(json, state);
	smpctl_json_text(json, "wanted", smpctl_known(smpctl_bus_device_get_wanted(device)));
	smpctl_json_text(json, "policy", smpctl_known(smpctl_bus_device_get_policy(device)));
	if (g_str_has_prefix(job, SMPD_JOB_PATH))
		smpctl_json_text(json, "job", job + strlen(SMPD_JOB_PATH));
}

void smpctl_print_fact(const char *label, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(smpctl_words(text), "\n", -1);

	for (guint i = 0; lines[i]; i++) {
		g_autofree char *shown = smpctl_clean(lines[i]);
		if (*shown)
			printf("%-12s %s\n", i ? "" : label, shown);
	}
}

static void print_present(SmpctlBusDevice *device)
{
	g_autofree char *seen = smpctl_time_at(smpctl_bus_device_get_seen(device));
	gboolean present = smpctl_bus_device_get_present(device);
	g_autofree char *text = g_strdup_printf("%s%s%s", present ? "yes" : "no",
						*seen ? ", it answered last at " : "", seen);

	smpctl_print_fact("Present", text);
	smpctl_print_fact("Problem", smpctl_bus_device_get_problem(device));
}

static void print_firmware(SmpctlBusDevice *device)
{
	const char *platform = smpctl_words(smpctl_bus_device_get_platform(device));
	const char *mode = smpctl_words(smpctl_bus_device_get_mode(device));
	g_autofree char *application =
		g_strdup_printf("%s%s%s", smpctl_words(smpctl_bus_device_get_application(device)),
				*platform ? " on " : "", platform);
	g_autofree char *bootloader =
		g_strdup_printf("%s%s%s", smpctl_words(smpctl_bus_device_get_bootloader(device)),
				*mode ? ", " : "", mode);

	smpctl_print_fact("Application", application);
	smpctl_print_fact("Bootloader", smpctl_bus_device_get_recovery(device)
						? "MCUboot, in serial recovery: no application runs"
						: bootloader);
}

void smpctl_device_print(GDBusObjectManager *objects, SmpctlBusDevice *device)
{
	g_autoptr(SmpImageState) state = smpctl_device_images(device);
	g_autofree char *what = smpctl_device_state(objects, device);

	smpctl_print_fact("Device", smpctl_bus_device_get_name(device));
	smpctl_print_fact("Target", smpctl_bus_device_get_target(device));
	print_present(device);
	print_firmware(device);
	smpctl_print_slots(state);
	smpctl_print_fact("Wanted", smpctl_bus_device_get_wanted(device));
	smpctl_print_fact("Now", what);
}

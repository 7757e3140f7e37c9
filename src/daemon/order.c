/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/order.h"
#include "daemon/names.h"

#include <smp/trial.h>
#include <string.h>

#define JOB "job"

SmpdOrder *smpd_order_new(const char *kind, const char *device, const char *target)
{
	SmpdOrder *order = g_new0(SmpdOrder, 1);

	order->kind = g_strdup(kind);
	order->device = g_strdup(device);
	order->target = g_strdup(target);
	order->images = g_array_new(FALSE, TRUE, sizeof(guint));
	order->files = g_new0(char *, 1);
	order->sums = g_new0(char *, 1);
	order->rollback_image = -1;
	order->policy.stop_before = SMP_ACTION_END;
	order->created = g_get_real_time() / G_USEC_PER_SEC;
	return order;
}

void smpd_order_free(SmpdOrder *order)
{
	if (!order)
		return;
	g_free(order->id);
	g_free(order->device);
	g_free(order->target);
	g_free(order->kind);
	g_free(order->started_by);
	g_strfreev(order->files);
	g_array_unref(order->images);
	g_strfreev(order->sums);
	g_free(order->bootloader);
	g_free(order->firmware);
	g_free(order->version);
	g_strfreev(order->slots);
	g_free(order->result);
	g_free(order->message);
	g_free(order->detail);
	g_free(order->error);
	g_free(order);
}

gboolean smpd_order_by_policy(const SmpdOrder *order)
{
	return g_strcmp0(order->started_by, SMPD_STARTED_BY_POLICY) == 0;
}

static void set_text(GKeyFile *keys, const char *key, const char *text)
{
	if (text)
		g_key_file_set_string(keys, JOB, key, text);
}

static void set_list(GKeyFile *keys, const char *key, char **list)
{
	if (list)
		g_key_file_set_string_list(keys, JOB, key, (const char *const *)list,
					   g_strv_length(list));
}

static void set_policy(GKeyFile *keys, const SmpPolicy *policy)
{
	g_key_file_set_string(keys, JOB, "mode", smp_update_mode_name(policy->mode));
	g_key_file_set_uint64(keys, JOB, "allow", policy->allow);
	g_key_file_set_boolean(keys, JOB, "via-recovery", policy->via_recovery);
	g_key_file_set_string(keys, JOB, "stop-before", smp_action_name(policy->stop_before));
}

GKeyFile *smpd_order_to_keys(const SmpdOrder *order)
{
	GKeyFile *keys = g_key_file_new();

	set_text(keys, "kind", order->kind);
	set_text(keys, "device", order->device);
	set_text(keys, "target", order->target);
	set_text(keys, "started-by", order->started_by);
	g_key_file_set_uint64(keys, JOB, "uid", order->uid);
	set_list(keys, "files", order->files);
	set_list(keys, "sums", order->sums);
	if (order->images->len > 0)
		g_key_file_set_integer_list(keys, JOB, "images", (int *)(void *)order->images->data,
					    order->images->len);
	set_text(keys, "bootloader", order->bootloader);
	set_text(keys, "firmware", order->firmware);
	set_text(keys, "version", order->version);
	set_list(keys, "slots", order->slots);
	g_key_file_set_integer(keys, JOB, "rollback-image", order->rollback_image);
	set_policy(keys, &order->policy);
	g_key_file_set_uint64(keys, JOB, "window", order->window);
	g_key_file_set_int64(keys, JOB, "created", order->created);
	g_key_file_set_int64(keys, JOB, "started", order->started);
	g_key_file_set_int64(keys, JOB, "ended", order->ended);
	set_text(keys, "result", order->result);
	set_text(keys, "message", order->message);
	set_text(keys, "detail", order->detail);
	set_text(keys, "error", order->error);
	g_key_file_set_uint64(keys, JOB, "bytes", order->bytes);
	return keys;
}

static char *get_text(GKeyFile *keys, const char *key)
{
	return g_key_file_get_string(keys, JOB, key, NULL);
}

static gboolean damaged(GError **error, const char *key)
{
	g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
		    "its %s is missing or wrong", key);
	return FALSE;
}

static gboolean get_policy(GKeyFile *keys, SmpPolicy *policy, GError **error)
{
	g_autofree char *mode = get_text(keys, "mode");
	g_autofree char *stop = get_text(keys, "stop-before");

	policy->allow = (guint)g_key_file_get_uint64(keys, JOB, "allow", NULL);
	policy->via_recovery = g_key_file_get_boolean(keys, JOB, "via-recovery", NULL);
	if (!mode || !smp_update_mode_parse(mode, &policy->mode))
		return damaged(error, "mode");
	policy->stop_before = SMP_ACTION_END;
	if (stop && g_strcmp0(stop, smp_action_name(SMP_ACTION_END)) != 0 &&
	    !smp_action_parse(stop, &policy->stop_before))
		return damaged(error, "stop-before");
	return TRUE;
}

static gboolean get_files(GKeyFile *keys, SmpdOrder *order, GError **error)
{
	gsize count = 0;
	g_autofree int *images = g_key_file_get_integer_list(keys, JOB, "images", &count, NULL);

	g_strfreev(order->files);
	g_strfreev(order->sums);
	order->files = g_key_file_get_string_list(keys, JOB, "files", NULL, NULL);
	order->sums = g_key_file_get_string_list(keys, JOB, "sums", NULL, NULL);
	order->files = order->files ? order->files : g_new0(char *, 1);
	order->sums = order->sums ? order->sums : g_new0(char *, 1);
	g_array_append_vals(order->images, images, images ? (guint)count : 0);
	if (g_strv_length(order->files) != order->images->len ||
	    g_strv_length(order->sums) != order->images->len)
		return damaged(error, "list of files");
	for (char **file = order->files; *file; file++) {
		if (strchr(*file, '/') || **file == '.' || **file == '\0')
			return damaged(error, "list of files");
	}
	return TRUE;
}

static void get_end(GKeyFile *keys, SmpdOrder *order)
{
	order->created = g_key_file_get_int64(keys, JOB, "created", NULL);
	order->started = g_key_file_get_int64(keys, JOB, "started", NULL);
	order->ended = g_key_file_get_int64(keys, JOB, "ended", NULL);
	order->result = get_text(keys, "result");
	order->message = get_text(keys, "message");
	order->detail = get_text(keys, "detail");
	order->error = get_text(keys, "error");
	order->bytes = g_key_file_get_uint64(keys, JOB, "bytes", NULL);
}

static gboolean is_kind(const char *kind)
{
	static const char *const kinds[] = {SMPD_KIND_UPDATE, SMPD_KIND_ENSURE, SMPD_KIND_ROLLBACK,
					    NULL};

	return kind && g_strv_contains(kinds, kind);
}

SmpdOrder *smpd_order_from_keys(const char *id, GKeyFile *keys, GError **error)
{
	g_autofree char *kind = get_text(keys, "kind");
	g_autofree char *device = get_text(keys, "device");
	g_autofree char *target = get_text(keys, "target");
	g_autoptr(SmpdOrder) order = smpd_order_new(kind, device, target);

	if (!is_kind(kind) || !device || !target) {
		damaged(error, !is_kind(kind) ? "kind" : !device ? "device" : "target");
		return NULL;
	}
	if (!smpd_name_check(device, error) || !get_policy(keys, &order->policy, error) ||
	    !get_files(keys, order, error))
		return NULL;
	order->id = g_strdup(id);
	order->started_by = get_text(keys, "started-by");
	order->uid = (guint32)g_key_file_get_uint64(keys, JOB, "uid", NULL);
	order->bootloader = get_text(keys, "bootloader");
	if (order->bootloader && !smp_bootloader_parse(order->bootloader, NULL)) {
		damaged(error, "bootloader");
		return NULL;
	}
	order->firmware = get_text(keys, "firmware");
	order->version = get_text(keys, "version");
	order->slots = g_key_file_get_string_list(keys, JOB, "slots", NULL, NULL);
	order->rollback_image = g_key_file_get_integer(keys, JOB, "rollback-image", NULL);
	order->window = (guint)g_key_file_get_uint64(keys, JOB, "window", NULL);
	get_end(keys, order);
	return g_steal_pointer(&order);
}

char *smpd_bundle_id(const SmpBundle *bundle)
{
	g_auto(GStrv) names = smp_trial_names(bundle);
	return g_strjoinv(" ", names);
}

char *smpd_bundle_version(const SmpBundle *bundle)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < bundle->items->len; i++) {
		const SmpBundleItem *item = g_ptr_array_index(bundle->items, i);
		const SmpBundleItem *before = i ? g_ptr_array_index(bundle->items, i - 1) : NULL;
		/* Two variants for two slots are one image. */
		if (before && before->image == item->image)
			continue;
		if (bundle->items->len == 1)
			g_string_append(text, item->version);
		else
			g_string_append_printf(text, "%s%u: %s", text->len ? ", " : "", item->image,
					       item->version);
	}
	return g_string_free(text, FALSE);
}

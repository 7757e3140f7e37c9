/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <smp/error.h>
#include <smp/settings.h>

enum {
	VALUE = 0,
	DELETE = 1,
	COMMIT = 2,
	LOAD_SAVE = 3,
};

/* A whole flash sector may have to be collected first. */
#define FLASH_TIMEOUT_MS 30000

static GByteArray *named_request(SmpOp op, const char *name, gsize pairs)
{
	GByteArray *request = smp_packet_new(op, SMP_GROUP_SETTINGS, VALUE);

	smp_cbor_put_map(request, pairs);
	smp_cbor_put_text(request, "name");
	smp_cbor_put_text(request, name);
	return request;
}

/* Zephyr has bytes and Mynewt text: either is a value. Returns: (transfer full) (nullable) */
static GBytes *take_value(const SmpCbor *body, const char *doing, GError **error)
{
	SmpCbor item;
	GBytes *value = smp_cbor_get(body, "val", &item) ? smp_cbor_dup_bytes(&item) : NULL;

	if (!value)
		smp_group_missing(error, doing, "val");
	return value;
}

GBytes *smp_settings_read(SmpSession *session, const char *name, guint max_size, gboolean *cut,
			  GError **error)
{
	SmpCbor body;
	guint64 limit = max_size;
	const char *doing = "read the setting";
	GByteArray *request = named_request(SMP_OP_READ, name, max_size ? 2 : 1);

	if (max_size) {
		smp_cbor_put_text(request, "max_size");
		smp_cbor_put_uint(request, max_size);
	}
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, 0, SMP_REPEAT_SAFE, doing, &body, error);
	GBytes *value = response ? take_value(&body, doing, error) : NULL;
	if (!value)
		return NULL;
	/* Where the board takes less than it was asked for it says how much. */
	smp_cbor_get_uint(&body, "max_size", &limit);
	if (cut)
		*cut = limit > 0 && g_bytes_get_size(value) >= limit;
	return value;
}

gboolean smp_settings_write(SmpSession *session, const char *name, GBytes *value, GError **error)
{
	GByteArray *request = named_request(SMP_OP_WRITE, name, 2);
	gsize size;
	gconstpointer data = g_bytes_get_data(value, &size);

	smp_cbor_put_text(request, "val");
	smp_cbor_put_bytes(request, data, size);
	return smp_group_order(session, request, 0, SMP_REPEAT_SAFE, "write the setting", error);
}

gboolean smp_settings_delete(SmpSession *session, const char *name, GError **error)
{
	return smp_group_order(
		session,
		smp_group_text_request(SMP_OP_WRITE, SMP_GROUP_SETTINGS, DELETE, "name", name),
		smp_group_at_least(session, FLASH_TIMEOUT_MS), SMP_REPEAT_NEVER,
		"delete the setting", error);
}

static gboolean order(SmpSession *session, SmpOp op, guint8 command, const char *doing,
		      GError **error)
{
	return smp_group_order(session, smp_group_empty_request(op, SMP_GROUP_SETTINGS, command),
			       smp_group_at_least(session, FLASH_TIMEOUT_MS), SMP_REPEAT_SAFE,
			       doing, error);
}

gboolean smp_settings_commit(SmpSession *session, GError **error)
{
	return order(session, SMP_OP_WRITE, COMMIT, "apply the settings", error);
}

gboolean smp_settings_load(SmpSession *session, GError **error)
{
	return order(session, SMP_OP_READ, LOAD_SAVE, "load the settings", error);
}

gboolean smp_settings_save(SmpSession *session, const char *name, GError **error)
{
	const char *doing = "save the settings";

	if (!name)
		return order(session, SMP_OP_WRITE, LOAD_SAVE, doing, error);
	return smp_group_order(
		session,
		smp_group_text_request(SMP_OP_WRITE, SMP_GROUP_SETTINGS, LOAD_SAVE, "name", name),
		smp_group_at_least(session, FLASH_TIMEOUT_MS), SMP_REPEAT_SAFE, doing, error);
}

GBytes *smp_config_read(SmpSession *session, const char *name, GError **error)
{
	SmpCbor body;
	const char *doing = "read the configuration";
	g_autoptr(SmpResponse) response =
		smp_group_call(session, named_request(SMP_OP_READ, name, 1), 0, SMP_REPEAT_SAFE,
			       doing, &body, error);

	return response ? take_value(&body, doing, error) : NULL;
}

gboolean smp_config_write(SmpSession *session, const char *name, const char *value, GError **error)
{
	GByteArray *request = named_request(SMP_OP_WRITE, name, 2);

	smp_cbor_put_text(request, "val");
	smp_cbor_put_text(request, value);
	return smp_group_order(session, request, 0, SMP_REPEAT_SAFE, "write the configuration",
			       error);
}

gboolean smp_config_save(SmpSession *session, GError **error)
{
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_SETTINGS, VALUE);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "save");
	smp_cbor_put_bool(request, TRUE);
	return smp_group_order(session, request, smp_group_at_least(session, FLASH_TIMEOUT_MS),
			       SMP_REPEAT_SAFE, "save the configuration", error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <smp/error.h>
#include <smp/stat.h>

enum {
	SHOW = 0,
	LIST = 1,
};

char **smp_stat_list(SmpSession *session, GError **error)
{
	SmpCbor body;
	const char *doing = "list the statistics";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_STAT, LIST, doing, &body, error);

	return response ? smp_group_get_texts(&body, "stat_list", doing, error) : NULL;
}

static void field_free(gpointer data)
{
	g_free(((SmpStatField *)data)->name);
	g_free(data);
}

/* An error that the walk through the counters meets stands among them, as a map (stat_mgmt.c). */
static gboolean add_field(GPtrArray *fields, const SmpCbor *key, const SmpCbor *value)
{
	guint64 number;

	if (!smp_cbor_uint(value, &number))
		return smp_cbor_type(value) != SMP_CBOR_MAP;
	SmpStatField *field = g_new(SmpStatField, 1);
	*field = (SmpStatField){.name = smp_cbor_dup_text(key), .value = number};
	if (!field->name)
		field->name = g_strdup("?");
	g_ptr_array_add(fields, field);
	return TRUE;
}

GPtrArray *smp_stat_read(SmpSession *session, const char *name, GError **error)
{
	SmpCbor body, key, value;
	SmpCborIter iter;
	const char *doing = "read the statistics";
	g_autoptr(SmpResponse) response = smp_group_call(
		session, smp_group_text_request(SMP_OP_READ, SMP_GROUP_STAT, SHOW, "name", name), 0,
		SMP_REPEAT_SAFE, doing, &body, error);

	if (!response || !smp_group_get_items(&body, "fields", TRUE, &iter, doing, error))
		return NULL;
	g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(field_free);
	gboolean good = TRUE;
	while (good && smp_cbor_iter_next(&iter, &key, &value))
		good = add_field(fields, &key, &value);
	if (good)
		return g_steal_pointer(&fields);
	g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED,
		    "cannot %s: the board could not read all counters of “%s”", doing, name);
	return NULL;
}

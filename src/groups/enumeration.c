/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <smp/enumeration.h>
#include <smp/error.h>

enum {
	COUNT = 0,
	LIST = 1,
	SINGLE = 2,
	DETAILS = 3,
};

gboolean smp_enumeration_count(SmpSession *session, guint *count, GError **error)
{
	SmpCbor body;
	guint64 number;
	const char *doing = "count the groups";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_ENUM, COUNT, doing, &body, error);

	if (!response)
		return FALSE;
	if (!smp_cbor_get_uint(&body, "count", &number) || number > G_MAXUINT16 + 1) {
		smp_group_missing(error, doing, "count");
		return FALSE;
	}
	*count = (guint)number;
	return TRUE;
}

GArray *smp_enumeration_list(SmpSession *session, GError **error)
{
	SmpCbor body, item;
	SmpCborIter iter;
	guint64 number;
	const char *doing = "list the groups";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_ENUM, LIST, doing, &body, error);

	if (!response || !smp_group_get_items(&body, "groups", FALSE, &iter, doing, error))
		return NULL;
	GArray *groups = g_array_new(FALSE, FALSE, sizeof(guint16));
	while (smp_cbor_iter_next(&iter, NULL, &item)) {
		if (!smp_cbor_uint(&item, &number) || number > G_MAXUINT16)
			continue;
		guint16 id = (guint16)number;
		g_array_append_val(groups, id);
	}
	return groups;
}

gboolean smp_enumeration_single(SmpSession *session, guint index, guint16 *group, gboolean *last,
				GError **error)
{
	SmpCbor body;
	guint64 number;
	const char *doing = "read the group";
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_ENUM, SINGLE);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, "index");
	smp_cbor_put_uint(request, index);
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, 0, SMP_REPEAT_SAFE, doing, &body, error);
	if (!response)
		return FALSE;
	if (!smp_cbor_get_uint(&body, "group", &number) || number > G_MAXUINT16) {
		smp_group_missing(error, doing, "group");
		return FALSE;
	}
	*group = (guint16)number;
	*last = smp_cbor_get_bool(&body, "end");
	return TRUE;
}

static void info_free(gpointer data)
{
	g_free(((SmpGroupInfo *)data)->name);
	g_free(data);
}

static gpointer read_info(const SmpCbor *map)
{
	guint64 id, handlers = 0;

	if (!smp_cbor_get_uint(map, "group", &id) || id > G_MAXUINT16)
		return NULL;
	smp_cbor_get_uint(map, "handlers", &handlers);
	SmpGroupInfo *info = g_new(SmpGroupInfo, 1);
	*info = (SmpGroupInfo){
		.id = (guint16)id,
		.name = smp_cbor_get_text(map, "name"),
		.handlers = (guint)MIN(handlers, G_MAXUINT16),
	};
	if (!info->name)
		info->name = g_strdup("");
	return info;
}

GPtrArray *smp_enumeration_details(SmpSession *session, GError **error)
{
	SmpCbor body;
	const char *doing = "read the groups' details";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_ENUM, DETAILS, doing, &body, error);

	return response ? smp_group_get_list(&body, "groups", doing, read_info, info_free, error)
			: NULL;
}

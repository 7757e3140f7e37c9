/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

SmpResponse *smp_group_call(SmpSession *session, GByteArray *request, guint timeout_ms,
			    SmpRepeat repeat, const char *doing, SmpCbor *body, GError **error)
{
	g_autoptr(GByteArray) owned = request;
	SmpResponse *response = smp_session_call(session, owned, timeout_ms, repeat, error);

	if (response)
		*body = smp_response_body(response);
	else
		g_prefix_error(error, "cannot %s: ", doing);
	return response;
}

guint smp_group_at_least(SmpSession *session, guint ms)
{
	return MAX(ms, smp_session_get_timeout(session));
}

guint smp_group_unless_given(SmpSession *session, guint ms)
{
	return smp_session_insists_on_timeout(session) ? smp_session_get_timeout(session) : ms;
}

GByteArray *smp_group_empty_request(SmpOp op, guint16 group, guint8 command)
{
	GByteArray *request = smp_packet_new(op, group, command);
	/* A payload of no bytes at all fails in every handler that decodes its map. */
	smp_cbor_put_map(request, 0);
	return request;
}

void smp_group_missing(GError **error, const char *doing, const char *key)
{
	g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED,
		    "cannot %s: the board's answer lacks “%s”", doing, key);
}

gboolean smp_group_order(SmpSession *session, GByteArray *request, guint timeout_ms,
			 SmpRepeat repeat, const char *doing, GError **error)
{
	SmpCbor body;
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, timeout_ms, repeat, doing, &body, error);

	return response != NULL;
}

GByteArray *smp_group_text_request(SmpOp op, guint16 group, guint8 command, const char *key,
				   const char *text)
{
	GByteArray *request = smp_packet_new(op, group, command);

	smp_cbor_put_map(request, 1);
	smp_cbor_put_text(request, key);
	smp_cbor_put_text(request, text);
	return request;
}

SmpResponse *smp_group_ask(SmpSession *session, guint16 group, guint8 command, const char *doing,
			   SmpCbor *body, GError **error)
{
	return smp_group_call(session, smp_group_empty_request(SMP_OP_READ, group, command), 0,
			      SMP_REPEAT_SAFE, doing, body, error);
}

gboolean smp_group_get_items(const SmpCbor *body, const char *key, gboolean map, SmpCborIter *iter,
			     const char *doing, GError **error)
{
	SmpCbor container;

	if (smp_cbor_get(body, key, &container) && smp_cbor_iter_init(iter, &container) &&
	    iter->map == map)
		return TRUE;
	smp_group_missing(error, doing, key);
	return FALSE;
}

GPtrArray *smp_group_get_list(const SmpCbor *body, const char *key, const char *doing,
			      SmpGroupRead read, GDestroyNotify destroy, GError **error)
{
	SmpCbor item;
	SmpCborIter iter;

	if (!smp_group_get_items(body, key, FALSE, &iter, doing, error))
		return NULL;
	GPtrArray *list = g_ptr_array_new_with_free_func(destroy);
	while (smp_cbor_iter_next(&iter, NULL, &item)) {
		gpointer element = smp_cbor_type(&item) == SMP_CBOR_MAP ? read(&item) : NULL;
		if (element)
			g_ptr_array_add(list, element);
	}
	return list;
}

char **smp_group_get_texts(const SmpCbor *body, const char *key, const char *doing, GError **error)
{
	SmpCbor item;
	SmpCborIter iter;

	if (!smp_group_get_items(body, key, FALSE, &iter, doing, error))
		return NULL;
	g_autoptr(GStrvBuilder) texts = g_strv_builder_new();
	while (smp_cbor_iter_next(&iter, NULL, &item)) {
		g_autofree char *text = smp_cbor_dup_text(&item);
		if (text)
			g_strv_builder_add(texts, text);
	}
	return g_strv_builder_end(texts);
}

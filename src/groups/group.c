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

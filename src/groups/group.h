/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the groups share. No CBOR is seen above this layer. */

#include "protocol/cbor.h"
#include "session/session.h"

G_BEGIN_DECLS

/* Sends @request (consumed) and gives the map of its answer in @body, which lives as long as the
 * response. Errors are prefixed with "cannot @doing: ". */
SmpResponse *smp_group_call(SmpSession *session, GByteArray *request, guint timeout_ms,
			    SmpRepeat repeat, const char *doing, SmpCbor *body, GError **error);

/* A request without parameters: an empty map. */
GByteArray *smp_group_empty_request(SmpOp op, guint16 group, guint8 command);

/* "cannot @doing: the answer lacks “@key”" */
void smp_group_missing(GError **error, const char *doing, const char *key);

G_END_DECLS

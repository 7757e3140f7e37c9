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

/* Returns: @ms, which a command needs that makes the board work, or more where the session has it
 */
guint smp_group_at_least(SmpSession *session, guint ms);

/* Returns: @ms, which a command has that does not write, or the session's where somebody
 * insists on that */
guint smp_group_unless_given(SmpSession *session, guint ms);

/* A request without parameters: an empty map. */
GByteArray *smp_group_empty_request(SmpOp op, guint16 group, guint8 command);

/* The same, and the answer is of no interest. @request: consumed */
gboolean smp_group_order(SmpSession *session, GByteArray *request, guint timeout_ms,
			 SmpRepeat repeat, const char *doing,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A request with one text. */
GByteArray *smp_group_text_request(SmpOp op, guint16 group, guint8 command, const char *key,
				   const char *text);

/* Asks for what needs no parameters; otherwise like smp_group_call(). */
SmpResponse *smp_group_ask(SmpSession *session, guint16 group, guint8 command, const char *doing,
			   SmpCbor *body, GError **error);

/* To the beginning of a member of @body that is a map or, where @map is FALSE, an array; FALSE with
 * an error where it is not there or something else. */
gboolean smp_group_get_items(const SmpCbor *body, const char *key, gboolean map, SmpCborIter *iter,
			     const char *doing, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads an element of an array of maps; NULL where it lacks what makes it one. */
typedef gpointer (*SmpGroupRead)(const SmpCbor *map);

/* Returns: (transfer full): what @read makes of the maps in an array; what is no map is left out */
GPtrArray *smp_group_get_list(const SmpCbor *body, const char *key, const char *doing,
			      SmpGroupRead read, GDestroyNotify destroy,
			      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the texts of an array; what is no text is left out */
char **smp_group_get_texts(const SmpCbor *body, const char *key, const char *doing,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "cannot @doing: the answer lacks “@key”" */
void smp_group_missing(GError **error, const char *doing, const char *key);

G_END_DECLS

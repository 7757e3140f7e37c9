/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* Any command of any group, with JSON for its CBOR. What JSON has no type for is an object with one
 * member: bytes are {"$hex": "00ff"}, a tag is {"$tag": [1, content]}, an integer above 2^63 is
 * {"$uint": "18446744073709551615"}, a number that is none is {"$float": "nan"} (or "inf",
 * "-inf"). Keys that are no text are the JSON of the key, undefined is null. */

/**
 * smp_raw_from_json:
 * @json: any value; a map for all groups below 64
 *
 * Returns: (transfer full): it as CBOR: integers and definite lengths in their shortest form
 */
GBytes *smp_raw_from_json(const char *json, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_raw_to_json:
 * @cbor: one item
 *
 * Returns: (transfer full) (nullable): it as JSON on one line; %NULL where it is no CBOR
 */
char *smp_raw_to_json(const guint8 *cbor, gsize size) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_raw_call:
 * @op: %SMP_OP_READ or %SMP_OP_WRITE
 * @payload: CBOR
 * @timeout_ms: 0 for the session's
 *
 * Asks once: what it does is not known here.
 *
 * Returns: (transfer full): the answer as JSON on one line
 */
char *smp_raw_call(SmpSession *session, SmpOp op, guint16 group, guint8 command, GBytes *payload,
		   guint timeout_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

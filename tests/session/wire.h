/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What scripted boards of the tests have in common: answers as packets. */

#include "test-link.h"

#include <smp/packet.h>

/* The answer to @request with @payload reaches the client at @when. */
void wire_answer(SmpLink *link, const guint8 *request, const GByteArray *payload, gint64 when);

/* The same with the payload in hex; blanks in it are left out. */
void wire_answer_hex(SmpLink *link, const guint8 *request, const char *hex, gint64 when);

/* {"rc": rc}; {"err": {"group": group, "rc": rc}} */
void wire_answer_rc(SmpLink *link, const guint8 *request, guint rc, gint64 when);
void wire_answer_error(SmpLink *link, const guint8 *request, guint group, guint rc, gint64 when);

/* {"buf_size": size, "buf_count": count} */
void wire_answer_params(SmpLink *link, const guint8 *request, guint size, guint count, gint64 when);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/server.h"

G_BEGIN_DECLS

/* A member of the request's map. */
gboolean sim_mynewt_get(const SimRequest *request, const char *key, SmpCbor *value);
/* Returns: (transfer full) (nullable) */
char *sim_mynewt_text(const SimRequest *request, const char *key);
/* `rc` 0 and an array. */
void sim_mynewt_put_texts(GByteArray *out, const char *key, const char *const *texts);
/* What the board's clock says at @time, µs. */
gint64 sim_mynewt_clock(const SimBoard *board, gint64 time);

/* mynewt-core.c: what a crash leaves */
void sim_mynewt_core_make(SimBoard *board);
int sim_mynewt_core_list(SimRequest *request);
int sim_mynewt_core_load(SimRequest *request);
int sim_mynewt_core_erase(SimRequest *request);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "update/flight.h"
#include "update/pages.h"
#include "update/window.h"

G_BEGIN_DECLS

/**
 * SmpTraffic: what is in flight, and what the answers tell of how much more may be.
 * @resync: the server may have heard half a line and no more
 */
typedef struct {
	SmpWindow window;
	SmpFlights flights;
	SmpPages pages;
	gboolean resync;
} SmpTraffic;

/**
 * SmpRisk: what becomes of what is sent now, if the board is deaf while it erases.
 * @SMP_RISK_NONE: no erase is foreseen, or it was seen to listen, or a loss would be cheap
 * @SMP_RISK_TRIAL: it may be lost, so it shall be small
 * @SMP_RISK_LOSS: it would be lost
 */
typedef enum {
	SMP_RISK_NONE,
	SMP_RISK_TRIAL,
	SMP_RISK_LOSS,
} SmpRisk;

/* @chunk: data bytes of a full request */
SmpRisk smp_traffic_get_risk(const SmpTraffic *traffic, gsize chunk);

/* Removes the request with @sequence, which was answered @now, and all sent before it, whose
 * answers will not come. @heard: when the answer before it came; 0 if it is the first. Returns:
 * FALSE if there is none */
gboolean smp_traffic_take(SmpTraffic *traffic, SmpSession *session, guint8 sequence, gint64 heard,
			  gint64 now, SmpFlight *flight);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The state of a transfer, between what sends it (transfer.c) and what gets it over errors
 * (transfer-recover.c). */

#include "session/session.h"
#include "update/traffic.h"
#include "update/transfer.h"

G_BEGIN_DECLS

/* Listeners are told about a wait this often. */
#define SMP_TRANSFER_TICK (250 * G_TIME_SPAN_MILLISECOND)

#define SMP_TRANSFER_MAX_REFUSALS 8 /* of the same chunk in a row */

typedef struct {
	SmpSession *session;
	SmpLink *link;
	const SmpTransfer *transfer;
	const SmpUploadOptions *options;
	SmpUploadResult *result;
	GByteArray *packet;
	gsize max_packet;
	gsize max_data; /* data bytes in a request; 0 for what fits */
	gboolean align; /* the server cuts chunks to its write size */
	SmpTraffic traffic;
	guint window_cap; /* what the server's buffers allow */
	gboolean begun;	  /* the first request was answered */
	guint64 offset;	  /* where the server is */
	guint64 best;	  /* the furthest that it was */
	guint64 next;	  /* what to send next */
	guint64 highest;  /* end of what was ever sent or known to be there */
	gint64 started;
	gint64 heard;	/* when the last answer came, or the transfer began */
	gint64 erased;	/* how long the first request took */
	guint timeouts; /* in a row */
	guint refusals; /* of the same chunk in a row */
	guint repeats;	/* of the first request */
	guint restarts;
	guint returns;
	guint busy;
	int match;
} SmpTransferRun;

/* Tells the listener. @waiting: (nullable): for what */
void smp_transfer_tell(SmpTransferRun *run, const char *waiting);
/* How large requests may be, and how many in flight. */
gboolean smp_transfer_learn_server(SmpTransferRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Goes on where the server is known to be; 0 for the first request. */
void smp_transfer_go_on(SmpTransferRun *run, guint64 offset);
/* Sets the error. Returns: FALSE */
gboolean smp_transfer_stalled(SmpTransferRun *run, GError **error, const char *how);
/* From the first request on, unless that was done too often. */
gboolean smp_transfer_start_over(SmpTransferRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The server says 0 in the middle. */
gboolean smp_transfer_lost_place(SmpTransferRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @flight: (nullable): the request that @cause answers */
gboolean smp_transfer_take_error(SmpTransferRun *run, const SmpFlight *flight, const GError *cause,
				 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The link is gone: waits for the board and goes on. */
gboolean smp_transfer_reconnect(SmpTransferRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether to update a board now: a pure decision. */

#include "daemon/configuration.h"

G_BEGIN_DECLS

typedef enum {
	SMPD_DECISION_NONE,	 /* nothing is wanted */
	SMPD_DECISION_PROBLEM,	 /* what is wanted cannot be used */
	SMPD_DECISION_UPDATING,	 /* a job has it */
	SMPD_DECISION_AWAY,	 /* it is not there */
	SMPD_DECISION_SATISFIED, /* it runs what is wanted */
	SMPD_DECISION_HELD,	 /* it failed too often, or was refused */
	SMPD_DECISION_INHIBITED,
	SMPD_DECISION_LATER,  /* tried again at @again */
	SMPD_DECISION_WINDOW, /* waits for @again */
	SMPD_DECISION_START,
} SmpdDecisionKind;

/**
 * SmpdRecord: what became of the wanted firmware on a board so far.
 * @firmware: (nullable): which it is about; another one begins anew
 * @failures: without a good end between them
 * @rollbacks: how often the board went back
 * @refused: (nullable): why it was refused
 * @last: when the last one failed, seconds since 1970
 * @settled: (nullable): what ran when it was last found good
 * @job: (nullable): the last job that was counted
 */
typedef struct {
	char *firmware;
	guint failures;
	guint rollbacks;
	char *refused;
	gint64 last;
	char *settled;
	char *job;
} SmpdRecord;

void smpd_record_clear(SmpdRecord *record);

/* A job with @firmware ended: counts it. @running: (nullable): what the board runs now. */
void smpd_record_add(SmpdRecord *record, const char *firmware, const char *job, const char *result,
		     const char *message, const char *running, gint64 now);

/**
 * SmpdSituation:
 * @wanted: (nullable): which firmware
 * @problem: (nullable): why what is wanted cannot be used
 * @runs: it runs the wanted firmware as far as the mode wants it to
 * @running: (nullable): what it runs, to be compared with the record's
 */
typedef struct {
	const SmpdRules *rules;
	const SmpdRecord *record;
	const char *wanted;
	const char *problem;
	gboolean busy;
	gboolean present;
	gboolean runs;
	const char *running;
	gboolean inhibited;
	GDateTime *now;
} SmpdSituation;

/* @again: when to decide anew, seconds since 1970; 0 for when something changes */
typedef struct {
	SmpdDecisionKind kind;
	gint64 again;
	char *text;
} SmpdDecision;

void smpd_decide(const SmpdSituation *situation, SmpdDecision *decision);

G_END_DECLS

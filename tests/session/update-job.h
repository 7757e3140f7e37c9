/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One update of such a board, and what came of it. */

#include "update-board.h"

#include <smp/update.h>

#define MS  G_TIME_SPAN_MILLISECOND
#define SEC G_TIME_SPAN_SECOND

typedef struct {
	UpdateBoard board;
	SmpBundle *bundle;
	SmpPolicy policy;
	guint boot_timeout_ms;
	GCancellable *cancellable;
	guint cancel_at; /* which event, from 1; 0 for never */
	/* the outcome */
	SmpUpdateResult *result;
	GError *error;
	char *state;
	GString *steps;
	guint events;
	double fraction;
	gint64 took;
} Job;

/* Images of 1.3.0. */
void job_init(Job *job, guint images);
void job_clear(Job *job);

/* May be called again for the same board. */
void run_job(Job *job);

/* @steps: (nullable): all that were begun; @text: in the message */
void assert_end(const Job *job, SmpEnd end, const char *steps, const char *text);
void assert_updated(const Job *job, const char *steps);
/* It runs the old image, also after another start. */
void assert_old(const Job *job);
gboolean runs_new(const Job *job, guint image);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/update.h>

G_BEGIN_DECLS

struct SmpUpdate {
	SmpSession *session;
	SmpLink *link;
	const SmpBundle *bundle;
	SmpPolicy policy;
	SmpAttempt attempt;
	SmpUploadOptions upload_options;
	guint boot_timeout_ms;
	SmpUpdateEventFunc func;
	gpointer user_data;
	SmpHealthFunc health_func;
	gpointer health_data;
	SmpJournal *journal;
	SmpBoard *board;
	gboolean unseen; /* what the step did is not known: the board was not seen since */
	guint losses;	 /* steps in which the board was lost */
	SmpPlanStep step;
	gint64 started;
	gint64 there; /* it is taken to have been there then, as if it was heard */
	gint64 step_started;
	double fraction;
	SmpUploadProgress progress;
	SmpUploadResult upload;
	guint64 sent;
};

/* The image that the step is about. */
const SmpBundleItem *smp_update_item(const SmpUpdate *update);

/* look.c */
gboolean smp_update_same_images(const SmpImageState *a, const SmpImageState *b);
/* Whether to look again: for a board that went away, and, once something was begun, for one that
 * does not answer. */
gboolean smp_update_may_return(const SmpUpdate *update, const GError *error);
/* A board that erases is silent, and not away. */
gboolean smp_update_may_be_erasing(const SmpUpdate *update, const GError *cause);

/* state.c */
/* Returns: (nullable): the slot that runs @item's image, if that is @item itself */
const SmpImageSlot *smp_update_runs(const SmpUpdate *update, const SmpBundleItem *item);
/* How things stand when a step could not be finished. */
SmpEnd smp_update_end(const SmpUpdate *update);

G_END_DECLS

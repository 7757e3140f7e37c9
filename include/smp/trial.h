/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/plan.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* Bundles of images that are on the board already: no file is needed to keep or start them. */

/* Returns: (transfer full): the running images that are on trial; where none is, those that run.
 * %NULL with %SMP_UPDATE_ERROR_REFUSED where the board does not say */
SmpBundle *smp_trial_running(const SmpBoard *board, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_trial_fallbacks:
 * @image: only of this number; -1 for all
 *
 * Returns: (transfer full): what a rollback goes back to: the images in the other slots, only of
 * those image numbers that are on trial where any is; none that waits for its first start. %NULL
 * with %SMP_UPDATE_ERROR_REFUSED where there is none
 */
SmpBundle *smp_trial_fallbacks(const SmpBoard *board, int image,
			       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the images as N:HASH, by which smp_trial_find() finds them again */
char **smp_trial_names(const SmpBundle *bundle);

/**
 * smp_trial_find:
 * @names: of smp_trial_names(): images that may have changed places meanwhile
 *
 * Returns: (transfer full): %NULL with %SMP_UPDATE_ERROR_STATE where the board lacks one
 */
SmpBundle *smp_trial_find(const SmpBoard *board, const char *const *names,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/device.h"

G_BEGIN_DECLS

/* @job: (nullable): %NULL with @error */
typedef void (*SmpdCreated)(SmpdJob *job, const GError *error, gpointer data);

/**
 * smpd_job_create:
 * @order: (transfer full)
 * @fds, @names: (nullable) (transfer full): its files
 * @file: (nullable) (transfer full): instead of these the path of one, chosen by the administrator
 * @uid: who wants it, where @order does not say
 *
 * Copies the files, looks at them and puts the job on disk, then on the bus, then into the queue.
 * The device is reserved meanwhile; it must have no job.
 */
void smpd_job_create(SmpdDevice *device, SmpdOrder *order, GUnixFDList *fds, char **names,
		     char *file, SmpdCreated done, gpointer data);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/daemon.h"

#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/* The arguments of Update and Ensure, as org.smpd1.xml has them, into @call: its order, its files
 * and their names. */
gboolean smpd_update_parse(SmpdCall *call, GUnixFDList *fds, GVariant *files, GVariant *options,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

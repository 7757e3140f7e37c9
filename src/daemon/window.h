/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Maintenance windows: "Sat,Sun 02:00-05:00; 23:30-00:30", in local time. */

#include <gio/gio.h>

G_BEGIN_DECLS

/* From @begin to @end in minutes of the day that each bit of @days names, bit 0 a Monday; an @end
 * that is not after @begin is on the next day. */
typedef struct {
	guint8 days;
	guint16 begin;
	guint16 end;
} SmpdWindow;

/* Returns: (transfer full) (element-type SmpdWindow): %NULL with an error */
GArray *smpd_windows_parse(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @windows: (nullable): none is always open */
gboolean smpd_windows_open(const GArray *windows, GDateTime *now);

/* Returns: (nullable): when one opens next, seconds since 1970; 0 where none does */
gint64 smpd_windows_next(const GArray *windows, GDateTime *now);

G_END_DECLS

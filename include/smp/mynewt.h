/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* Groups that only Mynewt serves: log (4), crash (5), run (7). Facts: Mynewt sys/log/modlog,
 * test/crash_test, test/runtest; newtmgr nmxact/nmp. */

/**
 * SmpLogEntry:
 * @timestamp: microseconds, of the board's clock
 * @module, @level: by number; smp_log_modules() and smp_log_levels() name them
 * @type: (nullable): "str", "cbor", "bin"; %NULL where it is not told, as it is for text
 * @image: (nullable): first bytes of the hash of the image that wrote it
 */
typedef struct {
	guint64 index;
	gint64 timestamp;
	guint64 module;
	guint64 level;
	char *type;
	GBytes *image;
	GBytes *message;
} SmpLogEntry;

/**
 * SmpLog:
 * @type: where it is: 0 nowhere (a stream), 1 in memory, 2 in flash; -1 where that is not told
 * @entries: (element-type SmpLogEntry)
 */
typedef struct {
	char *name;
	int type;
	GPtrArray *entries;
} SmpLog;

/* A name and its number. */
typedef struct {
	char *name;
	gint64 number;
} SmpLogName;

/* Returns: (transfer full): the names of all logs */
char **smp_log_list(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full) (element-type SmpLogName) */
GPtrArray *smp_log_modules(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
GPtrArray *smp_log_levels(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_log_show:
 * @log: the name of one. Boards answer a request without it with an error beside the entries of all
 * @min_timestamp: entries of this time and later; -1 for the newest one only
 * @index: where to begin
 * @next_index: (out): that of the next entry to be written. To read on, begin behind the last entry
 *   that came: there are as many as fit an answer
 *
 * Returns: (transfer full) (element-type SmpLog)
 */
GPtrArray *smp_log_show(SmpSession *session, const char *log, gint64 min_timestamp, guint64 index,
			guint64 *next_index, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean smp_log_clear(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The core dump of the last crash, in the image group (1). @present: (out): whether there is one */
gboolean smp_core_exists(SmpSession *session, gboolean *present,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns: (transfer full): as many bytes at @offset as fit an answer; none behind the end */
GBytes *smp_core_read(SmpSession *session, guint64 offset,
		      GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean smp_core_erase(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @how: "div0", "jump0", "ref0", "assert", "wdog". That no answer comes is success. */
gboolean smp_crash(SmpSession *session, const char *how, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the names of the tests */
char **smp_run_list(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @token: (nullable): is put into the test's log. Starts the test: its end is told by a log. */
gboolean smp_run_test(SmpSession *session, const char *test, const char *token,
		      GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/log.h"
#include "daemon/names.h"

#include <stdio.h>

/* By LOG_EMERG… */
static const char *const levels[] = {"emerg",	"alert",  "crit", "err",
				     "warning", "notice", "info", "debug"};

typedef enum {
	TARGET_AUTO,
	TARGET_JOURNAL,
	TARGET_CONSOLE,
	TARGET_NULL,
} Target;

static const char *const targets[] = {"auto", "journal", "console", "null"};

/* Read in all threads. */
static gint max_level = LOG_INFO;
static gint target = TARGET_AUTO;

static int find(const char *const *names, gsize count, const char *name)
{
	for (gsize i = 0; i < count; i++) {
		if (g_str_equal(names[i], name))
			return (int)i;
	}
	return -1;
}

gboolean smpd_log_set_level(const char *name)
{
	int level = find(levels, G_N_ELEMENTS(levels), name);

	if (level >= 0)
		g_atomic_int_set(&max_level, level);
	return level >= 0;
}

const char *smpd_log_get_level(void)
{
	return levels[g_atomic_int_get(&max_level)];
}

gboolean smpd_log_set_target(const char *name)
{
	int wanted = find(targets, G_N_ELEMENTS(targets), name);

	if (wanted >= 0)
		g_atomic_int_set(&target, wanted);
	return wanted >= 0;
}

static Target current_target(void)
{
	Target wanted = (Target)g_atomic_int_get(&target);

	if (wanted != TARGET_AUTO)
		return wanted;
	return g_log_writer_is_journald(fileno(stderr)) ? TARGET_JOURNAL : TARGET_CONSOLE;
}

const char *smpd_log_get_target(void)
{
	return targets[current_target()];
}

static int priority_of(GLogLevelFlags level)
{
	if (level & G_LOG_LEVEL_ERROR)
		return LOG_ERR;
	if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING))
		return LOG_WARNING;
	if (level & G_LOG_LEVEL_MESSAGE)
		return LOG_NOTICE;
	return level & G_LOG_LEVEL_INFO ? LOG_INFO : LOG_DEBUG;
}

static GLogWriterOutput write_message(GLogLevelFlags level, const GLogField *fields, gsize count,
				      gpointer user_data)
{
	Target where = current_target();

	if (where == TARGET_NULL || priority_of(level) > g_atomic_int_get(&max_level))
		return G_LOG_WRITER_HANDLED;
	if (where == TARGET_JOURNAL &&
	    g_log_writer_journald(level, fields, count, user_data) == G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;
	return g_log_writer_standard_streams(level, fields, count, user_data);
}

void smpd_log_init(void)
{
	if (g_getenv("G_MESSAGES_DEBUG"))
		max_level = LOG_DEBUG;
	g_log_set_writer_func(write_message, NULL, NULL);
}

/* GLib's critical messages are for errors in programs. */
static GLogLevelFlags level_of(int priority)
{
	if (priority <= LOG_WARNING)
		return G_LOG_LEVEL_WARNING;
	return priority == LOG_NOTICE ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_INFO;
}

void smpd_log_event(int priority, const char *message_id, const char *device, const char *job,
		    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *message =
		device ? g_strdup_printf("%s: %s", device, text) : g_strdup(text);
	const char number[] = {(char)('0' + priority), '\0'};
	const GLogField fields[] = {
		{"MESSAGE", message, -1},
		{"PRIORITY", number, -1},
		{"GLIB_DOMAIN", G_LOG_DOMAIN, -1},
		{"SYSLOG_IDENTIFIER", "smpd", -1},
		{"MESSAGE_ID", message_id, -1},
		{SMPD_FIELD_DEVICE, device ? device : "", -1},
		{SMPD_FIELD_JOB, job ? job : "", -1},
	};

	g_log_structured_array(level_of(priority), fields, G_N_ELEMENTS(fields));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/log.h"
#include "daemon/names.h"

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

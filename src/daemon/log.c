/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/log.h"
#include "daemon/names.h"

/* syslog's numbers, as g_log_structured() wants them in PRIORITY. */
static const char *priority(GLogLevelFlags level)
{
	if (level & G_LOG_LEVEL_CRITICAL)
		return "3";
	if (level & G_LOG_LEVEL_WARNING)
		return "4";
	return level & G_LOG_LEVEL_MESSAGE ? "5" : "6";
}

void smpd_log_event(GLogLevelFlags level, const char *message_id, const char *device,
		    const char *job, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *message =
		device ? g_strdup_printf("%s: %s", device, text) : g_strdup(text);
	const GLogField fields[] = {
		{"MESSAGE", message, -1},
		{"PRIORITY", priority(level), -1},
		{"GLIB_DOMAIN", G_LOG_DOMAIN, -1},
		{"SYSLOG_IDENTIFIER", "smpd", -1},
		{"MESSAGE_ID", message_id, -1},
		{SMPD_FIELD_DEVICE, device ? device : "", -1},
		{SMPD_FIELD_JOB, job ? job : "", -1},
	};

	g_log_structured_array(level, fields, G_N_ELEMENTS(fields));
}

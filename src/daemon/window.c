/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/window.h"

#include <string.h>

#define MINUTES_A_DAY (24 * 60)
#define ALL_DAYS      0x7f

static const char *const day_names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

static gboolean bad(GError **error, const char *text)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "\"%s\" is no maintenance window: write \"Sat,Sun 02:00-05:00\", several with "
		    "semicolons",
		    text);
	return FALSE;
}

static int parse_day(const char *text)
{
	for (guint i = 0; i < G_N_ELEMENTS(day_names); i++) {
		if (g_ascii_strcasecmp(text, day_names[i]) == 0)
			return (int)i;
	}
	return -1;
}

/* "Mon" or "Mon-Fri" */
static gboolean add_days(const char *text, guint8 *days)
{
	g_auto(GStrv) ends = g_strsplit(text, "-", 2);
	int first = ends[0] ? parse_day(ends[0]) : -1;
	int last = ends[0] && ends[1] ? parse_day(ends[1]) : first;

	if (first < 0 || last < 0)
		return FALSE;
	for (int day = first;; day = (day + 1) % 7) {
		*days |= (guint8)(1 << day);
		if (day == last)
			return TRUE;
	}
}

/* "02:00"; 24:00 is the end of a day. */
static gboolean parse_time(const char *text, guint16 *minutes)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	guint64 hour, minute;

	if (!parts[0] || !parts[1] ||
	    !g_ascii_string_to_unsigned(parts[0], 10, 0, 24, &hour, NULL) ||
	    !g_ascii_string_to_unsigned(parts[1], 10, 0, hour == 24 ? 0 : 59, &minute, NULL))
		return FALSE;
	*minutes = (guint16)(hour * 60 + minute);
	return TRUE;
}

static gboolean parse_window(const char *text, SmpdWindow *window)
{
	const char *blank = strrchr(text, ' ');
	g_auto(GStrv) times = g_strsplit(blank ? blank + 1 : text, "-", 2);

	window->days = blank ? 0 : ALL_DAYS;
	if (blank) {
		g_autofree char *list = g_strstrip(g_strndup(text, (gsize)(blank - text)));
		g_auto(GStrv) days = g_strsplit(list, ",", -1);
		for (char **day = days; *day; day++) {
			if (!add_days(g_strstrip(*day), &window->days))
				return FALSE;
		}
	}
	return times[0] && times[1] && parse_time(times[0], &window->begin) &&
	       parse_time(times[1], &window->end) && window->begin < MINUTES_A_DAY;
}

GArray *smpd_windows_parse(const char *text, GError **error)
{
	g_autoptr(GArray) windows = g_array_new(FALSE, TRUE, sizeof(SmpdWindow));
	g_auto(GStrv) parts = g_strsplit(text, ";", -1);

	for (char **part = parts; *part; part++) {
		SmpdWindow window = {0};
		if (!parse_window(g_strstrip(*part), &window)) {
			bad(error, *part);
			return NULL;
		}
		g_array_append_val(windows, window);
	}
	if (windows->len > 0)
		return g_steal_pointer(&windows);
	bad(error, text);
	return NULL;
}

/* @minutes of @day, 0 a Monday. What began yesterday may reach into today. */
static gboolean is_within(const SmpdWindow *window, guint day, guint minutes)
{
	gboolean overnight = window->end <= window->begin;
	gboolean today = (window->days >> day) & 1;
	gboolean yesterday = (window->days >> ((day + 6) % 7)) & 1;

	if (!overnight)
		return today && minutes >= window->begin && minutes < window->end;
	return (today && minutes >= window->begin) || (yesterday && minutes < window->end);
}

gboolean smpd_windows_open(const GArray *windows, GDateTime *now)
{
	guint day = (guint)g_date_time_get_day_of_week(now) - 1;
	guint minutes = (guint)(g_date_time_get_hour(now) * 60 + g_date_time_get_minute(now));

	if (!windows)
		return TRUE;
	for (guint i = 0; i < windows->len; i++) {
		if (is_within(&g_array_index(windows, SmpdWindow, i), day, minutes))
			return TRUE;
	}
	return FALSE;
}

static gint64 begin_on(const SmpdWindow *window, GDateTime *now, int day)
{
	g_autoptr(GDateTime) date = g_date_time_add_days(now, day);
	g_autoptr(GTimeZone) zone = g_time_zone_ref(g_date_time_get_timezone(now));
	guint weekday = (guint)g_date_time_get_day_of_week(date) - 1;

	if (!((window->days >> weekday) & 1))
		return 0;
	g_autoptr(GDateTime) begin = g_date_time_new(
		zone, g_date_time_get_year(date), g_date_time_get_month(date),
		g_date_time_get_day_of_month(date), window->begin / 60, window->begin % 60, 0);
	return begin ? g_date_time_to_unix(begin) : 0;
}

gint64 smpd_windows_next(const GArray *windows, GDateTime *now)
{
	gint64 next = 0;

	for (guint i = 0; windows && i < windows->len; i++) {
		const SmpdWindow *window = &g_array_index(windows, SmpdWindow, i);
		/* In a week each of them has its day. */
		for (int day = 0; day <= 7; day++) {
			gint64 begin = begin_on(window, now, day);
			if (begin > g_date_time_to_unix(now) && (next == 0 || begin < next))
				next = begin;
		}
	}
	return next;
}

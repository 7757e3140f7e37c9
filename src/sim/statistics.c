/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/statistics.h"

#include <string.h>

/* A file may say anything: so much can be added to it, and taken off, without an overflow. */
#define MOST (G_MAXINT64 / 4)

static const char running[] = "running"; /* µs */
static const char flash_calls[] = "flash_calls";

static gint64 stored(const SimBoard *board, const char *name)
{
	GBytes *bytes = sim_storage_get(board->storage, SIM_STORED_STATISTIC, name);
	gsize size = 0;
	const char *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;
	g_autofree char *text = g_strndup(data ? data : "", size);
	guint64 value;

	return g_ascii_string_to_unsigned(text, 10, 0, MOST, &value, NULL) ? (gint64)value : 0;
}

static void store(SimBoard *board, const char *name, gint64 value)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));

	sim_storage_set(board->storage, SIM_STORED_STATISTIC, name, bytes);
}

void sim_statistics_start(SimBoard *board)
{
	board->ran_before = stored(board, running);
	board->calls_before =
		stored(board, flash_calls) - (gint64)sim_flash_operations(board->flash);
}

static gint64 ran(const SimBoard *board)
{
	return sim_board_time(board) - board->app_start + board->ran_before;
}

void sim_statistics_keep(SimBoard *board)
{
	if (board->state != SIM_STATE_APP)
		return;
	store(board, running, ran(board));
	store(board, flash_calls, (gint64)sim_statistics_flash_calls(board));
}

void sim_statistics_lose(SimBoard *board)
{
	sim_storage_clear(board->storage, SIM_STORED_STATISTIC);
}

guint64 sim_statistics_seconds(const SimBoard *board)
{
	return (guint64)(ran(board) / G_USEC_PER_SEC);
}

guint64 sim_statistics_flash_calls(const SimBoard *board)
{
	return (guint64)((gint64)sim_flash_operations(board->flash) + board->calls_before);
}

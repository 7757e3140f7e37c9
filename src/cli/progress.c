/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How far it is, on stderr: a live line on a terminal, plain lines elsewhere. */

#include "transfer.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_US  (G_USEC_PER_SEC / 10)
#define BAR_LEAST  10
#define BAR_MOST   40
#define LABEL	   9
#define PERCENT	   7
#define CLEAR_LINE "\r\033[K"

void smpctl_progress_init(SmpctlProgress *progress, Smpctl *cli)
{
	*progress = (SmpctlProgress){.cli = cli, .label = "upload"};
}

void smpctl_progress_clear(SmpctlProgress *progress)
{
	smpctl_progress_end(progress);
	g_clear_pointer(&progress->waiting, g_free);
}

gboolean smpctl_is_live(int fd)
{
	return isatty(fd) && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

static gboolean is_wanted(const SmpctlProgress *progress)
{
	return !progress->cli->options->quiet && !progress->cli->options->json;
}

void smpctl_screen_size(int fd, int *columns, int *rows)
{
	struct winsize size;
	gboolean known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;

	*columns = known ? size.ws_col : 80;
	*rows = known ? size.ws_row : 24;
}

static int screen_columns(void)
{
	int columns, rows;

	smpctl_screen_size(STDERR_FILENO, &columns, &rows);
	return columns;
}

/* Whether something else is waited for than before. */
static gboolean waits_anew(SmpctlProgress *progress, const char *waiting)
{
	if (g_strcmp0(waiting, progress->waiting) == 0)
		return FALSE;
	g_free(progress->waiting);
	progress->waiting = g_strdup(waiting);
	return TRUE;
}

gboolean smpctl_progress_due(SmpctlProgress *progress, const char *waiting, gint64 interval_us)
{
	gint64 now = g_get_monotonic_time();

	if (!waits_anew(progress, waiting) && progress->drawn_at &&
	    now - progress->drawn_at < interval_us)
		return FALSE;
	progress->drawn_at = now;
	return TRUE;
}

void smpctl_append_bar(GString *line, double fraction, int width)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int filled = (int)(fraction * width * 8);
	int used = filled / 8;

	for (int i = 0; i < used; i++)
		g_string_append(line, smpctl_glyph("█", "#"));
	if (filled % 8 && used < width && smpctl_utf8()) {
		g_string_append(line, eighths[filled % 8]);
		used++;
	}
	for (int i = used; i < width; i++)
		g_string_append(line, smpctl_glyph("·", "."));
}

static char *left_text(double seconds)
{
	int whole = (int)MIN(seconds + 0.5, 359999);

	if (whole < 100)
		return g_strdup_printf("%d s left", whole);
	return g_strdup_printf("%d min %d s left", whole / 60, whole % 60);
}

/* What it waits for, in the place of the bar and all. */
static char *waiting_tail(const char *waiting, int room)
{
	g_autofree char *text = g_utf8_substring(
		waiting, 0, CLAMP(g_utf8_strlen(waiting, -1), 0, MAX(room - 3, 0)));

	return g_strconcat("   ", text, NULL);
}

/* What stands behind the bar, as much of it as fits into @room columns. */
static char *upload_tail(const SmpUploadProgress *upload, int room)
{
	g_autofree char *sizes = smpctl_of_text(upload->offset, upload->size);
	g_autoptr(GString) tail = g_string_new(NULL);
	g_autofree char *rate = NULL, *left = NULL;

	if ((int)g_utf8_strlen(sizes, -1) + 3 <= room)
		g_string_append_printf(tail, "   %s", sizes);
	if (upload->rate <= 0)
		return g_string_free(g_steal_pointer(&tail), FALSE);
	rate = smpctl_rate_text(upload->rate);
	if (tail->len + 3 + strlen(rate) <= (gsize)room)
		g_string_append_printf(tail, "   %s", rate);
	left = left_text((double)(upload->size - upload->offset) / upload->rate);
	if (tail->len + 3 + strlen(left) <= (gsize)room)
		g_string_append_printf(tail, "   %s", left);
	return g_string_free(g_steal_pointer(&tail), FALSE);
}

static double fraction_of(const SmpUploadProgress *upload)
{
	return upload->size ? (double)upload->offset / (double)upload->size : 0;
}

static void draw_upload(SmpctlProgress *progress, const SmpUploadProgress *upload)
{
	int room = screen_columns() - 1 - LABEL - PERCENT;
	double fraction = fraction_of(upload);
	g_autofree char *tail = upload->waiting ? waiting_tail(upload->waiting, room)
						: upload_tail(upload, room - BAR_LEAST);
	int width = CLAMP(room - (int)g_utf8_strlen(tail, -1), 0, BAR_MOST);
	g_autoptr(GString) line = g_string_new(CLEAR_LINE);

	g_string_append_printf(line, "%-*s%s", LABEL, progress->label,
			       smpctl_color(progress->cli, STDERR_FILENO, SMPCTL_GREEN));
	if (width >= BAR_LEAST)
		smpctl_append_bar(line, fraction, width);
	g_string_append_printf(line, "%s %3d %%%s",
			       smpctl_color(progress->cli, STDERR_FILENO, SMPCTL_PLAIN),
			       (int)(fraction * 100), tail);
	fputs(line->str, stderr);
	fflush(stderr);
	progress->drawn = TRUE;
}

/* A plain line at each tenth, and where it begins to wait for something else. */
static void print_upload(SmpctlProgress *progress, const SmpUploadProgress *upload)
{
	int tenth = (int)(fraction_of(upload) * 10);
	g_autofree char *sizes = smpctl_of_text(upload->offset, upload->size);
	g_autofree char *rate = smpctl_rate_text(upload->rate);

	if (waits_anew(progress, upload->waiting) && upload->waiting)
		fprintf(stderr, "%-*s%s\n", LABEL, progress->label, upload->waiting);
	if (tenth <= progress->tenth)
		return;
	progress->tenth = tenth;
	fprintf(stderr, "%-*s%3d %%   %s%s%s\n", LABEL, progress->label, tenth * 10, sizes,
		upload->rate > 0 ? "   " : "", upload->rate > 0 ? rate : "");
}

void smpctl_progress_upload(SmpctlProgress *progress, const SmpUploadProgress *upload)
{
	if (!is_wanted(progress))
		return;
	if (!smpctl_is_live(STDERR_FILENO))
		print_upload(progress, upload);
	else if (smpctl_progress_due(progress, upload->waiting, REDRAW_US))
		draw_upload(progress, upload);
}

static void draw_wait(SmpctlProgress *progress, const char *label, const char *what, gint64 elapsed)
{
	int room = screen_columns() - 1 - LABEL - 10;
	g_autofree char *text = g_utf8_substring(what, 0, CLAMP(g_utf8_strlen(what, -1), 0, room));

	fprintf(stderr, CLEAR_LINE "%-*s%s %s %d s", LABEL, label, text, smpctl_glyph("…", "..."),
		(int)(elapsed / G_USEC_PER_SEC));
	fflush(stderr);
	progress->drawn = TRUE;
}

void smpctl_progress_wait(SmpctlProgress *progress, const char *label, const char *what,
			  gint64 elapsed)
{
	if (!is_wanted(progress))
		return;
	if (smpctl_is_live(STDERR_FILENO)) {
		if (smpctl_progress_due(progress, what, REDRAW_US))
			draw_wait(progress, label, what, elapsed);
		return;
	}
	if (waits_anew(progress, what))
		fprintf(stderr, "%-*s%s\n", LABEL, label, what);
}

void smpctl_progress_end(SmpctlProgress *progress)
{
	if (progress->drawn)
		fputs(CLEAR_LINE, stderr);
	progress->drawn = FALSE;
	progress->drawn_at = 0;
	progress->tenth = 0;
	g_clear_pointer(&progress->waiting, g_free);
}

void smpctl_progress_json(JsonBuilder *json, const SmpUploadProgress *upload)
{
	if (upload->size == 0)
		return;
	smpctl_json_int(json, "offset", (gint64)upload->offset);
	smpctl_json_int(json, "size", (gint64)upload->size);
	if (upload->rate > 0)
		smpctl_json_int(json, "rate", (gint64)upload->rate);
	smpctl_json_text(json, "waiting", upload->waiting);
}

void smpctl_tell_speed(Smpctl *cli, SmpSession *session, const char *link,
		       const SmpUploadResult *result, guint64 bytes)
{
	g_autofree char *rate = smpctl_rate_text(
		result->duration > 0 ? (double)bytes * G_USEC_PER_SEC / (double)result->duration
				     : 0);
	g_autofree char *time = smpctl_time_text(result->duration);
	g_autofree char *why = NULL;
	SmpParams params = {0};

	smpctl_say_more(cli, "%-8s %s", "link", link);
	smpctl_say_more(cli,
			"%-8s %s in %s, requests of %" G_GSIZE_FORMAT
			" bytes, up to %u in flight, %u lost",
			"speed", rate, time, result->chunk, result->window, result->lost);
	if (smp_session_get_params(session, &params, NULL))
		why = smp_upload_explain(&params, result);
	if (why)
		smpctl_say_more(cli, "%-8s %s", "", why);
}

void smpctl_progress_event(SmpctlProgress *progress, const SmpUploadProgress *upload)
{
	if (!progress->cli->options->json ||
	    !smpctl_progress_due(progress, upload->waiting, G_USEC_PER_SEC / 4))
		return;
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_text(json, "event", "progress");
	smpctl_progress_json(json, upload);
	smpctl_json_print(json);
}

void smpctl_result_json(JsonBuilder *json, const SmpUploadResult *result)
{
	smpctl_json_int(json, "sent", (gint64)result->sent);
	smpctl_json_int(json, "resumed_at", (gint64)result->resumed_at);
	smpctl_json_int(json, "lost", result->lost);
	smpctl_json_int(json, "chunk", (gint64)result->chunk);
	smpctl_json_int(json, "window", result->window);
	smpctl_json_seconds(json, "duration", result->duration);
}

void smpctl_transfer_init(SmpctlTransfer *transfer, Smpctl *cli, const char *label)
{
	*transfer = (SmpctlTransfer){0};
	smpctl_progress_init(&transfer->progress, cli);
	transfer->progress.label = label;
}

void smpctl_transfer_clear(SmpctlTransfer *transfer)
{
	smpctl_progress_clear(&transfer->progress);
}

void smpctl_transfer_progress(const SmpUploadProgress *progress, gpointer user_data)
{
	SmpctlTransfer *transfer = user_data;
	Smpctl *cli = transfer->progress.cli;

	/* The Go tool prints the offset of each answer (newtmgr/cli/fs.go). */
	if (smpctl_is_go_tool(cli) && !cli->options->json && !progress->waiting &&
	    !transfer->standard)
		printf("%" G_GUINT64_FORMAT "\n",
		       transfer->download ? transfer->offset : progress->offset);
	else
		smpctl_progress_upload(&transfer->progress, progress);
	transfer->offset = progress->offset;
	transfer->size = progress->size;
	smpctl_progress_event(&transfer->progress, progress);
}

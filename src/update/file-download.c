/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file on its way from the board: piece by piece, each asked for by its offset. */

#include <smp/error.h>
#include <smp/fs.h>

#define RECONNECT_MS 60000
#define MAX_RETURNS  10 /* of a board that went away */
#define TICK	     (250 * G_TIME_SPAN_MILLISECOND)

typedef struct {
	SmpSession *session;
	SmpLink *link;
	const char *path;
	SmpFsSink sink;
	gpointer user_data;
	const SmpUploadOptions *options;
	SmpUploadResult *result;
	guint64 offset;
	guint64 size; /* G_MAXUINT64 as long as it is not known */
	gint64 started;
	guint returns;
} Download;

static void tell(const Download *d, const char *waiting)
{
	gint64 elapsed = smp_link_now(d->link) - d->started;
	SmpUploadProgress progress = {
		.offset = d->offset,
		.size = d->size,
		.resumed_at = d->result->resumed_at,
		.waiting = waiting,
	};

	if (!d->options || !d->options->progress || d->size == G_MAXUINT64)
		return;
	if (elapsed > 0)
		progress.rate = (double)d->result->sent * G_TIME_SPAN_SECOND / (double)elapsed;
	d->options->progress(&progress, d->options->user_data);
}

static gboolean reconnect(Download *d, GError **error)
{
	guint ms = d->options && d->options->reconnect_ms ? d->options->reconnect_ms : RECONNECT_MS;
	gint64 deadline = smp_link_now(d->link) + ms * G_TIME_SPAN_MILLISECOND;
	g_autofree char *waiting = g_strdup_printf("connection lost; looking for %s (up to %u s)",
						   smp_link_get_target(d->link), ms / 1000);

	tell(d, waiting);
	for (;;) {
		g_autoptr(GError) local = NULL;
		if (smp_session_reconnect(d->session, deadline, &local))
			return TRUE;
		if (smp_link_now(d->link) >= deadline ||
		    !g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		if (!smp_link_sleep(d->link, smp_link_now(d->link) + TICK, error))
			return FALSE;
	}
}

static gboolean is_whole(const Download *d)
{
	return d->size != G_MAXUINT64 && d->offset >= d->size;
}

/* Only the answer at offset 0 tells how long the file is. */
static gboolean take_size(Download *d, guint64 size, GError **error)
{
	if (d->offset == 0)
		d->size = size;
	if (d->size != G_MAXUINT64)
		return TRUE;
	g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED,
		    "cannot read the file: the board does not say how long %s is", d->path);
	return FALSE;
}

static gboolean take(Download *d, GBytes *bytes, GError **error)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(bytes, &size);

	if (size == 0 && d->size > 0) {
		g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_STALLED,
			    "cannot read the file: the board says that %s has %" G_GUINT64_FORMAT
			    " bytes, and ends it after %" G_GUINT64_FORMAT,
			    d->path, d->size, d->offset);
		return FALSE;
	}
	if (size > d->size - d->offset) {
		g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MALFORMED,
			    "cannot read the file: the board says that %s has %" G_GUINT64_FORMAT
			    " bytes, and sends more",
			    d->path, d->size);
		return FALSE;
	}
	if (!d->sink(data, size, d->user_data, error))
		return FALSE;
	d->offset += size;
	d->result->sent += size;
	d->result->chunk = MAX(d->result->chunk, size);
	tell(d, NULL);
	return TRUE;
}

static gboolean step(Download *d, GError **error)
{
	guint64 size;
	g_autoptr(GError) local = NULL;
	g_autoptr(GBytes) bytes = smp_fs_read(d->session, d->path, d->offset, &size, &local);

	if (bytes)
		return take_size(d, size, error) && take(d, bytes, error);
	if (g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED) &&
	    d->returns++ < MAX_RETURNS)
		return reconnect(d, error);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gboolean run(Download *d, GError **error)
{
	if (d->offset > 0) {
		if (!smp_fs_status(d->session, d->path, &d->size, error))
			return FALSE;
		if (d->offset > d->size) {
			g_set_error(error, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_MISMATCH,
				    "cannot read the file: %" G_GUINT64_FORMAT
				    " bytes are here and %s has %" G_GUINT64_FORMAT,
				    d->offset, d->path, d->size);
			return FALSE;
		}
	}
	while (!is_whole(d)) {
		if (!step(d, error))
			return FALSE;
	}
	return TRUE;
}

gboolean smp_fs_download(SmpSession *session, const char *path, guint64 start, SmpFsSink sink,
			 gpointer user_data, const SmpUploadOptions *options,
			 SmpUploadResult *result, GError **error)
{
	SmpUploadResult ignored;
	SmpLink *link = smp_session_get_link(session);
	Download download = {
		.session = session,
		.link = link,
		.path = path,
		.sink = sink,
		.user_data = user_data,
		.options = options,
		.result = result ? result : &ignored,
		.offset = start,
		.size = G_MAXUINT64,
		.started = smp_link_now(link),
	};

	*download.result = (SmpUploadResult){.resumed_at = start, .window = 1};
	gboolean done = run(&download, error);
	download.result->duration = smp_link_now(link) - download.started;
	return done;
}

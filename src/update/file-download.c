/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file on its way from the board: piece by piece, each asked for by its offset. How long a piece
 * is, is up to the board; all but the last are alike. So the next ones are asked for before this
 * one is there, and what comes otherwise than expected is asked for once more, alone. */

#include "session/session.h"
#include "update/reconnect.h"

#include <smp/error.h>
#include <smp/fs.h>
#include <string.h>

#define MAX_RETURNS 10 /* of a board that went away */

#define MAX_IN_FLIGHT 8

/* After so many pieces without loss one more may be in flight again. */
#define GROW_AFTER 32

typedef struct {
	guint8 sequence;
	guint64 offset;
	gsize size; /* of the request */
	gint64 sent_at;
} Flight;

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
	gint64 heard; /* when the last answer came */
	guint returns;
	gsize piece;  /* bytes of an answer; 0 until known */
	guint window; /* most requests in flight */
	guint cap;    /* of that */
	guint good;   /* pieces since the window changed */
	guint n;
	Flight flights[MAX_IN_FLIGHT];
} Download;

static void tell(gpointer context, const char *waiting)
{
	const Download *d = context;
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

static gboolean learn_server(Download *d, GError **error)
{
	SmpParams params;

	if (!smp_session_get_params(d->session, &params, error))
		return FALSE;
	guint most = d->options && d->options->window ? d->options->window : MAX_IN_FLIGHT;
	guint window = smp_link_max_outstanding(d->link, params.buf_count);
	/* If all are lost, the repeat needs a buffer, too. */
	d->cap = MIN(window > 2 ? window - 1 : window, MIN(most, MAX_IN_FLIGHT));
	d->window = d->cap;
	return TRUE;
}

/* The first is answered, or all of them are given up. */
static void drop(Download *d, guint n)
{
	for (guint i = 0; i < n; i++)
		smp_session_forget(d->session, d->flights[i].sequence);
	d->n -= n;
	memmove(d->flights, d->flights + n, d->n * sizeof *d->flights);
}

static gboolean resume(gpointer context, GError **error)
{
	Download *d = context;

	drop(d, d->n);
	d->piece = 0;
	return learn_server(d, error);
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

static void set_window(Download *d, guint window)
{
	d->window = CLAMP(window, 1, d->cap);
	d->good = 0;
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
	d->heard = smp_link_now(d->link);
	d->result->sent += size;
	d->result->chunk = MAX(d->result->chunk, size);
	if (++d->good >= GROW_AFTER)
		set_window(d, d->window + 1);
	tell(d, NULL);
	return TRUE;
}

/* With all that the session does about lost answers. */
static gboolean read_alone(Download *d, GError **error)
{
	guint64 size;
	g_autoptr(GBytes) bytes = smp_fs_read(d->session, d->path, d->offset, &size, error);

	if (!bytes || !take_size(d, size, error) || !take(d, bytes, error))
		return FALSE;
	d->piece = g_bytes_get_size(bytes);
	d->result->window = MAX(d->result->window, 1);
	return TRUE;
}

static gboolean ask(Download *d, guint64 offset, GError **error)
{
	g_autoptr(GByteArray) request = smp_fs_read_encode(d->path, offset);
	Flight *flight = &d->flights[d->n];

	if (!smp_session_send(d->session, request, &flight->sequence, error))
		return FALSE;
	flight->offset = offset;
	flight->size = request->len;
	flight->sent_at = smp_link_now(d->link);
	d->n++;
	d->result->window = MAX(d->result->window, d->n);
	return TRUE;
}

static gboolean fill_window(Download *d, GError **error)
{
	guint64 next = d->n ? d->flights[d->n - 1].offset + d->piece : d->offset;

	for (; d->n < d->window && next < d->size && smp_session_room(d->session) > 0;
	     next += d->piece) {
		if (!ask(d, next, error))
			return FALSE;
	}
	return TRUE;
}

/* As long as that goes on, fewer are in flight. */
static void give_up_window(Download *d)
{
	d->result->lost++;
	set_window(d, d->window - 1);
	d->piece = 0;
	drop(d, d->n);
}

/* Errors of the board come once more, alone, where they are no accident. */
static gboolean receive(Download *d, GError **error)
{
	const Flight *first = &d->flights[0];
	gint64 wait = smp_session_get_rto_for(d->session, first->size);
	guint8 sequence = 0;
	guint64 size;
	g_autoptr(GError) local = NULL;
	g_autoptr(SmpResponse) response = smp_session_receive(
		d->session, MAX(first->sent_at, d->heard) + wait, &sequence, &local);

	if (!response && local->domain != SMP_PROTOCOL_ERROR) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	if (!response || sequence != first->sequence) {
		give_up_window(d);
		return smp_link_resync(d->link, error);
	}
	g_autoptr(GBytes) bytes = smp_fs_read_decode(response, first->offset, &size, error);
	drop(d, 1);
	if (!bytes || !take(d, bytes, error))
		return FALSE;
	if (g_bytes_get_size(bytes) != d->piece && !is_whole(d))
		give_up_window(d);
	return TRUE;
}

static gboolean step(Download *d, GError **error)
{
	static const SmpReconnect reconnect = {.tell = tell, .resume = resume};
	g_autoptr(GError) local = NULL;
	gboolean alone = d->piece == 0 || d->window == 1;

	if ((alone || fill_window(d, &local)) &&
	    (d->n > 0 ? receive(d, &local) : read_alone(d, &local)))
		return TRUE;
	if (g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED) &&
	    d->returns++ < MAX_RETURNS)
		return smp_reconnect(d->session, d->options, &reconnect, d, error);
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gboolean run(Download *d, GError **error)
{
	if (!learn_server(d, error))
		return FALSE;
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

	*download.result = (SmpUploadResult){.resumed_at = start};
	gboolean done = run(&download, error);
	drop(&download, download.n);
	download.result->duration = smp_link_now(link) - download.started;
	return done;
}

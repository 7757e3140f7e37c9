/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/image.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/**
 * SmpUploadProgress:
 * @offset, @size: bytes that the server has, of all
 * @resumed_at: where the server was when the upload began
 * @rate: bytes per second since then; 0 while unknown
 * @waiting: (nullable): what it waits for when it does not move: "the board erases the slot",
 *   "connection lost; looking for /dev/ttyACM0"
 */
typedef struct {
	guint64 offset;
	guint64 size;
	guint64 resumed_at;
	double rate;
	const char *waiting;
} SmpUploadProgress;

typedef void (*SmpUploadProgressFunc)(const SmpUploadProgress *progress, gpointer user_data);

/**
 * SmpUploadOptions:
 * @first_timeout_ms: for the first request, in which the server may erase the slot; 0 for 60 s
 * @reconnect_ms: how long to look for a board that went away; 0 for 60 s
 * @window: upper limit for requests in flight; 0 for what the server's buffers take
 * @learned_window: what an earlier upload found this board to take (@window_limit of its result);
 * it is where this one stops growing until a long run without loss; 0 for nothing known
 */
typedef struct {
	guint first_timeout_ms;
	guint reconnect_ms;
	guint window;
	guint learned_window;
	SmpUploadProgressFunc progress;
	gpointer user_data;
} SmpUploadOptions;

/**
 * SmpUploadResult:
 * @sent: bytes of image data sent, repeats included
 * @lost: requests that went unanswered
 * @resumed_at: offset at which the server let us begin
 * @chunk: data bytes in a full request
 * @window: most requests that were in flight
 * @window_limit: how many the board was found to take, for the next upload; 0 where that is all its
 *   buffers allow, and where requests were lost by accident only
 * @duration: microseconds
 */
typedef struct {
	guint64 sent;
	guint lost;
	guint64 resumed_at;
	gsize chunk;
	guint window;
	guint window_limit;
	gint64 duration;
} SmpUploadResult;

/**
 * smp_upload_image:
 * @bytes: the file
 * @image: image number to upload to
 * @upgrade: the server shall refuse what is not newer than what runs
 * @image_hash: (nullable): the hash by which the finished image is known in the list; with it a
 *   lost last answer is resolved by looking instead of starting over
 * @options: (nullable): defaults where %NULL
 * @result: (out) (optional): also set on failure
 *
 * Sends an image at the speed of the wire. The server's `off` is obeyed at every answer; an upload
 * of the same bytes that was interrupted goes on where the server is; a board that goes away is
 * waited for and the upload resumed.
 *
 * Returns: FALSE with %SMP_PROTOCOL_ERROR_STALLED, _MISMATCH, _DEVICE, _TIMEOUT, an error of the
 * link, or %G_IO_ERROR_CANCELLED
 */
gboolean smp_upload_image(SmpSession *session, GBytes *bytes, guint image, gboolean upgrade,
			  const SmpHash *image_hash, const SmpUploadOptions *options,
			  SmpUploadResult *result, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_upload_explain:
 *
 * Returns: (transfer full) (nullable): why the upload was slower than the line and which Kconfig
 * option of the firmware would change that; %NULL where nothing is to be said
 */
char *smp_upload_explain(const SmpParams *params, const SmpUploadResult *result);

G_END_DECLS
#pragma GCC visibility pop

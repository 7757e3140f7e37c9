/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/upload.h>

G_BEGIN_DECLS

/**
 * SmpTransfer: what a windowed transfer to the board is about: an image, a file.
 * @what: "the image", for messages
 * @label: (nullable): "path": what of the person's each request has besides the data
 * @encode: makes @packet the request for @size bytes at @offset; at 0 the first one, with all that
 *   the server needs to begin
 * @decode: reads where the server is, and its verdict after the last byte
 * @is_complete: (nullable): looks whether the server holds the whole although it says 0
 * @start: where to begin: the server has what is before
 * @begin: (nullable): called before the first request, and before each repeat of it
 * @locate: (nullable): how much of it the server has, asked when the link was lost. Where this is
 *   set the server appends what it is sent: it is told where to go on and not asked, an answer that
 *   does not name the end of its request means that something else was written, too
 * @place: (nullable): where the server is, by an error that a request behind the first one met; or
 *   FALSE with that error
 */
typedef struct {
	const char *what;
	const char *label;
	const guint8 *data;
	guint64 size;
	void (*encode)(gpointer context, GByteArray *packet, guint64 offset, const guint8 *data,
		       gsize size);
	gboolean (*decode)(const SmpResponse *response, guint64 *offset, int *match,
			   GError **error);
	gboolean (*is_complete)(gpointer context, SmpSession *session, gboolean *complete,
				GError **error);
	guint64 start;
	gboolean (*begin)(gpointer context, SmpSession *session, GError **error);
	gboolean (*locate)(gpointer context, SmpSession *session, guint64 *offset, GError **error);
	gboolean (*place)(gpointer context, SmpSession *session, const GError *cause,
			  guint64 *offset, GError **error);
	gpointer context;
} SmpTransfer;

/* Data bytes of the largest byte string of which all but the first byte of its head fits @room. */
gsize smp_transfer_room(gsize room);

/* Runs it to its end. See smp_upload_image(). */
gboolean smp_transfer_run(SmpSession *session, const SmpTransfer *transfer,
			  const SmpUploadOptions *options, SmpUploadResult *result,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

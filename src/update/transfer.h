/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/upload.h>

G_BEGIN_DECLS

/**
 * SmpTransfer: what a windowed transfer to the board is about: an image, a file.
 * @what: "the image", for messages
 * @encode: makes @packet the request for @size bytes at @offset; at 0 the first one, with all that
 *   the server needs to begin
 * @decode: reads where the server is, and its verdict after the last byte
 * @is_complete: (nullable): looks whether the server holds the whole although it says 0
 */
typedef struct {
	const char *what;
	const guint8 *data;
	guint64 size;
	void (*encode)(gpointer context, GByteArray *packet, guint64 offset, const guint8 *data,
		       gsize size);
	gboolean (*decode)(const SmpResponse *response, guint64 *offset, int *match,
			   GError **error);
	gboolean (*is_complete)(gpointer context, SmpSession *session, gboolean *complete,
				GError **error);
	gpointer context;
} SmpTransfer;

/* Data bytes of the largest byte string of which all but the first byte of its head fits @room. */
gsize smp_transfer_room(gsize room);

/* Runs it to its end. See smp_upload_image(). */
gboolean smp_transfer_run(SmpSession *session, const SmpTransfer *transfer,
			  const SmpUploadOptions *options, SmpUploadResult *result,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

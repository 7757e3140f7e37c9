/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An upload to a model of an image server, from its beginning to its end. */

#include "image-server.h"

#include <smp/upload.h>

#define MS  G_TIME_SPAN_MILLISECOND
#define SEC G_TIME_SPAN_SECOND

/* One upload to one server. */
typedef struct {
	ImageServer server;
	GBytes *image;
	guint number;
	gsize max_packet; /* of the link; 0 for what the server's buffer holds */
	guint max_outstanding;
	SmpUploadOptions options;
	gboolean without_hash;
	/* the outcome */
	gboolean done;
	GError *error;
	SmpUploadResult result;
	gint64 took;
	guint64 last_offset;
	GString *waits;
} Run;

/* A good server and an image of @size bytes. */
void run_init(Run *run, gsize size);
void run_clear(Run *run);

/* May be called again: the server stays as it is. */
void run_upload(Run *run);

void assert_done(const Run *run);

/* It ends with a sentence: what could not be done, and why. */
void assert_failed(const Run *run, GQuark domain, int code, const char *text);

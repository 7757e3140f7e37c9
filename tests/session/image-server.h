/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An image upload server as Zephyr and MCUboot have it (Zephyr img_mgmt.c, MCUboot boot_serial.c),
 * behind a console line with its speed, with the faults that boards and lines have. */

#include "wire.h"

#include <smp/image.h>

/* What an upload request holds. */
typedef struct {
	guint nth; /* of the upload requests, from 0 */
	guint64 offset;
	guint64 length; /* 0 where it does not say */
	guint64 image;
	const guint8 *sha;
	const guint8 *data;
	gsize size;
	gsize packet_size;
} UploadRequest;

typedef struct ImageServer ImageServer;

/**
 * ImageServer:
 * @buf_size, @buf_count: its buffers; 0 without the command
 * @slot_size: bytes of the slot
 * @recovery: MCUboot's recovery: no resume, writes whole units of 32 bytes, rc 0
 * @says_rc: `rc` 0 in good answers, as Zephyr before 3.3
 * @check: the hash check: -1 none, 1 whatever is right, 0 always says false
 * @max_data: data bytes above which a chunk is refused with EINVAL; 0 for none
 * @no_list: it has no image list
 * @latency: one way, in µs, besides the bytes' time on the line
 * @rate: bytes a second each way; 0 for no limit
 * @process: µs that a request takes
 * @first_erase: µs that the first request takes on top
 * @page, @page_erase: erases a page before it writes into it
 * @block: bytes that it gathers before it writes
 * @deaf: loses each byte that comes while it erases a page; what is left of a line that was cut so
 *   is one line with what comes next, up to a line feed
 * @rx_lines: lines that it can hold while busy; 0 for any number
 * @intercept: (nullable): TRUE where it dealt with the request
 */
struct ImageServer {
	guint buf_size, buf_count;
	gsize slot_size;
	gboolean recovery;
	gboolean says_rc;
	int check;
	gsize max_data;
	gboolean no_list;
	gint64 latency;
	guint rate;
	gint64 process;
	gint64 first_erase;
	gsize page;
	gint64 page_erase;
	gsize block;
	gboolean deaf;
	guint rx_lines;
	gboolean (*intercept)(ImageServer *server, const UploadRequest *request,
			      const guint8 *packet, gint64 when);
	int variant; /* for @intercept */

	/* Faults: which upload request it happens at, from 0; -1 for never. */
	int lose_request, lose_answer;
	int stall_at;
	gint64 stall_for;
	int die_at;
	int reset_at; /* it forgets the upload and is away for a time */
	int cut_at;   /* the link breaks */
	gint64 away_for;
	gboolean forgets; /* the upload when the link breaks */

	/* What became of it. */
	SmpLink *link;
	GByteArray *slot;
	SmpHash hash;	  /* of the whole image */
	GBytes *image;	  /* the whole image */
	gboolean begun;	  /* an upload is going on */
	gboolean existed; /* in recovery: the slot was written since the start */
	guint64 offset, length;
	guint8 sha[32];
	gboolean has_sha;
	guint uploads; /* requests */
	guint restarts;
	guint lists;
	guint most_held;
	gsize largest;	    /* packet */
	gsize largest_data; /* chunk */
	gint64 away_until;
	gint64 free_at;
	gint64 line_up, line_down;
	gint64 stuck_until;
	guint stuck_lines;
	gboolean dead;
	GArray *held;	    /* gint64 pairs: when a request came, when it was answered */
	gboolean half_line; /* its input holds the beginning of a line */
	GArray *erases;	    /* gint64 pairs: from when until when pages were erased */
};

/* A good server: buffers of 384 bytes, 4 of them, 5 ms, no fault. */
void image_server_init(ImageServer *server, GBytes *image);
void image_server_clear(ImageServer *server);

extern const SmpTestPeer image_server_peer;

/* Drops the upload, as a reset does. */
void image_server_forget(ImageServer *server);

/* Whether the slot holds the whole image. */
gboolean image_server_complete(const ImageServer *server);

void image_server_answer_offset(ImageServer *server, const guint8 *packet, guint64 offset,
				gint64 when);

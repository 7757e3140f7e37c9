/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A whole board on a test link: the model of its bootloader behind the commands that an update
 * uses, resets that take time and take the link away, and what goes wrong with them. */

#include "wire.h"

#include "tests/lib/boot-model.h"

#include <smp/bundle.h>

/**
 * UpdateBoard:
 * @bundle: the images that may come
 * @content: what each is once it is in its slot; hash and version are the bundle's
 * @boot_takes: µs from the reset until it answers
 * @reset_delay: µs from the answer to a reset until it happens
 * @watchdog: µs after which an application that does not speak SMP is reset
 * @cuts_link: the link is closed by a reset, and open again when the board is back
 * @old_recovery: its recovery drops version 2 (MCUboot up to 1.10); 2: and answers image commands
 *   and a reset only (before 1.9)
 * @lose_resets: so many requests to reset are lost on the way
 * @lose_reset_answer: the answer is lost
 * @refuse_resets: so many are answered with EBUSY
 * @gone: it never comes back from a reset
 * @lose_upload_at: an offset, plus one: the board goes away with the request from there on; 0:
 * never
 * @lost_for: µs that it is away then
 * @drop_confirm: confirms are answered and not done
 */
typedef struct {
	BootModel model;
	const SmpBundle *bundle;
	BootSlot content[BOOT_IMAGES];
	gint64 boot_takes;
	gint64 reset_delay;
	gint64 watchdog;
	gboolean cuts_link;
	guint old_recovery;
	guint lose_resets;
	gboolean lose_reset_answer;
	guint refuse_resets;
	gboolean gone;
	guint64 lose_upload_at;
	gint64 lost_for;
	gboolean drop_confirm;

	SmpLink *link;
	GByteArray *received;
	guint64 length;
	guint image;
	gint64 boot_at; /* the next start of the bootloader, -1 for none */
	gint64 away_until;
	guint requests;
	guint os_requests; /* of these to the OS group */
	guint uploads;	   /* that were begun */
} UpdateBoard;

extern const SmpTestPeer update_board_peer;

/* Runs 1.2.0, confirmed, in each image. */
void update_board_init(UpdateBoard *board, const SmpBundle *bundle);
void update_board_clear(UpdateBoard *board);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the serial link share. */

#include "protocol/framing.h"
#include "transports/line-pace.h"
#include "transports/link.h"
#include "transports/port-match.h"
#include "transports/share.h"

G_BEGIN_DECLS

typedef struct {
	SmpLink link;
	SmpFraming framing;
	gboolean shell;
	gboolean by_usb;
	char *address; /* path, or USB address */
	SmpSerialConfig config;
	SmpPort *port; /* what it was when it was open; NULL where it is not on USB */
	char *device;  /* what was opened last */
	int fd;
	SmpSerialBefore before;
	SmpSharing sharing;
	gboolean console; /* a program that speaks for itself on the line */
	SmpDecoder *decoder;
	GQueue packets; /* GByteArray */
	GByteArray *frame;
	gint64 line_free; /* when what was sent has left */
	SmpLinePace pace;
} SerialLink;

/* serial-console.c: of the link's class */
gboolean smp_serial_be_console(SmpLink *link, GError **error);
void smp_serial_get_tty(SmpLink *link, SmpTty *tty);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/ble.h"
#include "sim/image.h"
#include "sim/uart.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
	SimConfig config;
	char *state;
	gboolean pty;
	char *link;
	char *udp; /* [HOST:]PORT, NULL: none */
	GSocketAddress *udp_address;
	SimBleOptions ble;
	SimLine line;
	guint baud;
	guint only_baud; /* 0: any */
	gint64 latency;	 /* µs */
	gboolean hangup;
	gboolean exit_with_stdin;
	gboolean version;
	/* make an image instead */
	char *make_image; /* VERSION[,SIZE] */
	guint image;
	char *depends; /* IMAGE:VERSION */
	char *output;
	SimVersion make_version;
	guint64 make_size;
	guint64 depends_on;
	SimVersion depends_version;
} SimOptions;

void sim_options_clear(SimOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SimOptions, sim_options_clear)

gboolean sim_options_parse(SimOptions *options, int *argc, char ***argv,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads what of --make-image and --depends is text. */
gboolean sim_make_image_parse(SimOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the image that --make-image asks for and prints what it is. */
gboolean sim_make_image(const SimOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

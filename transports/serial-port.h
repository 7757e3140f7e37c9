/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tty as a line to a board: its settings, and how it is opened. */

#include <smp/link.h>
#include <sys/types.h>

G_BEGIN_DECLS

#define SMP_DEFAULT_BAUD 115200

typedef enum {
	SMP_FLOW_NONE,
	SMP_FLOW_RTS_CTS,
	SMP_FLOW_XON_XOFF,
} SmpFlow;

/* What is not asked for stays as it is: many boards hang reset or boot mode on DTR and RTS. */
typedef enum {
	SMP_SWITCH_KEEP,
	SMP_SWITCH_ON,
	SMP_SWITCH_OFF,
} SmpSwitch;

/**
 * SmpSerialConfig:
 * @baud_given: it was asked for
 * @low_latency: %SMP_SWITCH_KEEP switches it on where the driver can
 * @pace: milliseconds between the lines of a packet
 */
typedef struct {
	guint baud;
	gboolean baud_given;
	SmpFlow flow;
	SmpSwitch dtr;
	SmpSwitch rts;
	SmpSwitch low_latency;
	guint pace;
	gsize mtu;
} SmpSerialConfig;

/**
 * SmpSerialBefore: what the port was before it was opened.
 * @latency: what the adapter is to have again; %SMP_SWITCH_KEEP where nothing was changed
 * @settings: struct termios2 of the kernel
 * @restore: @settings are wanted back, too
 */
typedef struct {
	SmpSwitch latency;
	guint32 settings[11];
	gboolean restore;
} SmpSerialBefore;

/* Reads the options of a serial target. @binary: the framing uses all 256 bytes. Drops from
 * @options what is the default. */
gboolean smp_serial_config_parse(GHashTable *options, gboolean binary, SmpSerialConfig *config,
				 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets @fd to 8N1 without any processing, at the speed and with the lines of @config. The latency
 * is a setting of the adapter, which others use later. */
gboolean smp_serial_port_configure(int fd, const char *path, const SmpSerialConfig *config,
				   SmpSerialBefore *before,
				   GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean smp_serial_port_set_baud(int fd, const char *path, guint baud,
				  GError **error) G_GNUC_WARN_UNUSED_RESULT;

void smp_serial_port_restore(int fd, const SmpSerialBefore *before);

/* Returns: a non-blocking descriptor for this process alone, input drained; -1 with an error that
 * names the program that holds the port, or the group to join. */
int smp_serial_port_open(const char *path, const SmpSerialConfig *config, SmpSerialBefore *before,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): what a process calls itself */
char *smp_process_name(int pid);

/* Does not wait for what a stuck line still holds. @before: from smp_serial_port_open() */
void smp_serial_port_close(int fd, const SmpSerialBefore *before);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/link.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/**
 * SmpPort: a serial port that the kernel knows.
 * @device: "/dev/ttyACM0"
 * @by_id: (nullable): its stable name below /dev/serial/by-id
 * @vendor, @product: USB names from device or hwdb; nullable
 * @vendor_id, @product_id, @serial, @interface: USB identity, nullable
 * @usb_port: the USB port it is plugged into ("1-2.3"), nullable
 * @driver: (nullable): kernel driver
 * @holder, @holder_pid: the program that has it open; %NULL and 0 where none is seen
 * @accessible: this user may open it
 * @group: (nullable): the group whose members may open it
 * @modem: by its udev rules ModemManager may take it for a modem
 */
typedef struct {
	char *device;
	char *by_id;
	char *vendor;
	char *product;
	char *vendor_id;
	char *product_id;
	char *serial;
	char *interface;
	char *usb_port;
	char *driver;
	char *holder;
	int holder_pid;
	gboolean accessible;
	char *group;
	gboolean modem;
} SmpPort;

void smp_port_free(SmpPort *port);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpPort, smp_port_free)

/* Returns: (transfer full) (element-type SmpPort): ports that have hardware behind them, by name.
 * Nothing is opened. */
GPtrArray *smp_ports_list(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full) (nullable): the USB port that the link goes through, or would; %NULL
 * where it is none or not there. Holder and access are not in it. */
SmpPort *smp_link_get_port(SmpLink *link);

/**
 * smp_port_holder:
 * @device: path of a tty
 * @pid: (out): process id
 *
 * Returns: (transfer full) (nullable): name of another process that has @device open, %NULL where
 * none is seen (other users' processes are seen by root only)
 */
char *smp_port_holder(const char *device, int *pid);

/**
 * smp_port_group:
 * @device: path of a tty
 *
 * Returns: (transfer full) (nullable): the group whose members may open it, %NULL where it is
 * for its owner only
 */
char *smp_port_group(const char *device);

G_END_DECLS
#pragma GCC visibility pop

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bluetoothd takes 2 s to end a connection, a board that resets none. The kernel does it at once,
 * for root (BlueZ doc/mgmt-api.txt, lib/hci.h, lib/mgmt.h). */

#include "sim/internal-ble.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/socket.h>

#define PROTOCOL_HCI	1
#define NO_CONTROLLER	0xffff
#define CHANNEL_CONTROL 3

#define DISCONNECT 0x0014
#define LE_PUBLIC  1
#define LE_RANDOM  2

typedef struct {
	sa_family_t family;
	guint16 controller;
	guint16 channel;
} ControlAddress;

/* Little endian. */
typedef struct {
	guint16 command;
	guint16 controller;
	guint16 size;
	guint8 address[6];
	guint8 type;
} __attribute__((packed)) Disconnect;

static int open_control(void)
{
	const ControlAddress address = {AF_BLUETOOTH, NO_CONTROLLER, CHANNEL_CONTROL};
	int fd = socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, PROTOCOL_HCI);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		g_close(g_steal_fd(&fd), NULL);
	return fd;
}

/* From object paths: /org/bluez/hci1 and /org/bluez/hci1/dev_00_11_22_33_44_55. */
static gboolean parse(Disconnect *message, const char *adapter, const char *central)
{
	guint8 *a = message->address;
	guint controller;

	if (sscanf(strrchr(adapter, '/'), "/hci%u", &controller) != 1 ||
	    sscanf(strrchr(central, '/'), "/dev_%2hhx_%2hhx_%2hhx_%2hhx_%2hhx_%2hhx", a + 5, a + 4,
		   a + 3, a + 2, a + 1, a) != 6)
		return FALSE;
	message->command = GUINT16_TO_LE(DISCONNECT);
	message->controller = GUINT16_TO_LE(controller);
	message->size = GUINT16_TO_LE(sizeof message->address + sizeof message->type);
	return TRUE;
}

gboolean sim_ble_cut(const char *adapter, const char *central)
{
	Disconnect message;
	gboolean sent = TRUE;
	int fd = open_control();

	if (fd < 0)
		return FALSE;
	/* Of two addresses that differ in the type only, at most one is connected. */
	for (message.type = LE_PUBLIC; sent && message.type <= LE_RANDOM; message.type++)
		sent = parse(&message, adapter, central) &&
		       write(fd, &message, sizeof message) == sizeof message;
	g_close(fd, NULL);
	return sent;
}

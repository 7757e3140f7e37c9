/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A serial link as the port of a console. */

#include "transports/serial-link.h"

gboolean smp_serial_be_console(SmpLink *link, GError **error)
{
	SerialLink *serial = (SerialLink *)link;

	serial->console = serial->framing == SMP_FRAMING_CONSOLE;
	serial->sharing.wanted = FALSE;
	if (!serial->console)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
			    "%s has no text between its packets; a console needs serial: or shell:",
			    link->target);
	return serial->console;
}

/* The next one behind /dev/pts/N is somebody else. */
void smp_serial_get_tty(SmpLink *link, SmpTty *tty)
{
	SerialLink *serial = (SerialLink *)link;

	*tty = (SmpTty){
		.fd = serial->fd,
		.path = serial->device,
		.baud = serial->config.baud,
		.shell = serial->shell,
		.returns = !g_str_has_prefix(serial->address, "/dev/pts/"),
	};
}

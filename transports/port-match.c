/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/port-match.h"

#include <string.h>

/* "VVVV:PPPP" */
#define ID_LENGTH 9

gboolean smp_usb_address_check(const char *address, GError **error)
{
	gboolean good = strspn(address, "0123456789abcdefABCDEF") == 4 && address[4] == ':' &&
			strspn(address + 5, "0123456789abcdefABCDEF") == 4 &&
			(address[ID_LENGTH] == '\0' || address[ID_LENGTH] == ':');

	if (!good)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
			    "usb:%s: a USB port is written usb:VID:PID[:SERIAL][:INTERFACE], as in "
			    "usb:1915:520f or usb:1915:520f:000960105021:02",
			    address);
	return good;
}

char *smp_usb_address(const SmpPort *port)
{
	return g_strdup_printf("%s:%s:%s:%s", port->vendor_id, port->product_id,
			       port->serial ? port->serial : "", port->interface);
}

/* @rest is what follows VID:PID: "", ":SERIAL", ":SERIAL:INTERFACE" or "::INTERFACE". */
static gboolean rest_matches(const SmpPort *port, const char *rest)
{
	const char *serial = port->serial ? port->serial : "";
	g_autofree char *with_serial = g_strdup_printf(":%s", serial);
	g_autofree char *with_both = g_strdup_printf(":%s:%s", serial, port->interface);
	g_autofree char *with_interface = g_strdup_printf("::%s", port->interface);

	return rest[0] == '\0' || g_str_equal(rest, with_serial) || g_str_equal(rest, with_both) ||
	       g_str_equal(rest, with_interface);
}

static gboolean usb_matches(const SmpPort *port, const char *address)
{
	if (!port->vendor_id || !port->product_id || !port->interface)
		return FALSE;
	return g_ascii_strncasecmp(address, port->vendor_id, 4) == 0 &&
	       g_ascii_strncasecmp(address + 5, port->product_id, 4) == 0 &&
	       rest_matches(port, address + ID_LENGTH);
}

static void append_port(GString *list, const SmpPort *port)
{
	g_autofree char *address = smp_usb_address(port);

	g_string_append_printf(list, "%s%s (usb:%s)", list->len > 0 ? ", " : "", port->device,
			       address);
}

const SmpPort *smp_ports_match_usb(const GPtrArray *ports, const char *address, GError **error)
{
	g_autoptr(GString) list = g_string_new(NULL);
	const SmpPort *found = NULL;
	guint matches = 0;

	for (guint i = 0; i < ports->len; i++) {
		if (!usb_matches(ports->pdata[i], address))
			continue;
		found = ports->pdata[i];
		append_port(list, found);
		matches++;
	}
	if (matches == 1)
		return found;
	if (matches == 0)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
			    "no serial port is usb:%s; `smpctl discover` lists those that are "
			    "there",
			    address);
	else
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_AMBIGUOUS,
			    "usb:%s matches %u ports: %s; name one of them", address, matches,
			    list->str);
	return NULL;
}

static gboolean same_board(const SmpPort *port, const SmpPort *known)
{
	return known->serial && g_strcmp0(port->serial, known->serial) == 0 &&
	       g_strcmp0(port->vendor_id, known->vendor_id) == 0 &&
	       g_strcmp0(port->product_id, known->product_id) == 0 &&
	       g_strcmp0(port->interface, known->interface) == 0;
}

/* The same product with another serial number is another board that was plugged in there. */
static gboolean other_board(const SmpPort *port, const SmpPort *known)
{
	return g_strcmp0(port->vendor_id, known->vendor_id) == 0 &&
	       g_strcmp0(port->product_id, known->product_id) == 0 &&
	       g_strcmp0(port->serial, known->serial) != 0;
}

static gboolean same_place(const SmpPort *port, const SmpPort *known)
{
	return known->usb_port && g_strcmp0(port->usb_port, known->usb_port) == 0 &&
	       !other_board(port, known);
}

const SmpPort *smp_ports_match_again(const GPtrArray *ports, const SmpPort *known)
{
	const SmpPort *at_place = NULL;
	guint at_same_place = 0;

	for (guint i = 0; i < ports->len; i++) {
		const SmpPort *port = ports->pdata[i];

		if (same_board(port, known))
			return port;
		if (!same_place(port, known))
			continue;
		at_same_place++;
		if (!at_place || g_strcmp0(port->interface, known->interface) == 0)
			at_place = port;
	}
	/* One port is the one; of several only that with the interface of before. */
	if (at_same_place > 1 && g_strcmp0(at_place->interface, known->interface) != 0)
		return NULL;
	return at_place;
}

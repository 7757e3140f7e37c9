/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which of the ports is meant: by the USB identity a person gave, or as the one it was before. */

#include <smp/ports.h>

G_BEGIN_DECLS

/* Returns: (element-type SmpPort): what smp_ports_list() lists, without holder and access */
GPtrArray *smp_ports_scan(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full) (nullable): the port at @path, %NULL where it is none on USB */
SmpPort *smp_port_lookup(const char *path);

/* Whether @address is VID:PID[:SERIAL][:INTERFACE]; serial numbers may have colons themselves. */
gboolean smp_usb_address_check(const char *address, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Returns: (transfer full): the address that means this port alone */
char *smp_usb_address(const SmpPort *port);

/* Returns: the one port that @address means; %NULL with _NOT_FOUND or _AMBIGUOUS */
const SmpPort *smp_ports_match_usb(const GPtrArray *ports, const char *address,
				   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_ports_match_again:
 * @known: the port as it was
 *
 * Returns: (nullable): the same board's port: same vendor, product, serial number and interface; or
 * what is at the same USB port now, for bootloaders come as another product
 */
const SmpPort *smp_ports_match_again(const GPtrArray *ports, const SmpPort *known);

/* Tells of ports that appear, so that waiting for one does not have to look all the time. */
typedef struct SmpPortWatch SmpPortWatch;

SmpPortWatch *smp_port_watch_new(void);
void smp_port_watch_free(SmpPortWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpPortWatch, smp_port_watch_free)

/* Waits until a port appeared or went, or until @deadline. Returns: FALSE with an error */
gboolean smp_port_watch_wait(SmpPortWatch *watch, SmpLink *link, gint64 deadline,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS

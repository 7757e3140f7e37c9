/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One datagram, one message (Zephyr smp_udp.c). */

#include "sim/udp.h"

/* CONFIG_MCUMGR_TRANSPORT_UDP_MTU: what is longer is cut, and then answered as such. */
#define MTU 1500

GSocketAddress *sim_udp_parse(const char *where, GError **error)
{
	g_autofree char *whole =
		g_strdup_printf("%s%s", strchr(where, ':') ? "" : "127.0.0.1:", where);
	const char *colon = strrchr(whole, ':');
	guint64 port;

	if (!g_ascii_string_to_unsigned(colon + 1, 10, 0, G_MAXUINT16, &port, NULL)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--udp takes [HOST:]PORT, not '%s'", where);
		return NULL;
	}
	g_autofree char *host = g_strndup(whole, (gsize)(colon - whole));
	/* [::1]:1337 */
	if (*host == '[' && g_str_has_suffix(host, "]")) {
		memmove(host, host + 1, strlen(host));
		host[strlen(host) - 1] = '\0';
	}
	GSocketAddress *address = g_inet_socket_address_new_from_string(host, (guint)port);
	if (!address)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "'%s' is no address of this machine in numbers", host);
	return address;
}

SimUdp *sim_udp_new(GSocketAddress *local, GError **error)
{
	g_autoptr(SimUdp) udp = g_new0(SimUdp, 1);

	udp->socket = g_socket_new(g_socket_address_get_family(local), G_SOCKET_TYPE_DATAGRAM,
				   G_SOCKET_PROTOCOL_UDP, error);
	if (!udp->socket || !g_socket_bind(udp->socket, local, FALSE, error)) {
		g_autofree char *name = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(local));
		g_prefix_error(error, "cannot listen on %s: ", name);
		return NULL;
	}
	g_socket_set_blocking(udp->socket, FALSE);
	return g_steal_pointer(&udp);
}

void sim_udp_free(SimUdp *udp)
{
	if (!udp)
		return;
	for (guint i = 0; i < SIM_UDP_CLIENTS; i++)
		g_clear_object(&udp->clients[i]);
	g_clear_object(&udp->socket);
	g_free(udp);
}

char *sim_udp_name(const SimUdp *udp)
{
	g_autoptr(GSocketAddress) local = g_socket_get_local_address(udp->socket, NULL);

	return local ? g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(local)) : g_strdup("?");
}

static guint remember(SimUdp *udp, GSocketAddress *client)
{
	g_autofree char *name = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(client));

	for (guint i = 0; i < SIM_UDP_CLIENTS && udp->clients[i]; i++) {
		g_autofree char *known =
			g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(udp->clients[i]));
		if (g_str_equal(known, name))
			return i + 1;
	}
	guint place = udp->next++ % SIM_UDP_CLIENTS;
	g_set_object(&udp->clients[place], client);
	return place + 1;
}

void sim_udp_read(SimUdp *udp, SimBoard *board, gint64 now)
{
	char buffer[MTU];
	gsize limit = MIN(MTU, sim_board_buf_size(board));
	g_autoptr(GSocketAddress) client = NULL;
	gssize n = g_socket_receive_from(udp->socket, &client, buffer, limit, NULL, NULL);

	if (n > 0 && client)
		sim_board_receive(board, (const guint8 *)buffer, (gsize)n, remember(udp, client),
				  now);
}

/* A damaged datagram is thrown away on the way: UDP has a checksum. */
void sim_udp_send(SimUdp *udp, const SimOutput *output)
{
	GSocketAddress *client = udp->clients[output->origin - 1];

	if (output->damaged || !client)
		return;
	if (g_socket_send_to(udp->socket, client, (const char *)output->bytes->data,
			     output->bytes->len, NULL, NULL) < 0)
		g_debug("an answer could not be sent");
}

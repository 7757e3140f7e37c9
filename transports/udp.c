/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One datagram is one SMP packet (Zephyr smp_udp.c). The socket is connected, so that ICMP's "port
 * unreachable" comes back as an error. */

#include "transports/link.h"
#include "transports/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <smp/packet.h>
#include <sys/socket.h>
#include <unistd.h>

/* Zephyr cuts what is longer (CONFIG_MCUMGR_TRANSPORT_UDP_MTU) and Ethernet fragments it. */
#define MAX_MTU 1500

/* IP and UDP headers. */
#define IPV4_HEADERS 28
#define IPV6_HEADERS 48

/* For a server that does not tell its buffer. */
#define UNKNOWN_BUFFER 1024

#define MAX_DATAGRAM 65536

/* A host that refuses is asked again after this, so that waiting for a board does not spin. */
#define REFUSED_PAUSE (200 * 1000)

typedef struct {
	SmpLink link;
	char *host;
	guint16 port;
	int fd;
	int family;
	gboolean refused;
	guint8 buffer[MAX_DATAGRAM];
} UdpLink;

/* An address of one link, fe80::1%eth0, without one, or with one that is not there. */
static gboolean check_interface(const UdpLink *udp, GError **error)
{
	const char *name = strchr(udp->host, '%');
	struct in6_addr address;

	if (!name && inet_pton(AF_INET6, udp->host, &address) == 1 &&
	    IN6_IS_ADDR_LINKLOCAL(&address)) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
			    "%s is an address of one link only: name the network interface behind "
			    "it, udp:[%s%%eth0]; `ip link` lists them",
			    udp->host, udp->host);
		return FALSE;
	}
	/* The C library takes a number, too. */
	if (!name || if_nametoindex(name + 1) || g_ascii_isdigit(name[1]))
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
		    "cannot reach %s: there is no network interface %s; `ip link` lists them",
		    udp->host, name + 1);
	return FALSE;
}

static struct addrinfo *resolve(UdpLink *udp, GError **error)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	g_autofree char *service = g_strdup_printf("%u", udp->port);
	struct addrinfo *found = NULL;
	int code = getaddrinfo(udp->host, service, &hints, &found);

	if (code == 0)
		return found;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND, "cannot find host %s: %s",
		    udp->host, code == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(code));
	return NULL;
}

/* Connects to the first address that has a route. */
static int connect_any(const struct addrinfo *found, int *family)
{
	for (const struct addrinfo *at = found; at; at = at->ai_next) {
		int fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			continue;
		*family = at->ai_family;
		if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			return fd;

		int saved_errno = errno;
		close(fd);
		errno = saved_errno;
	}
	return -1;
}

static gboolean udp_open(SmpLink *link, GError **error)
{
	UdpLink *udp = (UdpLink *)link;
	struct addrinfo *found = check_interface(udp, error) ? resolve(udp, error) : NULL;

	if (!found)
		return FALSE;
	udp->fd = connect_any(found, &udp->family);
	int saved_errno = errno;
	freeaddrinfo(found);
	if (udp->fd < 0)
		return smp_link_error_errno(error, saved_errno, "cannot reach %s", link->target);
	return TRUE;
}

static void udp_close(SmpLink *link)
{
	UdpLink *udp = (UdpLink *)link;

	close(udp->fd);
	udp->fd = -1;
}

/* Whether a board listens shows only when it is asked; the caller does that. */
static gboolean udp_reopen(SmpLink *link, gint64 deadline, GError **error)
{
	UdpLink *udp = (UdpLink *)link;
	gint64 pause = smp_link_now(link) + REFUSED_PAUSE;

	if (udp->refused && !smp_link_sleep(link, MIN(pause, deadline), error))
		return FALSE;
	udp->refused = FALSE;
	return udp_open(link, error);
}

static gboolean io_error(UdpLink *udp, const char *doing, GError **error)
{
	if (errno != ECONNREFUSED)
		return smp_link_error_errno(error, errno, "cannot %s %s", doing, udp->link.target);
	udp->refused = TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED,
		    "nothing listens on %s: the board is restarting, or its firmware has no SMP "
		    "over UDP",
		    udp->link.target);
	return FALSE;
}

static gboolean udp_send(SmpLink *link, const guint8 *packet, gsize size, gint64 deadline,
			 GError **error)
{
	UdpLink *udp = (UdpLink *)link;

	while (send(udp->fd, packet, size, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return io_error(udp, "send to", error);
		if (!smp_link_poll(link, udp->fd, POLLOUT, deadline, error))
			return FALSE;
	}
	return TRUE;
}

/* Datagrams that are cut short are dropped; what follows a packet in its datagram is cut off. */
static gboolean take_datagram(UdpLink *udp, gsize size, GByteArray *packet)
{
	SmpHeader header;

	if (size < SMP_HEADER_SIZE)
		return FALSE;
	smp_header_read(udp->buffer, &header);
	if (size < SMP_HEADER_SIZE + (gsize)header.length)
		return FALSE;
	g_byte_array_set_size(packet, 0);
	g_byte_array_append(packet, udp->buffer, SMP_HEADER_SIZE + (guint)header.length);
	return TRUE;
}

static gboolean udp_receive(SmpLink *link, GByteArray *packet, gint64 deadline, GError **error)
{
	UdpLink *udp = (UdpLink *)link;

	while (smp_link_poll(link, udp->fd, POLLIN, deadline, error)) {
		ssize_t size = recv(udp->fd, udp->buffer, sizeof(udp->buffer), 0);

		if (size < 0 && errno != EAGAIN && errno != EINTR)
			return io_error(udp, "receive from", error);
		if (size > 0 && take_datagram(udp, (gsize)size, packet))
			return TRUE;
		if (smp_link_now(link) >= deadline)
			return smp_link_timed_out(link, error);
	}
	return FALSE;
}

static gboolean udp_recover(SmpLink *link, GError **error)
{
	return TRUE;
}

/* The kernel's path MTU; 0 where it is not known. */
static gsize path_mtu(const UdpLink *udp)
{
	gboolean v6 = udp->family == AF_INET6;
	socklen_t length = sizeof(int);
	int mtu = 0;

	if (udp->fd < 0 || getsockopt(udp->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
				      v6 ? IPV6_MTU : IP_MTU, &mtu, &length) < 0)
		return 0;
	return (gsize)MAX(mtu, 0);
}

static gsize udp_max_packet(SmpLink *link, gsize buf_size)
{
	const UdpLink *udp = (UdpLink *)link;
	gsize headers = udp->family == AF_INET6 ? IPV6_HEADERS : IPV4_HEADERS;
	gsize path = path_mtu(udp);
	gsize mtu = path > headers + SMP_HEADER_SIZE ? MIN(path, MAX_MTU) : MAX_MTU;

	return MIN(smp_link_limit_packet(link, buf_size, UNKNOWN_BUFFER), mtu - headers);
}

static guint udp_max_outstanding(SmpLink *link, guint buf_count)
{
	return smp_link_buffers_outstanding(buf_count);
}

static char *udp_describe(SmpLink *link)
{
	return g_strdup("UDP");
}

static char *udp_identity(SmpLink *link)
{
	const UdpLink *udp = (UdpLink *)link;

	return g_strdup_printf(strchr(udp->host, ':') ? "udp:[%s]:%u" : "udp:%s:%u", udp->host,
			       udp->port);
}

static void udp_free(SmpLink *link)
{
	UdpLink *udp = (UdpLink *)link;

	g_free(udp->host);
}

static const SmpLinkClass udp_class = {
	.drops_excess = TRUE,
	.connectionless = TRUE,
	.open = udp_open,
	.close = udp_close,
	.reopen = udp_reopen,
	.send = udp_send,
	.receive = udp_receive,
	.recover = udp_recover,
	.max_packet = udp_max_packet,
	.max_outstanding = udp_max_outstanding,
	.describe = udp_describe,
	.identity = udp_identity,
	.free = udp_free,
};

static char *format_address(const char *host, guint16 port)
{
	gboolean v6 = strchr(host, ':') != NULL;
	GString *address = g_string_new(NULL);

	g_string_printf(address, v6 ? "[%s]" : "%s", host);
	if (port != SMP_UDP_PORT)
		g_string_append_printf(address, ":%u", port);
	return g_string_free(address, FALSE);
}

SmpLink *smp_udp_link_new(const char *scheme, const char *address, GHashTable *options,
			  GError **error)
{
	static const char *const known[] = {"mtu", NULL};
	g_autofree char *host = NULL;
	guint16 port = 0;
	gsize mtu = 0;

	if (!smp_host_port_parse(address, &host, &port, error) ||
	    !smp_target_check_options(options, known, error) ||
	    !smp_target_get_mtu(options, &mtu, error))
		return NULL;

	UdpLink *udp = g_new0(UdpLink, 1);
	g_autofree char *canonical = format_address(host, port);
	g_autofree char *target = smp_target_format(scheme, canonical, options);

	smp_link_init(&udp->link, &udp_class, target);
	udp->link.mtu = mtu;
	udp->host = g_steal_pointer(&host);
	udp->port = port;
	udp->fd = -1;
	return &udp->link;
}

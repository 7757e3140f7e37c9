/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The UDP link against a socket on loopback. */

#include <arpa/inet.h>
#include <smp/link.h>
#include <smp/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MSEC ((gint64)1000)

/* An echo of "hello", v2 (protocol: test vectors). */
static const guint8 request[] = {0x0a, 0,    0,	   9,	0,   0,	  0x42, 0,  0xa1,
				 0x61, 0x64, 0x65, 'h', 'e', 'l', 'l',	'o'};

typedef struct {
	int fd;
	struct sockaddr_storage client;
	socklen_t client_size;
	SmpLink *link;
	char *target;
	guint16 port;
} Fixture;

static int server_new(int family, guint16 *port)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
				 .sin_port = htons(*port)};
	gboolean is_v6 = family == AF_INET6;
	struct sockaddr *address = is_v6 ? (void *)&v6 : (void *)&v4;
	socklen_t size = is_v6 ? sizeof(v6) : sizeof(v4);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, address, size) < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	g_assert_cmpint(getsockname(fd, address, &size), ==, 0);
	*port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
	return fd;
}

static gboolean set_up(Fixture *f, int family, const char *options)
{
	g_autoptr(GError) error = NULL;

	*f = (Fixture){0};
	f->fd = server_new(family, &f->port);
	if (f->fd < 0)
		return FALSE;
	f->target = g_strdup_printf("udp:%s:%u%s", family == AF_INET6 ? "[::1]" : "127.0.0.1",
				    f->port, options);
	f->link = smp_link_new(f->target, &error);
	g_assert_no_error(error);
	gboolean open = smp_link_open(f->link, &error);
	g_assert_no_error(error);
	g_assert_true(open);
	return TRUE;
}

static void tear_down(Fixture *f)
{
	smp_link_free(f->link);
	if (f->fd >= 0)
		close(f->fd);
	g_free(f->target);
}

static void client_sends(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	guint8 seen[64];
	gboolean sent = smp_link_send(f->link, request, sizeof(request),
				      smp_link_now(f->link) + 1000 * MSEC, &error);

	g_assert_no_error(error);
	g_assert_true(sent);
	f->client_size = sizeof(f->client);
	ssize_t n = recvfrom(f->fd, seen, sizeof(seen), 0, (struct sockaddr *)&f->client,
			     &f->client_size);
	g_assert_cmpint(n, >=, 0);
	g_assert_cmpmem(seen, (gsize)n, request, sizeof(request));
}

static void server_sends(Fixture *f, const guint8 *data, gsize size)
{
	g_assert_cmpint(sendto(f->fd, data, size, 0, (struct sockaddr *)&f->client, f->client_size),
			==, (ssize_t)size);
}

static void client_receives(Fixture *f, const guint8 *data, gsize size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) packet = g_byte_array_new();
	gboolean got =
		smp_link_receive(f->link, packet, smp_link_now(f->link) + 1000 * MSEC, &error);

	g_assert_no_error(error);
	g_assert_true(got);
	g_assert_cmpmem(packet->data, packet->len, data, size);
}

static void assert_receive_fails(Fixture *f, gint64 time, GQuark domain, int code)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) packet = g_byte_array_new();

	g_assert_false(smp_link_receive(f->link, packet, smp_link_now(f->link) + time, &error));
	g_assert_error(error, domain, code);
}

static void check_exchange(Fixture *f)
{
	static const guint8 empty[] = {0x0b, 0, 0, 0, 0, 0, 0x42, 0};

	client_sends(f);
	server_sends(f, request, sizeof(request));
	server_sends(f, empty, sizeof(empty));
	client_receives(f, request, sizeof(request));
	client_receives(f, empty, sizeof(empty));
}

static void test_v4(void)
{
	Fixture f;

	g_assert_true(set_up(&f, AF_INET, ""));
	check_exchange(&f);
	/* Loopback's MTU is 65536. */
	g_assert_cmpuint(smp_link_max_packet(f.link, 2048), ==, 1472);
	g_assert_cmpuint(smp_link_max_packet(f.link, 0), ==, 1024);
	g_assert_cmpuint(smp_link_max_packet(f.link, 384), ==, 384);
	g_assert_cmpuint(smp_link_max_outstanding(f.link, 0), ==, 1);
	g_assert_cmpuint(smp_link_max_outstanding(f.link, 2), ==, 1);
	g_assert_cmpuint(smp_link_max_outstanding(f.link, 4), ==, 3);
	g_assert_true(smp_link_drops_excess(f.link));
	tear_down(&f);
}

static void test_v6(void)
{
	Fixture f;

	if (!set_up(&f, AF_INET6, "")) {
		g_test_skip("no IPv6 on loopback");
		return;
	}
	check_exchange(&f);
	g_assert_cmpuint(smp_link_max_packet(f.link, 2048), ==, 1452);
	tear_down(&f);
}

static void test_mtu(void)
{
	Fixture f;

	g_assert_true(set_up(&f, AF_INET, "?mtu=500"));
	g_assert_cmpuint(smp_link_max_packet(f.link, 2048), ==, 500);
	g_assert_cmpuint(smp_link_max_packet(f.link, 0), ==, 500);
	tear_down(&f);
	g_assert_true(set_up(&f, AF_INET, "?mtu=9000"));
	g_assert_cmpuint(smp_link_max_packet(f.link, 0), ==, 1472);
	tear_down(&f);
}

static void test_odd_datagrams(void)
{
	guint8 longer[sizeof(request) + 5] = {0};
	Fixture f;

	memcpy(longer, request, sizeof(request));
	g_assert_true(set_up(&f, AF_INET, ""));
	client_sends(&f);
	server_sends(&f, request, 0);
	server_sends(&f, request, 7);
	server_sends(&f, request, sizeof(request) - 1);
	server_sends(&f, longer, sizeof(longer));
	client_receives(&f, request, sizeof(request));
	assert_receive_fails(&f, 20 * MSEC, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT);
	tear_down(&f);
}

static void test_largest(void)
{
	enum { SIZE = 2040 };
	guint8 packet[SMP_HEADER_SIZE + SIZE] = {0x0b, 0, SIZE >> 8, SIZE & 0xff, 0, 0, 1, 0};
	Fixture f;

	g_assert_true(set_up(&f, AF_INET, ""));
	client_sends(&f);
	server_sends(&f, packet, sizeof(packet));
	client_receives(&f, packet, sizeof(packet));
	tear_down(&f);
}

static void test_too_large(void)
{
	g_autofree guint8 *packet = g_malloc0(65535 + SMP_HEADER_SIZE);
	g_autoptr(GError) error = NULL;
	Fixture f;

	g_assert_true(set_up(&f, AF_INET, ""));
	g_assert_false(smp_link_send(f.link, packet, 65535 + SMP_HEADER_SIZE,
				     smp_link_now(f.link) + 100 * MSEC, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TOO_LARGE);
	tear_down(&f);
}

static gpointer cancel_soon(gpointer data)
{
	g_usleep(30000);
	g_cancellable_cancel(data);
	return NULL;
}

static void test_cancel(void)
{
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	Fixture f;

	g_assert_true(set_up(&f, AF_INET, ""));
	smp_link_set_cancellable(f.link, cancellable);
	GThread *thread = g_thread_new("cancel", cancel_soon, cancellable);
	assert_receive_fails(&f, 5000 * MSEC, G_IO_ERROR, G_IO_ERROR_CANCELLED);
	g_thread_join(thread);
	tear_down(&f);
}

/* A board that restarts refuses for a while and is there again at the same address. */
static void test_refused(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) packet = g_byte_array_new();
	Fixture f;

	g_assert_true(set_up(&f, AF_INET, ""));
	client_sends(&f);
	close(f.fd);
	g_assert_true(smp_link_send(f.link, request, sizeof(request),
				    smp_link_now(f.link) + 100 * MSEC, NULL));
	g_assert_false(
		smp_link_receive(f.link, packet, smp_link_now(f.link) + 1000 * MSEC, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
	g_assert_nonnull(strstr(error->message, "nothing listens on udp:127.0.0.1"));

	f.fd = server_new(AF_INET, &f.port);
	g_assert_cmpint(f.fd, >=, 0);
	gint64 start = smp_link_now(f.link);
	g_assert_true(smp_link_reopen(f.link, start + 1000 * MSEC, NULL));
	g_assert_cmpint(smp_link_now(f.link) - start, >=, 100 * MSEC);
	check_exchange(&f);
	tear_down(&f);
}

static void test_no_host(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpLink) link = smp_link_new("udp:[fe80::1%nonesuch]", &error);

	g_assert_no_error(error);
	g_assert_false(smp_link_open(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND);
	g_assert_nonnull(strstr(error->message, "fe80::1%nonesuch"));
	g_assert_nonnull(strstr(error->message, "no network interface nonesuch;"));
}

/* The kernel would say "Invalid argument". */
static void test_no_interface(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(SmpLink) link = smp_link_new("udp:[fe80::1]", &error);

	g_assert_no_error(error);
	g_assert_false(smp_link_open(link, &error));
	g_assert_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS);
	g_assert_nonnull(strstr(error->message, "udp:[fe80::1%eth0]"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/udp/v4", test_v4);
	g_test_add_func("/udp/v6", test_v6);
	g_test_add_func("/udp/no-interface", test_no_interface);
	g_test_add_func("/udp/mtu", test_mtu);
	g_test_add_func("/udp/odd-datagrams", test_odd_datagrams);
	g_test_add_func("/udp/largest", test_largest);
	g_test_add_func("/udp/too-large", test_too_large);
	g_test_add_func("/udp/cancel", test_cancel);
	g_test_add_func("/udp/refused", test_refused);
	g_test_add_func("/udp/no-host", test_no_host);
	return g_test_run();
}

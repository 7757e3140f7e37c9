/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What all links have in common: the public functions, waiting, the table of schemes. */

#include "transports/link.h"

#include "config.h"
#include "transports/target.h"

#include <errno.h>
#include <smp/packet.h>

typedef SmpLink *(*SmpLinkNew)(const char *scheme, const char *address, GHashTable *options,
			       GError **error);

/* `unavailable` says why a known scheme has no constructor in this build. */
static const struct {
	const char *scheme;
	SmpLinkNew new;
	const char *unavailable;
} schemes[] = {
#if HAVE_SERIAL
	{"serial", smp_serial_link_new, NULL}, {"raw", smp_serial_link_new, NULL},
	{"cobs", smp_serial_link_new, NULL},   {"shell", smp_serial_link_new, NULL},
	{"usb", smp_serial_link_new, NULL},    {"sim", smp_sim_link_new, NULL},
#else
	{"serial", NULL, "this build has no serial ports"},
	{"raw", NULL, "this build has no serial ports"},
	{"cobs", NULL, "this build has no serial ports"},
	{"shell", NULL, "this build has no serial ports"},
	{"usb", NULL, "this build has no serial ports"},
	{"sim", NULL, "this build has no serial ports, over which simulated boards are reached"},
#endif
#if HAVE_UDP
	{"udp", smp_udp_link_new, NULL},
#else
	{"udp", NULL, "this build has no UDP"},
#endif
#if HAVE_BLUETOOTH
	{"ble", smp_ble_link_new, NULL},
#else
	{"ble", NULL, "this build has no Bluetooth; use the board's serial port or UDP"},
#endif
};

static SmpLink *new_from_target(const SmpTarget *target, const char *text, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (!g_str_equal(schemes[i].scheme, target->scheme))
			continue;
		if (schemes[i].new)
			return schemes[i].new(target->scheme, target->address, target->options,
					      error);
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED, "%s: %s", text,
			    schemes[i].unavailable);
		return NULL;
	}
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
		    "%s: there is no scheme \"%s\"; known are serial, raw, cobs, shell, usb, udp, "
		    "ble and sim",
		    text, target->scheme);
	return NULL;
}

SmpLink *smp_link_new(const char *target, GError **error)
{
	g_autoptr(SmpTarget) parsed = smp_target_parse(target, error);

	return parsed ? new_from_target(parsed, target, error) : NULL;
}

SmpLink *smp_link_new_connstring(const char *type, const char *connstring, GError **error)
{
	g_autoptr(SmpTarget) parsed = smp_target_parse_connstring(type, connstring, error);

	return parsed ? new_from_target(parsed, connstring, error) : NULL;
}

void smp_link_init(SmpLink *link, const SmpLinkClass *klass, const char *target)
{
	link->klass = klass;
	link->target = g_strdup(target);
	link->cancel_fd = (GPollFD){.fd = -1};
}

void smp_link_free(SmpLink *link)
{
	if (!link)
		return;
	smp_link_close(link);
	smp_link_set_cancellable(link, NULL);
	g_clear_pointer(&link->target, g_free);
	link->klass->free(link);
	g_free(link);
}

void smp_link_set_cancellable(SmpLink *link, GCancellable *cancellable)
{
	if (cancellable == link->cancellable)
		return;
	if (link->cancel_fd.fd >= 0)
		g_cancellable_release_fd(link->cancellable);
	link->cancel_fd.fd = -1;
	g_set_object(&link->cancellable, cancellable);
	/* Leaves the fd alone where there is no cancellable or no descriptor to be had. */
	if (!g_cancellable_make_pollfd(cancellable, &link->cancel_fd))
		link->cancel_fd.fd = -1;
}

void smp_link_set_text_func(SmpLink *link, SmpLinkTextFunc func, gpointer user_data)
{
	link->text_func = func;
	link->text_data = user_data;
}

void smp_link_set_pairing_func(SmpLink *link, SmpPairingAbility ability, SmpPairingFunc func,
			       gpointer user_data)
{
	link->pairing_ability = func ? ability : SMP_PAIRING_NOTHING;
	link->pairing_func = func;
	link->pairing_data = user_data;
}

void smp_link_text(SmpLink *link, const char *text, gsize length)
{
	if (link->text_func)
		link->text_func(text, length, link->text_data);
}

gboolean smp_link_open(SmpLink *link, GError **error)
{
	smp_link_close(link);
	link->is_open = link->klass->open(link, error);
	return link->is_open;
}

void smp_link_close(SmpLink *link)
{
	if (link->is_open)
		link->klass->close(link);
	link->is_open = FALSE;
}

gboolean smp_link_reopen(SmpLink *link, gint64 deadline, GError **error)
{
	smp_link_close(link);
	link->is_open = link->klass->reopen(link, deadline, error);
	return link->is_open;
}

static gboolean check_open(SmpLink *link, GError **error)
{
	if (!link->is_open)
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED, "%s is not open",
			    link->target);
	return link->is_open;
}

gboolean smp_link_send(SmpLink *link, const guint8 *packet, gsize size, gint64 deadline,
		       GError **error)
{
	if (!check_open(link, error))
		return FALSE;
	return link->klass->send(link, packet, size, deadline, error);
}

gboolean smp_link_receive(SmpLink *link, GByteArray *packet, gint64 deadline, GError **error)
{
	if (!check_open(link, error))
		return FALSE;
	return link->klass->receive(link, packet, deadline, error);
}

gboolean smp_link_recover(SmpLink *link, GError **error)
{
	if (!check_open(link, error))
		return FALSE;
	return link->klass->recover(link, error);
}

gboolean smp_link_resync(SmpLink *link, GError **error)
{
	if (!check_open(link, error))
		return FALSE;
	return !link->klass->resync || link->klass->resync(link, error);
}

gboolean smp_link_retune(SmpLink *link, const char *scheme, guint baud, GError **error)
{
	if (!check_open(link, error))
		return FALSE;
	if (link->klass->retune)
		return link->klass->retune(link, scheme, baud, error);
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED, "%s is no serial port",
		    link->target);
	return FALSE;
}

SmpPort *smp_link_get_port(SmpLink *link)
{
	return link->klass->port ? link->klass->port(link) : NULL;
}

gsize smp_link_max_packet(SmpLink *link, gsize buf_size)
{
	return link->klass->max_packet(link, buf_size);
}

guint smp_link_max_outstanding(SmpLink *link, guint buf_count)
{
	return link->klass->max_outstanding(link, buf_count);
}

gsize smp_link_probe_size(SmpLink *link, gsize buf_size)
{
	return link->klass->probe_size ? link->klass->probe_size(link, buf_size) : 0;
}

void smp_link_set_reassembly(SmpLink *link, gboolean reassembles)
{
	if (link->klass->set_reassembly)
		link->klass->set_reassembly(link, reassembles);
}

gboolean smp_link_drops_excess(SmpLink *link)
{
	return link->klass->drops_excess;
}

gboolean smp_link_is_connectionless(SmpLink *link)
{
	return link->klass->connectionless;
}

gsize smp_link_get_mtu(SmpLink *link)
{
	return link->mtu;
}

gsize smp_link_limit_packet(SmpLink *link, gsize fits, gsize guess)
{
	/* A server that tells of a buffer in which nothing fits is not believed. */
	if (fits < 2 * SMP_HEADER_SIZE)
		return link->mtu ? link->mtu : guess;
	return link->mtu ? MIN(fits, link->mtu) : fits;
}

guint smp_link_buffers_outstanding(guint buf_count)
{
	return buf_count > 2 ? buf_count - 1 : 1;
}

gint64 smp_link_now(SmpLink *link)
{
	return link->klass->now ? link->klass->now(link) : g_get_monotonic_time();
}

gboolean smp_link_sleep(SmpLink *link, gint64 until, GError **error)
{
	g_autoptr(GError) ended = NULL;

	if (link->klass->sleep)
		return link->klass->sleep(link, until, error);
	if (smp_link_poll(link, -1, 0, until, &ended) ||
	    g_error_matches(ended, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&ended));
	return FALSE;
}

const char *smp_link_get_target(SmpLink *link)
{
	return link->target;
}

char *smp_link_describe(SmpLink *link)
{
	return link->klass->describe(link);
}

char *smp_link_identity(SmpLink *link)
{
	return link->klass->identity(link);
}

/* poll() in microseconds; -1 with errno. */
static int poll_until(struct pollfd *fds, gint64 deadline)
{
	gint64 left = MAX(deadline - g_get_monotonic_time(), 0);
	struct timespec timeout = {
		.tv_sec = (time_t)(left / G_USEC_PER_SEC),
		.tv_nsec = (long)(left % G_USEC_PER_SEC) * 1000,
	};

	return ppoll(fds, 2, &timeout, NULL);
}

gboolean smp_link_timed_out(SmpLink *link, GError **error)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT, "nothing came from %s in time",
		    link->target);
	return FALSE;
}

gboolean smp_link_poll(SmpLink *link, int fd, short events, gint64 deadline, GError **error)
{
	struct pollfd fds[] = {
		{.fd = fd, .events = events},
		{.fd = link->cancel_fd.fd, .events = POLLIN},
	};
	int n = 0;

	do {
		if (g_cancellable_set_error_if_cancelled(link->cancellable, error))
			return FALSE;
		n = poll_until(fds, deadline);
	} while ((n < 0 && errno == EINTR) || (n > 0 && fds[0].revents == 0));

	if (n < 0)
		return smp_link_error_errno(error, errno, "cannot wait for %s", link->target);
	if (n > 0)
		return TRUE;
	if (!(events & POLLOUT))
		return smp_link_timed_out(link, error);
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT, "%s does not take any data",
		    link->target);
	return FALSE;
}

static SmpLinkError code_from_errno(int saved_errno)
{
	switch (saved_errno) {
	case ENOENT:
		return SMP_LINK_ERROR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return SMP_LINK_ERROR_PERMISSION;
	case EBUSY:
	case EADDRINUSE:
		return SMP_LINK_ERROR_BUSY;
	case EIO:
	case ENODEV:
	case ENXIO:
	case EPIPE:
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
		return SMP_LINK_ERROR_CLOSED;
	case EMSGSIZE:
		return SMP_LINK_ERROR_TOO_LARGE;
	case EOPNOTSUPP:
	case ENOTTY:
		return SMP_LINK_ERROR_UNSUPPORTED;
	default:
		return SMP_LINK_ERROR_IO;
	}
}

gboolean smp_link_error_errno(GError **error, int saved_errno, const char *format, ...)
{
	g_autofree char *doing = NULL;
	va_list args;

	va_start(args, format);
	doing = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, SMP_LINK_ERROR, (int)code_from_errno(saved_errno), "%s: %s", doing,
		    g_strerror(saved_errno));
	return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SMP over Bluetooth LE (Zephyr smp_bt.c): requests are written without response, answers come as
 * notifications, both in pieces of at most MTU - 3 bytes. BlueZ gives a descriptor for each. */

#include "transports/ble.h"

#include "transports/ble-inbox.h"
#include "transports/link.h"
#include "transports/target.h"

#include <errno.h>
#include <smp/packet.h>
#include <sys/socket.h>

/* The header of an ATT write or notification. */
#define ATT_HEADER 3

/* An MTU of 517 allows 514. But BlueZ 5.66 here cuts what is longer than 512 without a word, and on
 * a board it drops what is longer with the handle, likewise. */
#define MAX_FRAGMENT 510

/* The smallest MTU that there is. */
#define MIN_MTU 23

/* bluetoothd takes whatever is written and keeps it: there is no back-pressure from the air. */
#define MAX_IN_FLIGHT 32768

/* So much longer than a fragment is an echo that shows whether the server puts them together. */
#define PROBE_EXCESS 32

/* What BlueZ knows of a board it has not heard of: worth a try before scanning, of half the time at
 * most. */
#define KNOWN_TIME (8 * G_USEC_PER_SEC)

#define SEEN_TIME  (15 * G_USEC_PER_SEC) /* to connect to a board that came back */
#define AWAY_PAUSE (200 * G_TIME_SPAN_MILLISECOND)

typedef struct {
	SmpLink link;
	SmpBleTarget *target;
	SmpBleDevice device;
	SmpBleInbox *inbox;
	gsize fragment;
	gboolean reassembly_known;
	gboolean reassembles;
	gboolean in_pieces; /* a packet was sent in several since the subscription */
	gsize largest;	    /* what max_packet said last */
	guint8 buffer[1024];
} BleLink;

static void take_link_settings(BleLink *ble)
{
	ble->device.ability = ble->link.pairing_ability;
	ble->device.pairing_func = ble->link.pairing_func;
	ble->device.pairing_data = ble->link.pairing_data;
}

/* A server may be another one now than before. */
static void begin_conversation(BleLink *ble)
{
	gsize mtu = MAX(ble->device.mtu, MIN_MTU);

	ble->fragment = MIN(mtu - ATT_HEADER, MAX_FRAGMENT);
	ble->reassembly_known = ble->target->reassembly != SMP_BLE_AUTO;
	ble->reassembles = ble->target->reassembly == SMP_BLE_YES;
	ble->in_pieces = FALSE;
	ble->largest = 0;
	g_clear_pointer(&ble->inbox, smp_ble_inbox_free);
	ble->inbox = smp_ble_inbox_new();
}

/* After a failure: what was begun is undone, without waiting for it. */
static void give_up(BleLink *ble)
{
	SmpBleDevice *device = &ble->device;

	if (!device->bluez)
		return;
	smp_ble_release(device);
	if (device->ours && device->device)
		smp_bluez_send(device->bluez, device->device, BLUEZ_DEVICE, "Disconnect", NULL);
	device->ours = FALSE;
}

/* Of an address that BlueZ knows nothing has to be heard. */
static gboolean connect_known(BleLink *ble, gint64 deadline, GError **error)
{
	SmpBleDevice *device = &ble->device;
	gint64 now = g_get_monotonic_time();
	gint64 until = now + MIN((deadline - now) / 2, KNOWN_TIME);
	g_autoptr(GError) local = NULL;

	if (ble->target->kind == SMP_BLE_ADDRESS && smp_ble_find_known(device, NULL) == 1) {
		if (smp_ble_connect(device, until, &local))
			return TRUE;
		if (!g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND) &&
		    !g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT) &&
		    !g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		/* It was not there yet, so it is none that comes back. */
		g_clear_pointer(&device->address, g_free);
	}
	return smp_ble_find(device, deadline, error) && smp_ble_connect(device, deadline, error);
}

gboolean smp_ble_link_begin(SmpLink *link, GError **error)
{
	BleLink *ble = (BleLink *)link;

	take_link_settings(ble);
	g_clear_pointer(&ble->device.address, g_free);
	g_clear_pointer(&ble->device.home, g_free);
	return smp_ble_device_begin(&ble->device, link->cancellable, error);
}

static gboolean find_and_connect(SmpLink *link, GError **error)
{
	BleLink *ble = (BleLink *)link;
	gint64 deadline = g_get_monotonic_time() + ble->target->connect_time;

	return smp_ble_link_begin(link, error) && connect_known(ble, deadline, error);
}

/* A connection that was found may be one that its owner is just ending: BlueZ takes 2 s for it. */
static gboolean connect_and_acquire(SmpLink *link, GError **error)
{
	BleLink *ble = (BleLink *)link;
	g_autoptr(GError) local = NULL;

	if (!find_and_connect(link, error))
		return FALSE;
	if (smp_ble_acquire(&ble->device, &local))
		return TRUE;
	if (!g_error_matches(local, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	if (!ble->device.ours)
		smp_ble_await_end(&ble->device);
	return find_and_connect(link, error) && smp_ble_acquire(&ble->device, error);
}

static gboolean ble_open(SmpLink *link, GError **error)
{
	BleLink *ble = (BleLink *)link;

	if (ble->target->own_address_type)
		g_message("BlueZ chooses this computer's own address; own_addr_type=%s is ignored",
			  ble->target->own_address_type);
	if (!connect_and_acquire(link, error)) {
		give_up(ble);
		smp_ble_device_end(&ble->device);
		return FALSE;
	}
	begin_conversation(ble);
	return TRUE;
}

void smp_ble_link_leave(SmpLink *link)
{
	BleLink *ble = (BleLink *)link;
	SmpBleDevice *device = &ble->device;
	gboolean hurry = g_cancellable_is_cancelled(link->cancellable);

	smp_ble_release(device);
	if (!device->ours || ble->target->keep)
		g_debug("%s stays as it is", device->label);
	else if (hurry)
		give_up(ble);
	else if (smp_ble_is_connected(device))
		smp_ble_disconnect(device);
	smp_ble_device_end(device);
}

static void ble_close(SmpLink *link)
{
	smp_ble_link_leave(link);
}

/* Whether the board, the adapter or bluetoothd may be back later. */
static gboolean may_come_back(const GError *error)
{
	return g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND) ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT) ||
	       g_error_matches(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED);
}

/* A board that was heard gets the time that it takes, and the scan goes on between two calls. */
static gboolean come_back(BleLink *ble, gint64 deadline, GError **error)
{
	SmpBleDevice *device = &ble->device;

	return smp_ble_device_begin(device, ble->link.cancellable, error) &&
	       smp_ble_find(device, deadline, error) &&
	       smp_ble_connect(device, g_get_monotonic_time() + SEEN_TIME, error) &&
	       smp_ble_acquire(device, error);
}

static gboolean ble_reopen(SmpLink *link, gint64 deadline, GError **error)
{
	BleLink *ble = (BleLink *)link;

	take_link_settings(ble);
	for (;;) {
		g_autoptr(GError) local = NULL;

		if (come_back(ble, deadline, &local)) {
			begin_conversation(ble);
			return TRUE;
		}
		gint64 now = smp_link_now(link);
		give_up(ble);
		if (!may_come_back(local)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		if (now >= deadline) {
			g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT,
					    local->message);
			return FALSE;
		}
		if (!smp_link_sleep(link, MIN(now + AWAY_PAUSE, deadline), error))
			return FALSE;
	}
}

static gboolean fail_lost(BleLink *ble, GError **error)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED,
		    "the connection to %s was lost: it restarted, went out of range or was "
		    "switched off",
		    ble->device.label);
	return FALSE;
}

static gboolean is_lost(int saved_errno)
{
	return saved_errno == EPIPE || saved_errno == ECONNRESET || saved_errno == ENOTCONN;
}

static gboolean send_fragment(BleLink *ble, const guint8 *data, gsize size, gint64 deadline,
			      GError **error)
{
	int fd = ble->device.write_fd;

	while (send(fd, data, size, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (is_lost(errno))
			return fail_lost(ble, error);
		if (errno != EAGAIN)
			return smp_link_error_errno(error, errno, "cannot send to %s",
						    ble->link.target);
		if (!smp_link_poll(&ble->link, fd, POLLOUT, deadline, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean ble_send(SmpLink *link, const guint8 *packet, gsize size, gint64 deadline,
			 GError **error)
{
	BleLink *ble = (BleLink *)link;

	/* Signals about the board must not pile up. */
	smp_bluez_dispatch(ble->device.bluez);
	if (ble->device.interval)
		smp_ble_interval_update(ble->device.interval);
	ble->in_pieces |= size > ble->fragment;
	for (gsize at = 0; at < size; at += ble->fragment) {
		if (!send_fragment(ble, packet + at, MIN(ble->fragment, size - at), deadline,
				   error))
			return FALSE;
	}
	return TRUE;
}

static gboolean ble_receive(SmpLink *link, GByteArray *packet, gint64 deadline, GError **error)
{
	BleLink *ble = (BleLink *)link;
	int fd = ble->device.notify_fd;

	while (!smp_ble_inbox_take(ble->inbox, packet)) {
		if (!smp_link_poll(link, fd, POLLIN, deadline, error))
			return FALSE;
		ssize_t size = recv(fd, ble->buffer, sizeof(ble->buffer), 0);
		if (size == 0 || (size < 0 && is_lost(errno)))
			return fail_lost(ble, error);
		if (size < 0 && errno != EAGAIN && errno != EINTR)
			return smp_link_error_errno(error, errno, "cannot receive from %s",
						    link->target);
		if (size > 0)
			smp_ble_inbox_feed(ble->inbox, ble->buffer, (gsize)size);
	}
	return TRUE;
}

/* Half a packet, on either side, swallows what follows. A server drops its half when the
 * subscription ends (Zephyr smp_bt.c); where every packet was one piece there is none. */
static gboolean ble_recover(SmpLink *link, GError **error)
{
	BleLink *ble = (BleLink *)link;
	g_autoptr(GError) local = NULL;

	if (!ble->in_pieces && !smp_ble_inbox_is_partial(ble->inbox))
		return TRUE;
	smp_ble_inbox_reset(ble->inbox);
	ble->in_pieces = FALSE;
	if (smp_ble_renew(&ble->device, link->cancellable, &local))
		return TRUE;
	if (g_error_matches(local, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	return fail_lost(ble, error);
}

static gsize ble_max_packet(SmpLink *link, gsize buf_size)
{
	BleLink *ble = (BleLink *)link;
	gsize fits = smp_link_limit_packet(link, buf_size, ble->fragment);

	ble->largest = ble->reassembles ? fits : MIN(fits, ble->fragment);
	return ble->largest;
}

static gsize ble_probe_size(SmpLink *link, gsize buf_size)
{
	BleLink *ble = (BleLink *)link;
	gsize fits = smp_link_limit_packet(link, buf_size, ble->fragment);

	if (ble->reassembly_known || fits <= ble->fragment)
		return 0;
	return MIN(fits, ble->fragment + PROBE_EXCESS);
}

static void ble_set_reassembly(SmpLink *link, gboolean reassembles)
{
	BleLink *ble = (BleLink *)link;

	ble->reassembly_known = TRUE;
	ble->reassembles = reassembles;
}

static guint ble_max_outstanding(SmpLink *link, guint buf_count)
{
	BleLink *ble = (BleLink *)link;
	guint window = smp_link_buffers_outstanding(buf_count);

	if (ble->largest == 0)
		return window;
	return MIN(window, MAX(1, (guint)(MAX_IN_FLIGHT / ble->largest)));
}

static char *ble_describe(SmpLink *link)
{
	BleLink *ble = (BleLink *)link;
	SmpBleInterval *asked = ble->device.interval;

	if (!link->is_open)
		return g_strdup("Bluetooth LE");
	g_autofree char *interval =
		asked ? smp_ble_interval_describe(asked) : g_strdup("up to the board");
	return g_strdup_printf("Bluetooth LE, MTU %u%s, interval %s", ble->device.mtu,
			       ble->reassembles ? ", reassembly" : "", interval);
}

/* A private address is another one next time. */
static char *ble_identity(SmpLink *link)
{
	BleLink *ble = (BleLink *)link;
	const SmpBleDevice *device = &ble->device;

	if (!device->address)
		return g_strdup(link->target);
	if (!device->address_stays && smp_ble_address_is_private(device->address) && device->name)
		return g_strdup_printf("ble:%s", device->name);
	return g_strdup_printf("ble:%s", device->address);
}

static void ble_free(SmpLink *link)
{
	BleLink *ble = (BleLink *)link;

	smp_ble_device_clear(&ble->device);
	g_clear_pointer(&ble->inbox, smp_ble_inbox_free);
	smp_ble_target_free(ble->target);
}

static const SmpLinkClass ble_class = {
	.drops_excess = TRUE,
	.open = ble_open,
	.close = ble_close,
	.reopen = ble_reopen,
	.send = ble_send,
	.receive = ble_receive,
	.recover = ble_recover,
	.max_packet = ble_max_packet,
	.max_outstanding = ble_max_outstanding,
	.probe_size = ble_probe_size,
	.set_reassembly = ble_set_reassembly,
	.describe = ble_describe,
	.identity = ble_identity,
	.free = ble_free,
};

SmpBleDevice *smp_ble_link_get_device(SmpLink *link)
{
	return link->klass == &ble_class ? &((BleLink *)link)->device : NULL;
}

SmpLink *smp_ble_link_new(const char *scheme, const char *address, GHashTable *options,
			  GError **error)
{
	g_autoptr(SmpBleTarget) target = smp_ble_target_new(address, options, error);

	if (!target)
		return NULL;

	BleLink *ble = g_new0(BleLink, 1);
	g_autofree char *text = smp_ble_target_format(target, options);

	smp_link_init(&ble->link, &ble_class, text);
	ble->link.mtu = target->mtu;
	ble->target = g_steal_pointer(&target);
	smp_ble_device_init(&ble->device, ble->target);
	ble->fragment = MIN_MTU - ATT_HEADER;
	return &ble->link;
}

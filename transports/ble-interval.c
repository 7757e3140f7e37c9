/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel keeps connection parameters for boards that were loaded (net/bluetooth/mgmt.c,
 * load_conn_param()), and uses them when it connects to one. Loading replaces the whole list, but
 * for devices that BlueZ connects by itself (from revision 1.23 of the interface on, also where the
 * only one that is loaded is on the list already). So the others are loaded again along with ours,
 * from where bluetoothd remembers them and loads them itself when it starts. Who cannot read that
 * leaves the others with the kernel's defaults until bluetoothd is started again, or they ask for
 * something else. */

#include "transports/ble-interval.h"

#include <bluetooth/bluetooth.h>
#include <bluetooth/hci.h>
#include <errno.h>
#include <poll.h>
#include <smp/error.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STORAGE "/var/lib/bluetooth"

/* The kernel answers at once. */
#define ANSWER_MS 1000

#define PERMISSION_DENIED 0x14

struct SmpBleInterval {
	int fd;
	guint16 index;
	char *storage;
	SmpBleParams asked; /* without an address: nothing yet */
	SmpBleParams told;  /* likewise */
};

/* 7.5 to 15 ms. The rest is as in kernel_default. */
static const SmpBleParams fast = {.min = 6, .max = 12, .latency = 0, .timeout = 42};

/* Of devices that are not on the list (net/bluetooth/hci_core.c): 30 to 50 ms, 420 ms. */
static const SmpBleParams kernel_default = {.min = 24, .max = 40, .latency = 0, .timeout = 42};

static gboolean fail_permission(GError **error)
{
	g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_PERMISSION,
			    "to ask for a short one takes the capability CAP_NET_ADMIN, which root "
			    "has");
	return FALSE;
}

static gboolean fail_errno(int saved_errno, GError **error)
{
	if (saved_errno == EPERM || saved_errno == EACCES)
		return fail_permission(error);
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_IO,
		    "cannot use the kernel's management of Bluetooth: %s", g_strerror(saved_errno));
	return FALSE;
}

static gboolean open_socket(SmpBleInterval *interval, GError **error)
{
	struct sockaddr_hci address = {.hci_family = AF_BLUETOOTH,
				       .hci_dev = HCI_DEV_NONE,
				       .hci_channel = HCI_CHANNEL_CONTROL};

	interval->fd = socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, BTPROTO_HCI);
	if (interval->fd < 0 ||
	    bind(interval->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return fail_errno(errno, error);
	return TRUE;
}

SmpBleInterval *smp_ble_interval_new(const char *adapter, const char *address, GError **error)
{
	g_autoptr(SmpBleInterval) interval = g_new0(SmpBleInterval, 1);

	interval->index = (guint16)atoi(adapter + strlen("hci"));
	interval->storage = g_build_filename(STORAGE, address, NULL);
	return open_socket(interval, error) ? g_steal_pointer(&interval) : NULL;
}

static void take_event(SmpBleInterval *interval, const guint8 *event, gsize size)
{
	SmpBleParams params;

	if (smp_ble_params_decode(event, size, interval->index, &params) &&
	    g_str_equal(params.address, interval->asked.address))
		interval->told = params;
}

static gboolean await_answer(SmpBleInterval *interval, guint8 *status)
{
	gint64 deadline = g_get_monotonic_time() + ANSWER_MS * G_TIME_SPAN_MILLISECOND;
	guint8 event[1024];

	for (;;) {
		struct pollfd wait = {.fd = interval->fd, .events = POLLIN};
		gint64 left = (deadline - g_get_monotonic_time()) / G_TIME_SPAN_MILLISECOND;

		if (left <= 0 || (poll(&wait, 1, (int)left) < 0 && errno != EINTR))
			return FALSE;
		ssize_t size = recv(interval->fd, event, sizeof(event), 0);
		if (size > 0 &&
		    smp_ble_params_is_answer(event, (gsize)size, interval->index, status))
			return TRUE;
		if (size > 0)
			take_event(interval, event, (gsize)size);
	}
}

static gboolean exchange(SmpBleInterval *interval, const GByteArray *command, GError **error)
{
	guint8 status = 0;

	if (send(interval->fd, command->data, command->len, 0) < 0)
		return fail_errno(errno, error);
	if (!await_answer(interval, &status)) {
		g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT,
				    "the kernel did not answer");
		return FALSE;
	}
	if (status == PERMISSION_DENIED)
		return fail_permission(error);
	if (status == 0)
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED,
		    "the kernel did not take a short one (status 0x%02x of Load Connection "
		    "Parameters)",
		    status);
	return FALSE;
}

/* @params are those of our board, the first; then come all others that BlueZ remembers. */
static gboolean load(SmpBleInterval *interval, const SmpBleParams *params, const GArray *remembered,
		     GError **error)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(SmpBleParams));
	g_autoptr(GByteArray) command = NULL;

	g_array_append_vals(list, params, 1);
	for (guint i = 0; i < remembered->len; i++) {
		const SmpBleParams *other = &g_array_index(remembered, SmpBleParams, i);

		if (!g_str_equal(other->address, params->address))
			g_array_append_vals(list, other, 1);
	}
	command = smp_ble_params_encode(interval->index, &g_array_index(list, SmpBleParams, 0),
					list->len);
	return exchange(interval, command, error);
}

/* What BlueZ remembers of the board by now, else the kernel's default. */
static gboolean restore(SmpBleInterval *interval, GError **error)
{
	g_autoptr(GArray) remembered = smp_ble_params_remembered(interval->storage);
	SmpBleParams params = kernel_default;

	g_strlcpy(params.address, interval->asked.address, sizeof(params.address));
	params.random = interval->asked.random;
	for (guint i = 0; i < remembered->len; i++) {
		const SmpBleParams *known = &g_array_index(remembered, SmpBleParams, i);

		if (g_str_equal(known->address, params.address))
			params = *known;
	}
	return load(interval, &params, remembered, error);
}

void smp_ble_interval_free(SmpBleInterval *interval)
{
	g_autoptr(GError) ignored = NULL;

	if (!interval)
		return;
	if (interval->asked.address[0] && !restore(interval, &ignored))
		g_debug("restoring the connection interval: %s", ignored->message);
	if (interval->fd >= 0)
		close(interval->fd);
	g_free(interval->storage);
	g_free(interval);
}

gboolean smp_ble_interval_ask(SmpBleInterval *interval, const char *address, gboolean random,
			      GError **error)
{
	g_autoptr(GArray) remembered = smp_ble_params_remembered(interval->storage);
	SmpBleParams params = fast;

	g_strlcpy(params.address, address, sizeof(params.address));
	params.random = random;
	if (!load(interval, &params, remembered, error))
		return FALSE;
	interval->asked = params;
	interval->told = (SmpBleParams){0};
	return TRUE;
}

void smp_ble_interval_update(SmpBleInterval *interval)
{
	guint8 event[1024];
	ssize_t size = 0;

	while ((size = recv(interval->fd, event, sizeof(event), 0)) > 0)
		take_event(interval, event, (gsize)size);
}

char *smp_ble_interval_describe(SmpBleInterval *interval)
{
	smp_ble_interval_update(interval);

	gboolean told = interval->told.address[0] != '\0';
	g_autofree char *text = smp_ble_params_interval(told ? &interval->told : &interval->asked);

	return g_strconcat(text, told ? ", as the board wants it" : "", NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/internal-ble.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/socket.h>

/* bluetoothd 5.66 aborts where it finds a write of a central that is gone. So it has to have taken
 * all that was sent, and the central not to have sent it again. */
#define CALM_MS 70
/* A connection that was cut has ended by then. */
#define CUT_MS 1000

#define DEVICE BLUEZ ".Device1"

/* Connections are told apart by their origin: an answer that comes after its central has left is
 * nobody's. */
static void end_session(SimBle *ble)
{
	ble->origin++;
	sim_fragments_drop(&ble->fragments);
	g_queue_clear_full(&ble->outgoing, (GDestroyNotify)g_bytes_unref);
}

static void unsubscribe(SimBle *ble)
{
	end_session(ble);
	if (ble->notify >= 0)
		g_close(g_steal_fd(&ble->notify), NULL);
}

static void meet(SimBle *ble, const char *central, guint mtu)
{
	ble->mtu = mtu;
	if (g_strcmp0(ble->central, central) == 0)
		return;
	g_free(ble->central);
	ble->central = g_strdup(central);
}

/* MCUboot's recovery is on the serial line only. */
static gboolean is_up(SimBle *ble, gint64 now)
{
	SimState state = sim_board_state(ble->board, now);

	return (state == SIM_STATE_APP || state == SIM_STATE_HUNG) && !ble->leaving &&
	       sim_board_link_is_up(ble->board, now);
}

void sim_ble_written(SimBle *ble, const char *central, guint mtu, const guint8 *data, gsize size)
{
	g_autoptr(GByteArray) packet = g_byte_array_new();

	ble->calm = FALSE;
	meet(ble, central, mtu);
	if (is_up(ble, ble->now) &&
	    sim_fragments_take(&ble->fragments, data, size, sim_board_buf_size(ble->board), packet))
		sim_board_receive(ble->board, packet->data, packet->len, ble->origin, ble->now);
}

int sim_ble_subscribed(SimBle *ble, const char *central, guint mtu)
{
	int ends[2];

	ble->calm = FALSE;
	unsubscribe(ble);
	meet(ble, central, mtu);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	ble->notify = ends[0];
	return ends[1];
}

/* bluetoothd closes the socket when notifications are switched off, and when a central is gone that
 * has not paired. */
static void flush(SimBle *ble)
{
	while (ble->notify >= 0 && ble->outgoing.length > 0) {
		gsize size;
		gconstpointer data = g_bytes_get_data(ble->outgoing.head->data, &size);
		if (send(ble->notify, data, size, MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN)
				unsubscribe(ble);
			return;
		}
		g_bytes_unref(g_queue_pop_head(&ble->outgoing));
	}
}

/* As UDP's, a damaged packet is thrown away on the way. */
void sim_ble_send(SimBle *ble, const SimOutput *output)
{
	gsize most = sim_fragments_size(&ble->fragments, ble->mtu);

	if (output->damaged || output->origin != ble->origin || ble->notify < 0)
		return;
	for (gsize at = 0; at < output->bytes->len; at += most)
		g_queue_push_tail(&ble->outgoing, g_bytes_new(output->bytes->data + at,
							      MIN(most, output->bytes->len - at)));
	flush(ble);
}

static void left(GObject *source, GAsyncResult *result, gpointer user_data)
{
	SimBle *ble = user_data;
	GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

	/* Gone, or unknown already. */
	g_clear_pointer(&reply, g_variant_unref);
	ble->leaving = FALSE;
	g_clear_pointer(&ble->central, g_free);
}

static gboolean disconnect(gpointer user_data)
{
	SimBle *ble = user_data;

	ble->leave_timer = 0;
	if (ble->leaving)
		g_dbus_connection_call(ble->bus, BLUEZ, ble->central, DEVICE, "Disconnect", NULL,
				       NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, left, ble);
	return G_SOURCE_REMOVE;
}

static gboolean cut(gpointer user_data)
{
	SimBle *ble = user_data;

	if (ble->leaving && !ble->calm) {
		ble->calm = TRUE;
		return G_SOURCE_CONTINUE;
	}
	if (!ble->leaving || !sim_ble_cut(ble->adapter, ble->central))
		return disconnect(ble);
	ble->leave_timer = g_timeout_add(CUT_MS, disconnect, ble);
	return G_SOURCE_REMOVE;
}

static void leave(SimBle *ble)
{
	end_session(ble);
	if (!ble->central || ble->leaving)
		return;
	ble->leaving = TRUE;
	ble->calm = TRUE;
	g_clear_handle_id(&ble->leave_timer, g_source_remove);
	ble->leave_timer = g_timeout_add(CALM_MS, cut, ble);
}

void sim_ble_follow_board(SimBle *ble, gint64 now)
{
	sim_board_advance(ble->board, now);
	guint losses = sim_board_link_losses(ble->board);
	if (losses != ble->losses)
		leave(ble);
	ble->losses = losses;
	gboolean up = is_up(ble, now);
	if (up != ble->advertises && !ble->changing && !ble->failure)
		sim_ble_change_advertising(ble, up);
}

gint64 sim_ble_next_event(const SimBle *ble, gint64 now)
{
	gint64 link_up_at = sim_board_link_up_at(ble->board);

	return link_up_at > now ? link_up_at : -1;
}

guint sim_ble_prepare(SimBle *ble, struct pollfd *fds, gint64 *timeout)
{
	GPollFD polled[SIM_BLE_FDS];
	gint ms;

	g_main_context_prepare(g_main_context_default(), &ble->priority);
	gint n = g_main_context_query(g_main_context_default(), ble->priority, &ms, polled,
				      SIM_BLE_FDS - 1);
	*timeout = ms < 0 ? -1 : (gint64)ms * 1000;
	ble->n_fds = (guint)MIN(n, SIM_BLE_FDS - 1);
	for (guint i = 0; i < ble->n_fds; i++)
		fds[i] = (struct pollfd){.fd = polled[i].fd, .events = (short)polled[i].events};
	fds[ble->n_fds] = (struct pollfd){.fd = ble->notify,
					  .events = ble->outgoing.length > 0 ? POLLOUT : 0};
	return ble->n_fds + 1;
}

gboolean sim_ble_dispatch(SimBle *ble, const struct pollfd *fds, guint n, gint64 now,
			  GError **error)
{
	GPollFD polled[SIM_BLE_FDS];
	const struct pollfd *notify = &fds[n - 1];

	ble->now = now;
	if (notify->revents & POLLHUP)
		unsubscribe(ble);
	flush(ble);
	for (guint i = 0; i < ble->n_fds; i++)
		polled[i] = (GPollFD){fds[i].fd, (gushort)fds[i].events, (gushort)fds[i].revents};
	if (g_main_context_check(g_main_context_default(), ble->priority, polled, (gint)ble->n_fds))
		g_main_context_dispatch(g_main_context_default());
	if (!ble->failure)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&ble->failure));
	return FALSE;
}

/* A central that has paired stays subscribed for bluetoothd; that it has gone is said here only. */
static void device_changed(GDBusConnection *bus, const char *sender, const char *path,
			   const char *interface, const char *signal, GVariant *arguments,
			   gpointer user_data)
{
	SimBle *ble = user_data;
	g_autoptr(GVariant) changed = g_variant_get_child_value(arguments, 1);
	gboolean connected;

	if (g_strcmp0(path, ble->central) != 0 ||
	    !g_variant_lookup(changed, "Connected", "b", &connected) || connected)
		return;
	end_session(ble);
	ble->leaving = FALSE;
	g_clear_pointer(&ble->central, g_free);
}

static void bluetoothd_vanished(GDBusConnection *bus, const char *name, gpointer user_data)
{
	SimBle *ble = user_data;

	if (!ble->failure)
		ble->failure = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CLOSED,
						   "bluetoothd is gone; start smpsim again");
}

/* What to set back at the end: "" where it is that of the computer. */
static char *old_alias(GVariant *adapter)
{
	const char *alias = "", *name = "";

	g_variant_lookup(adapter, "Alias", "&s", &alias);
	g_variant_lookup(adapter, "Name", "&s", &name);
	return g_strdup(g_str_equal(alias, name) ? "" : alias);
}

/* Returns: whether @path is the adapter that is wanted, and can be used */
static gboolean take_adapter(SimBle *ble, const char *path, GVariant *interfaces)
{
	const char *wanted = ble->options->adapter;
	g_autoptr(GVariant) adapter =
		g_variant_lookup_value(interfaces, BLUEZ ".Adapter1", G_VARIANT_TYPE_VARDICT);
	g_autoptr(GVariant) advertising = g_variant_lookup_value(
		interfaces, BLUEZ ".LEAdvertisingManager1", G_VARIANT_TYPE_VARDICT);
	gboolean powered = FALSE;

	if (!adapter || !advertising || (*wanted && !g_str_equal(strrchr(path, '/') + 1, wanted)))
		return FALSE;
	if (!g_variant_lookup(adapter, "Powered", "b", &powered) || !powered ||
	    !g_variant_lookup(adapter, "Address", "s", &ble->address))
		return FALSE;
	ble->adapter = g_strdup(path);
	ble->alias = old_alias(adapter);
	return TRUE;
}

static gboolean find_adapter(SimBle *ble, GError **error)
{
	g_autoptr(GVariant) reply = sim_ble_call(ble, "/", "org.freedesktop.DBus.ObjectManager",
						 "GetManagedObjects", NULL, error);
	g_autoptr(GVariantIter) objects = NULL;
	const char *path;
	GVariant *interfaces;

	if (!reply) {
		g_prefix_error(error, "bluetoothd does not answer; does the service bluetooth "
				      "run? ");
		return FALSE;
	}
	g_variant_get(reply, "(a{oa{sa{sv}}})", &objects);
	while (!ble->adapter &&
	       g_variant_iter_loop(objects, "{&o@a{sa{sv}}}", &path, &interfaces)) {
		if (take_adapter(ble, path, interfaces)) {
			g_variant_unref(interfaces);
			return TRUE;
		}
	}
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
		    "there is no Bluetooth adapter%s%s that is on and can advertise; "
		    "`bluetoothctl power on` switches one on",
		    *ble->options->adapter ? " " : "", ble->options->adapter);
	return FALSE;
}

SimBle *sim_ble_new(const SimBleOptions *options, SimBoard *board, GError **error)
{
	g_autoptr(SimBle) ble = g_new0(SimBle, 1);

	ble->options = options;
	ble->name = options->name ? options->name : "smpsim";
	ble->board = board;
	ble->notify = -1;
	ble->origin = SIM_BLE_ORIGIN;
	ble->losses = sim_board_link_losses(board);
	sim_fragments_init(&ble->fragments, !options->no_reassembly, options->mtu);
	/* As its owner it is woken by the thread that reads the bus. */
	g_main_context_acquire(g_main_context_default());
	ble->bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, error);
	if (!ble->bus) {
		g_prefix_error(error, "Bluetooth needs D-Bus's system bus: ");
		return NULL;
	}
	g_dbus_connection_set_exit_on_close(ble->bus, FALSE);
	if (!find_adapter(ble, error) || !sim_ble_register(ble, error))
		return NULL;
	sim_ble_set_alias(ble, ble->name);
	g_dbus_connection_signal_subscribe(ble->bus, BLUEZ, "org.freedesktop.DBus.Properties",
					   "PropertiesChanged", NULL, DEVICE,
					   G_DBUS_SIGNAL_FLAGS_NONE, device_changed, ble, NULL);
	g_bus_watch_name_on_connection(ble->bus, BLUEZ, G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
				       bluetoothd_vanished, ble, NULL);
	return g_steal_pointer(&ble);
}

/* What is registered goes with the connection to the bus. */
void sim_ble_free(SimBle *ble)
{
	if (!ble)
		return;
	if (ble->bus) {
		leave(ble);
		while (ble->leaving)
			g_main_context_iteration(NULL, TRUE);
		if (ble->alias)
			sim_ble_set_alias(ble, ble->alias);
		g_dbus_connection_flush_sync(ble->bus, NULL, NULL);
	}
	unsubscribe(ble);
	g_clear_handle_id(&ble->leave_timer, g_source_remove);
	g_clear_object(&ble->bus);
	sim_fragments_clear(&ble->fragments);
	g_clear_error(&ble->failure);
	g_free(ble->central);
	g_free(ble->adapter);
	g_free(ble->address);
	g_free(ble->alias);
	g_free(ble);
}

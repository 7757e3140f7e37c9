/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* BlueZ over D-Bus (its doc/adapter-api.txt, device-api.txt, gatt-api.txt): calls, and the tree of
 * objects as its signals tell it. One connection to the system bus of its own and one main context,
 * which runs only while something is called or waited for; nothing else is remembered. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define BLUEZ_ADAPTER	     "org.bluez.Adapter1"
#define BLUEZ_DEVICE	     "org.bluez.Device1"
#define BLUEZ_SERVICE	     "org.bluez.GattService1"
#define BLUEZ_CHARACTERISTIC "org.bluez.GattCharacteristic1"
#define BLUEZ_AGENT_MANAGER  "org.bluez.AgentManager1"
#define BLUEZ_AGENT	     "org.bluez.Agent1"

typedef struct SmpBluez SmpBluez;

/* Returns: (transfer full): %NULL with an error where there is no bus or no bluetoothd */
SmpBluez *smp_bluez_new(GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void smp_bluez_free(SmpBluez *bluez);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBluez, smp_bluez_free)

/* What ends the waits from now on. */
void smp_bluez_set_cancellable(SmpBluez *bluez, GCancellable *cancellable);

/* Asks for all objects again where bluetoothd was started anew. */
gboolean smp_bluez_refresh(SmpBluez *bluez, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How often an adapter was switched off or taken away, or bluetoothd ended: what was asked of it
 * before is forgotten there. */
guint smp_bluez_get_stops(SmpBluez *bluez);

/* Whether the bus connection is there still. */
gboolean smp_bluez_is_alive(SmpBluez *bluez);

/* For objects of our own: the agent. The context must be the thread's default while they are made.
 */
GDBusConnection *smp_bluez_get_bus(SmpBluez *bluez);
GMainContext *smp_bluez_get_context(SmpBluez *bluez);

/**
 * smp_bluez_call:
 * @args: (nullable): floating
 * @deadline: on the monotonic clock
 *
 * Waits for the reply; signals and calls of our agent are dealt with meanwhile.
 *
 * Returns: (transfer full): the reply, or %NULL with the error of GDBus as it is: see
 * smp_bluez_error_set()
 */
GVariant *smp_bluez_call(SmpBluez *bluez, const char *path, const char *interface,
			 const char *method, GVariant *args, gint64 deadline,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Asks for the properties of one interface: BlueZ 5.66 does not always tell that Connected changed.
 * Does nothing where it cannot. */
void smp_bluez_update(SmpBluez *bluez, const char *path, const char *interface);

/**
 * smp_bluez_acquire:
 * @method: AcquireWrite or AcquireNotify
 * @mtu: (out): the ATT MTU
 *
 * Returns: a file descriptor that does not block, -1 with an error
 */
int smp_bluez_acquire(SmpBluez *bluez, const char *path, const char *method, guint16 *mtu,
		      gint64 deadline, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A call whose reply nobody waits for. */
void smp_bluez_send(SmpBluez *bluez, const char *path, const char *interface, const char *method,
		    GVariant *args);

/* Waits until something changed, or @until. Returns: FALSE with %G_IO_ERROR_CANCELLED */
gboolean smp_bluez_wait(SmpBluez *bluez, gint64 until, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes what has come, without waiting. */
void smp_bluez_dispatch(SmpBluez *bluez);

/* Returns: (transfer container) (element-type utf8): the objects with @interface below @parent,
 * sorted; their names are good until the next wait */
GPtrArray *smp_bluez_list(SmpBluez *bluez, const char *interface, const char *parent);

gboolean smp_bluez_has(SmpBluez *bluez, const char *path, const char *interface);

/* Returns: (nullable) (transfer none): the property, good until the next wait */
GVariant *smp_bluez_get(SmpBluez *bluez, const char *path, const char *interface,
			const char *property);
gboolean smp_bluez_get_bool(SmpBluez *bluez, const char *path, const char *interface,
			    const char *property);
const char *smp_bluez_get_text(SmpBluez *bluez, const char *path, const char *interface,
			       const char *property);

/**
 * smp_bluez_error_set:
 * @cause: an error of smp_bluez_call()
 * @format: what could not be done: "cannot connect to Sensor 12"
 *
 * Sets an error of SMP_LINK_ERROR that says what is wrong and what to do; cancelling and errors
 * that are of SMP_LINK_ERROR already stay. Returns FALSE.
 */
gboolean smp_bluez_error_set(GError **error, const GError *cause, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

/* Returns: (transfer full): @error (transfer full), of a call to the object @path; where that is no
 * board's and was silent, it is bluetoothd's fault */
GError *smp_bluez_error_blame(GError *error, const char *path);

/* Whether @cause is a D-Bus error of this name ("org.bluez.Error.Failed"). */
gboolean smp_bluez_error_is(const GError *cause, const char *name);

/* The ATT error (Bluetooth Core, Vol 3 Part F 3.4.1.1) that the message tells of; 0 for none. */
guint smp_bluez_error_att(const GError *cause);

/* Whether the board refused for want of pairing, encryption or authorisation. */
gboolean smp_bluez_error_is_security(const GError *cause);

/* Whether nobody answered in time. */
gboolean smp_bluez_error_is_silence(const GError *cause);

G_END_DECLS

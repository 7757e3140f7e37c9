/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <smp/error.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* A way to one board that moves whole SMP packets. Used by one thread. */
typedef struct SmpLink SmpLink;

/* Text that the board wrote on the console between SMP frames; @text is raw, not terminated. */
typedef void (*SmpLinkTextFunc)(const char *text, gsize length, gpointer user_data);

/**
 * smp_link_new:
 * @target: how a person names a board: `/dev/ttyACM0`, `serial:PATH?baud=N`, `raw:`, `cobs:`,
 *   `shell:`, `usb:VID:PID[:SERIAL][:INTERFACE]`, `udp:HOST[:PORT]`, `udp:[V6%SCOPE]:PORT`,
 *   `ble:ADDRESS`, `ble:NAME`, `ble:PREFIX*`, `ble:` (the only board there is), `sim:NAME`
 *
 * Only understands @target; nothing is opened. All but `sim:` take `?mtu=N`, the largest SMP packet
 * in bytes. Serial ones also take `baud=N`, `flow=none|rts-cts|xon-xoff`, `dtr=on|off|keep`,
 * `rts=on|off|keep`, `low-latency=on|off` and `pace=MS` (milliseconds between the lines of a
 * packet). Bluetooth takes `adapter=hci1`, `address-type=public|random`, `connect-timeout=S`,
 * `interval=fast`, `pair=auto|yes|no`, `reassembly=auto|on|off` and `keep=yes`. What `sim:NAME`
 * takes are options of smpsim: `?key=value` is its `--key=value`.
 *
 * Returns: (transfer full): a closed link, or %NULL with %SMP_LINK_ERROR_ADDRESS or _UNSUPPORTED
 */
SmpLink *smp_link_new(const char *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_link_new_connstring:
 * @type: the Go tool's connection type: `serial`, `udp`, `ble`; also `blue`
 * @connstring: its connection string: `dev=/dev/ttyUSB0,baud=115200,mtu=256` and short forms
 *   (`/dev/ttyUSB0,115200`), `HOST:PORT` for UDP,
 *   `peer_name=NAME,ctlr_name=hci1,conn_timeout=10` for Bluetooth
 *
 * The Go tool's `mtu` counts base64 characters: `mtu=512` is a packet of 512 * 3 / 4 - 13 bytes.
 *
 * Returns: (transfer full): a closed link, or %NULL with %SMP_LINK_ERROR_ADDRESS or _UNSUPPORTED
 */
SmpLink *smp_link_new_connstring(const char *type, const char *connstring,
				 GError **error) G_GNUC_WARN_UNUSED_RESULT;

void smp_link_free(SmpLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpLink, smp_link_free)

/**
 * smp_link_set_cancellable:
 * @cancellable: (nullable): ends every wait of the link with %G_IO_ERROR_CANCELLED; a reference is
 *   kept
 */
void smp_link_set_cancellable(SmpLink *link, GCancellable *cancellable);
/* @func: (nullable): called by the other functions of the link, when they read such text */
void smp_link_set_text_func(SmpLink *link, SmpLinkTextFunc func, gpointer user_data);

/**
 * smp_link_open:
 *
 * Does not wait for a board that is not there; smp_link_reopen() does.
 *
 * Returns: FALSE with %SMP_LINK_ERROR_NOT_FOUND, _AMBIGUOUS, _BUSY, _PERMISSION, _UNSUPPORTED, _IO
 */
gboolean smp_link_open(SmpLink *link, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same link can be opened again. Nothing happens to one that is closed. */
void smp_link_close(SmpLink *link);

/**
 * smp_link_reopen:
 * @deadline: on the link's clock, see smp_link_now()
 *
 * Closes the link and opens it to the same board again, under whatever name it comes back (a USB
 * tty by its serial number or by the USB port it is plugged into), waiting for it until @deadline.
 *
 * Returns: FALSE with %SMP_LINK_ERROR_TIMEOUT where it did not come back, _BUSY or _PERMISSION
 * where it did and could not be opened until @deadline
 */
gboolean smp_link_reopen(SmpLink *link, gint64 deadline, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_link_send:
 * @packet: one SMP packet, header and payload
 * @deadline: on the link's clock
 *
 * Returns: FALSE with %SMP_LINK_ERROR_CLOSED, _TIMEOUT (the line does not take it), _TOO_LARGE, _IO
 */
gboolean smp_link_send(SmpLink *link, const guint8 *packet, gsize size, gint64 deadline,
		       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_link_receive:
 * @packet: overwritten with one packet, at least %SMP_HEADER_SIZE bytes and as long as its header
 *   says
 *
 * Returns: FALSE with %SMP_LINK_ERROR_TIMEOUT where none came by @deadline, _CLOSED, _IO
 */
gboolean smp_link_receive(SmpLink *link, GByteArray *packet, gint64 deadline,
			  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_link_recover:
 *
 * To be called after a request went unanswered and before it is repeated: brings line and server
 * back into step (console: a line feed; raw serial: 3 s of silence; COBS: a delimiter; Bluetooth: a
 * new subscription, where packets go in pieces).
 */
gboolean smp_link_recover(SmpLink *link, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_link_resync:
 *
 * To be called before a request where the server may have heard the first half of one before it
 * and no more, so that it does not take the two for one. Unlike smp_link_recover() it costs no
 * time (console: a line feed; COBS: a delimiter; nothing on the others).
 */
gboolean smp_link_resync(SmpLink *link, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_link_retune:
 * @scheme: how bytes carry SMP from now on: `serial`, `shell`, `raw` or `cobs`
 * @baud: bits per second
 *
 * Tries something else on an open serial link. The port is not opened again, which could move its
 * modem lines; once the link is closed it has the settings of before it was opened.
 * smp_link_get_target() is the target with these settings then.
 *
 * Returns: FALSE with %SMP_LINK_ERROR_UNSUPPORTED where link or driver cannot do it, _IO
 */
gboolean smp_link_retune(SmpLink *link, const char *scheme, guint baud,
			 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * smp_link_max_packet:
 * @buf_size: the server's buffer in bytes (parameters command), 0 where unknown
 *
 * Returns: the largest SMP packet in bytes, header and payload, that link and server carry
 */
gsize smp_link_max_packet(SmpLink *link, gsize buf_size);

/**
 * smp_link_probe_size:
 * @buf_size: the server's buffer in bytes, 0 where unknown
 *
 * Bluetooth LE carries a packet in pieces, and not every server puts them together. An echo of this
 * size shows it, and smp_link_set_reassembly() is told; until then packets are of one piece.
 *
 * Returns: bytes of the whole packet; 0 where there is nothing to find out
 */
gsize smp_link_probe_size(SmpLink *link, gsize buf_size);
void smp_link_set_reassembly(SmpLink *link, gboolean reassembles);

/**
 * smp_link_max_outstanding:
 * @buf_count: the server's number of buffers, 0 where unknown
 *
 * Returns: how many requests may be unanswered at once, at least 1
 */
guint smp_link_max_outstanding(SmpLink *link, guint buf_count);

/* Whether requests beyond the server's buffers are merely dropped; if not they may crash it. */
gboolean smp_link_drops_excess(SmpLink *link);

/* Whether there is no connection that could break: %SMP_LINK_ERROR_CLOSED means that nobody took
 * what was sent, not that the board went away. */
gboolean smp_link_is_connectionless(SmpLink *link);

/**
 * smp_link_get_mtu:
 *
 * smp_link_max_packet() never exceeds it, and uses it in place of a guess where the server's buffer
 * is unknown.
 *
 * Returns: the largest SMP packet in bytes that the target asked for (`mtu=`), 0 for none
 */
gsize smp_link_get_mtu(SmpLink *link);

/* Microseconds on the link's clock: monotonic, or virtual in a test. */
gint64 smp_link_now(SmpLink *link);

/**
 * smp_link_sleep:
 *
 * Lets the link's clock run to @until. Only for waits that cannot be had by receiving.
 *
 * Returns: FALSE with %G_IO_ERROR_CANCELLED
 */
gboolean smp_link_sleep(SmpLink *link, gint64 until, GError **error);

/* The target as it was given, in canonical form: what a person would type to get this link again.
 */
const char *smp_link_get_target(SmpLink *link);

/**
 * smp_link_describe:
 *
 * Returns: (transfer full): what the link is, for a person: "serial 115200", "UDP",
 * "Bluetooth LE, MTU 247, reassembly, interval up to the board"
 */
char *smp_link_describe(SmpLink *link);

/**
 * smp_link_identity:
 *
 * What stays the same when the board comes back under another name; what is remembered about a
 * board is filed under this. Known once the link was open; before that as far as it can be seen
 * without opening anything.
 *
 * Returns: (transfer full): "usb:1915:520f:10502:00", "udp:192.0.2.7:1337", "tty:/dev/ttyS0",
 * "ble:C0:11:22:33:44:55"
 */
char *smp_link_identity(SmpLink *link);

G_END_DECLS
#pragma GCC visibility pop

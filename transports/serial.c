/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SMP over a tty: console lines, the same in a shell, raw, COBS. What real servers do with bursts,
 * stray bytes and silence decides what is sent here and when; see each place. */

#include "transports/serial-link.h"
#include "transports/target.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MSEC ((gint64)1000)

/* Fits the 384 bytes of Zephyr and the 512 of Espressif's recovery. */
#define UNKNOWN_BUFFER 256

/* Length and CRC share the server's buffer with a console packet (Zephyr serial_util.c); the length
 * field counts the CRC. */
#define CONSOLE_OVERHEAD   4
#define CONSOLE_MAX_PACKET (G_MAXUINT16 - 2)

/* A shell takes what comes in one burst for one input (Zephyr smp_shell.c). */
#define SHELL_PAUSE (100 * MSEC)

/* Servers drop half a raw packet after 3 s without a byte (MCUboot boot_serial.c); each byte sent
 * before begins that time anew. */
#define RAW_SILENCE (3200 * MSEC)

/* For an empty line to leave a server's pool of two lines, where it would cost the next packet. */
#define POOL_PAUSE (5 * MSEC)

/* How often a port is looked for where udev does not tell. */
#define LOOK_EVERY (100 * MSEC)

#define POKE_TIME (1000 * MSEC)

static void on_packet(const guint8 *packet, gsize size, gpointer user_data)
{
	SerialLink *serial = user_data;
	GByteArray *copy = g_byte_array_sized_new((guint)size);
	SmpHeader header;

	g_byte_array_append(copy, packet, (guint)size);
	g_queue_push_tail(&serial->packets, copy);
	smp_header_read(packet, &header);
	smp_line_pace_answered(&serial->pace, header.sequence);
}

static void on_text(const char *text, gsize length, gpointer user_data)
{
	smp_link_text(user_data, text, length);
}

static void drop_packets(SerialLink *serial)
{
	g_queue_clear_full(&serial->packets, (GDestroyNotify)g_byte_array_unref);
}

static gboolean io_error(SerialLink *serial, int saved_errno, GError **error)
{
	if (saved_errno != EIO && saved_errno != ENODEV && saved_errno != ENXIO)
		return smp_link_error_errno(error, saved_errno, "cannot use %s",
					    serial->link.target);
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED,
		    serial->sharing.active ? "the console that shares %s closed it (port gone, or "
					     "the console ended)"
					   : "%s went away (cable pulled or board reset)",
		    serial->link.target);
	return FALSE;
}

/* Takes in what has come; @got is whether it was anything. */
static gboolean read_some(SerialLink *serial, gboolean *got, GError **error)
{
	guint8 buffer[4096];
	ssize_t n = read(serial->fd, buffer, sizeof(buffer));

	*got = n > 0;
	if (n > 0)
		smp_decoder_feed(serial->decoder, buffer, (gsize)n);
	else if (n == 0)
		return io_error(serial, EIO, error);
	else if (errno != EAGAIN && errno != EINTR)
		return io_error(serial, errno, error);
	return TRUE;
}

static gboolean write_all(SerialLink *serial, const guint8 *data, gsize size, gint64 deadline,
			  GError **error)
{
	SmpLink *link = &serial->link;
	gint64 now = smp_link_now(link);

	/* Ten bits a byte on a UART; USB takes it at once. */
	serial->line_free = MAX(serial->line_free, now) +
			    (gint64)size * 10 * G_USEC_PER_SEC / serial->sharing.baud;
	while (size > 0) {
		ssize_t n = smp_sharing_write(&serial->sharing, serial->fd, data, size);

		if (n > 0) {
			data += n;
			size -= (gsize)n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			return io_error(serial, errno, error);
		} else if (!smp_link_poll(link, serial->fd, POLLOUT, deadline, error)) {
			return FALSE;
		}
	}
	return TRUE;
}

/* A few bytes outside packets. A line that takes nothing now is full of newer bytes. */
static gboolean poke(SerialLink *serial, const char *bytes, gsize size, GError **error)
{
	g_autoptr(GError) ended = NULL;
	gint64 deadline = smp_link_now(&serial->link) + POKE_TIME;

	if (write_all(serial, (const guint8 *)bytes, size, deadline, &ended) ||
	    g_error_matches(ended, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&ended));
	return FALSE;
}

static gboolean pause_for(SerialLink *serial, gint64 time, GError **error)
{
	return smp_link_sleep(&serial->link, smp_link_now(&serial->link) + time, error);
}

/* A line that another program left unfinished would eat our first frame. Raw servers would take the
 * byte for a header; what is shared by a console is in step. */
static gboolean greet(SerialLink *serial, GError **error)
{
	if (serial->console || serial->sharing.active)
		return TRUE;
	switch (serial->framing) {
	case SMP_FRAMING_CONSOLE:
		return poke(serial, "\n", 1, error) &&
		       (!serial->shell || pause_for(serial, SHELL_PAUSE, error));
	case SMP_FRAMING_COBS:
		return poke(serial, "\0", 1, error);
	case SMP_FRAMING_RAW:
		break;
	}
	return TRUE;
}

static void serial_close(SmpLink *link)
{
	SerialLink *serial = (SerialLink *)link;

	if (serial->fd >= 0)
		smp_sharing_close(&serial->sharing, serial->fd, &serial->before);
	serial->fd = -1;
}

static gboolean open_path(SerialLink *serial, const char *path, GError **error)
{
	serial->fd = smp_sharing_open(&serial->sharing, &serial->link, path, &serial->config,
				      &serial->before, error);
	if (serial->fd < 0)
		return FALSE;
	g_free(serial->device);
	serial->device = g_strdup(path);
	smp_decoder_reset(serial->decoder);
	drop_packets(serial);
	serial->line_free = 0;
	smp_line_pace_begin(&serial->pace);
	if (greet(serial, error))
		return TRUE;
	serial_close(&serial->link);
	return FALSE;
}

static gboolean open_usb(SerialLink *serial, GError **error)
{
	g_autoptr(GPtrArray) ports = smp_ports_scan(error);
	const SmpPort *port = ports ? smp_ports_match_usb(ports, serial->address, error) : NULL;

	return port && open_path(serial, port->device, error);
}

static gboolean serial_open(SmpLink *link, GError **error)
{
	SerialLink *serial = (SerialLink *)link;
	gboolean open = serial->by_usb ? open_usb(serial, error)
				       : open_path(serial, serial->address, error);

	if (!open)
		return FALSE;
	smp_port_free(serial->port);
	serial->port = smp_port_lookup(serial->device);
	return TRUE;
}

/* By what it was on USB; by its path, resolved anew, where it is not on USB. */
static gboolean open_again(SerialLink *serial, GError **error)
{
	if (!serial->port)
		return serial_open(&serial->link, error);
	g_autoptr(GPtrArray) ports = smp_ports_scan(error);
	if (!ports)
		return FALSE;
	const SmpPort *port = smp_ports_match_again(ports, serial->port);
	if (port)
		return open_path(serial, port->device, error);
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND,
		    "it is not among the serial ports");
	return FALSE;
}

/* What kept it from being opened to the last. A port that is there has more to say than "not back".
 */
static gboolean not_back(SerialLink *serial, GError *last, GError **error)
{
	if (g_error_matches(last, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND) ||
	    g_error_matches(last, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED))
		last->code = SMP_LINK_ERROR_TIMEOUT;
	g_propagate_prefixed_error(error, last,
				   "%s did not come back in time: ", serial->link.target);
	return FALSE;
}

static gboolean serial_reopen(SmpLink *link, gint64 deadline, GError **error)
{
	SerialLink *serial = (SerialLink *)link;
	g_autoptr(SmpPortWatch) watch = smp_port_watch_new();

	for (;;) {
		g_autoptr(GError) last = NULL;

		if (open_again(serial, &last))
			return TRUE;
		if (last->domain != SMP_LINK_ERROR) {
			g_propagate_error(error, g_steal_pointer(&last));
			return FALSE;
		}
		gint64 now = smp_link_now(link);
		if (now >= deadline)
			return not_back(serial, g_steal_pointer(&last), error);
		if (!smp_port_watch_wait(watch, link, MIN(deadline, now + LOOK_EVERY), error))
			return FALSE;
	}
}

/* Each line is a write of its own: a shell looks for a frame at the start of what it reads only. */
static gboolean send_lines(SerialLink *serial, gint64 pause, gint64 deadline, GError **error)
{
	const guint8 *at = serial->frame->data;
	const guint8 *end = at + serial->frame->len;

	while (at < end) {
		const guint8 *newline = memchr(at, '\n', (gsize)(end - at));
		const guint8 *next = newline ? newline + 1 : end;

		if (!write_all(serial, at, (gsize)(next - at), deadline, error))
			return FALSE;
		if (next < end && pause > 0 && !pause_for(serial, pause, error))
			return FALSE;
		at = next;
	}
	return TRUE;
}

/* Returns: µs between its lines */
static gint64 note_request(SerialLink *serial, const guint8 *packet, gsize size)
{
	gboolean lines = serial->frame->len > SMP_CONSOLE_LINE;
	SmpHeader header;

	if (size < SMP_HEADER_SIZE)
		return serial->pace.now;
	smp_header_read(packet, &header);
	return smp_line_pace_send(&serial->pace, header.sequence, lines);
}

static gboolean serial_send(SmpLink *link, const guint8 *packet, gsize size, gint64 deadline,
			    GError **error)
{
	SerialLink *serial = (SerialLink *)link;
	gboolean console = serial->framing == SMP_FRAMING_CONSOLE;

	if (size > CONSOLE_MAX_PACKET) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_TOO_LARGE,
			    "a packet of %" G_GSIZE_FORMAT " bytes is more than %s carries", size,
			    link->target);
		return FALSE;
	}
	g_byte_array_set_size(serial->frame, 0);
	smp_frame(serial->framing, packet, size, serial->frame);
	gint64 pause = note_request(serial, packet, size);
	if (console && (serial->shell || pause > 0))
		return send_lines(serial, pause, deadline, error);
	return write_all(serial, serial->frame->data, serial->frame->len, deadline, error);
}

static gboolean serial_receive(SmpLink *link, GByteArray *packet, gint64 deadline, GError **error)
{
	SerialLink *serial = (SerialLink *)link;
	gboolean got = FALSE;

	while (g_queue_is_empty(&serial->packets)) {
		if (got && smp_link_now(link) >= deadline)
			return smp_link_timed_out(link, error);
		if (!smp_link_poll(link, serial->fd, POLLIN, deadline, error) ||
		    !read_some(serial, &got, error))
			return FALSE;
	}
	g_autoptr(GByteArray) next = g_queue_pop_head(&serial->packets);
	g_byte_array_set_size(packet, 0);
	g_byte_array_append(packet, next->data, next->len);
	return TRUE;
}

/* Stays silent until the server has dropped what it holds, then drops what we hold. Answers that
 * come late are kept. */
static gboolean recover_raw(SerialLink *serial, GError **error)
{
	gint64 sent = MAX(serial->line_free, smp_link_now(&serial->link) - RAW_SILENCE);
	gboolean got = FALSE;

	smp_decoder_reset(serial->decoder);
	if (!smp_link_sleep(&serial->link, sent + RAW_SILENCE, error))
		return FALSE;
	do {
		if (!read_some(serial, &got, error))
			return FALSE;
	} while (got);
	smp_decoder_reset(serial->decoder);
	return TRUE;
}

/* A shell that saw half a marker takes the rest of it and a newline as the end of that frame
 * (Zephyr smp_shell.c); otherwise they are a tab, a control-T and empty lines to it. */
static gboolean recover_shell(SerialLink *serial, GError **error)
{
	return poke(serial, "\x09\n", 2, error) && pause_for(serial, SHELL_PAUSE, error) &&
	       poke(serial, "\x14\n", 2, error) && pause_for(serial, SHELL_PAUSE, error);
}

/* Raw servers would take any byte for a header, and a shell for the beginning of its input. */
static gboolean serial_resync(SmpLink *link, GError **error)
{
	SerialLink *serial = (SerialLink *)link;

	if (serial->framing == SMP_FRAMING_COBS)
		return poke(serial, "\0", 1, error);
	if (serial->framing == SMP_FRAMING_RAW || serial->shell)
		return TRUE;
	/* The empty line takes a place in the pool as well. */
	return poke(serial, "\n", 1, error) && pause_for(serial, serial->pace.now, error);
}

static gboolean serial_recover(SmpLink *link, GError **error)
{
	SerialLink *serial = (SerialLink *)link;

	if (serial->framing == SMP_FRAMING_RAW)
		return recover_raw(serial, error);
	if (serial->framing == SMP_FRAMING_COBS)
		return serial_resync(link, error);
	smp_line_pace_lost(&serial->pace);
	if (serial->shell)
		return recover_shell(serial, error);
	return serial_resync(link, error) && pause_for(serial, POOL_PAUSE, error);
}

static SmpFraming framing_of(const char *scheme)
{
	if (g_str_equal(scheme, "raw"))
		return SMP_FRAMING_RAW;
	return g_str_equal(scheme, "cobs") ? SMP_FRAMING_COBS : SMP_FRAMING_CONSOLE;
}

/* What would be typed to get these settings. A USB address stands for console frames only. */
static char *retuned_target(const SerialLink *serial, const char *scheme, guint baud)
{
	g_autoptr(SmpTarget) target = smp_target_parse(serial->link.target, NULL);
	gboolean usb = serial->by_usb && g_str_equal(scheme, "serial");
	const char *address = serial->by_usb && !usb ? serial->device : serial->address;

	g_hash_table_remove(target->options, "baud");
	if (baud != SMP_DEFAULT_BAUD)
		g_hash_table_insert(target->options, g_strdup("baud"), g_strdup_printf("%u", baud));
	return smp_target_format(usb ? "usb" : scheme, address, target->options);
}

/* What was sent leaves at the speed it was meant for. */
static gboolean serial_retune(SmpLink *link, const char *scheme, guint baud, GError **error)
{
	SerialLink *serial = (SerialLink *)link;
	SmpFraming framing = framing_of(scheme);
	g_autofree char *target = NULL;

	if (framing != SMP_FRAMING_CONSOLE && serial->config.flow == SMP_FLOW_XON_XOFF) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED,
			    "%s: binary framing cannot be used with flow=xon-xoff", link->target);
		return FALSE;
	}
	if (serial->sharing.active) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY,
			    "%s is shared by a console (pid %d), which has set its speed",
			    link->target, (int)serial->sharing.pid);
		return FALSE;
	}
	serial->before.restore = TRUE;
	if (!smp_link_sleep(link, serial->line_free, error) ||
	    !smp_serial_port_set_baud(serial->fd, link->target, baud, error))
		return FALSE;
	target = retuned_target(serial, scheme, baud);
	g_free(link->target);
	link->target = g_steal_pointer(&target);
	serial->config.baud = serial->sharing.baud = baud;
	serial->framing = framing;
	serial->shell = g_str_equal(scheme, "shell");
	smp_decoder_free(serial->decoder);
	serial->decoder = smp_decoder_new(framing, on_packet, on_text, serial);
	drop_packets(serial);
	smp_line_pace_init(&serial->pace, serial->config.pace * MSEC);
	return greet(serial, error);
}

static gsize serial_max_packet(SmpLink *link, gsize buf_size)
{
	SerialLink *serial = (SerialLink *)link;
	gsize overhead = serial->framing == SMP_FRAMING_CONSOLE ? CONSOLE_OVERHEAD : 0;
	gsize fits = buf_size > overhead ? buf_size - overhead : 0;

	return MIN(smp_link_limit_packet(link, fits, UNKNOWN_BUFFER), CONSOLE_MAX_PACKET);
}

static guint serial_max_outstanding(SmpLink *link, guint buf_count)
{
	return smp_link_buffers_outstanding(buf_count);
}

static const char *kind(const SerialLink *serial)
{
	switch (serial->framing) {
	case SMP_FRAMING_RAW:
		return "raw serial";
	case SMP_FRAMING_COBS:
		return "COBS serial";
	case SMP_FRAMING_CONSOLE:
		break;
	}
	return serial->shell ? "shell on serial" : "serial";
}

static char *serial_describe(SmpLink *link)
{
	SerialLink *serial = (SerialLink *)link;

	return g_strdup_printf("%s %u%s", kind(serial), serial->sharing.baud,
			       serial->sharing.active ? ", shared by a console" : "");
}

/* What a link that was not open yet would open. */
static SmpPort *find_port(const SerialLink *serial)
{
	g_autoptr(GPtrArray) ports = serial->by_usb ? smp_ports_scan(NULL) : NULL;
	const SmpPort *port = ports ? smp_ports_match_usb(ports, serial->address, NULL) : NULL;

	if (!serial->by_usb)
		return smp_port_lookup(serial->address);
	return port ? smp_port_lookup(port->device) : NULL;
}

static char *serial_identity(SmpLink *link)
{
	SerialLink *serial = (SerialLink *)link;
	g_autoptr(SmpPort) found = serial->port ? NULL : find_port(serial);
	const SmpPort *port = serial->port ? serial->port : found;

	if (port) {
		g_autofree char *address = smp_usb_address(port);

		return port->serial ? g_strdup_printf("usb:%s", address)
				    : g_strdup_printf("usb:%s@%s", address, port->usb_port);
	}
	if (serial->by_usb)
		return g_strdup_printf("usb:%s", serial->address);
	g_autofree char *path = g_canonicalize_filename(serial->address, NULL);
	return g_strdup_printf("tty:%s", path);
}

static SmpPort *serial_port(SmpLink *link)
{
	return find_port((SerialLink *)link);
}

static void serial_free(SmpLink *link)
{
	SerialLink *serial = (SerialLink *)link;

	drop_packets(serial);
	smp_decoder_free(serial->decoder);
	g_byte_array_unref(serial->frame);
	smp_port_free(serial->port);
	smp_sharing_clear(&serial->sharing);
	g_free(serial->address);
	g_free(serial->device);
}

static const SmpLinkClass serial_class = {
	.open = serial_open,
	.close = serial_close,
	.reopen = serial_reopen,
	.send = serial_send,
	.receive = serial_receive,
	.recover = serial_recover,
	.resync = serial_resync,
	.retune = serial_retune,
	.max_packet = serial_max_packet,
	.max_outstanding = serial_max_outstanding,
	.describe = serial_describe,
	.identity = serial_identity,
	.be_console = smp_serial_be_console,
	.get_tty = smp_serial_get_tty,
	.port = serial_port,
	.free = serial_free,
};

SmpLink *smp_serial_link_new(const char *scheme, const char *address, GHashTable *options,
			     GError **error)
{
	SmpFraming framing = framing_of(scheme);
	gboolean by_usb = g_str_equal(scheme, "usb");
	SmpSerialConfig config;

	if ((by_usb && !smp_usb_address_check(address, error)) ||
	    !smp_serial_config_parse(options, framing != SMP_FRAMING_CONSOLE, &config, error))
		return NULL;

	SerialLink *serial = g_new0(SerialLink, 1);
	g_autofree char *target = smp_target_format(scheme, address, options);
	smp_link_init(&serial->link, &serial_class, target);
	serial->link.mtu = config.mtu;
	serial->framing = framing;
	serial->shell = g_str_equal(scheme, "shell");
	serial->by_usb = by_usb;
	serial->address = g_strdup(address);
	serial->config = config;
	smp_line_pace_init(&serial->pace, config.pace * MSEC);
	serial->fd = -1;
	serial->sharing = (SmpSharing){
		.wanted = framing == SMP_FRAMING_CONSOLE,
		.console = -1,
		.baud = config.baud,
	};
	serial->decoder = smp_decoder_new(framing, on_packet, on_text, serial);
	serial->frame = g_byte_array_new();
	return &serial->link;
}

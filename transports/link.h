/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a transport implements. The public functions in <smp/link.h> call these. */

#include <poll.h>
#include <smp/ble.h>
#include <smp/ports.h>

G_BEGIN_DECLS

/**
 * SmpTty: a tty as a console has it.
 * @path: the link's
 * @shell: a shell reads what is typed
 * @returns: whether the path means the same board again after it has gone away
 */
typedef struct {
	int fd;
	const char *path;
	guint baud;
	gboolean shell;
	gboolean returns;
} SmpTty;

/* open and reopen get a closed link; send, receive and recover an open one. free releases what is
 * the transport's own; the struct itself, from g_new0(), is freed by smp_link_free(). */
typedef struct {
	/* Requests beyond the server's buffers are dropped and do no harm (a UDP stack does so;
	 * Zephyr 4.4's serial transport crashes). */
	gboolean drops_excess;
	/* See smp_link_is_connectionless(). */
	gboolean connectionless;
	gboolean (*open)(SmpLink *link, GError **error);
	void (*close)(SmpLink *link);
	gboolean (*reopen)(SmpLink *link, gint64 deadline, GError **error);
	gboolean (*send)(SmpLink *link, const guint8 *packet, gsize size, gint64 deadline,
			 GError **error);
	gboolean (*receive)(SmpLink *link, GByteArray *packet, gint64 deadline, GError **error);
	gboolean (*recover)(SmpLink *link, GError **error);
	/* NULL where nothing is to be done. */
	gboolean (*resync)(SmpLink *link, GError **error);
	/* NULL where there is nothing to tune. */
	gboolean (*retune)(SmpLink *link, const char *scheme, guint baud, GError **error);
	gsize (*max_packet)(SmpLink *link, gsize buf_size);
	guint (*max_outstanding)(SmpLink *link, guint buf_count);
	/* Both NULL where it is known how packets reach the server. */
	gsize (*probe_size)(SmpLink *link, gsize buf_size);
	void (*set_reassembly)(SmpLink *link, gboolean reassembles);
	char *(*describe)(SmpLink *link);
	char *(*identity)(SmpLink *link);
	/* Both NULL where there is no tty with console text. Makes a closed link one that has its
	 * port to itself and says nothing on it; the tty of such a link that is open. */
	gboolean (*be_console)(SmpLink *link, GError **error);
	void (*get_tty)(SmpLink *link, SmpTty *tty);
	/* NULL where it goes through none. */
	SmpPort *(*port)(SmpLink *link);
	void (*free)(SmpLink *link);
	/* Virtual time; NULL for the monotonic clock. */
	gint64 (*now)(SmpLink *link);
	gboolean (*sleep)(SmpLink *link, gint64 until, GError **error);
} SmpLinkClass;

/* The first member of each transport's own struct. */
struct SmpLink {
	const SmpLinkClass *klass;
	char *target;
	gsize mtu; /* what the user asked for, 0 for none */
	gboolean is_open;
	GCancellable *cancellable;
	GPollFD cancel_fd; /* -1 without a cancellable */
	SmpLinkTextFunc text_func;
	gpointer text_data;
	SmpPairingAbility pairing_ability;
	SmpPairingFunc pairing_func;
	gpointer pairing_data;
};

/* Sets up the common part. @target is copied. */
void smp_link_init(SmpLink *link, const SmpLinkClass *klass, const char *target);

/* Hands console text to whoever listens. */
void smp_link_text(SmpLink *link, const char *text, gsize length);

/**
 * smp_link_poll:
 * @fd: what to wait for
 * @events: POLLIN or POLLOUT
 *
 * Waits for @fd, the deadline or the cancellable. Returns: FALSE with %SMP_LINK_ERROR_TIMEOUT,
 * %G_IO_ERROR_CANCELLED or %SMP_LINK_ERROR_IO; TRUE also on POLLHUP and POLLERR (the following
 * read or write tells)
 */
gboolean smp_link_poll(SmpLink *link, int fd, short events, gint64 deadline,
		       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a transport's max_packet does with the user's mtu: see smp_link_get_mtu(). @fits is what the
 * server's buffer holds, 0 where unknown, @guess what is used then. */
gsize smp_link_limit_packet(SmpLink *link, gsize fits, gsize guess);

/* Zephyr keeps a buffer for the answer (protocol: server buffers and the request window). */
guint smp_link_buffers_outstanding(guint buf_count);

/* Sets %SMP_LINK_ERROR_TIMEOUT for a receive that found bytes but no packet. Returns FALSE. */
gboolean smp_link_timed_out(SmpLink *link, GError **error);

/* Sets an error of SMP_LINK_ERROR from errno: "cannot DOING TARGET: REASON". Returns FALSE. */
gboolean smp_link_error_errno(GError **error, int saved_errno, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

/* Constructors, one per scheme; @address is what follows the colon, @options the `?key=value` part
 * (char* to char*). An unknown key is an error. */
SmpLink *smp_serial_link_new(const char *scheme, const char *address, GHashTable *options,
			     GError **error);
SmpLink *smp_udp_link_new(const char *scheme, const char *address, GHashTable *options,
			  GError **error);
SmpLink *smp_ble_link_new(const char *scheme, const char *address, GHashTable *options,
			  GError **error);
SmpLink *smp_sim_link_new(const char *scheme, const char *address, GHashTable *options,
			  GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A BlueZ that does what a test wants, on a private bus and in a thread of its own: adapters,
 * boards near by, their services, and the descriptors that carry the data. Behind the boards is the
 * simulated board of smpsim. Errors and habits are those of BlueZ 5.66. */

#include "sim/board.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define DOUBLE_ADAPTER "/org/bluez/hci0"
#define DOUBLE_BOARDS  4

/* As a board's characteristic asks for it (Zephyr Kconfig.bluetooth). */
typedef enum {
	DOUBLE_OPEN,
	DOUBLE_ENCRYPT,
	DOUBLE_AUTHENTICATE,
} DoubleSecurity;

/**
 * DoubleBoard: a board in the air. Zeros and an address are a good one, with MTU 23.
 * @off: it does not advertise
 * @known: BlueZ has it from before
 * @mtu: 0 for 23
 * @piece: bytes of a notification; 0 for MTU - 3
 * @both: answers that are due together come in one notification
 * @no_reassembly: each write is a packet
 * @no_service: BlueZ does not show the SMP service; @service_later: until it forgot the board
 * @no_characteristic: the service is empty
 * @resolve_ms: from the connection to ServicesResolved
 * @mute: that it is connected is not told, as BlueZ 5.66 sometimes does
 * @odd_order: the services come after ServicesResolved
 * @display: it shows @passkey; without that pairing just works
 * @cuts: it ends the connection as it refuses
 * @demands: it asks for security at once, and ends what does not get it
 * @weak: the bond that it is @paired with is one without passkey
 * @new_address: at each start it makes up another one
 * @adapter: (nullable): the one that hears it; hci0 where NULL
 * @drop_at: loses the link at this request, once
 * @lose_piece: this write of a packet of several is lost, once
 */
typedef struct {
	const char *address;
	const char *name;
	gboolean random;
	gboolean smp;
	gboolean off;
	gboolean known;
	guint16 mtu;
	guint piece;
	gboolean both;
	gboolean no_reassembly;
	gboolean no_service;
	gboolean service_later;
	gboolean no_characteristic;
	guint resolve_ms;
	gboolean mute;
	gboolean odd_order;
	DoubleSecurity security;
	gboolean display;
	gboolean cuts;
	gboolean demands;
	guint passkey;
	gboolean paired;
	gboolean weak;
	gboolean new_address;
	const char *adapter;
	guint drop_at;
	guint lose_piece;
} DoubleBoard;

/**
 * DoubleRule: what becomes of a call.
 * @error: (nullable): its D-Bus error; without one it is never answered, unless there is a
 * @delay_ms
 * @times: how often; 0 for ever
 * @cuts: where it is not answered, the board ends the connection
 */
typedef struct {
	const char *method;
	const char *error;
	const char *message;
	guint delay_ms;
	guint times;
	gboolean cuts;
} DoubleRule;

typedef struct BluezDouble BluezDouble;

/* Starts it with @n_boards in the air. @config: what the boards are */
BluezDouble *bluez_double_new(const char *bus_address, const SimConfig *config,
			      const DoubleBoard *boards, guint n_boards);
void bluez_double_free(BluezDouble *bluez);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BluezDouble, bluez_double_free)

void bluez_double_add_rule(BluezDouble *bluez, const DoubleRule *rule);

/* Sets a property of an adapter, or of any other object. */
void bluez_double_set(BluezDouble *bluez, const char *path, const char *interface,
		      const char *property, GVariant *value);
/* @name: "hci0". Off, it ends what it did, and does not begin it again when it is on. */
void bluez_double_switch(BluezDouble *bluez, const char *name, gboolean on);
/* Its scan ends, whoever wanted it. */
void bluez_double_end_scan(BluezDouble *bluez);
void bluez_double_remove_adapter(BluezDouble *bluez);
void bluez_double_add_adapter(BluezDouble *bluez, const char *name, gboolean powered);

/* The board's link is lost; it advertises again. */
void bluez_double_drop(BluezDouble *bluez, guint board);
/* It is switched off, or on again. */
void bluez_double_power(BluezDouble *bluez, guint board, gboolean on);
/* @name: is kept */
void bluez_double_rename(BluezDouble *bluez, guint board, const char *name);
/* It goes where another adapter hears it. */
void bluez_double_carry(BluezDouble *bluez, guint board, const char *adapter);
/* The board starts another program: its services have another path. */
void bluez_double_move_services(BluezDouble *bluez, guint board);
/* One end of the board's descriptors is closed, as when bluetoothd is out of step. */
void bluez_double_close_fd(BluezDouble *bluez, guint board, gboolean notify);
/* bluetoothd ends and is started anew after @ms. */
void bluez_double_restart(BluezDouble *bluez, guint ms);

/* What is counted. */
typedef struct {
	guint connects;
	guint disconnects;
	guint pairs;
	guint removes;
	guint discoveries;
	guint acquired;	   /* descriptors that are open now */
	guint left_notify; /* clients that left the bus with the notifications open: crashes */
	guint crashes;	   /* of forgetting one that is not connected and once was not answered */
	guint agents;	   /* that are registered now */
	guint writes;
	gsize longest_write;
	gboolean scanning;
	char capability[32];
} DoubleCounts;

void bluez_double_get_counts(BluezDouble *bluez, DoubleCounts *counts);

G_END_DECLS

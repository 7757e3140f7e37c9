/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "double.h"

G_BEGIN_DECLS

#define DEVICE	       "org.bluez.Device1"
#define ADAPTER	       "org.bluez.Adapter1"
#define SERVICE	       "org.bluez.GattService1"
#define CHARACTERISTIC "org.bluez.GattCharacteristic1"

/* A board while the double runs. */
typedef struct {
	BluezDouble *bluez;
	DoubleBoard is;
	char address[18];
	char *path;    /* NULL while BlueZ does not know it */
	guint service; /* number in the path of its service */
	gboolean connected;
	gboolean authenticated;
	gboolean pairing;
	gboolean hung; /* a call about it was never answered */
	SimBoard *sim;
	gboolean was_up;
	GSource *timer;
	int notify_fd; /* our ends */
	int write_fd;
	GSource *notify_watch;
	GSource *write_watch;
	char *notify_owner; /* the client's bus name */
	GByteArray *partial;
	guint requests;
	guint generation;
} Peer;

struct BluezDouble {
	GThread *thread;
	GMainContext *context;
	GMainLoop *loop;
	GDBusConnection *bus;
	guint name_id;
	GHashTable *objects; /* path → interface → property → GVariant */
	Peer peers[DOUBLE_BOARDS];
	guint n_peers;
	GArray *rules;
	DoubleCounts counts;
	char *agent_owner;
	char *agent_path;
	char *scanner;	   /* whose discovery it is */
	char *scanning_on; /* path of the adapter */
};

/* A call in hand. */
typedef struct {
	BluezDouble *bluez;
	GDBusMessage *message;
} Call;

/* double-tree.c */
void double_add(BluezDouble *bluez, const char *path, const char *interface, GVariant *properties);
void double_remove(BluezDouble *bluez, const char *path);
/* @value: (nullable): %NULL takes the property away */
void double_set(BluezDouble *bluez, const char *path, const char *interface, const char *property,
		GVariant *value);
void double_set_silently(BluezDouble *bluez, const char *path, const char *interface,
			 const char *property, GVariant *value);
GVariant *double_properties(BluezDouble *bluez, const char *path, const char *interface);
GVariant *double_objects(BluezDouble *bluez);
gboolean double_has(BluezDouble *bluez, const char *path);

/* double-peer.c */
void peer_init(Peer *peer, BluezDouble *bluez, const DoubleBoard *board, const SimConfig *config);
void peer_clear(Peer *peer);
int peer_acquire_notify(Peer *peer, const char *owner);
int peer_acquire_write(Peer *peer);
void peer_close_fds(Peer *peer);
void peer_close_notify(Peer *peer);
void peer_close_write(Peer *peer);
guint16 peer_mtu(const Peer *peer);

/* double-device.c */
void peer_advertise(Peer *peer);
void peer_show_services(Peer *peer);
void peer_hide_services(Peer *peer);
void peer_lose_link(Peer *peer);
void peer_make_known(Peer *peer, gboolean heard);
void peer_forget(Peer *peer);
char *peer_characteristic(const Peer *peer);
char *peer_adapter(const Peer *peer);
/* What is asked of a board. */
void peer_call(Call *call, Peer *peer, const char *method);

/* double.c */
void double_reply(Call *call, GVariant *body);
void double_fail(Call *call, const char *name, const char *text);
Call *call_new(BluezDouble *bluez, GDBusMessage *message);
void call_free(gpointer data);
Peer *double_find_peer(BluezDouble *bluez, const char *path);
void double_after(BluezDouble *bluez, guint ms, GSourceFunc func, gpointer data,
		  GDestroyNotify destroy);
void double_clear_agent(BluezDouble *bluez);
/* @client: (nullable): %NULL ends it */
void double_set_scanning(BluezDouble *bluez, const char *client, const char *adapter);
gboolean double_is_on(BluezDouble *bluez, const char *adapter);

/* double-control.c */
void double_run(BluezDouble *bluez, void (*func)(BluezDouble *, gpointer), gpointer data);
void double_add_adapter(BluezDouble *bluez, const char *name, gboolean powered);
void double_own_name(BluezDouble *bluez);

G_END_DECLS

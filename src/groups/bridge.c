/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "groups/group.h"

#include <smp/bridge.h>

enum {
	CONNECT = 0,
	DISCONNECT = 1,
	STATUS = 2,
	LIST = 6,
	MODES = 7,
	CONFIG = 8,
};

/* The board answers when the other device is connected, or is not to be had (smp_bt.c). */
#define CONNECT_TIMEOUT_MS 30000

const char *smp_transport_name(guint32 transport)
{
	static const char *const names[] = {
		[SMP_TRANSPORT_SERIAL] = "serial",	 [SMP_TRANSPORT_RAW_SERIAL] = "raw-serial",
		[SMP_TRANSPORT_BLUETOOTH] = "bluetooth", [SMP_TRANSPORT_SHELL] = "shell",
		[SMP_TRANSPORT_UDP4] = "udp4",		 [SMP_TRANSPORT_UDP6] = "udp6",
		[SMP_TRANSPORT_LORAWAN] = "lorawan",
	};

	return transport < G_N_ELEMENTS(names) ? names[transport] : NULL;
}

static void put_uint(GByteArray *request, const char *key, guint64 value)
{
	smp_cbor_put_text(request, key);
	smp_cbor_put_uint(request, value);
}

gboolean smp_bridge_status(SmpSession *session, SmpBridgeStatus *status, GError **error)
{
	SmpCbor body;
	guint64 transport;
	const char *doing = "read the bridges' status";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_BRIDGE, STATUS, doing, &body, error);

	if (!response)
		return FALSE;
	gboolean supported = smp_cbor_get_uint(&body, "supported", &status->supported);
	if (!supported || !smp_cbor_get_uint(&body, "active", &status->active)) {
		smp_group_missing(error, doing, supported ? "active" : "supported");
		return FALSE;
	}
	status->bridged = smp_cbor_get_bool(&body, "bridged");
	gboolean told = smp_cbor_get_uint(&body, "transport", &transport);
	status->transport = told && transport <= G_MAXUINT32 ? (gint64)transport : -1;
	return TRUE;
}

static gboolean read_id(const SmpCbor *map, guint64 *id)
{
	return smp_cbor_get_uint(map, "id", id) && *id <= G_MAXUINT32;
}

/* "" where there is none. */
static char *read_text(const SmpCbor *map, const char *key)
{
	char *text = smp_cbor_get_text(map, key);

	return text ? text : g_strdup("");
}

static void transport_free(gpointer data)
{
	g_free(((SmpBridgeTransport *)data)->name);
	g_free(data);
}

static gpointer read_transport(const SmpCbor *map)
{
	guint64 id;

	if (!read_id(map, &id))
		return NULL;
	SmpBridgeTransport *transport = g_new(SmpBridgeTransport, 1);
	*transport = (SmpBridgeTransport){.id = (guint32)id, .name = read_text(map, "name")};
	return transport;
}

GPtrArray *smp_bridge_list(SmpSession *session, GError **error)
{
	SmpCbor body;
	const char *doing = "list the transports";
	g_autoptr(SmpResponse) response =
		smp_group_ask(session, SMP_GROUP_BRIDGE, LIST, doing, &body, error);

	return response ? smp_group_get_list(&body, "transports", doing, read_transport,
					     transport_free, error)
			: NULL;
}

static void mode_free(gpointer data)
{
	g_free(((SmpBridgeMode *)data)->description);
	g_free(data);
}

static gpointer read_mode(const SmpCbor *map)
{
	guint64 id;

	if (!read_id(map, &id))
		return NULL;
	SmpBridgeMode *mode = g_new(SmpBridgeMode, 1);
	*mode = (SmpBridgeMode){
		.id = (guint32)id,
		.description = read_text(map, "description"),
		.incoming = smp_cbor_get_bool(map, "incoming"),
		.outgoing = smp_cbor_get_bool(map, "outgoing"),
	};
	return mode;
}

GPtrArray *smp_bridge_modes(SmpSession *session, guint32 transport, GError **error)
{
	SmpCbor body;
	const char *doing = "list the transport's modes";
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_BRIDGE, MODES);

	smp_cbor_put_map(request, 1);
	put_uint(request, "transport", transport);
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, 0, SMP_REPEAT_SAFE, doing, &body, error);
	return response ? smp_group_get_list(&body, "modes", doing, read_mode, mode_free, error)
			: NULL;
}

static void config_free(gpointer data)
{
	g_free(((SmpBridgeConfig *)data)->name);
	g_free(data);
}

static gpointer read_config(const SmpCbor *map)
{
	guint64 type;
	g_autofree char *name = smp_cbor_get_text(map, "name");

	if (!name || !smp_cbor_get_uint(map, "type", &type))
		return NULL;
	SmpBridgeConfig *config = g_new(SmpBridgeConfig, 1);
	*config = (SmpBridgeConfig){
		.name = g_steal_pointer(&name),
		.type = type,
		.required = smp_cbor_get_bool(map, "required"),
	};
	return config;
}

GPtrArray *smp_bridge_config(SmpSession *session, guint32 transport, guint32 mode, GError **error)
{
	SmpCbor body;
	const char *doing = "read the transport's configuration";
	GByteArray *request = smp_packet_new(SMP_OP_READ, SMP_GROUP_BRIDGE, CONFIG);

	smp_cbor_put_map(request, 2);
	put_uint(request, "transport", transport);
	put_uint(request, "mode", mode);
	g_autoptr(SmpResponse) response =
		smp_group_call(session, request, 0, SMP_REPEAT_SAFE, doing, &body, error);
	return response ? smp_group_get_list(&body, "configs", doing, read_config, config_free,
					     error)
			: NULL;
}

void smp_bridge_value_free(SmpBridgeValue *value)
{
	if (!value)
		return;
	if (value->type == SMP_BRIDGE_TEXT)
		g_free(value->text);
	else if (value->type == SMP_BRIDGE_BYTES)
		g_bytes_unref(value->bytes);
	g_free(value->name);
	g_free(value);
}

static void put_value(GByteArray *request, const SmpBridgeValue *value)
{
	gsize size;
	gconstpointer data;

	smp_cbor_put_text(request, value->name);
	switch (value->type) {
	case SMP_BRIDGE_UINT:
		smp_cbor_put_uint(request, value->uint);
		break;
	case SMP_BRIDGE_INT:
		smp_cbor_put_int(request, value->integer);
		break;
	case SMP_BRIDGE_BOOL:
		smp_cbor_put_bool(request, value->boolean);
		break;
	case SMP_BRIDGE_TEXT:
		smp_cbor_put_text(request, value->text);
		break;
	case SMP_BRIDGE_BYTES:
		data = g_bytes_get_data(value->bytes, &size);
		smp_cbor_put_bytes(request, data, size);
		break;
	}
}

gboolean smp_bridge_connect(SmpSession *session, guint32 transport, gint64 mode,
			    const GPtrArray *values, GError **error)
{
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_BRIDGE, CONNECT);
	guint timeout_ms = smp_group_at_least(session, CONNECT_TIMEOUT_MS);
	guint n = values ? values->len : 0;

	smp_cbor_put_map(request, (mode < 0 ? 1 : 2) + n);
	put_uint(request, "transport", transport);
	if (mode >= 0)
		put_uint(request, "mode", (guint64)mode);
	for (guint i = 0; i < n; i++)
		put_value(request, g_ptr_array_index(values, i));
	return smp_group_order(session, request, timeout_ms, SMP_REPEAT_NEVER, "connect the bridge",
			       error);
}

gboolean smp_bridge_disconnect(SmpSession *session, gint64 transport, GError **error)
{
	GByteArray *request = smp_packet_new(SMP_OP_WRITE, SMP_GROUP_BRIDGE, DISCONNECT);

	smp_cbor_put_map(request, transport == SMP_BRIDGE_OWN ? 0 : 1);
	if (transport == SMP_BRIDGE_ALL) {
		smp_cbor_put_text(request, "all");
		smp_cbor_put_bool(request, TRUE);
	} else if (transport >= 0) {
		put_uint(request, "transport", (guint64)transport);
	}
	return smp_group_order(session, request, 0, SMP_REPEAT_NEVER, "disconnect the bridge",
			       error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <smp/session.h>

#pragma GCC visibility push(default)
G_BEGIN_DECLS

/* The transport bridging group (11), experimental in Zephyr's main of 2026: what comes over one
 * transport of a board goes on to another device, over another. Facts: smp_group_11.rst,
 * grp/transport_mgmt, transport/src. */

/* Transports by number (Zephyr smp.h, enum smp_transport_type). */
enum {
	SMP_TRANSPORT_SERIAL = 0,
	SMP_TRANSPORT_RAW_SERIAL = 1,
	SMP_TRANSPORT_BLUETOOTH = 2,
	SMP_TRANSPORT_SHELL = 3,
	SMP_TRANSPORT_UDP4 = 4,
	SMP_TRANSPORT_UDP6 = 5,
	SMP_TRANSPORT_LORAWAN = 6,
	SMP_TRANSPORT_USER = 64, /* and all above: the application's */
};

/**
 * smp_transport_name:
 *
 * Returns: (nullable): "serial", "raw-serial", "bluetooth", "shell", "udp4", "udp6", "lorawan"
 */
const char *smp_transport_name(guint32 transport);

/**
 * SmpBridgeStatus:
 * @supported: how many bridges can be active at a time
 * @active: how many are
 * @bridged: the transport that the question came over is one end of a bridge
 * @transport: the other end; -1 where there is none, or it is not told
 */
typedef struct {
	guint64 supported;
	guint64 active;
	gboolean bridged;
	gint64 transport;
} SmpBridgeStatus;

gboolean smp_bridge_status(SmpSession *session, SmpBridgeStatus *status,
			   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpBridgeTransport: one that the board can bridge.
 * @name: as the firmware calls it; "" where it does not
 */
typedef struct {
	guint32 id;
	char *name;
} SmpBridgeTransport;

/* Returns: (transfer full) (element-type SmpBridgeTransport) */
GPtrArray *smp_bridge_list(SmpSession *session, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpBridgeMode: a way in which a transport can be used.
 * @description: a few words, perhaps none
 * @incoming: it can be the end that requests come from
 * @outgoing: it can be the end that they go to
 */
typedef struct {
	guint32 id;
	char *description;
	gboolean incoming;
	gboolean outgoing;
} SmpBridgeMode;

/* Returns: (transfer full) (element-type SmpBridgeMode) */
GPtrArray *smp_bridge_modes(SmpSession *session, guint32 transport,
			    GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
	SMP_BRIDGE_UINT = 0,
	SMP_BRIDGE_INT = 1,
	SMP_BRIDGE_BOOL = 2,
	SMP_BRIDGE_TEXT = 3,
	SMP_BRIDGE_BYTES = 4,
} SmpBridgeType;

/**
 * SmpBridgeConfig: something that a transport has to be told to connect.
 * @type: an #SmpBridgeType, or a newer number
 */
typedef struct {
	char *name;
	guint64 type;
	gboolean required;
} SmpBridgeConfig;

/* Returns: (transfer full) (element-type SmpBridgeConfig) */
GPtrArray *smp_bridge_config(SmpSession *session, guint32 transport, guint32 mode,
			     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * SmpBridgeValue: the same with its value.
 * @name: neither "transport" nor "mode"
 */
typedef struct {
	char *name;
	SmpBridgeType type;
	union {
		guint64 uint;
		gint64 integer;
		gboolean boolean;
		char *text;
		GBytes *bytes;
	};
} SmpBridgeValue;

void smp_bridge_value_free(SmpBridgeValue *value);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpBridgeValue, smp_bridge_value_free)

/**
 * smp_bridge_connect:
 * @transport: where to
 * @mode: -1 for the default, which is 0
 * @values: (nullable) (element-type SmpBridgeValue): what the transport wants to know
 *
 * From now on the board hands on what comes over the transport of this session. Until the way to
 * the other device is up it answers %SMP_RC_BRIDGED_CONNECTION_UNAVAILABLE.
 */
gboolean smp_bridge_connect(SmpSession *session, guint32 transport, gint64 mode,
			    const GPtrArray *values, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For smp_bridge_disconnect(): the bridge of this session's transport; all there are. */
#define SMP_BRIDGE_OWN -1
#define SMP_BRIDGE_ALL -2

/**
 * smp_bridge_disconnect:
 * @transport: one end of the bridge, or %SMP_BRIDGE_OWN, %SMP_BRIDGE_ALL
 */
gboolean smp_bridge_disconnect(SmpSession *session, gint64 transport,
			       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
#pragma GCC visibility pop

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/transport_mgmt, with room for one bridge, and nobody at the other
 * end of it. Requests come over the UART, whatever it is that they really come over. */

#include "sim/server.h"

#include <smp/bridge.h>

#define OWN SMP_TRANSPORT_SERIAL

/* transport_mgmt.h */
enum {
	BRIDGE_INVALID_TRANSPORT = 4,
	BRIDGE_INVALID_MODE = 5,
	BRIDGE_TRANSPORT_AND_ALL = 7,
	BRIDGE_NOT_BRIDGED = 8,
	BRIDGE_SAME_DEVICE = 9,
	BRIDGE_INCOMING_IS_BRIDGED = 12,
	BRIDGE_MISSING_PARAMETER = 14,
};

#define MAX_CONFIGS 3

typedef struct {
	const char *name;
	SmpBridgeType type;
	gboolean required;
} Config;

typedef struct {
	const char *description;
	Config configs[MAX_CONFIGS];
} Mode;

/* Bluetooth much as smp_bt.c has it, and one of an application, without a name. The modes' numbers
 * are their places. */
static const struct {
	guint id;
	const char *name;
	Mode modes[2];
	guint n_modes;
} transports[] = {
	{OWN, "UART", {{"UART", {{0}}}}, 1},
	{SMP_TRANSPORT_BLUETOOTH,
	 "Bluetooth",
	 {{"Bluetooth Low Energy",
	   {{"address_type", SMP_BRIDGE_UINT, TRUE},
	    {"address", SMP_BRIDGE_TEXT, TRUE},
	    {"le_coded", SMP_BRIDGE_BOOL, FALSE}}}},
	 1},
	{SMP_TRANSPORT_USER,
	 NULL,
	 {{"radio", {{"power", SMP_BRIDGE_INT, FALSE}}},
	  {"radio, encrypted",
	   {{"power", SMP_BRIDGE_INT, FALSE}, {"key", SMP_BRIDGE_BYTES, TRUE}}}},
	 2},
};

static int find_transport(const SimField *field)
{
	for (guint i = 0; field->found && i < G_N_ELEMENTS(transports); i++) {
		if (transports[i].id == field->uint)
			return (int)i;
	}
	return -1;
}

/* Whether the request has what the transport wants to know. */
static gboolean is_configured(const SimRequest *request, const Mode *mode)
{
	static const SimFieldType types[] = {
		[SMP_BRIDGE_UINT] = SIM_FIELD_UINT,   [SMP_BRIDGE_INT] = SIM_FIELD_INT,
		[SMP_BRIDGE_BOOL] = SIM_FIELD_BOOL,   [SMP_BRIDGE_TEXT] = SIM_FIELD_TEXT,
		[SMP_BRIDGE_BYTES] = SIM_FIELD_BYTES,
	};
	SimField fields[MAX_CONFIGS] = {0};
	guint n = 0;

	for (; n < MAX_CONFIGS && mode->configs[n].name; n++)
		fields[n] = (SimField){mode->configs[n].name, types[mode->configs[n].type]};
	if (!sim_request_decode(request, fields, n))
		return FALSE;
	for (guint i = 0; i < n; i++) {
		if (mode->configs[i].required && !fields[i].found)
			return FALSE;
	}
	return TRUE;
}

static int connect_bridge(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField fields[] = {{"transport", SIM_FIELD_UINT}, {"mode", SIM_FIELD_UINT}};

	if (!sim_request_decode(request, fields, G_N_ELEMENTS(fields)))
		return SIM_EINVAL;
	int found = find_transport(&fields[0]);
	if (found < 0)
		return sim_group_error(request, BRIDGE_INVALID_TRANSPORT);
	if (board->bridged)
		return sim_group_error(request, BRIDGE_INCOMING_IS_BRIDGED);
	if (fields[1].uint >= transports[found].n_modes)
		return sim_group_error(request, BRIDGE_INVALID_MODE);
	if (transports[found].id == OWN)
		return sim_group_error(request, BRIDGE_SAME_DEVICE);
	if (!is_configured(request, &transports[found].modes[fields[1].uint]))
		return sim_group_error(request, BRIDGE_MISSING_PARAMETER);
	board->bridged = TRUE;
	board->bridge = transports[found].id;
	return SIM_OK;
}

static int disconnect_bridge(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField fields[] = {{"transport", SIM_FIELD_UINT}, {"all", SIM_FIELD_BOOL}};

	if (!sim_request_decode(request, fields, G_N_ELEMENTS(fields)))
		return SIM_EINVAL;
	if (fields[0].found && fields[1].boolean)
		return sim_group_error(request, BRIDGE_TRANSPORT_AND_ALL);
	if (!board->bridged)
		return sim_group_error(request, BRIDGE_NOT_BRIDGED);
	if (fields[0].found && find_transport(&fields[0]) < 0)
		return sim_group_error(request, BRIDGE_INVALID_TRANSPORT);
	/* That it is the end of no bridge is not told. */
	if (!fields[0].found || fields[0].uint == OWN || fields[0].uint == board->bridge)
		board->bridged = FALSE;
	return SIM_OK;
}

static int status(SimRequest *request)
{
	const SimBoard *board = request->board;

	sim_put_uint(request->out, "supported", 1);
	sim_put_uint(request->out, "active", board->bridged);
	if (board->bridged) {
		sim_put_bool(request->out, "bridged", TRUE);
		sim_put_uint(request->out, "transport", board->bridge);
	}
	return SIM_OK;
}

static int list(SimRequest *request)
{
	smp_cbor_put_text(request->out, "transports");
	smp_cbor_put_array_begin(request->out);
	for (guint i = 0; i < G_N_ELEMENTS(transports); i++) {
		smp_cbor_put_map_begin(request->out);
		sim_put_uint(request->out, "id", transports[i].id);
		if (transports[i].name)
			sim_put_text(request->out, "name", transports[i].name);
		smp_cbor_put_end(request->out);
	}
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int modes(SimRequest *request)
{
	SimField field = {"transport", SIM_FIELD_UINT};

	if (!sim_request_decode(request, &field, 1) || find_transport(&field) < 0)
		return sim_group_error(request, BRIDGE_INVALID_TRANSPORT);
	int found = find_transport(&field);
	smp_cbor_put_text(request->out, "modes");
	smp_cbor_put_array_begin(request->out);
	for (guint i = 0; i < transports[found].n_modes; i++) {
		smp_cbor_put_map_begin(request->out);
		sim_put_uint(request->out, "id", i);
		sim_put_text(request->out, "description", transports[found].modes[i].description);
		if (transports[found].id < SMP_TRANSPORT_USER)
			sim_put_bool(request->out, "incoming", TRUE);
		sim_put_bool(request->out, "outgoing", TRUE);
		smp_cbor_put_end(request->out);
	}
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int config(SimRequest *request)
{
	SimField fields[] = {{"transport", SIM_FIELD_UINT}, {"mode", SIM_FIELD_UINT}};

	if (!sim_request_decode(request, fields, G_N_ELEMENTS(fields)))
		return SIM_EINVAL;
	int found = find_transport(&fields[0]);
	if (found < 0)
		return sim_group_error(request, BRIDGE_INVALID_TRANSPORT);
	if (!fields[1].found || fields[1].uint >= transports[found].n_modes)
		return sim_group_error(request, BRIDGE_INVALID_MODE);
	const Config *configs = transports[found].modes[fields[1].uint].configs;
	smp_cbor_put_text(request->out, "configs");
	smp_cbor_put_array_begin(request->out);
	for (guint i = 0; i < MAX_CONFIGS && configs[i].name; i++) {
		smp_cbor_put_map_begin(request->out);
		sim_put_text(request->out, "name", configs[i].name);
		sim_put_uint(request->out, "type", configs[i].type);
		if (configs[i].required)
			sim_put_bool(request->out, "required", TRUE);
		smp_cbor_put_end(request->out);
	}
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int translate(int group_rc)
{
	switch (group_rc) {
	case BRIDGE_INVALID_TRANSPORT:
	case BRIDGE_INVALID_MODE:
	case BRIDGE_TRANSPORT_AND_ALL:
	case BRIDGE_SAME_DEVICE:
		return SIM_EINVAL;
	case BRIDGE_NOT_BRIDGED:
		return SIM_EBADSTATE;
	default:
		return SIM_EUNKNOWN;
	}
}

static const SimCommand commands[] = {
	[0] = {.write = connect_bridge}, [1] = {.write = disconnect_bridge},
	[2] = {.read = status},		 [6] = {.read = list},
	[7] = {.read = modes},		 [8] = {.read = config},
};

const SimGroup sim_group_bridge = {
	.id = SMP_GROUP_BRIDGE,
	.name = "transport mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
};

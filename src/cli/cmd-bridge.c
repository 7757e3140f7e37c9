/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bridge: what the board hands on to another device, and over what. */

#include "cli.h"

#include <stdio.h>

static char *mode_text;

const GOptionEntry smpctl_bridge_connect_options[] = {
	{"mode", 0, 0, G_OPTION_ARG_STRING, &mode_text, "mode of the transport (0)", "MODE"},
	{NULL},
};

/* ---- arguments ---- */

static gboolean parse_transport(const char *text, guint32 *transport, GError **error)
{
	guint64 number;

	for (guint32 i = 0; smp_transport_name(i); i++) {
		if (g_str_equal(text, smp_transport_name(i))) {
			*transport = i;
			return TRUE;
		}
	}
	if (!smpctl_parse_uint(text, G_MAXUINT32, &number))
		return smpctl_usage_error(error,
					  "“%s” is no transport: a number, or serial, raw-serial, "
					  "bluetooth, shell, udp4, udp6, lorawan",
					  text);
	*transport = (guint32)number;
	return TRUE;
}

static gboolean parse_mode(const char *text, guint32 *mode, GError **error)
{
	guint64 number;

	if (!smpctl_parse_uint(text, G_MAXUINT32, &number))
		return smpctl_usage_error(error, "“%s” is no mode: `smpctl bridge modes` has them",
					  text);
	*mode = (guint32)number;
	return TRUE;
}

/* ---- status, list, modes, config ---- */

/* "bluetooth (2)", "64" */
static char *transport_text(gint64 transport)
{
	const char *name = smp_transport_name((guint32)transport);

	return name ? g_strdup_printf("%s (%" G_GINT64_FORMAT ")", name, transport)
		    : g_strdup_printf("%" G_GINT64_FORMAT, transport);
}

static void print_status(const SmpBridgeStatus *status)
{
	g_autofree char *other = status->transport < 0 ? NULL : transport_text(status->transport);

	printf("bridges: %" G_GUINT64_FORMAT " active, %" G_GUINT64_FORMAT " possible\n",
	       status->active, status->supported);
	printf("this link: %s%s%s\n", status->bridged ? "bridged" : "not bridged",
	       other ? " to " : "", other ? other : "");
}

static void add_transport(JsonBuilder *json, guint32 transport)
{
	smpctl_json_int(json, "transport", transport);
	if (smp_transport_name(transport))
		smpctl_json_text(json, "name", smp_transport_name(transport));
}

gboolean smpctl_cmd_bridge_status(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	SmpBridgeStatus status;

	if (!session || !smp_bridge_status(session, &status, error))
		return FALSE;
	if (!cli->options->json) {
		print_status(&status);
		return TRUE;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_int(json, "supported", (gint64)MIN(status.supported, G_MAXINT64));
	smpctl_json_int(json, "active", (gint64)MIN(status.active, G_MAXINT64));
	smpctl_json_bool(json, "bridged", status.bridged);
	if (status.transport >= 0)
		add_transport(json, (guint32)status.transport);
	smpctl_json_print(json);
	return TRUE;
}

static void add_listed(JsonBuilder *json, gconstpointer item)
{
	const SmpBridgeTransport *transport = item;

	add_transport(json, transport->id);
	if (*transport->name)
		smpctl_json_text(json, "title", transport->name);
}

static void add_mode(JsonBuilder *json, gconstpointer item)
{
	const SmpBridgeMode *mode = item;

	smpctl_json_int(json, "mode", mode->id);
	if (*mode->description)
		smpctl_json_text(json, "description", mode->description);
	smpctl_json_bool(json, "incoming", mode->incoming);
	smpctl_json_bool(json, "outgoing", mode->outgoing);
}

static void add_config(JsonBuilder *json, gconstpointer item)
{
	const SmpBridgeConfig *config = item;
	g_autofree char *type = smpctl_bridge_type(config->type);

	smpctl_json_text(json, "name", config->name);
	smpctl_json_text(json, "type", type);
	smpctl_json_bool(json, "required", config->required);
}

static void listed_row(GPtrArray *table, gconstpointer item)
{
	const SmpBridgeTransport *transport = item;
	const char *name = smp_transport_name(transport->id);
	g_autofree char *id = g_strdup_printf("%u", transport->id);

	smpctl_table_add(table, id, name ? name : "", transport->name, NULL);
}

static void mode_row(GPtrArray *table, gconstpointer item)
{
	const SmpBridgeMode *mode = item;
	g_autofree char *id = g_strdup_printf("%u", mode->id);
	const char *way = mode->outgoing ? "outgoing" : "";

	if (mode->incoming)
		way = mode->outgoing ? "incoming, outgoing" : "incoming";
	smpctl_table_add(table, id, mode->description, way, NULL);
}

static void config_row(GPtrArray *table, gconstpointer item)
{
	const SmpBridgeConfig *config = item;
	g_autofree char *type = smpctl_bridge_type(config->type);

	smpctl_table_add(table, config->name, type, config->required ? "required" : "optional",
			 NULL);
}

/* @items: (nullable): what the board has, after an error nothing */
static gboolean tell(Smpctl *cli, const char *key, const GPtrArray *items, SmpctlJsonFunc add,
		     void (*row)(GPtrArray *table, gconstpointer item))
{
	if (!items)
		return FALSE;
	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_array(json, key, items, add);
		smpctl_json_print(json);
		return TRUE;
	}
	g_autoptr(GPtrArray) table = smpctl_table_new();
	for (guint i = 0; i < items->len; i++)
		row(table, g_ptr_array_index(items, i));
	smpctl_table_print(table);
	if (items->len == 0)
		printf("%s: none\n", key);
	return TRUE;
}

gboolean smpctl_cmd_bridge_list(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) transports = session ? smp_bridge_list(session, error) : NULL;

	return tell(cli, "transports", transports, add_listed, listed_row);
}

gboolean smpctl_cmd_bridge_modes(Smpctl *cli, char **args, GError **error)
{
	guint32 transport;

	if (!parse_transport(args[0], &transport, error))
		return FALSE;
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) modes = session ? smp_bridge_modes(session, transport, error) : NULL;
	return tell(cli, "modes", modes, add_mode, mode_row);
}

gboolean smpctl_cmd_bridge_config(Smpctl *cli, char **args, GError **error)
{
	guint32 transport, mode = 0;

	if (!parse_transport(args[0], &transport, error) || !parse_mode(args[1], &mode, error))
		return FALSE;
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) configs =
		session ? smp_bridge_config(session, transport, mode, error) : NULL;
	return tell(cli, "configs", configs, add_config, config_row);
}

/* ---- connect, disconnect ---- */

/* bridge connect TRANSPORT [KEY=VALUE…] */
gboolean smpctl_cmd_bridge_connect(Smpctl *cli, char **args, GError **error)
{
	guint32 transport, mode = 0;

	if (!parse_transport(args[0], &transport, error) ||
	    (mode_text && !parse_mode(mode_text, &mode, error)) ||
	    !smpctl_bridge_check(args + 1, error))
		return FALSE;
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GPtrArray) values =
		session ? smpctl_bridge_values(session, transport, mode, args + 1, error) : NULL;
	if (!values ||
	    !smp_bridge_connect(session, transport, mode_text ? (gint64)mode : -1, values, error))
		return FALSE;
	smpctl_done(cli, "connected");
	return TRUE;
}

/* bridge disconnect [TRANSPORT | all] */
gboolean smpctl_cmd_bridge_disconnect(Smpctl *cli, char **args, GError **error)
{
	gboolean all = args[0] && g_str_equal(args[0], "all");
	guint32 transport;

	if (args[0] && !all && !parse_transport(args[0], &transport, error))
		return FALSE;
	gint64 which = all ? SMP_BRIDGE_ALL : SMP_BRIDGE_OWN;
	if (args[0] && !all)
		which = transport;
	SmpSession *session = smpctl_session(cli, error);
	if (!session || !smp_bridge_disconnect(session, which, error))
		return FALSE;
	smpctl_done(cli, "disconnected");
	return TRUE;
}

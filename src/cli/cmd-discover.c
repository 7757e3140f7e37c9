/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* discover: the ports of this machine, who holds them, and on request whether SMP is behind them.
 */

#include "cli.h"

#include <stdio.h>

static gboolean probe;
static gboolean ble;

const GOptionEntry smpctl_discover_options[] = {
	{"probe", 'p', 0, G_OPTION_ARG_NONE, &probe, "open the free ports and ask for SMP", NULL},
	{"ble", 'b', 0, G_OPTION_ARG_NONE, &ble, "scan for Bluetooth boards", NULL},
	{NULL},
};

/* Long enough for a board that is busy, short enough for a dozen ports. */
#define PROBE_MS 1500

/* What is behind a port. @answer is NULL where nothing answered. */
typedef struct {
	char *answer;
	char *failure;
	int version;
	SmpParams params;
} Probe;

static void probe_clear(Probe *result)
{
	g_free(result->answer);
	g_free(result->failure);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Probe, probe_clear)

static gboolean ask(Smpctl *cli, const SmpPort *port, Probe *result, GError **error)
{
	g_autoptr(SmpLink) link = smp_link_new(port->device, error);
	g_autoptr(SmpSession) session = NULL;

	if (!link)
		return FALSE;
	smp_link_set_cancellable(link, cli->cancellable);
	if (!smp_link_open(link, error))
		return FALSE;
	session = smp_session_new(link);
	smpctl_session_setup(cli, session);
	smp_session_set_timeout(session, PROBE_MS);
	if (!smp_session_get_params(session, &result->params, error))
		return FALSE;
	result->version = smp_session_get_version(session);
	result->answer = g_strdup_printf("SMP v%d", result->version);
	return TRUE;
}

/* FALSE only when interrupted: a port that does not answer is a result. */
static gboolean probe_port(Smpctl *cli, const SmpPort *port, Probe *result, GError **error)
{
	g_autoptr(GError) failed = NULL;

	if (!probe || port->holder || !port->accessible || ask(cli, port, result, &failed))
		return TRUE;
	if (g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	if (smpctl_error_status(failed) == SMPCTL_EXIT_TIMEOUT)
		result->failure = g_strdup("no SMP answer at 115200 baud");
	else
		result->failure = g_strdup(failed->message);
	return TRUE;
}

/* Whether a device has more ports than this one. */
static gboolean is_one_of_several(const GPtrArray *ports, const SmpPort *port)
{
	guint found = 0;

	for (guint i = 0; port->usb_port && i < ports->len; i++) {
		const SmpPort *other = g_ptr_array_index(ports, i);

		found += g_strcmp0(other->usb_port, port->usb_port) == 0;
	}
	return found > 1;
}

/* By what a target may name it. */
static char *identity_text(const GPtrArray *ports, const SmpPort *port)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (!port->vendor_id || !port->product_id)
		return g_strdup(port->driver);
	g_string_append_printf(text, "%s:%s", port->vendor_id, port->product_id);
	if (port->serial)
		g_string_append_printf(text, ", %s", port->serial);
	if (is_one_of_several(ports, port))
		g_string_append_printf(text, ", interface %s", port->interface);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

char *smpctl_port_text(const GPtrArray *ports, const SmpPort *port)
{
	g_autofree char *identity = identity_text(ports, port);
	g_autoptr(GString) text = g_string_new(NULL);

	if (port->vendor)
		g_string_append_printf(text, "%s ", port->vendor);
	if (port->product)
		g_string_append_printf(text, "%s ", port->product);
	if (identity)
		g_string_append_printf(text, "(%s)", identity);
	return g_strchomp(g_string_free(g_steal_pointer(&text), FALSE));
}

static char *state_text(const SmpPort *port, const Probe *result)
{
	if (port->holder)
		return g_strdup_printf("held by %s (pid %d)", port->holder, port->holder_pid);
	if (!port->accessible)
		return port->group
			       ? g_strdup_printf("no permission (join the group %s)", port->group)
			       : g_strdup("no permission (for its owner only)");
	if (result->answer && result->params.buf_size) {
		g_autofree char *params = smpctl_params_text(&result->params);
		return g_strdup_printf("%s, %s", result->answer, params);
	}
	if (result->answer)
		return g_strdup(result->answer);
	return g_strdup(result->failure ? result->failure : "free");
}

static void print_port(const GPtrArray *ports, const SmpPort *port, const Probe *result)
{
	g_autofree char *what = smpctl_port_text(ports, port);
	g_autofree char *state = state_text(port, result);

	printf("%-15s %-40s %s\n", port->device, what, state);
}

static void add_port(JsonBuilder *json, const SmpPort *port, const Probe *result)
{
	json_builder_begin_object(json);
	smpctl_json_text(json, "target", port->device);
	smpctl_json_text(json, "by_id", port->by_id);
	smpctl_json_text(json, "vendor", port->vendor);
	smpctl_json_text(json, "product", port->product);
	smpctl_json_text(json, "vendor_id", port->vendor_id);
	smpctl_json_text(json, "product_id", port->product_id);
	smpctl_json_text(json, "serial", port->serial);
	smpctl_json_text(json, "interface", port->interface);
	smpctl_json_text(json, "driver", port->driver);
	smpctl_json_text(json, "holder", port->holder);
	if (port->holder_pid)
		smpctl_json_int(json, "holder_pid", port->holder_pid);
	smpctl_json_bool(json, "accessible", port->accessible);
	smpctl_json_text(json, "group", port->group);
	if (result->answer || result->failure)
		smpctl_json_bool(json, "smp", result->answer != NULL);
	if (result->answer)
		smpctl_json_int(json, "smp_version", result->version);
	smpctl_json_params(json, &result->params);
	smpctl_json_text(json, "failure", result->failure);
	json_builder_end_object(json);
}

static gboolean tell_ports(Smpctl *cli, const GPtrArray *ports, JsonBuilder *json, GError **error)
{
	for (guint i = 0; i < ports->len; i++) {
		const SmpPort *port = g_ptr_array_index(ports, i);
		g_auto(Probe) result = {0};

		if (!probe_port(cli, port, &result, error))
			return FALSE;
		if (json)
			add_port(json, port, &result);
		else
			print_port(ports, port, &result);
	}
	return TRUE;
}

gboolean smpctl_cmd_discover(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GPtrArray) ports = NULL;
	g_autoptr(JsonBuilder) json = NULL;

	if (ble)
		return smpctl_ble_list(cli, error);
	ports = smp_ports_list(error);
	if (!ports)
		return FALSE;
	if (cli->options->json) {
		json = smpctl_json_begin();
		json_builder_set_member_name(json, "ports");
		json_builder_begin_array(json);
	} else if (ports->len) {
		printf("%-15s %-40s %s\n", "TARGET", "WHAT", "STATE");
	}
	if (!tell_ports(cli, ports, json, error))
		return FALSE;
	if (json) {
		json_builder_end_array(json);
		smpctl_json_print(json);
	} else if (ports->len == 0) {
		smpctl_say(cli, "There are no serial ports. Is the board plugged in?");
	} else if (!probe) {
		smpctl_say(cli, "(ports are only listed; --probe opens the free ones and asks)");
	}
	return TRUE;
}

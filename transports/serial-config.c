/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/serial-port.h"
#include "transports/target.h"

#define MAX_BAUD    20000000
#define MAX_PACE_MS 1000

static const char *const known_options[] = {"baud", "dtr",  "flow", "low-latency",
					    "mtu",  "pace", "rts",  NULL};
static const char *const flow_names[] = {"none", "rts-cts", "xon-xoff", NULL};
static const char *const line_names[] = {"keep", "on", "off", NULL};

/* The index of an option's value in @names; 0 where the option is absent. */
static gboolean choose(GHashTable *options, const char *key, const char *const *names, guint *value,
		       GError **error)
{
	const char *text = g_hash_table_lookup(options, key);

	*value = 0;
	if (!text)
		return TRUE;
	for (guint i = 0; names[i]; i++) {
		if (g_str_equal(names[i], text)) {
			*value = i;
			return TRUE;
		}
	}
	g_autofree char *list = g_strjoinv(", ", (char **)names);
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS, "%s=%s: it takes one of %s", key,
		    text, list);
	return FALSE;
}

static gboolean parse_lines(GHashTable *options, gboolean binary, SmpSerialConfig *config,
			    GError **error)
{
	guint flow = 0, dtr = 0, rts = 0, low_latency = 0;

	if (!choose(options, "flow", flow_names, &flow, error) ||
	    !choose(options, "dtr", line_names, &dtr, error) ||
	    !choose(options, "rts", line_names, &rts, error) ||
	    !choose(options, "low-latency", line_names, &low_latency, error))
		return FALSE;
	config->flow = flow;
	config->dtr = dtr;
	config->rts = rts;
	config->low_latency = low_latency;

	if (binary && config->flow == SMP_FLOW_XON_XOFF) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
			    "flow=xon-xoff cannot be used with binary framing, which sends XON and "
			    "XOFF as data; use flow=rts-cts");
		return FALSE;
	}
	if (config->rts != SMP_SWITCH_KEEP && config->flow == SMP_FLOW_RTS_CTS) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
			    "rts cannot be set with flow=rts-cts, which drives that line");
		return FALSE;
	}
	return TRUE;
}

gboolean smp_serial_config_parse(GHashTable *options, gboolean binary, SmpSerialConfig *config,
				 GError **error)
{
	guint64 baud = SMP_DEFAULT_BAUD, pace = 0;

	*config = (SmpSerialConfig){0};
	if (!smp_target_check_options(options, known_options, error) ||
	    !smp_target_get_number(options, "baud", 1, MAX_BAUD, &baud, error) ||
	    !smp_target_get_number(options, "pace", 0, MAX_PACE_MS, &pace, error) ||
	    !smp_target_get_mtu(options, &config->mtu, error) ||
	    !parse_lines(options, binary, config, error))
		return FALSE;
	config->baud = (guint)baud;
	config->baud_given = g_hash_table_contains(options, "baud");
	config->pace = (guint)pace;
	if (baud == SMP_DEFAULT_BAUD)
		g_hash_table_remove(options, "baud");
	return TRUE;
}

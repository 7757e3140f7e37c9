/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sim/fault.h"

#include <gio/gio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *value; /* what stands after the colon, NULL if nothing may */
	gint64 value_default;
} kinds[SIM_N_FAULTS] = {
	[SIM_FAULT_LOSE_REQUEST] = {"lose-request"},
	[SIM_FAULT_LOSE_REPLY] = {"lose-reply"},
	[SIM_FAULT_CORRUPT_REPLY] = {"corrupt-reply"},
	[SIM_FAULT_DUPLICATE_REPLY] = {"duplicate-reply"},
	[SIM_FAULT_STALL] = {"stall", "MS", 1000},
	[SIM_FAULT_CUT_LINK] = {"cut-link", "MS", 1000},
	[SIM_FAULT_RESET_AT] = {"reset-at"},
	[SIM_FAULT_POWER_CUT_AT] = {"power-cut-at", "MS", 500},
	[SIM_FAULT_DIE] = {"die"},
	[SIM_FAULT_LIE_OFFSET] = {"lie-offset", "BYTES", 64},
	[SIM_FAULT_ANSWER] = {"answer", "RC", 10},
	[SIM_FAULT_POWER_CUT_AT_WRITE] = {"power-cut-at-write", "MS", 500},
};

static gboolean parse_number(const char *text, gint64 min, gint64 *number)
{
	return g_ascii_string_to_signed(text, 10, min, G_MAXINT32, number, NULL);
}

static gboolean parse_fault(const char *text, SimFault *fault)
{
	g_auto(GStrv) parts = g_strsplit(text, "=", 2);

	if (g_strv_length(parts) != 2)
		return FALSE;
	for (guint i = 0; i < SIM_N_FAULTS; i++) {
		if (!g_str_equal(parts[0], kinds[i].name))
			continue;
		g_auto(GStrv) numbers = g_strsplit(parts[1], ":", 2);
		gint64 at;

		fault->kind = i;
		fault->value = kinds[i].value_default;
		if (!numbers[0] || !parse_number(numbers[0], 1, &at))
			return FALSE;
		fault->at = (guint64)at;
		return !numbers[1] ||
		       (kinds[i].value && parse_number(numbers[1], G_MININT32, &fault->value));
	}
	return FALSE;
}

gboolean sim_config_add_fault(SimConfig *config, const char *text, GError **error)
{
	SimFault fault;

	if (config->n_faults == SIM_MAX_FAULTS) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			    "at most %u faults at once", SIM_MAX_FAULTS);
		return FALSE;
	}
	if (!parse_fault(text, &fault)) {
		g_autofree char *help = sim_config_fault_help(" ");
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			    "fault '%s' is not understood; there are %s", text, help);
		return FALSE;
	}
	config->faults[config->n_faults++] = fault;
	return TRUE;
}

char *sim_config_fault_help(const char *line_break)
{
	GString *help = g_string_new(NULL);

	for (guint i = 0; i < SIM_N_FAULTS; i++) {
		if (i > 0)
			g_string_append_printf(help, ",%s", i % 4 ? " " : line_break);
		g_string_append_printf(help, "%s=N", kinds[i].name);
		if (kinds[i].value)
			g_string_append_printf(help, "[:%s]", kinds[i].value);
	}
	return g_string_free(help, FALSE);
}

const SimFault *sim_fault_find(const SimConfig *config, SimFaultKind kind, guint64 at)
{
	for (guint i = 0; i < config->n_faults; i++) {
		if (config->faults[i].kind == kind && config->faults[i].at == at)
			return &config->faults[i];
	}
	return NULL;
}

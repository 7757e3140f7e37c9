/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ble scan, pair, forget: what there is to do before a board on Bluetooth can be talked to. */

#include "cli.h"

#include <stdio.h>

static void add_board(JsonBuilder *json, const SmpBleBoard *board)
{
	json_builder_begin_object(json);
	smpctl_json_text(json, "target", board->target);
	smpctl_json_text(json, "address", board->address);
	smpctl_json_text(json, "address_type", board->random ? "random" : "public");
	smpctl_json_text(json, "name", board->name);
	smpctl_json_text(json, "adapter", board->adapter);
	if (board->rssi)
		smpctl_json_int(json, "rssi", board->rssi);
	smpctl_json_bool(json, "smp", board->smp);
	smpctl_json_bool(json, "paired", board->paired);
	smpctl_json_bool(json, "connected", board->connected);
	json_builder_end_object(json);
}

static void print_json(const GPtrArray *boards)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();

	json_builder_set_member_name(json, "boards");
	json_builder_begin_array(json);
	for (guint i = 0; i < boards->len; i++)
		add_board(json, g_ptr_array_index(boards, i));
	json_builder_end_array(json);
	smpctl_json_print(json);
}

static void print_board(const SmpBleBoard *board, int width)
{
	g_autofree char *name = smpctl_clean(board->name);
	g_autofree char *rssi = board->rssi ? g_strdup_printf("%d", board->rssi)
					    : g_strdup(board->connected ? "linked" : "");
	int pad = width - (int)g_utf8_strlen(name, -1);

	printf("%-18s %s%*s  %-6s %-4s  %s\n", board->address, name, MAX(pad, 0), "", rssi,
	       board->smp ? "yes" : "no", board->paired ? "yes" : "no");
}

/* Of phones and headphones only those are shown that have a name. */
static gboolean is_shown(const SmpBleBoard *board)
{
	return board->smp || board->name;
}

static void print_table(Smpctl *cli, const GPtrArray *boards)
{
	guint width = 10, shown = 0;

	for (guint i = 0; i < boards->len; i++) {
		const SmpBleBoard *board = g_ptr_array_index(boards, i);

		shown += is_shown(board);
		if (board->name)
			width = MAX(width, (guint)g_utf8_strlen(board->name, -1));
	}
	if (shown == 0) {
		smpctl_say(cli, "No board was heard. Is it on, near, and not connected to another "
				"computer?");
		return;
	}
	printf("%-18s %-*s  %-6s %-4s  %s\n", "ADDRESS", (int)width, "NAME", "RSSI", "SMP",
	       "PAIRED");
	for (guint i = 0; i < boards->len; i++) {
		if (is_shown(g_ptr_array_index(boards, i)))
			print_board(g_ptr_array_index(boards, i), (int)width);
	}
}

/* For as long as --timeout says. */
gboolean smpctl_ble_list(Smpctl *cli, GError **error)
{
	const SmpctlOptions *options = cli->options;
	g_autofree char *adapter =
		options->hci >= 0 ? g_strdup_printf("hci%d", options->hci) : NULL;
	g_autoptr(GPtrArray) boards =
		smp_ble_scan(adapter, (guint)(options->timeout * 1000), cli->cancellable, error);

	if (!boards)
		return FALSE;
	if (options->json)
		print_json(boards);
	else
		print_table(cli, boards);
	return TRUE;
}

gboolean smpctl_cmd_ble_scan(Smpctl *cli, char **args, GError **error)
{
	return smpctl_ble_list(cli, error);
}

static void tell(Smpctl *cli, const char *key, const char *before, const char *behind)
{
	const char *target = smp_link_get_target(cli->link);

	if (cli->options->json) {
		g_autoptr(JsonBuilder) json = smpctl_json_begin();
		smpctl_json_text(json, key, target);
		smpctl_json_print(json);
	} else if (!cli->options->quiet) {
		printf("%s%s%s\n", before, target, behind);
	}
}

gboolean smpctl_cmd_ble_pair(Smpctl *cli, char **args, GError **error)
{
	SmpLink *link = smpctl_link_of(cli, args[0], error);
	gboolean was_paired = FALSE;

	if (!link || !smp_ble_pair(link, &was_paired, error))
		return FALSE;
	tell(cli, "paired", was_paired ? "" : "paired with ",
	     was_paired ? " was paired already" : "");
	return TRUE;
}

gboolean smpctl_cmd_ble_forget(Smpctl *cli, char **args, GError **error)
{
	SmpLink *link = smpctl_link_of(cli, args[0], error);

	if (!link || !smp_ble_forget(link, error))
		return FALSE;
	tell(cli, "forgotten", "forgot ", "");
	return TRUE;
}

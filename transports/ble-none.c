/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <smp/ble.h> in a build without Bluetooth. */

#include <smp/ble.h>

static gboolean fail(GError **error)
{
	g_set_error_literal(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED,
			    "this build has no Bluetooth");
	return FALSE;
}

GPtrArray *smp_ble_scan(const char *adapter, guint timeout_ms, GCancellable *cancellable,
			GError **error)
{
	return fail(error) ? g_ptr_array_new() : NULL;
}

gboolean smp_ble_pair(SmpLink *link, gboolean *was_paired, GError **error)
{
	return fail(error);
}

gboolean smp_ble_forget(SmpLink *link, GError **error)
{
	return fail(error);
}

void smp_ble_board_free(SmpBleBoard *board)
{
	g_free(board);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Mynewt's core dump in flash (mgmt/imgmgr, imgmgr_coredump.c): there until it is erased. */

#include "sim/mynewt.h"

#define NAME  "core"
#define SIZE  3000
#define CHUNK 256

void sim_mynewt_core_make(SimBoard *board)
{
	static const guint8 magic[] = {0xc3, 0x47, 0x0c, 0x69};
	guint8 core[SIZE];

	for (guint i = 0; i < SIZE; i++)
		core[i] = i < sizeof magic ? magic[i] : (guint8)(i * 7 + i / 256);
	g_autoptr(GBytes) bytes = g_bytes_new(core, sizeof core);
	sim_storage_set(board->storage, SIM_STORED_FILE, NAME, bytes);
}

static GBytes *find(const SimRequest *request)
{
	return sim_storage_get(request->board->storage, SIM_STORED_FILE, NAME);
}

int sim_mynewt_core_list(SimRequest *request)
{
	if (!find(request))
		return SIM_ENOENT;
	sim_put_int(request->out, "rc", 0);
	return SIM_OK;
}

int sim_mynewt_core_load(SimRequest *request)
{
	GBytes *core = find(request);
	SmpCbor value;
	guint64 offset = 0;
	gsize size;

	if (!core)
		return SIM_ENOENT;
	if (sim_mynewt_get(request, "off", &value))
		smp_cbor_uint(&value, &offset);
	const guint8 *data = g_bytes_get_data(core, &size);
	offset = MIN(offset, size);
	sim_put_int(request->out, "rc", 0);
	sim_put_uint(request->out, "off", offset);
	sim_put_bytes(request->out, "data", data + offset, MIN(CHUNK, size - (gsize)offset));
	return SIM_OK;
}

int sim_mynewt_core_erase(SimRequest *request)
{
	sim_storage_set(request->board->storage, SIM_STORED_FILE, NAME, NULL);
	sim_put_int(request->out, "rc", 0);
	return SIM_OK;
}

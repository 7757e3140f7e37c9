/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Mynewt's core dump in flash (mgmt/imgmgr, imgmgr_coredump.c): there until it is erased. */

#include "sim/mynewt.h"

#include <string.h>

#define NAME	  "core"
#define SIZE	  3000
#define HEAD_SIZE 8
#define RAM	  0x20000000
#define CHUNK	  256

enum {
	IMAGE = 1,
	MEMORY = 2,
	REGISTERS = 3,
};

/* A part is a type, a length and an address, and as many bytes (sys/coredump). */
static guint put_head(guint8 *core, guint at, guint8 type, guint length, guint32 address)
{
	const guint8 head[] = {type, 0, (guint8)length, (guint8)(length >> 8)};

	address = GUINT32_TO_LE(address);
	memcpy(core + at, head, sizeof head);
	memcpy(core + at + sizeof head, &address, sizeof address);
	return at + HEAD_SIZE + length;
}

/* The hash of an image, registers, and what is in memory. */
void sim_mynewt_core_make(SimBoard *board)
{
	static const guint8 head[HEAD_SIZE] = {0xc3, 0x47, 0x0c, 0x69, (guint8)SIZE, SIZE >> 8};
	guint8 core[SIZE];
	guint at = HEAD_SIZE;

	for (guint i = 0; i < SIZE; i++)
		core[i] = (guint8)(i * 7 + i / 256);
	memcpy(core, head, sizeof head);
	at = put_head(core, at, IMAGE, 32, 0);
	at = put_head(core, at, REGISTERS, 72, 0);
	put_head(core, at, MEMORY, SIZE - HEAD_SIZE - at, RAM);
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

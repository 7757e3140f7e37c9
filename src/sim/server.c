/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr's SMP server (subsys/mgmt/mcumgr/smp/src/smp.c): finds the handler, answers in its order
 * of keys with maps of indefinite length, and translates errors for v1. */

#include "sim/server.h"

static const SimGroup *const zephyr[] = {
	&sim_group_os,	  &sim_group_image, &sim_group_stat, &sim_group_settings, &sim_group_fs,
	&sim_group_shell, &sim_group_basic, &sim_group_enum, &sim_group_bridge,
};

static const SimGroup *const mynewt[] = {
	&sim_mynewt_os,	 &sim_mynewt_image, &sim_mynewt_stat, &sim_mynewt_config,
	&sim_mynewt_log, &sim_mynewt_crash, &sim_mynewt_run,
};

/* A handler's answer is in request->group_rc. */
#define GROUP_ERROR (-1)

const SimGroup *sim_server_group(const SimBoard *board, guint16 id)
{
	const SimGroup *const *groups = board->config.mynewt ? mynewt : zephyr;
	guint n = board->config.mynewt ? G_N_ELEMENTS(mynewt) : G_N_ELEMENTS(zephyr);
	gboolean built_in = FALSE;

	for (guint i = 0; i < board->config.n_groups; i++)
		built_in = built_in || board->config.groups[i] == id;
	for (guint i = 0; built_in && i < n; i++) {
		if (groups[i]->id == id)
			return groups[i];
	}
	return NULL;
}

int sim_group_error(SimRequest *request, int group_rc)
{
	request->group_rc = group_rc;
	return GROUP_ERROR;
}

static SimHandler find_handler(const SimGroup *group, const SmpHeader *header)
{
	if (!group || header->command >= group->n_commands)
		return NULL;
	const SimCommand *command = &group->commands[header->command];
	return header->op == SMP_OP_READ ? command->read : command->write;
}

static int handle(SimRequest *request, const SimGroup *group)
{
	const SmpHeader *header = request->header;
	const SimConfig *config = &request->board->config;

	if (header->op != SMP_OP_READ && header->op != SMP_OP_WRITE)
		return SIM_ENOTSUP;
	if (header->version == SMP_VERSION_1 && config->no_v1)
		return SIM_TOO_OLD;
	SimHandler handler = find_handler(group, header);
	if (!handler)
		return SIM_ENOTSUP;
	smp_cbor_put_map_begin(request->out);
	int rc = handler(request);
	if (rc == SIM_OK && config->old)
		sim_put_uint(request->out, "rc", 0);
	smp_cbor_put_end(request->out);
	/* Before Zephyr 3.1 it was another code. */
	if (rc == SIM_OK && request->out->len + SMP_HEADER_SIZE > config->buf_size)
		rc = config->old ? SIM_ENOMEM : SIM_EMSGSIZE;
	return rc;
}

static void put_error(SimRequest *request, const SimGroup *group, int rc)
{
	gboolean v2 = request->header->version == SMP_VERSION_2 && !request->board->config.old;

	g_byte_array_set_size(request->out, 0);
	smp_cbor_put_map_begin(request->out);
	if (rc == GROUP_ERROR && v2) {
		smp_cbor_put_text(request->out, request->board->config.ret_errors ? "ret" : "err");
		smp_cbor_put_map_begin(request->out);
		sim_put_uint(request->out, "group", request->header->group);
		sim_put_int(request->out, "rc", request->group_rc);
		smp_cbor_put_end(request->out);
		if (request->group_length >= 0)
			sim_put_uint(request->out, "len", (guint64)request->group_length);
	} else {
		sim_put_int(request->out, "rc",
			    rc == GROUP_ERROR ? group->translate(request->group_rc) : rc);
		if (request->reason)
			sim_put_text(request->out, "rsn", request->reason);
	}
	smp_cbor_put_end(request->out);
}

/* Returns: whether a request behind this one in the same packet is looked at */
static gboolean answer(SimBoard *board, SmpHeader *header, const guint8 *body, gsize size,
		       GPtrArray *answers)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	SimRequest request = {.board = board,
			      .header = header,
			      .body = body,
			      .body_size = size,
			      .out = out,
			      .group_length = -1};
	const SimGroup *group = sim_server_group(board, header->group);
	int rc;

	if (board->config.old || board->config.mynewt)
		header->version = SMP_VERSION_1;
	if (board->config.mynewt && !sim_mynewt_accepts(body, size))
		return FALSE;
	if (header->version > SMP_VERSION_2)
		rc = SIM_TOO_NEW;
	else if (board->config.mynewt && size == 0)
		rc = SIM_EINVAL;
	else if (header->length > size && !board->config.mynewt)
		rc = SIM_ECORRUPT;
	else if (board->bridged && header->group != SMP_GROUP_BRIDGE)
		rc = SIM_BRIDGE_UNAVAILABLE;
	else
		rc = handle(&request, group);
	if (rc != SIM_OK)
		put_error(&request, group, rc);
	g_ptr_array_add(answers, sim_answer_new(header, MIN(header->version, SMP_VERSION_2), out));
	return rc == SIM_OK || rc == GROUP_ERROR;
}

void sim_server_receive(SimBoard *board, const guint8 *packet, gsize size, GPtrArray *answers)
{
	gboolean more = TRUE;

	while (more && size >= SMP_HEADER_SIZE) {
		SmpHeader header;

		smp_header_read(packet, &header);
		packet += SMP_HEADER_SIZE;
		size -= SMP_HEADER_SIZE;
		more = answer(board, &header, packet, size, answers);
		gsize skip = MIN(header.length, size);
		packet += skip;
		size -= skip;
	}
}

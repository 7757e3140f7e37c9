/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/enum_mgmt. */

#include "sim/server.h"

enum {
	ENUM_TOO_MANY = 2,
	ENUM_INDEX_TOO_LARGE = 4,
};

static int count(SimRequest *request)
{
	sim_put_uint(request->out, "count", request->board->config.n_groups);
	return SIM_OK;
}

static int list(SimRequest *request)
{
	const SimConfig *config = &request->board->config;

	smp_cbor_put_text(request->out, "groups");
	smp_cbor_put_array_begin(request->out);
	for (guint i = 0; i < config->n_groups; i++)
		smp_cbor_put_uint(request->out, config->groups[i]);
	smp_cbor_put_end(request->out);
	return SIM_OK;
}

static int single(SimRequest *request)
{
	const SimConfig *config = &request->board->config;
	SimField index = {"index", SIM_FIELD_UINT};

	if (!sim_request_decode(request, &index, 1))
		return SIM_EINVAL;
	if (index.uint >= config->n_groups)
		return sim_group_error(request, ENUM_INDEX_TOO_LARGE);
	sim_put_uint(request->out, "group", config->groups[index.uint]);
	if (index.uint == config->n_groups - 1)
		sim_put_bool(request->out, "end", TRUE);
	return SIM_OK;
}

static gboolean is_wanted(const SimField *groups, guint16 id)
{
	SmpCborIter iter;
	SmpCbor item;
	guint64 number;

	if (!groups->found)
		return TRUE;
	if (!smp_cbor_iter_init(&iter, &groups->item))
		return FALSE;
	while (smp_cbor_iter_next(&iter, NULL, &item)) {
		if (smp_cbor_uint(&item, &number) && number == id)
			return TRUE;
	}
	return FALSE;
}

static int details(SimRequest *request)
{
	const SimConfig *config = &request->board->config;
	SimField groups = {"groups", SIM_FIELD_ARRAY};

	if (!sim_request_decode(request, &groups, 1))
		return SIM_EINVAL;
	smp_cbor_put_text(request->out, "groups");
	smp_cbor_put_array_begin(request->out);
	for (guint i = 0; i < config->n_groups; i++) {
		const SimGroup *group = sim_server_group(request->board, config->groups[i]);
		if (!group || !is_wanted(&groups, group->id))
			continue;
		smp_cbor_put_map_begin(request->out);
		sim_put_uint(request->out, "group", group->id);
		sim_put_text(request->out, "name", group->name);
		sim_put_uint(request->out, "handlers",
			     group->handlers ? group->handlers(config) : group->n_commands);
		smp_cbor_put_end(request->out);
	}
	smp_cbor_put_end(request->out);
	/* It has its own code for an answer that is too long. */
	return request->out->len + 1 + SMP_HEADER_SIZE > config->buf_size ? SIM_ECORRUPT : SIM_OK;
}

static int translate(int group_rc)
{
	return group_rc == ENUM_TOO_MANY ? SIM_EINVAL : SIM_EUNKNOWN;
}

static const SimCommand commands[] = {
	{.read = count},
	{.read = list},
	{.read = single},
	{.read = details},
};

const SimGroup sim_group_enum = {
	.id = SMP_GROUP_ENUM,
	.name = "enum mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
};

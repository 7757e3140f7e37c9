/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zephyr subsys/mgmt/mcumgr/grp/settings_mgmt, over the settings of an application: values that are
 * in RAM until they are saved. */

#include "sim/settings.h"

#include <string.h>

/* CONFIG_MCUMGR_GRP_SETTINGS_NAME_LEN and ..._VALUE_LEN. */
#define NAME_LEN  32
#define VALUE_LEN 32

enum {
	SETTINGS_UNKNOWN = 1,
	SETTINGS_KEY_TOO_LONG = 2,
	SETTINGS_KEY_NOT_FOUND = 3,
	SETTINGS_READ_NOT_SUPPORTED = 4,
	SETTINGS_ROOT_KEY_NOT_FOUND = 5,
	SETTINGS_WRITE_NOT_SUPPORTED = 6,
	SETTINGS_SAVE_NOT_SUPPORTED = 8,
};

/* The handler "app" of the application. @least, @most: bytes that it takes. */
static const struct {
	const char *name;
	const char *value;
	gsize size, least, most;
	gboolean write_only, read_only;
} keys[] = {
	{"app/name", "simulated board", 15, 0, 64, FALSE, FALSE},
	{"app/interval", "\xe8\x03\0\0", 4, 4, 4, FALSE, FALSE},
	{"app/note", "", 0, 0, 64, FALSE, FALSE},
	{"app/serial", "SIM-0001", 8, 0, 0, FALSE, TRUE},
	{"app/secret", "", 0, 0, 64, TRUE, FALSE},
};

static int find_key(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (g_str_equal(keys[i].name, name))
			return (int)i;
	}
	return -1;
}

static void set_value(SimBoard *board, const char *name, GBytes *value)
{
	g_hash_table_insert(board->settings, g_strdup(name), g_bytes_ref(value));
}

static void load_value(gpointer name, gpointer value, gpointer board)
{
	set_value(board, name, value);
}

/* Mynewt's, too. */
void sim_settings_load(SimBoard *board)
{
	sim_storage_foreach(board->storage, SIM_STORED_SETTING, load_value, board);
}

void sim_settings_start(SimBoard *board)
{
	g_clear_pointer(&board->settings, g_hash_table_unref);
	board->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						(GDestroyNotify)g_bytes_unref);
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autoptr(GBytes) value = g_bytes_new(keys[i].value, keys[i].size);
		set_value(board, keys[i].name, value);
	}
	sim_settings_load(board);
}

/* Returns: (transfer full) (nullable): the name; without it @rc is what to answer */
static char *take_name(SimRequest *request, const SimField *field, int *rc)
{
	if (field->size == 0) {
		*rc = SIM_EINVAL;
		return NULL;
	}
	if (field->size >= NAME_LEN) {
		*rc = sim_group_error(request, SETTINGS_KEY_TOO_LONG);
		return NULL;
	}
	return g_strndup((const char *)field->data, field->size);
}

static int unknown_key(SimRequest *request, const char *name)
{
	gboolean ours = g_str_has_prefix(name, "app/");

	return sim_group_error(request,
			       ours ? SETTINGS_KEY_NOT_FOUND : SETTINGS_ROOT_KEY_NOT_FOUND);
}

/* Decodes @fields, the first of which is the name. Returns: (transfer full) (nullable): the name of
 * @key; without it @rc is what to answer */
static char *take_key(SimRequest *request, SimField *fields, guint n, int *key, int *rc)
{
	*rc = SIM_EINVAL;
	if (!sim_request_decode(request, fields, n))
		return NULL;
	g_autofree char *name = take_name(request, &fields[0], rc);
	if (!name)
		return NULL;
	*key = find_key(name);
	if (*key >= 0)
		return g_steal_pointer(&name);
	*rc = unknown_key(request, name);
	return NULL;
}

static int read_value(SimRequest *request)
{
	SimField fields[] = {{"name", SIM_FIELD_TEXT}, {"max_size", SIM_FIELD_UINT}};
	int key, rc;
	gsize size;
	g_autofree char *name = take_key(request, fields, G_N_ELEMENTS(fields), &key, &rc);

	if (!name)
		return rc;
	if (keys[key].write_only)
		return sim_group_error(request, SETTINGS_READ_NOT_SUPPORTED);
	guint64 max = fields[1].found ? fields[1].uint : VALUE_LEN;
	GBytes *value = g_hash_table_lookup(request->board->settings, name);
	const guint8 *data = g_bytes_get_data(value, &size);
	sim_put_bytes(request->out, "val", data, MIN(size, MIN(max, VALUE_LEN)));
	if (max > VALUE_LEN)
		sim_put_uint(request->out, "max_size", VALUE_LEN);
	return SIM_OK;
}

static int write_value(SimRequest *request)
{
	SimField fields[] = {{"name", SIM_FIELD_TEXT}, {"val", SIM_FIELD_BYTES}};
	int key, rc;
	g_autofree char *name = take_key(request, fields, G_N_ELEMENTS(fields), &key, &rc);

	if (!name)
		return rc;
	if (keys[key].read_only)
		return sim_group_error(request, SETTINGS_WRITE_NOT_SUPPORTED);
	/* The handler's -EINVAL is taken for that of the look-up. */
	if (fields[1].size < keys[key].least || fields[1].size > keys[key].most)
		return sim_group_error(request, SETTINGS_ROOT_KEY_NOT_FOUND);
	g_autoptr(GBytes) value = g_bytes_new(fields[1].data, fields[1].size);
	set_value(request->board, name, value);
	return SIM_OK;
}

/* What is saved is deleted, known or not; the value in RAM stays. */
static int delete_saved(SimRequest *request)
{
	SimField field = {"name", SIM_FIELD_TEXT};
	int rc = SIM_EINVAL;

	if (!sim_request_decode(request, &field, 1))
		return SIM_EINVAL;
	g_autofree char *name = take_name(request, &field, &rc);
	if (!name)
		return rc;
	if (request->board->config.volatile_settings)
		return sim_group_error(request, SETTINGS_KEY_NOT_FOUND);
	sim_storage_set(request->board->storage, SIM_STORED_SETTING, name, NULL);
	return SIM_OK;
}

static int commit(SimRequest *request G_GNUC_UNUSED)
{
	return SIM_OK;
}

static int load(SimRequest *request)
{
	sim_settings_load(request->board);
	return SIM_OK;
}

static gboolean is_below(const char *name, const SimField *prefix)
{
	return !prefix->found || (strncmp(name, (const char *)prefix->data, prefix->size) == 0 &&
				  (name[prefix->size] == '/' || name[prefix->size] == 0));
}

static int save(SimRequest *request)
{
	SimBoard *board = request->board;
	SimField prefix = {"name", SIM_FIELD_TEXT};

	if (!sim_request_decode(request, &prefix, 1))
		return SIM_EINVAL;
	if (board->config.volatile_settings)
		return sim_group_error(request, SETTINGS_SAVE_NOT_SUPPORTED);
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		const char *name = keys[i].name;
		if (!keys[i].read_only && is_below(name, &prefix))
			sim_storage_set(board->storage, SIM_STORED_SETTING, name,
					g_hash_table_lookup(board->settings, name));
	}
	return SIM_OK;
}

static int translate(int group_rc)
{
	switch (group_rc) {
	case SETTINGS_KEY_TOO_LONG:
		return SIM_EINVAL;
	case SETTINGS_KEY_NOT_FOUND:
	case SETTINGS_READ_NOT_SUPPORTED:
		return SIM_ENOENT;
	default:
		return SIM_EUNKNOWN;
	}
}

static const SimCommand commands[] = {
	{.read = read_value, .write = write_value},
	{.write = delete_saved},
	{.write = commit},
	{.read = load, .write = save},
};

const SimGroup sim_group_settings = {
	.id = SMP_GROUP_SETTINGS,
	.name = "settings mgmt",
	.commands = commands,
	.n_commands = G_N_ELEMENTS(commands),
	.translate = translate,
};

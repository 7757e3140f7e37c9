/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* KEY=VALUE of bridge connect: values of the types that the board says it takes. */

#include "cli.h"

#include <string.h>

static const char *const type_names[] = {
	[SMP_BRIDGE_UINT] = "uint", [SMP_BRIDGE_INT] = "int",	  [SMP_BRIDGE_BOOL] = "bool",
	[SMP_BRIDGE_TEXT] = "text", [SMP_BRIDGE_BYTES] = "bytes",
};

char *smpctl_bridge_type(guint64 type)
{
	return type < G_N_ELEMENTS(type_names) ? g_strdup(type_names[type])
					       : g_strdup_printf("%" G_GUINT64_FORMAT, type);
}

static gboolean parse_int(const char *text, gint64 *value)
{
	return g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, value, NULL);
}

static gboolean parse_bool(const char *text, gboolean *value)
{
	*value = g_str_equal(text, "true");
	return *value || g_str_equal(text, "false");
}

/* What it looks like, where the board does not say what it takes. */
static SmpBridgeType guess_type(const char *text)
{
	gboolean yes;
	guint64 number;
	gint64 integer;

	if (smpctl_parse_uint(text, G_MAXUINT64, &number))
		return SMP_BRIDGE_UINT;
	if (parse_int(text, &integer))
		return SMP_BRIDGE_INT;
	if (parse_bool(text, &yes))
		return SMP_BRIDGE_BOOL;
	return g_str_has_prefix(text, "hex:") ? SMP_BRIDGE_BYTES : SMP_BRIDGE_TEXT;
}

/* Returns: FALSE where the text is nothing of that type */
static gboolean set_value(SmpBridgeValue *value, SmpBridgeType type, const char *text)
{
	gboolean good = TRUE;

	switch (type) {
	case SMP_BRIDGE_UINT:
		good = smpctl_parse_uint(text, G_MAXUINT64, &value->uint);
		break;
	case SMP_BRIDGE_INT:
		good = parse_int(text, &value->integer);
		break;
	case SMP_BRIDGE_BOOL:
		good = parse_bool(text, &value->boolean);
		break;
	case SMP_BRIDGE_TEXT:
		value->text = g_strdup(text);
		break;
	case SMP_BRIDGE_BYTES:
		value->bytes = smp_hex_parse(text + (g_str_has_prefix(text, "hex:") ? 4 : 0));
		good = value->bytes != NULL;
		break;
	}
	/* It decides what is freed. */
	if (good)
		value->type = type;
	return good;
}

static const SmpBridgeConfig *find_config(const GPtrArray *configs, const char *name)
{
	for (guint i = 0; i < configs->len; i++) {
		const SmpBridgeConfig *config = g_ptr_array_index(configs, i);
		if (g_str_equal(config->name, name))
			return config;
	}
	return NULL;
}

/* Boards skip what they do not know: a misspelt name would go unseen. */
static gboolean unknown_key(const GPtrArray *configs, const char *name, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (guint i = 0; i < configs->len; i++) {
		const SmpBridgeConfig *config = g_ptr_array_index(configs, i);
		g_autofree char *clean = smpctl_clean(config->name);
		g_string_append_printf(names, "%s%s", i ? ", " : "", clean);
	}
	return smpctl_usage_error(error, "the transport does not take “%s”; it takes %s", name,
				  configs->len ? names->str : "nothing");
}

/* @configs: (nullable): what the board takes, where it tells */
static SmpBridgeValue *parse_value(const char *argument, const GPtrArray *configs, GError **error)
{
	const char *text = strchr(argument, '=') + 1;
	g_autoptr(SmpBridgeValue) value = g_new0(SmpBridgeValue, 1);

	value->name = g_strndup(argument, (gsize)(text - 1 - argument));
	const SmpBridgeConfig *config = configs ? find_config(configs, value->name) : NULL;
	if (configs && !config) {
		(void)unknown_key(configs, value->name, error);
		return NULL;
	}
	gboolean known = config && config->type < G_N_ELEMENTS(type_names);
	SmpBridgeType type = known ? (SmpBridgeType)config->type : guess_type(text);
	if (set_value(value, type, text))
		return g_steal_pointer(&value);
	(void)smpctl_usage_error(error, "“%s” takes a value of type %s, not “%s”", value->name,
				 type_names[type], text);
	return NULL;
}

gboolean smpctl_bridge_check(char **arguments, GError **error)
{
	for (; *arguments; arguments++) {
		const char *sign = strchr(*arguments, '=');

		if (!sign || sign == *arguments)
			return smpctl_usage_error(error, "“%s” is not KEY=VALUE", *arguments);
	}
	return TRUE;
}

/* A board that does not tell what a transport takes may connect it all the same. */
static gboolean read_configs(SmpSession *session, guint32 transport, guint32 mode,
			     GPtrArray **configs, GError **error)
{
	g_autoptr(GError) local = NULL;

	*configs = smp_bridge_config(session, transport, mode, &local);
	if (*configs || g_error_matches(local, SMP_PROTOCOL_ERROR, SMP_PROTOCOL_ERROR_DEVICE))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

GPtrArray *smpctl_bridge_values(SmpSession *session, guint32 transport, guint32 mode,
				char **arguments, GError **error)
{
	g_autoptr(GPtrArray) values =
		g_ptr_array_new_with_free_func((GDestroyNotify)smp_bridge_value_free);
	g_autoptr(GPtrArray) configs = NULL;

	if (*arguments && !read_configs(session, transport, mode, &configs, error))
		return NULL;
	for (; *arguments; arguments++) {
		SmpBridgeValue *value = parse_value(*arguments, configs, error);
		if (!value)
			return NULL;
		g_ptr_array_add(values, value);
	}
	return g_steal_pointer(&values);
}

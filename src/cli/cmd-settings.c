/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* settings: Zephyr's; config: Mynewt's, as the Go tool has it (newtmgr/cli/config.go); storage. */

#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *value_type;
static int value_size;
static int value_max;

const GOptionEntry smpctl_settings_read_options[] = {
	{"as", 0, 0, G_OPTION_ARG_STRING, &value_type, "show the value so", "text|hex|int"},
	{"max", 0, 0, G_OPTION_ARG_INT, &value_max, "at most so many bytes", "BYTES"},
	{NULL},
};

const GOptionEntry smpctl_settings_write_options[] = {
	{"as", 0, 0, G_OPTION_ARG_STRING, &value_type, "what VALUE is (text)", "text|hex|int"},
	{"size", 0, 0, G_OPTION_ARG_INT, &value_size, "bytes of an int: 1, 2, 4 or 8 (4)", "BYTES"},
	{NULL},
};

typedef enum {
	AS_GUESS,
	AS_TEXT,
	AS_HEX,
	AS_INT,
} ValueType;

static gboolean parse_type(ValueType *type, GError **error)
{
	static const char *const names[] = {[AS_TEXT] = "text", [AS_HEX] = "hex", [AS_INT] = "int"};

	*type = AS_GUESS;
	if (!value_type)
		return TRUE;
	for (guint i = AS_TEXT; i < G_N_ELEMENTS(names); i++) {
		if (g_str_equal(names[i], value_type))
			*type = (ValueType)i;
	}
	return *type != AS_GUESS ||
	       smpctl_usage_error(error, "--as takes text, hex or int, not “%s”", value_type);
}

/* Integers are as the boards' processors have them: little-endian, in two's complement. */
static gboolean to_int(const guint8 *data, gsize size, gint64 *value)
{
	guint64 bits = 0;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return FALSE;
	for (gsize i = size; i > 0; i--)
		bits = bits << 8 | data[i - 1];
	guint shift = (guint)(64 - 8 * size);
	*value = (gint64)(bits << shift) >> shift;
	return TRUE;
}

/* Returns: (transfer full) (nullable): the bytes, if they are text, one NUL at the end left out */
static char *to_text(const guint8 *data, gsize size)
{
	gsize length = size > 0 && data[size - 1] == 0 ? size - 1 : size;

	if (!data || !g_utf8_validate((const char *)data, (gssize)length, NULL))
		return NULL;
	g_autofree char *text = g_strndup((const char *)data, length);
	g_autofree char *clean = smpctl_clean(text);
	return g_str_equal(text, clean) ? g_steal_pointer(&text) : NULL;
}

/* What is no text is shown as far as a terminal can, and goes elsewhere as it is. */
static void print_text(const char *text, const guint8 *data, gsize size)
{
	if (!text && size > 0 && isatty(STDOUT_FILENO)) {
		g_autofree char *valid = g_utf8_make_valid((const char *)data, (gssize)size);
		g_autofree char *shown = smpctl_clean(valid);
		puts(shown);
		return;
	}
	if (text)
		fputs(text, stdout);
	else if (size > 0)
		fwrite(data, 1, size, stdout);
	putchar('\n');
}

static gboolean print_value(const guint8 *data, gsize size, ValueType type, GError **error)
{
	g_autofree char *hex = smp_hex_format(data, size);
	g_autofree char *text = to_text(data, size);
	gint64 number;

	if (type == AS_INT && !to_int(data, size, &number)) {
		g_set_error(error, SMPCTL_ERROR, SMPCTL_ERROR_FAILED,
			    "the value has %" G_GSIZE_FORMAT " bytes, an integer 1, 2, 4 or 8: "
			    "%s",
			    size, hex);
		return FALSE;
	}
	if (type == AS_GUESS && text && *text) {
		puts(text);
	} else if (type == AS_TEXT) {
		print_text(text, data, size);
	} else if (type == AS_INT) {
		printf("%" G_GINT64_FORMAT "\n", number);
	} else {
		puts(hex);
	}
	return TRUE;
}

static void print_json(const char *name, const guint8 *data, gsize size, gboolean cut)
{
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	g_autofree char *text = to_text(data, size);
	gint64 number;

	smpctl_json_text(json, "name", name);
	smpctl_json_hex(json, "hex", data, size);
	if (text)
		smpctl_json_text(json, "text", text);
	if (to_int(data, size, &number))
		smpctl_json_int(json, "int", number);
	smpctl_json_bool(json, "cut", cut);
	smpctl_json_print(json);
}

gboolean smpctl_cmd_settings_read(Smpctl *cli, char **args, GError **error)
{
	ValueType type;
	gboolean cut;

	if (!parse_type(&type, error))
		return FALSE;
	if (value_max < 0)
		return smpctl_usage_error(error, "--max takes a number of bytes");
	/* A board cuts a value to its limit without a word unless it is asked for more. */
	guint max = value_max ? (guint)value_max : G_MAXUINT16;
	SmpSession *session = smpctl_session(cli, error);
	g_autoptr(GBytes) value =
		session ? smp_settings_read(session, args[0], max, &cut, error) : NULL;
	if (!value)
		return FALSE;
	gsize size;
	const guint8 *data = g_bytes_get_data(value, &size);
	if (cut && size < max)
		smpctl_say(cli,
			   "the board tells no more than %" G_GSIZE_FORMAT
			   " bytes: raise CONFIG_MCUMGR_GRP_SETTINGS_VALUE_LEN",
			   size);
	if (!cli->options->json)
		return print_value(data, size, type, error);
	print_json(args[0], data, size, cut);
	return TRUE;
}

static GBytes *from_hex(const char *text, GError **error)
{
	GBytes *bytes = smp_hex_parse(text);

	if (!bytes)
		(void)smpctl_usage_error(error, "“%s” is no whole number of hexadecimal bytes",
					 text);
	return bytes;
}

/* Signed or unsigned: what fits the size either way. */
static gboolean parse_int(const char *text, int size, guint64 *bits)
{
	guint64 max = G_MAXUINT64 >> (64 - 8 * size);
	gint64 value;

	if (*text != '-')
		return smpctl_parse_uint(text, max, bits);
	if (!g_ascii_string_to_signed(text, 10, -(gint64)(max / 2) - 1, 0, &value, NULL))
		return FALSE;
	*bits = (guint64)value;
	return TRUE;
}

static GBytes *from_int(const char *text, GError **error)
{
	int size = value_size ? value_size : 4;
	guint64 bits;
	guint8 data[8];

	if (size != 1 && size != 2 && size != 4 && size != 8) {
		(void)smpctl_usage_error(error, "--size takes 1, 2, 4 or 8");
		return NULL;
	}
	if (!parse_int(text, size, &bits)) {
		(void)smpctl_usage_error(error, "“%s” is no integer of %d byte%s", text, size,
					 size == 1 ? "" : "s");
		return NULL;
	}
	for (int i = 0; i < size; i++)
		data[i] = (guint8)(bits >> (8 * i));
	return g_bytes_new(data, (gsize)size);
}

static GBytes *parse_value(const char *text, GError **error)
{
	ValueType type;

	if (!parse_type(&type, error))
		return NULL;
	if (type == AS_HEX)
		return from_hex(text, error);
	return type == AS_INT ? from_int(text, error) : g_bytes_new(text, strlen(text));
}

gboolean smpctl_cmd_settings_write(Smpctl *cli, char **args, GError **error)
{
	g_autoptr(GBytes) value = parse_value(args[1], error);
	SmpSession *session = value ? smpctl_session(cli, error) : NULL;

	if (!session || !smp_settings_write(session, args[0], value, error))
		return FALSE;
	smpctl_done(cli, "written");
	return TRUE;
}

gboolean smpctl_cmd_settings_delete(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_settings_delete(session, args[0], error))
		return FALSE;
	smpctl_done(cli, "deleted");
	return TRUE;
}

gboolean smpctl_cmd_settings_commit(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_settings_commit(session, error))
		return FALSE;
	smpctl_done(cli, "committed");
	return TRUE;
}

gboolean smpctl_cmd_settings_load(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_settings_load(session, error))
		return FALSE;
	smpctl_done(cli, "loaded");
	return TRUE;
}

gboolean smpctl_cmd_settings_save(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_settings_save(session, args[0], error))
		return FALSE;
	smpctl_done(cli, "saved");
	return TRUE;
}

static gboolean config_write(Smpctl *cli, SmpSession *session, char **args, GError **error)
{
	gboolean save = !args[1];

	if (!(save ? smp_config_save(session, error)
		   : smp_config_write(session, args[0], args[1], error)))
		return FALSE;
	smpctl_done(cli, save ? "saved" : "written");
	return TRUE;
}

/* Bytes that are no text go out as the Go tool writes them, and to programs in hexadecimal. */
static void print_config(Smpctl *cli, const char *name, GBytes *value)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(value, &size);
	gsize length = size > 0 && data[size - 1] == 0 ? size - 1 : size;
	g_autofree char *text = g_strndup(length ? (const char *)data : "", length);
	gboolean is_text = strlen(text) == length && g_utf8_validate(text, -1, NULL);
	g_autofree char *shown = is_text && length == size ? smpctl_clean(text) : NULL;

	if (!cli->options->json) {
		fputs("Value: ", stdout);
		print_text(shown, data, size);
		return;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	smpctl_json_text(json, "name", name);
	if (is_text)
		smpctl_json_text(json, "value", text);
	else
		smpctl_json_hex(json, "hex", data, size);
	smpctl_json_print(json);
}

/* config NAME, config NAME VALUE, config save */
gboolean smpctl_cmd_config(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session)
		return FALSE;
	if (args[1] || g_str_equal(args[0], "save"))
		return config_write(cli, session, args, error);
	g_autoptr(GBytes) value = smp_config_read(session, args[0], error);
	if (!value)
		return FALSE;
	print_config(cli, args[0], value);
	return TRUE;
}

gboolean smpctl_cmd_storage_erase(Smpctl *cli, char **args, GError **error)
{
	SmpSession *session = smpctl_session(cli, error);

	if (!session || !smp_basic_erase_storage(session, error))
		return FALSE;
	smpctl_done(cli, "erased");
	return TRUE;
}

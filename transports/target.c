/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/target.h"

#include <string.h>

/* What the Go tool's serial connection takes off its mtu before base64 (newtmgr serial_xport.go).
 */
#define GO_SERIAL_OVERHEAD 13

void smp_target_free(SmpTarget *target)
{
	if (!target)
		return;
	g_free(target->scheme);
	g_free(target->address);
	g_hash_table_unref(target->options);
	g_free(target);
}

static SmpTarget *target_new(const char *scheme, gsize scheme_length, const char *address,
			     gsize address_length)
{
	SmpTarget *target = g_new0(SmpTarget, 1);

	target->scheme = g_strndup(scheme, scheme_length);
	target->address = g_strndup(address, address_length);
	target->options = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return target;
}

static gboolean G_GNUC_PRINTF(2, 3) bad_address(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_propagate_error(error,
			  g_error_new_valist(SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS, format, args));
	va_end(args);
	return FALSE;
}

/* What is not text cannot be shown again. */
static gboolean check_text(const char *text, GError **error)
{
	return g_utf8_validate(text, -1, NULL) || bad_address(error, "the target is no UTF-8 text");
}

static gboolean is_path(const char *text)
{
	return text[0] == '/' || g_str_has_prefix(text, "./") || g_str_has_prefix(text, "../");
}

/* `key=value&key=value` */
static gboolean parse_options(SmpTarget *target, const char *text, GError **error)
{
	g_auto(GStrv) pairs = g_strsplit(text, "&", -1);

	for (char **pair = pairs; *pair; pair++) {
		const char *equals = strchr(*pair, '=');
		gsize length = equals ? (gsize)(equals - *pair) : strlen(*pair);
		g_autofree char *key = g_strndup(*pair, length);
		const char *value = equals ? equals + 1 : "";

		if (key[0] == '\0')
			return bad_address(error, "%s: an option after \"?\" is empty",
					   target->address);
		if (g_hash_table_contains(target->options, key))
			return bad_address(error, "%s: option \"%s\" is given twice",
					   target->address, key);
		g_hash_table_insert(target->options, g_steal_pointer(&key), g_strdup(value));
	}
	return TRUE;
}

SmpTarget *smp_target_parse(const char *text, GError **error)
{
	gsize scheme = is_path(text) ? 0 : strspn(text, "abcdefghijklmnopqrstuvwxyz");
	const char *address = text;
	g_autoptr(SmpTarget) target = NULL;

	if (!check_text(text, error))
		return NULL;
	if (!is_path(text)) {
		if (scheme == 0 || text[scheme] != ':') {
			bad_address(error,
				    "\"%s\" is no target: write a path (/dev/ttyACM0) or a scheme "
				    "and an address (udp:192.0.2.7)",
				    text);
			return NULL;
		}
		address = text + scheme + 1;
	}

	gsize length = strcspn(address, "?");
	target = scheme ? target_new(text, scheme, address, length)
			: target_new("serial", strlen("serial"), address, length);
	/* `ble:` is the only board there is. */
	if (length == 0 && !g_str_equal(target->scheme, "ble")) {
		bad_address(error, "%s: nothing stands behind the colon", text);
		return NULL;
	}
	if (address[length] == '?' && !parse_options(target, address + length + 1, error))
		return NULL;
	return g_steal_pointer(&target);
}

static gboolean is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static gboolean bad_connstring(GError **error, const char *what, const char *token)
{
	return bad_address(error, "Invalid serial connstring; %s: %s", what, token);
}

static gboolean add_go_mtu(GHashTable *options, const char *value, GError **error)
{
	guint64 mtu = 0;

	if (!g_ascii_string_to_unsigned(value, 10, 1, SMP_MAX_MTU, &mtu, NULL))
		return bad_connstring(error, "Invalid mtu", value);
	mtu = mtu * 3 / 4;
	if (mtu < SMP_MIN_MTU + GO_SERIAL_OVERHEAD)
		return bad_connstring(error, "mtu too small for a packet", value);
	g_hash_table_replace(options, g_strdup("mtu"),
			     g_strdup_printf("%" G_GUINT64_FORMAT, mtu - GO_SERIAL_OVERHEAD));
	return TRUE;
}

/* The keys of the Go tool; a later one wins, as there. */
static gboolean add_go_pair(SmpTarget *target, const char *key, const char *value, GError **error)
{
	if (g_str_equal(key, "dev")) {
		g_free(target->address);
		target->address = g_strdup(value);
		return TRUE;
	}
	if (g_str_equal(key, "baud")) {
		if (!is_number(value))
			return bad_connstring(error, "Invalid baud", value);
		g_hash_table_replace(target->options, g_strdup("baud"), g_strdup(value));
		return TRUE;
	}
	if (g_str_equal(key, "mtu"))
		return add_go_mtu(target->options, value, error);
	return bad_connstring(error, "Unrecognized key", key);
}

/* `/dev/ttyUSB0,115200`: a token without a key is the device, or the baud rate behind it. */
static gboolean add_go_token(SmpTarget *target, const char *token, GError **error)
{
	const char *equals = strchr(token, '=');

	if (equals) {
		g_autofree char *key = g_strndup(token, (gsize)(equals - token));

		return add_go_pair(target, key, equals + 1, error);
	}
	if (target->address[0] == '\0')
		return add_go_pair(target, "dev", token, error);
	if (is_number(token))
		return add_go_pair(target, "baud", token, error);
	return bad_connstring(error, "More than one device", token);
}

static gboolean parse_go_serial(SmpTarget *target, const char *connstring, GError **error)
{
	g_auto(GStrv) tokens = g_strsplit(connstring, ",", -1);

	for (char **token = tokens; *token; token++) {
		g_strstrip(*token);
		if (**token && !add_go_token(target, *token, error))
			return FALSE;
	}
	if (target->address[0] == '\0')
		return bad_connstring(error, "No device", connstring);
	return TRUE;
}

/* What stands for a key of the Go tool (newtmgr/bll/, newtmgr/config/bll_config.go). */
static const struct {
	const char *key;
	const char *option; /* NULL for the board itself */
} go_ble_keys[] = {
	{"peer_name", NULL},
	{"peer_id", NULL},
	{"ctlr_name", "adapter"},
	{"own_addr_type", "own-address-type"},
	{"conn_timeout", "connect-timeout"},
};

static gboolean bad_ble_connstring(GError **error, const char *what, const char *token)
{
	return bad_address(error, "Invalid BLE connstring; %s: %s", what, token);
}

static gboolean add_ble_pair(SmpTarget *target, const char *key, const char *value, GError **error)
{
	const char *option = NULL;
	guint at = 0;

	while (at < G_N_ELEMENTS(go_ble_keys) && !g_str_equal(go_ble_keys[at].key, key))
		at++;
	if (at == G_N_ELEMENTS(go_ble_keys))
		return bad_ble_connstring(error, "Unrecognized key", key);
	option = go_ble_keys[at].option;
	/* A name goes before an address, wherever it stands. */
	if (g_str_equal(key, "peer_id") && g_hash_table_contains(target->options, "peer_name"))
		return TRUE;
	if (!option) {
		g_hash_table_replace(target->options, g_strdup(key), g_strdup(""));
		g_free(target->address);
		target->address = smp_target_escape_name(value);
		return TRUE;
	}
	/* What the Go tool writes for the first adapter. */
	if (g_str_equal(key, "ctlr_name") && g_str_equal(value, "default"))
		g_hash_table_remove(target->options, option);
	else
		g_hash_table_replace(target->options, g_strdup(option), g_strdup(value));
	return TRUE;
}

/* What does not name the board by its name does so by its address; on Macs, by an identifier that
 * means nothing elsewhere. */
static gboolean check_ble_peer(SmpTarget *target, const char *connstring, GError **error)
{
	gboolean named = g_hash_table_remove(target->options, "peer_name");

	g_hash_table_remove(target->options, "peer_id");
	if (target->address[0] == '\0')
		return bad_ble_connstring(error, "no peer_name and no peer_id", connstring);
	if (named || g_regex_match_simple("^([0-9a-f]{2}:){5}[0-9a-f]{2}$", target->address,
					  G_REGEX_CASELESS, 0))
		return TRUE;
	return bad_ble_connstring(error,
				  "peer_id takes an address (C0:11:22:33:44:55), peer_name a name",
				  target->address);
}

static gboolean parse_go_ble(SmpTarget *target, const char *connstring, GError **error)
{
	g_auto(GStrv) tokens = g_strsplit(connstring, ",", -1);

	for (char **token = tokens; *token; token++) {
		const char *equals = strchr(*token, '=');
		g_autofree char *key = NULL;

		if (**token == '\0')
			continue;
		if (!equals)
			return bad_ble_connstring(error, "expected comma-separated key=value pairs",
						  *token);
		key = g_strndup(*token, (gsize)(equals - *token));
		if (!add_ble_pair(target, g_strstrip(key), equals + 1, error))
			return FALSE;
	}
	return check_ble_peer(target, connstring, error);
}

static gboolean parse_connstring(SmpTarget *target, const char *connstring, GError **error)
{
	static const char *const unsupported[] = {"bhd",	"oic_ble",   "oic_bhd", "oic_udp",
						  "oic_serial", "oic_mtech", NULL};

	if (g_strv_contains(unsupported, target->scheme)) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED,
			    "connection type \"%s\" is not supported; serial, udp and ble are",
			    target->scheme);
		return FALSE;
	}
	if (g_str_equal(target->scheme, "serial"))
		return parse_go_serial(target, connstring, error);
	if (g_str_equal(target->scheme, "ble"))
		return parse_go_ble(target, connstring, error);
	if (!g_str_equal(target->scheme, "udp"))
		return bad_address(error, "invalid conntype: \"%s\"", target->scheme);
	g_free(target->address);
	target->address = g_strdup(connstring);
	return TRUE;
}

SmpTarget *smp_target_parse_connstring(const char *type, const char *connstring, GError **error)
{
	/* Guides in the wild write it so. */
	const char *scheme = g_str_equal(type, "blue") ? "ble" : type;
	g_autoptr(SmpTarget) target = target_new(scheme, strlen(scheme), "", 0);

	if (!check_text(type, error) || !check_text(connstring, error) ||
	    !parse_connstring(target, connstring, error))
		return NULL;
	if (strchr(target->address, '?')) {
		bad_address(error, "%s: a connection string has no \"?\"", connstring);
		return NULL;
	}
	return g_steal_pointer(&target);
}

char *smp_target_escape_name(const char *name)
{
	GString *text = g_string_new(NULL);

	for (; *name; name++) {
		if (strchr("?%*", *name))
			g_string_append_printf(text, "%%%02X", (guint8)*name);
		else
			g_string_append_c(text, *name);
	}
	return g_string_free(text, FALSE);
}

char *smp_target_format(const char *scheme, const char *address, GHashTable *options)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(options), (GCompareFunc)strcmp);
	char separator = '?';

	if (keys || !g_str_equal(scheme, "serial") || !is_path(address))
		g_string_append_printf(text, "%s:", scheme);
	g_string_append(text, address);
	for (GList *key = keys; key; key = key->next) {
		const char *value = g_hash_table_lookup(options, key->data);

		g_string_append_printf(text, "%c%s", separator, (const char *)key->data);
		if (value[0] != '\0')
			g_string_append_printf(text, "=%s", value);
		separator = '&';
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Splits `host:port` and `[host]:port`; @port stays NULL where there is none. */
static gboolean split_host_port(const char *text, char **host, const char **port, GError **error)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');

	if (text[0] == '[') {
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return bad_address(error,
					   "%s: an address in brackets is written [ADDRESS]:PORT",
					   text);
		*host = g_strndup(text + 1, (gsize)(end - text - 1));
		end++;
	} else {
		if (end && strchr(end + 1, ':'))
			return bad_address(error,
					   "%s: an IPv6 address is written in brackets: [%s]", text,
					   text);
		*host = end ? g_strndup(text, (gsize)(end - text)) : g_strdup(text);
	}
	*port = end && *end == ':' ? end + 1 : NULL;
	return TRUE;
}

gboolean smp_host_port_parse(const char *text, char **host, guint16 *port, GError **error)
{
	g_autofree char *name = NULL;
	const char *digits = NULL;
	guint64 number = SMP_UDP_PORT;

	if (!split_host_port(text, &name, &digits, error))
		return FALSE;
	if (name[0] == '\0')
		return bad_address(error, "%s: the host is missing", text);
	if (strpbrk(name, "[]"))
		return bad_address(error, "%s: there is a bracket in the host", text);
	if (digits && !g_ascii_string_to_unsigned(digits, 10, 1, G_MAXUINT16, &number, NULL))
		return bad_address(error, "%s: a port is a number from 1 to 65535", text);
	*host = g_steal_pointer(&name);
	*port = (guint16)number;
	return TRUE;
}

gboolean smp_target_get_number(GHashTable *options, const char *key, guint64 min, guint64 max,
			       guint64 *value, GError **error)
{
	const char *text = g_hash_table_lookup(options, key);

	if (!text || g_ascii_string_to_unsigned(text, 10, min, max, value, NULL))
		return TRUE;
	return bad_address(
		error, "%s=%s: it takes a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
		key, text, min, max);
}

gboolean smp_target_get_mtu(GHashTable *options, gsize *mtu, GError **error)
{
	guint64 value = 0;

	if (!smp_target_get_number(options, "mtu", SMP_MIN_MTU, SMP_MAX_MTU, &value, error))
		return FALSE;
	*mtu = (gsize)value;
	return TRUE;
}

gboolean smp_target_check_options(GHashTable *options, const char *const *known, GError **error)
{
	GHashTableIter iter;
	gpointer key = NULL;

	g_hash_table_iter_init(&iter, options);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		if (!g_strv_contains(known, key)) {
			g_autofree char *list = g_strjoinv(", ", (char **)known);

			return bad_address(error, "there is no option \"%s\"; known are %s",
					   (const char *)key, list);
		}
	}
	return TRUE;
}

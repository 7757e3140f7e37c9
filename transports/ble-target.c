/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transports/ble-target.h"

#include "transports/target.h"

#include <bluetooth/bluetooth.h>
#include <string.h>

#define CONNECT_SECONDS 20

void smp_ble_target_free(SmpBleTarget *target)
{
	if (!target)
		return;
	g_free(target->text);
	g_free(target->adapter);
	g_free(target->address_type);
	g_free(target->own_address_type);
	g_free(target);
}

static gboolean fail(GError **error, const char *key, const char *value, const char *wanted)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS, "%s=%s: it takes %s", key, value,
		    wanted);
	return FALSE;
}

/* "100%" is a name, too. */
static char *unescape_name(const char *text)
{
	char *name = g_uri_unescape_string(text, NULL);

	return name ? name : g_strdup(text);
}

static gboolean parse_address(SmpBleTarget *target, const char *text, GError **error)
{
	bdaddr_t address;

	if (bachk(text) == 0 && str2ba(text, &address) == 0) {
		target->kind = SMP_BLE_ADDRESS;
		target->text = g_ascii_strup(text, -1);
		return TRUE;
	}
	if (*text == '\0') {
		target->kind = SMP_BLE_ANY;
		return TRUE;
	}
	gsize length = strlen(text);
	gboolean prefix = text[length - 1] == '*';
	g_autofree char *escaped = g_strndup(text, length - prefix);

	target->kind = prefix ? SMP_BLE_PREFIX : SMP_BLE_NAME;
	target->text = unescape_name(escaped);
	if (target->text[0] != '\0' && g_utf8_validate(target->text, -1, NULL))
		return TRUE;
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_ADDRESS,
		    "ble:%s: no name stands before the asterisk; for the only board there is write "
		    "ble:",
		    text);
	return FALSE;
}

static gboolean get_choice(GHashTable *options, const char *key, const char *const words[3],
			   SmpBleChoice *choice, GError **error)
{
	const char *value = g_hash_table_lookup(options, key);
	g_autofree char *all = NULL;

	if (!value)
		return TRUE;
	for (guint i = 0; i < 3; i++) {
		if (g_str_equal(value, words[i])) {
			*choice = (SmpBleChoice)i;
			return TRUE;
		}
	}
	all = g_strdup_printf("one of %s, %s, %s", words[0], words[1], words[2]);
	return fail(error, key, value, all);
}

static gboolean get_word(GHashTable *options, const char *key, const char *const *words,
			 char **word, GError **error)
{
	const char *value = g_hash_table_lookup(options, key);
	g_autofree char *all = NULL;

	if (!value)
		return TRUE;
	all = g_strjoinv(" or ", (char **)words);
	if (!g_strv_contains(words, value))
		return fail(error, key, value, all);
	*word = g_strdup(value);
	return TRUE;
}

static gboolean get_adapter(GHashTable *options, char **adapter, GError **error)
{
	const char *value = g_hash_table_lookup(options, "adapter");
	guint64 number = 0;

	if (!value)
		return TRUE;
	if (!g_str_has_prefix(value, "hci") ||
	    !g_ascii_string_to_unsigned(value + 3, 10, 0, 255, &number, NULL))
		return fail(error, "adapter", value, "hci0, hci1 and so on");
	*adapter = g_strdup(value);
	return TRUE;
}

static gboolean parse_options(SmpBleTarget *target, GHashTable *options, GError **error)
{
	static const char *const known[] = {"adapter",
					    "address-type",
					    "own-address-type",
					    "connect-timeout",
					    "interval",
					    "keep",
					    "mtu",
					    "pair",
					    "reassembly",
					    NULL};
	static const char *const types[] = {"public", "random", NULL};
	static const char *const own_types[] = {"public", "random", "rpa_pub", "rpa_rnd", NULL};
	static const char *const pair[] = {"auto", "yes", "no"};
	static const char *const reassembly[] = {"auto", "on", "off"};
	static const char *const yes[] = {"yes", NULL};
	static const char *const fast[] = {"fast", NULL};
	g_autofree char *keep = NULL;
	g_autofree char *interval = NULL;
	guint64 seconds = CONNECT_SECONDS;

	if (!smp_target_check_options(options, known, error) ||
	    !smp_target_get_mtu(options, &target->mtu, error) ||
	    !smp_target_get_number(options, "connect-timeout", 1, 3600, &seconds, error) ||
	    !get_adapter(options, &target->adapter, error) ||
	    !get_word(options, "address-type", types, &target->address_type, error) ||
	    !get_word(options, "own-address-type", own_types, &target->own_address_type, error) ||
	    !get_word(options, "keep", yes, &keep, error) ||
	    !get_word(options, "interval", fast, &interval, error) ||
	    !get_choice(options, "pair", pair, &target->pair, error) ||
	    !get_choice(options, "reassembly", reassembly, &target->reassembly, error))
		return FALSE;
	target->connect_time = (gint64)seconds * G_USEC_PER_SEC;
	target->keep = keep != NULL;
	target->fast = interval != NULL;
	return TRUE;
}

SmpBleTarget *smp_ble_target_new(const char *address, GHashTable *options, GError **error)
{
	g_autoptr(SmpBleTarget) target = g_new0(SmpBleTarget, 1);

	if (!parse_address(target, address, error) || !parse_options(target, options, error))
		return NULL;
	return g_steal_pointer(&target);
}

char *smp_ble_target_format(const SmpBleTarget *target, GHashTable *options)
{
	g_autofree char *name = smp_target_escape_name(target->text ? target->text : "");
	g_autofree char *address =
		g_strconcat(name, target->kind == SMP_BLE_PREFIX ? "*" : "", NULL);

	return smp_target_format("ble", address, options);
}

gboolean smp_ble_target_matches(const SmpBleTarget *target, const char *name, const char *address,
				const char *address_type)
{
	if (target->address_type && g_strcmp0(address_type, target->address_type) != 0)
		return FALSE;
	switch (target->kind) {
	case SMP_BLE_ADDRESS:
		return g_strcmp0(address, target->text) == 0;
	case SMP_BLE_NAME:
		return g_strcmp0(name, target->text) == 0;
	case SMP_BLE_PREFIX:
		return name && g_str_has_prefix(name, target->text);
	case SMP_BLE_ANY:
		break;
	}
	return TRUE;
}

static gboolean is_plain(gunichar character)
{
	switch (g_unichar_type(character)) {
	case G_UNICODE_CONTROL:
	case G_UNICODE_FORMAT:
	case G_UNICODE_LINE_SEPARATOR:
	case G_UNICODE_PARAGRAPH_SEPARATOR:
		return FALSE;
	default:
		return TRUE;
	}
}

char *smp_ble_plain_name(const char *name)
{
	g_autofree char *valid = name ? g_utf8_make_valid(name, -1) : NULL;
	GString *plain = g_string_new(NULL);

	for (const char *c = valid; c && *c; c = g_utf8_next_char(c)) {
		gunichar character = g_utf8_get_char(c);
		g_string_append_unichar(plain, is_plain(character) ? character : '?');
	}
	return g_string_free(plain, !name);
}

gboolean smp_ble_address_is_private(const char *address)
{
	bdaddr_t parsed;

	return str2ba(address, &parsed) == 0 && (parsed.b[5] & 0xc0) != 0xc0;
}

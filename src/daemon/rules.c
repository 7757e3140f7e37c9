/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The values of the configuration's keys. */

#include "daemon/rules.h"
#include "daemon/names.h"

#include <smp/link.h>
#include <string.h>

#define DEFAULT_RETRIES	       3
#define DEFAULT_BACKOFF	       60
#define DEFAULT_HEALTH_TIMEOUT 60
#define DEFAULT_UDP_POLL       60
#define MAX_NAME	       64

static gboolean bad(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean bad(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_propagate_error(
		error, g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, args));
	va_end(args);
	return FALSE;
}

static gboolean set_text(char **where, const char *value)
{
	g_free(*where);
	*where = g_strdup(value);
	return TRUE;
}

static gboolean set_number(guint *where, const char *value, guint least, guint most, GError **error)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(value, 10, least, most, &number, NULL))
		return bad(error, "\"%s\" is no number from %u to %u", value, least, most);
	*where = (guint)number;
	return TRUE;
}

/* "90", "90s", "15min", "2h", "1d" */
static gboolean set_time(guint *where, const char *value, GError **error)
{
	static const struct {
		const char *unit;
		guint seconds;
	} units[] = {{"", 1}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	gsize digits = strspn(value, "0123456789");
	g_autofree char *number = g_strndup(value, digits);
	const char *unit = value + digits + strspn(value + digits, " ");
	guint64 count;

	for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
		if (g_str_equal(unit, units[i].unit) &&
		    g_ascii_string_to_unsigned(number, 10, 0, G_MAXINT / 86400, &count, NULL)) {
			*where = (guint)count * units[i].seconds;
			return TRUE;
		}
	}
	return bad(error, "\"%s\" is no time: write 90s, 15min, 2h or 1d", value);
}

static char **split_list(const char *value)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) parts = g_strsplit_set(value, ", \t", -1);

	for (char **part = parts; *part; part++) {
		if (**part)
			g_strv_builder_add(builder, *part);
	}
	return g_strv_builder_end(builder);
}

/* ---- what is to run ---- */

static gboolean set_firmware(gpointer record, const char *value, GError **error)
{
	SmpdRules *rules = record;

	if (!g_path_is_absolute(value) && *value)
		return bad(error, "\"%s\" is no absolute path", value);
	return set_text(&rules->firmware, *value ? value : NULL);
}

static gboolean set_mode(gpointer record, const char *value, GError **error)
{
	SmpdRules *rules = record;

	return smp_update_mode_parse(value, &rules->mode) ||
	       bad(error, "\"%s\" is no mode: test-and-confirm, confirm, test-only, upload-only",
		   value);
}

static gboolean set_health_check(gpointer record, const char *value, GError **error G_GNUC_UNUSED)
{
	SmpdRules *rules = record;
	return set_text(&rules->health_check, *value ? value : NULL);
}

static gboolean set_health_timeout(gpointer record, const char *value, GError **error)
{
	SmpdRules *rules = record;
	return set_time(&rules->health_timeout, value, error);
}

static gboolean set_window(gpointer record, const char *value, GError **error)
{
	SmpdRules *rules = record;

	g_clear_pointer(&rules->windows, g_array_unref);
	if (*value)
		rules->windows = smpd_windows_parse(value, error);
	return !*value || rules->windows;
}

static gboolean set_retries(gpointer record, const char *value, GError **error)
{
	SmpdRules *rules = record;
	return set_number(&rules->retries, value, 0, 1000, error);
}

static gboolean set_backoff(gpointer record, const char *value, GError **error)
{
	SmpdRules *rules = record;
	return set_time(&rules->backoff, value, error);
}

static gboolean set_keys(gpointer record, const char *value, GError **error)
{
	SmpdRules *rules = record;

	g_strfreev(rules->keys);
	rules->keys = split_list(value);
	for (char **key = rules->keys; *key; key++) {
		if (!g_path_is_absolute(*key) && !g_str_has_prefix(*key, "keyhash:"))
			return bad(error, "\"%s\" is neither an absolute path nor keyhash:…", *key);
	}
	return TRUE;
}

gboolean smpd_allow_parse(const char *const *names, guint *allow, const char **unknown)
{
	for (; *names; names++) {
		guint bit = 1;
		while (bit < SMP_INTERLOCK_CONCURRENT &&
		       !g_str_equal(*names, smp_interlock_name((SmpInterlock)bit)))
			bit <<= 1;
		/* The daemon itself keeps updates of a board apart. */
		if (bit == SMP_INTERLOCK_CONCURRENT) {
			*unknown = *names;
			return FALSE;
		}
		*allow |= bit;
	}
	return TRUE;
}

static gboolean set_allow(gpointer record, const char *value, GError **error)
{
	SmpdRules *rules = record;
	g_auto(GStrv) names = split_list(value);
	const char *unknown = NULL;

	rules->allow = 0;
	return smpd_allow_parse((const char *const *)names, &rules->allow, &unknown) ||
	       bad(error, "\"%s\" is nothing that could be allowed", unknown);
}

const SmpdKey smpd_rule_keys[] = {
	{"firmware", set_firmware},
	{"mode", set_mode},
	{"health-check", set_health_check},
	{"health-timeout", set_health_timeout},
	{"window", set_window},
	{"retries", set_retries},
	{"backoff", set_backoff},
	{"keys", set_keys},
	{"allow", set_allow},
	{NULL},
};

void smpd_rules_init(SmpdRules *rules)
{
	*rules = (SmpdRules){
		.retries = DEFAULT_RETRIES,
		.backoff = DEFAULT_BACKOFF,
		.health_timeout = DEFAULT_HEALTH_TIMEOUT,
	};
}

void smpd_rules_clear(SmpdRules *rules)
{
	g_free(rules->firmware);
	g_free(rules->health_check);
	g_clear_pointer(&rules->windows, g_array_unref);
	g_strfreev(rules->keys);
}

/* ---- which board ---- */

gboolean smpd_name_check(const char *name, GError **error)
{
	if (*name && strlen(name) <= MAX_NAME && name[0] != '.' &&
	    !name[strspn(name, SMPD_NAME_CHARACTERS)])
		return TRUE;
	return bad(error,
		   "\"%.100s\" is no name: letters, digits, dots, hyphens and underscores, at "
		   "most %d",
		   name, MAX_NAME);
}

gboolean smpd_target_check(const char *target, GError **error)
{
	g_autoptr(SmpLink) link = NULL;

	if (g_str_has_prefix(target, "sim:"))
		return bad(error,
			   "%s would start a program; give the board that smpsim has "
			   "started",
			   target);
	link = smp_link_new(target, error);
	return link != NULL;
}

static gboolean set_uri(gpointer record, const char *value, GError **error)
{
	SmpdTarget *target = record;
	return smpd_target_check(value, error) && set_text(&target->target, value);
}

static gboolean set_prefixed(gpointer record, const char *prefix, const char *value, GError **error)
{
	g_autofree char *uri = g_strconcat(prefix, value, NULL);
	return set_uri(record, uri, error);
}

static gboolean set_ble(gpointer record, const char *value, GError **error)
{
	return set_prefixed(record, "ble:", value, error);
}

static gboolean set_udp(gpointer record, const char *value, GError **error)
{
	return set_prefixed(record, "udp:", value, error);
}

static gboolean is_hex(const char *text, gsize length)
{
	return strlen(text) == length && text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

static gboolean set_usb(char **where, const char *value, gsize digits, GError **error)
{
	if (!is_hex(value, digits))
		return bad(error, "\"%s\" is no number of %u hexadecimal digits", value,
			   (guint)digits);
	g_free(*where);
	*where = g_ascii_strdown(value, -1);
	return TRUE;
}

static gboolean set_vendor(gpointer record, const char *value, GError **error)
{
	return set_usb(&((SmpdTarget *)record)->vendor, value, 4, error);
}

static gboolean set_product(gpointer record, const char *value, GError **error)
{
	return set_usb(&((SmpdTarget *)record)->product, value, 4, error);
}

static gboolean set_interface(gpointer record, const char *value, GError **error)
{
	return set_usb(&((SmpdTarget *)record)->interface, value, 2, error);
}

static gboolean set_serial(gpointer record, const char *value, GError **error)
{
	return *value ? set_text(&((SmpdTarget *)record)->serial, value)
		      : bad(error, "a serial number is missing");
}

static gboolean set_group(gpointer record, const char *value, GError **error)
{
	return smpd_name_check(value, error) && set_text(&((SmpdTarget *)record)->group, value);
}

static gboolean set_group_parallel(gpointer record, const char *value, GError **error)
{
	return set_number(&((SmpdTarget *)record)->group_parallel, value, 1, 10000, error);
}

static gboolean set_poll(gpointer record, const char *value, GError **error)
{
	return set_time(&((SmpdTarget *)record)->poll, value, error);
}

const SmpdKey smpd_target_keys[] = {
	{"uri", set_uri},
	{"ble", set_ble},
	{"udp", set_udp},
	{"usb-vendor", set_vendor},
	{"usb-product", set_product},
	{"usb-serial", set_serial},
	{"usb-interface", set_interface},
	{"group", set_group},
	{"max-parallel", set_group_parallel},
	{"poll", set_poll},
	{NULL},
};

char *smpd_usb_target(const char *vendor, const char *product, const char *serial,
		      const char *interface)
{
	return g_strdup_printf("usb:%s:%s:%s%s%s", vendor, product, serial, interface ? ":" : "",
			       interface ? interface : "");
}

gboolean smpd_target_complete(SmpdTarget *target, GError **error)
{
	gboolean usb = target->vendor || target->product || target->serial || target->interface;

	if (usb == (target->target != NULL))
		return bad(error, usb ? "both an address and USB numbers are given"
				      : "uri=, udp=, ble= or usb-vendor= and usb-product= is "
					"missing");
	if (usb && (!target->vendor || !target->product))
		return bad(error, "usb-vendor= and usb-product= belong together");
	if (usb && target->serial) {
		target->target = smpd_usb_target(target->vendor, target->product, target->serial,
						 target->interface);
		if (!smpd_target_check(target->target, error))
			return FALSE;
	}
	if (target->poll == G_MAXUINT)
		target->poll = target->target && g_str_has_prefix(target->target, "udp:")
				       ? DEFAULT_UDP_POLL
				       : 0;
	return TRUE;
}

/* ---- the daemon itself ---- */

static gboolean set_max_parallel(gpointer record, const char *value, GError **error)
{
	return set_number(&((SmpdConfiguration *)record)->max_parallel, value, 1, 10000, error);
}

static gboolean set_per_bus(gpointer record, const char *value, GError **error)
{
	return set_number(&((SmpdConfiguration *)record)->per_bus, value, 1, 10000, error);
}

static gboolean set_rate(gpointer record, const char *value, GError **error)
{
	return set_number(&((SmpdConfiguration *)record)->rate, value, 0, 1000000, error);
}

static gboolean set_keep_jobs(gpointer record, const char *value, GError **error)
{
	return set_number(&((SmpdConfiguration *)record)->keep_jobs, value, 1, 10000, error);
}

const SmpdKey smpd_daemon_keys[] = {
	{"max-parallel", set_max_parallel},
	{"per-bus", set_per_bus},
	{"rate", set_rate},
	{"keep-jobs", set_keep_jobs},
	{NULL},
};

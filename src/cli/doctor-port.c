/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way to the board: is there a port, may it be opened, who has it, is there an adapter. What is
 * wrong with it the links know to say; here stands what else a person needs to put it right. */

#include "doctor.h"

#include <stdlib.h>
#include <string.h>

#define MODEM_MANAGER "ModemManager"

static const char *name_of(SmpLink *link)
{
	const char *target = smp_link_get_target(link);

	if (g_str_has_prefix(target, "udp:"))
		return "network";
	return g_str_has_prefix(target, "ble:") ? "bluetooth" : "port";
}

/* The name of a program is there for all to read, unlike what it has open. */
static gboolean is_running(const char *name)
{
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *entry;

	while (dir && (entry = g_dir_read_name(dir))) {
		g_autofree char *path = g_strdup_printf("/proc/%s/comm", entry);
		g_autofree char *comm = NULL;

		if (g_ascii_isdigit(*entry) && g_file_get_contents(path, &comm, NULL, NULL) &&
		    g_str_equal(g_strchomp(comm), name))
			return TRUE;
	}
	return FALSE;
}

/* mmcli takes the device by its path in sysfs as long as it runs. */
static char *inhibit_text(const SmpPort *port)
{
	g_autofree char *device =
		port ? g_build_filename("/sys/bus/usb/devices", port->usb_port, NULL) : NULL;
	g_autofree char *path = device ? realpath(device, NULL) : NULL;

	return g_strdup_printf("`mmcli --inhibit-device=%s` keeps it away while it runs",
			       path ? path : "UID");
}

/* Source: ModemManager's documentation of its udev tags. */
static char *modem_hint(const SmpPort *port)
{
	g_autofree char *inhibit = inhibit_text(port);

	return g_strdup_printf("ModemManager takes new ports for modems and talks to them. %s;\n"
			       "for good: a file /etc/udev/rules.d/78-smp.rules with the line\n"
			       "  ATTRS{idVendor}==\"%s\", ATTRS{idProduct}==\"%s\", "
			       "ENV{ID_MM_DEVICE_IGNORE}=\"1\"\n"
			       "then `sudo udevadm control --reload`, and plug the board in again.",
			       inhibit, port ? port->vendor_id : "VVVV",
			       port ? port->product_id : "PPPP");
}

/* The ports that there are instead. */
static char *ports_hint(JsonBuilder *json)
{
	g_autoptr(GPtrArray) ports = smp_ports_list(NULL);
	g_autoptr(GString) text = g_string_new(NULL);

	if (!ports || ports->len == 0)
		return g_strdup("There are no serial ports at all. Is the board plugged in, by a "
				"cable that has data lines?");
	g_string_append(text, "There are:");
	json_builder_set_member_name(json, "ports");
	json_builder_begin_array(json);
	for (guint i = 0; i < ports->len; i++) {
		const SmpPort *port = g_ptr_array_index(ports, i);
		g_autofree char *what = smpctl_port_text(ports, port);

		g_string_append_printf(text, "\n  %-15s %s", port->device, what);
		json_builder_add_string_value(json, port->device);
	}
	json_builder_end_array(json);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean is_serial(SmpLink *link)
{
	return g_str_equal(name_of(link), "port") &&
	       !g_str_has_prefix(smp_link_get_target(link), "sim:");
}

/* Another user's programs have no name here, but one that takes ports is known by its own. */
static gboolean is_modem_manager(const GError *busy)
{
	return strstr(busy->message, " held by " MODEM_MANAGER) ||
	       (strstr(busy->message, "another user") && is_running(MODEM_MANAGER));
}

/* What can be done about it where the link's message does not say. */
static char *open_hint(Smpctl *cli, const GError *failed, JsonBuilder *json)
{
	if (failed->domain == SMPCTL_DAEMON_ERROR)
		return g_steal_pointer(&cli->state);
	if (g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_BUSY) &&
	    is_modem_manager(failed)) {
		g_autoptr(SmpPort) port = smp_link_get_port(cli->link);
		return modem_hint(port);
	}
	if (is_serial(cli->link) &&
	    (g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_NOT_FOUND) ||
	     g_error_matches(failed, SMP_LINK_ERROR, SMP_LINK_ERROR_CLOSED)))
		return ports_hint(json);
	return NULL;
}

/* What it is that was opened. */
static char *describe(SmpLink *link)
{
	g_autofree char *kind = smp_link_describe(link);
	g_autoptr(SmpPort) port = smp_link_get_port(link);
	g_autoptr(GPtrArray) ports = port ? smp_ports_list(NULL) : NULL;
	g_autofree char *what = ports ? smpctl_port_text(ports, port) : NULL;
	const char *target = smp_link_get_target(link);

	return g_strdup_printf("%s%s%s, %s", target, what ? ": " : "", what ? what : "", kind);
}

static void tell_open(SmpctlDoctor *doctor, const char *name)
{
	SmpLink *link = doctor->cli->link;
	g_autofree char *text = describe(link);
	g_autoptr(SmpPort) port = smp_link_get_port(link);
	SmpctlCheck check = {.name = name, .text = text};

	smpctl_doctor_tell(doctor, &check);
	if (!port || !port->modem || !is_running(MODEM_MANAGER))
		return;
	g_autofree char *hint = modem_hint(port);
	check = (SmpctlCheck){
		.name = "modem",
		.finding = SMPCTL_CHECK_NOTE,
		.text = "ModemManager runs and may take this port when the board is plugged in",
		.hint = hint,
	};
	smpctl_doctor_tell(doctor, &check);
}

gboolean smpctl_doctor_port(SmpctlDoctor *doctor)
{
	Smpctl *cli = doctor->cli;
	const char *name = name_of(cli->link);
	g_autoptr(GError) failed = NULL;

	smpctl_doctor_doing(doctor, name, "opening it");
	if (smpctl_open_link(cli, &failed)) {
		tell_open(doctor, name);
		return TRUE;
	}
	g_autoptr(JsonBuilder) json = smpctl_json_begin();
	g_autofree char *hint = open_hint(cli, failed, json);
	smpctl_doctor_tell_error(doctor, name, failed, hint, json);
	return FALSE;
}

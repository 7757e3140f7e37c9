/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/hotplug.h"
#include "daemon/device.h"
#include "daemon/job.h"
#include "daemon/names.h"
#include "daemon/queue.h"

#include "config.h"

#include <string.h>

#if HAVE_SERIAL

#include <glib-unix.h>
#include <libudev.h>
#include <stdlib.h>

typedef struct udev SmpdUdev;
typedef struct udev_device SmpdUdevDevice;
typedef struct udev_enumerate SmpdUdevEnumerate;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpdUdev, udev_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpdUdevDevice, udev_device_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpdUdevEnumerate, udev_enumerate_unref)

/**
 * SmpdHotplug:
 * @ports: (element-type utf8 utf8): name of the device of each port that has one, by the port's
 *   path in sysfs: a port that is gone tells nothing else
 */
struct SmpdHotplug {
	SmpdDaemon *daemon;
	SmpdUdev *udev;
	struct udev_monitor *monitor;
	guint source;
	GHashTable *ports;
};

/* What of a port matters. Borrowed from udev. */
typedef struct {
	const char *node;
	const char *sysfs;
	const char *vendor;
	const char *product;
	const char *serial;
	const char *interface;
	const char *usb_port;
	gboolean marked;
} Port;

static gboolean read_port(SmpdUdevDevice *device, Port *port)
{
	SmpdUdevDevice *interface =
		udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_interface");
	SmpdUdevDevice *usb =
		udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_device");

	*port = (Port){
		.node = udev_device_get_devnode(device),
		.sysfs = udev_device_get_syspath(device),
		.marked =
			g_strcmp0(udev_device_get_property_value(device, SMPD_UDEV_MARK), "1") == 0,
	};
	if (!port->node || !port->sysfs || !udev_device_get_parent(device))
		return FALSE;
	if (interface && usb) {
		port->interface = udev_device_get_sysattr_value(interface, "bInterfaceNumber");
		port->vendor = udev_device_get_sysattr_value(usb, "idVendor");
		port->product = udev_device_get_sysattr_value(usb, "idProduct");
		port->serial = udev_device_get_sysattr_value(usb, "serial");
		port->usb_port = udev_device_get_sysname(usb);
	}
	return TRUE;
}

static gboolean fits(const char *wanted, const char *found)
{
	return !wanted || g_strcmp0(wanted, found) == 0;
}

/* A target names a port by its USB numbers, or by a path that leads to its node. */
static gboolean matches(const SmpdTarget *target, const Port *port)
{
	if (target->vendor)
		return fits(target->vendor, port->vendor) && fits(target->product, port->product) &&
		       fits(target->serial, port->serial) &&
		       fits(target->interface, port->interface);
	if (!target->target)
		return FALSE;
	const char *path = strchr(target->target, '/');
	g_autofree char *file = path ? g_strndup(path, strcspn(path, "?")) : NULL;
	char *real = file ? realpath(file, NULL) : NULL;
	gboolean same = g_strcmp0(real, port->node) == 0;
	free(real);
	return same;
}

static const SmpdTarget *find_target(const SmpdHotplug *hotplug, const Port *port)
{
	const SmpdConfiguration *configuration = hotplug->daemon->configuration;

	for (guint i = 0; i < configuration->targets->len; i++) {
		const SmpdTarget *target = g_ptr_array_index(configuration->targets, i);
		if (matches(target, port))
			return target;
	}
	return port->marked ? configuration->marked : NULL;
}

/* What tells this port from others of its kind, as part of a name. */
static char *port_name(const SmpdTarget *target, const Port *port)
{
	const char *base = strrchr(port->node, '/') + 1;
	const char *which = port->serial ? port->serial : port->usb_port ? port->usb_port : base;
	g_autofree char *short_serial = g_strndup(which, 40);

	g_strcanon(short_serial, SMPD_NAME_CHARACTERS, '_');
	return g_strdup_printf("%.20s-%s", target->name, short_serial);
}

static char *port_target(const Port *port)
{
	g_autofree char *usb = port->vendor && port->product && port->serial
				       ? smpd_usb_target(port->vendor, port->product, port->serial,
							 port->interface)
				       : NULL;

	if (usb && smpd_target_check(usb, NULL))
		return g_steal_pointer(&usb);
	return g_strdup_printf("serial:%s", port->node);
}

/* A board of a kind: its rules are the kind's. */
static SmpdDevice *add_board(SmpdHotplug *hotplug, const SmpdTarget *kind, const Port *port)
{
	g_autofree char *name = port_name(kind, port);
	g_autofree char *uri = port_target(port);
	SmpdDevice *device = smpd_device_find(hotplug->daemon, name);

	if (device)
		return device;
	g_autoptr(SmpdTarget) target = smpd_target_of_kind(kind, name, uri);
	device = smpd_device_new(hotplug->daemon, target);
	device->dynamic = TRUE;
	return device;
}

static void set_bus(SmpdDevice *device, const Port *port)
{
	gsize length = port->usb_port ? strcspn(port->usb_port, "-") : 0;

	if (length == 0)
		return;
	g_free(device->bus_name);
	device->bus_name = g_strdup_printf("usb%.*s", (int)length, port->usb_port);
}

static void port_came(SmpdHotplug *hotplug, const Port *port)
{
	const SmpdTarget *target = find_target(hotplug, port);

	if (!target)
		return;
	SmpdDevice *device = target->target ? smpd_device_find(hotplug->daemon, target->name)
					    : add_board(hotplug, target, port);
	if (!device)
		return;
	g_hash_table_insert(hotplug->ports, g_strdup(port->sysfs),
			    g_strdup(smpd_device_name(device)));
	set_bus(device, port);
	smpd_device_set_present(device, TRUE);
	if (device->job)
		smpd_queue_soon(device->job);
}

static void port_went(SmpdHotplug *hotplug, const char *sysfs)
{
	const char *name = g_hash_table_lookup(hotplug->ports, sysfs);
	SmpdDevice *device = name ? smpd_device_find(hotplug->daemon, name) : NULL;

	/* A board that is being updated is away for a moment only. */
	if (device && !(device->job && smpd_job_is_running(device->job)))
		smpd_device_set_present(device, FALSE);
	g_hash_table_remove(hotplug->ports, sysfs);
}

static gboolean on_event(int fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	SmpdHotplug *hotplug = data;
	g_autoptr(SmpdUdevDevice) device = udev_monitor_receive_device(hotplug->monitor);
	const char *action = device ? udev_device_get_action(device) : NULL;
	Port port;

	if (!action)
		return G_SOURCE_CONTINUE;
	if (g_str_equal(action, "remove"))
		port_went(hotplug, udev_device_get_syspath(device));
	else if (!g_hash_table_contains(hotplug->ports, udev_device_get_syspath(device)) &&
		 read_port(device, &port))
		port_came(hotplug, &port);
	return G_SOURCE_CONTINUE;
}

static void watch(SmpdHotplug *hotplug)
{
	hotplug->monitor = udev_monitor_new_from_netlink(hotplug->udev, "udev");
	if (!hotplug->monitor ||
	    udev_monitor_filter_add_match_subsystem_devtype(hotplug->monitor, "tty", NULL) < 0 ||
	    udev_monitor_enable_receiving(hotplug->monitor) < 0) {
		g_warning("udev does not tell of new ports; Rescan finds them");
		return;
	}
	hotplug->source =
		g_unix_fd_add(udev_monitor_get_fd(hotplug->monitor), G_IO_IN, on_event, hotplug);
}

SmpdHotplug *smpd_hotplug_new(SmpdDaemon *daemon)
{
	SmpdHotplug *hotplug = g_new0(SmpdHotplug, 1);

	hotplug->daemon = daemon;
	hotplug->ports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	hotplug->udev = udev_new();
	if (hotplug->udev)
		watch(hotplug);
	return hotplug;
}

void smpd_hotplug_free(SmpdHotplug *hotplug)
{
	g_clear_handle_id(&hotplug->source, g_source_remove);
	udev_monitor_unref(hotplug->monitor);
	udev_unref(hotplug->udev);
	g_hash_table_unref(hotplug->ports);
	g_free(hotplug);
}

void smpd_hotplug_scan(SmpdHotplug *hotplug)
{
	g_autoptr(SmpdUdevEnumerate) ttys =
		hotplug->udev ? udev_enumerate_new(hotplug->udev) : NULL;

	if (!ttys || udev_enumerate_add_match_subsystem(ttys, "tty") < 0 ||
	    udev_enumerate_scan_devices(ttys) < 0)
		return;
	struct udev_list_entry *at = udev_enumerate_get_list_entry(ttys);
	for (; at; at = udev_list_entry_get_next(at)) {
		g_autoptr(SmpdUdevDevice) device =
			udev_device_new_from_syspath(hotplug->udev, udev_list_entry_get_name(at));
		Port port;
		if (device && read_port(device, &port))
			port_came(hotplug, &port);
	}
}

#else

SmpdHotplug *smpd_hotplug_new(SmpdDaemon *daemon G_GNUC_UNUSED)
{
	return NULL;
}

void smpd_hotplug_free(SmpdHotplug *hotplug G_GNUC_UNUSED)
{
}

void smpd_hotplug_scan(SmpdHotplug *hotplug G_GNUC_UNUSED)
{
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Serial ports as udev and sysfs know them. USB identity is read from sysfs, not from udev's
 * database, which is empty in containers. */

#include <smp/ports.h>

#include "config.h"

#include <string.h>

void smp_port_free(SmpPort *port)
{
	if (!port)
		return;
	g_free(port->device);
	g_free(port->by_id);
	g_free(port->vendor);
	g_free(port->product);
	g_free(port->vendor_id);
	g_free(port->product_id);
	g_free(port->serial);
	g_free(port->interface);
	g_free(port->usb_port);
	g_free(port->driver);
	g_free(port->holder);
	g_free(port->group);
	g_free(port);
}

#if HAVE_SERIAL

#include "transports/link.h"
#include "transports/port-match.h"

#include <errno.h>
#include <libudev.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct udev SmpUdev;
typedef struct udev_device SmpUdevDevice;
typedef struct udev_enumerate SmpUdevEnumerate;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpUdev, udev_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpUdevDevice, udev_device_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmpUdevEnumerate, udev_enumerate_unref)

static char *dup_by_id(SmpUdevDevice *device)
{
	struct udev_list_entry *link = udev_device_get_devlinks_list_entry(device);

	for (; link; link = udev_list_entry_get_next(link)) {
		const char *name = udev_list_entry_get_name(link);

		if (g_str_has_prefix(name, "/dev/serial/by-id/"))
			return g_strdup(name);
	}
	return NULL;
}

/* Strings of the device itself, those of hwdb where it has none. Bytes from a device are made
 * text. */
static char *dup_name(SmpUdevDevice *usb, SmpUdevDevice *device, const char *attribute,
		      const char *property)
{
	const char *name = udev_device_get_sysattr_value(usb, attribute);

	if (!name || name[0] == '\0')
		name = udev_device_get_property_value(device, property);
	return name ? g_utf8_make_valid(name, -1) : NULL;
}

/* ModemManager 1.20: 80-mm-candidate.rules marks all ttys that could be modems, other rules take
 * some of them or whole devices out. */
static gboolean may_be_modem(SmpUdevDevice *device, SmpUdevDevice *usb)
{
	return udev_device_get_property_value(device, "ID_MM_CANDIDATE") &&
	       !udev_device_get_property_value(device, "ID_MM_PORT_IGNORE") &&
	       !udev_device_get_property_value(device, "ID_MM_DEVICE_IGNORE") &&
	       !udev_device_get_property_value(usb, "ID_MM_DEVICE_IGNORE");
}

static void add_usb(SmpPort *port, SmpUdevDevice *device)
{
	SmpUdevDevice *interface =
		udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_interface");
	SmpUdevDevice *usb =
		udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_device");

	if (!interface || !usb)
		return;
	g_free(port->driver);
	port->driver = g_strdup(udev_device_get_driver(interface));
	port->interface = g_strdup(udev_device_get_sysattr_value(interface, "bInterfaceNumber"));
	port->vendor_id = g_strdup(udev_device_get_sysattr_value(usb, "idVendor"));
	port->product_id = g_strdup(udev_device_get_sysattr_value(usb, "idProduct"));
	port->serial = dup_name(usb, device, "serial", "ID_SERIAL_SHORT");
	port->vendor = dup_name(usb, device, "manufacturer", "ID_VENDOR_FROM_DATABASE");
	port->product = dup_name(usb, device, "product", "ID_MODEL_FROM_DATABASE");
	port->usb_port = g_strdup(udev_device_get_sysname(usb));
	port->modem = may_be_modem(device, usb);
}

/* Virtual consoles and ptys have no parent; type 0 is a UART that the driver did not find. */
static SmpPort *port_from_device(SmpUdevDevice *device)
{
	SmpUdevDevice *parent = device ? udev_device_get_parent(device) : NULL;
	const char *node = device ? udev_device_get_devnode(device) : NULL;

	if (!parent || !node || g_strcmp0(udev_device_get_sysattr_value(device, "type"), "0") == 0)
		return NULL;

	SmpPort *port = g_new0(SmpPort, 1);
	port->device = g_strdup(node);
	port->by_id = dup_by_id(device);
	port->driver = g_strdup(udev_device_get_driver(parent));
	add_usb(port, device);
	return port;
}

/* ttyACM2 before ttyACM10. */
static int compare_ports(gconstpointer a, gconstpointer b)
{
	const SmpPort *const *left = a;
	const SmpPort *const *right = b;

	return strverscmp((*left)->device, (*right)->device);
}

GPtrArray *smp_ports_scan(GError **error)
{
	g_autoptr(GPtrArray) ports = g_ptr_array_new_with_free_func((GDestroyNotify)smp_port_free);
	g_autoptr(SmpUdev) udev = udev_new();
	g_autoptr(SmpUdevEnumerate) ttys = udev ? udev_enumerate_new(udev) : NULL;

	if (!ttys || udev_enumerate_add_match_subsystem(ttys, "tty") < 0 ||
	    udev_enumerate_scan_devices(ttys) < 0) {
		g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_IO,
			    "cannot list the serial ports: udev does not answer");
		return NULL;
	}
	struct udev_list_entry *at = udev_enumerate_get_list_entry(ttys);
	for (; at; at = udev_list_entry_get_next(at)) {
		g_autoptr(SmpUdevDevice) device =
			udev_device_new_from_syspath(udev, udev_list_entry_get_name(at));
		SmpPort *port = port_from_device(device);

		if (port)
			g_ptr_array_add(ports, port);
	}
	g_ptr_array_sort(ports, compare_ports);
	return g_steal_pointer(&ports);
}

GPtrArray *smp_ports_list(GError **error)
{
	GPtrArray *ports = smp_ports_scan(error);

	for (guint i = 0; ports && i < ports->len; i++) {
		SmpPort *port = ports->pdata[i];

		port->holder = smp_port_holder(port->device, &port->holder_pid);
		port->accessible = access(port->device, R_OK | W_OK) == 0;
		port->group = smp_port_group(port->device);
	}
	return ports;
}

SmpPort *smp_port_lookup(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0 || !S_ISCHR(info.st_mode))
		return NULL;
	g_autoptr(SmpUdev) udev = udev_new();
	g_autoptr(SmpUdevDevice) device =
		udev ? udev_device_new_from_devnum(udev, 'c', info.st_rdev) : NULL;
	g_autoptr(SmpPort) port = port_from_device(device);

	return port && port->usb_port ? g_steal_pointer(&port) : NULL;
}

struct SmpPortWatch {
	SmpUdev *udev;
	struct udev_monitor *monitor;
	int fd;
};

SmpPortWatch *smp_port_watch_new(void)
{
	SmpPortWatch *watch = g_new0(SmpPortWatch, 1);

	watch->udev = udev_new();
	watch->monitor = watch->udev ? udev_monitor_new_from_netlink(watch->udev, "udev") : NULL;
	watch->fd = -1;
	if (watch->monitor &&
	    udev_monitor_filter_add_match_subsystem_devtype(watch->monitor, "tty", NULL) >= 0 &&
	    udev_monitor_enable_receiving(watch->monitor) >= 0)
		watch->fd = udev_monitor_get_fd(watch->monitor);
	return watch;
}

void smp_port_watch_free(SmpPortWatch *watch)
{
	if (!watch)
		return;
	udev_monitor_unref(watch->monitor);
	udev_unref(watch->udev);
	g_free(watch);
}

gboolean smp_port_watch_wait(SmpPortWatch *watch, SmpLink *link, gint64 deadline, GError **error)
{
	g_autoptr(GError) ended = NULL;

	if (smp_link_poll(link, watch->fd, POLLIN, deadline, &ended)) {
		g_autoptr(SmpUdevDevice) seen = udev_monitor_receive_device(watch->monitor);

		(void)seen;
		return TRUE;
	}
	if (g_error_matches(ended, SMP_LINK_ERROR, SMP_LINK_ERROR_TIMEOUT))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&ended));
	return FALSE;
}

#else

GPtrArray *smp_ports_list(GError **error)
{
	g_set_error(error, SMP_LINK_ERROR, SMP_LINK_ERROR_UNSUPPORTED,
		    "this build has no serial ports (it was made without libudev)");
	return NULL;
}

#endif

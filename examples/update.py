#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updates a board through smpd and follows the job: update.py DEVICE FILE...

Needs PyGObject (Debian: python3-gi). Any language with D-Bus can do the same: org.smpd1.xml describes
the interface.
"""
import os
import sys

from gi.repository import Gio, GLib

NAME, DEVICE, JOB = "org.smpd1", "org.smpd1.Device", "org.smpd1.Job"
GOOD = ("updated", "up-to-date", "on-trial", "uploaded")


def find_device(bus, name):
    """The path of a device, by its name."""
    objects, = bus.call_sync(NAME, "/org/smpd1", "org.freedesktop.DBus.ObjectManager",
                             "GetManagedObjects", None, None, 0, -1, None).unpack()
    for path, interfaces in objects.items():
        if interfaces.get(DEVICE, {}).get("Name") == name:
            return path
    sys.exit(f"smpd serves no device {name}")


def start_update(bus, device, files):
    """Hands the files over as open descriptors; returns the path of the job."""
    fds = Gio.UnixFDList()
    handles = []
    for name in files:
        with open(name, "rb") as file:
            handles.append(fds.append(file.fileno()))
    options = {"names": GLib.Variant("as", [os.path.basename(name) for name in files])}
    answer, _ = bus.call_with_unix_fd_list_sync(
        NAME, device, DEVICE, "Update", GLib.Variant("(aha{sv})", (handles, options)), None,
        Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, -1, fds, None)
    return answer.unpack()[0]


def follow(bus, path):
    """Prints what the job does until it is done; returns its result and message."""
    loop = GLib.MainLoop()
    job = Gio.DBusProxy.new_sync(bus, 0, None, NAME, path, JOB, None)

    def look(*_):
        value = {name: job.get_cached_property(name).unpack() for name in job.get_cached_property_names()}
        if value["State"] == "done":
            loop.quit()
        else:
            print(f"{value['Fraction']:4.0%}  {value['Step']:12}  {value['StepText']}", flush=True)

    job.connect("g-properties-changed", look)
    if job.get_cached_property("State").unpack() != "done":
        loop.run()
    return job.get_cached_property("Result").unpack(), job.get_cached_property("Message").unpack()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
    try:
        job = start_update(bus, find_device(bus, sys.argv[1]), sys.argv[2:])
    except GLib.Error as error:
        # org.smpd1.Error.Busy, .Refused, .NotAuthorized...
        print(Gio.DBusError.get_remote_error(error), file=sys.stderr)
        sys.exit(error.message)
    result, message = follow(bus, job)
    print(f"{result}: {message}")
    sys.exit(result not in GOOD)


if __name__ == "__main__":
    main()

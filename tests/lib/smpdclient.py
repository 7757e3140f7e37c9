# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of smpd, on any bus."""
import os
import time

from gi.repository import Gio, GLib

# Nothing here may take longer, on a slow machine under valgrind either.
PATIENCE = 120

NAME = "org.smpd1"
ROOT = "/org/smpd1"
DEVICE = NAME + ".Device"
JOB = NAME + ".Job"
MANAGER = NAME + ".Manager"
ERROR = NAME + ".Error."


def eventually(what, seconds=PATIENCE, interval=0.02):
    """The first true value of what()."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not become true within {seconds} s")
        time.sleep(interval)


def connect(address, uid=None):
    """A connection of its own; as another user where uid says so and root runs the tests."""
    switch = uid is not None and os.geteuid() == 0
    if switch:
        os.seteuid(uid)
    try:
        return Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
    finally:
        if switch:
            os.seteuid(0)


class Failed(Exception):
    """A D-Bus error: .name without org.smpd1.Error., and .text"""

    def __init__(self, error):
        name = Gio.DBusError.get_remote_error(error) or ""
        Gio.DBusError.strip_remote_error(error)
        self.name = name.removeprefix(ERROR)
        self.text = error.message
        super().__init__(f"{self.name}: {self.text}")


class Client:
    """Somebody who calls the daemon."""

    def __init__(self, bus, uid=None):
        """bus: what has connect(uid)"""
        self.connection = bus.connect(uid)

    def call(self, path, interface, method, arguments=None, files=None, interactive=False,
             timeout=PATIENCE * 1000, fds_back=False):
        fds = Gio.UnixFDList.new()
        for file in files or []:
            fds.append(file)
        flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else 0
        try:
            answer, got = self.connection.call_with_unix_fd_list_sync(
                NAME, path, interface, method, arguments, None, flags, timeout, fds, None)
        except GLib.Error as error:
            raise Failed(error) from None
        if fds_back:
            return answer.unpack(), got
        values = answer.unpack()
        return values[0] if len(values) == 1 else values

    def get(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get",
                         GLib.Variant("(ss)", (interface, name)))

    def properties(self, path, interface):
        return self.call(path, "org.freedesktop.DBus.Properties", "GetAll",
                         GLib.Variant("(s)", (interface,)))

    def objects(self):
        return self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")

    def manager(self, method, signature="(a{sv})", *values, **more):
        return self.call(ROOT, MANAGER, method,
                         GLib.Variant(signature, values or ({},)), **more)

    def device(self, name, method, options=None, **more):
        return self.call(device_path(name), DEVICE, method,
                         GLib.Variant("(a{sv})", (options or {},)), **more)

    def update(self, name, *files, method="Update", options=None, **more):
        opened = [open(file, "rb") for file in files]
        try:
            return self.call(device_path(name), DEVICE, method,
                             GLib.Variant("(aha{sv})", (list(range(len(files))), options or {})),
                             files=[file.fileno() for file in opened], **more)
        finally:
            for file in opened:
                file.close()

    def job(self, path, method="Cancel", options=None, **more):
        return self.call(path, JOB, method, GLib.Variant("(a{sv})", (options or {},)), **more)

    def wait(self, path, seconds=PATIENCE):
        """The properties of a job that has ended."""
        eventually(lambda: self.get(path, JOB, "State") == "done", seconds)
        return self.properties(path, JOB)

    def wait_step(self, path, step, seconds=PATIENCE):
        eventually(lambda: self.get(path, JOB, "Step") == step or
                   self.get(path, JOB, "State") == "done", seconds)


def device_path(name):
    return ROOT + "/device/" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):02x}"
                                       for c in name)


def strings(values):
    return GLib.Variant("as", values)


def text(value):
    return GLib.Variant("s", value)

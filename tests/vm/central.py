# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Bluetooth LE central on BlueZ, apart from the library on purpose: it finds, writes and is notified
through D-Bus alone."""
import os
import re
import select
import subprocess
import time

import dbus
import dbus.mainloop.glib
from gi.repository import GLib

SERVICE = "8d53dc1d-1db7-4cd3-868b-8a527460aa84"
CHARACTERISTIC = "da2e7828-fbce-4e01-ae9e-261174997c48"
# bluetoothd 5.66 as the server drops longer writes: it counts the handle as well.
MOST = 510
PATIENCE = 20

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()


def bluez(path, interface):
    return dbus.Interface(bus.get_object("org.bluez", path), interface)


def objects(interface):
    """Paths and properties of what has this interface."""
    found = bluez("/", "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
    return {path: all_of[interface] for path, all_of in found.items() if interface in all_of}


def get(path, interface, name):
    return bluez(path, "org.freedesktop.DBus.Properties").Get("org.bluez." + interface, name)


def until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        while GLib.MainContext.default().iteration(False):
            pass
        time.sleep(0.02)


class Central:
    """The client's side of one connection. send() and receive() carry SMP packets."""

    def __init__(self, adapter="hci0"):
        self.adapter = "/org/bluez/" + adapter
        self.device = self.characteristic = None
        self.write_fd = self.notify_fd = -1
        self.mtu = 0
        self.bytes = b""
        self.pieces = []  # sizes of the notifications

    def seen(self):
        """The board that advertises now. Only a device that was heard in this scan has an RSSI."""
        for path, device in objects("org.bluez.Device1").items():
            if path.startswith(self.adapter + "/") and SERVICE in device["UUIDs"] and "RSSI" in device:
                return path
        return None

    def find(self, seconds=PATIENCE):
        """Scans until a board is seen."""
        adapter = bluez(self.adapter, "org.bluez.Adapter1")
        adapter.SetDiscoveryFilter({"UUIDs": dbus.Array([SERVICE], signature="s"), "Transport": "le"})
        adapter.StartDiscovery()
        try:
            self.device = until(self.seen, "a board that advertises", seconds)
        finally:
            adapter.StopDiscovery()
        return self.device

    def property(self, name):
        return get(self.device, "Device1", name)

    def connect(self):
        bluez(self.device, "org.bluez.Device1").Connect(timeout=30)
        until(lambda: self.property("ServicesResolved"), "services")
        self.characteristic = next(
            path for path, found in objects("org.bluez.GattCharacteristic1").items()
            if path.startswith(self.device) and found["UUID"] == CHARACTERISTIC)

    def subscribe(self):
        found = bluez(self.characteristic, "org.bluez.GattCharacteristic1")
        notify, _ = found.AcquireNotify({}, timeout=8)
        self.notify_fd = notify.take()
        if self.write_fd < 0:
            write, mtu = found.AcquireWrite({})
            self.write_fd, self.mtu = write.take(), int(mtu)

    def unsubscribe(self):
        """bluetoothd tells the board a little later."""
        if self.notify_fd >= 0:
            os.close(self.notify_fd)
            self.notify_fd = -1

    def open(self):
        self.find()
        self.connect()
        self.subscribe()

    def write(self, data):
        select.select([], [self.write_fd], [], PATIENCE)
        os.write(self.write_fd, data)

    def send(self, data):
        most = min(self.mtu - 3, MOST)
        for at in range(0, len(data), most):
            self.write(data[at:at + most])

    def whole(self):
        size = 8 + int.from_bytes(self.bytes[2:4], "big")
        return size if len(self.bytes) >= max(8, size) else 0

    def receive(self, timeout):
        end = time.monotonic() + timeout
        while not self.whole():
            left = end - time.monotonic()
            if left < 0 or not select.select([self.notify_fd], [], [], left)[0]:
                return None
            piece = os.read(self.notify_fd, 1024)
            if not piece:
                return None
            self.pieces.append(len(piece))
            self.bytes += piece
        size = self.whole()
        packet, self.bytes = self.bytes[:size], self.bytes[size:]
        return packet

    def is_connected(self):
        return any(device["Connected"] for path, device in objects("org.bluez.Device1").items()
                   if path.startswith(self.adapter))

    def lost(self, seconds=5):
        """Waits until the board has left."""
        start = time.monotonic()
        until(lambda: not self.is_connected(), "the link's end", seconds)
        return time.monotonic() - start

    def hcitool(self, *args):
        return subprocess.run(["hcitool", "-i", os.path.basename(self.adapter), *args], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def cut(self):
        """Ends the link at once; bluetoothd takes 2 s for it."""
        for handle in re.findall(r"handle (\d+)", self.hcitool("con")):
            self.hcitool("ledc", handle)
        self.lost()
        self.close()

    def close(self):
        """The descriptors."""
        self.unsubscribe()
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1
        self.bytes = b""

    def forget(self):
        """Ends the link and the bond at both ends, the central's first."""
        self.close()
        for path in sorted(objects("org.bluez.Device1"), key=lambda path: path.startswith(self.adapter),
                           reverse=True):
            bluez(path.rpartition("/")[0], "org.bluez.Adapter1").RemoveDevice(path)

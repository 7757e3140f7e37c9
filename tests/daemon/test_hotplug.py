# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ports that come and go, on a udev that umockdev plays. It has no terminals behind them: what is done
with boards that are plugged in and pulled out is seen in the virtual machine."""

import os
import shutil
import subprocess
import sys

WRAPPER = "umockdev-wrapper"
if "umockdev" not in os.environ.get("LD_PRELOAD", ""):
    if not shutil.which(WRAPPER):
        print("1..0 # SKIP umockdev is not installed")
        sys.exit(0)
    # Under sanitizers two libraries want to be the first.
    if any(name in os.environ for name in ("ASAN_OPTIONS", "LSAN_OPTIONS")):
        print("1..0 # SKIP umockdev cannot be used with sanitizers")
        sys.exit(0)
    os.execvp(WRAPPER, [WRAPPER, sys.executable, *sys.argv])

import common
from common import DEVICE, JOB, device_path, eventually, strings, text

try:
    import gi
    gi.require_version("UMockdev", "1.0")
    from gi.repository import UMockdev
except (ImportError, ValueError) as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)


class Hotplug(common.TestCase):
    def setUp(self):
        super().setUp()
        self.testbed = UMockdev.Testbed.new()
        self.addCleanup(self.drop)
        self.ports = 0

    def drop(self):
        self.testbed = None

    def start(self, **env):
        return super().start(LD_PRELOAD=os.environ["LD_PRELOAD"],
                             UMOCKDEV_DIR=self.testbed.get_root_dir(), **env)

    def lead(self, node, pty):
        """No link: umockdev's realpath() cannot leave its folder."""
        with open(node, "wb"):
            pass
        mount = ["mount", "--bind", pty, node]
        if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
            self.skipTest("cannot mount a port where it is wanted")
        self.addCleanup(self.unlead, node)

    def unlead(self, node):
        if os.path.exists(node):
            subprocess.run(["umount", "-l", node], check=True)
            os.unlink(node)

    def plug(self, board, serial, product="520f", marked=False, port="1-2"):
        """A USB tty that leads to the board. Returns what unplug() takes."""
        self.ports += 1
        name = f"ttyACM{self.ports}"
        usb = self.testbed.add_device(
            "usb", f"usb{self.ports}", None,
            ["idVendor", "1915", "idProduct", product, "serial", serial],
            ["DEVTYPE", "usb_device"])
        interface = self.testbed.add_device("usb", f"if{self.ports}", usb,
                                            ["bInterfaceNumber", "00"],
                                            ["DEVTYPE", "usb_interface"])
        dev = os.path.join(self.testbed.get_root_dir(), "dev")
        os.makedirs(dev, exist_ok=True)
        self.lead(os.path.join(dev, name), os.path.realpath(board.where))
        tty = self.testbed.add_device(
            "tty", name, interface, [],
            ["DEVNAME", "/dev/" + name] + (["ID_SMP", "1"] if marked else []))
        self.testbed.uevent(tty, "add")
        return name, tty, interface, usb

    def unplug(self, plugged):
        name, *paths = plugged
        self.testbed.uevent(paths[0], "remove")
        for path in paths:
            self.testbed.remove_device(path)
        self.unlead(os.path.join(self.testbed.get_root_dir(), "dev", name))

    def present(self, name):
        try:
            return self.user.get(device_path(name), DEVICE, "Present")
        except common.Failed:
            return None

    def test_comes_and_goes(self):
        """a board is the same under another tty name"""
        self.configure("[target a]\nusb-vendor=1915\nusb-product=520f\nusb-serial=SN1\n")
        self.start()
        self.assertEqual(self.present("a"), False)
        board = self.board()
        plugged = self.plug(board, "SN1")
        eventually(lambda: self.present("a"))
        # It was opened, by its name of today.
        eventually(lambda: "/dev/ttyACM1" in self.user.get(device_path("a"), DEVICE, "Problem"))
        self.unplug(plugged)
        eventually(lambda: not self.present("a"))
        self.plug(board, "SN1")
        eventually(lambda: self.present("a"))
        eventually(lambda: "/dev/ttyACM2" in self.user.get(device_path("a"), DEVICE, "Problem"))

    def test_kind(self):
        """each board of a kind is a device of its own, with the kind's rules"""
        self.configure("[target pump]\nusb-vendor=1915\nusb-product=520f\n"
                       f"firmware={self.image('fw.bin', '1.1.0')}\n")
        first = self.board()
        self.plug(first, "A:1")
        self.start()
        eventually(lambda: self.present("pump-A_1"))
        self.plug(self.board(), "B")
        eventually(lambda: self.present("pump-B"))
        for name in ("pump-A_1", "pump-B"):
            eventually(lambda n=name: self.user.get(device_path(n), DEVICE, "Wanted") == "1.1.0")
        self.assertEqual(self.user.get(device_path("pump-B"), DEVICE, "Target"),
                         "usb:1915:520f:B:00")
        self.user.manager("Reload")
        eventually(lambda: self.present("pump-A_1"))
        self.configure("")
        self.user.manager("Reload")
        self.assertEqual(self.user.objects().keys() & {device_path("pump-B")}, set())

    def test_strangers(self):
        """other ports are not opened, unless udev marks them"""
        self.configure("[target a]\nusb-vendor=1915\nusb-product=520f\nusb-serial=SN1\n")
        self.start()
        self.plug(self.board(), "SN2")
        self.plug(self.board(), "SN1", product="0001")
        self.plug(self.board(), "SN3", product="0002", marked=True)
        eventually(lambda: self.present("marked-SN3"))
        self.user.manager("Rescan")
        devices = {path for path in self.user.objects() if "/device/" in path}
        self.assertEqual(devices, {device_path("a"), device_path("marked-SN3")})
        self.assertFalse(self.present("a"))


common.main()

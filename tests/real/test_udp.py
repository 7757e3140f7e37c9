#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Servers over UDP, IPv4 and IPv6."""
from lab import Case, prepare
from smptest import main


class IPv4(Case):
    server = "native_sim.udp"

    def test_echo(self):
        """echo of all sizes up to the largest datagram"""
        for length in (0, 1, 100, 1000, 1400):
            self.assertEqual(self.ctl("echo", "x" * length).out, "x" * length + "\n")

    def test_os(self):
        """os commands; those that the firmware lacks are told by name"""
        params = self.ctl("--json", "os", "params").json[0]
        self.assertEqual((params["buf_size"], params["buf_count"]), (2048, 2))
        self.assertLessEqual(params["max_packet"], 1500)
        self.assertIn("native_sim", self.ctl("os", "info").out)
        tasks = self.ctl("--json", "os", "tasks").json[0]["tasks"]
        self.assertGreater(len(tasks), 3)
        self.assertIn("ENOTSUP", self.ctl("os", "pools", code=6).err)

    def test_status(self):
        """status of a board without the image group"""
        self.assertIn("buffers 2048 B × 2", self.ctl("status").out)

    def test_no_images(self):
        """image list of a board without the image group: exit status 6 and what it needs"""
        self.assertIn("CONFIG_MCUMGR_GRP_IMG", self.ctl("image", "list", code=6).err)


class IPv6(IPv4):
    server = "native_sim.udp6"


for name in [name for name in dir(IPv4) if name.startswith("test_")]:
    def test(self, inherited=getattr(IPv4, name)):
        inherited(self)

    test.__doc__ = "IPv6: " + getattr(IPv4, name).__doc__
    setattr(IPv6, name, test)

if __name__ == "__main__":
    main(prepare)

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Statistics, settings, shell, groups and files of Zephyr's server."""
import hashlib
import os
import random

from lab import Case, prepare
from smptest import main

DATA = random.Random(8).randbytes(3000)


class Data(Case):
    server = "native_sim.serial"

    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.dir, "a.bin")
        with open(self.file, "wb") as file:
            file.write(DATA)

    def read(self, name):
        with open(os.path.join(self.dir, name), "rb") as file:
            return file.read()

    def test_statistics(self):
        """stat: what fits is shown, what does not is told"""
        self.assertIn("    smp_svr_stats\n", self.ctl("stat", "list").out)
        self.assertRegex(self.ctl("stat", "smp_svr_stats").out, r" +\d+ ticks\n")
        run = self.ctl("stat", code=6)
        self.assertIn("EMSGSIZE", run.err)
        self.assertIn(" ticks\n", run.out)

    def test_settings(self):
        """settings of an application that has none"""
        for order, code in (("read", "ROOT_KEY_NOT_FOUND"), ("delete", "KEY_NOT_FOUND")):
            self.assertIn(code, self.ctl("settings", order, "foo/bar", code=6).err)
        self.assertIn("SAVE_NOT_SUPPORTED", self.ctl("settings", "save", code=6).err)
        for order in ("commit", "load"):
            self.assertEqual(self.ctl("settings", order).out, "Done\n")

    def test_shell_and_groups(self):
        """shell exec, group list, raw"""
        self.assertIn("Zephyr version 4.4.0", self.ctl("shell", "exec", "kernel", "version").out)
        self.assertIn("status=-8\n", self.ctl("shell", "exec", "nosuch", code=6).out)
        groups = self.ctl("--json", "group", "list").json[0]["groups"]
        self.assertEqual([group["group"] for group in groups], [10, 8, 0, 3, 9, 2, 63])
        self.assertEqual(self.ctl("raw", "read", "os", "6").json, [{"buf_size": 384, "buf_count": 4}])

    def test_files(self):
        """fs upload, resume, hash, download; storage erase takes them away"""
        self.ctl("-q", "fs", "upload", self.file, "/lfs1/a")
        self.assertEqual(self.ctl("fs", "status", "/lfs1/a").out, "3000\n")
        self.assertIn(hashlib.sha256(DATA).hexdigest(),
                      self.ctl("fs", "hash", "--type", "sha256", "/lfs1/a").out)
        self.ctl("-q", "fs", "download", "/lfs1/a", os.path.join(self.dir, "b.bin"))
        self.assertEqual(self.read("b.bin"), DATA)
        with open(os.path.join(self.dir, "c.bin"), "wb") as file:
            file.write(DATA[:1000])
        self.ctl("-q", "fs", "upload", file.name, "/lfs1/a")
        end = self.ctl("--json", "fs", "upload", "--resume", self.file, "/lfs1/a").json[-1]
        self.assertEqual((end["resumed_at"], end["verified"]), (1000, True))
        self.assertIn("MOUNT_POINT", self.ctl("-q", "fs", "upload", self.file, "/x/a", code=6).err)
        self.ctl("storage", "erase")
        self.ctl("fs", "status", "/lfs1/a", code=6)

    def test_others(self):
        """group count, fs types, fs close, raw write, os bootloader, doctor"""
        self.assertEqual(self.ctl("group", "count").out, "7\n")
        self.assertIn("sha256   32 bytes\n", self.ctl("fs", "types").out)
        self.ctl("fs", "close")
        self.assertEqual(self.ctl("raw", "write", "os", "0", '{"d": "x"}').json, [{"r": "x"}])
        # This program has no bootloader.
        self.assertIn("CONFIG_MCUMGR_GRP_OS_BOOTLOADER_INFO", self.ctl("os", "bootloader", code=6).err)
        self.assertIn("verdict", self.ctl("doctor").out)


if __name__ == "__main__":
    main(prepare)

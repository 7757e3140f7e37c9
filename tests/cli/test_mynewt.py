# SPDX-License-Identifier: LGPL-2.1-or-later
"""The groups of Mynewt: text, JSON, errors, and the Go tool's text."""

import os
import socket
import struct
import threading
import unittest

from common import OnBoard, PATIENCE, SMPCTL, TestCase


class Log(TestCase):
    def test_ends(self):
        """Behind the last index that there can be, nothing is asked for."""
        entries = b"\xa1\x65index\x1b" + b"\xff" * 8
        logs = b"\xa1\x64logs\x81\xa2\x64name\x63log\x67entries\x81" + entries
        shown = []

        def serve():
            while len(shown) < 5:
                request, client = server.recvfrom(1000)
                if not request:
                    return
                is_show = request[4:6] == b"\x00\x04" and request[7] == 0
                shown.extend([request] * is_show)
                payload = logs if is_show else b"\xa1\x62rc\x08"
                server.sendto(bytes([request[0] + 1, 0, 0, len(payload)]) + request[4:8] + payload,
                              client)

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            thread = threading.Thread(target=serve)
            thread.start()
            target = f"udp:127.0.0.1:{server.getsockname()[1]}"
            status, out, err = self.run_smpctl("-c", target, "-t", "1", "log", "show", "-a", "log")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", server.getsockname())
            thread.join()
        self.assertEqual((status, len(shown)), (0, 1), out + err)


class Mynewt(OnBoard):
    OPTIONS = ("--board", "mynewt", "--time-scale", "20")
    HEADER = ("   [index]            [timestamp] |         [module]          [level] [type]    [img]"
              " [message]\n")

    def test_log(self):
        text = ("Status: 0\nNext index: 3\nName: log\nType: MEMORY\n" + self.HEADER +
                "         0                    0us |      DEFAULT (0)         INFO (1)    str"
                "          GPIO toggle from 1 to 0\n")
        self.assertTrue(self.good("log", "show", "log").startswith(text))
        self.assertEqual(len(self.good("log", "show", "log", "last").splitlines()), 6)
        self.assertEqual(len(self.good("log", "show", "log", "1").splitlines()), 7)
        self.assertIn("Name: reboot_log\nType: STORAGE\n", self.good("log", "show"))
        self.assertIn("Name: log\n", self.good("log", "show", "-a"))
        entries = self.json("log", "show", "-a", "log")
        self.assertEqual(entries[1], {"log": "log", "index": 1, "time": 0.001, "module": "DEFAULT",
                                      "level": "INFO", "type": "str",
                                      "message": "GPIO toggle from 0 to 1"})
        self.assertEqual(self.good("log", "clear"), "done\n")
        self.assertEqual(self.good("log", "show", "log"),
                         "Status: 0\nNext index: 3\nName: log\nType: MEMORY\n" + self.HEADER)
        self.assertEqual(self.one("log", "clear"), {"cleared": True})
        self.refused("log", "show", "nosuch", code=("SMP", "ENOENT"))
        self.usage("log", "show", "log", "first", text="no index of a log entry")

    def test_log_names(self):
        self.assertEqual(self.good("log", "list"), "available logs:\n    log\n    reboot_log\n")
        self.assertEqual(self.one("log", "list"), {"logs": ["reboot_log", "log"]})
        for name in ("levels", "level_list"):
            self.assertEqual(self.good("log", name),
                             "available levels:\n    0: DEBUG\n    1: INFO\n    2: WARN\n"
                             "    3: ERROR\n    4: CRITICAL\n")
        self.assertEqual(self.one("log", "levels")["levels"][1], {"name": "INFO", "number": 1})
        self.assertIn("available modules:\n    DEFAULT (0)\n", self.good("log", "module_list"))
        self.assertEqual(self.one("log", "modules")["modules"][0], {"name": "DEFAULT", "number": 0})

    def test_config(self):
        self.assertEqual(self.good("config", "id/serial"), "Value: \n")
        self.assertEqual(self.good("config", "id/serial", "abc"), "Done\n")
        self.assertEqual(self.good("config", "id/serial"), "Value: abc\n")
        self.assertEqual(self.good("settings", "read", "id/serial"), "abc\n")
        self.assertEqual(self.one("settings", "read", "id/serial"),
                         {"name": "id/serial", "hex": "616263", "text": "abc", "cut": False})
        self.assertEqual(self.good("config", "save"), "Done\n")
        self.assertEqual(self.one("config", "id/serial"), {"name": "id/serial", "value": "abc"})
        self.assertEqual(self.one("config", "id/serial", "x"), {"written": True})
        self.assertEqual(self.one("config", "save"), {"saved": True})
        self.refused("config", "no/such", code=("SMP", "EINVAL"))
        self.assertIn("; save keeps all in flash", self.good("config", "save", "--help"))

    def test_run(self):
        self.assertEqual(self.good("run", "list"),
                         "available tests:\n    flash_selftest\n    memory_selftest\n")
        self.assertEqual(self.one("run", "list"), {"tests": ["flash_selftest", "memory_selftest"]})
        self.assertEqual(self.good("run", "test"), "Done\n")
        self.assertEqual(self.good("run", "test", "flash_selftest", "token"), "Done\n")
        self.assertEqual(self.one("run", "test", "all"), {"started": True})
        self.refused("run", "test", "nosuch", code=("SMP", "ENOENT"))

    def test_crash(self):
        self.usage("crash", "nosuch", text="assert, div0")
        self.assertEqual(self.good("crash", "div0"), "Done\n")
        self.wait_for(lambda: self.run_smpctl("-t", "1", "echo", "x")[0] == 0)

    def test_others(self):
        self.assertIn("stat group: stat\n         2 num_registered\n         0 s1\n", self.good("stat"))
        self.assertIn("      idle 255   0 ", self.good("taskstat"))
        self.assertRegex(self.good("datetime"), r"Datetime\(RFC 3339 format\): 1970-01-01T00:00:\d\d")

    def test_update(self):
        path, _ = self.make_image("app.bin", "1.1.0")
        self.assertIn("updated: ", self.good("update", path))
        self.assertIn("version: 1.1.0", self.good("image", "list"))


    def test_core(self):
        self.assertEqual(self.good("image", "corelist"), "No corefiles\n")
        self.assertEqual(self.one("image", "corelist"), {"core": False})
        self.refused("image", "coredownload", "core.bin", code=("SMP", "ENOENT"))
        self.good("crash", "assert")
        self.wait_for(lambda: self.run_smpctl("-t", "1", "echo", "x")[0] == 0)
        self.assertEqual(self.good("image", "corelist"), "Corefile present\n")
        text = self.good("image", "coredownload", "core.bin")
        self.assertEqual(text.splitlines()[-1], "Done writing core file to core.bin")
        core = self.read("core.bin")
        self.assertEqual((len(core), core[:4]), (3000, bytes.fromhex("c3470c69")))
        self.assertEqual(self.one("image", "coredownload", "b", "--offset", "100", "-n", "1000"),
                         {"file": "b", "offset": 100, "size": 1000})
        self.assertEqual(self.read("b"), core[100:1100])
        self.write("c.part", core[:700])
        self.good("image", "coredownload", "--resume", "c")
        self.assertEqual(self.read("c"), core)
        self.assertEqual(sorted(set(os.listdir(self.directory)) - {"mcumgr"}), ["b", "c", "core.bin"])
        self.convert(core)
        self.resume(core)
        self.places(core)
        self.usage("image", "coredownload", "-n", "-1", "d", text="must not be negative")
        status, out, err = self.run_smpctl("image", "coredownload", "--offset", "3000", "d")
        self.assertEqual(status, 1)
        self.assertIn("nothing is at offset 3000 of it", err)
        self.assertNotIn("Done", out)
        self.assertFalse({"d", "d.part"} & set(os.listdir(self.directory)))
        self.assertEqual(self.good("image", "coreerase"), "Done\n")
        self.assertEqual(self.one("image", "coreerase"), {"erased": True})
        self.assertEqual(self.good("image", "corelist"), "No corefiles\n")

    def test_core_without_end(self):
        limit = 64 * 1024 * 1024
        target = self.puppet({(1, 4): {"rc": 0, "data": bytes(400)}})
        os.truncate(self.write("c.part", b""), limit - 500)
        status, out, err = self.run_smpctl("-c", target, "image", "coredownload", "--resume", "c")
        self.assertEqual(status, 1)
        self.assertNotIn("Done", out)
        self.assertIn("the board sends more than 64 MiB; --bytes takes a part of it", err)
        self.assertFalse({"c", "c.part"} & set(os.listdir(self.directory)))
        self.good("-c", target, "image", "coredownload", "-n", "1000", "c")
        self.assertEqual(self.read("c"), bytes(1000))


    def convert(self, core):
        """32 bytes of hash, 18 registers, memory."""
        image, registers, memory = core[16:48], core[56:128], core[136:]
        self.assertEqual(self.good("image", "coreconvert", "core.bin", "core.elf"),
                         f"Corefile created for\n   {image.hex()}\n")
        elf = self.read("core.elf")
        header = struct.unpack("<16sHHIIIIIHHHHHH", elf[:52])
        self.assertEqual(header, (b"\x7fELF\1\1\1" + bytes(9), 4, 40, 1, 0, 52, 0, 0, 52, 32, 2, 40,
                                  0, 0))
        note, load = (struct.unpack("<8I", elf[at : at + 32]) for at in (52, 84))
        self.assertEqual(note, (4, 116, 0, 0, 168, 0, 0, 4))
        self.assertEqual(load, (1, 116 + 168, 0x20000000, 0, len(memory), len(memory), 4, 4))
        self.assertEqual(elf[116:136], struct.pack("<III8s", 5, 148, 1, b".reg"))
        self.assertEqual(elf[136:284], bytes(72) + registers + bytes(4))
        self.assertEqual(elf[284:], memory + bytes(-len(memory) % 4))
        text = self.good("image", "coredownload", "-e", "direct")
        self.assertEqual(text.splitlines()[-1],
                         f"Done writing core file to direct; hash={image.hex()}")
        self.assertEqual(self.read("direct"), elf)
        self.assertEqual(self.one("image", "coreconvert", "core.bin", "core.elf"),
                         {"file": "core.elf", "hash": image.hex()})
        for damage in (b"", core[:7], b"x" + core[1:], core[:-1], core[:8] + b"\7" + core[9:],
                       core + b"\2"):
            self.write("bad", damage)
            status, _, err = self.run_smpctl("image", "coreconvert", "bad", "bad.elf")
            self.assertEqual(status, 3, err)
            self.assertIn("cannot convert bad: ", err)
            self.assertFalse(os.path.exists(self.path("bad.elf")))

    def resume(self, core):
        """Only what is the beginning of this dump is gone on with."""
        for part in (bytes(1000), core + b"x", core[:699] + b"x", core[:899] + b"x", core[:60] + bytes(640)):
            with self.subTest(len(part)):
                self.write("c.part", part)
                status, _, err = self.run_smpctl("image", "coredownload", "--resume", "c")
                self.assertEqual(status, 0, err)
                self.assertIn("c.part is no beginning of what the board has, which comes anew", err)
                self.assertEqual(self.read("c"), core)
        for options, part, wanted in ((("-n", "500"), core[:600], core[:500]),
                                      (("--offset", "100"), core[100:900], core[100:]),
                                      (("--offset", "100"), core[:900], core[100:]),
                                      ((), core, core)):
            with self.subTest(options):
                self.write("c.part", part)
                _, _, err = self.run_smpctl("image", "coredownload", "--resume", "c", *options)
                self.assertEqual("comes anew" in err, not wanted.startswith(part))
                self.assertEqual(self.read("c"), wanted)

    def places(self, core):
        """What a dump is written to."""
        os.mkfifo(self.path("pipe"))
        os.mkdir(self.path("d"))
        os.symlink("target", self.path("link"))
        image = core[16:48].hex()
        for args, wanted in ((("coredownload", "pipe"), core),
                             (("coreconvert", "core.bin", "pipe"), self.read("direct"))):
            process = self.start("-q", "image", *args)
            self.assertEqual(self.read("pipe"), wanted)
            self.assertEqual(process.communicate(timeout=PATIENCE)[1], "")
        for args, wanted in ((("coredownload",), core), (("coredownload", "-e"), self.read("direct")),
                             (("coreconvert", "core.bin"), self.read("direct"))):
            self.good("image", *args, "link")
            self.assertEqual((self.read("target"), os.readlink(self.path("link"))), (wanted, "target"))
        self.assertEqual(self.one("image", "coredownload", "-e", "c"),
                         {"file": "c", "offset": 0, "size": len(core), "hash": image})
        self.usage("image", "coredownload", "-e", "pipe", text="--elfify needs a file, and pipe is none")
        self.usage("image", "coredownload", "-e", "--offset", "10", "x", text="from its beginning")
        self.usage("image", "coreconvert", "core.bin", "-", text="a core file goes to a file")
        for args in ("coredownload", "d"), ("coredownload", "-e", "d"), ("coreconvert", "core.bin", "d"):
            status, _, err = self.run_smpctl("image", *args)
            self.assertEqual(status, 1)
            self.assertIn("cannot write d: Is a directory\n", err)
            self.assertNotIn("--resume", err)
        status, _, err = self.run_smpctl("image", "coreconvert", "core.bin", "nowhere/x")
        self.assertEqual(status, 1)
        self.assertRegex(err, r"cannot write nowhere/x\.part: No such file or directory\n$")
        status, _, err = self.run_smpctl("image", "coredownload", "-e", "-n", "1000", "x")
        self.assertEqual(status, 3)
        self.assertRegex(err, r"1000 bytes are in x\.part\.\n$")
        os.unlink(self.path("x.part"))
        os.rmdir(self.path("d"))


class GoTool(Mynewt):
    """The same by the Go tool's name."""

    def run_smpctl(self, *args, program=None):
        link = self.path("mcumgr")
        if not os.path.lexists(link):
            os.symlink(SMPCTL, link)
        return super().run_smpctl(*args, program=program or link)

    def told(self, out, error=None):
        more = "Next index: 0\n\\(no logs retrieved\\)\n" if error == "Status" else ""
        self.assertRegex(out, rf"^{error}: \d+\n{more}$")


if __name__ == "__main__":
    unittest.main()

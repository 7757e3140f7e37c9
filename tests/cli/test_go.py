# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines and output that scripts written for the Go tool mcumgr rely on."""

import os
import socket
import stat
import subprocess
import unittest

from common import PATIENCE, SMPCTL, TestCase

FILE = ".mcumgr.cp.json"


def listing(*slots):
    text = "Images:\n"
    for slot, version, flags, image_hash in slots:
        text += f" image=0 slot={slot}\n    version: {version}\n    bootable: true\n"
        text += f"    flags: {flags}\n    hash: {image_hash}\n"
    return text + "Split status: N/A (0)\n"


class Connections(TestCase):
    def test_add_show_delete(self):
        self.assertEqual(
            self.good("conn", "add", "USB0", "type=serial", "connstring=/dev/ttyUSB0,115200"),
            "Connection profile USB0 successfully added\n",
        )
        self.good("conn", "add", "Esp", "type=serial", "connstring=dev=/dev/ttyUSB0,baud=115200,mtu=256")
        self.assertEqual(
            self.good("conn", "show"),
            "Connection profiles: \n"
            "  Esp: type=serial, connstring='dev=/dev/ttyUSB0,baud=115200,mtu=256'\n"
            "  USB0: type=serial, connstring='/dev/ttyUSB0,115200'\n",
        )
        self.assertEqual(
            self.good("conn", "show", "USB0"),
            "Connection profiles: \n  USB0: type=serial, connstring='/dev/ttyUSB0,115200'\n",
        )
        self.assertEqual(self.good("conn", "show", "x"), "No connection profiles found matching x\n")
        self.assertEqual(
            self.good("conn", "delete", "Esp"), "Connection profile Esp successfully deleted.\n"
        )
        self.good("conn", "delete", "USB0")
        self.assertEqual(self.good("conn", "show"), "No connection profiles found!\n")

    def test_file_is_as_the_go_tool_writes_it(self):
        self.good("conn", "add", "b", "type=udp", "connstring=[::1]:1337")
        self.good("conn", "add", "a", "type=serial", "connstring=/dev/ttyS0")
        self.assertEqual(
            self.read(FILE).decode(),
            "[\n"
            "    {\n"
            '        "MyName": "a",\n'
            '        "MyType": "serial",\n'
            '        "MyConnString": "/dev/ttyS0"\n'
            "    },\n"
            "    {\n"
            '        "MyName": "b",\n'
            '        "MyType": "udp",\n'
            '        "MyConnString": "[::1]:1337"\n'
            "    }\n"
            "]",
        )
        self.assertEqual(stat.S_IMODE(os.stat(self.path(FILE)).st_mode), 0o644)

    def test_unknown_keys_stay(self):
        self.write(FILE, b'[{"MyName": "a", "Other": {"x": [1, 2]}, "MyType": "ble", "MyConnString": ""}]')
        self.good("conn", "add", "b", "type=udp", "connstring=h:1")
        self.good("conn", "add", "a", "type=udp", "connstring=h:2")
        text = self.read(FILE).decode()
        self.assertIn('"Other": {"x":[1,2]}', text)
        self.assertIn("  a: type=udp, connstring='h:2'\n", self.good("conn", "show"))

    def test_written_as_go_writes_strings(self):
        self.good("conn", "add", "Ä<&>", "type=ble", "connstring=peer_name=Gerät")
        self.assertIn('"Ä\\u003c\\u0026\\u003e"', self.read(FILE).decode())
        self.assertIn("  Ä<&>: type=ble, connstring='peer_name=Gerät'\n", self.good("conn", "show"))

    def test_null_is_empty(self):
        self.write(FILE, b"null")
        self.assertEqual(self.good("conn", "show"), "No connection profiles found!\n")

    def test_damaged_file_is_left_alone(self):
        for damage in (b'[{"MyName": "a"', b"{}", b'[{"MyName": 1}]', b"[1]"):
            with self.subTest(damage):
                self.write(FILE, damage)
                status, _, err = self.run_smpctl("conn", "add", "b", "type=udp", "connstring=h:1")
                self.assertEqual(status, 1)
                self.assertIn("damaged", err)
                self.assertIn(self.path(FILE), err)
                self.assertEqual(self.read(FILE), damage)
                self.assertEqual(self.run_smpctl("conn", "show")[0], 1)

    def test_link_stays_a_link(self):
        os.mkdir(self.path("dotfiles"))
        os.symlink("dotfiles/connections", self.path(FILE))
        self.write("dotfiles/connections", b"[]")
        self.good("conn", "add", "a", "type=udp", "connstring=h:1")
        self.assertTrue(os.path.islink(self.path(FILE)))
        self.assertIn(b'"a"', self.read("dotfiles/connections"))

    def test_mistakes(self):
        for args, sentence in (
            (["add"], "conn add needs NAME"),
            (["add", "a"], "conn add needs type="),
            (["add", "a", "type"], "not “type”"),
            (["add", "a", "type=carrier-pigeon"], "unknown connection type “carrier-pigeon”"),
            (["add", "a", "type=udp", "speed=9"], "not “speed=9”"),
        ):
            with self.subTest(args):
                status, _, err = self.run_smpctl("conn", *args)
                self.assertEqual(status, 2)
                self.assertIn(sentence, err)
                self.assertFalse(os.path.exists(self.path(FILE)))
        status, _, err = self.run_smpctl("conn", "delete", "a")
        self.assertEqual(status, 1)
        self.assertIn('connection profile "a" doesn\'t exist', err)

    def test_profile_is_used(self):
        board = self.board("--pty")
        self.good("conn", "add", "esp", "type=serial", f"connstring=dev={board.where},baud=115200,mtu=256")
        self.assertEqual(self.good("-c", "esp", "echo", "hi"), "hi\n")
        self.assertEqual(self.good("-c", "esp", "--connextra", "baud=57600", "echo", "hi"), "hi\n")
        # The only one is the default; of two none is.
        self.assertEqual(self.good("echo", "hi"), "hi\n")
        self.good("conn", "add", "two", "type=udp", "connstring=127.0.0.1:9")
        status, _, err = self.run_smpctl("echo", "hi")
        self.assertEqual(status, 2)
        self.assertIn("several connections are saved", err)
        # What is given goes before what is saved.
        self.assertEqual(
            self.good("-c", "two", "--conntype", "serial", "--connstring", board.where, "echo", "hi"),
            "hi\n",
        )


class Commands(TestCase):
    def setUp(self):
        super().setUp()
        self.serial = ["--conntype", "serial", "--connstring"]

    def test_symlink(self):
        os.symlink(SMPCTL, self.path("mcumgr"))
        mcumgr = self.path("mcumgr")
        udp = self.board("--udp", "0").where
        self.assertEqual(
            self.good("--conntype", "udp", f"--connstring=[127.0.0.1]:{udp.split(':')[1]}",
                      "echo", "hello", program=mcumgr),
            "hello\n",
        )
        self.assertRegex(self.good("version", program=mcumgr), r"^mcumgr \d")
        status, _, err = self.run_smpctl("frobnicate", program=mcumgr)
        self.assertEqual(status, 2)
        self.assertTrue(err.startswith("Error: unknown command"), err)

    def test_list_test_reset_confirm(self):
        board = self.board("--pty", "--time-scale", "20")
        serial = [*self.serial, f"{board.where},115200"]
        path, new = self.make_image("app.signed.bin", "1.1.0")
        old = self.good(*serial, "image", "list").split("hash: ")[1].split()[0]
        self.assertRegex(old, "^[0-9a-f]{64}$")
        self.assertEqual(
            self.good(*serial, "image", "list"), listing((0, "1.0.0", "active confirmed", old))
        )
        self.assertEqual(self.good(*serial, "image", "upload", "-e", "-n", "0", path), "Done\n")
        text = listing((0, "1.0.0", "active confirmed", old), (1, "1.1.0", "", new))
        self.assertEqual(self.good(*serial, "image", "list"), text)

        self.write("image.lst", text.encode())
        script = "HASH=$(grep hash: image.lst | tail -1 | awk '{print $2}'); echo $HASH"
        found = subprocess.run(["sh", "-c", script], cwd=self.directory, capture_output=True,
                               text=True, check=True, timeout=PATIENCE).stdout.strip()
        self.assertEqual(found, new)

        self.assertEqual(
            self.good(*serial, "image", "test", found),
            listing((0, "1.0.0", "active confirmed", old), (1, "1.1.0", "pending", new)),
        )
        self.assertEqual(self.good(*serial, "reset"), "Done\n")
        trial = listing((0, "1.1.0", "active", new), (1, "1.0.0", "confirmed", old))
        self.wait_for(lambda: self.run_smpctl("-t", "0.3", *serial, "image", "list")[1] == trial)
        self.assertIn("flags: active confirmed\n", self.good(*serial, "image", "confirm"))

    def test_confirm_hash(self):
        board = self.board("--pty", "--time-scale", "20")
        serial = [*self.serial, f"{board.where},baud=115200"]
        path, new = self.make_image("zephyr.signed.bin", "1.1.0")
        self.good(*serial, "image", "upload", path)
        text = self.good(*serial, "image", "confirm", new)
        self.assertIn("    flags: pending permanent\n", text)

    def test_recovery_has_no_flags(self):
        board = self.board("--pty", "--board", "recovery")
        text = self.good("-c", board.target, "image", "list")
        self.assertIn("    bootable: false\n    flags: \n", text)
        self.assertTrue(text.endswith("Split status: N/A (0)\n"))

    def test_hex(self):
        board = self.board("--pty")
        path, new = self.make_image("zephyr.signed.bin", "1.1.0")
        with open(path, "rb") as file:
            data = file.read()
        lines = []
        for offset in range(0, len(data), 16):
            if offset % 0x10000 == 0:
                lines.append(record(0, 4, (offset >> 16).to_bytes(2, "big")))
            lines.append(record(offset & 0xFFFF, 0, data[offset : offset + 16]))
        lines.append(":00000001FF")
        hex_path = self.write("zephyr.signed.hex", ("\n".join(lines) + "\n").encode())
        serial = [*self.serial, f"{board.where},baud=115200"]
        self.assertEqual(self.good(*serial, "image", "upload", hex_path), "Done\n")
        self.assertIn(new, self.good(*serial, "image", "list"))

    def test_tasks_and_pools(self):
        target = self.board("--pty", "--pools").target
        header = "      task pri tid  runtime      csw    stksz   stkuse last_checkin next_checkin"
        lines = self.good("-c", target, "taskstat").splitlines()
        self.assertEqual(lines[0], header)
        self.assertGreater(len(lines), 1)
        names = [line[2:10].strip() for line in lines[1:]]
        self.assertEqual(names, sorted(names))
        lines = self.good("-c", target, "mpstat").splitlines()
        self.assertEqual(lines[0], f"{'name':>32} blksz  cnt free  min")
        self.assertEqual(len(lines[1]), len(lines[0]))

    def test_datetime(self):
        target = self.board("--pty", "--rtc").target
        self.assertEqual(self.good("-c", target, "datetime", "2026-01-02T03:04:05Z"), "Done\n")
        self.assertRegex(
            self.good("-c", target, "datetime"),
            r"^Datetime\(RFC 3339 format\): 2026-01-02T03:04:\d\d",
        )
        self.assertRegex(
            self.good("-c", target, "datetime", "now"),
            r"^Setting time to \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\nDone\n$",
        )


class Named(TestCase):
    """What is otherwise where it is called by the Go tool's name."""

    def setUp(self):
        super().setUp()
        os.symlink(SMPCTL, self.path("mcumgr"))

    def run_smpctl(self, *args, program=None):
        return super().run_smpctl(*args, program=program or self.path("mcumgr"))

    def good(self, *args, program=None):
        return super().good(*args, program=program or self.path("mcumgr"))

    def test_every_flag(self):
        target = self.board("--pty", "--board", "full").where
        here = ["--conntype", "serial", "--connstring", target]
        for args in (["-t", "5", "-r", "2", "echo", "x"], ["-t5", "-r=2", "echo", "x"],
                     ["echo", "--timeout=2.5", "x", "--tries", "3"], ["echo", "x", "-l", "WARN"],
                     ["--loglevel=error", "--hci", "0", "-i0", "--name", "n", "echo", "x"],
                     ["--write-rsp", "--ompres", "/x", "echo", "x"], ["-m", "100", "echo", "x"],
                     ["--write-rsp=false", "--write-rsp=true", "--ompres=/x", "echo", "x"],
                     ["--connextra", "baud=57600,mtu=256", "echo", "x"], ["echo", "--", "x"]):
            with self.subTest(args):
                self.assertEqual(self.good(*here, *args), "x\n")
        for args in (["-l", "loud"], ["-t", "0"], ["-r", "0"], ["--write-rsp=maybe"], ["--frob"]):
            with self.subTest(args):
                self.assertEqual(self.run_smpctl(*here, *args, "echo", "x")[0], 2)

    def test_log_levels(self):
        target = self.board("--pty").target
        for level in ("panic", "fatal", "error", "warn", "warning", "info", "Debug", "TRACE"):
            self.assertEqual(self.good("-c", target, "-l", level, "echo", "x"), "x\n")

    def test_switches(self):
        """what pflag takes for a flag without a value"""
        path, _ = self.make_image("app.bin", "1.1.0")
        board = self.board("--pty", "--time-scale", "20")
        target = ["--conntype", "serial", "--connstring", board.where, "--loglevel", "debug"]
        for args, erases in ((["-e"], False), (["-e=true"], False), (["--noerase=false"], True),
                             (["-e=0"], True), (["-eun0", "-w5"], False), (["--upgrade=F"], False)):
            with self.subTest(args):
                status, out, err = self.run_smpctl(*target, "image", "upload", "--force", *args, path)
                self.assertEqual((status, out), (0, "Done\n"), err)
                self.assertEqual("> write image/5" in err, erases)
                self.assertEqual('"upgrade": true' in err, "-eun0" in args)
        status, _, err = self.run_smpctl(*target, "image", "upload", "-e=maybe", path)
        self.assertEqual(status, 2)
        self.assertIn("--noerase takes no value, or true or false", err)

    def test_errors_are_told_twice(self):
        """the number on standard output as scripts look for it, the sentence for people"""
        target = self.board("--pty", "--board", "native").target
        self.assertEqual(self.run_smpctl("-c", target, "image", "list")[:2], (6, "Error: 8\n"))
        self.assertEqual(self.run_smpctl("-c", target, "log", "list")[:2], (6, "error: 8\n"))
        err = self.run_smpctl("-c", target, "image", "list")[2]
        self.assertTrue(err.startswith("Error: cannot read the image list on "), err)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            status, out, err = self.run_smpctl("-t", "0.2", "--conntype", "udp", "--connstring",
                                               f"127.0.0.1:{silent.getsockname()[1]}", "echo", "x")
        self.assertEqual((status, out), (5, ""))
        self.assertTrue(err.startswith("Error: NMP timeout; cannot"), err)
        self.assertTrue(self.run_smpctl("-c", "nope", "echo", "x")[2].startswith("Error: "))

    def test_own_name(self):
        """Help, usage and errors name the program as it was called."""
        target = self.board("--pty", "--board", "full").target
        status, out, err = self.run_smpctl("-c", target, "stat")
        self.assertEqual(status, 6)
        self.assertIn("stat group: flash_sim_stats\nstat group: ", out)
        self.assertTrue(err.startswith("Error: cannot read the statistics: "), err)
        for args, line in ((["--help"], "Usage: mcumgr [-c BOARD] COMMAND"),
                           (["image", "--help"], "Usage: mcumgr [OPTION…] image COMMAND"),
                           (["image", "list", "--help"], "  mcumgr [OPTION…] image list")):
            self.assertIn(line, self.good(*args))
        for args, line in ((["frobnicate"], "Usage: mcumgr [-c BOARD] COMMAND"),
                           (["frobnicate"], "`mcumgr --help` lists them"),
                           (["image", "upload"], "Usage: mcumgr [OPTION…] image upload FILE")):
            status, _, err = self.run_smpctl(*args)
            self.assertEqual(status, 2)
            self.assertIn(line, err)
            self.assertNotIn("smpctl", err)

    def test_half_a_command_is_help(self):
        self.assertIn("Usage: ", self.good())
        for family in ("conn", "image", "fs", "log", "run"):
            self.assertIn(f"{family} COMMAND", self.good(family))

    def test_what_is_not_here(self):
        for kind in ("oic_serial", "oic_ble", "bhd", "oic_bhd", "oic_udp", "oic_mtech"):
            with self.subTest(kind):
                status, out, err = self.run_smpctl("--conntype", kind, "--connstring", "x", "reset")
                self.assertEqual((status, out), (4, ""))
                self.assertIn(f'connection type "{kind}" is not supported', err)
                # It can be saved all the same, for the Go tool.
                self.good("conn", "add", kind, f"type={kind}", "connstring=x")
        for args in (["interactive"], ["res", "-d", "-j", "-J", "f", "get", "/x"],
                     ["res", "--int", "-R", "f", "-B", "g", "put", "/x", "a=1"]):
            with self.subTest(args):
                status, out, err = self.run_smpctl(*args)
                self.assertEqual((status, out), (2, ""))
                self.assertIn("is not supported: it speaks OIC over CoAP", err)

    def test_connstrings(self):
        """every key; what is wrong is named"""
        for kind, connstring, sentence in (
            ("serial", "frob=1", "Invalid serial connstring; Unrecognized key: frob"),
            ("serial", "/dev/x,baud=fast", "Invalid serial connstring; Invalid baud: fast"),
            ("serial", "dev=/dev/x,mtu=big", "Invalid serial connstring; Invalid mtu: big"),
            ("ble", "frob=1", "Invalid BLE connstring; Unrecognized key: frob"),
            ("ble", "x", "Invalid BLE connstring; expected comma-separated key=value pairs: x"),
            ("pigeon", "x", 'invalid conntype: "pigeon"'),
        ):
            with self.subTest(connstring):
                status, _, err = self.run_smpctl("--conntype", kind, "--connstring", connstring,
                                                 "reset")
                self.assertEqual(status, 2)
                self.assertIn(sentence, err)
        board = self.board("--pty").where
        for connstring in (board, f"dev={board}", f"dev={board},baud=9600,mtu=512",
                           f"{board},baud=115200", f"{board},115200", f"mtu=256,dev={board}"):
            with self.subTest(connstring):
                self.assertEqual(self.good("--conntype", "serial", "--connstring", connstring,
                                           "echo", "x"), "x\n")


def record(address, kind, data):
    body = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return ":" + (body + bytes([-sum(body) & 0xFF])).hex().upper()


if __name__ == "__main__":
    unittest.main()

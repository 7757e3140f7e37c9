# SPDX-License-Identifier: LGPL-2.1-or-later
"""--quiet, --verbose, --trace and --log-file with commands of every kind; examples of the help are
run."""

import os
import re
import shlex
import stat
import subprocess
import threading
import unittest

from common import PATIENCE, SMPCTL, TestCase

# What is asked for, of a board with all groups of Zephyr, and of one with Mynewt.
DATA = (("status",), ("image", "list"), ("image", "slots"), ("os", "info"), ("os", "params"),
        ("os", "bootloader"), ("echo", "x"), ("stat", "list"), ("stat", "smp_svr_stats"),
        ("settings", "read", "app/name"), ("fs", "types"), ("shell", "exec", "kernel", "version"),
        ("group", "list"), ("group", "count"), ("raw", "read", "os", "6"))
MYNEWT_DATA = (("log", "show", "log"), ("log", "list"), ("log", "modules"), ("log", "levels"),
               ("run", "list"), ("config", "id/hwid"), ("image", "corelist"), ("image", "list"))
# What is done, and what the Go tool or we say then.
DONE = (("settings", "write", "app/note", "x"), ("settings", "delete", "app/note"),
        ("settings", "commit"), ("settings", "load"), ("settings", "save"),
        ("fs", "upload", "file", "/lfs1/file"), ("fs", "download", "/lfs1/file", "back"),
        ("fs", "close"), ("storage", "erase"), ("image", "upload", "app.bin"), ("image", "erase"),
        ("reset",))
MYNEWT_DONE = (("run", "test"), ("config", "id/serial", "x"), ("config", "save"), ("log", "clear"),
               ("crash", "assert"))
STAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d smpctl\[\d+\] "


class Output(TestCase):
    def setUp(self):
        super().setUp()
        self.write("file", bytes(range(256)) * 8)
        self.make_image("app.bin", "1.1.0")

    def on(self, *options):
        self.environment["SMPCTL_CONN"] = self.board("--pty", "--time-scale", "20", *options).target

    def each(self, test):
        for board, data, done in (("full", DATA, DONE), ("mynewt", MYNEWT_DATA, MYNEWT_DONE)):
            self.on("--board", board)
            for kind, commands in (("data", data), ("done", done)):
                for args in commands:
                    with self.subTest((board, args)):
                        test(kind, args)

    def test_quiet(self):
        def test(kind, args):
            status, out, err = self.run_smpctl("-q", *args)
            self.assertEqual((status, err), (0, ""))
            if kind == "data":
                self.assertTrue(out)
            else:
                self.assertEqual(out, "")

        self.each(test)
        status, out, err = self.run_smpctl("-q", "conn", "add", "a", "type=udp", "connstring=h:1")
        self.assertEqual((status, out, err), (0, "", ""))
        self.assertIn("a: type=udp", self.good("-q", "conn", "show"))
        self.assertEqual(self.run_smpctl("-q", "conn", "delete", "a"), (0, "", ""))
        self.assertIn("1.1.0", self.good("-q", "image", "inspect", "app.bin"))

    def test_quiet_update(self):
        self.on()
        self.assertEqual(self.run_smpctl("-q", "update", "app.bin"), (0, "", ""))
        status, out, err = self.run_smpctl("-q", "update", "file")
        self.assertEqual((status, out), (3, ""))
        self.assertTrue(err)

    def test_trace(self):
        def test(kind, args):
            status, out, err = self.run_smpctl("--trace", *args)
            self.assertEqual(status, 0, err)
            self.assertRegex(err, r"(?m)^> (read|write) ")
            self.assertRegex(err, r"(?m)^< ")
            self.assertRegex(err, r"(?m)^  [0-9a-f]{2}( [0-9a-f]{2})+$")
            self.assertNotIn("> ", out)

        self.each(test)

    def test_verbose(self):
        def test(kind, args):
            status, out, err = self.run_smpctl("-v", *args)
            self.assertEqual(status, 0, err)
            self.assertTrue(out)
            self.assertNotRegex(err, r"(?m)^[<>] ")

        self.each(test)

    def test_verbose_upload(self):
        self.on("--log")
        _, out, err = self.run_smpctl("-v", "image", "upload", "app.bin")
        self.assertEqual(out, "Done\n")
        self.assertRegex(err, r"(?m)^speed +")
        self.assertRegex(err, r"(?m)^board: ")
        for args in (("-v", "-q"), ("-v", "--json")):
            _, out, err = self.run_smpctl(*args, "image", "upload", "-f", "app.bin")
            self.assertNotIn("speed", err)

    def log(self):
        return self.read("log").decode().splitlines()

    def test_log_file(self):
        def test(kind, args):
            plain = self.run_smpctl("--log-file", "log", *args)
            self.assertEqual(plain[0], 0, plain)
            self.assertNotIn("> ", plain[1] + plain[2])
            lines = self.log()
            for line in lines:
                self.assertRegex(line, STAMP)
            texts = [re.sub(STAMP, "", line) for line in lines]
            self.assertRegex(texts[0], rf"^version \S+: \S+ --log-file log {' '.join(args)}$")
            self.assertEqual(texts[-1], "exit status 0")
            self.assertTrue(any(text.startswith("> ") for text in texts))
            self.assertTrue(any(text.startswith("< ") for text in texts))
            os.unlink(self.path("log"))

        self.each(test)

    def test_log_file_has_what_is_not_shown(self):
        """An update, shown and not: the log has all of it each time, behind what is there."""
        self.on("--log")
        self.write("log", b"before\n")
        os.chmod(self.path("log"), 0o640)
        size = 0
        for args in ((), ("-q",), ("--json",)):
            self.on("--log")
            status, out, err = self.run_smpctl(*args, "--log-file", "log", "update", "app.bin")
            self.assertEqual(status, 0, err)
            lines = self.log()[size:]
            size += len(lines)
            text = "\n".join(re.sub(STAMP, "", line) for line in lines)
            for wanted in ("file     app.bin: image 0, 1.1.0", "board    image 0 runs 1.0.0",
                           "upload   image 0: ", "speed    ", "reset    the board is back",
                           "confirm  image 0: it stays", "updated: ", "> write image/1", "board: ",
                           "exit status 0"):
                self.assertIn(wanted, text)
            self.assertNotIn("> write", err)
            self.assertNotIn("speed", err)
        self.assertEqual(self.log()[0], "before")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("log")).st_mode), 0o640)

    def test_log_file_has_errors(self):
        self.on("--board", "old")
        status, _, err = self.run_smpctl("--log-file", "log", "shell", "exec", "x", "--passkey",
                                         "123456")
        self.assertEqual(status, 6)
        text = self.read("log").decode()
        self.assertIn("] cannot execute the command on ", text)
        self.assertIn("] The firmware on the board does not have this; Zephyr needs CONFIG_MCUMGR_GRP_SHELL=y",
                      text)
        self.assertIn("] exit status 6\n", text)
        self.assertNotIn("123456", text)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("log")).st_mode), 0o600)
        self.run_smpctl("--log-file=log", "stat", "x", "--passkey=123456")
        self.assertNotIn("123456", self.read("log").decode())

    def test_log_file_that_fails(self):
        """It is said once, and the command goes on."""
        self.on()
        os.mkfifo(self.path("fifo"))
        for path, why in (("/nowhere/log", "No such file"), (self.directory, "Is a directory"),
                          ("fifo", "No such device"), ("/dev/full", "No space left")):
            with self.subTest(path):
                status, out, err = self.run_smpctl("--log-file", path, "echo", "x")
                self.assertEqual((status, out), (0, "x\n"))
                self.assertEqual(err.count("\n"), 1, err)
                self.assertIn(f"smpctl: cannot write {path}: {why}", err)

    def test_log_file_of_several(self):
        """Lines of programs that run at once are whole."""
        targets = [self.board("--udp", "0").target for _ in range(3)]
        threads = [threading.Thread(target=self.run_smpctl, args=("--log-file", "log", "-c", target,
                                                                  "image", "upload", "app.bin"))
                   for target in targets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines = self.log()
        for line in lines:
            self.assertRegex(line, STAMP)
        self.assertEqual(len({re.match(r".*\[(\d+)\]", line)[1] for line in lines}), 3)


class Examples(TestCase):
    """The example in the help of each command is run, on the board that has what it needs."""

    # The boards that have it; ELSEWHERE is what takes smpd, an adapter, a device behind a
    # bridge, or goes on until it is ended.
    BOARDS = {"log": "mynewt", "run": "mynewt", "config": "mynewt", "crash": "mynewt",
              "image corelist": "mynewt", "image coredownload": "core", "image coreerase": "core",
              "image coreconvert": "core", "os pools": "pools", "mpstat": "pools",
              "os datetime": "rtc", "datetime": "rtc", "resume": "stopped", "rollback": "trial",
              "confirm": "trial"}
    ELSEWHERE = {"ble scan", "ble pair", "ble forget", "watch", "console", "bridge connect",
                 "bridge disconnect", "device list", "device show", "device add", "device remove",
                 "device refresh", "device retry", "job list", "job show", "job watch",
                 "job cancel", "job confirm", "job rollback"}

    def examples(self):
        """(command, line), of all commands, by what completion offers and of the Go tool."""
        firsts = [line.split("\t")[0] for line in self.good("__complete", "").splitlines()]
        names = [*firsts, "taskstat", "mpstat", "datetime", "version", "res", "interactive",
                 "log module_list", "log level_list", "image coreconvert"]
        for first in firsts:
            names += [f"{first} {line}" for line in
                      self.good("__complete", first, "").split("\n")[:-1] if line[0] != ":"]
        for name in sorted({name.split("\t")[0] for name in names}):
            status, text, _ = self.run_smpctl(*name.split(), "--help")
            self.assertEqual(status, 0, name)
            if re.match(rf"Usage:\n  smpctl \[OPTION…\] {name}( |$)", text, re.M):
                yield name, text.split("Example:\n  ")[1].rstrip("\n")

    def setUp(self):
        super().setUp()
        _, self.hash = self.make_image("app.signed.bin", "1.1.0")
        self.write("config.txt", b"x")
        self.link = self.path("ttyACM0")

    def make_board(self, kind):
        """A board for one example."""
        options = {"mynewt": ["--board", "mynewt"], "core": ["--board", "mynewt"],
                   "pools": ["--board", "full", "--pools"], "rtc": ["--board", "full", "--rtc"],
                   "trial": [], "stopped": [], "full": ["--board", "full"], "swap": [],
                   "udp": ["--udp", "0"]}[kind]
        board = self.board("--time-scale", "20", *(["--link", self.link] if kind != "udp" else []),
                           *options)
        target = board.target if kind == "udp" else self.link
        if kind == "core":
            self.good("-c", target, "crash", "assert")
            self.wait_for(lambda: self.run_smpctl("-t", "1", "-c", target, "echo", "x")[0] == 0)
            self.good("-c", target, "image", "coredownload", "core.bin")
        elif kind == "rtc":
            self.good("-c", target, "os", "datetime", "now")
        elif kind == "trial":
            self.good("-c", target, "update", "--test-only", "app.signed.bin")
        elif kind == "stopped":
            self.good("-c", target, "update", "--stop-before", "reset", "app.signed.bin")
        elif kind == "full":
            self.good("-c", target, "fs", "upload", "config.txt", "/lfs1/log.txt")
            self.good("-c", target, "settings", "write", "app/name", "x")
        return board, target

    def run_example(self, name, line):
        family = name.split()[0]
        kind = self.BOARDS.get(name) or self.BOARDS.get(family)
        if not kind:
            kind = ("udp" if "udp:" in line else
                    "swap" if family in ("update", "ensure", "image", "status") else "full")
        if name == "storage erase":
            kind = "full"
        board, target = self.make_board(kind)
        words = shlex.split(line.replace("$HASH", self.hash))
        self.assertEqual(words[0], "smpctl")
        words = [word.replace("/dev/ttyACM0", target).replace("udp:192.0.2.7", target)
                 for word in words[1:]]
        if name == "image test":
            self.good("-c", target, "image", "upload", "app.signed.bin")
        process = subprocess.run([SMPCTL, *words], input="exit\n", capture_output=True, text=True,
                                 env=self.environment, cwd=self.directory, timeout=PATIENCE,
                                 check=False)
        self.assertEqual(process.returncode, 0, f"{words}: {process.stdout}{process.stderr}")
        board.stop()

    def test_examples(self):
        seen = set()
        for name, line in self.examples():
            seen.add(name)
            with self.subTest(name):
                # It is of this command, and no option in it is wrong.
                self.assertRegex(line, rf"^smpctl (-c \S+ )?{name}( |$)")
                if name not in self.ELSEWHERE and name != "conn delete":
                    self.run_example(name, line)
        self.assertLess(self.ELSEWHERE, seen)
        self.assertGreater(len(seen), 80)
        self.good("conn", "delete", "esp")


if __name__ == "__main__":
    unittest.main()

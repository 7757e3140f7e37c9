#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Go tool mcumgr and smpctl called as mcumgr do the same to equal boards; line by line they say
the same. The program that the variable MCUMGR_GO names is the Go tool; without it there is nothing
to compare (tests/cli/test_go.py has its text all the same)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from smptest import Sim, environment, main, program, record, sim_image, skip_all  # noqa: E402

GO = os.environ.get("MCUMGR_GO")


class Tool:
    """One of the two, in a home of its own."""

    def __init__(self, path):
        self.home = tempfile.mkdtemp(prefix="smp-go-")
        self.program = os.path.join(self.home, "mcumgr")
        os.symlink(shutil.which(path), self.program)

    def run(self, *args):
        """Returns whether it succeeded, and standard output."""
        run = subprocess.run([self.program, *args], stdin=subprocess.DEVNULL, timeout=60,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                             cwd=self.home, env=dict(environment(), HOME=self.home, TZ="UTC"))
        out = run.stdout.decode()
        record.note(f"{' '.join(args)}: {run.returncode}")
        record.output(out + run.stderr.decode())
        return run.returncode, out

    def read(self, name):
        return pathlib.Path(self.home, name).read_bytes()

    def close(self):
        shutil.rmtree(self.home)


def without_bar(text):
    """The bar of an upload is drawn over and over on standard output; ours goes to standard error."""
    lines = [line.split("\r")[-1] for line in text.split("\n")]
    return "\n".join(line for line in lines if not re.search(r" [0-9.]+ K?i?B / ", " " + line))


class Compare(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.tools = [Tool(GO), Tool(program("smpctl"))]
        for tool in self.tools:
            self.addCleanup(tool.close)

    def both(self, *args, targets=((), ()), refused=False):
        """Runs it with both. Where the board refuses the Go tool ends with 0, ours with 6."""
        (status, wanted), (ours, got) = [tool.run(*target, *args)
                                         for tool, target in zip(self.tools, targets)]
        self.assertEqual(without_bar(got), without_bar(wanted), args)
        self.assertEqual(status, 0, args)
        self.assertEqual(ours, 6 if refused else 0, args)
        return got

    def each(self, *args, targets):
        return [tool.run(*target, *args) for tool, target in zip(self.tools, targets)]

    def fail_both(self, *args, targets=((), ())):
        """What both call an error."""
        for tool, target in zip(self.tools, targets):
            status, _ = tool.run(*target, *args)
            self.assertNotEqual(status, 0, (tool.program, args))

    def boards(self, *options, key="serial"):
        """Two that are equal. Returns the options that name them."""
        targets = []
        for _ in self.tools:
            sim = Sim("--time-scale", 20, *(("--udp", 0) if key == "udp" else ()), *options)
            self.addCleanup(sim.__exit__)
            where = sim.address if key == "udp" else f"dev={sim.address},baud=115200"
            targets.append(("--conntype", key, "--connstring", where))
        return targets


class Profiles(Compare):
    def compare_files(self):
        files = [tool.read(".mcumgr.cp.json") for tool in self.tools]
        self.assertEqual(files[1], files[0])

    def test_commands(self):
        """conn add, show, delete; the file is the same byte by byte"""
        for args in (("show",), ("add", "b", "type=serial", "connstring=dev=/dev/ttyUSB0,mtu=256"),
                     ("add", "a", "type=udp", "connstring=[::1]:1337"),
                     ("add", "Ä&<>\"\\/", "type=ble", "connstring=peer_name=Gerät ☃"),
                     ("add", "c", "type=oic_serial"), ("add", "b", "connstring=x,y", "type=bhd"),
                     ("show",), ("show", "a"), ("show", "nope"), ("delete", "a"), ("show",),
                     ("delete", "b"), ("delete", "c"), ("delete", "Ä&<>\"\\/"), ("show",)):
            self.both("conn", *args)
            if args != ("show",):
                self.compare_files()

    def test_each_reads_the_others(self):
        """a file written by one is read by the other"""
        self.both("conn", "add", "x<", "type=serial", "connstring=/dev/ttyS0")
        paths = [os.path.join(tool.home, ".mcumgr.cp.json") for tool in self.tools]
        texts = [pathlib.Path(path).read_bytes() for path in paths]
        for path, text in zip(paths, reversed(texts)):
            pathlib.Path(path).write_bytes(text)
        self.both("conn", "show")

    def test_mistakes(self):
        for args in (("conn", "add"), ("conn", "add", "x"), ("conn", "add", "x", "type=pigeon"),
                     ("conn", "add", "x", "type=udp", "speed=1"), ("conn", "delete", "nope"),
                     ("-c", "nope", "image", "list"), ("image", "list"),
                     ("--conntype", "pigeon", "echo", "x"),
                     ("-l", "loud", "--conntype", "udp", "--connstring", "127.0.0.1:9", "reset"),
                     ("--conntype", "serial", "--connstring", "frob=1", "echo", "x"),
                     ("--conntype", "serial", "--connstring", "baud=x", "echo", "x"),
                     ("--conntype", "ble", "echo", "x"),
                     ("--conntype", "ble", "--connstring", "frob=1", "echo", "x"),
                     ("--conntype", "oic_serial", "--connstring", "/dev/nope", "echo", "x")):
            with self.subTest(args):
                self.fail_both(*args)

    def test_help_without_a_command(self):
        """no command, and half a command, is help and no error"""
        for args in ((), ("conn",), ("image",), ("fs",), ("log",), ("run",), ("help",),
                     ("image", "list", "--help"), ("help", "image", "upload"), ("image", "-h")):
            with self.subTest(args):
                for tool in self.tools:
                    self.assertEqual(tool.run(*args)[0], 0, tool.program)


class Boards(Compare):
    def run_all(self, board, *commands, **options):
        targets = self.boards("--board", board, **options)
        return [self.both(*command, targets=targets) for command in commands]

    def test_echo(self):
        for key in ("serial", "udp"):
            self.run_all("full", ("echo", "hello world"), ("echo", ""), key=key)

    def test_flags(self):
        """every global flag, in every place and way to write it"""
        self.run_all("full", ("-t", "5", "-r", "2", "echo", "x"), ("-t5", "-r=2", "echo", "x"),
                     ("echo", "--timeout=2.5", "x", "--tries", "3"), ("echo", "x", "-l", "WARN"),
                     ("--loglevel=error", "--hci", "0", "-i0", "--name", "n", "echo", "x"),
                     ("--write-rsp", "--ompres", "/x", "echo", "x"),
                     ("--write-rsp=false", "--ompres=/x", "echo", "x"),
                     ("--write-rsp=true", "echo", "--", "-x"))

    def test_connextra(self):
        targets = [(*target, "--connextra", "baud=57600,mtu=256") for target in self.boards()]
        self.both("image", "list", targets=targets)

    def test_profile(self):
        """a saved connection, used and overridden"""
        for tool, target in zip(self.tools, self.boards()):
            tool.run("conn", "add", "b", "type=serial", f"connstring={target[3]}")
            tool.run("conn", "add", "wrong", "type=udp", f"connstring={target[3]}")
        self.both("-c", "b", "image", "list")
        self.both("image", "list", "-c=b")
        self.both("-c", "wrong", "--conntype", "serial", "image", "list")
        self.both("--conn=b", "--connextra", "mtu=384", "image", "list")

    def test_update(self):
        """list, upload, test, reset, confirm, erase"""
        for key in ("serial", "udp"):
            with self.subTest(key):
                self.update(key)

    def update(self, key):
        paths = [sim_image("1.1.0", os.path.join(tool.home, "app.bin")) for tool in self.tools]
        self.assertEqual(*[pathlib.Path(path).read_bytes() for path in paths])
        targets = self.boards(key=key)
        slow = [("-w", "1")] if key == "udp" else [(), ("-e", "-n", "0", "-w", "3"), ("-eun0",)]
        for options in slow:
            self.both("image", "upload", "app.bin", *options, targets=targets)
        text = self.both("image", "list", targets=targets)
        new = re.findall(r"hash: (\w+)", text)[-1]
        self.both("image", "test", new, targets=targets)
        self.both("reset", targets=targets)
        self.wait_for_boards(targets)
        self.both("image", "list", targets=targets)
        # Without a hash the Go tool sends null for one, and the board wants bytes.
        self.assertEqual(self.tools[0].run(*targets[0], "image", "confirm"), (0, "Error: 3\n"))
        self.both("image", "confirm", new, targets=targets)
        self.both("image", "erase", targets=targets)
        self.both("image", "list", targets=targets)

    def wait_for_boards(self, targets):
        for tool, target in zip(self.tools, targets):
            for _ in range(20):
                if tool.run("-t", "1", *target, "echo", "x")[0] == 0:
                    break

    def test_confirm_by_hash(self):
        for tool in self.tools:
            sim_image("1.1.0", os.path.join(tool.home, "app.bin"))
        targets = self.boards()
        self.both("image", "upload", "app.bin", "--noerase=false", "--upgrade=true",
                  targets=targets)
        new = re.findall(r"hash: (\w+)", self.both("image", "list", targets=targets))[-1]
        self.both("image", "confirm", new.upper(), targets=targets)

    def test_lists(self):
        """image lists of other boards"""
        for board in ("recovery", "nrf5340", "directxip", "old", "mynewt"):
            with self.subTest(board):
                self.run_all(board, ("image", "list"))

    def test_files(self):
        for tool in self.tools:
            pathlib.Path(tool.home, "data").write_bytes(bytes(range(256)) * 4)
            pathlib.Path(tool.home, "small").write_bytes(b"x")
        targets = self.boards("--board", "full")
        for name in ("data", "small"):
            self.last_lines("fs", "upload", name, f"/lfs1/{name}", targets=targets)
            self.last_lines("fs", "download", f"/lfs1/{name}", "back", targets=targets)
            self.assertEqual(self.tools[1].read("back"), self.tools[0].read("back"))
            self.assertEqual(self.tools[1].read("back"), self.tools[1].read(name))

    def last_lines(self, *args, targets):
        """Offsets rise as requests are large, and these differ: numbers, then Done."""
        for tool, target in zip(self.tools, targets):
            status, out = tool.run(*target, *args)
            self.assertEqual(status, 0)
            *offsets, done, empty = out.split("\n")
            self.assertEqual((done, empty), ("Done", ""))
            numbers = [int(offset) for offset in offsets]
            self.assertEqual(numbers, sorted(numbers))
            self.assertTrue(numbers)

    def test_statistics(self):
        self.run_all("full", ("stat", "list"), ("stat", "flash_sim_thresholds"),
                     ("stat", "smp_svr_stats"))

    def test_shell(self):
        self.run_all("full", ("shell", "exec", "kernel", "version"))

    def test_shell_that_fails(self):
        """the Go tool looks for the status where Zephyr has it with a legacy option only"""
        targets = self.boards("--board", "full")
        outs = self.each("shell", "exec", "nope", targets=targets)
        self.assertEqual([(status, out.split("\n", 1)[0]) for status, out in outs],
                         [(0, "status=0"), (6, "status=-8")])
        self.assertEqual(*[out.split("\n", 1)[1] for _, out in outs])

    def test_tasks_and_pools(self):
        for board in ("full", "mynewt"):
            # Run time and context switches differ from moment to moment.
            outs = [re.sub(r"^( +\S+ +\d+ +\d+)( +\d+){2}", r"\1", out, flags=re.M)
                    for _, out in self.each("taskstat", targets=self.boards("--board", board))]
            self.assertEqual(*outs)
            self.assertIn("last_checkin", outs[0])
        # Zephyr's pools have no "mpools" around them, which the Go tool looks for.
        outs = self.each("mpstat", targets=self.boards("--board", "full", "--pools"))
        self.assertEqual(outs[1][1].splitlines()[:1], outs[0][1].splitlines())

    def test_datetime(self):
        targets = self.boards("--board", "full", "--rtc")
        self.both("datetime", "2026-01-02T03:04:05", targets=targets)
        self.both("datetime", targets=targets)
        self.assertEqual(*[re.sub(r"\d", "0", out)
                           for _, out in self.each("datetime", "now", targets=targets)])

    def test_mynewt(self):
        self.run_all("mynewt", ("config", "id/hwid"), ("config", "id/serial", "1"),
                     ("config", "id/serial"), ("config", "save"), ("run", "list"), ("run", "test"),
                     ("run", "test", "all", "token"), ("log", "list"), ("log", "module_list"),
                     ("log", "level_list"), ("image", "corelist"))

    def test_logs(self):
        targets = self.boards("--board", "mynewt")
        text = self.both("log", "list", targets=targets)
        for name in re.findall(r"^    (\S+)$", text, re.M):
            for more in ((), ("0",), ("1",), ("0x1",), ("last",), ("0", "1"), ("-a",), ("1", "-a")):
                with self.subTest((name, more)):
                    self.both("log", "show", name, *more, targets=targets)
        self.both("log", "show", "nosuch", targets=targets, refused=True)
        self.both("log", "clear", targets=targets)

    def test_core(self):
        targets = self.boards("--board", "mynewt")
        self.both("crash", "assert", targets=targets)
        self.wait_for_boards(targets)
        self.both("image", "corelist", targets=targets)
        self.assertEqual(*[out.split("\n")[-2:] for _, out in
                           self.each("image", "coredownload", "core", targets=targets)])
        self.assertEqual(self.tools[1].read("core"), self.tools[0].read("core"))
        self.both("image", "coreconvert", "core", "core.elf")
        self.assertEqual(self.tools[1].read("core.elf"), self.tools[0].read("core.elf"))
        self.assertEqual(*[out.split("\n")[-2:] for _, out in
                           self.each("image", "coredownload", "-e", "direct", targets=targets)])
        self.assertEqual(self.tools[1].read("direct"), self.tools[0].read("core.elf"))
        self.both("image", "coreerase", targets=targets)
        self.both("image", "corelist", targets=targets)

    def test_crash(self):
        for how in ("assert", "div0", "jump0", "ref0", "wdog"):
            self.run_all("mynewt", ("crash", how))

    def test_refused(self):
        """the board says no: the same text, and an exit status that says so, too"""
        for board, *args in (("native", "image", "list"), ("full", "stat", "flash_sim_stats"),
                             ("full", "run", "list"),
                             ("full", "log", "list"), ("full", "crash", "div0"),
                             ("swap", "mpstat"), ("swap", "fs", "download", "/nope", "x"),
                             ("full", "image", "corelist")):
            with self.subTest((board, args)):
                self.both(*args, targets=self.boards("--board", board), refused=True)

    def test_refused_by_a_group(self):
        """version 1 of SMP has one number for what version 2 tells by the group's own"""
        for args, numbers in ((("stat", "nope"), (5, 3)), (("image", "test", "00" * 32), (1, 8)),
                              (("fs", "download", "/lfs1/nope", "x"), (5, 3))):
            with self.subTest(args):
                self.assertEqual(self.each(*args, targets=self.boards("--board", "full")),
                                 [(status, f"Error: {number}\n")
                                  for status, number in zip((0, 6), numbers)])

    def test_silence(self):
        """no board: an error for both"""
        self.fail_both("-t", "0.3", "--conntype", "udp", "--connstring", "127.0.0.1:9", "echo", "x")
        self.fail_both("--conntype", "serial", "--connstring", "/dev/nope", "echo", "x")

    def test_arguments(self):
        """wrong arguments for commands: errors for both"""
        targets = self.boards()
        for args in (("echo",), ("echo", "a", "b"), ("image", "test"), ("image", "test", "xyz"),
                     ("image", "upload"), ("image", "upload", "nope.bin"), ("fs", "upload", "a"),
                     ("fs", "download", "a"), ("crash",), ("crash", "nope"), ("config",),
                     ("shell", "exec"), ("log", "show", "a", "b"), ("image", "confirm", "xyz"),
                     ("image", "upload", "-n", "-1", os.devnull), ("image", "coredownload"),
                     ("image", "coreconvert", "a")):
            with self.subTest(args):
                self.fail_both(*args, targets=targets)


def prepare():
    if not GO:
        skip_all("MCUMGR_GO names no program")
    if not shutil.which(GO):
        skip_all(f"there is no {GO}, which MCUMGR_GO names")


if __name__ == "__main__":
    main(prepare)

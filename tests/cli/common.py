# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the end-to-end tests of smpctl share: a simulated board, and running smpctl against it."""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "lib"))

SMPCTL = os.environ["SMPCTL"]
SMPSIM = os.environ["SMPSIM"]

# Nothing here may take longer, on a slow machine under valgrind either.
PATIENCE = 120


class Board:
    """A simulated board on a pty or on UDP."""

    def __init__(self, directory, *options):
        self.process = subprocess.Popen(
            [SMPSIM, "--exit-with-stdin", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=directory,
        )
        self.where = self.process.stdout.readline().strip().partition("=")[2]
        if not self.where:
            raise RuntimeError(f"smpsim {' '.join(options)} did not start")

    @property
    def target(self):
        return self.where if self.where.startswith("/") else "udp:" + self.where

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def cbor(value):
    """What the answers of a puppet are made of."""
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
        return bytes([major << 5 | 23 + size.bit_length()]) + number.to_bytes(size, "big")

    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(key) + cbor(value[key]) for key in value)


class Puppet(threading.Thread):
    """A board over UDP that says what it is told: what smpsim never would. The answers, by group and
    command, are maps or functions of the request that return one; None for silence, and GONE where
    it is not there any more. It answers in the version of the request, or in @version 1."""

    GONE = object()

    def __init__(self, answers, version=2):
        super().__init__()
        self.answers = answers
        self.version = version
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.target = "udp:127.0.0.1:%d" % self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            request, peer = self.socket.recvfrom(65536)
            if not request:
                return
            # Zephyr's struct smp_hdr: an answer's operation is one more.
            op, _, _, group, sequence, command = struct.unpack(">BBHHBB", request[:8])
            if self.version == 1:
                op &= 7
            answer = self.answers.get((group, command), {"rc": 8})
            if callable(answer):
                answer = answer(request[8:])
            if answer is self.GONE:
                self.socket.close()
                return
            if answer is not None:
                body = cbor(answer)
                self.socket.sendto(struct.pack(">BBHHBB", op + 1, 0, len(body), group, sequence,
                                               command) + body, peer)

    def stop(self):
        if self.is_alive():
            self.socket.sendto(b"", self.socket.getsockname())
        self.join(PATIENCE)
        self.socket.close()


class TestCase(unittest.TestCase):
    """Each test has a directory of its own, which is also the home."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="smpctl-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.environment = {
            "HOME": self.directory,
            "PATH": os.path.dirname(SMPSIM) + ":" + os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def board(self, *options):
        board = Board(self.directory, *options)
        self.addCleanup(board.stop)
        return board

    def puppet(self, answers, version=2):
        """Returns its target."""
        puppet = Puppet(answers, version)
        self.addCleanup(puppet.stop)
        return puppet.target

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def make_image(self, name, version, *options):
        """Returns path and hash."""
        text = subprocess.run(
            [SMPSIM, "--make-image", version, *options, self.path(name)],
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        ).stdout
        return self.path(name), text.split()[-1]

    def start(self, *args, program=SMPCTL, **options):
        return subprocess.Popen(
            [program, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.directory,
            env=self.environment,
            **options,
        )

    def run_smpctl(self, *args, program=SMPCTL):
        """Returns exit status, standard output and standard error."""
        process = self.start(*args, program=program)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def good(self, *args, program=SMPCTL):
        """Returns standard output of a command that must succeed."""
        status, out, err = self.run_smpctl(*args, program=program)
        self.assertEqual(status, 0, err)
        return out

    def json(self, *args, status=0):
        """Returns the objects that a command prints with --json."""
        got, out, err = self.run_smpctl("--json", *args)
        self.assertEqual(got, status, out + err)
        self.assertEqual(err, "")
        self.assertNotRegex(out, r":-?\d+\.\d{4}", "a number is rounded to thousandths")
        return [json.loads(line) for line in out.splitlines()]

    def wait_for(self, what, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), deadline, "it did not come")
            time.sleep(0.02)


class OnBoard(TestCase):
    """Each command finds the board by itself."""

    OPTIONS = ("--board", "full")

    def setUp(self):
        super().setUp()
        self.environment["SMPCTL_CONN"] = self.board("--pty", *self.OPTIONS).target

    def one(self, *args, status=0):
        objects = self.json(*args, status=status)
        self.assertEqual(len(objects), 1)
        return objects[0]

    def told(self, out, error=None):
        """What an error prints on standard output."""
        self.assertEqual(out, "")

    def refused(self, *args, code, status=6, hint=None):
        """An error, as text and as JSON."""
        got, out, err = self.run_smpctl(*args)
        self.assertEqual(got, status, err)
        self.told(out, "Status" if args[:2] == ("log", "show") else "error" if args[0] == "log" else "Error")
        if hint:
            self.assertIn(hint, err)
        error = self.one(*args, status=status)["error"]
        self.assertEqual((error["group"], error["code"]), code)

    def usage(self, *args, text):
        status, out, err = self.run_smpctl(*args)
        self.assertEqual((status, out), (2, ""))
        self.assertIn(text, err)

    def feed(self, text, *args):
        done = subprocess.run([SMPCTL, *args], input=text, capture_output=True, text=True,
                              env=self.environment, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout, done.stderr

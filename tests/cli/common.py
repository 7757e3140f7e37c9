# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the end-to-end tests of smpctl share: a simulated board, and running smpctl against it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
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

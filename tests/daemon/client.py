# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpctl as the client of smpd, for the tests of that."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import common
import smptest
from gi.repository import GLib
from common import DEVICE, JOB, PATIENCE, device_path, eventually

SMPCTL = os.environ["SMPCTL"]
SLOW = ("--baud", "115200")
# For jobs that are to be there as long as the test wants.
CRAWL = ("--baud", "19200")

DEVICE_KEYS = {"device", "target", "transport", "identity", "present", "seen", "application",
               "platform", "bootloader", "mode_name", "recovery", "images", "policy"}
JOB_KEYS = {"job", "device", "kind", "started_by", "files", "version", "state", "result", "message",
            "bytes_done", "bytes_total", "rate", "fraction", "time_left", "started", "ended", "step",
            "cancellable"}


class TestCase(common.TestCase):
    def environment(self, **more):
        return common.environment(**{"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address, "TERM": "xterm",
                                     "HOME": self.directory, **more})

    def begin(self, *args, user=None, **more):
        wrap = os.environ.get("SMPCTL_WRAP", "").split()
        options = {"user": user} if user is not None and os.geteuid() == 0 else {}
        program = smptest.for_others(SMPCTL, self.path("others")) if options else SMPCTL
        options.update(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env=self.environment(), text=True)
        options.update(more)
        return subprocess.Popen([*wrap, program, *args], **options)

    def smpctl(self, *args, **more):
        """Returns exit status, standard output and standard error."""
        process = self.begin(*args, **more)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def good(self, *args, **more):
        status, out, err = self.smpctl(*args, **more)
        self.assertEqual(status, 0, out + err)
        return out

    def bad(self, status, *args, **more):
        """Returns standard error of a command that must fail so."""
        got, out, err = self.smpctl(*args, **more)
        self.assertEqual(got, status, out + err)
        lines = [line for line in err.splitlines() if line.startswith("smpctl: ")]
        self.assertEqual(len(lines), 1, err)
        got, out, also = self.smpctl("--json", *args, **more)
        self.assertEqual((got, also), (status, ""))
        self.assertEqual(lines[0], "smpctl: " + json.loads(out.splitlines()[-1])["error"]["message"])
        return err

    def objects(self, *args, status=0):
        got, out, err = self.smpctl("--json", *args)
        self.assertEqual((got, err), (status, ""), out)
        return [json.loads(line) for line in out.splitlines()]

    def object(self, *args):
        found = self.objects(*args)
        self.assertEqual(len(found), 1)
        return found[0]

    def rows(self, *args):
        """A table as lists of cells."""
        return [re.split(r"  +", line.strip()) for line in self.good(*args).splitlines()]

    def upload_at(self, job, done=2000):
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > done)

    def fake(self, device):
        """Something in place of smpd, with one device."""
        process = subprocess.Popen(
            [sys.executable, "-m", "dbusmock", "--system", "--is-object-manager", common.NAME,
             common.ROOT, common.MANAGER], stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        eventually(lambda: self.bus.has_owner(common.NAME))
        kinds = {str: "s", bool: "b"}
        self.user.call(common.ROOT, "org.freedesktop.DBus.Mock", "AddObject",
                       GLib.Variant("(ssa{sv}a(ssss))", (
                           device_path("a"), DEVICE,
                           {key: GLib.Variant(kinds[type(value)], value)
                            for key, value in device.items()}, [])))
        return process

    def job_path(self, number):
        return f"{common.ROOT}/job/{number}"


class Terminal:
    """smpctl on a terminal of its own, and what the terminal got."""

    def __init__(self, case, *args, columns=100, rows=24):
        master, slave = pty.openpty()
        self.master = master
        self.resize(columns, rows)
        self.process = case.begin(*args, stdin=slave, stdout=slave, stderr=slave, text=False,
                                  start_new_session=True)
        os.close(slave)
        case.addCleanup(self.close)
        self.text = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        while select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                break
            seconds = 0.01
        return self.text

    def wait_for(self, pattern):
        """Text that came since the last call."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern} did not come: {self.text!r}")
            self.read(0.1)
        text, self.text = self.text, ""
        return text

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        os.close(self.master)

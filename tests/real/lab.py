# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real servers for the tests: Zephyr's SMP server and MCUboot as programs and QEMU boards, started by
serve.py of the lab, a folder beside the checkout that is no part of the project."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

from smptest import record, skip_all, smpctl  # noqa: E402

LAB = pathlib.Path(os.environ.get("SMP_LAB", HERE.parents[2] / "shared/lab")).absolute()
FIXTURES = pathlib.Path(os.environ.get("SMP_FIXTURES",
                                       pathlib.Path.home() / ".cache/smp-lab/fixtures"))
PYTHON = "/usr/bin/python3"  # Debian's, as serve.py wants it: its modules are Debian's
TIMEOUT = 60


def missing():
    """What the servers need and is not there; None if nothing."""
    if not (LAB / "serve.py").is_file():
        return f"no lab with real servers at {LAB} (SMP_LAB)"
    if not (FIXTURES / "manifest.json").is_file():
        return f"no prebuilt servers at {FIXTURES} (SMP_FIXTURES)"
    if not shutil.which("qemu-system-arm"):
        return "no qemu-system-arm"
    modules = subprocess.run([PYTHON, "-c", "import cbor2, serial, intelhex"],
                             stderr=subprocess.DEVNULL, check=False)
    if modules.returncode:
        return "Python lacks cbor2, serial or intelhex, which serve.py needs"
    return None


def prepare():
    reason = missing()
    if reason:
        skip_all(reason)


def imgtool():
    """The imgtool command, or None."""
    return os.environ.get("IMGTOOL") or shutil.which("imgtool")


class Server:
    """One real server with a run directory of its own."""

    def __init__(self, name, *options, run=None):
        self.name, self.options = name, options
        self.run = run or tempfile.mkdtemp(prefix="smp-real-")
        self.env = dict(os.environ, SMP_LAB_RUN=self.run, SMP_FIXTURES=str(FIXTURES))
        self.facts = {}

    def serve(self, *args):
        return subprocess.run([PYTHON, LAB / "serve.py", *map(str, args)], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=TIMEOUT, check=False)

    def start(self, *more):
        run = self.serve("start", self.name, *self.options, *more)
        if run.returncode:
            raise RuntimeError(f"{self.name} does not start: {run.stdout}")
        self.facts = dict(line.split("=", 1) for line in run.stdout.splitlines() if "=" in line)
        return self

    def stop(self):
        self.serve("stop", self.name)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.run, ignore_errors=True)

    @property
    def target(self):
        if "UDP" in self.facts:
            return "udp:" + self.facts["UDP"]
        kind = {"raw": "raw:", "console": ""}[self.facts["PROTO"]]
        return kind + self.facts["TTY"]

    def reset(self):
        """The reset button."""
        record.note("the board's reset button was pressed here")
        self.serve("reset", self.name)

    def pause(self, seconds):
        """The board hears and does nothing for a while; its UART keeps what comes."""
        record.note(f"the board stood still here for {seconds} s (SIGSTOP)")
        pid = int(self.facts["SERVER_PID"])
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def power_cycle(self, seconds):
        """Off for a while; the flash keeps what was written."""
        record.note(f"the board lost power here for {seconds} s")
        self.stop()
        time.sleep(seconds)
        self.start("--keep")


class Case(unittest.TestCase):
    """A test with one server: self.board; its files are in self.dir."""

    server = None
    options = ()

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="smp-real-files-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        if self.server:
            self.board = self.start(self.server, *self.options)

    def start(self, name, *options):
        board = Server(name, *options)
        self.addCleanup(shutil.rmtree, board.run, ignore_errors=True)
        self.addCleanup(board.stop)
        board.start()
        record.note(f"server: {name}" + "".join(f" {option}" for option in options))
        record.names[board.run + "/"] = ""
        record.names[self.dir + "/"] = ""
        if "TTY" in board.facts:
            record.names[board.facts["TTY"]] = "/dev/ttyBOARD"
        return board

    def check_crash(self, board):
        """What serve.py saw of a server that crashed belongs to the record."""
        for line in board.serve("status").stdout.splitlines():
            if "CRASHED" in line:
                record.note(f"the server crashed by itself: {line}")

    def ctl(self, *args, code=0, **kwargs):
        """smpctl with the board; checks the exit status."""
        try:
            result = smpctl("-c", self.board.target, *args, **kwargs)
        except AssertionError:
            self.check_crash(self.board)
            raise
        if result.code != code:
            self.check_crash(self.board)
        self.assertEqual(result.code, code, result.err + result.out)
        return result

    def image(self, version, *options):
        """A new image for the server. Returns its path and its hash as text."""
        if not imgtool():
            self.skipTest("no imgtool (IMGTOOL or PATH)")
        path = os.path.join(self.dir, f"app-{version}.bin")
        run = subprocess.run([PYTHON, LAB / "mkimage.py", self.server, version, path, *options],
                             env=dict(self.board.env, IMGTOOL=imgtool()), check=True,
                             stdout=subprocess.PIPE, text=True, timeout=TIMEOUT)
        return path, run.stdout.split()[0]

    def slots(self):
        """What the board lists, by slot: version and the letters of the flags that are set."""
        names = {"active": "A", "confirmed": "C", "pending": "P", "permanent": "M"}
        images = self.ctl("--json", "image", "list").json[-1]["images"]
        return {image["slot"]: (image["version"],
                                "".join(letter for name, letter in names.items()
                                        if image.get(name)))
                for image in images}

    def wait_until_back(self, seconds=15):
        """After a reset: the old application answers for a quarter of a second, then silence."""
        time.sleep(0.8)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if smpctl("-c", self.board.target, "-t", 2, "os", "params").code == 0:
                return
        self.fail("the board does not come back")

    def restart(self):
        self.ctl("reset")
        self.wait_until_back()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Simulated boards behind real USB serial ports."""
import os
import pathlib
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import tty
import unittest

from smptest import Running, Sim, sim_image, smpctl

GADGET = "/opt/vm/usb-gadget"
PATIENCE = 30
# A line slow enough for something to happen in the middle.
SLOW = ("--baud", "460800")


def wait_until(done, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Board:
    """smpsim on a pty that comes and goes with the board, and a thread that carries bytes between the pty
    and a USB port. plug() plugs the port in and returns the descriptor of its board's end, unplug() pulls
    it. With "--hangup" the port goes away when the board resets. Who has `still` keeps the board from
    reading and writing."""

    def __init__(self, folder, plug, unplug, *options):
        self.link = os.path.join(folder, "board")
        self.plug, self.unplug = plug, unplug
        self.wanted = threading.Event()
        self.wanted.set()
        self.ended = False
        self.still = threading.Lock()
        self.sim = Sim("--link", self.link, *options)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def pull(self):
        """The cable, until put_back()."""
        self.wanted.clear()

    def put_back(self):
        self.wanted.set()

    def stop(self):
        self.ended = True
        self.wanted.set()
        self.thread.join(PATIENCE)
        self.sim.__exit__()

    def serve(self):
        while not self.ended:
            if not self.wanted.is_set() or not os.path.islink(self.link):
                time.sleep(0.01)
                continue
            try:
                near = os.open(self.link, os.O_RDWR | os.O_NOCTTY)
            except OSError:
                continue
            far = self.plug()
            try:
                self.carry(near, far)
            finally:
                self.unplug()
                os.close(far)
                os.close(near)

    def carry(self, near, far):
        """Until one of them ends, or the cable is pulled."""
        other = {near: far, far: near}
        while self.wanted.is_set() and not self.ended:
            for source in select.select([near, far], [], [], 0.02)[0]:
                try:
                    with self.still:
                        data = os.read(source, 4096)
                        if not data:  # the machine has gone
                            return
                        while data:
                            data = data[os.write(other[source], data):]
                    if not os.path.islink(self.link):
                        return
                except OSError:
                    return


class Gadget:
    """A USB device of the machine itself (dummy_hcd): serial ports of the class CDC ACM."""

    def __init__(self, serial, vendor="2fe3", product="0100", functions=1):
        self.id, self.serial, self.functions = serial or "nameless", serial, functions
        self.ports = []
        self.call("add", self.id, f"0x{vendor}", f"0x{product}", "Zephyr", "USB board")
        if not serial:
            pathlib.Path("/sys/kernel/config/usb_gadget", self.id,
                         "strings/0x409/serialnumber").write_text("\n")

    def call(self, *args):
        return subprocess.run([GADGET, *args], env=dict(os.environ, FUNCTIONS=str(self.functions)),
                              check=True, stdout=subprocess.PIPE, text=True).stdout.split()

    def plug(self):
        self.ports = self.call("plug", self.id)
        return self.ports

    def unplug(self):
        self.call("unplug", self.id)

    def remove(self):
        self.call("remove", self.id)

    def open(self, function=0):
        """The board's end of one of its ports."""
        fd = os.open(self.ports[function], os.O_RDWR | os.O_NOCTTY)
        tty.setraw(fd)
        return fd

    def name(self, function=0):
        """What udev calls it."""
        return "/dev/serial/by-id/usb-" + "_".join(
            ["Zephyr_USB_board"] + [self.serial] * bool(self.serial)) + f"-if{2 * function:02}"

    def wait(self):
        wait_until(lambda: os.path.exists(self.name(self.functions - 1)), self.name())
        subprocess.run(["udevadm", "settle"], check=True)

    def board(self, folder, *options, function=0):
        """A simulated board behind one of its ports."""
        def plug():
            self.plug()
            return self.open(function)

        board = Board(folder, plug, self.unplug, *options)
        self.wait()
        return board


class Adapter:
    """On the host: the board behind a USB serial adapter of QEMU, plugged in by connecting to a socket."""

    def __init__(self, folder, serial, *options):
        self.folder, self.serial, self.options = folder, serial, options
        pathlib.Path(folder).mkdir()
        self.socket = os.path.join(folder, "usb")
        self.board = None

    def __enter__(self):
        self.board = Board(self.folder, self.plug, lambda: None, *self.options)
        return self

    def __exit__(self, *_):
        self.board.stop()

    def plug(self):
        """QEMU makes the socket when it starts, and lets one program in at a time."""
        while True:
            end = socket.socket(socket.AF_UNIX)
            try:
                end.connect(self.socket)
                return end.detach()
            except OSError:
                end.close()
                if self.board and self.board.ended:
                    return os.open(os.devnull, os.O_RDWR)
                time.sleep(0.1)


class Case(unittest.TestCase):
    """A test with gadgets; its files are in self.dir."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="smp-vm-files-")
        self.addCleanup(shutil.rmtree, self.dir)
        os.chmod(self.dir, 0o755)

    def gadget(self, serial, **options):
        gadget = Gadget(serial, **options)
        self.addCleanup(gadget.remove)
        return gadget

    def board(self, gadget, *options, **more):
        folder = os.path.join(self.dir, gadget.id)
        os.mkdir(folder)
        board = gadget.board(folder, *options, **more)
        self.addCleanup(board.stop)
        return board

    def acm(self, serial="SN0001", *options):
        """A gadget with one port and a board behind it."""
        gadget = self.gadget(serial)
        return gadget, self.board(gadget, *options)

    def ctl(self, *args, code=0, **kwargs):
        result = smpctl(*args, **kwargs)
        self.assertEqual(result.code, code, result.err + result.out)
        return result

    def says(self, sentence, *args, code=4):
        self.assertIn(sentence, self.ctl(*args, code=code).err)

    def image(self, version="1.1.0"):
        return sim_image(version, os.path.join(self.dir, f"app-{version}.bin"), 60000)

    def begin(self, *args):
        run = Running("--json", *args)
        self.addCleanup(run.close)
        return run

    def updated(self, run):
        result = run.finish(250)
        self.assertEqual(result.code, 0, result.out + result.err)
        end = result.json[-1]
        self.assertEqual(end["result"], "updated")
        return end

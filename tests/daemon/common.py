# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of smpd share: a bus of their own with a mocked polkit, the daemon on it, simulated
boards, and a client that is not root."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

try:
    import dbusmock  # noqa: F401
    import smptest
    from gi.repository import GLib
    from mcuboot import mcuboot_image
    from smpdclient import (DEVICE, ERROR, JOB, MANAGER, NAME, PATIENCE, ROOT, Client,  # noqa: F401
                            Failed, connect, device_path, eventually, strings, text)
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)

SMPD = os.environ["SMPD"]
SMPSIM = os.environ["SMPSIM"]

# Whoever runs the tests: somebody else than root asks.
NOBODY = 65534

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


def environment(**more):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC",
           "G_DEBUG": "fatal-criticals"}
    for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more)
    return env


class Bus:
    """A bus, and polkit on it, for all tests of a program."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="smpd-bus-")
        os.chmod(self.directory, 0o755)
        path = os.path.join(self.directory, "bus")
        config = os.path.join(self.directory, "bus.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BUS_CONFIG % path)
        self.process = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--nosyslog", "--print-address=1", "--config-file", config],
            stdout=subprocess.PIPE, text=True)
        self.address = "unix:path=" + path
        self.process.stdout.readline()  # it listens
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.address
        self.polkit = None

    def start_polkit(self):
        self.polkit = subprocess.Popen(
            [sys.executable, "-m", "dbusmock", "--system", "--template", "polkitd"],
            stdout=subprocess.DEVNULL, env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address})
        self.connection = self.connect()
        eventually(lambda: self.has_owner("org.freedesktop.PolicyKit1"))

    def has_owner(self, name):
        return self.connection.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
            "NameHasOwner", GLib.Variant("(s)", (name,)), None, 0, -1, None).unpack()[0]

    def allow(self, *actions):
        """What polkit allows from now on, in full names or those of org.smpd1."""
        names = [a if "." in a else f"{NAME}.{a}" for a in actions]
        self.connection.call_sync(
            "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
            "org.freedesktop.DBus.Mock", "SetAllowed", GLib.Variant("(as)", (names,)), None, 0, -1,
            None)

    def connect(self, uid=None):
        return connect(self.address, uid)

    def stop(self):
        for process in (self.polkit, self.process):
            if process:
                process.terminate()
                process.wait(PATIENCE)
        self.process.stdout.close()
        shutil.rmtree(self.directory)


class Board:
    """A simulated board. It keeps its flash in a file, as boards do."""

    def __init__(self, directory, *options, udp=False):
        # By a name that no other test's board gets: a pty's number is given again at once.
        link = tempfile.mktemp(prefix="tty", dir=directory)
        kind = ["--udp", "0"] if udp else ["--link", link]
        self.process = subprocess.Popen(
            [SMPSIM, "--exit-with-stdin", *kind, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=directory)
        where = self.process.stdout.readline().strip().partition("=")[2]
        if not where:
            raise RuntimeError(f"smpsim {' '.join(options)} did not start")
        self.where = where if udp else link

    @property
    def target(self):
        return ("udp:" if not self.where.startswith("/") else "") + self.where

    def stop(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.process.wait(PATIENCE)
            self.process.stdout.close()


class Daemon:
    """smpd on the bus, as root or whoever runs the tests."""

    def __init__(self, case, wait=True, **env):
        self.log_path = os.path.join(case.directory, "log")
        self.log_file = open(self.log_path, "ab")
        command = [SMPD, "--system", "--state-dir", case.state, "--config-dir", case.config]
        wrap = os.environ.get("SMPD_WRAP")
        self.process = subprocess.Popen(
            (wrap.split() if wrap else []) + command, stdin=subprocess.DEVNULL,
            stdout=self.log_file, stderr=self.log_file,
            env=environment(DBUS_SYSTEM_BUS_ADDRESS=case.bus.address, HOME=case.directory, **env))
        if wait:
            eventually(lambda: case.bus.has_owner(NAME) or self.process.poll() is not None)

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.log_file.close()

    def stop(self):
        """Ends it as systemd does; returns its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(PATIENCE)
        self.log_file.close()
        return status


class TestCase(unittest.TestCase):
    """Each test has a state folder, a configuration and a daemon of its own."""

    bus = None

    @classmethod
    def setUpClass(cls):
        cls.bus = Bus()
        cls.bus.start_polkit()

    @classmethod
    def tearDownClass(cls):
        cls.bus.stop()

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="smpd-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.state = self.path("state")
        self.config = self.path("config")
        os.makedirs(os.path.join(self.config, "targets.d"))
        self.daemon = None
        self.bus.allow("inspect", "update", "update-unsafe", "control", "raw")
        self.user = Client(self.bus, NOBODY)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def configure(self, targets, main=None):
        """Writes the files of the configuration: {name: text} or text"""
        for name, content in (targets if isinstance(targets, dict) else
                              {"targets.conf": targets}).items():
            with open(os.path.join(self.config, "targets.d", name), "w", encoding="latin-1") as file:
                file.write(content)
        if main is not None:
            with open(os.path.join(self.config, "smpd.conf"), "w", encoding="utf-8") as file:
                file.write(main)

    def start(self, **env):
        self.daemon = Daemon(self, **env)
        self.addCleanup(self.end, self.daemon)
        if self.daemon.process.poll() is not None:
            raise AssertionError("smpd did not start:\n" + self.daemon.log)
        return self.daemon

    def end(self, daemon):
        """Whatever was tested, it ends well."""
        status = daemon.stop()
        self.assertIn(status, (0, -signal.SIGKILL), daemon.log)

    def board(self, *options, **more):
        board = Board(self.directory, *options, **more)
        self.addCleanup(board.stop)
        return board

    def boards(self, *names, options=(), udp=True, extra=""):
        """Boards under these names, configured and found by a daemon that is started."""
        boards = [self.board(*options, udp=udp) for _ in names]
        self.configure("".join(f"[target {name}]\nuri={board.target}\n{extra}\n"
                               for name, board in zip(names, boards)))
        self.start()
        for name in names:
            eventually(lambda n=name: self.user.get(device_path(n), DEVICE, "Present"))
        return boards

    def image(self, name, version, *options):
        """An image for simulated boards."""
        path = self.path(name)
        subprocess.run([SMPSIM, "--make-image", version, *options, path], check=True,
                       stdout=subprocess.DEVNULL)
        return path

    def bootloaders(self):
        """A package of MCUboot itself, 2.0.0, in two variants for boards with two places for it."""
        package = self.path("dfu_mcuboot.zip")
        files = [{"file": f"s{slot}.bin", "type": "mcuboot"} for slot in (0, 1)]
        with zipfile.ZipFile(package, "w") as archive:
            for file, address in zip(files, (0x9000, 0x15000)):
                archive.writestr(file["file"], mcuboot_image((2, 0, 0), reset=address + 0x41))
            archive.writestr("manifest.json", json.dumps({"format-version": 1, "files": files}))
        return package

    def running(self, name, client=None):
        """Version and whether it is confirmed of what the board runs, as it says now."""
        client = client or self.user
        client.device(name, "Refresh")
        for image in client.get(device_path(name), DEVICE, "Images"):
            if image.get("active"):
                return image["version"], image["confirmed"]
        return None

    def refused(self, name, function, *args, **more):
        """Calls it and checks the error; returns its text."""
        with self.assertRaises(Failed) as caught:
            function(*args, **more)
        self.assertEqual(caught.exception.name, name, caught.exception.text)
        return caught.exception.text


def main():
    """The cases of the program as TAP."""
    smptest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpctl over Bluetooth LE: a real bluetoothd with two controllers, smpctl on hci0, smpsim on hci1."""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import tempfile
import time
import unittest

import machine
from ble_sim import Exchange, Faults, Program, Sim, WithoutBluetoothd, setUpModule  # noqa: F401
from smptest import Running, environment, program, sim_image, smpctl

if machine.inside():
    import central

NAME = "pump 7"
PROMPT = "enter the passkey it shows: "


def bluetoothd():
    return int(pathlib.Path("/run/bluetoothd.pid").read_text())


def descriptors(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def on_the_bus():
    """Clients and match rules."""
    stats = central.bus.get_object("org.freedesktop.DBus", "/org/freedesktop/DBus").GetStats(
        dbus_interface="org.freedesktop.DBus.Debug.Stats")
    return int(stats["ActiveConnections"]), int(stats["MatchRules"])


def at_a_terminal(passkey, *args):
    """smpctl, and somebody who types passkey() when asked. Returns the exit status and what it said."""
    near, far = pty.openpty()
    with subprocess.Popen([program("smpctl"), *args], stdin=far, stdout=far, stderr=far,
                          env=environment()) as process:
        os.close(far)
        said, typed = "", False
        while select.select([near], [], [], central.PATIENCE)[0]:
            try:
                said += os.read(near, 4096).decode()
            except OSError:  # it has ended
                break
            if PROMPT in said and not typed:
                typed = True
                os.write(near, f"{passkey():06}\n".encode())
    os.close(near)
    return process.returncode, said


class Smpctl(unittest.TestCase):
    def setUp(self):
        self.daemon = bluetoothd()
        self.dir = tempfile.mkdtemp(prefix="smp-vm-files-")
        self.addCleanup(shutil.rmtree, self.dir)

    def board(self, *options):
        board = Sim("--name", NAME, *options)
        self.addCleanup(board.stop)
        return board

    def ctl(self, *args, code=0):
        result = smpctl(*args)
        self.assertEqual(result.code, code, result.out + result.err)
        return result

    def says(self, sentence, *args):
        self.assertIn(sentence, self.ctl(*args, code=4).err)

    def image(self, version="1.1.0", size=30000):
        return sim_image(version, os.path.join(self.dir, f"app-{version}.bin"), size)

    def ends(self, result, *args):
        """The last event of an update."""
        end = self.ctl("--json", *args).json[-1]
        self.assertEqual(end["result"], result, end)
        return end

    def runs(self, target):
        """Version and whether it is confirmed."""
        images = self.ctl("--json", "-c", target, "image", "list").json[0]["images"]
        return next((image["version"], image.get("confirmed", False))
                    for image in images if image.get("active"))

    def test_find(self):
        """scan; connect by address, by name, by its beginning, by the service"""
        board = self.board()
        (found,) = self.ctl("--json", "ble", "scan", "-t", "2", "-i", "0").json
        (seen,) = [one for one in found["boards"] if one["address"] == board.address]
        self.assertEqual((seen["name"], seen["smp"], seen["paired"], seen["adapter"]),
                         (NAME, True, False, "hci0"))
        for target in (board.address, NAME, "pump*", ""):
            with self.subTest(target):
                result = self.ctl("-c", "ble:" + target, "echo", "hello")
                self.assertEqual(result.out, "hello\n")
                print(f"# ble:{target} {result.seconds:.1f} s")
        self.says("no board nobody was heard", "-c", "ble:nobody?connect-timeout=2", "echo", "x")
        self.assertEqual(self.runs("ble:" + NAME), ("1.0.0", True))

    def test_update(self):
        """a trial, its rollback, a complete update"""
        self.board()
        target, image = "ble:" + NAME, self.image()
        self.ends("on-trial", "-c", target, "update", "--test-only", image)
        self.assertEqual(self.runs(target), ("1.1.0", False))
        self.ends("rolled-back", "-c", target, "rollback")
        self.assertEqual(self.runs(target), ("1.0.0", True))
        self.ends("updated", "-c", target, "update", image)
        self.assertEqual(self.runs(target), ("1.1.0", True))

    def test_cut(self):
        """links cut in the middle of an upload: it goes on from there, and keeps nothing of them"""
        self.board("--fault", "cut-link=20:500,cut-link=40:500,cut-link=60:500")
        image = self.image(size=200000)
        run = Running("--json", "-c", "ble:" + NAME, "update", image)
        self.addCleanup(run.close)
        counts = []
        # Late, but not so late that no progress is told any more.
        for part in (0.05, 0.8):
            run.upload_at(part)
            run.stop()
            counts.append((descriptors(run.process.pid), *on_the_bus()))
            run.go_on()
        result = run.finish()
        self.assertEqual(result.code, 0, result.out + result.err)
        end = result.json[-1]
        self.assertEqual(end["result"], "updated")
        self.assertLess(end["sent"], os.path.getsize(image) * 1.3)
        self.assertEqual(*counts)

    def pair(self, board, more=0):
        return at_a_terminal(lambda: (int(board.next("PASSKEY")) + more) % 1000000,
                             "ble", "pair", "ble:" + NAME)

    def test_authenticate(self):
        """a board that wants a passkey: a wrong one, the right one, updated, forgotten"""
        board = self.board("--security", "authenticate")
        target = "ble:" + NAME
        code, said = self.pair(board, 1)
        self.assertEqual(code, 4, said)
        self.assertIn("the passkey was wrong", said)
        code, said = self.pair(board)
        self.assertEqual(code, 0, said)
        self.assertIn(f"paired with {target}", said)
        self.ends("updated", "-c", target, "update", self.image())
        self.assertEqual(self.ctl("ble", "pair", target).out, f"{target} was paired already\n")
        self.assertEqual(self.ctl("ble", "forget", target).out, f"forgot {target}\n")

    def test_refused(self):
        """a board that wants a passkey, and nobody to type it: says so, and bluetoothd lives on"""
        self.board("--security", "authenticate")
        self.says("it wants one with a passkey", "-c", "ble:" + NAME, "echo", "x")

    def test_encrypt(self):
        """a board that wants encryption is paired with on the way, and updated"""
        self.board("--security", "encrypt")
        self.ends("updated", "-c", "ble:" + NAME, "update", self.image())

    def test_many(self):
        """20 updates in a row leave nothing behind"""
        board = self.board("--time-scale", "10")
        counts = []
        for number in range(1, 21):
            image = self.image(f"1.0.{number}", 10000)
            start = time.monotonic()
            self.ends("updated", "-c", f"ble:{board.address}?keep=yes", "update", image)
            counts.append((descriptors(self.daemon), descriptors(board.process.pid), *on_the_bus()))
            print(f"# {number}: {time.monotonic() - start:.1f} s, descriptors of bluetoothd and smpsim, "
                  f"clients, matches: {counts[-1]}")
            os.unlink(image)
        self.assertEqual(counts[0], counts[-1])

    def tearDown(self):
        self.assertEqual(bluetoothd(), self.daemon)
        os.kill(self.daemon, 0)


if __name__ == "__main__":
    machine.main(timeout=500)

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpctl over Bluetooth LE: a real bluetoothd with two controllers, smpctl on hci0, smpsim on hci1."""
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import machine
from ble_sim import (Exchange, Faults, Program, Sim, WithoutBluetoothd,  # noqa: F401
                     setUpModule, start_bluetoothd)
from smptest import Running, environment, program, sim_image, smpctl

if machine.inside():
    import central

NAME = "pump 7"
ENTER = "enter the passkey it shows: "
COMPARE = r"does it show (\d{6})\? \(y/n\) "
SMALL = 5000  # bytes of an image that is none of the case's business


def bluetoothd():
    return int(pathlib.Path("/run/bluetoothd.pid").read_text())


def descriptors(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def on_the_bus():
    """Clients and match rules."""
    stats = central.bus.get_object("org.freedesktop.DBus", "/org/freedesktop/DBus").GetStats(
        dbus_interface="org.freedesktop.DBus.Debug.Stats")
    return int(stats["ActiveConnections"]), int(stats["MatchRules"])


def at_a_terminal(prompt, reply, *args):
    """smpctl, and somebody who types reply(match) when it prompts. Returns the exit status and what it
    said."""
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
            asked = re.search(prompt, said)
            if asked and not typed:
                typed = True
                os.write(near, reply(asked).encode() + b"\n")
    os.close(near)
    return process.returncode, said


class Case(unittest.TestCase):
    """Links are kept from command to command: bluetoothd takes 2 s to end one. test_find does without."""

    def setUp(self):
        self.daemon = bluetoothd()
        self.dir = tempfile.mkdtemp(prefix="smp-vm-files-")
        self.addCleanup(shutil.rmtree, self.dir)

    def board(self, *options):
        board = Sim("--name", NAME, *options)
        self.addCleanup(board.stop)
        self.target = f"ble:{board.address}?keep=yes"
        return board

    def ctl(self, *args, code=0):
        result = smpctl(*args)
        self.assertEqual(result.code, code, result.out + result.err)
        return result

    def says(self, sentence, *args):
        self.assertIn(sentence, self.ctl(*args, code=4).err)

    def image(self, version="1.1.0", size=SMALL):
        return sim_image(version, os.path.join(self.dir, f"app-{version}.bin"), size)

    def ends(self, result, *args):
        """The last event of an update."""
        end = self.ctl("--json", *args).json[-1]
        self.assertEqual(end["result"], result, end)
        return end

    def runs(self):
        """Version and whether it is confirmed."""
        images = self.ctl("--json", "-c", self.target, "image", "list").json[0]["images"]
        return next((image["version"], image.get("confirmed", False))
                    for image in images if image.get("active"))


class Smpctl(Case):
    def tearDown(self):
        self.assertEqual(bluetoothd(), self.daemon)
        os.kill(self.daemon, 0)

    def test_find(self):
        """scan; connect by address, by name, by its beginning, by the service; list images"""
        board = self.board()
        (found,) = self.ctl("--json", "ble", "scan", "-t", "1", "-i", "0").json
        (seen,) = [one for one in found["boards"] if one["address"] == board.address]
        self.assertEqual((seen["name"], seen["smp"], seen["paired"], seen["adapter"]),
                         (NAME, True, False, "hci0"))
        for target in (NAME, "pump*", "", board.address):
            with self.subTest(target):
                result = self.ctl("-c", f"ble:{target}?keep=yes", "echo", "hello")
                self.assertEqual(result.out, "hello\n")
                print(f"# ble:{target} {result.seconds:.1f} s")
                board.link.cut()
                board.link.forget()
        self.assertEqual(self.runs(), ("1.0.0", True))
        board.link.cut()
        board.link.forget()
        self.ctl("-c", "ble:" + NAME, "echo", "hello")
        self.assertFalse(board.link.is_connected())
        self.says("no board nobody was heard", "-c", "ble:nobody?connect-timeout=1", "echo", "x")

    def test_doctor(self):
        """doctor: a board that works, one that wants a pairing, none"""
        board = self.board()
        *checks, verdict = self.ctl("--json", "doctor", self.target).json
        self.assertEqual([check["check"] for check in checks],
                         ["bluetooth", "answer", "server", "packets", "speed", "groups"])
        self.assertIn("Bluetooth LE", checks[0]["text"])
        self.assertIn("all answered: ", checks[3]["text"])
        self.assertNotIn("baud", checks[4]["text"])
        board.stop()
        self.board("--security", "authenticate")
        for target, cause, text in ((self.target, "permission", "smpctl ble pair"),
                                    ("ble:nobody?connect-timeout=1", "not-found", "was heard")):
            (check, verdict) = self.ctl("--json", "doctor", target, code=4).json
            self.assertEqual((check["check"], verdict["cause"]), ("bluetooth", cause))
            self.assertIn(text, check["text"])

    def test_update(self):
        """a trial, its rollback, a complete update"""
        self.board()
        image = self.image(size=30000)
        self.ends("on-trial", "-c", self.target, "update", "--test-only", image)
        self.assertEqual(self.runs(), ("1.1.0", False))
        self.ends("rolled-back", "-c", self.target, "rollback")
        self.assertEqual(self.runs(), ("1.0.0", True))
        self.ends("updated", "-c", self.target, "update", image)
        self.assertEqual(self.runs(), ("1.1.0", True))

    def test_cut(self):
        """links cut in the middle of an upload: it goes on from there, and keeps nothing of them"""
        self.board("--fault", "cut-link=15:300,cut-link=30:300,cut-link=45:300")
        image = self.image(size=150000)
        run = Running("--json", "-c", self.target, "update", image)
        self.addCleanup(run.close)
        counts = []
        # Late, but not so late that no progress is told any more; and not while it looks for the board.
        for part in (0.05, 0.8):
            run.wait_for(lambda o: o.get("event") == "progress" and "waiting" not in o
                         and o.get("offset", 0) >= part * o["size"])
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
        return at_a_terminal(ENTER, lambda _: f"{(int(board.next('PASSKEY')) + more) % 1000000:06}",
                             "ble", "pair", self.target)

    def test_authenticate(self):
        """a board that wants a passkey: a wrong one, the right one, updated, forgotten"""
        board = self.board("--security", "authenticate")
        code, said = self.pair(board, 1)
        self.assertEqual(code, 4, said)
        self.assertIn("the passkey was wrong", said)
        code, said = self.pair(board)
        self.assertEqual(code, 0, said)
        self.assertIn(f"paired with ble:{board.address}", said)
        self.ends("updated", "-c", self.target, "update", self.image())
        self.assertIn("was paired already", self.ctl("ble", "pair", self.target).out)
        self.assertIn("forgot ", self.ctl("ble", "forget", self.target).out)

    def compare(self, board, answer):
        """The numbers that the board and smpctl show; the exit status and what it said."""
        numbers = []

        def reply(asked):
            numbers.extend((board.next("PASSKEY"), asked[1]))
            return answer

        return numbers, *at_a_terminal(COMPARE, reply, "ble", "pair", self.target)

    def test_compare(self):
        """a board with a display and two keys: the numbers are not the same, are the same"""
        board = self.board("--security", "compare")
        numbers, code, said = self.compare(board, "n")
        self.assertEqual(*numbers)
        self.assertEqual(code, 4, said)
        self.assertIn("pairing", said)
        numbers, code, said = self.compare(board, "y")
        self.assertEqual(*numbers)
        self.assertEqual(code, 0, said)
        self.assertEqual(self.ctl("-c", self.target, "echo", "hello").out, "hello\n")

    def test_refused(self):
        """a board that wants a passkey, and nobody to type it: says so, and bluetoothd lives on"""
        self.board("--security", "authenticate")
        self.says("it wants one with a passkey", "-c", self.target, "echo", "x")

    def test_encrypt(self):
        """a board that wants encryption is paired with on the way, and updated"""
        self.board("--security", "encrypt")
        self.ends("updated", "-c", self.target, "update", self.image())

    def test_many(self):
        """20 updates in a row leave nothing behind"""
        board = self.board("--time-scale", "10")
        counts, own = [], []

        def count():
            """Without the socket between bluetoothd and smpsim. As a board bluetoothd keeps it where a
            subscription is taken back before smpsim has given it one."""
            own.append(descriptors(board.process.pid))
            return descriptors(self.daemon) - own[-1], *on_the_bus()

        for number in range(1, 21):
            image = self.image(f"1.0.{number}")
            start = time.monotonic()
            self.ends("updated", "-c", self.target, "update", image)
            counts.append(count())
            print(f"# {number}: {time.monotonic() - start:.1f} s, descriptors of bluetoothd, clients, "
                  f"matches: {counts[-1]}; descriptors of smpsim: {own[-1]}")
            os.unlink(image)
        central.until(lambda: count() == counts[0], f"all is given back: {counts}", 5)
        self.assertLessEqual(max(own) - min(own), 1)


class Restarted(Case):
    """The board of the real world lives on; this one has to be started again, too."""

    def restart(self, how):
        flash = os.path.join(self.dir, "flash")
        board = self.board("--state", flash)
        image = self.image(size=100000)
        run = Running("--json", "-c", self.target, "update", image)
        self.addCleanup(run.close)
        run.upload_at(0.3)
        os.kill(self.daemon, how)
        self.assertEqual(board.process.wait(10), 1)
        start_bluetoothd()
        self.board("--state", flash)
        result = run.finish()
        self.assertEqual(result.code, 0, result.out + result.err)
        self.assertEqual(result.json[-1]["result"], "updated")
        self.assertEqual(self.runs(), ("1.1.0", True))

    def test_restarted(self):
        """bluetoothd is restarted in the middle of an upload: the update goes on"""
        self.restart(signal.SIGTERM)

    def test_crashed(self):
        """bluetoothd crashes in the middle of an upload and is started again: the update goes on"""
        self.restart(signal.SIGKILL)


if __name__ == "__main__":
    machine.main(timeout=550)

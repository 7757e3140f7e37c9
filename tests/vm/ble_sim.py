# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpsim on Bluetooth LE: a real bluetoothd with two controllers, the board on hci1. test_ble.py runs
the cases."""
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time
import unittest

import machine

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sim"))

import smp  # noqa: E402

if machine.inside():
    import central
    from central import Central

READ, WRITE, ECHO = smp.READ, smp.WRITE, (smp.WRITE, 0, 0)
QUICK = ("--erase-time", "0", "--reset-time", "100", "--boot-time", "300")
LINK_END = 5  # seconds


def start_controllers():
    """On a busy computer they may not answer the kernel in time."""
    for _ in range(5):
        if subprocess.run(["/opt/vm/bt-up", "--controllers"], check=False).returncode == 0:
            return
        os.kill(int(pathlib.Path("/run/btvirt.pid").read_text()), 9)
        time.sleep(1)
    raise RuntimeError("no Bluetooth controllers")


def start_bluetoothd():
    subprocess.run(["/opt/vm/bt-up", "--daemon"], check=True)


def setUpModule():
    """Also test_ble.py's."""
    if not os.path.exists("/run/btvirt.pid"):
        start_controllers()
        start_bluetoothd()


class Sim(smp.Board):
    """smpsim on hci1. What it prints is in .said; self.link is a Central."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [smp.SMPSIM, "--exit-with-stdin", "--ble=hci1", *QUICK, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sequence = 0
        # bluetoothd 5.66 may die of a device that is removed when its subscription was refused and it is
        # not connected any more. Other links smpsim ends: bluetoothd takes 2 s for it.
        self.refuses = "--security" in options
        self.said = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        self.link = Central()
        self.address = self.next("BLE")

    def listen(self):
        for line in self.process.stdout:
            self.said.put(line.strip())

    def next(self, name, seconds=10):
        """The value of the next line NAME=VALUE."""
        while True:
            found, _, value = self.said.get(timeout=seconds).partition("=")
            if found == name:
                return value

    def stop(self):
        if self.refuses:
            self.link.forget()
        self.process.stdin.close()
        status = self.process.wait(10)
        self.process.stdout.close()
        self.link.forget()
        return status

    def echo(self, size=20, timeout=3):
        answer = self.call(*ECHO, {"d": "x" * size}, timeout)
        return answer.get("r") == "x" * size if answer and "r" in answer else answer

    def leave_and_return(self):
        """After a reset or a cut: the link ends, the board advertises and is taken again."""
        seconds = self.link.lost(LINK_END)
        self.link.close()
        self.next("BLE")
        self.link.open()
        return seconds


class Exchange(unittest.TestCase):
    def test_service(self):
        """is discovered by its service, answers, lists its images"""
        with Sim("--name", "pump 7") as board:
            board.link.open()
            self.assertEqual(board.link.property("Address"), board.address)
            self.assertEqual(board.link.property("Name"), "pump 7")
            self.assertIn("write-without-response",
                          central.get(board.link.characteristic, "GattCharacteristic1", "Flags"))
            self.assertIs(board.echo(), True)
            self.assertEqual(board.call(READ, 0, 6), {"buf_size": 2475, "buf_count": 4})
            self.assertEqual(board.images(), {(0, 0): ("1.0.0", "CA")})

    def test_pieces(self):
        """long packets come and go in pieces"""
        with Sim() as board:
            board.link.open()
            self.assertEqual(board.link.mtu, 517)
            self.assertIs(board.echo(2000), True)
            self.assertEqual(board.link.pieces[0], 512)
            self.assertIs(board.echo(2430), True)
            self.assertIsNone(board.echo(3000, timeout=1))
            # Each piece of what was refused may be taken for a beginning.
            board.link.unsubscribe()
            board.link.subscribe()
            self.assertIs(board.echo(2000), True)

    def test_burst(self):
        """packets of a window come in order"""
        with Sim("--buf-count", "20") as board:
            board.link.open()
            for sequence in range(8):
                board.link.send(smp.packet(*ECHO, {"d": "y" * 900}, sequence))
            answers = [smp.Header(board.link.receive(3)).sequence for _ in range(8)]
            self.assertEqual(answers, list(range(8)))

    def test_partial(self):
        """half a packet swallows the next one; new notifications cure it"""
        with Sim() as board:
            board.link.open()
            board.link.write(smp.packet(*ECHO, {"d": "z" * 100})[:50])
            self.assertIsNone(board.echo(20, timeout=1))
            board.link.unsubscribe()
            board.link.subscribe()
            self.assertIs(board.echo(20), True)

    def test_no_reassembly(self):
        """without reassembly a piece is a packet, rc 9"""
        with Sim("--reassembly", "off") as board:
            board.link.open()
            self.assertIs(board.echo(480), True)
            self.assertEqual(board.echo(800), {"rc": 9})

    def test_mtu(self):
        """with --mtu 65 longer writes are lost and answers are cut to 62"""
        with Sim("--mtu", "65") as board:
            board.link.open()
            self.assertIsNone(board.echo(100, timeout=1))
            board.link.mtu = 65
            self.assertIs(board.echo(100), True)
            self.assertEqual(max(board.link.pieces), 62)


class Faults(unittest.TestCase):
    def test_cut(self):
        """a cut link is a lost connection, and there is another one"""
        with Sim("--fault", "cut-link=2") as board:
            board.link.open()
            self.assertIs(board.echo(), True)
            self.assertIsNone(board.echo(timeout=0.5))
            board.leave_and_return()
            self.assertIs(board.echo(), True)

    def test_lost(self):
        """a request, and an answer damaged on the way, are lost"""
        with Sim("--fault", "lose-request=1,corrupt-reply=2") as board:
            board.link.open()
            self.assertEqual([board.echo(timeout=0.5) for _ in range(3)], [None, None, True])

    def test_away(self):
        """a board that boots does not advertise"""
        with Sim("--boot-time", "3000", "--fault", "reset-at=1") as board:
            board.link.open()
            start = time.monotonic()
            self.assertIsNone(board.echo(timeout=0.5))
            board.link.lost(LINK_END)
            board.link.close()
            with self.assertRaisesRegex(AssertionError, "advertises"):
                board.link.find(1)
            board.next("BLE")
            self.assertGreater(time.monotonic() - start, 2.9)
            board.link.open()
            self.assertIs(board.echo(), True)

    def test_recovery(self):
        """serial recovery is not on the air"""
        with Sim("--recovery") as board:
            board.link.open()
            board.call(WRITE, 0, 5, {"boot_mode": 1})
            board.link.lost(LINK_END)
            board.link.close()
            with self.assertRaisesRegex(AssertionError, "advertises"):
                board.link.find(1)

    def test_reconnect(self):
        """the central leaves and comes back, in the middle of a packet"""
        with Sim() as board:
            board.link.open()
            board.link.write(smp.packet(*ECHO, {"d": "z" * 100})[:50])
            central.bluez(board.link.device, "org.bluez.Device1").Disconnect()
            board.link.close()
            board.link.open()
            self.assertIs(board.echo(), True)
            board.link.cut()
            board.link.open()
            self.assertIs(board.echo(), True)


def run_sim(*options):
    run = subprocess.run([smp.SMPSIM, *options], stdin=subprocess.DEVNULL, text=True, timeout=30,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return run.returncode, run.stderr


class Program(unittest.TestCase):
    def test_end(self):
        """at its end the central loses the link, and nothing is left of it"""
        alias = central.get("/org/bluez/hci1", "Adapter1", "Alias")
        with Sim() as board:
            board.link.open()
            board.process.stdin.close()
            self.assertEqual(board.process.wait(5), 0)
            board.link.lost(LINK_END)
            board.link.close()
            with self.assertRaisesRegex(AssertionError, "advertises"):
                board.link.find(1)
        self.assertEqual(central.get("/org/bluez/hci1", "Adapter1", "Alias"), alias)

    def test_adapters(self):
        """an adapter that is not there, or off"""
        self.assertEqual(run_sim("--ble=hci9")[0], 1)
        self.assertIn("hci9", run_sim("--ble=hci9")[1])
        properties = central.bluez("/org/bluez/hci1", "org.freedesktop.DBus.Properties")
        properties.Set("org.bluez.Adapter1", "Powered", False)
        try:
            code, text = run_sim("--ble=hci1")
            self.assertEqual(code, 1)
            self.assertIn("power on", text)
        finally:
            properties.Set("org.bluez.Adapter1", "Powered", True)


class WithoutBluetoothd(unittest.TestCase):
    """The last: unittest takes them by name."""

    def test_end(self):
        """bluetoothd ends, or does not run"""
        board = Sim()
        os.kill(int(pathlib.Path("/run/bluetoothd.pid").read_text()), 15)
        self.assertEqual(board.process.wait(10), 1)
        code, text = run_sim("--ble")
        self.assertEqual(code, 1)
        self.assertIn("does the service bluetooth run", text)

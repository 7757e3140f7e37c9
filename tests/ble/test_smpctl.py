# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpctl on Bluetooth, end to end: a private bus, a BlueZ that is the double, simulated boards."""

import fcntl
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
# pylint: disable=wrong-import-position
from common import PATIENCE, SMPCTL, TestCase  # noqa: E402


@unittest.skipUnless(shutil.which("dbus-daemon"), "no dbus-daemon")
class Bluetooth(TestCase):
    def setUp(self):
        super().setUp()
        self.bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        address = self.bus.stdout.readline().strip()
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = address
        self.bluez = subprocess.Popen(
            [os.environ["BLUEZ_DOUBLE"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address})
        self.addCleanup(self.stop)
        self.assertEqual(self.bluez.stdout.readline(), "READY\n")

    def stop(self):
        """Whatever was done, bluetoothd is left as it was found."""
        self.bluez.stdin.close()
        counted = self.bluez.stdout.read()
        self.bluez.wait(PATIENCE)
        self.bluez.stdout.close()
        self.bus.terminate()
        self.bus.wait(PATIENCE)
        self.bus.stdout.close()
        self.assertEqual(counted, "acquired=0 left_notify=0 agents=0\n")

    def tell(self, line):
        """Has the double do something (bluez-double.c)."""
        print(line, file=self.bluez.stdin, flush=True)
        self.assertEqual(self.bluez.stdout.readline(), "OK\n", line)

    def fails(self, status, sentence, *args):
        got, out, err = self.run_smpctl(*args)
        self.assertEqual(got, status, out + err)
        self.assertIn(sentence, err)

    def test_scan(self):
        lines = self.good("ble", "scan", "-t", "1").splitlines()
        self.assertEqual(lines[0].split(), ["ADDRESS", "NAME", "RSSI", "SMP", "PAIRED"])
        self.assertEqual([line.split() for line in lines[1:]], [
            ["C0:11:22:33:44:55", "Sensor", "12", "-60", "yes", "no"],
            ["C0:11:22:33:44:66", "Lock", "-60", "yes", "no"],
            ["00:11:22:33:44:77", "Phone", "-60", "no", "no"]])
        self.assertEqual(self.good("discover", "--ble", "-t", "1").splitlines(), lines)
        (found,) = self.json("ble", "scan", "-t", "1")
        self.assertEqual(found["boards"][0], {
            "target": "ble:C0:11:22:33:44:55", "address": "C0:11:22:33:44:55",
            "address_type": "random", "name": "Sensor 12", "adapter": "hci0", "rssi": -60,
            "smp": True, "paired": False, "connected": False})
        self.assertEqual(len(found["boards"]), 3)

    def test_strange_name(self):
        """The table is fit for a terminal; a program gets the name as it is."""
        name = "Se\033[2Jn\u009b2J"
        self.tell(f"name 0 {name}")
        self.assertIn(" Se?[2Jn?2J ", self.good("ble", "scan", "-t", "1"))
        (found,) = self.json("ble", "scan", "-t", "1")
        self.assertEqual(found["boards"][0]["name"], name)

    def test_ways_to_name_it(self):
        self.good("conn", "add", "s", "type=ble", "connstring=peer_name=Sensor 12")
        self.assertIn("type=ble, connstring='peer_name=Sensor 12'", self.good("conn", "show"))
        for way in (["-c", "s"], ["-c", "ble:Sensor 12"], ["--name", "Sensor 12"],
                    ["-c", "ble:c0:11:22:33:44:55", "-i", "0"],
                    ["--conntype", "blue", "--connstring", "peer_id=C0:11:22:33:44:55"],
                    ["--conntype", "ble", "--connstring", "ctlr_name=default", "--name",
                     "Sensor 12"]):
            with self.subTest(way):
                self.assertEqual(self.good(*way, "echo", "hello"), "hello\n")
        self.fails(4, "no adapter hci3; there is hci0", "-c", "s", "-i", "3", "echo", "x")
        # What is given on the command line goes before what the target or the profile says.
        self.good("conn", "add", "t", "type=ble",
                  "connstring=peer_name=Sensor 12,ctlr_name=hci3,conn_timeout=5")
        self.fails(4, "no adapter hci3; there is hci0", "-c", "t", "echo", "x")
        for target in ("t", "ble:Sensor 12?pair=no&connect-timeout=5&adapter=hci3"):
            self.assertEqual(self.good("-c", target, "-i", "0", "--pair", "echo", "x"), "x\n")
        self.fails(4, "several boards match", "-c", "ble:", "echo", "x")
        self.fails(4, "no board Nobody was heard", "-c", "ble:Nobody?connect-timeout=1", "echo",
                   "x")

    def test_own_address_type(self):
        status, out, err = self.run_smpctl(
            "--conntype", "ble", "--connstring", "peer_name=Sensor 12,own_addr_type=random",
            "echo", "hello")
        self.assertEqual((status, out), (0, "hello\n"), err)
        self.assertIn("own_addr_type=random is ignored", err)

    def test_interval(self):
        """Not everybody may ask the kernel: then it is said once, and nothing is worse."""
        status, out, err = self.run_smpctl("-c", "ble:Sensor 12?interval=fast", "status")
        self.assertEqual(status, 0, err)
        told = err.count("the connection interval is up to the board: ")
        self.assertIn("interval up to the board" if told else "interval 7.5 to 15 ms", out)
        self.assertEqual(told, 1 if "interval up to" in out else 0, err)

    def test_verbose(self):
        """An upload and an update tell over what they went, and how fast."""
        image, _ = self.make_image("new.bin", "1.1.0", "--image-size", "30000")
        for command in (["update"], ["image", "upload", "--force"]):
            status, _, err = self.run_smpctl("-v", "-c", "ble:Sensor 12", *command, image)
            self.assertEqual(status, 0, err)
            self.assertIn("link     Bluetooth LE, MTU 247, reassembly, interval up to the board\n",
                          err)
            self.assertRegex(err, r"speed    [\d.]+ kB/s in [\d.]+ s, requests of \d+ bytes, "
                                  r"up to \d in flight, 0 lost\n")

    def test_update_and_rollback(self):
        image, _ = self.make_image("new.bin", "1.1.0", "--image-size", "30000")
        target = "ble:Sensor 12"
        self.assertIn("MTU 247", self.good("-c", target, "status"))
        self.good("-q", "-c", target, "update", "--test-only", image)
        self.assertIn("version: 1.1.0", self.good("-c", target, "image", "list"))
        self.good("-q", "-c", target, "rollback")
        (state,) = self.json("-c", target, "image", "list")
        active = [image for image in state["images"] if image.get("active")]
        self.assertEqual([image["version"] for image in active], ["1.0.0"])
        self.assertEqual(self.json("-c", target, "update", image)[-1]["result"], "updated")

    def test_pair(self):
        lock = "ble:Lock"
        # No terminal and no passkey: it "just works", which is not enough.
        self.fails(4, "wants one with a passkey", "-c", lock, "echo", "x")
        self.fails(4, "the passkey was wrong", "-c", lock, "--passkey", "111111", "echo", "x")
        self.fails(4, "wants a pairing with authentication", "-c", lock + "?pair=no", "echo", "x")
        self.assertEqual(self.good("ble", "pair", lock, "--passkey", "123456"),
                         "paired with ble:Lock\n")
        self.assertEqual(self.good("ble", "pair", lock), "ble:Lock was paired already\n")
        self.assertEqual(self.good("-c", lock, "echo", "hello"), "hello\n")
        self.assertEqual(self.json("ble", "forget", lock), [{"forgotten": "ble:Lock"}])
        self.fails(4, "there is nothing to forget", "ble", "forget", "ble:Stranger")
        self.assertEqual(self.good("-c", lock, "--pair", "--passkey", "123456", "echo", "again"),
                         "again\n")

    def echo_fails(self, *sentences):
        for sentence in sentences:
            self.fails(4, sentence, "-c", "ble:Sensor 12?connect-timeout=2", "echo", "x")

    def test_no_adapter(self):
        self.tell("adapter none")
        self.echo_fails("smpctl: cannot use Bluetooth: this computer has no Bluetooth adapter")

    def test_adapter_off(self):
        self.tell("adapter off")
        self.echo_fails("smpctl: cannot use Bluetooth: hci0 is switched off; `bluetoothctl power on`")

    def test_adapter_blocked(self):
        self.tell("adapter blocked")
        self.echo_fails("smpctl: cannot use Bluetooth: hci0 is blocked by rfkill; `rfkill unblock "
                        "bluetooth`")

    def test_not_allowed(self):
        self.tell("fail GetManagedObjects org.freedesktop.DBus.Error.AccessDenied")
        self.echo_fails("smpctl: cannot use Bluetooth: the bus does not let this user talk to "
                        "bluetoothd; log in at this computer, or join the group bluetooth")

    def test_not_running(self):
        self.tell("fail GetManagedObjects org.freedesktop.DBus.Error.ServiceUnknown")
        self.echo_fails("smpctl: cannot use Bluetooth: bluetoothd is not running; start it with "
                        "`systemctl start bluetooth`")
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={self.path('none')}"
        self.echo_fails("smpctl: cannot reach the system bus")

    def test_many_connections(self):
        self.tell("fail Connect org.bluez.Error.Failed le-connection-concurrent-connection-limit")
        self.echo_fails("smpctl: cannot connect to Sensor 12 (C0:11:22:33:44:55): the adapter holds as "
                        "many connections as it can; disconnect another device",
                        "end its connection: `bluetoothctl disconnect ADDRESS`; `smpctl ble scan` ")

    def test_twins(self):
        self.tell("on 3")
        self.echo_fails("smpctl: several boards match: ble:C0:11:22:33:44:55 (Sensor 12), "
                        "ble:C0:11:22:33:44:88 (Sensor 12); name one by its address")

    def test_no_smp(self):
        self.fails(4, "smpctl: Phone (00:11:22:33:44:77) offers no SMP: its firmware lacks it "
                      "(CONFIG_MCUMGR_TRANSPORT_BT)", "-c", "ble:Phone", "echo", "x")

    def test_out_of_range(self):
        """In the middle of an upload, for a while: it goes on where it was."""
        image, _ = self.make_image("new.bin", "1.1.0", "--image-size", "400000")
        process = self.start("--json", "-c", "ble:Sensor 12", "image", "upload", image)
        while '"progress"' not in process.stdout.readline():
            self.assertIsNone(process.poll())
        self.tell("off 0")
        time.sleep(2)
        self.tell("on 0")
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertIn("connection lost; looking for ble:Sensor 12 (up to 60 s)", out)
        end = json.loads(out.splitlines()[-1])
        self.assertEqual(end["result"], "uploaded")
        self.assertLess(end["sent"], os.path.getsize(image) * 1.2)

    def test_out_of_range_on_a_terminal(self):
        """What is waited for is seen at once, also where the window is narrow."""
        image, _ = self.make_image("new.bin", "1.1.0", "--image-size", "400000")
        near, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.environment["TERM"] = "xterm"
        process = subprocess.Popen(
            [SMPCTL, "-c", "ble:Sensor 12", "image", "upload", image], stdin=far, stdout=far,
            stderr=far, env=self.environment, cwd=self.directory)
        os.close(far)
        said = b""
        while b"KiB" not in said:
            said += os.read(near, 4096)
        self.tell("off 0")
        while b"connection lost; looking for ble:Sensor 12 (up to 60 s)" not in said:
            said += os.read(near, 4096)
        self.tell("on 0")
        try:
            while True:
                said += os.read(near, 4096)
        except OSError:  # it has ended
            os.close(near)
        self.assertEqual(process.wait(PATIENCE), 0, said)

    def test_interrupted(self):
        """Ctrl-C in the middle of an upload: the board and bluetoothd are left in order."""
        image, _ = self.make_image("new.bin", "1.1.0", "--image-size", "200000")
        process = self.start("--json", "-c", "ble:Sensor 12", "image", "upload", image)
        while b'"progress"' not in process.stdout.readline().encode():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.good("-c", "ble:Sensor 12", "echo", "hello")


if __name__ == "__main__":
    unittest.main()

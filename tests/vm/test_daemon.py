#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpd under a real systemd, with a real D-Bus, polkit, logind and udev, and boards on USB."""
import os
import pathlib
import re
import shutil
import signal
import time

import gateway
import machine
from boards import wait_until
from gateway import (FIRMWARE, KEEPER, STRANGER, Case, System, eventually, installed,  # noqa: F401
                     main_pid, run, setUpModule, unit)

if machine.inside():
    from gi.repository import GLib
    from smpdclient import DEVICE, JOB, Client, Failed, device_path, strings

USB = ("--hangup", "--boot-time", "300", "--erase-time", "1")
# Slow enough for something to happen in the middle.
SLOW = ("--baud", "57600")
MIDDLE = gateway.SIZE // 4
PUMP = "[target pump]\nusb-vendor=2fe3\nusb-product=0100\nusb-serial=SN0001\n"
ECHO = GLib.Variant("(yqyaya{sv})", (2, 0, 0, b"\xa1\x61d\x62hi", {})) if machine.inside() else None
BEGUN, RESUMED, UPLOADED, BACK, CONFIRMED, ENDED, INTERRUPTED = (
    "6216a26ad0464a67b144050d6982557b", "b8017987b86d4437b2737ec638ef202d",
    "b7c8212674e54fb19f11427c4932f316", "27ba9ab570c44edc82e7e4a1752b54f1",
    "db5162d396dd41c29f7110424bfed77d", "9e9dc2638c104ecbb816d901835e6863",
    "f15b6c4bf3024bac9a83408d4cce4360")


class Unit(Case):
    def test_activation(self):
        """a call starts the unit; it says that it is ready, and what it does"""
        self.assertEqual(unit("ActiveState"), "inactive")
        self.assertEqual(Client(System(), STRANGER).objects(), {})
        self.assertEqual((unit("ActiveState"), unit("SubState"), unit("Type"), unit("User")),
                         ("active", "running", "notify", "smpd"))
        wait_until(lambda: unit("StatusText") == "0 devices, 0 jobs running, 0 waiting", "status")
        self.configure(PUMP)
        run("systemctl", "reload", "smpd")
        self.assertEqual(unit("StatusText"), "1 devices, 0 jobs running, 0 waiting")
        self.assertEqual(unit("ActiveState"), "active")

    def test_confined(self):
        """what it may do is little; systemd understands all its units"""
        self.assertEqual(run("systemd-analyze", "verify", "--man=no", "smpd.service",
                             "smp-drop@pump.path", "smp-drop@pump.service"), "")
        said = run("systemd-analyze", "security", "--no-pager", "smpd")
        overall, = re.findall(r"Overall exposure level for smpd.service: ([0-9.]+)", said)
        print(f"# systemd-analyze security smpd: {overall}")
        self.assertLessEqual(float(overall), 2.0, said)
        run("systemctl", "start", "smpd")
        status = pathlib.Path(f"/proc/{main_pid()}/status").read_text(encoding="utf-8")
        for line in ("CapBnd:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1",
                     "Seccomp:\t2"):
            self.assertIn(line, status)
        self.assertEqual(run("stat", "-c", "%U %a", gateway.STATE).strip(), "smpd 700")

    def test_watchdog(self):
        """the watchdog is fed, and a daemon that stands still is replaced"""
        self.drop_in("WatchdogSec=3\nRestartSec=0")
        run("systemctl", "start", "smpd")
        fed = unit("WatchdogTimestampMonotonic")
        eventually(lambda: unit("WatchdogTimestampMonotonic") != fed)
        before = main_pid()
        os.kill(before, signal.SIGSTOP)
        eventually(lambda: main_pid() not in (0, before))
        eventually(lambda: unit("ActiveState") == "active")


class Users(Case):
    def setUp(self):
        super().setUp()
        self.gadget, _ = self.acm("SN0001", *USB)
        self.configure(PUMP)
        run("systemctl", "start", "smpd")
        eventually(lambda: self.of("pump", "Images"))

    def refused(self, client, *args, **more):
        with self.assertRaises(Failed) as caught:
            getattr(client, args[0])(*args[1:], **more)
        self.assertEqual(caught.exception.name, "NotAuthorized", caught.exception.text)

    def test_stranger(self):
        """anybody may read; who is not in the group smp may do nothing"""
        stranger = Client(System(), STRANGER)
        self.assertEqual(stranger.get(device_path("pump"), DEVICE, "Images")[0]["version"], "1.0.0")
        self.assertIn(device_path("pump"), stranger.objects())
        self.refused(stranger, "update", "pump", self.image())
        self.refused(stranger, "device", "pump", "Reset")
        self.refused(stranger, "device", "pump", "Refresh")
        self.refused(stranger, "manager", "Reload")
        self.refused(stranger, "call", device_path("pump"), DEVICE, "Call", ECHO)
        self.assertEqual(self.of("pump", "Job"), "/")

    def test_keeper(self):
        """who is in the group smp may update and reset, but not against a rule, nor send anything"""
        keeper = Client(System(), KEEPER)
        end = self.assert_updated(keeper.update("pump", self.image()))
        self.assertEqual(end["StartedBy"], "keeper")
        keeper.device("pump", "Refresh")
        keeper.device("pump", "Reset")
        self.refused(keeper, "update", "pump", self.image("0.9.0"),
                     options={"allow": strings(["downgrade"])})
        self.refused(keeper, "call", device_path("pump"), DEVICE, "Call", ECHO)

    def test_root(self):
        """root may do all"""
        answer = self.root.call(device_path("pump"), DEVICE, "Call", ECHO)
        self.assertEqual(bytes(answer), b"\xbf\x61r\x62hi\xff")


class Boards(Case):
    def plugged(self, *options):
        """A board that policy updates."""
        self.configure(f"{PUMP}firmware={self.firmware()}\n")
        run("systemctl", "start", "smpd")
        gadget, board = self.acm("SN0001", *options, *USB)
        return gadget, board, self.await_job()

    def test_policy(self):
        """plugged in, found, updated and confirmed; the journal tells it and explains"""
        _, _, job = self.plugged()
        self.assertEqual(self.assert_updated(job)["StartedBy"], "policy")
        eventually(lambda: self.of("pump", "Policy") == "satisfied")
        entries = self.entries(job)
        self.assertEqual([entry["MESSAGE_ID"] for entry in entries],
                         [BEGUN, UPLOADED, BACK, CONFIRMED, ENDED])
        self.assertEqual({(entry["_SYSTEMD_UNIT"], entry["SMPD_DEVICE"]) for entry in entries},
                         {("smpd.service", "pump")})
        said = self.journal("--catalog", "--unit=smpd", SMPD_DEVICE="pump")
        self.assertIn("Job 1 works on the board pump.", said)
        self.assertIn("Subject: An image stays", said)

    def test_pulled(self):
        """the cable pulled in the upload, the board back by another name: it goes on"""
        gadget, board, job = self.plugged(*SLOW)
        self.await_bytes(job, MIDDLE)
        # Somebody else has the port open: its name is not free when the board comes back.
        with open("/dev/ttyACM0", "rb", buffering=0, opener=lambda path, flags: os.open(
                path, flags | os.O_NOCTTY | os.O_NONBLOCK)):
            board.pull()
            wait_until(lambda: not os.path.exists(gadget.name()), "pulled")
            board.put_back()
            end = self.assert_updated(job)
            self.assertEqual(os.path.realpath(gadget.name()), "/dev/ttyACM1")
        self.assertLess(end["BytesTotal"], 1.5 * os.path.getsize(FIRMWARE / "new.bin"))

    def test_killed(self):
        """killed in the upload: systemd starts it again and the job goes on"""
        _, _, job = self.plugged(*SLOW)
        self.await_bytes(job, MIDDLE)
        before = main_pid()
        os.kill(before, signal.SIGKILL)
        eventually(lambda: main_pid() not in (0, before))
        self.assert_updated(job)
        self.assertIn(RESUMED, [entry["MESSAGE_ID"] for entry in self.entries(job)])

    def test_stopped(self):
        """stopped in the upload it ends soon, and goes on after the next start"""
        _, _, job = self.plugged(*SLOW)
        self.await_bytes(job, MIDDLE)
        start = time.monotonic()
        run("systemctl", "stop", "smpd")
        self.assertLess(time.monotonic() - start, 10)
        self.assertEqual((unit("ActiveState"), unit("Result")), ("inactive", "success"))
        self.assertIn("[job]", (gateway.STATE / "jobs/1/job").read_text(encoding="utf-8"))
        run("systemctl", "start", "smpd")
        self.assert_updated(job)
        # A slow machine may be through with the upload before systemd stops it.
        told = (BEGUN, INTERRUPTED, RESUMED)
        self.assertEqual([entry["MESSAGE_ID"] for entry in self.entries(job)
                          if entry["MESSAGE_ID"] in told], list(told))

    def inhibitors(self):
        listed = self.root.connection.call_sync(
            "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
            "ListInhibitors", None, None, 0, -1, None).unpack()[0]
        return [entry for entry in listed if entry[1] == "smpd"]

    def test_inhibitor(self):
        """logind delays a shutdown while the board restarts, and at no other time"""
        _, _, job = self.plugged("--baud", "921600", "--boot-time", "2000")
        seen = {}
        while self.root.get(job, JOB, "State") != "done":
            step, held = self.root.get(job, JOB, "Step"), self.inhibitors()
            if step == self.root.get(job, JOB, "Step"):
                seen.setdefault(step, []).append(len(held))
            for what, who, _, mode, *_ in held:
                self.assertEqual((what, who, mode), ("shutdown:sleep", "smpd", "delay"))
            time.sleep(0.1)
        self.assertEqual(set(seen["upload"]), {0}, seen)
        # It is asked for when the step begins, and let go before the next one is told.
        self.assertRegex("".join(map(str, seen["reset"])), "^0*1+0?$")
        self.assert_updated(job)
        self.assertEqual(self.inhibitors(), [])

    def test_udev(self):
        """the rules that the installed file tells: ModemManager leaves the board, smpd is started for it"""
        text, = [path.read_text(encoding="utf-8")
                 for path in gateway.stage().glob("**/udev/rules.d/76-smpd.rules")]
        rules = re.findall(r"^#   (SUBSYSTEM.*)$", text, re.M)
        local = pathlib.Path("/etc/udev/rules.d/76-smpd-boards.rules")
        local.write_text("\n".join(rules).replace("1915", "2fe3").replace("520f", "0100") + "\n",
                         encoding="utf-8")
        self.addCleanup(run, "udevadm", "control", "--reload")
        self.addCleanup(local.unlink)
        run("udevadm", "control", "--reload")
        self.acm("SN0002", *USB)
        port = run("udevadm", "info", "--query=property", "/dev/ttyACM0")
        self.assertIn("ID_SMP=1\n", port)
        self.assertIn("ID_MM_PORT_IGNORE=1\n", port)
        path, = re.findall(r"^DEVPATH=(.*)$", port, re.M)
        usb = "/sys" + str(pathlib.Path(path).parents[2])
        self.assertIn("ID_MM_DEVICE_IGNORE=1\n", run("udevadm", "info", "--query=property", usb))
        eventually(lambda: unit("ActiveState") == "active")
        eventually(lambda: self.of("marked-SN0002", "Images"))


class Drop(Case):
    def dropped(self, source, name):
        """As the manual says: under a name that is not seen, then moved."""
        hidden = self.spool / f".{name}"
        shutil.copy(source, hidden)
        os.rename(hidden, self.spool / name)

    def test_drop(self):
        """a file in the spool is installed; one that is no firmware is put aside, with what was said of it"""
        self.spool = pathlib.Path("/var/spool/smp/pump")
        self.addCleanup(run, "systemctl", "stop", "smp-drop@pump.path", check=False)
        self.acm("SN0001", *USB)
        self.configure(PUMP)
        run("systemctl", "start", "smp-drop@pump.path")
        self.assertEqual(run("stat", "-c", "%U %a", self.spool).strip(), "root 750")
        self.dropped("/etc/passwd", "wrong.bin")
        eventually((self.spool / ".failed/wrong.bin.log").exists)
        self.assertIn("wrong.bin", (self.spool / ".failed/wrong.bin.log").read_text("utf-8"))
        self.dropped(self.image(), "pump-1.1.0.bin")
        eventually((self.spool / ".done/pump-1.1.0.bin").exists)
        job = self.await_job()
        self.assertEqual(self.assert_updated(job)["StartedBy"], "root")
        self.assertEqual([path.name for path in self.spool.glob("[!.]*")], [])


class Bluetooth(Case):
    def test_update(self):
        """smpd as its own user, in its sandbox: a board that comes on the air is found and updated"""
        import ble_sim
        ble_sim.setUpModule()
        self.configure(f"[target pump]\nble=pump 7\npoll=2s\nfirmware={self.firmware()}\n")
        run("systemctl", "start", "smpd")
        with ble_sim.Sim("--name", "pump 7"):
            end = self.assert_updated(self.await_job())
        self.assertEqual((end["StartedBy"], unit("User")), ("policy", "smpd"))
        self.assertEqual(run("systemctl", "show", "-P", "NRestarts", "bluetooth").strip(), "0")


if __name__ == "__main__":
    machine.main(installed, systemd=True)

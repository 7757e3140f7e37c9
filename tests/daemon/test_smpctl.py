# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpctl as the client of smpd: job, device, update --daemon, watch."""

import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import fcntl

import common
import smptest
from gi.repository import GLib
from common import DEVICE, JOB, NOBODY, PATIENCE, device_path, eventually

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


class Device(TestCase):
    def test_list(self):
        """device list as a table and as JSON"""
        board, _ = self.boards("pump-1", "meter")
        rows = self.rows("device", "list")
        self.assertEqual(rows[0], ["DEVICE", "TARGET", "PRESENT", "RUNS", "WANTED", "NOW"])
        self.assertEqual(rows[2], ["pump-1", board.target, "yes", "1.0.0", "–", "–"])
        devices = self.object("device", "list")["devices"]
        self.assertEqual([device["device"] for device in devices], ["meter", "pump-1"])
        self.assertEqual(set(devices[1]), DEVICE_KEYS)
        self.assertEqual((devices[1]["target"], devices[1]["present"]), (board.target, True))
        self.assertEqual(devices[1]["images"][0]["version"], "1.0.0")
        self.assertAlmostEqual(devices[1]["seen"], time.time(), delta=60)

    def test_inventory(self):
        """device list --inventory: lines for mender-inventory"""
        board, _ = self.boards("pump-1", "meter")
        board.stop()
        with self.assertRaises(common.Failed):
            self.user.device("pump-1", "Refresh")
        lines = dict(line.split("=", 1) for line in
                     self.good("device", "list", "--inventory").splitlines())
        self.assertEqual(lines["smp_meter_version"], "1.0.0")
        self.assertEqual(lines["smp_meter_present"], "yes")
        self.assertEqual(lines["smp_pump-1_present"], "no")
        self.assertEqual(lines["smp_meter_bootloader"], "MCUboot")
        self.assertRegex(lines["smp_meter_hash"], "^[0-9a-f]{64}$")
        self.assertEqual(self.smpctl("device", "list", "--inventory", "--json")[0], 2)

    def test_liar(self):
        """what a board writes stays in its line and its cell"""
        self.fake({"Name": "a", "Target": "udp:192.0.2.1", "Present": True,
                   "Application": "x\nsmp_b_version=9.9.9", "Wanted": "\033[2J", "Policy": "none"})
        lines = self.good("device", "list", "--inventory").splitlines()
        self.assertIn("smp_a_application=x?smp_b_version=9.9.9", lines)
        self.assertEqual(len(lines), 2)
        for command in (["list"], ["show"]):
            self.assertNotIn("\033", self.good("device", *command))
        self.assertEqual(self.object("device", "list")["devices"][0]["wanted"], "\033[2J")

    def test_show(self):
        """device show of one and of all"""
        board, _ = self.boards("a", "b")
        text = self.good("device", "show", "a")
        self.assertIn(f"Target       {board.target}\n", text)
        self.assertRegex(text, r"Image 0      slot 0  1\.0\.0 .* active · confirmed")
        self.assertNotIn("Device       b", text)
        self.assertIn("Device       b", self.good("device", "show"))
        self.assertEqual(len(self.object("device", "show")["devices"]), 2)
        self.assertEqual(self.object("device", "show", "b")["devices"][0]["device"], "b")
        self.assertIn("“nope”", self.bad(4, "device", "show", "nope"))

    def test_add_and_remove(self):
        """device add and remove"""
        self.boards("a")
        board = self.board(udp=True)
        self.assertEqual(self.object("device", "add", "bench", board.target), {"added": "bench"})
        eventually(lambda: self.user.get(device_path("bench"), DEVICE, "Present"))
        self.bad(1, "device", "add", "bench", board.target)
        self.assertNotIn("Usage", self.bad(2, "device", "add", "x", "nonsense:"))
        self.assertEqual(self.good("device", "remove", "bench"), "Done\n")
        self.assertNotIn("bench", self.good("device", "list"))
        self.bad(4, "device", "remove", "bench")
        self.assertEqual(self.smpctl("device", "remove", "a")[0] == 0, False)

    def test_refresh(self):
        """device refresh shows what is there now"""
        board, = self.boards("a", options=("--boot-time", "100"))
        seen = self.object("device", "show", "a")["devices"][0]["seen"]
        eventually(lambda: time.time() > seen + 1)
        again, = self.object("device", "refresh", "a")["devices"]
        self.assertGreater(again["seen"], seen)
        self.assertIn("Device       a", self.good("device", "refresh", "a"))
        board.stop()
        self.assertIn("smpctl: ", self.bad(4, "device", "refresh", "a"))
        self.assertIn("Problem", self.good("device", "show", "a"))

    def test_retry(self):
        """device retry"""
        self.boards("a")
        self.assertEqual(self.object("device", "retry", "a"), {"retried": "a"})

    def test_empty(self):
        """no device, no job"""
        self.start()
        self.assertEqual(self.smpctl("device", "list")[:2], (0, ""))
        self.assertEqual(self.object("device", "list"), {"devices": []})
        self.assertEqual(self.object("job", "list"), {"jobs": []})
        self.assertEqual(self.smpctl("job", "show")[:2], (0, ""))
        self.bad(4, "job", "watch")


class Errors(TestCase):
    def test_no_daemon(self):
        """smpd does not run: how to start it"""
        for command in (["device", "list"], ["job", "list"], ["watch"],
                        ["-c", "a", "update", "--daemon", self.image("new.bin", "1.1.0")]):
            with self.subTest(command):
                err = self.bad(4, *command)
                self.assertIn("smpctl: smpd does not run\n", err)
                self.assertIn("`sudo systemctl start smpd`", err)

    def test_no_bus(self):
        """there is no bus"""
        env = self.environment()
        env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nowhere"
        self.assertIn("cannot reach smpd", self.bad(4, "device", "list", env=env))

    def test_not_startable(self):
        """the bus cannot start smpd"""
        directory = self.path("services")
        os.mkdir(directory)
        with open(os.path.join(directory, "org.smpd1.service"), "w", encoding="ascii") as file:
            file.write("[D-BUS Service]\nName=org.smpd1\nExec=/bin/false\nUser=root\n")
        path, config = self.path("bus"), self.path("bus.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(common.BUS_CONFIG.replace(
                "</listen>", f"</listen><servicedir>{directory}</servicedir>") % path)
        bus = subprocess.Popen(["dbus-daemon", "--nofork", "--nosyslog", "--config-file", config])
        self.addCleanup(bus.wait)
        self.addCleanup(bus.terminate)
        eventually(lambda: os.path.exists(path))
        env = self.environment(DBUS_SYSTEM_BUS_ADDRESS="unix:path=" + path)
        err = self.bad(4, "device", "list", env=env)
        self.assertIn("smpctl: smpd could not be started\n", err)
        self.assertIn("journalctl -u smpd", err)

    def test_denied(self):
        """not authorized: the group, or sudo"""
        self.boards("a")
        if os.geteuid() != 0:
            self.skipTest("root is asked nothing, and another user is needed")
        os.chmod(self.directory, 0o755)
        new = self.image("new.bin", "1.1.0")
        os.chmod(new, 0o644)
        self.bus.allow()
        for command in (["-c", "a", "update", "--daemon", new], ["device", "refresh", "a"],
                        ["device", "retry", "a"], ["device", "add", "x", "udp:127.0.0.1:9"]):
            with self.subTest(command):
                err = self.bad(4, *command, user=NOBODY)
                self.assertIn("not authorized for org.smpd1.", err)
                self.assertIn("Join the group smp", err)
                self.assertIn("sudo", err)
        self.assertIn("a", self.good("device", "list", user=NOBODY))
        self.bus.allow("update")
        self.good("-c", "a", "update", "--daemon", new, user=NOBODY)
        old = self.image("old.bin", "0.9.0")
        os.chmod(old, 0o644)
        err = self.bad(4, "-c", "a", "update", "--daemon", "--allow-downgrade", old, user=NOBODY)
        self.assertIn("for administrators", err)
        self.assertNotIn("Join the group", err)

    def test_busy(self):
        """the device has a job"""
        self.boards("a", udp=False, options=CRAWL)
        new = self.image("new.bin", "1.1.0")
        job = self.user.update("a", new)
        self.upload_at(job)
        self.assertIn("a has a job", self.bad(4, "-c", "a", "update", "--daemon", new))
        self.bad(4, "device", "refresh", "a")
        self.user.job(job)
        self.user.wait(job)


class Jobs(TestCase):
    def test_list_and_show(self):
        """job list, job show"""
        self.boards("a")
        self.good("-c", "a", "update", "--daemon", self.image("new.bin", "1.1.0"))
        rows = self.rows("job", "list")
        self.assertEqual(rows[0], ["JOB", "DEVICE", "WHAT", "FOR", "BEGUN", "STATE"])
        self.assertEqual(rows[1][:3] + rows[1][5:], ["1", "a", "update to 1.1.0", "updated"])
        job, = self.object("job", "list")["jobs"]
        self.assertEqual(set(job), JOB_KEYS)
        self.assertEqual((job["job"], job["result"], job["files"]), ("1", "updated", ["0-new.bin"]))
        self.assertEqual(self.object("job", "show", "1"), {"jobs": [job]})
        self.assertEqual(self.object("job", "show", self.job_path(1)), {"jobs": [job]})
        self.assertEqual(self.object("job", "show"), {"jobs": [job]})
        text = self.good("job", "show", "1")
        for line in ("Job          1\n", "What         update to 1.1.0\n", "State        updated\n"):
            self.assertIn(line, text)
        for name in ("2", "x y", "", "/org/smpd1/job/7"):
            self.bad(4, "job", "show", name)

    def test_cancel(self):
        """job cancel; who watches learns of it"""
        self.boards("a", udp=False, options=CRAWL)
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        self.upload_at(job)
        self.assertIn("upload", self.good("job", "show"))
        watcher = self.begin("job", "watch")
        time.sleep(0.5)
        self.assertEqual(self.object("job", "cancel", "1"), {"cancelled": "1"})
        _, err = watcher.communicate(timeout=PATIENCE)
        self.assertEqual(watcher.returncode, 1, err)
        self.assertIn("cancelled by", err)
        self.assertIn("The board runs 1.0.0 as before", err)
        self.assertIn("ended already", self.bad(4, "job", "cancel", "1"))
        self.assertIn("cancelled", self.bad(1, "job", "watch", "1"))

    def test_trial(self):
        """job confirm, job rollback"""
        self.boards("a", "b")
        new = self.image("new.bin", "1.1.0")
        for name in "ab":
            self.assertIn("on trial", self.good("-c", name, "update", "--daemon", "--test-only", new))
        self.assertEqual(self.object("job", "confirm", "1"), {"confirmed": "1"})
        self.assertEqual(self.running("a"), ("1.1.0", True))
        self.bad(7, "job", "confirm", "1")
        end = self.objects("job", "rollback", "2")[-1]
        self.assertEqual((end["event"], end["result"], end["exit"]), ("end", "rolled-back", 0))
        self.assertEqual(self.running("b"), ("1.0.0", True))

    def test_rollback_detached(self):
        """job rollback --detach tells the new job"""
        self.boards("a", options=("--mode", "swap-scratch"))
        self.good("-c", "a", "update", "--daemon", self.image("new.bin", "1.1.0"))
        self.assertEqual(self.good("job", "rollback", "--detach", "1"), "job 2\n")
        self.assertIn("rolled back", self.good("job", "watch", "2"))
        self.assertEqual(self.running("a"), ("1.0.0", True))

    def test_watch_which(self):
        """job watch does not guess"""
        self.boards("a", "b", udp=False, options=CRAWL)
        new = self.image("new.bin", "1.1.0")
        jobs = [self.user.update(name, new) for name in "ab"]
        err = self.bad(2, "job", "watch")
        self.assertIn("1 (a), 2 (b)", err)
        self.assertEqual(len(self.object("job", "show")["jobs"]), 2)
        for job in jobs:
            self.user.job(job)
        for job in jobs:
            self.user.wait(job)


class Update(TestCase):
    def test_text(self):
        """update --daemon says what a local one does"""
        self.boards("a", udp=False, options=SLOW)
        status, out, err = self.smpctl("-c", "a", "update", "--daemon",
                                       self.image("new.bin", "1.1.0"))
        self.assertEqual(status, 0, err)
        self.assertRegex(out, r"^updated: image 0 runs 1\.1\.0, confirmed \(was 1\.0\.0\), in ")
        self.assertIn("file     new.bin: image 0, 1.1.0", err)
        self.assertRegex(err, r"board    a at \S+/tty\w+, runs 1\.0\.0\njob      1\n")
        self.assertIn("upload    50 %   ", err)
        self.assertIn("upload   49 KiB in ", err)
        self.assertIn("reset    the board is back after", err)
        self.assertEqual(self.running("a"), ("1.1.0", True))

    def test_events(self):
        """update --daemon --json: the events of an update"""
        self.boards("a", udp=False, options=SLOW)
        events = self.objects("-c", "a", "update", "--daemon", self.image("new.bin", "1.1.0"))
        self.assertEqual({event["event"] for event in events}, {"job", "step", "progress", "end"})
        self.assertEqual((events[0]["job"], events[0]["device"]), ("1", "a"))
        upload = [e for e in events if e.get("step") == "upload"]
        self.assertEqual((upload[0]["state"], upload[-1]["state"]), ("begin", "done"))
        self.assertIn("1.1.0", upload[0]["reason"])
        self.assertEqual(upload[-1]["offset"], upload[-1]["size"])
        self.assertNotIn("waiting", upload[-1])
        self.assertGreater(len(upload), 5)
        steps = [(e["step"], e["state"]) for e in events if e["event"] == "step"]
        for step, state in steps:
            self.assertIn((step, "begin" if state == "done" else "done"), steps)
        self.assertIn(("reset", "done"), steps)
        fractions = [e["fraction"] for e in events if "fraction" in e]
        self.assertEqual(fractions, sorted(fractions))
        end = events[-1]
        self.assertEqual((end["result"], end["was"], end["exit"]), ("updated", "1.0.0", 0))
        self.assertGreater(end["duration"], 1)

    def test_names(self):
        """the board by its name, its target, the environment, a profile, and as the only one"""
        board, _ = self.boards("a", "b")
        new = self.image("new.bin", "1.1.0")
        self.good("-c", "a", "update", "--daemon", new)
        self.assertIn("up to date", self.good("-c", board.target, "ensure", "--daemon", new))
        self.assertIn("up to date",
                      self.good("--conntype", "udp", "--connstring",
                                board.target.removeprefix("udp:"), "ensure", "--daemon", new))
        self.assertIn("up to date", self.good("ensure", "--daemon", new,
                                              env=self.environment(SMPCTL_CONN="a")))
        self.good("conn", "add", "desk", "type=udp",
                  "connstring=" + board.target.removeprefix("udp:"))
        self.assertIn("up to date", self.good("-c", "desk", "ensure", "--daemon", new))
        kinds = [job["kind"] for job in self.object("job", "list")["jobs"]]
        self.assertEqual(kinds, ["update"] + ["ensure"] * 4)
        self.bad(2, "update", "--daemon", new, env=self.environment(HOME="/nowhere"))
        self.assertIn("“nope”", self.bad(4, "-c", "nope", "update", "--daemon", new))
        self.assertIn("does not serve udp:127.0.0.1:9",
                      self.bad(4, "-c", "udp:127.0.0.1:9", "update", "--daemon", new))
        self.good("conn", "delete", "desk")
        self.assertEqual(self.user.device("b", "Refresh"), ())

    def test_only_device(self):
        """without -c the only device"""
        self.boards("a")
        self.good("update", "--daemon", self.image("new.bin", "1.1.0"))
        self.assertEqual(self.running("a"), ("1.1.0", True))

    def test_identity(self):
        """a port by another name of it"""
        self.boards("a", udp=False)
        target = self.user.get(device_path("a"), DEVICE, "Target")
        self.good("-c", f"serial:{target}?baud=921600", "update", "--daemon",
                  self.image("new.bin", "1.1.0"))

    def test_options(self):
        """what smpd knows is passed on, what it does not is refused"""
        self.boards("a", options=("--board", "threeimage"))
        files = [self.image(f"{n}.bin", "2.0.0", "--image", str(n)) for n in (0, 1)]
        end = self.objects("-c", "a", "update", "--daemon", files[0], "1:" + files[1])[-1]
        self.assertEqual(end["result"], "updated", end)
        job, = self.object("job", "list")["jobs"]
        self.assertEqual((job["version"], job["files"]),
                         ("0: 2.0.0, 1: 2.0.0", ["0-0.bin", "1-1.bin"]))
        newer = self.image("n.bin", "2.1.0", "--image", "1")
        self.assertIn("uploaded", self.good("-c", "a", "update", "--daemon", "-n", "1", "-w", "1",
                                            "--stop-before", "reset", newer))
        self.assertEqual(self.object("job", "show", "2")["jobs"][0]["version"], "2.1.0")
        for options in (["--health", "true"], ["--key", "x.pem"], ["--dry-run"],
                        ["--allow-concurrent"], ["--trace"], ["-m", "300"]):
            with self.subTest(options):
                self.bad(2, "-c", "a", "update", "--daemon", *options, files[0])
        self.bad(2, "-c", "a", "update", "--detach", files[0])
        self.assertEqual(len(self.object("job", "list")["jobs"]), 2)

    def test_bootloader(self):
        """a package's bootloader instead of its application"""
        self.boards("a", options=("--board", "nsib"))
        package = self.bootloaders()
        self.bad(3, "-c", "a", "update", "--daemon", "--confirm", package)
        out = self.good("-c", "a", "update", "--daemon", "--confirm", "--bootloader=auto", package)
        self.assertIn("the bootloader runs 2.0.0", out)
        self.assertEqual(self.running("a"), ("1.0.0", True))

    def test_modes(self):
        """upload only, for good, refused and allowed"""
        self.boards("a")
        new, old = self.image("new.bin", "1.1.0"), self.image("old.bin", "0.9.0")
        self.assertIn("uploaded", self.good("-c", "a", "update", "--daemon", "--upload-only", new))
        self.assertEqual(self.running("a"), ("1.0.0", True))
        self.good("-c", "a", "update", "--daemon", "--confirm", new)
        self.assertEqual(self.running("a"), ("1.1.0", True))
        status, out, err = self.smpctl("-c", "a", "update", "--daemon", old)
        self.assertEqual(status, 7, err)
        self.assertIn("--allow-downgrade", out)
        self.good("-c", "a", "update", "--daemon", "--allow-downgrade", old)
        self.assertEqual(self.running("a"), ("0.9.0", True))

    def test_exit_statuses(self):
        """rolled back is 8, a board that is away 4 or 5, a file that is none 3"""
        board, = self.boards("a", udp=False, extra="health-check=false")
        new = self.image("new.bin", "1.1.0")
        status, out, err = self.smpctl("-c", "a", "update", "--daemon", new)
        self.assertEqual(status, 8, out + err)
        self.assertIn("rolled back", out)
        status, out, err = self.smpctl("-q", "-c", "a", "update", "--daemon", new)
        self.assertEqual((status, out), (8, ""))
        with open(self.path("text.bin"), "w", encoding="ascii") as file:
            file.write("no firmware\n" * 100)
        self.bad(3, "-c", "a", "update", "--daemon", self.path("text.bin"))
        self.bad(3, "-c", "a", "update", "--daemon", self.path("nothing.bin"))
        board.stop()
        status, out, err = self.smpctl("-c", "a", "update", "--daemon", new)
        self.assertIn(status, (4, 5), out + err)
        self.assertIn("smpctl: job 3 did not end well: ", err)
        self.assertEqual(self.objects("job", "watch", "3", status=status)[-1]["error"]["class"],
                         {4: "connection", 5: "timeout"}[status])

    def test_detach(self):
        """--detach prints the job and returns"""
        self.boards("a", udp=False, options=SLOW)
        new = self.image("new.bin", "1.1.0")
        start = time.monotonic()
        self.assertEqual(self.good("-c", "a", "update", "--daemon", "--detach", new), "job 1\n")
        self.assertLess(time.monotonic() - start, 5)
        self.assertNotEqual(self.user.get(self.job_path(1), JOB, "State"), "done")
        self.assertIn("updated", self.good("job", "watch", "1"))
        self.assertEqual(self.object("-c", "a", "update", "--daemon", "--detach", new),
                         {"job": "2"})
        self.user.wait(self.job_path(2))

    def test_interrupt(self):
        """Ctrl-C leaves the job alone and says how to look on"""
        self.boards("a", udp=False, options=SLOW)
        process = self.begin("-c", "a", "update", "--daemon", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(device_path("a"), DEVICE, "Job") != "/")
        self.upload_at(self.job_path(1))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("smpctl: interrupted\n", err)
        self.assertIn("`smpctl job watch 1` follows it", err)
        self.assertEqual(self.user.get(self.job_path(1), JOB, "State"), "running")
        self.assertEqual(self.user.wait(self.job_path(1))["Result"], "updated")

    def test_restart(self):
        """smpd is restarted meanwhile"""
        self.boards("a", udp=False, options=SLOW)
        process = self.begin("-c", "a", "update", "--daemon", self.image("new.bin", "1.1.0"))
        eventually(lambda: self.user.get(device_path("a"), DEVICE, "Job") != "/")
        self.upload_at(self.job_path(1))
        self.daemon.kill()
        time.sleep(0.5)
        self.start()
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn("updated", out)
        self.assertIn("smpd has stopped; waiting for it", err)


class Ports(TestCase):
    """Plain commands at a board that smpd serves, too."""

    def test_job_on_port(self):
        """a job has the port: look at what smpd knows, touch nothing"""
        board, = self.boards("a", udp=False, options=CRAWL)
        new = self.image("new.bin", "1.1.0")
        job = self.user.update("a", new)
        self.upload_at(job)
        for command in (["echo", "x"], ["reset"], ["image", "upload", new], ["update", new],
                        ["update", "--dry-run", new], ["confirm"], ["os", "info"]):
            with self.subTest(command):
                start = time.monotonic()
                # The share that is uploaded differs from one call to the next.
                status, out, err = self.smpctl("-c", board.target, *command)
                self.assertEqual((status, out), (4, ""), err)
                self.assertIn(f"smpctl: smpd has a job for {board.target}, which it calls a: "
                              "job 1, update to 1.1.0, upload ", err)
                self.assertIn("`smpctl job watch 1` follows it", err)
                self.assertNotIn("--allow-concurrent", err)
                self.assertLess(time.monotonic() - start, 5)
        status, out, err = self.smpctl("doctor", board.target)
        self.assertEqual((status, err), (4, ""))
        self.assertRegex(out, r"(?m)^PROBLEM  port +smpd has a job for .*: job 1, update to 1\.1\.0")
        self.assertIn("`smpctl job watch 1` follows it", out)
        status, out, err = self.smpctl("-c", board.target, "status")
        self.assertEqual(status, 0, err)
        self.assertIn("job 1", err)
        self.assertRegex(out, r"Now +job 1, upload ")
        status, out, err = self.smpctl("-c", board.target, "image", "list")
        self.assertEqual(status, 0, err)
        self.assertIn("job 1", err)
        self.assertIn(" image=0 slot=0\n    version: 1.0.0\n", out)
        for command in (["status"], ["image", "list"]):
            told = self.object("-c", board.target, *command)
            self.assertEqual((told["job"], told["images"][0]["version"]), ("1", "1.0.0"))
        self.assertEqual(self.user.get(job, JOB, "State"), "running")
        self.user.job(job)
        self.user.wait(job)
        self.assertIn("Board", self.good("-c", board.target, "status"))

    def hold(self, board, seconds):
        """smpd talks to the board, which does not answer for so long."""
        os.kill(board.process.pid, signal.SIGSTOP)
        self.user.connection.call(
            common.NAME, device_path("a"), DEVICE, "Refresh", GLib.Variant("(a{sv})", ({},)), None,
            0, PATIENCE * 1000, None, None)
        self.user.connection.flush_sync(None)
        time.sleep(0.5)
        timer = subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -CONT {board.process.pid}"])
        self.addCleanup(timer.wait)

    def test_short_talk(self):
        """smpd looks at the board: it is waited for, and that is said"""
        board, = self.boards("a", udp=False)
        self.hold(board, 2.5)
        start = time.monotonic()
        status, out, err = self.smpctl("-v", "-c", board.target, "echo", "hello")
        self.assertEqual((status, out), (0, "hello\n"), err)
        self.assertGreater(time.monotonic() - start, 2)
        self.assertIn("waiting for smpd, which is talking to the board\n", err)

    def test_stopped_daemon(self):
        """smpd that hangs with the port open is not waited for without end"""
        board, = self.boards("a", udp=False)
        self.hold(board, 0.5)
        os.kill(self.daemon.process.pid, signal.SIGSTOP)
        time.sleep(0.6)
        start = time.monotonic()
        status, out, err = self.smpctl("-c", board.target, "echo", "hello")
        took = time.monotonic() - start
        os.kill(self.daemon.process.pid, signal.SIGCONT)
        self.assertEqual((status, out), (4, ""), err)
        self.assertLess(took, 15)
        self.assertIn(f"{board.target} is held by", err)

    def test_other_holder(self):
        """a port that another program holds is not waited for"""
        board, = self.boards("a", udp=False)
        tty = os.open(board.target, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, tty)
        fcntl.flock(tty, fcntl.LOCK_EX)
        start = time.monotonic()
        err = self.bad(4, "-c", board.target, "echo", "x")
        self.assertIn(f"{board.target} is held by python3", err)
        self.assertLess(time.monotonic() - start, 5)

    def test_job_on_udp(self):
        """a job over UDP: what changes the board is refused, reading goes on"""
        board, = self.boards("a", options=("--boot-time", "5000"))
        new, newer = self.image("new.bin", "1.1.0"), self.image("newer.bin", "1.2.0")
        job = self.user.update("a", new)
        self.user.wait_step(job, "reset")
        for command in (["reset"], ["image", "erase"], ["confirm"], ["rollback"], ["resume"],
                        ["image", "test", "00" * 32], ["image", "confirm"], ["update", newer],
                        ["ensure", newer], ["image", "upload", newer], ["storage", "erase"],
                        ["settings", "write", "a/b", "1"], ["fs", "upload", newer, "/lfs1/a"],
                        ["shell", "exec", "kernel", "reboot"], ["raw", "write", "os", "5"],
                        ["crash", "assert"], ["image", "coreerase"]):
            with self.subTest(command):
                err = self.bad(4, "-c", board.target, *command)
                self.assertIn("smpd has a job for udp:", err)
                self.assertEqual("--allow-concurrent" in err,
                                 command[0] in ("update", "ensure") or command[:2] == ["image", "upload"])
        # These reach the board, which does not answer yet.
        for command in (["echo", "x"], ["image", "upload", "--allow-concurrent", newer]):
            status, out, err = self.smpctl("-t", "0.3", "-c", board.target, *command)
            self.assertNotIn("smpd has a job", err)
        self.assertEqual(self.user.wait(job)["Result"], "updated")
        self.good("-c", board.target, "reset")

    def silent_bus(self):
        """A bus that says nothing."""
        path = self.path("silent")
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(server.close)
        server.bind(path)
        server.listen()
        server.setblocking(False)
        return server, self.environment(DBUS_SYSTEM_BUS_ADDRESS="unix:path=" + path)

    def test_no_cost(self):
        """smpd is asked only where it matters, and briefly"""
        server, env = self.silent_bus()
        board = self.board(udp=True)
        tty = self.board()
        for target, command in ((board.target, "status"), (board.target, "echo x"),
                                (tty.target, "reset"), (tty.target, "status")):
            self.good("-c", target, *command.split(), env=env)
            with self.assertRaises(BlockingIOError):
                server.accept()
        start = time.monotonic()
        self.good("-c", board.target, "reset", env=env)
        self.assertLess(time.monotonic() - start, 1)
        server.accept()[0].close()

    def test_hung_daemon(self):
        """neither smpd that hangs nor a bus that is not there keeps a command from working"""
        board, = self.boards("a")
        os.kill(self.daemon.process.pid, signal.SIGSTOP)
        start = time.monotonic()
        status, _, err = self.smpctl("-c", board.target, "reset")
        took = time.monotonic() - start
        os.kill(self.daemon.process.pid, signal.SIGCONT)
        self.assertEqual(status, 0, err)
        self.assertLess(took, 1)
        eventually(lambda: self.smpctl("-t", "1", "-c", board.target, "echo", "x")[0] == 0)
        self.good("-c", board.target, "reset",
                  env=self.environment(DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nowhere"))

    def test_not_started(self):
        """plain commands do not start smpd"""
        board = self.board(udp=True)
        self.good("-c", board.target, "reset")
        self.assertFalse(self.bus.has_owner(common.NAME))


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


class Watch(TestCase):
    def test_terminal(self):
        """watch on a terminal: drawn over, until Ctrl-C"""
        self.boards("a", "b", udp=False, options=CRAWL)
        terminal = Terminal(self, "watch")
        first = terminal.wait_for(r"\nb .*yes")
        self.assertNotRegex(first, r"\033\[\d+A")
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        text = terminal.wait_for(r"upload [2-9] %")
        self.assertRegex(text, r"\033\[\d+A")
        self.assertRegex(text, r"a +\S+/tty\w+ +yes +1\.0\.0 +– +job 1, ")
        self.user.job(job)
        terminal.wait_for("cancelled")
        os.killpg(terminal.process.pid, signal.SIGINT)
        self.assertEqual(terminal.process.wait(PATIENCE), 0)

    def test_resize(self):
        """watch follows the size of the terminal"""
        self.boards(*(f"board-{n}" for n in range(9)))
        terminal = Terminal(self, "watch", columns=100, rows=24)
        terminal.wait_for("board-8")
        terminal.resize(30, 8)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.wait_for(r"lines more")
        time.sleep(1.2)
        terminal.read(0.1)
        picture = re.split(r"\033\[\d+A", terminal.text)[-1]
        lines = re.sub(r"\033\[[0-9;]*[A-Za-z]", "", picture).split("\r\n")
        self.assertLessEqual(len(lines), 8)
        self.assertLessEqual(max(map(len, lines)), 29)
        self.assertEqual(terminal.process.poll(), None)

    def test_restart(self):
        """watch goes on when smpd is restarted"""
        self.boards("a")
        terminal = Terminal(self, "watch")
        terminal.wait_for(r"\na .*yes")
        self.daemon.stop()
        terminal.wait_for("smpd has stopped")
        self.start()
        terminal.wait_for(r"\na .*yes")
        self.user.update("a", self.image("new.bin", "1.1.0"))
        terminal.wait_for(r"updated")

    def test_lines(self):
        """watch elsewhere: a line for each change"""
        self.boards("a", udp=False, options=SLOW)
        log = open(self.path("watch"), "w+", encoding="utf-8")
        self.addCleanup(log.close)
        process = self.begin("watch", stdout=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.good("-c", "a", "update", "--daemon", self.image("new.bin", "1.1.0"))
        eventually(lambda: "runs 1.1.0" in self.read(log))
        self.daemon.stop()
        eventually(lambda: "smpd has stopped" in self.read(log))
        self.start()
        eventually(lambda: self.read(log).count("smpd runs") == 2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)
        lines = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", "", line)
                 for line in self.read(log).splitlines()]
        self.assertEqual(lines[:2], ["smpd runs", "a: present, runs 1.0.0, policy: none"])
        self.assertIn("a: job 1, update to 1.1.0: upload 50 %", lines)
        self.assertIn("a: job 1, update to 1.1.0: updated", lines)
        self.assertLess(len([line for line in lines if "upload" in line]), 13)
        for before, line in zip(lines, lines[1:]):
            self.assertNotEqual(before, line)

    def read(self, log):
        log.seek(0)
        return log.read()

    def test_json(self):
        """watch --json: an object for each change"""
        self.boards("a")
        process = self.begin("--json", "watch")
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        self.assertEqual(lines[0], {"event": "daemon", "running": True})
        self.assertEqual(set(lines[1]), DEVICE_KEYS | {"event"})
        board = self.board(udp=True)
        self.good("device", "add", "bench", board.target)
        eventually(lambda: self.user.get(device_path("bench"), DEVICE, "Present"))
        self.good("device", "remove", "bench")
        seen = []
        while not seen or seen[-1]["event"] != "device-removed":
            seen.append(json.loads(process.stdout.readline()))
        self.assertEqual(seen[-1], {"event": "device-removed", "device": "bench"})
        self.assertEqual({event["device"] for event in seen}, {"bench"})
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)


if __name__ == "__main__":
    common.main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpctl as the client of smpd: job, device, watch."""

import json
import os
import re
import signal
import subprocess
import time

import common
from client import CRAWL, DEVICE_KEYS, JOB_KEYS, SLOW, Terminal, TestCase
from common import DEVICE, JOB, NOBODY, PATIENCE, device_path, eventually


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

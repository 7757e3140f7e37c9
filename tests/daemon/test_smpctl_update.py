# SPDX-License-Identifier: LGPL-2.1-or-later
"""smpctl as the client of smpd: update --daemon, and the ports that both want."""

import fcntl
import os
import signal
import socket
import subprocess
import time

import common
from client import CRAWL, SLOW, TestCase
from gi.repository import GLib
from common import DEVICE, JOB, PATIENCE, device_path, eventually


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


if __name__ == "__main__":
    common.main()

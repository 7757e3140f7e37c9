# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls of every wrong kind, calls without end, and files that are damaged: each has its error, nothing
is lost, and smpd goes on.

SMPD_MANY=2000 makes so many jobs in a row, 120 if not given; SMPD_LARGE=30 arguments of so many MiB, 4 if
not given. The system bus takes messages of 32."""

import os
import random
import subprocess
import time
import unittest
import xml.etree.ElementTree as xml

import common
from common import DEVICE, JOB, MANAGER, ROOT, device_path, eventually, strings, text
from gi.repository import Gio, GLib

V = GLib.Variant
MANY = int(os.environ.get("SMPD_MANY", "120"))
LARGE = int(os.environ.get("SMPD_LARGE", "4")) * 1024 * 1024


class Damage(common.TestCase):
    def alive(self):
        self.assertEqual(self.user.get(ROOT, MANAGER, "Inhibited"), False)
        self.assertIsNone(self.daemon.process.poll())

    def status(self, name):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
        return 0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def is_checked(self):
        """Sanitizers and valgrind keep memory that was freed."""
        with open(f"/proc/{self.daemon.process.pid}/maps", encoding="utf-8") as file:
            return "libasan" in file.read() or "SMPD_WRAP" in os.environ


class Calls(Damage):
    VALUES = (None, V("()", ()), V("(i)", (-1,)), V("(s)", ("",)), V("(sa{sv})", ("x", {})),
              V("(a{ss})", ({"x": "y"},)), V("(av)", ([V("i", 1)],)), V("(a{sv}s)", ({}, "")),
              V("(aha{sv})", ([0], {})), V("(yqyaya{sv})", (9, 9, 9, b"\xff" * 9, {})),
              V("(oa{sv})", ("/", {"": V("v", V("s", ""))})),
              V("(a{sv})", ({"a" * 1000: V("ay", bytes(1000)), "\n": V("d", 0.5)},)),
              V("(ssa{sv})", ("\n", "\x7f", {"mode": V("(ii)", (1, 2))})))

    def methods(self, path):
        """Ours, at an object: (interface, name)"""
        tree = xml.fromstring(self.user.call(path, "org.freedesktop.DBus.Introspectable",
                                             "Introspect"))
        return [(interface.get("name"), method.get("name")) for interface in tree.iter("interface")
                if interface.get("name").startswith(common.NAME) for method in interface.iter("method")]

    def test_types(self):
        """every method with arguments of another's"""
        self.boards("a")
        job = self.user.update("a", self.image("new.bin", "1.1.0"))
        self.user.wait(job)
        count = 0
        for path in (ROOT, device_path("a"), job):
            for interface, method in self.methods(path):
                for value in self.VALUES:
                    if method in ("Rescan", "Reload", "Refresh", "Retry", "Reset", "Inhibit") and \
                            value is not None and value.get_type_string() in ("(a{sv})", "(sa{sv})"):
                        continue
                    with self.assertRaises(common.Failed, msg=(method, value)):
                        self.user.call(path, interface, method, value)
                    count += 1
        self.assertGreater(count, 150)
        self.alive()
        self.assertEqual(self.running("a"), ("1.1.0", True))

    def send_large(self, new):
        long = "ü" * (LARGE // 2)
        for values in ((long, "udp:x", {}), ("x", "udp:" + long, {})):
            self.refused("InvalidArgs", self.user.manager, "AddTarget", "(ssa{sv})", *values)
        many = LARGE // 200
        for options in ({long: V("u", 1)}, {str(i): V("u", i) for i in range(many)}):
            self.refused("InvalidArgs", self.user.manager, "Rescan", "(a{sv})", options)
        for options in ({"mode": text(long)}, {"allow": strings(["downgrade"] * many + [""])},
                        {"names": strings(["x"] * many)}, {"images": V("au", [0] * many)}):
            self.refused("InvalidArgs", self.user.update, "a", new, options=options)
        payload = V.new_from_bytes(GLib.VariantType("ay"), GLib.Bytes.new(bytes(LARGE)), True)
        self.refused("InvalidArgs", self.user.call, device_path("a"), DEVICE, "Call",
                     V.new_tuple(V("y", 0), V("q", 0), V("y", 0), payload, V("a{sv}", {})))
        self.alive()
        return self.status("VmRSS")

    def test_size(self):
        """arguments nearly as large as the bus takes, again and again"""
        self.boards("a")
        new = self.image("new.bin", "1.1.0")
        memory = [self.status("VmRSS")] + [self.send_large(new) for _ in range(3)]
        print(f"# KiB resident, before and after each time: {memory}")
        # GLib keeps what it needed for the largest.
        if not self.is_checked():
            self.assertLess(memory[3], memory[2] + 20 * 1024)
        self.assertEqual(self.user.wait(self.user.update("a", new))["Result"], "updated")

    def test_files(self):
        """as many files as may be, and one more; the same descriptor often"""
        self.boards("a")
        new = self.image("new.bin", "1.1.0")
        before = self.descriptors()
        with open(new, "rb") as file:
            for count in (17, 20000):
                self.refused("InvalidArgs", self.user.call, device_path("a"), DEVICE, "Update",
                             V("(aha{sv})", ([0] * count, {})), files=[file.fileno()])
        # For one image each is another file, so the job refuses itself; it is none that hangs.
        self.refused("File", self.user.update, "a", *[new] * 16)
        self.assertEqual(os.listdir(os.path.join(self.state, "jobs")), [])
        eventually(lambda: self.descriptors() <= before)

    def test_names(self):
        """file names of all kinds stay in their folder and on one line"""
        self.boards("a")
        new = self.image("new.bin", "1.1.0")
        odd = os.path.join(os.fsencode(self.directory), b"\xff\n\xfe[x]=\xc3;.bin")
        os.link(new, odd)
        named = lambda name: {"names": strings([name])}
        for options, file in (({}, odd), (named("a\nb\n[job]\nresult=updated"), new),
                              (named("../../../../etc/passwd"), new), (named(".."), new),
                              (named(""), new), (named("ü;\\s\t" * 1000), new), (named("job"), new)):
            end = self.user.wait(self.user.update("a", file, options=options))
            self.assertIn(end["Result"], ("updated", "up-to-date"), end)
            name, = end["Files"]
            self.assertRegex(name, r"^0-[A-Za-z0-9_.+-]{1,100}$")
        jobs = self.jobs()
        self.daemon.stop()
        self.start()
        self.assertEqual(self.jobs(), jobs)
        self.assertNotIn("[job]\n", self.daemon.log)

    def jobs(self):
        return {path: values[JOB]["Result"] for path, values in self.user.objects().items()
                if JOB in values}

    def test_many_jobs(self):
        """finished jobs are bounded, and so is what they cost"""
        self.boards("a")
        self.configure({}, "[daemon]\nkeep-jobs=50\n")
        self.user.manager("Reload")
        new = self.image("new.bin", "1.1.0")
        memory = []
        for number in range(MANY):
            job = self.user.update("a", new, method="Ensure")
            eventually(lambda j=job: self.user.get(j, JOB, "State") == "done", interval=0.002)
            # All that is kept has been made once.
            if number == 75:
                memory.append((self.status("VmRSS"), self.descriptors(), self.status("Threads")))
        self.assertEqual(len(self.jobs()), 50)
        eventually(lambda: len(os.listdir(os.path.join(self.state, "jobs"))) == 50)
        memory.append((self.status("VmRSS"), self.descriptors(), self.status("Threads")))
        print(f"# {MANY} jobs: (KiB resident, descriptors, threads) after 75, and in the end: {memory}")
        self.assertLessEqual(memory[1][1], memory[0][1] + 3)
        if not self.is_checked():
            self.assertLess(memory[1][0], memory[0][0] + 4096 + MANY)
        self.assertEqual(job, f"{ROOT}/job/{MANY}")

    def test_many_calls(self):
        """2000 calls, 100 at once: one job, and an answer to each"""
        self.boards("a", options=("--boot-time", "8000"))
        answers, sent, context = [], 0, GLib.MainContext.default()
        deadline = time.monotonic() + common.PATIENCE
        with open(self.image("new.bin", "1.1.0"), "rb") as file:
            while len(answers) < 2000 and time.monotonic() < deadline:
                # So many may be open by the bus's rules.
                if sent == 2000 or sent - len(answers) >= 100:
                    context.iteration(True)
                    continue
                sent += 1
                fds = Gio.UnixFDList.new()
                fds.append(file.fileno())
                self.user.connection.call_with_unix_fd_list(
                    common.NAME, device_path("a"), DEVICE, "Update", V("(aha{sv})", ([0], {})),
                    None, 0, common.PATIENCE * 1000, fds, None,
                    lambda bus, result: answers.append(self.answer(bus, result)))
        self.assertEqual({answer: answers.count(answer) for answer in set(answers)},
                         {ROOT + "/job/1": 1, "Busy": 1999})
        self.assertEqual(self.user.wait(ROOT + "/job/1")["Result"], "updated")
        self.assertEqual(os.listdir(os.path.join(self.state, "jobs")), ["1"])

    def answer(self, bus, result):
        try:
            return bus.call_with_unix_fd_list_finish(result)[0].unpack()[0]
        except GLib.Error as error:
            return common.Failed(error).name


class Disk(Damage):
    SLOW = ("--process-time", "40", "--image-size", "8000")

    def mount(self, options):
        os.makedirs(self.state, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.state]
        if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
            self.skipTest("cannot mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "-l", self.state], check=False)

    def fill(self):
        with open(os.path.join(self.state, "fill"), "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def job_without_space(self):
        """A job whose end cannot be kept."""
        self.mount("size=400k")
        self.boards("a", udp=False, options=self.SLOW)
        job = self.user.update("a", self.image("new.bin", "1.1.0,8000"))
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > 2000)
        self.fill()
        eventually(lambda: "cannot be kept" in self.user.get(job, JOB, "StepText"))
        return job

    def test_full_in_job(self):
        """a disk that gets full in a job: the job fails, or waits until its end can be kept"""
        job = self.job_without_space()
        state = self.user.properties(job, JOB)
        self.assertEqual((state["State"], state["Result"], state["Ended"]), ("interrupted", "", 0))
        self.assertIn("No space left", state["StepText"])
        self.assertIn("No space left", self.daemon.log)
        os.unlink(os.path.join(self.state, "fill"))
        end = self.user.wait(job)
        self.assertIn("No space left", end["Message"])
        self.assertEqual(end["Result"], "failed-intact", end)
        self.assertEqual(self.running("a"), ("1.0.0", True))
        self.assertEqual(self.user.wait(self.user.update("a", self.image("new.bin", "1.1.0")))
                         ["Result"], "updated")

    def test_full_then_killed(self):
        """and killed there, the job goes on when there is space"""
        job = self.job_without_space()
        self.daemon.kill()
        os.unlink(os.path.join(self.state, "fill"))
        self.start()
        self.assertEqual(self.user.wait(job)["Result"], "updated")
        self.assertEqual(self.running("a"), ("1.1.0", True))

    def test_read_only(self):
        """a state folder that becomes read-only"""
        self.mount("size=1m")
        self.boards("a")
        first = self.user.update("a", self.image("a.bin", "1.1.0"))
        self.user.wait(first)
        remount = lambda how: subprocess.run(["mount", "-o", f"remount,{how}", self.state],
                                             check=True)
        remount("ro")
        new = self.image("b.bin", "1.2.0")
        self.assertIn("Read-only", self.refused("Failed", self.user.update, "a", new))
        self.assertIn("Read-only", self.refused("Failed", self.user.device, "a", "Rollback"))
        self.assertIn("Read-only", self.refused("Failed", self.user.device, "a", "Confirm"))
        self.assertEqual(self.running("a"), ("1.1.0", True))
        self.daemon.stop()
        self.start()
        self.assertEqual(self.user.get(first, JOB, "Result"), "updated")
        remount("rw")
        eventually(lambda: self.user.get(device_path("a"), DEVICE, "Present"))
        self.assertEqual(self.user.wait(self.user.update("a", new))["Result"], "updated")

    def test_no_folder(self):
        """a state folder that cannot be: smpd says so and ends"""
        with open(self.state, "wb"):
            pass
        daemon = common.Daemon(self)
        self.assertEqual(daemon.process.wait(common.PATIENCE), 1)
        self.assertIn(self.state, daemon.log)
        daemon.log_file.close()

    def damage(self, path):
        """Ways in which a file can be damaged; each is called once per file."""
        def truncate():
            with open(path, "r+b") as file:
                file.truncate(os.path.getsize(path) // 2)

        def scramble():
            with open(path, "wb") as file:
                file.write(random.Random(1).randbytes(500))

        def empty():
            with open(path, "wb"):
                pass

        def replace():
            os.unlink(path)
            os.mkdir(path)

        def forbid():
            os.chmod(path, 0)
        return (truncate, scramble, empty, replace) + ((forbid,) if os.geteuid() else ())

    def prepare(self, **more):
        """A board with a job that was interrupted."""
        self.boards("a", udp=False, options=self.SLOW, **more)
        job = self.user.update("a", self.image("new.bin", "1.1.0,8000"))
        eventually(lambda: self.user.get(job, JOB, "BytesDone") > 2000)
        self.daemon.kill()
        return job

    def test_journals(self):
        """a board's journal that is damaged: the job ends all the same"""
        for number in range(len(self.damage(""))):
            job = self.prepare()
            path, = [os.path.join(self.state, "boards", name)
                     for name in os.listdir(os.path.join(self.state, "boards"))
                     if name.endswith(".job")]
            self.damage(path)[number]()
            self.start()
            end = self.user.wait(job)
            if os.path.isdir(path):
                self.assertEqual(end["Result"], "error")
                self.assertIn(path, end["Message"])
            else:
                self.assertEqual(end["Result"], "updated", end)
            self.daemon.stop()
            subprocess.run(["rm", "-r", self.state], check=True)

    def test_orders(self):
        """a job's order that is damaged: it is put aside and told of, the board is as it was"""
        for number in range(len(self.damage(""))):
            job = self.prepare()
            self.damage(os.path.join(self.state, "jobs", "1", "job"))[number]()
            self.start()
            self.assertNotIn(job, self.user.objects())
            self.assertIn("job 1 cannot be read", self.daemon.log)
            self.assertTrue(os.path.exists(os.path.join(self.state, "jobs", ".bad-1", "0-new.bin")))
            eventually(lambda: self.user.get(device_path("a"), DEVICE, "Images"))
            self.assertEqual(self.running("a"), ("1.0.0", True))
            self.daemon.stop()
            # Its number is not given again.
            self.start()
            eventually(lambda: self.user.get(device_path("a"), DEVICE, "Present"))
            again = self.user.update("a", self.path("new.bin"))
            self.assertEqual(again, ROOT + "/job/2")
            self.assertEqual(self.user.wait(again)["Result"], "updated")
            self.daemon.stop()
            subprocess.run(["rm", "-r", self.state], check=True)

    def test_records(self):
        """what policy holds against a firmware is told of where it is lost"""
        firmware = self.image("fw.bin", "1.1.0")
        self.boards("a", options=("--bad-image", "1.1.0", "--watchdog-time", "300"),
                    extra=f"firmware={firmware}\nbackoff=1s\n")
        policy = lambda: self.user.get(device_path("a"), DEVICE, "Policy")
        eventually(lambda: policy().startswith("held: "))
        path = os.path.join(self.state, "records", "a.record")
        with open(path, "rb") as file:
            whole = file.read()
        for number in range(len(self.damage(""))):
            self.daemon.stop()
            self.damage(path)[number]()
            self.start()
            # What is left of a record that was cut may still say it.
            eventually(lambda: policy().startswith("held: ") or len(self.user.objects()) > 1)
            eventually(lambda: policy().startswith(("held: ", "tries again")) or
                       "cannot be read" in self.daemon.log)
            self.assertIsNone(self.daemon.process.poll())
            self.daemon.stop()
            subprocess.run(["rm", "-rf", path], check=True)
            with open(path, "wb") as file:
                file.write(whole)
            self.start()
            eventually(lambda: policy().startswith("held: "))


common.main()

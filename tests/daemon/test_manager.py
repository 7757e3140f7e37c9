# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.smpd1.Manager, who may do what, and calls that are wrong."""

import os
import socket
import subprocess
import time
import unittest

import common
from common import DEVICE, JOB, MANAGER, NAME, ROOT, device_path, eventually, strings, text
from gi.repository import Gio, GLib

V = GLib.Variant


class Manager(common.TestCase):
    def test_objects(self):
        """everything is in the object manager when the name appears"""
        self.configure("[target a]\nudp=127.0.0.1:1\n[target b.c-d]\nudp=127.0.0.1:2\n")
        self.start()
        objects = self.user.objects()
        self.assertEqual(set(objects), {device_path("a"), device_path("b.c-d")})
        self.assertEqual(self.user.get(ROOT, MANAGER, "Version").count("."), 2)
        self.assertEqual(self.user.get(ROOT, MANAGER, "Inhibited"), False)
        self.assertEqual(self.user.get(ROOT, MANAGER, "ConfigurationErrors"), [])

    def test_targets(self):
        """targets are added and removed"""
        board = self.board(udp=True)
        self.configure("[target fixed]\nudp=127.0.0.1:1\n")
        self.start()
        add = lambda name, target, options=None: self.user.manager(
            "AddTarget", "(ssa{sv})", name, target, options or {})
        path = add("more", board.target)
        self.assertEqual(path, device_path("more"))
        eventually(lambda: self.user.get(path, DEVICE, "Present"))
        self.refused("Exists", add, "more", board.target)
        self.refused("Exists", add, "fixed", board.target)
        for name in ("", ".", "a/b", "ü", "x" * 65):
            self.refused("InvalidArgs", add, name, board.target)
        for target in ("", "nonsense", "sim:swap", "/etc/passwd", "serial:/dev/../etc/shadow",
                       "serial:relative", "udp:" + "x" * 5000):
            self.refused("InvalidArgs", add, "y", target)
        self.refused("InvalidArgs", add, "y", board.target, {"what": V("s", "")})
        remove = lambda path: self.user.manager("RemoveTarget", "(oa{sv})", path, {})
        self.refused("Refused", remove, device_path("fixed"))
        self.refused("NotFound", remove, "/org/smpd1/device/none")
        remove(path)
        self.assertNotIn(path, self.user.objects())

    def test_inhibit(self):
        """a lease inhibits until it is closed, also by the end of who has it"""
        self.start()
        other = common.Client(self.bus, common.NOBODY)
        (handle,), fds = other.manager("Inhibit", "(sa{sv})", "backup", {}, fds_back=True)
        (handle2,), fds2 = self.user.manager("Inhibit", "(sa{sv})", "more", {}, fds_back=True)
        self.assertTrue(self.user.get(ROOT, MANAGER, "Inhibited"))
        for fd in fds.steal_fds():
            os.close(fd)
        time.sleep(0.2)
        self.assertTrue(self.user.get(ROOT, MANAGER, "Inhibited"))
        for fd in fds2.steal_fds():
            os.close(fd)
        eventually(lambda: not self.user.get(ROOT, MANAGER, "Inhibited"))

    def test_reload(self):
        """Reload and SIGHUP read the configuration anew; errors name file and line"""
        self.configure("[target a]\nudp=127.0.0.1:1\n")
        self.start()
        self.configure("[target a]\nudp=127.0.0.1:1\nmode=nonsense\n\n[target b]\n"
                       "udp=127.0.0.1:2\n")
        self.user.manager("Reload")
        self.assertEqual(set(self.user.objects()), {device_path("b")})
        error, = self.user.get(ROOT, MANAGER, "ConfigurationErrors")
        self.assertIn("targets.d/targets.conf:3: mode: ", error)
        self.configure("[target c]\nudp=127.0.0.1:1\n")
        self.daemon.signal(1)
        eventually(lambda: set(self.user.objects()) == {device_path("c")})
        self.assertEqual(self.user.get(ROOT, MANAGER, "ConfigurationErrors"), [])

    def test_reload_in_job(self):
        """a change of a board with a job is taken up when that has ended"""
        a, b = self.boards("a", "b", udp=False, options=("--baud", "57600"))
        jobs = [self.user.update(name, self.image("new.bin", "1.1.0")) for name in "ab"]
        eventually(lambda: all(self.user.get(job, JOB, "BytesDone") > 0 for job in jobs))
        self.configure(f"[target a]\nuri={a.target}?baud=57600\n")
        self.user.manager("Reload")
        self.assertNotIn("baud", self.user.get(device_path("a"), DEVICE, "Target"))
        self.assertIn(device_path("b"), self.user.objects())
        for job in jobs:
            self.assertEqual(self.user.wait(job)["Result"], "updated")
        eventually(lambda: device_path("b") not in self.user.objects())
        eventually(lambda: "baud=57600" in self.user.get(device_path("a"), DEVICE, "Target"))

    def test_reload_with_waiting(self):
        """a job that waits finds its device again after a reload"""
        boards = [self.board("--baud", "57600") for _ in range(2)]
        text_of = lambda extra: "".join(f"[target b{i}]\nuri={b.where}\n{extra}\n"
                                        for i, b in enumerate(boards))
        self.configure(text_of(""), "[daemon]\nmax-parallel=1\n")
        self.start()
        jobs = [self.user.update(f"b{i}", self.image("new.bin", "1.1.0")) for i in range(2)]
        self.configure(text_of("retries=1"))
        self.user.manager("Reload")
        self.configure("")
        self.user.manager("Reload")
        self.assertNotIn(device_path("b1"), self.user.objects())
        self.configure(text_of("retries=2"))
        self.user.manager("Reload")
        self.assertEqual(self.user.get(device_path("b1"), DEVICE, "Job"), jobs[1])
        self.assertEqual([self.user.wait(job)["Result"] for job in jobs], ["updated"] * 2)

    def test_rescan(self):
        """Rescan looks at all boards"""
        self.boards("a")
        before = self.user.get(device_path("a"), DEVICE, "Seen")
        time.sleep(1.1)
        self.user.manager("Rescan")
        eventually(lambda: self.user.get(device_path("a"), DEVICE, "Seen") > before)

    def test_notify(self):
        """systemd is told"""
        path = self.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(path)
            sock.settimeout(common.PATIENCE)
            self.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="200000")
            seen = set()
            while not {"READY=1", "WATCHDOG=1"} <= seen:
                seen.add(sock.recv(4096).decode())
            self.assertTrue(any(s.startswith("STATUS=0 devices") for s in seen))
            self.daemon.process.terminate()
            while not any(s.startswith("STOPPING=1") for s in seen):
                seen.add(sock.recv(4096).decode())
        self.assertEqual(self.daemon.stop(), 0)

    def test_usage(self):
        """the command line"""
        run = lambda *args: subprocess.run([common.SMPD, *args], capture_output=True, text=True,
                                           env=common.environment(), check=False)
        self.assertRegex(run("--version").stdout, r"^smpd \d")
        for bad in (["--what"], ["argument"], ["--system", "--session"]):
            self.assertEqual(run(*bad).returncode, 2)
        file = self.image("file", "1.0.0")
        self.assertEqual(run("--state-dir", file + "/x").returncode, 1)

    @unittest.skipIf(os.geteuid(), "only root may set it")
    def test_log_control(self):
        """how much is logged, and where, as systemctl service-log-level asks for it"""
        self.start()
        root = common.Client(self.bus)
        path, interface = "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1"
        get = lambda name: self.user.get(path, interface, name)
        put = lambda client, name, value: client.call(
            path, "org.freedesktop.DBus.Properties", "Set", V("(ssv)", (interface, name, value)))
        self.assertEqual([get(name) for name in ("LogLevel", "LogTarget", "SyslogIdentifier")],
                         ["info", "console", "smpd"])
        self.refused("NotAuthorized", put, self.user, "LogLevel", text("debug"))
        for name, value in (("LogLevel", "loud"), ("LogLevel", ""), ("LogTarget", "kmsg")):
            self.refused("InvalidArgs", put, root, name, text(value))
        for name, value in (("LogLevel", V("u", 7)), ("SyslogIdentifier", text("x")),
                            ("Nothing", text("x"))):
            with self.assertRaises(common.Failed):
                put(root, name, value)
        said = lambda: self.daemon.log.count("inhibits policy")
        for name, value, count in (("LogLevel", "debug", 1), ("LogLevel", "warning", 1),
                                   ("LogLevel", "notice", 2), ("LogTarget", "null", 2),
                                   ("LogTarget", "auto", 3)):
            put(root, name, text(value))
            self.user.manager("Inhibit", "(sa{sv})", "why", {})
            self.assertEqual(said(), count, (name, value))
        self.assertEqual((get("LogLevel"), get("LogTarget")), ("notice", "console"))

    def test_second(self):
        """a second daemon takes neither the name nor the jobs"""
        self.start()
        first = self.state
        for self.state, text in ((first, f"another smpd runs with {first}"),
                                 (self.path("other"), "another program has the name")):
            second = common.Daemon(self)
            self.assertEqual(second.process.wait(common.PATIENCE), 1)
            self.assertIn(text, second.log)
            second.log_file.close()


class Authorization(common.TestCase):
    """Each method is asked about as what it is."""

    METHODS = {
        "inspect": ["Rescan", "Refresh"],
        "update": ["Update", "Ensure", "Confirm", "Rollback", "Retry", "Job.Cancel",
                   "Job.Confirm", "Job.Rollback"],
        "update-unsafe": ["unsafe Update", "unsafe Job.Cancel"],
        "control": ["AddTarget", "RemoveTarget", "Reload", "Inhibit", "Reset"],
        "raw": ["Call"],
    }

    def call(self, client, method):
        name = method.split(".")[-1].split(" ")[-1]
        if method.startswith("unsafe Job"):
            return client.job(self.unsafe_job, name)
        if method.startswith("Job"):
            return client.job(self.job, name)
        if name in ("Update", "Ensure"):
            options = {"allow": strings(["downgrade"])} if "unsafe" in method else {}
            return client.update("a", self.new, method=name, options=options)
        if name == "AddTarget":
            return client.manager(name, "(ssa{sv})", "x", "udp:127.0.0.1:9", {})
        if name == "RemoveTarget":
            return client.manager(name, "(oa{sv})", device_path("none"), {})
        if name == "Inhibit":
            return client.manager(name, "(sa{sv})", "why", {})
        if name in ("Rescan", "Reload"):
            return client.manager(name)
        if name == "Call":
            return client.call(device_path("a"), DEVICE, name,
                               V("(yqyaya{sv})", (0, 0, 6, b"\xa0", {})))
        return client.device("a", name)

    def outcome(self, client, method):
        try:
            self.call(client, method)
        except common.Failed as failed:
            return failed.name
        return ""

    def prepare(self):
        self.boards("a", "b")
        self.new = self.image("new.bin", "1.1.0")
        options = {"allow": strings(["downgrade"])}
        self.job = self.user.update("b", self.new)
        self.user.wait(self.job)
        self.unsafe_job = self.user.update("b", self.new, options=options)
        self.user.wait(self.unsafe_job)

    @unittest.skipIf(os.geteuid(), "only root can be somebody else")
    def test_denied(self):
        """nobody may do anything that polkit does not allow"""
        self.prepare()
        self.bus.allow()
        for methods in self.METHODS.values():
            for method in methods:
                self.assertEqual(self.outcome(self.user, method), "NotAuthorized", method)
        # Reading is free.
        self.user.objects()
        self.assertEqual(self.running_version(), "1.0.0")

    def running_version(self):
        image, = self.user.get(device_path("a"), DEVICE, "Images")
        return image["version"]

    @unittest.skipIf(os.geteuid(), "only root can be somebody else")
    def test_allowed(self):
        """each action allows its methods and no other"""
        self.prepare()
        for action in self.METHODS:
            for other, methods in self.METHODS.items():
                for method in methods:
                    if action == other and method in ("Update", "Ensure", "unsafe Update",
                                                      "Rollback", "Job.Rollback", "Reset"):
                        continue
                    self.bus.allow(action)
                    outcome = self.outcome(self.user, method)
                    if action == other:
                        self.assertNotEqual(outcome, "NotAuthorized", method)
                    else:
                        self.assertEqual(outcome, "NotAuthorized", (action, method))

    @unittest.skipIf(os.geteuid(), "only root can be root")
    def test_root(self):
        """root may do everything, whatever polkit says"""
        self.boards("a")
        self.bus.allow()
        root = common.Client(self.bus)
        end = root.wait(root.update("a", self.image("new.bin", "1.1.0")))
        self.assertEqual((end["Result"], end["StartedBy"]), ("updated", "root"))

    @unittest.skipIf(os.geteuid(), "only root can be somebody else")
    def test_no_polkit(self):
        """without polkit root only"""
        bus = common.Bus()
        bus.connection = bus.connect()
        saved, type(self).bus = self.bus, bus
        try:
            self.start()
            user, root = common.Client(bus, common.NOBODY), common.Client(bus)
            self.refused("NotAuthorized", user.manager, "Rescan")
            root.manager("Rescan")
            self.end(self.daemon)
        finally:
            type(self).bus = saved
            bus.stop()
            os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = saved.address


class Wrong(common.TestCase):
    """Calls that are wrong are errors with a name, and do no harm."""

    def test_options(self):
        """an unknown option, and one of the wrong type, of every method"""
        self.boards("a")
        new = self.image("new.bin", "1.1.0")
        bad = {"downgrade": V("b", True)}
        for method in ("Refresh", "Reset", "Confirm", "Rollback", "Retry"):
            self.assertIn("downgrade", self.refused("InvalidArgs", self.user.device, "a", method,
                                                    bad))
        for method in ("Rescan", "Reload"):
            self.refused("InvalidArgs", self.user.manager, method, "(a{sv})", bad)
        # Cut in the middle of a character these would be no text any more.
        for name in ("ü" * 100, "a" + "ü" * 100, "x" * 100000):
            self.refused("InvalidArgs", self.user.manager, "Rescan", "(a{sv})", {name: V("u", 1)})
            self.refused("InvalidArgs", self.user.manager, "AddTarget", "(ssa{sv})", name,
                         "udp:" + name, {})
            self.refused("InvalidArgs", self.user.update, "a", new, options={"mode": text(name)})
            self.refused("InvalidArgs", self.user.update, "a", new,
                         options={"allow": strings([name])})
        self.refused("InvalidArgs", self.user.manager, "Inhibit", "(sa{sv})", "", bad)
        for method in ("Update", "Ensure"):
            self.refused("InvalidArgs", self.user.update, "a", new, method=method, options=bad)
        for options in ({"mode": V("u", 1)}, {"mode": text("nonsense")},
                        {"allow": text("downgrade")}, {"allow": strings(["everything"])},
                        {"allow": strings(["concurrent"])}, {"images": V("au", [0, 1])},
                        {"images": V("au", [99])}, {"names": strings([])},
                        {"names": strings(["a", "b"])}, {"stop-before": text("lunch")},
                        {"via-recovery": text("yes")}, {"window": V("i", 2)},
                        {"mode": text("x" * 100000)}):
            self.refused("InvalidArgs", self.user.update, "a", new, options=options)
        job = self.user.update("a", new)
        for method in ("Cancel", "Confirm", "Rollback"):
            self.refused("InvalidArgs", self.user.job, job, method, bad)
        self.assertEqual(self.user.wait(job)["Result"], "updated")

    def test_files(self):
        """descriptors that are no firmware"""
        self.boards("a")
        path = device_path("a")
        good = open(self.image("new.bin", "1.1.0"), "rb")
        call = lambda handles, files: self.user.call(path, DEVICE, "Update",
                                                     V("(aha{sv})", (handles, {})), files=files)
        self.addCleanup(good.close)
        self.refused("InvalidArgs", call, [], [])
        self.refused("InvalidArgs", call, [1], [good.fileno()])
        self.refused("InvalidArgs", call, [-1], [good.fileno()])
        self.refused("InvalidArgs", call, [0], [])
        read, write = os.pipe()
        null = os.open("/dev/null", os.O_RDONLY)
        folder = os.open("/", os.O_RDONLY)
        write_only = os.open(self.path("x"), os.O_WRONLY | os.O_CREAT)
        opath = os.open(good.name, os.O_PATH)
        for fd in (read, null, folder, write_only, opath):
            self.refused("File", call, [0], [fd])
            os.close(fd)
        os.close(write)
        with open(self.path("huge"), "wb") as huge:
            huge.truncate(64 * 1024 * 1024 + 1)
        self.assertIn("64 MiB", self.refused("File", self.user.update, "a", self.path("huge")))
        with open(self.path("text"), "w", encoding="utf-8") as file:
            file.write("no firmware")
        self.assertIn("text", self.refused("File", self.user.update, "a", self.path("text")))
        with open(self.path("empty"), "wb"):
            pass
        self.refused("File", self.user.update, "a", self.path("empty"))
        self.refused("InvalidArgs", call, [0] * 200, [good.fileno()])
        self.assertEqual(os.listdir(os.path.join(self.state, "jobs")), [])
        self.assertEqual(self.user.wait(call([0], [good.fileno()]))["Result"], "updated")

    def test_changed(self):
        """what becomes of the file after the call does not matter"""
        self.boards("a", udp=False, options=("--baud", "57600"))
        new = self.image("new.bin", "1.1.0")
        job = self.user.update("a", new)
        with open(new, "r+b") as file:
            file.write(bytes(1000))
            file.truncate(2000)
        os.unlink(new)
        self.assertEqual(self.user.wait(job)["Result"], "updated")

    def test_nonsense(self):
        """what is not there"""
        self.start()
        for path in ("/org/smpd1/device/none", "/org/smpd1/job/1", "/"):
            with self.assertRaises(common.Failed):
                self.user.call(path, DEVICE, "Refresh", V("(a{sv})", ({},)))
        for method, arguments in (("Nothing", None), ("AddTarget", None),
                                  ("AddTarget", V("(i)", (1,))), ("Inhibit", V("(ay)", (b"x",)))):
            with self.assertRaises(common.Failed):
                self.user.call(ROOT, MANAGER, method, arguments)
        with self.assertRaises(common.Failed):
            self.user.call(ROOT, "org.freedesktop.DBus.Properties", "Set",
                           V("(ssv)", (MANAGER, "Inhibited", V("b", True))))
        self.user.manager("Inhibit", "(sa{sv})", "x" * 1000000, {})
        self.user.manager("Rescan")


common.main()

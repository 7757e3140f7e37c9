# SPDX-License-Identifier: LGPL-2.1-or-later
"""doctor tells what is wrong: each cause is staged, and it ends with its exit status."""

import ctypes
import fcntl
import grp
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import unittest

from common import PATIENCE, SMPCTL, TestCase
import smptest

# linux/asm-generic/ioctls.h: the only calls that tell any rate.
TCGETS2, TCSETS2 = 0x802C542A, 0x402C542B
SETTINGS = struct.Struct("=4IB19s2I")
HUPCL = 0o002000
BOTHER = 0o010000
CBAUD = 0o010017

# A person waits for it.
WHOLE_TIME = 20


def settings(fd):
    """As a list: flags, line, characters, rates."""
    return list(SETTINGS.unpack(fcntl.ioctl(fd, TCGETS2, bytes(SETTINGS.size))))


def set_rate(fd, rate):
    values = settings(fd)
    values[2] = (values[2] & ~(CBAUD | CBAUD << 16)) | BOTHER | BOTHER << 16
    values[6] = values[7] = rate
    fcntl.ioctl(fd, TCSETS2, SETTINGS.pack(*values))


class Tty:
    """A port behind which nobody is, or a thread that says answer(rate) to whatever comes."""

    def __init__(self, test, answer=None):
        self.master, self.slave = pty.openpty()
        self.name = os.ttyname(self.slave)
        self.heard = b""
        self.stopped = False
        self.thread = threading.Thread(target=self.run, args=(answer,))
        self.thread.start()
        test.addCleanup(self.stop)

    def run(self, answer):
        while not self.stopped:
            if not select.select([self.master], [], [], 0.05)[0]:
                continue
            self.heard += os.read(self.master, 4096)
            if answer:
                os.write(self.master, answer(settings(self.slave)[7]))

    def stop(self):
        self.stopped = True
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)


class DoctorCase(TestCase):
    def doctor(self, status, *args):
        """Returns the text, whose lines say whatever they say in one."""
        began = time.monotonic()
        got, out, err = self.run_smpctl("doctor", *args)
        self.seconds = time.monotonic() - began
        self.assertEqual(got, status, out + err)
        self.assertEqual(err, "")
        self.assertRegex(out.splitlines()[-1], "^verdict  ")
        return out

    def objects(self, status, *args):
        """The checks by their names, and the verdict."""
        *checks, verdict = self.json("doctor", *args, status=status)
        self.assertEqual(verdict["exit"], status)
        for check in checks:
            self.assertLessEqual({"check", "state", "text"}, set(check))
            self.assertIn(check["state"], ("ok", "note", "problem"))
            self.assertEqual("cause" in check, check["state"] == "problem")
        return {check["check"]: check for check in checks}, verdict

    def problem(self, status, cause, *args):
        checks, verdict = self.objects(status, *args)
        self.assertEqual(verdict["cause"], cause, checks)
        self.assertIn("problem", [check["state"] for check in checks.values()])
        return checks, verdict


class Works(DoctorCase):
    def test_nothing_wrong(self):
        target = self.board("--pty", "--board", "full").target
        out = self.doctor(0, target)
        self.assertNotIn("PROBLEM", out)
        self.assertRegex(out, rf"(?m)^ok       port      {target}, serial 115200$")
        self.assertRegex(out, r"(?m)^ok       answer    SMP answers$")
        self.assertRegex(out, r"(?m)^ok       server    SMP v2, Zephyr 4\.4\.0 on smpsim, MCUboot")
        self.assertRegex(out, r"(?m)^ok       packets   all answered: 1020 bytes in ")
        self.assertRegex(out, r"(?m)^ok       speed     buffers 1024 B × 4; at 115200 baud an "
                              r"upload gets 8\.\d kB/s of 8\.4 kB/s at most$")
        self.assertRegex(out, r"(?m)^ok       groups    the firmware has 9 command groups$")
        self.assertRegex(out, r"(?m)^ +bridge +bridge$")
        self.assertRegex(out, r"(?m)^ +shell +shell, shell exec$")
        self.assertIn("it answers, and nothing is wrong", out.splitlines()[-1])

    def test_by_option_profile_and_quiet(self):
        target = self.board("--udp", "0").target
        self.good("conn", "add", "bench", "type=udp", "connstring=" + target.removeprefix("udp:"))
        for args in (["-c", target], ["-c", "bench"], ["bench"], []):
            with self.subTest(args):
                self.assertIn(target, self.doctor(0, *args))
        self.assertEqual(len(self.doctor(0, "-q", target).splitlines()), 1)
        status, _, err = self.run_smpctl("doctor", "nowhere")
        self.assertEqual(status, 2)
        self.assertIn("no connection profile", err)

    def test_changes_nothing(self):
        """The requests that are sent read, or are an echo or what `status` sends."""
        for options in (["--board", "full"], ["--board", "mynewt"], ["--board", "recovery"]):
            target = self.board("--pty", *options).target
            before = self.run_smpctl("-c", target, "image", "list")[1]
            _, out, err = self.run_smpctl("doctor", "--trace", target)
            sent = [line for line in err.splitlines() if line.startswith("> ")]
            self.assertGreater(len(sent), 5, out)
            for line in sent:
                self.assertRegex(line, r"^> (read |write os/0,|write image/0, [^{]*\{\}|"
                                       r"write image/0, [^{]*\{\"confirm\": false\})")
            self.assertEqual(self.run_smpctl("-c", target, "image", "list")[1], before)

    def test_small_buffers(self):
        checks, verdict = self.objects(0, self.board("--pty", "--buf-count", "2").target)
        self.assertEqual(checks["speed"]["state"], "note")
        self.assertIn("raise CONFIG_MCUMGR_TRANSPORT_NETBUF_SIZE", checks["speed"]["hint"])
        self.assertIn("raise CONFIG_MCUMGR_TRANSPORT_NETBUF_COUNT", checks["speed"]["hint"])
        self.assertEqual((checks["speed"]["buf_size"], checks["speed"]["buf_count"],
                          checks["speed"]["max_packet"]), (384, 2, 380))
        self.assertNotIn("cause", verdict)
        self.assertIn("could be better", verdict["verdict"])

    def test_old_server(self):
        checks, _ = self.objects(0, self.board("--pty", "--board", "old").target)
        self.assertEqual(checks["server"]["state"], "note")
        self.assertIn("SMP v1", checks["server"]["text"])
        self.assertIn("CONFIG_MCUMGR_GRP_OS_MCUMGR_PARAMS", checks["speed"]["hint"])
        # It cannot list its groups.
        self.assertEqual([group["name"] for group in checks["groups"]["groups"]],
                         ["os", "image", "stat"])
        self.assertIn({"group": 8, "name": "fs", "commands": "fs",
                       "kconfig": "CONFIG_MCUMGR_GRP_FS"}, checks["groups"]["missing"])
        self.assertEqual([group["name"] for group in checks["groups"]["unknown"]],
                         ["shell", "zephyr"])

    def test_mynewt(self):
        checks, _ = self.objects(0, self.board("--pty", "--board", "mynewt").target)
        self.assertLessEqual({"os", "image", "log", "run"},
                             {group["name"] for group in checks["groups"]["groups"]})
        self.assertNotIn("missing", checks["groups"])
        self.assertIn({"group": 3, "name": "settings", "commands": "config"},
                      checks["groups"]["groups"])

    def test_settings_of_whom(self):
        """The commands for group 3: those of the system, of both where it is not known."""
        for options, commands in ((["--board", "full"], "settings"),
                                  (["--board", "mynewt"], "config")):
            self.assertRegex(self.doctor(0, self.board("--pty", *options).target),
                             rf"(?m)^ +settings +{commands}$")
        # Like Mynewt without logs.
        target = self.puppet({(0, 0): {"rc": 0, "r": ""}, (1, 0): {"rc": 0, "images": [], "splitStatus": 0},
                              (3, 0): {"rc": 3}}, version=1)
        self.assertRegex(self.run_smpctl("doctor", target)[1],
                         r"(?m)^ +settings +settings, config$")

    def test_mtu(self):
        target = self.board("--pty", "--buf-size", "2048").target
        checks, _ = self.objects(0, f"serial:{target}?mtu=300")
        self.assertIn("300 bytes, as asked for; the board takes 2048", checks["mtu"]["text"])
        self.assertIn("mtu", self.objects(0, "-m", "200", target)[0])
        self.assertNotIn("mtu", self.objects(0, target)[0])

    def test_bursts_lose_lines(self):
        checks, _ = self.objects(0, self.board("--pty", "--rx-lines", "2").target)
        self.assertEqual(checks["packets"]["state"], "note")
        self.assertIn("?pace=20", checks["packets"]["hint"])
        self.assertIn("CONFIG_UART_MCUMGR_RX_BUF_COUNT", checks["packets"]["hint"])


class Refusals(DoctorCase):
    def test_no_port(self):
        checks, _ = self.problem(4, "not-found", "/dev/ttyNone9")
        self.assertIn("/dev/ttyNone9 does not exist", checks["port"]["text"])
        ports = [port["target"] for port in self.json("discover")[0]["ports"]]
        self.assertEqual(checks["port"].get("ports", []), ports)
        for port in ports:
            self.assertIn(port, checks["port"]["hint"])
        self.problem(4, "not-found", "usb:ffff:fffe")
        self.problem(2, "not-found", self.write("file", b""))

    def hold(self, name, comm=None):
        """Another program that has a port open, as all of ours do."""
        child = os.fork()
        if child == 0:
            if comm:
                ctypes.CDLL(None).prctl(15, comm.encode(), 0, 0, 0)  # PR_SET_NAME
            fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
            fcntl.flock(fd, fcntl.LOCK_EX)
            while True:
                signal.pause()
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, signal.SIGKILL)
        self.wait_for(lambda: f" {os.stat(name).st_ino} " in self.locks(name))
        return child

    @staticmethod
    def locks(name):
        """/proc/locks names a file by its inode, behind its device."""
        with open("/proc/locks", encoding="ascii") as file:
            return file.read().replace(":", " ")

    def test_held(self):
        name = Tty(self).name
        pid = self.hold(name, "minicom")
        checks, _ = self.problem(4, "held", name)
        self.assertIn(f"held by minicom (pid {pid})", checks["port"]["text"])

    def test_held_by_modem_manager(self):
        """What it is called is all that is looked at."""
        name = Tty(self).name
        self.hold(name, "ModemManager")
        checks, _ = self.problem(4, "held", name)
        for part in ("ID_MM_DEVICE_IGNORE", "mmcli --inhibit-device", "/etc/udev/rules.d/"):
            self.assertIn(part, checks["port"]["hint"])

    def test_permission(self):
        name = Tty(self).name
        os.chmod(name, 0)
        if os.geteuid() == 0:
            # As udev gives it.
            os.chown(name, 0, grp.getgrnam("dialout").gr_gid)
            os.chmod(name, 0o660)
        os.chmod(self.directory, 0o755)
        user, program = {}, SMPCTL
        if os.geteuid() == 0:
            user = {"user": 65534, "group": 65534, "extra_groups": []}
            program = smptest.for_others(SMPCTL, self.path("others"))
        process = self.start("--json", "doctor", name, program=program, **user)
        out, _ = process.communicate(timeout=PATIENCE)
        *_, port, verdict = [json.loads(line) for line in out.splitlines()]
        self.assertEqual((process.returncode, verdict["cause"]), (4, "permission"))
        self.assertIn("usermod -aG dialout" if user else "owner only", port["text"])

    def test_recovery(self):
        checks, _ = self.problem(6, "recovery", self.board("--pty", "--board", "recovery").target)
        self.assertIn("smpctl update", checks["server"]["hint"])
        self.assertNotIn("groups", checks)
        checks, _ = self.problem(6, "recovery", self.board("--pty", "--board", "recovery",
                                                           "--recovery-old").target)
        self.assertEqual(checks["answer"]["state"], "ok")

    def test_too_large_requests(self):
        target = self.board("--pty", "--board", "old").target
        checks, _ = self.problem(5, "packets", f"serial:{target}?mtu=1500")
        self.assertIn("leave out mtu=", checks["packets"]["hint"])

    def test_no_bluetooth(self):
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
        got, out, _ = self.run_smpctl("doctor", "ble:x")
        self.assertEqual(got, 4)
        self.assertRegex(out, r"(?m)^PROBLEM  bluetooth .*Bluetooth")


class Network(DoctorCase):
    def udp(self, address="127.0.0.1"):
        """A socket where nothing answers, and the target of it."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind((address, 0))
        return sock, f"udp:{address}:{sock.getsockname()[1]}"

    def test_refused(self):
        sock, target = self.udp("127.0.0.7")
        sock.close()
        checks, verdict = self.problem(4, "refused", target)
        self.assertTrue(verdict["verdict"].startswith(f"nothing listens on {target}"))
        self.assertNotIn("search", checks)

    def test_silent(self):
        _, target = self.udp("127.0.0.7")
        checks, _ = self.problem(5, "silence", target)
        self.assertIn("another port", checks["answer"]["hint"])
        self.assertNotIn("doctor", checks["answer"]["hint"])

    def test_other_port(self):
        self.board("--udp", "127.0.0.8:1337")
        for (sock, target), status in ((self.udp("127.0.0.8"), 5), (self.udp("127.0.0.8"), 4)):
            if status == 4:
                sock.close()
            checks, _ = self.problem(status, "port", target)
            self.assertEqual(checks["search"]["use"], "udp:127.0.0.8")
            self.assertEqual(checks["groups"]["state"], "ok", "it goes on there")

    def test_unknown_host(self):
        self.problem(4, "not-found", "udp:no-such-host.invalid")


class Line(DoctorCase):
    def on_terminal(self, *args):
        """Returns the exit status, standard output, and what was shown on the terminal of standard
        error."""
        master, slave = pty.openpty()
        self.environment["TERM"] = "xterm"
        process = subprocess.Popen([SMPCTL, *args], stderr=slave, stdout=subprocess.PIPE,
                                   text=True, env=self.environment)
        os.close(slave)
        shown = b""
        while process.poll() is None:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    shown += os.read(master, 4096)
                except OSError:  # it is closed
                    process.wait(PATIENCE)
        os.close(master)
        with process.stdout:
            return process.returncode, process.stdout.read(), shown

    def test_silence(self):
        tty = Tty(self)
        set_rate(tty.slave, 1200)
        before = settings(tty.slave)
        began = time.monotonic()
        status, out, shown = self.on_terminal("--json", "doctor", tty.name)
        self.assertEqual(shown, b"")
        self.assertLess(time.monotonic() - began, WHOLE_TIME)
        *checks, verdict = [json.loads(line) for line in out.splitlines()]
        self.assertEqual((status, verdict["cause"], verdict["exit"]), (5, "silence", 5))
        self.assertEqual([check["check"] for check in checks], ["port", "answer", "search"])
        self.assertIn("nothing comes", verdict["verdict"])
        self.assertIn("powered", checks[2]["hint"])
        after = settings(tty.slave)
        after[2] |= before[2] & HUPCL
        self.assertEqual(after, before, "its settings are those of before")
        self.assertGreater(len(tty.heard), 100)

    def test_shown_meanwhile(self):
        target = self.board("--pty", "--only-baud", "921600").target
        status, out, shown = self.on_terminal("doctor", target)
        self.assertEqual(status, 5)
        self.assertIn("wrong baud rate", out)
        for what in (b"asking for SMP", b"trying raw SMP at 115200 baud",
                     b"console frames at 921600 baud"):
            self.assertIn(what, shown)

    def test_interrupted(self):
        tty = Tty(self)
        process = self.start("doctor", tty.name)
        self.wait_for(lambda: tty.heard)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        self.assertEqual((process.returncode, err), (130, "smpctl: interrupted\n"))
        self.assertNotIn("verdict", out)

    def test_baud(self):
        board = self.board("--pty", "--only-baud", "57600")
        fd = os.open(board.target, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, fd)
        before = settings(fd)
        out = self.doctor(5, board.target)
        self.assertIn("wrong baud rate: it answers at 57600 baud, not 115200", out)
        self.assertIn(f"Use -c 'serial:{board.target}?baud=57600'.", out)
        self.assertIn("has 4 command groups", out)
        self.assertIn("fs         not built in, CONFIG_MCUMGR_GRP_FS=y brings: fs\n", out)
        after = settings(fd)
        after[2] |= before[2] & HUPCL
        self.assertEqual(after, before)
        checks, _ = self.problem(5, "baud", f"serial:{board.target}?baud=9600&dtr=keep")
        self.assertEqual(checks["search"]["use"], f"serial:{board.target}?baud=57600&dtr=keep")
        self.objects(0, checks["search"]["use"])

    def test_baud_and_shell(self):
        target = self.board("--pty", "--only-baud", "1000000", "--framing", "shell").target
        checks, _ = self.problem(5, "baud", target)
        self.assertRegex(checks["search"]["use"], r"^(shell|serial):.*\?baud=1000000$")

    def test_framings(self):
        for framing in ("raw", "cobs"):
            with self.subTest(framing):
                target = self.board("--pty", "--framing", framing).target
                checks, verdict = self.problem(5, "framing", target)
                self.assertEqual(checks["search"]["use"], f"{framing}:{target}")
                self.assertEqual(verdict["target"], target)
                self.objects(0, f"{framing}:{target}")
        target = self.board("--pty").target
        checks, _ = self.problem(5, "framing", f"cobs:{target}")
        self.assertEqual(checks["search"]["use"], target)

    def test_noise(self):
        tty = Tty(self, lambda rate: bytes([0xF8, 0x80, 0x78, 0xFE, 0x00, 0xE6, 0x86, 0x18]) * 8)
        checks, verdict = self.problem(5, "noise", tty.name)
        self.assertIn("baud rate is wrong", checks["answer"]["hint"])
        self.assertIn("only noise comes", verdict["verdict"])

    def test_text_at_another_rate(self):
        tty = Tty(self, lambda rate: b"[00:00:01.000] hello, world\r\n" if rate == 57600
                  else b"\xf8\x80\x00\xfe" * 8)
        checks, verdict = self.problem(5, "baud", tty.name)
        self.assertIn("text can be read at 57600 baud", verdict["verdict"])

    def test_console_without_smp(self):
        tty = Tty(self, lambda rate: b"\r\nwhat: command not found\r\nsh> ")
        began = time.monotonic()
        checks, verdict = self.problem(5, "text", tty.name)
        self.assertLess(time.monotonic() - began, WHOLE_TIME / 2, "no rates are tried")
        self.assertIn("only console text comes", verdict["verdict"])
        self.assertIn("CONFIG_MCUMGR_TRANSPORT_SHELL", checks["search"]["hint"])

    def test_shell(self):
        board = self.board("--pty", "--framing", "shell")
        checks, _ = self.objects(0, "shell:" + board.target)
        self.assertEqual(checks["answer"]["state"], "ok")
        # Half a marker, after which the shell takes every frame for commands.
        fd = os.open(board.target, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, fd)
        os.write(fd, b"\x06")
        time.sleep(0.3)
        checks, _ = self.problem(5, "framing", board.target)
        self.assertEqual(checks["search"]["use"], "shell:" + board.target)
        os.write(fd, b"\x06")
        time.sleep(0.3)
        checks, _ = self.objects(0, "shell:" + board.target)
        self.assertEqual(checks["answer"]["state"], "note")
        self.assertIn("half a frame", checks["answer"]["hint"])
        self.assertEqual(self.objects(0, "shell:" + board.target)[0]["answer"]["state"], "ok")

    def test_shell_on_a_console(self):
        """It does answer, when the line is not busy."""
        target = self.board("--pty", "--framing", "shell", "--baud", "115200").target
        checks, _ = self.objects(0, target)
        self.assertIn("shell:PATH", checks["shell"]["hint"])

    def test_lost_request(self):
        checks, _ = self.objects(0, self.board("--pty", "--fault", "lose-request=1").target)
        self.assertEqual(checks["answer"]["state"], "note")
        self.assertIn("first request was lost", checks["answer"]["text"])


class Words(DoctorCase):
    def test_silence_leads_here(self):
        name = Tty(self).name
        _, _, err = self.run_smpctl("-c", name, "-t", "0.3", "echo", "x")
        self.assertIn("`smpctl doctor`", err.splitlines()[-1])

    def test_documented(self):
        """Each key and cause that stands above is in docs/json.md."""
        with open(os.path.join(os.path.dirname(__file__), "../../docs/json.md"),
                  encoding="utf-8") as file:
            text = file.read()
        words = {"check", "state", "text", "hint", "cause", "verdict", "exit", "target", "use",
                 "ports", "groups", "missing", "unknown", "commands", "kconfig", "buf_size",
                 "max_packet", "not-found", "held", "permission", "gone", "recovery", "packets",
                 "refused", "silence", "port", "baud", "framing", "noise", "text", "ambiguous",
                 "unreachable", "smpd", "failed"}
        for word in words:
            self.assertIn(f"`{word}`", text)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A console that shares the board's port: text, typing, and other commands through the same process."""

import json
import os
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import termios
import threading
import time
import unittest

from common import PATIENCE, SMPCTL, TestCase
import smptest

ESCAPE = b"\x1d"
NOBODY = 65534


class Console:
    """smpctl console, at a terminal of its own or between pipes; what it writes is gathered."""

    def __init__(self, test, *args, terminal=True, program=(), command=SMPCTL, **options):
        self.test = test
        self.output = b""
        if terminal:
            self.keyboard, self.screen = pty.openpty()
            self.was = termios.tcgetattr(self.screen)
            streams = {"stdin": self.screen, "stdout": self.screen}
            self.reader = self.keyboard
        else:
            self.reader, writer = os.pipe()
            streams = {"stdin": subprocess.PIPE, "stdout": writer}
        self.process = subprocess.Popen(
            [*program, command, "console", *args], stderr=subprocess.PIPE, cwd=test.directory,
            env=test.environment, start_new_session=True, **streams, **options)
        if not terminal:
            os.close(writer)
            self.keyboard = self.process.stdin.fileno()
        self.thread = threading.Thread(target=self.gather, daemon=True)
        self.thread.start()
        test.addCleanup(self.close)
        if "--json" not in args:
            self.first = self.process.stderr.readline().decode()

    def gather(self):
        while True:
            try:
                data = os.read(self.reader, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def type(self, text):
        os.write(self.keyboard, text if isinstance(text, bytes) else text.encode())

    def wait_text(self, text):
        text = text if isinstance(text, bytes) else text.encode()
        self.test.wait_for(lambda: text in self.output or self.process.poll() is not None)
        self.test.assertIn(text, self.output)

    def end(self, keys=ESCAPE):
        """Returns exit status and what it said."""
        if keys:
            self.type(keys)
        _, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err.decode()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for stream in (self.process.stderr, self.process.stdin):
            if stream and not stream.closed:
                stream.close()


class ConsoleCase(TestCase):
    def setUp(self):
        super().setUp()
        self.runtime = self.path("run")
        os.mkdir(self.runtime, 0o700)
        self.environment["XDG_RUNTIME_DIR"] = self.runtime

    def console(self, *args, **options):
        return Console(self, *args, **options)

    def wait_quiet(self, console):
        """Until what it writes has stopped to grow."""
        while (before := len(console.output)) is not None:
            time.sleep(0.3)
            if len(console.output) == before:
                return

    def busy(self, *args, words):
        status, _, err = self.run_smpctl(*args)
        self.assertEqual(status, 4, err)
        self.assertRegex(err, words)


class Text(ConsoleCase):
    def assertNoFrames(self, output):
        self.assertNotIn(b"\x06\x09", output)
        self.assertNotIn(b"\x04\x14", output)
        # A line of base64 and nothing else.
        self.assertNotRegex(output, rb"(?m)^[A-Za-z0-9+/]{16,}=*\r?$")

    def test_text_without_frames(self):
        board = self.board("--pty", "--log")
        console = self.console(board.target, terminal=False)
        self.assertRegex(console.first, r"console of /dev/pts/\d+ \(serial 115200\)")
        listed = self.good("-c", board.target, "image", "list")
        self.assertIn("version: 1.0.0", listed)
        for word in range(20):
            self.assertEqual(self.good("-c", board.target, "echo", f"word{word}"), f"word{word}\n")
        console.wait_text("frame 19")
        self.wait_quiet(console)
        self.assertNoFrames(console.output)
        # Lines that frames had cut in half are whole again.
        lines = console.output.decode().split("\n")
        for line in lines[:-1]:
            self.assertRegex(line, r"^(\[\d\d:\d\d:\d\d\.\d{3},\d{3}\] <inf> smp_sample: frame \d+|)$")
        console.process.send_signal(signal.SIGTERM)
        self.assertEqual(console.end(keys=None), (0, ""))

    def test_shared_link_says_so(self):
        board = self.board("--pty")
        console = self.console(board.target)
        self.assertIn("shared by a console", self.good("-c", board.target, "status"))
        console.end()
        self.assertNotIn("shared", self.good("-c", board.target, "status"))

    def test_timestamps(self):
        board = self.board("--pty", "--log")
        console = self.console(board.target, "--timestamps", terminal=False)
        self.good("-c", board.target, "echo", "one")
        self.good("-c", board.target, "echo", "two")
        self.good("-c", board.target, "echo", "three")
        console.wait_text("\n")
        self.assertRegex(console.output.decode(),
                         r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 \[00:00:")

    def test_json(self):
        board = self.board("--pty", "--log")
        console = self.console(board.target, "--json", terminal=False)
        self.wait_for(lambda: os.listdir(self.runtime))
        for word in range(4):
            self.good("-c", board.target, "echo", f"word{word}")
        console.wait_text("frame 3")
        console.process.send_signal(signal.SIGINT)
        self.assertEqual(console.end(keys=None), (0, ""))
        objects = [json.loads(line) for line in console.output.splitlines()]
        self.assertGreaterEqual(len(objects), 3)
        for number, item in enumerate(objects):
            self.assertEqual((item["event"], set(item)), ("text", {"event", "time", "text"}))
        self.assertRegex(objects[0]["text"], r"^\[00:.* frame 1$")

    def test_json_is_plain(self):
        board = self.board("--pty", "--framing", "shell")
        console = self.console("shell:" + board.target, "--json", terminal=False)
        self.wait_for(lambda: os.listdir(self.runtime))
        console.type("one\rtwo\r")
        console.wait_text("two: command")
        time.sleep(0.3)
        console.process.send_signal(signal.SIGTERM)
        console.end(keys=None)
        texts = [json.loads(line)["text"] for line in console.output.splitlines()]
        self.assertEqual(texts[:4], ["one", "one: command not found", "uart:~$ two",
                                     "two: command not found"])
        self.assertIn(texts[4:], ([], ["uart:~$"]))


class Typing(ConsoleCase):
    def setUp(self):
        super().setUp()
        self.target = "shell:" + self.board("--pty", "--framing", "shell").target

    def test_typing(self):
        console = self.console(self.target)
        self.assertIn("Ctrl-] ends it", console.first)
        console.type("hello\r")
        console.wait_text("hello: command not found")
        # Ctrl-C is the board's.
        console.type("\x03again\r")
        console.wait_text("again: command not found")
        self.assertEqual(console.end(), (0, ""))

    def test_half_a_command_stays(self):
        console = self.console(self.target)
        console.type("he")
        console.wait_text("he")
        for word in range(5):
            self.good("-c", self.target, "echo", f"word{word}")
        console.type("llo\r")
        console.wait_text("hello: command not found")
        console.end()

    def test_half_a_command_stays_where_requests_are_lost(self):
        """What a client does about that must not be an Enter."""
        for scheme in ("shell:", ""):
            board = self.board("--pty", "--framing", "shell", "--fault", "lose-request=1")
            console = self.console(scheme + board.target)
            console.type("he")
            console.wait_text("he")
            self.good("-c", scheme + board.target, "echo", "word")
            console.type("llo\r")
            console.wait_text("hello: command not found")
            self.assertNotIn(b"he: command", console.output)
            console.end()

    def test_keys_that_begin_frames(self):
        console = self.console(self.target)
        console.type("\x04\x06")
        started = time.monotonic()
        self.good("-c", self.target, "echo", "word")
        self.assertLess(time.monotonic() - started, 2)
        console.end()

    def test_enter_without_a_shell(self):
        """A board that takes lines waits for the end of what was typed."""
        target = self.board("--pty").target
        console = self.console(target)
        for keys in ("\r", "text", "\x1b[A"):
            console.type(keys)
            time.sleep(0.05)
            started = time.monotonic()
            self.good("-c", target, "echo", "word")
            self.assertLess(time.monotonic() - started, 2, "the request was lost")
        console.end()

    def test_pipe(self):
        """The end of standard input ends nothing else."""
        console = self.console(self.target, terminal=False)
        self.assertIn("Ctrl-C ends it", console.first)
        console.type("hello\n\x1d\n")
        console.process.stdin.close()
        console.wait_text("hello: command not found")
        self.assertEqual(self.good("-c", self.target, "echo", "word"), "word\n")
        self.assertIsNone(console.process.poll())
        console.process.send_signal(signal.SIGTERM)
        self.assertEqual(console.process.wait(PATIENCE), 0)


class Clients(ConsoleCase):
    def test_upload_while_typing(self):
        image, _ = self.make_image("new.bin", "1.1.0,100000")
        target = "shell:" + self.board("--pty", "--framing", "shell", "--log", "--baud", "460800").target
        console = self.console(target)
        upload = self.start("-v", "-c", target, "image", "upload", image)
        typed = 0
        while upload.poll() is None:
            console.type(f"typed{typed}\r")
            console.wait_text(f"typed{typed}: command not found")
            typed += 1
            time.sleep(0.2)
        _, err = upload.communicate()
        self.assertEqual(upload.returncode, 0, err)
        self.assertGreater(typed, 3)
        self.assertGreater(console.output.count(b"smp_sample: frame"), 10)
        self.assertIn("1.1.0", self.good("-c", target, "image", "list"))
        console.end()

    def test_update(self):
        """The board resets on a port that stays."""
        image, _ = self.make_image("new.bin", "1.1.0,30000")
        board = self.board("--pty", "--log", "--boot-time", "500")
        console = self.console(board.target, "-v")
        self.assertIn("1.1.0", self.good("-c", board.target, "update", image))
        console.wait_text("smp_sample: frame")
        self.assertNotIn("waiting", console.end()[1])

    def test_update_with_a_port_that_goes_away(self):
        image, _ = self.make_image("new.bin", "1.1.0,30000")
        port = self.path("port")
        self.board("--pty", "--log", "--hangup", "--link", port)
        console = self.console(port, "--json", terminal=False)
        self.wait_for(lambda: os.listdir(self.runtime))
        self.assertIn("1.1.0", self.good("-v", "-c", port, "update", image))
        # Both of them again, as it is still the console's.
        self.assertIn("shared by a console", self.good("-c", port, "status"))
        console.process.send_signal(signal.SIGTERM)
        self.assertEqual(console.end(keys=None)[0], 0)
        states = [item["state"] for item in map(json.loads, console.output.splitlines())
                  if item["event"] == "port"]
        self.assertEqual(states, ["lost", "back"])

    def test_waiting_can_be_ended(self):
        port = self.path("port")
        board = self.board("--pty", "--link", port)
        console = self.console(port)
        board.process.kill()
        board.process.wait(PATIENCE)
        os.unlink(port)
        line = console.process.stderr.readline().decode()
        self.assertIn("waiting for the port", line)
        console.type("lost")
        self.assertEqual(console.end()[0], 0)
        self.assertEqual(os.listdir(self.runtime), [])

    def test_gone_for_good(self):
        board = self.board("--pty")
        console = self.console(board.target)
        board.process.kill()
        board.process.wait(PATIENCE)
        status, err = console.end(keys=None)
        self.assertEqual(status, 4)
        self.assertRegex(err, r"/dev/pts/\d+ went away")
        self.assertEqual(termios.tcgetattr(console.screen), console.was)

    def test_second_client(self):
        image, _ = self.make_image("new.bin", "1.1.0,200000")
        target = self.board("--pty", "--baud", "230400").target
        console = self.console(target)
        upload = self.start("--json", "-c", target, "image", "upload", image)
        upload.stdout.readline()
        self.busy("-c", target, "echo", "x", words=rf"is shared by a console \(pid {console.process.pid}\), "
                  rf"and in use by \S+ \(pid {upload.pid}\)")
        _, err = upload.communicate(timeout=PATIENCE)
        self.assertEqual(upload.returncode, 0, err)
        self.good("-c", target, "echo", "x")
        console.end()

    def test_refused(self):
        target = self.board("--pty").target
        console = self.console(target)
        pid = console.process.pid
        self.busy("-c", f"serial:{target}?baud=9600", "echo", "x", words="at 115200 baud, not 9600")
        self.busy("-c", "raw:" + target, "echo", "x", words=rf"held by \S+ \(pid {pid}\)")
        self.busy("console", target, words=rf"held by \S+ \(pid {pid}\)")
        self.good("-c", f"serial:{target}?baud=115200", "echo", "x")
        self.good("-c", "shell:" + target, "echo", "x")
        console.end()

    def test_other_rate(self):
        """One who asks for none takes the console's."""
        target = self.board("--pty").target
        console = self.console(f"serial:{target}?baud=57600")
        self.assertIn("serial 57600, shared", self.good("-c", target, "status"))
        self.busy("-c", f"serial:{target}?baud=115200", "echo", "x", words="at 57600 baud, not 115200")
        console.end()

    def test_console_stopped(self):
        target = self.board("--pty").target
        console = self.console(target)
        console.process.send_signal(signal.SIGSTOP)
        self.busy("-c", target, "echo", "x", words="does not answer")
        console.process.send_signal(signal.SIGCONT)
        self.good("-c", target, "echo", "x")
        console.end()

    def test_console_killed_under_an_upload(self):
        """The upload goes on by itself, on the port."""
        image, digest = self.make_image("new.bin", "1.1.0,60000")
        target = self.board("--pty", "--baud", "115200").target
        for how in (signal.SIGKILL, signal.SIGTERM):
            self.good("-c", target, "image", "erase")
            console = self.console(target, terminal=False)
            upload = self.start("--json", "-c", target, "image", "upload", image)
            while json.loads(upload.stdout.readline())["offset"] < 10000:
                continue
            console.process.send_signal(how)
            out, err = upload.communicate(timeout=PATIENCE)
            self.assertEqual(upload.returncode, 0, out + err)
            self.assertEqual(json.loads(out.splitlines()[-1])["result"], "uploaded")
            self.assertIn(digest, self.good("-c", target, "image", "list"))
        # What a killed one leaves behind is in nobody's way.
        console = self.console(target)
        self.good("-c", target, "echo", "x")
        console.end()
        self.assertEqual(os.listdir(self.runtime), [])

    def test_client_killed(self):
        """Half a line of it does not get to the board."""
        image, _ = self.make_image("new.bin", "1.1.0,100000")
        target = self.board("--pty", "--baud", "115200").target
        console = self.console(target)
        for _ in range(5):
            upload = self.start("--json", "-c", target, "image", "upload", image)
            upload.stdout.readline()
            upload.kill()
            upload.communicate()
            started = time.monotonic()
            self.good("-c", target, "echo", "x")
            self.assertLess(time.monotonic() - started, 2)
        console.end()

    def test_noise(self):
        """A client that is none."""
        target = self.board("--pty").target
        console = self.console(target)
        for data in (b"", b"x" * 200000, b"\n" * 100000, b"\x06\x09" * 50000, os.urandom(100000)):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(os.path.join(self.runtime, os.listdir(self.runtime)[0]))
                client.settimeout(0.5)
                try:
                    client.sendall(data)
                except OSError:
                    pass
            self.good("-c", target, "echo", "x")
        console.end()


class Users(ConsoleCase):
    def setUp(self):
        super().setUp()
        if os.geteuid():
            self.skipTest("only root can be somebody else")

    @staticmethod
    def be_nobody():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    def test_nobody_else(self):
        """By the socket's mode, and by who it is."""
        target = self.board("--pty").target
        console = self.console(target)
        (name,) = os.listdir(self.runtime)
        where = os.path.join(self.runtime, name)
        self.assertEqual(stat.S_IMODE(os.stat(where).st_mode), 0o600)
        os.chmod(self.directory, 0o711)
        os.chmod(self.runtime, 0o711)
        script = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                  "print(s.recv(100), s.recv(100))")

        def ask():
            return subprocess.run(["python3", "-c", script, where], preexec_fn=self.be_nobody,
                                  capture_output=True, text=True, timeout=PATIENCE)

        self.assertIn("PermissionError", ask().stderr)
        os.chmod(where, 0o666)
        self.assertEqual(ask().stdout, "b'smp-console 1 denied\\n' b''\n")
        self.good("-c", target, "echo", "x")
        console.end()

    def test_root(self):
        """Root uses the console of whoever has the port."""
        target = self.board("--pty").target
        os.chown(target, NOBODY, -1)
        os.chmod(self.directory, 0o711)
        os.chown(self.runtime, NOBODY, -1)
        del self.environment["XDG_RUNTIME_DIR"]
        made = f"/tmp/smp-console-{NOBODY}"
        console = self.console(target, terminal=False, preexec_fn=self.be_nobody,
                               command=smptest.for_others(SMPCTL, self.path("others")))
        self.addCleanup(lambda: os.path.isdir(made) and os.rmdir(made))
        self.assertEqual(stat.S_IMODE(os.stat(made).st_mode), 0o700)
        self.assertIn("shared by a console", self.good("-c", target, "status"))
        console.process.send_signal(signal.SIGTERM)
        self.assertEqual(console.end(keys=None)[0], 0)

    def test_impostor(self):
        """A socket in a place that is somebody else's is not looked at."""
        target = self.board("--pty").target
        self.environment["XDG_RUNTIME_DIR"] = self.path("theirs")
        os.mkdir(self.path("theirs"))
        os.chown(self.path("theirs"), NOBODY, -1)
        number = os.stat(target).st_rdev
        where = os.path.join(self.path("theirs"), f"smp-console-{os.major(number)}:{os.minor(number)}")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(where)
            server.listen()
            made = subprocess.Popen(["flock", "-x", target, "cat"], stdin=subprocess.PIPE)
            self.addCleanup(made.wait, PATIENCE)
            self.addCleanup(made.stdin.close)
            self.wait_for(lambda: self.run_smpctl("-c", target, "echo", "x")[0] == 4)
            self.busy("-c", target, "echo", "x", words="held by")
            self.assertEqual(select.select([server], [], [], 0)[0], [])


class Ends(ConsoleCase):
    def test_terminal_is_as_before(self):
        target = self.board("--pty").target
        for what in (ESCAPE, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            with self.subTest(what):
                # Whoever runs the tests may ignore some.
                console = self.console(
                    target, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
                self.assertNotEqual(termios.tcgetattr(console.screen), console.was)
                if what == ESCAPE:
                    console.type(ESCAPE)
                else:
                    console.process.send_signal(what)
                self.assertEqual(console.end(keys=None), (0, ""))
                self.assertEqual(termios.tcgetattr(console.screen), console.was)
                self.assertEqual(os.listdir(self.runtime), [])

    def test_closed_output(self):
        target = self.board("--pty", "--log").target
        keyboard, screen = pty.openpty()
        was = termios.tcgetattr(screen)
        reader, writer = os.pipe()
        process = subprocess.Popen([SMPCTL, "console", target], stdin=screen, stdout=writer,
                                   stderr=subprocess.PIPE, env=self.environment, text=True)
        os.close(writer)
        process.stderr.readline()
        os.close(reader)
        while process.poll() is None:
            self.run_smpctl("-c", target, "echo", "x")
        self.assertEqual(process.returncode, 1)
        self.assertIn("cannot write the output", process.communicate()[1])
        self.assertEqual(termios.tcgetattr(screen), was)
        os.close(keyboard)
        os.close(screen)

    def test_not_for_consoles(self):
        target = self.board("--pty").target
        for name, words in (("udp:192.0.2.1", "no serial port"), ("ble:Board", "no serial port"),
                            ("raw:" + target, "has no text between"),
                            ("cobs:" + target, "has no text between")):
            status, _, err = self.run_smpctl("console", name)
            self.assertEqual(status, 2, err)
            self.assertIn(words, err)

    def test_not_there(self):
        status, _, err = self.run_smpctl("console", "/dev/ttyNONE7")
        self.assertEqual(status, 4)
        self.assertIn("does not exist", err)

    def test_without_a_folder(self):
        """It is a console all the same."""
        target = self.board("--pty").target
        self.environment["XDG_RUNTIME_DIR"] = "/" + "x" * 120
        os.mkdir(self.path("long" * 40))
        self.environment["XDG_RUNTIME_DIR"] = self.path("long" * 40)
        console = self.console(target)
        self.assertIn("not shared: cannot make", console.first)
        self.assertEqual(console.end(), (0, ""))

    def test_simulated(self):
        console = self.console("sim:swap?framing=shell")
        where = re.search(r"/dev/pts/\d+", console.first)[0]
        self.assertEqual(self.good("-c", "shell:" + where, "echo", "x"), "x\n")
        console.type("hello\r")
        console.wait_text("hello: command not found")
        self.assertEqual(console.end()[0], 0)


if __name__ == "__main__":
    unittest.main()

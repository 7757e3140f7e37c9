# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exit statuses and what stands on standard error, and the same with --json."""

import json
import os
import pty
import signal
import socket
import subprocess
import time
import unittest

from common import PATIENCE, SMPCTL, Puppet, TestCase


class Errors(TestCase):
    def assert_error(self, status, error_class, args, *sentences):
        """Returns the error object."""
        got, out, err = self.run_smpctl(*args)
        self.assertEqual(got, status, out + err)
        self.assertEqual(out, "")
        lines = [line for line in err.splitlines() if line.startswith("smpctl: ")]
        self.assertEqual(len(lines), 1, err)
        for sentence in sentences:
            self.assertIn(sentence, err)
        got, out, err = self.run_smpctl("--json", *args)
        self.assertEqual(got, status, out + err)
        self.assertEqual(err, "")
        error = json.loads(out.splitlines()[-1])["error"]
        self.assertEqual(error["class"], error_class)
        self.assertEqual(lines[0], "smpctl: " + error["message"])
        return error

    def test_no_such_port(self):
        self.assert_error(4, "connection", ["-c", "/dev/ttyNone9", "echo", "x"], "/dev/ttyNone9")

    def test_no_such_usb_device(self):
        self.assert_error(4, "connection", ["-c", "usb:ffff:fffe", "echo", "x"], "ffff:fffe")

    def test_busy_port(self):
        board = self.board("--pty", "--baud", "57600")
        path, _ = self.make_image("app.bin", "1.1.0")
        holder = self.start("-v", "-c", board.target, "image", "upload", "--force", path)
        for line in holder.stderr:
            if "10 %" in line:
                break
        self.assert_error(4, "connection", ["-c", board.target, "echo", "x"], board.target, "smpctl")
        holder.send_signal(signal.SIGINT)
        holder.communicate(timeout=60)

    def test_bad_target(self):
        self.assert_error(2, "usage", ["-c", "carrier:pigeon", "echo", "x"], "carrier",
                          "smpctl-targets(7)")

    def nobody(self):
        """Where nobody listens."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
            unused.bind(("127.0.0.1", 0))
            return f"udp:127.0.0.1:{unused.getsockname()[1]}"

    def test_nobody_listens(self):
        self.assert_error(4, "connection", ["-c", self.nobody(), "-t", "1", "echo", "x"],
                          "nothing listens")

    def test_no_answer_udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            target = f"udp:127.0.0.1:{silent.getsockname()[1]}"
            self.assert_error(5, "timeout", ["-c", target, "-t", "0.3", "echo", "x"],
                              f"cannot echo on {target}: no answer within 0.3 s",
                              "Nothing came at all", "wrong address")

    def silent_tty(self, text=b""):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        name = os.ttyname(slave)
        if not text:
            return name
        child = os.fork()
        if child == 0:
            # A board that writes whenever it is written to.
            while True:
                os.read(master, 4096)
                os.write(master, text)
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, signal.SIGKILL)
        return name

    def test_no_answer_serial(self):
        self.assert_error(5, "timeout", ["-c", self.silent_tty(), "-t", "0.3", "echo", "x"],
                          "Nothing came at all", "wrong baud rate")

    def test_reset_of_nothing(self):
        """Nothing answers, nobody listens, and a request that got lost: none is a reset."""
        known = "Whether the board restarted is not known"
        tty = self.silent_tty()
        error = self.assert_error(5, "timeout", ["-c", tty, "-t", "0.5", "reset"],
                                  f"cannot reset on {tty}: no answer within 0.5 s", known,
                                  "Nothing came at all")
        self.assertIn(known, error["hint"])
        self.assert_error(4, "connection", ["-c", self.nobody(), "reset"], "nothing listens")
        for fault in ("lose-request=1", "lose-reply=1"):
            board = self.board("--pty", "--fault", fault)
            status, out, err = self.run_smpctl("-c", board.target, "reset")
            self.assertEqual((status, out), (5, ""))
            self.assertIn("no answer within 3 s", err)
            self.assertIn(known, err)

    def test_reset_by_a_pulled_cable(self):
        """The port goes away with the board before the answer came."""
        master, slave = pty.openpty()
        process = self.start("-c", os.ttyname(slave), "reset")
        os.read(master, 1)
        os.close(slave)
        os.close(master)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out), (0, "Done\n"), err)

    def test_erase_without_an_answer(self):
        """It is asked again; where that is in vain nothing is said of a wrong port."""
        board = self.board("--pty", "--fault", "lose-reply=2")
        self.assertEqual(self.good("-c", board.target, "image", "erase"), "Done\n")
        target = self.puppet({(0, 6): {"buf_size": 384, "buf_count": 4}, (1, 5): Puppet.GONE})
        status, _, err = self.run_smpctl("-c", target, "image", "erase")
        self.assertEqual(status, 4)
        self.assertIn("Whether the slot was erased is not known", err)
        start = time.monotonic()
        error = self.assert_error(5, "timeout", ["-c", self.silent_tty(), "-t", "0.5", "image",
                                                 "erase"], "no answer within 0.5 s", "Nothing came")
        self.assertNotIn("erased", error["hint"])
        self.assertLess(time.monotonic() - start, 5)

    def test_silent_later(self):
        """A board that has answered is on the right port."""
        target = self.puppet({(0, 6): {"buf_size": 384, "buf_count": 4}, (0, 8): None})
        error = self.assert_error(5, "timeout", ["-c", target, "-t", "0.5", "status"],
                                  "The board answered before")
        self.assertNotIn("wrong", error["hint"])

    def test_timeout_counts(self):
        """Also for what has a longer one otherwise."""
        tty = self.silent_tty()
        start = time.monotonic()
        for command, text in (["image", "list"], "0.4 s"), (["fs", "hash", "/a"], "0.4 s"):
            status, _, err = self.run_smpctl("-c", tty, "-t", "0.4", *command)
            self.assertEqual(status, 5)
            self.assertIn(f"no answer within {text}", err)
        path, _ = self.make_image("app.bin", "1.1.0")
        self.assertEqual(self.run_smpctl("-c", tty, "-t", "0.4", "update", path)[0], 5)
        self.assertLess(time.monotonic() - start, 8)

    def test_update_of_nothing(self):
        """Where nobody listens, update says what status says, as soon as that does."""
        path, _ = self.make_image("app.bin", "1.1.0")
        target = self.nobody()
        start = time.monotonic()
        said = [self.run_smpctl("-c", target, "-v", *command)
                for command in (["status"], ["update", path])]
        self.assertLess(time.monotonic() - start, 8)
        self.assertEqual([status for status, _, _ in said], [4, 4])
        self.assertEqual(said[0][2].splitlines()[0], said[1][2].splitlines()[-2])
        self.assertNotIn("come back", said[1][1] + said[1][2])

    def test_console_text_but_no_smp(self):
        tty = self.silent_tty(b"uart:~$ \r\nwhat: command not found\r\n")
        self.assert_error(5, "timeout", ["-c", tty, "-t", "0.5", "echo", "x"],
                          "console text but does not answer SMP")

    def test_wrong_baud(self):
        tty = self.silent_tty(bytes([0xF8, 0x80, 0x78, 0xFE, 0x00, 0xE6, 0x86, 0x18, 0x0A]) * 8)
        self.assert_error(5, "timeout", ["-c", tty, "-t", "0.5", "echo", "x"],
                          "probably the baud rate is wrong")

    def test_verbose_shows_the_console(self):
        tty = self.silent_tty(b"\033[1;32muart:~$ \033[mhello\r\n")
        _, _, err = self.run_smpctl("-v", "-c", tty, "-t", "0.5", "echo", "x")
        self.assertIn("board: uart:~$ hello\n", err)

    def test_files(self):
        target = self.board("--pty").target
        upload = ["-c", target, "image", "upload"]
        path, _ = self.make_image("app.bin", "1.1.0")
        with open(path, "rb") as file:
            data = file.read()
        for name, content in (
            ("text.bin", b"hello, world\n" * 100),
            ("cut.bin", data[: len(data) // 2]),
            ("flipped.bin", data[:3000] + bytes([data[3000] ^ 1]) + data[3001:]),
            ("empty.bin", b""),
        ):
            with self.subTest(name):
                bad = self.write(name, content)
                self.assert_error(3, "file", [*upload, bad], name)
                self.assert_error(3, "file", ["-c", target, "update", bad], name)
                self.assert_error(3, "file", ["image", "inspect", bad], name)
        self.assert_error(3, "file", [*upload, self.path("none.bin")], "none.bin")
        # Nothing was sent.
        self.assertEqual(self.good("-c", target, "image", "list").count(" slot="), 1)

    def test_too_large(self):
        target = self.board("--pty", "--slot-size", "131072").target
        path, _ = self.make_image("big.bin", "1.1.0,200000")
        self.assert_error(7, "refused", ["-c", target, "image", "upload", path], "big.bin",
                          "131072", "--force")

    def test_unknown_image(self):
        target = self.board("--pty").target
        path, _ = self.make_image("app.bin", "1.1.0")
        self.assert_error(7, "refused", ["-c", target, "image", "upload", "-n", "7", path],
                          "no image 7", "--force")

    def test_unknown_hash(self):
        target = self.board("--pty").target
        error = self.assert_error(6, "device", ["-c", target, "image", "test", "ab" * 32],
                                  f" on {target}: ", "(image: HASH_NOT_FOUND 1/8)")
        self.assertEqual((error["group"], error["code"], error["rc"]), ("image", "HASH_NOT_FOUND", 8))

    def test_missing_group_names_the_kconfig(self):
        target = self.board("--pty", "--no-slot-info").target
        error = self.assert_error(6, "device", ["-c", target, "image", "slots"],
                                  "CONFIG_MCUMGR_GRP_IMG_SLOT_INFO")
        self.assertEqual((error["group"], error["code"], error["rc"]), ("SMP", "ENOTSUP", 8))
        self.assert_error(6, "device", ["-c", target, "os", "datetime"],
                          "CONFIG_MCUMGR_GRP_OS_DATETIME")

    def test_no_marks(self):
        target = self.board("--pty", "--board", "ramload").target
        self.assert_error(6, "device", ["-c", target, "image", "test", "ab" * 32],
                          "have no test and confirm")

    def test_reset_refused(self):
        target = self.board("--pty", "--reset-needs-force").target
        self.assert_error(6, "device", ["-c", target, "reset"], "EBUSY")
        self.assertEqual(self.good("-c", target, "reset", "--force"), "Done\n")

    def test_no_bluetooth(self):
        """Neither in this build nor on this computer, which has no such bus."""
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
        for command in (["discover", "--ble"], ["ble", "scan"], ["ble", "pair", "ble:x"],
                        ["-c", "ble:x", "ble", "forget"], ["-c", "ble:x", "echo", "x"],
                        ["--name", "x", "echo", "x"], ["--conntype", "blue", "--connstring",
                                                       "peer_id=C0:11:22:33:44:55", "reset"]):
            self.assert_error(4, "connection", command, "Bluetooth")
        self.assert_error(2, "usage", ["--passkey", "1000000", "echo", "x"], "six digits")

    def test_usage_in_json(self):
        (error,) = self.json("image", "upload", status=2)
        self.assertEqual(error["error"]["class"], "usage")
        for args in (["frobnicate"], ["echo", "x", "--bogus"], ["-t", "abc", "echo", "x"],
                     ["settings", "read", "--max", "99999999999", "x"], ["--bogus"], ["image", "--bogus"],
                     ["image", "upload", "--upgrade=maybe", "x"], ["echo", "a", "b"]):
            with self.subTest(args):
                (error,) = self.json(*args, status=2)
                self.assertEqual(error["error"]["class"], "usage")

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for args in (["version"], ["--json", "version"]):
                got = subprocess.run([SMPCTL, *args], stdout=full, stderr=subprocess.PIPE,
                                     text=True, env=self.environment, check=False,
                                     timeout=PATIENCE)
                self.assertEqual(got.returncode, 1)
                self.assertTrue(got.stderr.startswith("smpctl: cannot write the output"))

    def test_terminated(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            silent.settimeout(30)
            process = self.start("-c", f"udp:127.0.0.1:{silent.getsockname()[1]}", "echo", "x")
            silent.recv(1000)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 143)
        self.assertEqual(err, "smpctl: interrupted\n")


class Trace(TestCase):
    def test_packets_are_shown(self):
        target = self.board("--pty").target
        for option in ("--trace", "-ldebug"):
            _, out, err = self.run_smpctl("-c", target, option, "echo", "hi")
            self.assertEqual(out, "hi\n")
            self.assertRegex(err, r'> write os/0, v2, sequence \d+, 14 bytes: \{"d": "hi"\}\n')
            self.assertRegex(err, r'< write answer os/0, v2, sequence \d+, \d+ bytes: \{"r": "hi"\}\n')
            self.assertIn(" a1 61 64 62 68 69\n", err)


if __name__ == "__main__":
    unittest.main()

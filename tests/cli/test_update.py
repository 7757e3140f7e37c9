# SPDX-License-Identifier: LGPL-2.1-or-later
"""update and status."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import unittest

from common import PATIENCE, SMPCTL, TestCase


class Update(TestCase):
    def setUp(self):
        super().setUp()
        self.file, self.hash = self.make_image("app.bin", "1.1.0")

    def update(self, board, *args):
        """Returns exit status, result and steps."""
        status, out, err = self.run_smpctl("-c", board.target, "update", *args)
        steps = [line.split()[0] for line in err.splitlines()
                 if line.split()[0] in ("test", "reset", "confirm") and "waiting" not in line]
        return status, out, steps

    def test_updated(self):
        board = self.board("--pty")
        status, out, steps = self.update(board, self.file)
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^updated: image 0 runs 1\.1\.0, confirmed \(was 1\.0\.0\), in [\d.]+ s\n$")
        self.assertEqual(steps, ["test", "reset", "confirm"])
        text = self.good("-c", board.target, "image", "list")
        self.assertIn(" image=0 slot=0\n    version: 1.1.0\n    bootable: true\n    flags: active confirmed\n", text)
        status, out, steps = self.update(board, self.file)
        self.assertEqual((status, steps), (0, []))
        self.assertTrue(out.startswith("up to date: image 0 runs 1.1.0 already"), out)

    def test_test_only(self):
        board = self.board("--pty")
        status, out, steps = self.update(board, "--test-only", self.file)
        self.assertEqual((status, steps), (0, ["test", "reset"]))
        self.assertTrue(out.startswith("on trial: image 0 runs 1.1.0"), out)

    def test_upload_only(self):
        board = self.board("--pty")
        status, out, steps = self.update(board, "--upload-only", self.file)
        self.assertEqual((status, steps), (0, []))
        self.assertTrue(out.startswith("uploaded: "), out)

    def test_confirm(self):
        board = self.board("--pty")
        status, out, steps = self.update(board, "--confirm", self.file)
        self.assertEqual((status, steps), (0, ["confirm", "reset"]))
        self.assertTrue(out.startswith("updated: "), out)

    def test_two_images(self):
        second, second_hash = self.make_image("second.bin", "2.0.0", "--image", "1")
        board = self.board("--pty", "--board", "threeimage")
        status, out, _ = self.update(board, self.file, "1:" + second)
        self.assertEqual(status, 0, out)
        self.assertIn(second_hash, self.good("-c", board.target, "image", "list"))
        self.assertIn("image 0 runs 1.1.0; image 1 runs 2.0.0", out)

    def test_rolled_back(self):
        board = self.board("--pty", "--bad-image", "1.1.0")
        status, out, _ = self.update(board, self.file)
        self.assertEqual(status, 8)
        self.assertTrue(out.startswith("rolled back: image 0 runs 1.0.0 again"), out)
        self.assertIn("\n  It did not answer SMP.", out)

    def test_refused(self):
        old, _ = self.make_image("old.bin", "0.9.0")
        board = self.board("--pty")
        status, out, steps = self.update(board, old)
        self.assertEqual((status, steps), (7, []))
        self.assertTrue(out.startswith("refused: old.bin is 0.9.0 and the board runs 1.0.0"), out)
        self.assertIn("--allow-downgrade", out)
        status, out, _ = self.update(board, "--allow-downgrade", old)
        self.assertEqual(status, 0, out)

    def test_no_revert(self):
        board = self.board("--pty", "--board", "overwrite")
        status, out, _ = self.update(board, self.file)
        self.assertEqual(status, 7)
        self.assertIn("--allow-no-revert", out)
        self.assertEqual(self.update(board, "--allow-no-revert", self.file)[0], 0)

    def test_failed_intact(self):
        board = self.board("--pty", "--fault", "die=40")
        status, out, _ = self.update(board, "-t", "0.5", self.file)
        self.assertEqual(status, 9)
        self.assertTrue(out.startswith("failed intact: "), out)
        self.assertIn("The board runs 1.0.0 as before", out)

    def test_udp(self):
        board = self.board("--udp", "0")
        self.assertEqual(self.update(board, self.file)[0], 0)

    def test_quiet(self):
        board = self.board("--pty")
        self.assertEqual(self.run_smpctl("-q", "-c", board.target, "update", self.file), (0, "", ""))
        old, _ = self.make_image("old.bin", "0.9.0")
        status, out, err = self.run_smpctl("-q", "-c", board.target, "update", old)
        self.assertEqual((status, out), (7, ""))
        self.assertTrue(err.startswith("refused: "), err)

    def test_piped_progress(self):
        board = self.board("--pty")
        _, _, err = self.run_smpctl("-c", board.target, "update", self.file)
        self.assertEqual(re.findall(r"^upload +(\d+) %", err, re.M)[-1], "100")
        self.assertNotRegex(err, "[\r\033]")
        self.assertRegex(err.splitlines()[0], r"^file     app\.bin: image 0, 1\.1\.0, \d+ KiB, hash " + self.hash[:12])
        self.assertEqual(err.splitlines()[1], "board    image 0 runs 1.0.0 (confirmed); can undo a bad update")

    def test_events(self):
        board = self.board("--pty", "--time-scale", "0.5")
        objects = self.json("-c", board.target, "update", self.file)
        self.assertEqual([o["step"] for o in objects if o.get("state") == "done"],
                         ["upload", "test", "reset", "confirm"])
        self.assertTrue(any(o["event"] == "progress" for o in objects))
        fractions = [o["fraction"] for o in objects[:-1]]
        self.assertEqual(fractions, sorted(fractions))
        end = objects[-1]
        self.assertEqual((end["event"], end["result"], end["was"], end["exit"]),
                         ("end", "updated", "1.0.0", 0))
        # More where a busy machine was late with an answer.
        self.assertGreaterEqual(end["sent"], os.path.getsize(self.file))

    def test_refusal_in_json(self):
        old, _ = self.make_image("old.bin", "0.9.0")
        board = self.board("--pty")
        end = self.json("-c", board.target, "update", old, status=7)[-1]
        self.assertEqual((end["result"], end["exit"]), ("refused", 7))
        self.assertIn("--allow-downgrade", end["detail"])

    def test_interrupt(self):
        board = self.board("--pty", "--baud", "115200")
        process = self.start("-c", board.target, "update", self.file)
        for line in process.stderr:
            if "20 %" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out), (130, ""))
        lines = err[err.index("smpctl: ") :].splitlines()
        self.assertEqual(lines[0], "smpctl: interrupted")
        self.assertIn("The board runs 1.0.0 as before", lines[1])
        self.assertIn("Run the same command again", lines[1])
        status, out, _ = self.update(board, self.file)
        self.assertEqual(status, 0, out)

    def on_terminal(self, columns, *args, **environment):
        """Returns what smpctl writes on a terminal of that width."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([SMPCTL, *args], stdin=slave, stdout=slave, stderr=slave,
                                   cwd=self.directory,
                                   env={**self.environment, "TERM": "xterm", **environment})
        os.close(slave)
        data = b""
        while True:
            try:
                data += os.read(master, 65536)
            except OSError:
                break
        os.close(master)
        self.assertEqual(process.wait(PATIENCE), 0)
        return data.decode()

    def test_live_line(self):
        for columns in (40, 80, 200):
            with self.subTest(columns):
                board = self.board("--pty", "--baud", "460800")
                text = self.on_terminal(columns, "-c", board.target, "update", self.file)
                frames = re.findall(r"\r\033\[K(upload   [^\r\n]*%[^\r\n]*)", text)
                self.assertGreater(len(frames), 3)
                self.assertLess(len(frames), 60)
                for frame in frames:
                    shown = re.sub(r"\033\[[0-9;]*m", "", frame)
                    self.assertLess(len(shown), columns)
                    self.assertRegex(shown, r"^upload   .* \d+ %")
                self.assertIn("█", "".join(frames))
                self.assertIn("\033[32m", text)
                last = text.rstrip().splitlines()[-1]
                self.assertIn("updated", last)

    def test_no_color(self):
        board = self.board("--pty", "--baud", "460800")
        text = self.on_terminal(80, "-c", board.target, "update", self.file, NO_COLOR="1")
        self.assertIn("█", text)
        self.assertNotRegex(text, r"\033\[\d+m")

    def test_ascii(self):
        board = self.board("--pty", "--baud", "460800")
        text = self.on_terminal(80, "-c", board.target, "update", self.file, LC_ALL="C")
        self.assertTrue(text.isascii())
        self.assertIn("###", text)


class Status(TestCase):
    def setUp(self):
        super().setUp()
        self.file, self.hash = self.make_image("app.bin", "1.1.0")

    def next_reset(self, board):
        return self.json("-c", board.target, "status")[0]["next_reset"]

    def test_idle(self):
        board = self.board("--pty")
        lines = self.good("-c", board.target, "status").splitlines()
        self.assertEqual(lines[0], f"Board        {board.target} · serial 115200 · SMP v2 · buffers 384 B × 4")
        self.assertTrue(lines[1].startswith("Application  Zephyr "))
        self.assertEqual(lines[2], "Bootloader   MCUboot, swap using offset: a trial is undone unless confirmed")
        self.assertRegex(lines[3], r"^Image 0      slot 0  1\.0\.0 +[0-9a-f]{12}  active · confirmed +472 KiB$")
        self.assertRegex(lines[4], r"^             slot 1  no image +472 KiB$")
        self.assertEqual(lines[5], "Next reset   starts 1.0.0 again")

    def test_pending_trial_revert(self):
        board = self.board("--pty", "--time-scale", "20")
        self.good("-c", board.target, "image", "upload", self.file)
        self.good("-c", board.target, "image", "test", self.hash)
        self.assertEqual(
            self.next_reset(board),
            ["tries 1.1.0 once; 1.0.0 comes back at the reset after that unless 1.1.0 is confirmed"],
        )
        self.good("-c", board.target, "reset")
        trial = ["brings 1.0.0 back: 1.1.0 is on trial and not confirmed"]
        self.wait_for(lambda: self.next_reset(board) == trial)
        self.assertIn("active · on trial", self.good("-c", board.target, "status"))
        self.good("-c", board.target, "image", "confirm")
        self.assertEqual(self.next_reset(board), ["starts 1.1.0 again"])

    def test_permanent(self):
        board = self.board("--pty")
        self.good("-c", board.target, "image", "upload", self.file)
        self.good("-c", board.target, "image", "confirm", self.hash)
        self.assertEqual(self.next_reset(board), ["installs 1.1.0 for good"])

    def test_overwrite(self):
        board = self.board("--pty", "--board", "overwrite")
        self.good("-c", board.target, "image", "upload", self.file)
        self.good("-c", board.target, "image", "test", self.hash)
        self.assertEqual(self.next_reset(board), ["installs 1.1.0 over 1.0.0; that cannot be undone"])

    def test_several_images(self):
        board = self.board("--pty", "--board", "threeimage")
        self.assertEqual(self.next_reset(board), [f"image {n}: starts 1.0.0 again" for n in range(3)])

    def test_recovery(self):
        board = self.board("--pty", "--board", "recovery")
        text = self.good("-c", board.target, "status")
        self.assertIn("Bootloader   MCUboot, in serial recovery: no application runs\n", text)
        self.assertNotIn("Application", text)
        self.assertNotIn("Speed", text, "its one buffer is fixed")
        self.assertNotRegex(text, r"[ \t]\n")
        small = self.board("--pty", "--board", "recovery", "--recovery-buf-size", "256")
        text = self.good("-c", small.target, "status")
        self.assertIn("raise CONFIG_BOOT_SERIAL_MAX_RECEIVE_SIZE.\n", text)
        self.assertNotIn("MCUMGR", text)

    def test_old_board(self):
        board = self.board("--pty", "--board", "old")
        text = self.good("-c", board.target, "status")
        self.assertIn("SMP v1\n", text)
        self.assertNotIn("buffers", text.splitlines()[0])
        self.assertIn("Zephyr tells it from 3.1 on, with CONFIG_MCUMGR_GRP_OS_MCUMGR_PARAMS", text)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""image …: what is sent and what is not, and how it is told."""

import os
import re
import signal
import unittest

from common import TestCase


class Upload(TestCase):
    def setUp(self):
        super().setUp()
        self.file, self.hash = self.make_image("app.signed.bin", "1.1.0")

    def test_plain_progress_when_piped(self):
        target = self.board("--pty").target
        status, out, err = self.run_smpctl("-c", target, "image", "upload", self.file)
        self.assertEqual((status, out), (0, "Done\n"))
        tenths = [int(n) for n in re.findall(r"^upload +(\d+) %", err, re.M)]
        self.assertEqual(tenths, sorted(tenths))
        self.assertEqual(tenths[-1], 100)
        self.assertGreaterEqual(len(tenths), 5)
        self.assertNotIn("\r", err)
        self.assertNotIn("\033", err)

    def test_quiet(self):
        target = self.board("--pty").target
        self.assertEqual(
            self.run_smpctl("-q", "-c", target, "image", "upload", self.file), (0, "", "")
        )

    def test_verbose_tells_why(self):
        target = self.board("--pty", "--buf-size", "256").target
        _, _, err = self.run_smpctl("-v", "-c", target, "image", "upload", self.file)
        self.assertRegex(err, r"kB/s in [\d.]+ s, requests of \d+ bytes, up to \d in flight, 0 lost")
        self.assertIn("CONFIG_MCUMGR_TRANSPORT_NETBUF_SIZE", err)

    def test_not_sent_twice(self):
        target = self.board("--pty").target
        self.good("-c", target, "image", "upload", self.file)
        status, out, err = self.run_smpctl("-c", target, "image", "upload", self.file)
        self.assertEqual((status, out), (0, "Done\n"))
        self.assertEqual(
            err, "app.signed.bin is in slot 1 of image 0 already; --force sends it again\n"
        )
        _, out, err = self.run_smpctl("-c", target, "image", "upload", "--force", self.file)
        self.assertEqual(out, "Done\n")
        self.assertIn("100 %", err)

    def test_memory(self):
        """An image of any size takes a few megabytes."""
        large, _ = self.make_image("large.bin", f"1.2.0,{15 << 20}")
        target = self.board(
            "--udp", "0", "--slot-size", str(16 << 20), "--buf-size", "1400", "--time-scale", "1000"
        ).target
        peak = {}
        for file in (self.file, large):
            process = self.start("-q", "-c", target, "image", "upload", file)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.communicate(), ("", ""))
            self.assertEqual(process.returncode, 0)
            peak[file] = usage.ru_maxrss
        self.assertLess(peak[large] - peak[self.file], 8 << 10)

    def test_interrupted_and_resumed(self):
        target = self.board("--pty", "--baud", "115200").target
        process = self.start("-c", target, "image", "upload", self.file)
        for line in process.stderr:
            if "30 %" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (130, ""))
        lines = err[err.index("smpctl: ") :].splitlines()
        self.assertEqual(lines[0], "smpctl: interrupted")
        self.assertRegex(lines[1], r"^  \d+ of \d+ bytes are in the slot; what runs on the board is")
        objects = self.json("-c", target, "image", "upload", self.file)
        self.assertEqual(objects[-1]["result"], "uploaded")
        self.assertGreater(objects[-1]["resumed_at"], 0)
        self.assertIn(self.hash, self.good("-c", target, "image", "list"))

    def test_second_interrupt_ends_at_once(self):
        target = self.board("--pty", "--baud", "57600").target
        process = self.start("-c", target, "image", "upload", "--force", self.file)
        process.stderr.readline()
        # Two signals at once, before anything can be done about the first.
        process.send_signal(signal.SIGSTOP)
        self.wait_for(lambda: self.is_stopped(process.pid))
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=60)
        self.assertIn(process.returncode, (130, 143))
        self.assertNotIn("interrupted", err)

    @staticmethod
    def is_stopped(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def test_window_and_upgrade_options(self):
        target = self.board("--pty").target
        objects = self.json("-c", target, "image", "upload", "-w", "1", "-u", self.file)
        self.assertEqual(objects[-1]["window"], 1)
        old, _ = self.make_image("old.bin", "0.5.0")
        status, _, err = self.run_smpctl("-c", target, "image", "upload", "-u", old)
        self.assertEqual(status, 6)
        self.assertIn("CURRENT_VERSION_IS_NEWER", err)

    def test_forced_bytes_go_as_they_are(self):
        target = self.board("--pty").target
        path = self.write("junk.bin", bytes(range(256)) * 8)
        status, _, err = self.run_smpctl("-c", target, "image", "upload", "--force", path)
        self.assertEqual(status, 6)
        self.assertIn("INVALID_IMAGE_HEADER_MAGIC", err)

    def test_erase(self):
        target = self.board("--pty").target
        self.good("-c", target, "image", "upload", self.file)
        self.assertIn(self.hash, self.good("-c", target, "image", "list"))
        self.assertEqual(self.good("-c", target, "image", "erase"), "Done\n")
        self.assertNotIn(self.hash, self.good("-c", target, "image", "list"))
        status, _, err = self.run_smpctl("-c", target, "image", "erase", "--slot", "0")
        self.assertEqual(status, 6)
        self.assertIn("(image: NO_FREE_SLOT 1/9)", err)
        self.assertIn("The image in this slot is the one that runs.", err)
        self.assertNotIn("other slot", err)

    def test_pending_already(self):
        """The reason is the same where the first request is lost, which is repeated as version 1."""
        before = 0
        for lost in (None, 1, 2):
            board = self.board("--pty", *([] if lost is None else
                                          ["--fault", f"lose-request={before + lost}"]))
            for command in ("upload", self.file), ("confirm", self.hash):
                status, _, err = self.run_smpctl("-c", board.target, "--trace", "image", *command)
                self.assertEqual(status, 0, err)
                before += err.count("\n> ") + err.startswith("> ") if lost is None else 0
            status, _, err = self.run_smpctl("-c", board.target, "--trace", "image", "test", self.hash)
            self.assertEqual(status, 6)
            self.assertIn("IMAGE_ALREADY_PENDING", err)
            self.assertEqual("(repeated)" in err, lost is not None)

    def test_slots(self):
        target = self.board("--pty").target
        lines = self.good("-c", target, "image", "slots").splitlines()
        self.assertEqual(lines[0].split(), ["IMAGE", "SLOT", "SIZE"])
        self.assertRegex(lines[1], r"^0 +0 +\d+ KiB +\d+ bytes$")
        self.assertRegex(lines[2], r"^0 +1 +\d+ KiB +\d+ bytes, upload with -n 0$")


class Inspect(TestCase):
    def test_text(self):
        path, image_hash = self.make_image("app.bin", "1.2.3+4")
        text = self.good("image", "inspect", path)
        self.assertIn("version:    1.2.3+4\n", text)
        self.assertIn(image_hash, text)
        self.assertIn("checked: the file is whole", text)

    def test_corrupt(self):
        path, _ = self.make_image("app.bin", "1.2.3")
        with open(path, "r+b") as file:
            file.seek(2000)
            byte = file.read(1)
            file.seek(2000)
            file.write(bytes([byte[0] ^ 1]))
        status, out, err = self.run_smpctl("image", "inspect", path)
        self.assertEqual((status, out), (3, ""))
        self.assertIn("app.bin", err)


if __name__ == "__main__":
    unittest.main()
